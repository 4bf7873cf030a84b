"""Figures of the chapter *generation*."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from companion.plotting import FAINT, INK, SERIES, axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def candidate_bars(tokens: Sequence[str], panels: Mapping[str, Sequence[float]]) -> "Figure":
    """Probabilities of the same few candidates under several settings, side by side.

    Parameters
    ----------
    tokens
        The candidates' names.
    panels
        For each setting, its name and the candidates' probabilities. A last bar, "…", stands for all other tokens.
    """
    import matplotlib.pyplot as plt

    figure, all_axes = plt.subplots(1, len(panels), figsize=(6.8, 2.4), sharey=True, squeeze=False)
    names = [*(token.replace(" ", "␣") for token in tokens), "…"]
    for ax, (title, probabilities) in zip(all_axes[0], panels.items(), strict=True):
        heights = [*probabilities, max(0.0, 1 - sum(probabilities))]
        ax.bar(range(len(names)), heights, color=[SERIES[0]] * len(tokens) + [FAINT], width=0.75)
        for place, height in enumerate(heights):
            ax.text(place, height + 0.015, f"{100 * height:.0f}", ha="center", fontsize=9)
        ax.set_xticks(range(len(names)), names)
        ax.tick_params(axis="x", length=0)
        ax.set_title(title, fontsize=11)
    all_axes[0, 0].set_ylabel("probability")
    all_axes[0, 0].yaxis.set_major_formatter(lambda y, _: f"{100 * y:.0f}%")
    return figure


def trade_off(
    curves: Mapping[str, Sequence[tuple[str, float, float]]],
    real: tuple[float, float],
    label: str,
    percent: bool = False,
) -> "Figure":
    """The cost of variety: a curve for each of up to three ways of choosing tokens, and a star for real text.

    Parameters
    ----------
    curves
        For each way of choosing, its name and its points: the setting, the share of distinct word pairs, the cost. Its
        first and last settings are written into the figure.
    real
        The share and the cost of real text.
    label
        The name of the cost, with its unit.
    percent
        Whether the cost is a share.
    """
    figure, ax = axes(6.4, 3.8)
    # Markers, and where a curve's first and last settings are written: the name is with the first, left of it or below
    # it, but with the last of the first curve, which reaches furthest to the right.
    left, below, right = ((-5, 5), "right"), ((0, -11), "center"), ((7, -2), "left")
    looks = (("o", left, right), ("s", left, left), ("D", below, right))
    for number, ((name, points), (marker, *places)) in enumerate(zip(curves.items(), looks, strict=False)):
        settings, x, y = zip(*points, strict=True)
        ax.plot(x, y, marker=marker, markersize=4, linewidth=1.4, color=SERIES[number])
        for end, (offset, align) in zip((0, -1), places, strict=True):
            text = f"{name} {settings[end]}" if (end == -1) == (number == 0) else settings[end]
            ax.annotate(
                text,
                (x[end], y[end]),
                offset,
                textcoords="offset points",
                ha=align,
                va="center",
                color=SERIES[number],
                fontsize=10,
            )
    ax.plot(*real, marker="*", markersize=14, color=INK, linestyle="none")
    ax.annotate("real text", real, (12, -1), textcoords="offset points", va="center")
    ax.margins(0.09)  # room for what is written left of the first point and under the lowest
    ax.set_xlim(right=1)
    ax.set_xlabel("distinct word pairs")
    ax.set_ylabel(label)
    ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f}%")
    if percent:
        ax.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.0f}%")
    return figure
