"""The figure of the chapter *text-generation*."""

import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.plotting import INK, SERIES, axes, rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

ENCODER, TURN = SERIES[0], SERIES[5]


def batch_scores(messages: Sequence[str], replies: Sequence[str], cosines: np.ndarray) -> "Figure":
    """A dual encoder at work on a batch: a vector for each text, and a score for each message with each reply.

    Parameters
    ----------
    messages, replies
        The texts of the pairs, ``(n,)`` each.
    cosines
        The scores, ``(n, n)``: a row for each message, a column for each reply.
    """
    from matplotlib.colors import LinearSegmentedColormap

    tint = LinearSegmentedColormap.from_list("cosine", ["#f0effa", "#8f86dd"])  # black on it: above 6 to 1
    wide, high, gap = 0.92, 0.5, 0.3  # of a cell; what an arrow bridges
    turn, mean = -gap - 0.4, -2 * gap - 1.25  # the left edges of the boxes on the messages' way; the matrix begins at 0
    bottom = -high * len(messages)
    figure, ax = axes(7.0, 3.6)
    _box(ax, (mean, bottom), (0.85, -bottom), "mean of\nword\nvectors", ENCODER)
    _box(ax, (turn, bottom), (0.4, -bottom), "$W$", TURN)
    _box(ax, (0, gap), (wide * len(replies), 0.4), "mean of word vectors", ENCODER)
    for row, message in enumerate(messages):
        y = -high * (row + 0.5)
        ax.text(mean - gap - 0.05, y, textwrap.fill(message, 16), ha="right", va="center", fontsize=10)
        for x in (mean - gap, turn - gap, -gap):
            _arrow(ax, (x, y), (x + gap - 0.04, y))
    for column, reply in enumerate(replies):
        x = wide * (column + 0.5)
        ax.text(x, 2 * gap + 0.45, textwrap.fill(reply, 12), ha="center", va="bottom", fontsize=10)
        for y in (gap, 2 * gap + 0.4):
            _arrow(ax, (x, y), (x, y - gap + 0.04))
    for (row, column), cosine in np.ndenumerate(cosines):
        x, y, number = wide * column, -high * (row + 1), f"{cosine:.2f}".replace("-", "−")
        square = rectangle((x + 0.02, y + 0.02), wide - 0.04, high - 0.04, tint(max(0.0, float(cosine))))
        if row == column:
            square.set(edgecolor=SERIES[1], linewidth=2.5)
        ax.add_patch(square)
        ax.text(x + wide / 2, y + high / 2, number, ha="center", va="center", color="black", fontsize=10)
    for x, name in ((turn - gap / 2, r"$\mathbf{m}$"), (-gap / 2, r"$\mathbf{m}W$")):
        ax.text(x, 0.08, name, ha="center", va="bottom")
    ax.text(wide / 2 + 0.1, gap / 2, r"$\mathbf{r}$", ha="left", va="center")
    ax.set(xlim=(mean - gap - 1.35, wide * len(replies) + 0.05), ylim=(bottom - 0.05, 2 * gap + 0.95))
    ax.axis("off")
    return figure


def _box(ax: "Axes", corner: tuple[float, float], size: tuple[float, float], name: str, colour: str) -> None:
    """A part of the network."""
    (x, y), (width, height) = corner, size
    ax.add_patch(rectangle(corner, width, height, colour))
    ax.text(x + width / 2, y + height / 2, name, ha="center", va="center", color="white", fontsize=10)


def _arrow(ax: "Axes", start: tuple[float, float], end: tuple[float, float]) -> None:
    """What flows from one part to the next."""
    ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2, "shrinkA": 0, "shrinkB": 0})
