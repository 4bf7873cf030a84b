"""The figures of the chapter *recurrence*: the unrolled network, and a text tinted by the blame for its last word."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion.errors import UserError
from companion.plotting import INK, SERIES, TINT_STEPS, axes, rectangle, tinted

if TYPE_CHECKING:
    from IPython.display import HTML
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


def blame_step(share: float) -> int:
    """The tint of a share of the largest blame: 6 for all of it, and one less for each half power of ten.

    >>> [blame_step(share) for share in (1.0, 0.3, 0.1, 0.01, 0.003, 0.001, 0.0)]
    [6, 5, 4, 2, 1, 0, 0]
    """
    return max(0, round(TINT_STEPS + 2 * math.log10(share))) if share > 0 else 0


def percent(share: float) -> str:
    """A share as it is said, to two digits.

    >>> [percent(share) for share in (1.0, 0.187, 0.0044, 0.00003)]
    ['100%', '19%', '0.44%', 'less than 0.1%']
    """
    return "less than 0.1%" if share < 0.001 else f"{float(f'{100 * share:.2g}'):g}%"


def blamed_text(words: Sequence[str], lengths: Sequence[float], label: str) -> "HTML":
    """A text whose words are tinted by the blame that comes back to them from the last word: a sentence on each line.

    Parameters
    ----------
    words
        The words, ``(n,)``.
    lengths
        The length of the blame at each word but the last, ``(n - 1,)``.
    label
        What the picture shows, for readers who don't see it.

    Raises
    ------
    UserError
        There is another number of lengths.
    """
    if len(lengths) != len(words) - 1:
        raise UserError(
            f"There are {len(words)} words and {len(lengths)} lengths; give one for each word but the last."
        )
    largest = max(lengths)
    text, steps, values = "", [], []
    for word, length in zip(words, [*lengths, None], strict=True):
        said = "the blame is for this word" if length is None else f"{percent(length / largest)} of the largest blame"
        step = 0 if length is None else blame_step(length / largest)
        space = "\n" if text.endswith(".") else " " if text and word != "." else ""
        text += space + word
        steps += [0] * len(space) + [step] * len(word)
        values += [said] * len(space + word)
    scale = [(f" {share:g}% ", blame_step(share / 100)) for share in (0.3, 1, 3, 10, 30, 100)]
    return tinted(text, steps, values, label, [*scale, (" of the largest blame", 0)])
