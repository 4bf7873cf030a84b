"""The figure of the chapter *translation*: two networks, and how the second looks back at what the first has read."""

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from companion.plotting import INK, SERIES, axes, rectangle

if TYPE_CHECKING:
    from matplotlib.figure import Figure

READER, LOOK, WRITER = SERIES[:3]
HALF = 0.3  # the side of a box, if tokens are 1 apart
TOKENS, KEYS, OUTPUTS, CONTEXT, QUERY = -1.15, 1.65, 1.15, 3.2, 4.0  # heights; the networks' boxes are at 0


def reader_and_writer(read: Sequence[str], written: Sequence[str], weights: Sequence[float]) -> "Figure":
    """An encoder, its states kept as keys, and a decoder that asks them for its next token.

    Parameters
    ----------
    read
        The tokens of the source, ``(S,)``.
    written
        The begin token, what the decoder has written so far, and the token that it writes now, ``(T + 1,)``.
    weights
        How much the decoder looks at each token of the source as it writes that last one, ``(S,)``.
    """
    figure, ax = axes(6.8, 3.1)
    places = [len(read) + 0.6 + t for t in range(len(written) - 1)]  # of the decoder's boxes
    first, last = places[0], places[-1]

    def line(
        xs: Sequence[float], ys: Sequence[float], style: str = "-|>", colour: str = INK, width: float = 1.3
    ) -> None:
        """A line through these points, with an arrow's head at its end."""
        ax.plot(xs[:-1], ys[:-1], color=colour, linewidth=width)
        head = {"arrowstyle": style, "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
        ax.annotate("", (xs[-1], ys[-1]), (xs[-2], ys[-2]), arrowprops=head)

    def text(x: float, y: float, content: str, colour: str = INK, **look: Any) -> None:
        ax.text(x, y, content, color=colour, va="center", fontsize=10, **{"ha": "center", **look})

    def step(x: float, token: str, colour: str) -> None:
        ax.add_patch(rectangle((x - HALF, -HALF), 2 * HALF, 2 * HALF, colour))
        text(x, TOKENS, token, family="monospace")
        line((x, x), (TOKENS + 0.28, -HALF))

    for x, (token, weight) in enumerate(zip(read, weights, strict=True)):
        step(x, token, READER)
        line((x, x), (HALF, KEYS - HALF))
        ax.add_patch(rectangle((x - HALF, KEYS - HALF), 2 * HALF, 2 * HALF, f"{READER}33"))
        text(x, KEYS, f"$k_{{{x + 1}}}$")
        ax.plot([x, first], [KEYS + HALF, CONTEXT], color=LOOK, linewidth=0.5 + 4 * weight, solid_capstyle="butt")
        if x:
            line((x - 1 + HALF, x - HALF), (0, 0), style="<|-|>")
    for before, place, (token, output) in zip([len(read) - 1, *places], places, pairwise(written), strict=False):
        step(place, token, WRITER)
        line((before + HALF, place - HALF), (0, 0))
        line((place, place), (HALF, OUTPUTS - 0.28))
        text(place, OUTPUTS, output, LOOK if place == last else INK, family="monospace")
    line((first, last, last), (CONTEXT, CONTEXT, OUTPUTS + 0.28), colour=LOOK)
    line((last + HALF, last + 0.7, last + 0.7, first, first), (0, 0, QUERY, QUERY, CONTEXT + 0.1), colour=WRITER)
    ax.plot(first, CONTEXT, "o", color=LOOK, markersize=7)
    text((first + last) / 2, QUERY + 0.3, "query", WRITER)
    text((first + last) / 2, CONTEXT + 0.3, "context", LOOK)
    text(-0.6, KEYS + 0.75, "keys", READER, ha="left")
    text(first - 0.8, 0.3, "state")
    text((len(read) - 1) / 2, TOKENS - 0.65, "encoder", READER)
    text((first + last) / 2, TOKENS - 0.65, "decoder", WRITER)
    ax.set(xlim=(-0.7, last + 0.9), ylim=(TOKENS - 0.9, QUERY + 0.55))
    ax.axis("off")
    return figure
