"""The figure of the chapter *article-model*: what a network reads before each question, asked in two ways."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.errors import UserError
from companion.plotting import INK, SERIES, axes, rectangle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOT_READ, READ, ASKED = range(3)
COLOURS = {READ: f"{SERIES[0]}38", ASKED: SERIES[0]}


def questions(window: int, every: bool) -> np.ndarray:
    """What each window reads of a text, and after which words it is asked for the next one, ``window`` times in all.

    Parameters
    ----------
    window
        The length of a window.
    every
        Whether one window is asked after each of its words. If not, there are as many windows as questions, each one
        word later than the one before, and each is asked after its last word.

    Returns
    -------
    numpy.ndarray
        ``(windows, 2 * window - 1)``: for each word of the text `NOT_READ`, `READ` or `ASKED`, which includes being
        read.

    Examples
    --------
    >>> questions(3, every=False)
    array([[1, 1, 2, 0, 0],
           [0, 1, 1, 2, 0],
           [0, 0, 1, 1, 2]])
    >>> questions(3, every=True)
    array([[0, 0, 2, 2, 2]])
    """
    places = np.arange(2 * window - 1)
    if every:
        return np.where(places < window - 1, NOT_READ, ASKED)[None]
    inside = places - np.arange(window)[:, None]
    read = np.where((inside >= 0) & (inside < window), READ, NOT_READ)
    return np.where(inside == window - 1, ASKED, read)


def one_or_every(words: Sequence[str]) -> "Figure":
    """The same questions about a text asked in two ways: one at the end of each window, or all in one window.

    Parameters
    ----------
    words
        The text, ``(2 * window - 1,)``.

    Raises
    ------
    UserError
        The number of words is even.
    """
    window, rest = divmod(len(words) + 1, 2)
    if rest:
        raise UserError(f"There are {len(words)} words; give an odd number of them, 2 * window - 1.")
    one, every = questions(window, every=False), questions(window, every=True)
    row, gap = 0.62, 1.2  # a row's height, if a column is 1 wide; between the two drawings
    end, bottom = -window * row, -window * row - gap - 1
    figure, ax = axes(7.2, 4.0)
    _rows(ax, one, 0, row)
    ax.text(0, end, _said(one), ha="left", va="bottom", fontsize=10, linespacing=1.4)
    _rows(ax, every, bottom + 1, 1.0)
    ax.text(0, bottom + 0.5, _said(every).replace("\n", " "), ha="left", va="center", fontsize=10)
    arrow = {"arrowstyle": "-|>", "color": INK, "lw": 1.6, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", (window - 1.15, bottom + 0.5), (window - 2.7, bottom + 0.5), arrowprops=arrow)
    ax.text(window - 1.3, bottom + 0.75, "state", ha="right", va="bottom", fontsize=10)
    for number, (kind, said) in enumerate(((READ, "read"), (ASKED, "read, and asked\nfor the next word"))):
        x, y = len(words) - 7.6, -1.3 * number
        ax.add_patch(rectangle((x, y - 0.55), 0.9, 0.55, COLOURS[kind]))
        ax.text(x + 1.3, y + 0.05, said, va="top", fontsize=10)
    for place, word in enumerate(words):
        ax.text(place + 0.45, bottom - 0.3, word, rotation=90, ha="center", va="top", fontsize=9)
    ax.set(xlim=(-0.1, len(words) + 0.1), ylim=(bottom - 3.6, 0.1))
    ax.axis("off")
    return figure


def _rows(ax: "Axes", windows: np.ndarray, top: float, height: float) -> None:
    """A row of boxes for each window."""
    for number, kinds in enumerate(windows):
        for place in np.flatnonzero(kinds):
            corner = (float(place), top - (number + 1) * height)
            ax.add_patch(rectangle(corner, 0.9, 0.86 * height, COLOURS[int(kinds[place])]))


def _said(windows: np.ndarray) -> str:
    """How many windows there are, words that are read, and questions.

    >>> print(_said(questions(3, every=True)))
    1 window,
    3 words read,
    3 questions
    """
    count = f"{len(windows)} window{'s' if len(windows) > 1 else ''}"
    return f"{count},\n{np.count_nonzero(windows)} words read,\n{np.count_nonzero(windows == ASKED)} questions"
