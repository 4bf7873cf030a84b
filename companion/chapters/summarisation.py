"""The figure of the chapter *summarisation*."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion.plotting import SERIES, axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def copied_and_generated(
    written: Sequence[str], generated: Sequence[float], copied: Sequence[float], pointed_at: Sequence[str]
) -> "Figure":
    """A row for each token: how much of its probability came from the vocabulary, and how much from the text.

    Parameters
    ----------
    written
        The tokens, first to last, ``(T,)``.
    generated, copied
        The two parts of each token's probability, ``(T,)``.
    pointed_at
        For each token, the word of the text that got most attention, ``(T,)``.
    """
    figure, ax = axes(5.0, 0.9 + 0.3 * len(written))
    for row, (token, made, taken, word) in enumerate(zip(written, generated, copied, pointed_at, strict=True)):
        share = taken / (made + taken)
        ax.barh(-row, 1 - share, color=SERIES[0], height=0.7)
        ax.barh(-row, share, left=1 - share, color=SERIES[1], height=0.7)
        ax.text(-0.03, -row, token, ha="right", va="center", family="monospace", fontsize=11)
        ax.text(1.03, -row, word, ha="left", va="center", family="monospace", fontsize=10)
    ax.text(-0.03, 1, "written", ha="right", va="center", fontsize=10)
    ax.text(0, 1, "vocabulary", color=SERIES[0], ha="left", va="center")
    ax.text(1, 1, "copied", color=SERIES[1], ha="right", va="center")
    ax.text(1.03, 1, "looking at", ha="left", va="center", fontsize=10)
    ax.set(xlim=(-0.62, 1.5), ylim=(-len(written) + 0.4, 1.5))
    ax.axis("off")
    return figure
