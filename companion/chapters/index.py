"""The first screen of the book: a passage that nobody wrote, beside the cell that wrote it."""

import html
import re
from typing import TYPE_CHECKING

from companion.plotting import cell_svg

if TYPE_CHECKING:
    from IPython.display import HTML

START, PLAY = "background.html", "gates.html#play-with-it"


def first_screen(passage: str) -> "HTML":
    """A promise, the passage, two ways to begin, and the drawing of a lit LSTM cell beside them.

    Parameters
    ----------
    passage
        Markdown of the plays: names in bold between ``**``, stage directions between ``_``, two spaces at a line's end.
    """
    from IPython.display import HTML

    return HTML(
        f"""<div class="first-screen">
<div>
<p class="promise">Language models, from counting to assistants, in code you run.</p>
<p class="nobody">Nobody wrote this:</p>
<blockquote>{verse(passage)}</blockquote>
<p class="ways"><a class="start" href="{START}">Start reading</a> <a href="{PLAY}">Play with a gate</a></p>
</div>
<div class="drawing">{cell_svg(name="first-screen")}</div>
</div>"""
    )


def verse(passage: str) -> str:
    r"""The plays' Markdown as HTML.

    >>> verse("**ROMEO**  \nO! _Exit_")
    '<strong>ROMEO</strong><br>O! <em>Exit</em>'
    """
    text = html.escape(passage, quote=False)
    text = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", text)
    text = re.sub(r"_(.+?)_", r"<em>\1</em>", text)
    return re.sub(r" *\n", "<br>", text)
