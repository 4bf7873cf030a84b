"""The figure of the chapter *counting*: contexts that pass a character on to shorter ones."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from companion.plotting import SERIES, axes, rectangle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Asked(NamedTuple):
    """What a context has to say of a character.

    Attributes
    ----------
    total, followers
        The count of the context, or its company, and how many different characters have followed it.
    own
        How much of the count is for the character itself.
    probability
        What the context says in the end, with the help of shorter ones.
    """

    total: int
    followers: int
    own: int
    probability: float

    def handed_over(self, D: float) -> float:
        """The share of its probability that the context leaves to the next shorter one.

        >>> Asked(total=6, followers=4, own=0, probability=0.01).handed_over(D=0.75)
        0.5
        """
        return D * self.followers / self.total


def one_in(p: float) -> str:
    """A probability as it is said, to two digits.

    >>> one_in(1 / 3127)
    '1 in 3,100'
    """
    return f"1 in {float(f'{1 / p:.2g}'):,.0f}"


def asking_down(
    contexts: Sequence[str], panels: Mapping[str, Sequence[Asked]], character: str, D: float = 0.75
) -> "Figure":
    """Contexts below each other, each joined to the next by a band as wide as the share that it hands over.

    Parameters
    ----------
    contexts
        The contexts, longest first, ``(n,)``. Below the last one nothing is drawn.
    panels
        For each of two ways of counting, its name and what the contexts say, ``(n,)``.
    character
        The character that they are asked about.
    D
        The amount that is taken from every count.
    """
    width, height, step = 1.4, 0.3, 0.64  # of a box; from one box to the next; all in inches, as is the figure
    figure, ax = axes(6.8, 0.5 + step * len(contexts))
    look: dict[str, Any] = {"va": "center", "fontsize": 10}
    for row, context in enumerate(contexts):
        ax.text(0.7, -row * step, context, ha="right", family="monospace", **look)
    for x, (name, said) in zip((1.6, 4.85), panels.items(), strict=True):
        right = x + width / 2 + 0.1
        ax.text(x, 0.4, name, ha="center", **look)
        ax.text(right, 0.4, f"probability of {character}", **look)
        for row, asked in enumerate(said):
            y, share = -row * step, asked.handed_over(D)
            ax.add_patch(rectangle((x - width / 2, y - height / 2), width, height, f"{SERIES[0]}2e"))
            taken = f"{D} · {asked.followers} of {asked.total:,}"
            ax.text(x, y, f"{character}: {asked.own:,} of {asked.total:,}" if asked.own else taken, ha="center", **look)
            ax.text(right, y, one_in(asked.probability), **look)
            if row < len(said) - 1:
                low = y - step + height / 2
                ax.add_patch(rectangle((x - share * width / 2, low), share * width, step - height, SERIES[1]))
                ax.text(right, y - step / 2, f"× {100 * share:.2g}%", color=SERIES[1], **look)
    ax.set(xlim=(0, 6.8), ylim=(-step * (len(contexts) - 1) - 0.2, 0.55))
    ax.axis("off")
    return figure
