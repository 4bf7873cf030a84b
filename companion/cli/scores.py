"""Scores as the commands print them."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from companion.evaluation import Score

LARGEST_SHOWN = 1_000_000  # a larger perplexity is too large to mean anything to a reader


def perplexity(score: "Score", decimals: int = 2) -> str:
    """A perplexity with ``decimals`` decimals, or "above a million"."""
    return f"{score.perplexity:,.{decimals}f}" if score.perplexity <= LARGEST_SHOWN else "above a million"


def in_a_line(score: "Score") -> str:
    """Bits per character, and the perplexity."""
    return f"{score.bits_per_character:.3f} bits per character (perplexity {perplexity(score)} per token)"
