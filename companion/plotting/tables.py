"""The book's tables: one function, whose cells are set as a book sets them."""

import html
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby
from typing import TYPE_CHECKING, Any

from companion.errors import UserError
from companion.plotting.theme import SYMBOL

if TYPE_CHECKING:
    from IPython.display import HTML

NO_BREAK, FIGURE_SPACE, POINT_SPACE = "\N{NO-BREAK SPACE}", "\N{FIGURE SPACE}", "\N{PUNCTUATION SPACE}"
MINUS = "\N{MINUS SIGN}"

_EXPONENT = re.compile(r"(?<![\w.])(\d(?:\.\d+)?[eE][+-]?\d+)(?![\w.])")
_HYPHEN = re.compile(r"(?:^|(?<=[\s(±]))-(?=[\d.])")
_LONG = re.compile(r"(?<![\w.,])\d{4,}(?![\w,]|\.\d)")
_NUMBER = re.compile(rf"[+{MINUS}]?[\d,]*(\.\d+)?%?")


def table(
    head: Sequence[str],
    rows: Iterable[Sequence[Any]],
    title: str = "",
    *,
    together: bool = False,
    widths: Sequence[int] = (),
) -> "HTML":
    """A small table for a page.

    Columns of numbers are set flush right, with their decimal points below each other; the first column and text are
    set flush left. A minus is a minus, thousands have commas, a percentage has no space, and no number is written
    with an exponent. Symbols such as W_h are set as in a formula.

    Parameters
    ----------
    head
        What each column holds.
    rows
        Each as long as the head. A cell is anything with a ``str``; one with a ``_repr_html_`` of its own is shown by
        that.
    title
        What the table shows, in a line above it.
    together
        Whether equal cells below each other in the first column become one.
    widths
        The columns' shares of the page's width in %, for tables that follow each other and should line up; by default
        each column is as wide as what it holds.

    Raises
    ------
    UserError
        A row, or the list of widths, is shorter or longer than the head.
    """
    from IPython.display import HTML

    lines = [list(row) for row in rows]
    if wrong := [line for line in lines if len(line) != len(head)]:
        raise UserError(f"A row has {len(wrong[0])} cells and the head {len(head)}: {wrong[0]}.")
    if widths and len(widths) != len(head):
        raise UserError(f"There are {len(widths)} widths and {len(head)} columns; give one for each.")
    columns = [_column(column, number=n > 0) for n, column in enumerate(zip(*lines, strict=True))]
    kinds = [kind for _, kind in columns] or ["text"] * len(head)
    heads = [_cell("th" if name else "td", _set(name), kind) for name, kind in zip(head, kinds, strict=True)]
    spans = _spans(columns[0][0]) if together and columns else [1] * len(lines)
    body = ""
    for span, shown in zip(spans, zip(*(shown for shown, _ in columns), strict=True), strict=True):
        first, *others = (_cell("td", cell, kind) for cell, kind in zip(shown, kinds, strict=True))
        if span > 1:
            first = first.replace("<td ", f'<td rowspan="{span}" ', 1)
        body += f"<tr>{first if span else ''}{''.join(others)}</tr>"
    caption = f"<caption>{_set(title)}</caption>" if title else ""
    shares = "".join(f'<col style="width: {width}%">' for width in widths)
    group = f'<colgroup class="shares">{shares}</colgroup>' if widths else ""
    thead = f"<thead><tr>{''.join(heads)}</tr></thead>"
    return HTML(f'<table class="numbers">{caption}{group}{thead}<tbody>{body}</tbody></table>')


def typeset(text: str) -> str:
    """A cell's text with true minus signs, no exponents, no space before % and none that can break after ±.

    >>> typeset("-1.5e-03 ± 0.1"), typeset("50 %")
    ('−0.0015 ±\\xa00.1', '50%')
    """
    text = _EXPONENT.sub(lambda found: f"{Decimal(found[1]):,f}", text)
    text = _HYPHEN.sub(MINUS, text)
    return text.replace(" %", "%").replace("± ", f"±{NO_BREAK}")


def _column(cells: Sequence[Any], number: bool) -> tuple[list[str], str]:
    """The cells of a column as HTML, and what it holds: ``"number"`` or ``"text"``."""
    texts: list[str | None] = [None if hasattr(cell, "_repr_html_") else typeset(str(cell)) for cell in cells]
    if any(text and "," in text and _NUMBER.fullmatch(text) for text in texts) or any(
        text and re.fullmatch(r"\d{5,}", text) for text in texts
    ):
        texts = [text and _LONG.sub(lambda found: f"{int(found[0]):,}", text) for text in texts]
    number = number and all(text is not None and _begins_with_a_number(text) for text in texts)
    if number and all(text is not None and (_NUMBER.fullmatch(text) or text in ("", "–")) for text in texts):
        texts = [*_aligned([text or "" for text in texts])]
    shown = [cell._repr_html_() if text is None else _set(text) for cell, text in zip(cells, texts, strict=True)]
    return shown, "number" if number else "text"


def _set(text: str) -> str:
    """Text as HTML, with its symbols set as in a formula.

    >>> _set("W_h < 1")
    '<i>W<sub>h</sub></i> &lt; 1'
    """
    return SYMBOL.sub(r"<i>\1<sub>\2</sub></i>", html.escape(text))


def _aligned(numbers: Sequence[str]) -> list[str]:
    """Numbers with as much space after them as the longest has decimals."""
    decimals = [len(found[1] or "") if (found := _NUMBER.fullmatch(number)) else 0 for number in numbers]
    most = max(decimals, default=0)
    return [
        number + (POINT_SPACE * (not own) + FIGURE_SPACE * (most - max(own, 1)) if most and number else "")
        for number, own in zip(numbers, decimals, strict=True)
    ]


def _spans(cells: Sequence[str]) -> list[int]:
    """For each cell how many rows it takes: the length of its run of equals, or 0 if it isn't the first of one."""
    lengths = [len(list(run)) for _, run in groupby(cells)]
    return [length if n == 0 else 0 for length in lengths for n in range(length)]


def _cell(tag: str, content: str, kind: str) -> str:
    return f'<{tag} class="{kind}">{content}</{tag}>'


def _begins_with_a_number(cell: str) -> bool:
    """Whether a cell is a number, as in ``12.3 (11 to 14)``, ``−0.5``, ``.3``, or a dash or nothing in its place."""
    return not cell or cell[0] in f"–+{MINUS}-." or cell[0].isdigit()
