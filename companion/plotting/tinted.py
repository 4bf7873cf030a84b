"""Text whose characters are tinted by a number, which a pointer, a tap or the arrow keys show."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

from companion.errors import UserError
from companion.plotting.theme import SERIES, STRONGEST_TINT

if TYPE_CHECKING:
    from IPython.display import HTML

NO_BREAK = "\N{NO-BREAK SPACE}"
TINT_STEPS = 6  # on each side of 0
TINTS = {"n": SERIES[0], "p": SERIES[1]}  # below 0 and above


def tinted(
    text: str, steps: Sequence[int], values: Sequence[str], label: str, scale: Sequence[tuple[str, int]]
) -> "HTML":
    """A text in which each character has a tint: violet below 0, none at 0, red above.

    Parameters
    ----------
    text
        The characters, shape ``(n,)``; line breaks are kept.
    steps
        How strong each one's tint is, from −6 to 6, shape ``(n,)``.
    values
        What a reader is told about each one, such as ``"2.3 bits"``. A pointer shows it; on the book's pages a tap and
        the arrow keys do, too (``book/_static/tinted.js``).
    label
        What the picture shows, for readers who don't see it.
    scale
        The pieces of the scale below the text, each with its step.

    Returns
    -------
    IPython.display.HTML
        It wraps on a narrow page, and text on the strongest tints keeps a contrast of 4.5 to 1 on light and dark pages.

    Raises
    ------
    UserError
        There isn't one value for each character.
    """
    from IPython.display import HTML

    if not len(text) == len(steps) == len(values):
        raise UserError(f"There are {len(text)} characters and {len(values)} values; give one for each.")
    rules = "".join(
        f".tint-{sign}{step}{{background:{colour}{round(255 * STRONGEST_TINT * step / TINT_STEPS):02x}}}"
        for sign, colour in TINTS.items()
        for step in range(1, TINT_STEPS + 1)
    )
    marked = "".join(
        character if character == "\n" else _span(character, step, f' title="{html.escape(value)}"')
        for character, step, value in zip(text, steps, values, strict=True)
    )
    pieces = "".join(_span(piece.replace(" ", NO_BREAK), step) for piece, step in scale)
    return HTML(
        f'<div class="tinted" role="img" aria-label="{html.escape(label)}" style="text-align:left">'
        f"<style>{rules}</style>"
        '<pre style="white-space:pre-wrap;line-height:1.7;background:none;border:0;color:inherit;padding:0;margin:0">'
        f'{marked}</pre><p style="font-size:0.85em;margin:0.6em 0 0">{pieces}</p></div>'
    )


def _span(content: str, step: int, about: str = "") -> str:
    kind = f' class="tint-{"n" if step < 0 else "p"}{abs(step)}"' if step else ""
    return f"<span{kind}{about}>{html.escape(content)}</span>"
