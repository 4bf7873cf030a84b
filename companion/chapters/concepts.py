"""The figures of the chapter *concepts*: what a probability costs, and how samples of a few pairs come out."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.plotting import FAINT, SERIES, axes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FRACTIONS = {"1/8": 1 / 8, "1/4": 1 / 4, "1/2": 1 / 2, "1": 1.0}


def price_list(marked: Mapping[str, float]) -> "Figure":
    """The curve from a probability to its bits, which rises by 1 bit with every halving.

    Parameters
    ----------
    marked
        The name and the probability of each point that is marked on the curve.
    """
    figure, ax = axes(6.4, 3.0)
    p = np.linspace(0.004, 1, 500)
    ax.plot(p, -np.log2(p), color=SERIES[0])
    for fraction in FRACTIONS.values():
        bits = -np.log2(fraction)
        ax.plot([0, fraction, fraction], [bits, bits, 0], color=FAINT, linewidth=1, linestyle=":", zorder=0)
    for name, probability in marked.items():
        bits = -np.log2(probability)
        ax.plot(probability, bits, "o", color=SERIES[1], markersize=6, clip_on=False)
        text = f"{name}: probability {probability:.2g}, {bits:.1f} bits"
        place, side = ((9, 6), "left") if probability < 0.5 else ((6, 27), "right")
        ax.annotate(text, (probability, bits), place, textcoords="offset points", color=SERIES[1], ha=side, va="center")
    ax.set_xticks(list(FRACTIONS.values()), list(FRACTIONS))
    ax.set(xlim=(0, 1.02), ylim=(0, 7), yticks=range(8), xlabel="probability", ylabel="bits")
    return figure


def binomials(panels: Mapping[float, Sequence[float]], count: int) -> "Figure":
    """How likely each number of right answers is under a few long-run shares, with the tail from one count in colour.

    Parameters
    ----------
    panels
        For each share, the probabilities of 0, 1, 2, ... right answers, ``(n + 1,)``. The tail is the count and all
        numbers beyond it, away from the share.
    count
        The number of right answers that was found.
    """
    import matplotlib.pyplot as plt

    pale = f"{SERIES[0]}55"
    figure, rows = plt.subplots(len(panels), 1, figsize=(6.4, 0.5 + 1.5 * len(panels)), sharex=True, squeeze=False)
    for ax, (share, chances) in zip(rows[:, 0], panels.items(), strict=True):
        numbers, heights = np.arange(len(chances)), 100 * np.asarray(chances)
        n = len(chances) - 1
        high = count > share * n
        tail = numbers >= count if high else numbers <= count
        ax.bar(numbers, heights, color=np.where(tail, SERIES[1], pale))
        name = f"{count} or {'more' if high else 'fewer'}: {heights[tail].sum():.1f}%"
        look: dict[str, Any] = {"ha": "left", "va": "center"} if high else {"ha": "right", "va": "center"}
        ax.text(count - 0.3 if high else count + 0.3, 5, name, color=SERIES[1], fontsize=10, **look)
        look["ha"] = "right" if high else "left"
        ax.text(n if high else 0, 19, f"if {share:.0%} are right in the long run", **look)
        ax.set(ylim=(0, 23), yticks=[0, 10, 20], xticks=numbers, ylabel="% of samples")
    ax.set_xlabel(f"right answers in {n} pairs")
    return figure
