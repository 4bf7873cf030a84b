"""Figures of the chapter *question-answering*."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.plotting import FAINT, INK, SERIES, axes, rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ROW, WIDE = 0.28, 0.4  # height of a fact in the drawing of the network; width of its squares


def looks(facts: Sequence[str], weights: np.ndarray, support: Sequence[int]) -> "Figure":
    """Where a network looked in a story: a column for each look, a row for each fact, darker for more attention.

    Parameters
    ----------
    facts
        The story's sentences, first to last.
    weights
        Attention, ``(looks, facts)``.
    support
        The fact that each look should find, framed.
    """
    from matplotlib.colors import LinearSegmentedColormap

    tint = LinearSegmentedColormap.from_list("attention", ["#f0effa", "#8f86dd"])  # black on it: above 6 to 1
    figure, ax = axes(6.4, 0.5 + 0.34 * len(facts))
    for row, fact in enumerate(facts):
        ax.text(-0.65, -row, fact, ha="right", va="center")
        for column, weight in enumerate(weights[:, row]):
            ax.add_patch(rectangle((column - 0.46, -row - 0.42), 0.92, 0.84, tint(float(weight))))
            if weight >= 0.005:
                number = f"{100 * weight:.0f}"
                ax.text(column, -row - 0.02, number, ha="center", va="center", color="black", fontsize=10)
    for column, row in enumerate(support[: len(weights)]):
        frame = rectangle((column - 0.46, -row - 0.42), 0.92, 0.84, "none")
        frame.set(edgecolor=SERIES[1], linewidth=2.5)
        ax.add_patch(frame)
    for column in range(len(weights)):
        ax.text(column, 0.75, f"look {column + 1}", ha="center", va="center")
    ax.set(xlim=(-3.3, len(weights) - 0.4), ylim=(-len(facts) + 0.4, 1.1))
    ax.axis("off")
    return figure


def answering_network(facts: Sequence[str], question: str, weights: np.ndarray, answer: str) -> "Figure":
    """The network that looks several times, at work on a story: what it reads, keeps, asks, finds and says.

    Parameters
    ----------
    facts, question
        The story's sentences, first to last, and what is asked.
    weights
        Attention, ``(looks, facts)``: the more, the stronger the colour.
    answer
        The network's answer.
    """
    step, box = 1.15, 0.62  # from look to look; width of a box
    bottom = -ROW * len(facts)
    line = bottom - 0.85  # of the query, from left to right
    first = box + 1.1  # the place of the first look; the boxes begin at 0
    last = first + step * len(weights)  # where the answer is made
    places = [first + step * number for number in range(len(weights))]
    figure, ax = axes(7.0, 4.0)
    _box(ax, (0, bottom), (box, -bottom), "LSTM", SERIES[0])
    for number, fact in enumerate(facts):
        y = -ROW * (number + 0.5)
        ax.text(-0.28, y, fact, ha="right", va="center", fontsize=10)
        _arrow(ax, (-0.25, y), (-0.02, y))
        _arrow(ax, (box, y), (box + 0.22, y))
        ax.text(box + 0.38, y, f"$m_{{{number + 1}}}$", ha="center", va="center", fontsize=10)
        begins = [box + 0.56, *(x + WIDE / 2 for x in places[:-1])]
        ax.hlines([y] * len(places), begins, [x - WIDE / 2 for x in places], color=FAINT, linewidth=0.8)
    ax.text(-0.28, line, textwrap.fill(question, 24), ha="right", va="center", fontsize=10)
    _arrow(ax, (-0.25, line), (-0.02, line))
    _box(ax, (0, line - 0.3), (box, 0.6), "LSTM", SERIES[0])
    start = box
    for number, (x, weight) in enumerate(zip(places, weights, strict=True), start=1):
        ax.text(x, 0.1, f"look {number}", ha="center", va="bottom", fontsize=10)
        _squares(ax, x, weight)
        ask, find = x - 0.13, x + 0.13
        _arrow(ax, (start, line), (find - 0.1, line))
        _arrow(ax, (ask, line), (ask, bottom - 0.03))
        _arrow(ax, (find, bottom), (find, line + 0.1))
        ax.text(ask - 0.06, (bottom + line) / 2, f"$q_{number}$", ha="right", va="center")
        ax.text(find + 0.06, (bottom + line) / 2, f"$r_{number}$", ha="left", va="center")
        ax.plot(find, line, "o", markersize=13, markerfacecolor="none", color=INK, markeredgewidth=1.2)
        ax.plot(find, line, "+", markersize=8, color=INK, markeredgewidth=1.2)
        start = find + 0.1
    _arrow(ax, (start, line), (last - 0.3, line))
    _box(ax, (last - 0.28, line - 0.3), (0.8, 0.6), "small\nnetwork", SERIES[5])
    _arrow(ax, (last + 0.12, line + 0.3), (last + 0.12, line + 0.58))
    ax.text(last + 0.12, line + 0.62, answer, ha="center", va="bottom")
    ax.set(xlim=(-1.95, last + 0.55), ylim=(line - 0.35, 0.35))
    ax.axis("off")
    return figure


def _squares(ax: "Axes", x: float, weight: np.ndarray) -> None:
    """A column of squares, one for each fact, the more attention the stronger its colour."""
    from matplotlib.colors import to_rgba

    for fact, share in enumerate(weight):
        colour = to_rgba(SERIES[0], float(share))
        square = rectangle((x - WIDE / 2, -ROW * (fact + 1) + 0.015), WIDE, ROW - 0.03, colour)
        square.set(edgecolor=FAINT, linewidth=0.8)
        ax.add_patch(square)


def _box(ax: "Axes", corner: tuple[float, float], size: tuple[float, float], name: str, colour: str) -> None:
    """A part of the network."""
    (x, y), (width, height) = corner, size
    ax.add_patch(rectangle(corner, width, height, colour))
    ax.text(x + width / 2, y + height / 2, name, ha="center", va="center", color="white", fontsize=10)


def _arrow(ax: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    """What flows from one part to the next."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2, "shrinkA": 0, "shrinkB": 0})
