"""The look of the book's figures: one palette, labels on the lines themselves, for light and dark pages.

A figure is an SVG with a transparent ground and mid-tone ink, so that the page's own colour shows through.
Each gate has its colour everywhere, and nothing else has it: forget vermilion, input blue, output green, candidate and
cell amber [1]_.

References
----------
.. [1] Okabe & Ito 2008, *Color Universal Design*: colours that colour-blind readers tell apart.
.. [2] Tol 2021, *Colour Schemes*: the scheme *muted*, darkened for lines on white.
"""

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

FORGET, INPUT, OUTPUT, CANDIDATE = "#D55E00", "#0072B2", "#009E73", "#E69F00"
CELL = CANDIDATE
# Ink for text and axes: at least 4.5 to 1 on white and on the book's dark ground (#121212).
INK, FAINT = "#757575", "#9a9a9a"
# Lines of several models, in this order; none has a gate's colour, and labels or marks tell them apart too [2]_.
SERIES = ("#4b3fae", "#cc6677", "#2f9c8c", "#8a8a2b", "#882255", "#5f6b7a")

SYMBOL = re.compile(r"(?<![\w$.])([A-Za-z])_(\w)(?![\w$])")  # a letter with an index, as in W_h

TOKEN_TINTS = ("#cfe2f3", "#fde9b8", "#cdebdc", "#f1d9e6")  # black on any of them: above 14 to 1
STRONGEST_TINT = 0.6  # of a coloured ground under text


def style() -> None:
    """Set matplotlib up for the book; a chapter with figures calls it once."""
    import logging

    import matplotlib as mpl
    from cycler import cycler
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # no page prints a missing font
    set_matplotlib_formats("svg", metadata={"Date": None})  # the same picture every time, to the byte
    mpl.rcParams.update(
        {
            "figure.figsize": (6.4, 3.6),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "none",
            "axes.facecolor": "none",
            "savefig.facecolor": "none",
            "savefig.transparent": True,
            "svg.fonttype": "path",
            "svg.hashsalt": "gate-by-gate",
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.edgecolor": INK,
            "axes.labelcolor": INK,
            "axes.prop_cycle": cycler(color=SERIES),
            "text.color": INK,
            "xtick.color": INK,
            "ytick.color": INK,
            "grid.color": FAINT,
            "grid.alpha": 0.35,
            "font.size": 11,
            "lines.linewidth": 2,
            "legend.frameon": False,
        }
    )


def axes(width: float = 6.4, height: float = 3.6) -> "tuple[Figure, Axes]":
    """A figure of one plot, in inches, in the book's style."""
    import matplotlib.pyplot as plt

    return plt.subplots(figsize=(width, height))


def label_line(ax: "Axes", x: float, y: float, text: str, colour: str, dx: float = 6, dy: float = 0) -> None:
    """Write a line's name next to its end, in its colour, ``dx`` and ``dy`` points away; its symbols are set."""
    ax.annotate(symbols(text), (x, y), (dx, dy), textcoords="offset points", color=colour, va="center", fontsize=10)


def symbols(text: str) -> str:
    """A figure's label in which a symbol such as W_h is set as in a formula.

    >>> symbols("LSTM, b_f = 3"), symbols("top_k of W_h")
    ('LSTM, $b_f$ = 3', 'top_k of $W_h$')
    """
    return SYMBOL.sub(r"$\1_\2$", text)


def rectangle(corner: tuple[float, float], width: float, height: float, colour: str | tuple[float, ...]) -> "Rectangle":
    """A filled rectangle without a line around it, from its lower left corner, to be added to a plot."""
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, color=colour, linewidth=0)
