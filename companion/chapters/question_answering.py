"""The figure of the chapter *question-answering*."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.plotting import SERIES, axes, rectangle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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
