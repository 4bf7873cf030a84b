"""Figures of the chapter *summarisation*."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.plotting import SERIES, axes, rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def roads(
    known: Sequence[str], text: Sequence[str], p_vocabulary: np.ndarray, attention: np.ndarray, gate: float
) -> dict[str, tuple[float, float]]:
    """For each word the probability that arrives by each road: written from the vocabulary, copied from the text.

    Parameters
    ----------
    known
        The vocabulary, ``(V,)``.
    text
        The words of the text, ``(S,)``; some may be unknown, and a word may occur more than once.
    p_vocabulary, attention
        What the softmax gives, ``(V,)``, and where attention rests, ``(S,)``.
    gate
        The share of the vocabulary.

    Examples
    --------
    >>> roads(["the", "set"], ["set", "dpi"], np.array([0.5, 0.5]), np.array([0.25, 0.75]), gate=0.5)
    {'the': (0.25, 0.0), 'set': (0.25, 0.125), 'dpi': (0.0, 0.375)}
    """
    words = list(dict.fromkeys([*known, *text]))
    written = {word: gate * float(p) for word, p in zip(known, p_vocabulary, strict=True)}
    copied = dict.fromkeys(words, 0.0)
    for word, weight in zip(text, attention, strict=True):
        copied[word] += (1 - gate) * float(weight)
    return {word: (written.get(word, 0.0), copied[word]) for word in words}


def two_roads(
    known: Sequence[str], text: Sequence[str], p_vocabulary: np.ndarray, attention: np.ndarray, gate: float
) -> "Figure":
    """How probability reaches each word: a switch divides it, and each road is as wide as what it carries.

    Parameters
    ----------
    known, text, p_vocabulary, attention, gate
        As in `roads`.
    """
    arriving = roads(known, text, p_vocabulary, attention, gate)
    room, thick = 0.1, 0.1  # between two words; of a bar
    start, fork, end = 0.0, 1.65, 3.6  # where the switch, the two sources and the words are
    height = 1 + room * (len(arriving) - 1)  # measured downwards, like all places here
    figure, ax = axes(6.8, 3.5)

    totals = np.array([sum(parts) for parts in arriving.values()])
    places = dict(zip(arriving, np.cumsum(totals) - totals + room * np.arange(len(totals)), strict=True))
    for word, parts in arriving.items():
        y = places[word] + sum(parts) / 2
        ax.text(end + 0.2, y, word, family="monospace", va="center", fontsize=11)
        for part, share, colour, x in zip(parts, (gate, 1 - gate), SERIES, (0.95, 1.85), strict=False):
            product = f"{share:.2g} · {part / share:.2g}" if part else ""
            ax.text(end + x, y, product, color=colour, va="center", fontsize=10)
        ax.text(end + 1.73, y, "+" if all(parts) else "", ha="center", va="center", fontsize=10)
        ax.text(end + 2.72, y, f"= {sum(parts):.2f}", va="center", fontsize=10)
    left = (height - 1) / 2
    sources = ((known, p_vocabulary, gate, 0.0), (text, attention, 1 - gate, height - (1 - gate)))
    for (words, weights, share, leave), colour in zip(sources, SERIES, strict=False):
        for x, y in ((start, left), (fork, leave)):
            ax.add_patch(rectangle((x, y), thick, share, colour))
        _road(ax, (start + thick, left), (fork, leave), share, colour)
        left += share
        for word, weight in zip(words, weights, strict=True):
            part = share * float(weight)
            ax.add_patch(rectangle((end, places[word]), thick, part, colour))
            _road(ax, (fork + thick, leave), (end, places[word]), part, colour)
            leave, places[word] = leave + part, places[word] + part
    ax.text(fork, -0.05, f"vocabulary: $g$ = {gate:.2g}", color=SERIES[0], ha="center", va="bottom")
    ax.text(fork, height + 0.05, f"text: $1 - g$ = {1 - gate:.2g}", color=SERIES[1], ha="center", va="top")
    ax.set(xlim=(start - 0.05, end + 3.3), ylim=(height + 0.2, -0.2))
    ax.axis("off")
    return figure


def _road(ax: "Axes", start: tuple[float, float], end: tuple[float, float], width: float, colour: str) -> None:
    """A road from the right of one bar to the left of another, from their upper corners down."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    (x, y), (to, below) = start, end
    half = (x + to) / 2
    corners = [(x, y), (half, y), (half, below), (to, below)]
    corners += [(to, below + width), (half, below + width), (half, y + width), (x, y + width), (x, y)]
    codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
    ax.add_patch(PathPatch(Path(corners, codes), facecolor=colour, alpha=0.35, linewidth=0))


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
