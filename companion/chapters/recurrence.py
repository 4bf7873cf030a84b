"""The figure of the chapter *recurrence*."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion.plotting import INK, SERIES, axes, rectangle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def unrolled(words: Sequence[str], back: bool = False) -> "Figure":
    """A recurrent network drawn once for each word it reads: the same weights at every step, a guess above each.

    Parameters
    ----------
    words
        The words that are read, ``(n,)``.
    back
        Draw the backward pass instead: from each guess down into the state, and from state to state.
    """
    figure, ax = axes(6.6, 2.9)
    step, half = 2.2, 0.62  # between two states; half the side of a box

    def arrow(start: tuple[float, float], end: tuple[float, float], lit: bool) -> None:
        colour, width = (SERIES[1], 2.2) if lit and back else (INK, 1.6)
        ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0})

    for t, word in enumerate(words):
        x = step * t
        ax.add_patch(rectangle((x - half, -half), 2 * half, 2 * half, SERIES[0]))
        ax.text(x, 0, f"$h_{{{t + 1}}}$", ha="center", va="center", color="white", fontsize=14)
        ax.text(x, -2.35, word, ha="center", va="center", fontsize=12)
        ax.text(x, 2.35, "guess" if not back else "cost", ha="center", va="center", fontsize=10)
        arrow((x, -2.0), (x, -half - 0.05), lit=False)
        up = ((x, half), (x, 2.05))
        arrow(*(up if not back else up[::-1]), lit=True)
        ax.text(x + 0.14, -1.35, "$W_x$", fontsize=10, va="center")
        ax.text(x + 0.14, 1.3, "$W_y$", fontsize=10, va="center")
        if t:
            across = ((x - step + half, 0), (x - half - 0.05, 0))
            arrow(*(across if not back else ((x - half, 0), (x - step + half + 0.05, 0))), lit=True)
            ax.text(x - step / 2, 0.28, "$W_h$" if not back else r"$W_h^\top$", ha="center", fontsize=10)
    ax.set(xlim=(-1.2, step * (len(words) - 1) + 1.2), ylim=(-2.7, 2.7), aspect="equal")
    ax.axis("off")
    return figure
