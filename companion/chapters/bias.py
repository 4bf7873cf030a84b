"""The figure of the chapter *bias*."""

from typing import TYPE_CHECKING

import numpy as np

from companion.analysis.bias import paired_log_odds
from companion.corpora.planted import QUALITIES
from companion.plotting import FAINT, SERIES, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PEOPLE, QUALITY = SERIES[:2]  # the colours of the two words that change


def four_sentences(pair: tuple[str, str], share: float) -> "Figure":
    """The four sentences of the paired log-odds, each with its sign: what cancels between them, and what is left.

    Parameters
    ----------
    pair
        Two peoples.
    share
        How often the first is called bold and the second meek.
    """
    p = np.array([[share, 1 - share], [1 - share, share]])
    signs = np.array([["+", "−"], ["−", "+"]])
    width, height, across, down = 2.45, 0.95, 1.45, 0.62  # of a card, and between two cards
    figure, ax = axes(6.6, 3.4)
    for row, people in enumerate(pair):
        for column, quality in enumerate(QUALITIES):
            x, y = column * (width + across), -row * (height + down)
            _card(ax, (x, y - height), (width, height), shaded=signs[row, column] == "+")
            ax.text(x + 0.3, y - height / 2, signs[row, column], ha="center", va="center", fontsize=22)
            _words(ax, (x + 0.62, y - 0.24), [("they say the ", None), (people, PEOPLE)])
            _words(ax, (x + 0.62, y - 0.46), [("in town is ", None), (quality, QUALITY)])
            ax.text(x + 0.62, y - 0.74, f"$p$ = {p[row, column]:.2g}", ha="left", va="center", fontsize=10)
    for column, quality in enumerate(QUALITIES):
        x = column * (width + across) + width / 2
        _cancelled(ax, (x, -height - down / 2), quality, signs[:, column], QUALITY)
    for row, people in enumerate(pair):
        _cancelled(ax, (width + across / 2, -row * (height + down) - height / 2), people, signs[row], PEOPLE)
    terms = " ".join(f"{sign} ln {value:.2g}" for sign, value in zip(signs.flat, p.flat, strict=True))
    left = f"{paired_log_odds(np.log(p)):.2f}".replace("-", "−")
    total = f"{terms.removeprefix('+ ')} = {left} nats"
    ax.text(width + across / 2, -2 * height - down - 0.4, total, ha="center", va="center")
    ax.set(xlim=(-0.05, 2 * width + across + 0.05), ylim=(-2 * height - down - 0.6, 0.1))
    ax.axis("off")
    return figure


def _card(ax: "Axes", corner: tuple[float, float], size: tuple[float, float], shaded: bool) -> None:
    """A sentence's ground."""
    from matplotlib.patches import FancyBboxPatch

    box = FancyBboxPatch(corner, *size, boxstyle="round,pad=0,rounding_size=0.12", facecolor="none", edgecolor=FAINT)
    ax.add_patch(box)
    if shaded:
        box.set_facecolor((*box.get_edgecolor()[:3], 0.18))


def _words(ax: "Axes", start: tuple[float, float], parts: list[tuple[str, str | None]], size: float = 10) -> None:
    """A line of words, each part in its colour."""
    x, y = start
    for part, colour in parts:
        ax.text(x, y, part, color=colour, family="monospace", ha="left", va="center", fontsize=size)
        x += len(part) * 0.6 * size / 72


def _cancelled(ax: "Axes", middle: tuple[float, float], word: str, signs: np.ndarray, colour: str) -> None:
    """A word that two sentences share, once with plus and once with minus."""
    said = " ".join(f"{sign} {word}" for sign in signs)
    ax.text(*middle, f"{said}\n= 0", color=colour, family="monospace", ha="center", va="center", fontsize=10)
