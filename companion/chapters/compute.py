"""The figure of the chapter *compute*."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from companion.plotting import INK, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def predictions(panels: Mapping[str, Mapping[str, tuple[float, float, float]]]) -> "Figure":
    """Measured seconds against predicted seconds: for each model a rough prediction (hollow) and a better one (filled).

    Parameters
    ----------
    panels
        One panel for each thing that was timed. For each model: the rough prediction, the better one and the measured
        time, in seconds.
    """
    import matplotlib.pyplot as plt

    figure, all_axes = plt.subplots(len(panels), 1, figsize=(6.4, 3.9 * len(panels)), squeeze=False)
    for ax, (what, models) in zip(all_axes[:, 0], panels.items(), strict=True):
        ends = [value for three in models.values() for value in three]
        low, high = min(ends) / 1.6, max(ends) * 1.6
        ax.plot([low, high], [low, high], "--", color=INK, linewidth=1)
        ordered = sorted(models.items(), key=lambda item: item[1][2])
        for n, (name, (rough, better, found)) in enumerate(ordered):
            colour = SERIES[n % 2]
            ax.plot([rough, better], [found, found], color=colour, linewidth=0.8)
            ax.plot(rough, found, "o", color=colour, markerfacecolor="none", markersize=7)
            ax.plot(better, found, "o", color=colour, markersize=7)
            place = (-9, 0) if n % 2 else (11, 0)
            beside = min(other[0] for _, other in ordered[max(0, n - 1) : n + 2])
            x, side = (beside, "right") if n % 2 else (max(rough, better, found), "left")
            ax.annotate(
                name, (x, found), place, textcoords="offset points", ha=side, va="center", color=colour, fontsize=10
            )
        ax.set(
            xscale="log", yscale="log", xlim=(low / 4, high * 5), ylim=(min(m[2] for m in models.values()) / 1.6, high)
        )
        ax.set(xlabel=f"predicted seconds for {what}", ylabel="measured")
    return figure
