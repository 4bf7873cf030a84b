"""The book's figures: one palette, labels on the lines themselves, readable in light and in dark pages.

A figure is an SVG with a transparent ground and mid-tone ink, so the page's own colour shows through.
Each gate has its colour everywhere: forget vermillion, input blue, output green, candidate and cell amber [1]_.

References
----------
.. [1] Okabe & Ito 2008, *Color Universal Design*: colours that colour-blind readers tell apart.
"""

import html
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORGET, INPUT, OUTPUT, CANDIDATE = "#D55E00", "#0072B2", "#009E73", "#E69F00"
CELL = CANDIDATE
# Ink for text and axes: at least 4.5 to 1 on white and on the book's dark ground (#121212).
INK, FAINT = "#757575", "#9a9a9a"
# Lines of several models, in this order, told apart without colour by their labels.
SERIES = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#8a6d00", "#5f6b7a")


def style() -> None:
    """Set matplotlib up for the book; a chapter that draws calls it once."""
    import matplotlib as mpl
    from cycler import cycler
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    set_matplotlib_formats("svg")
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
    """Write a line's name beside its end, in its colour, ``dx`` and ``dy`` points away."""
    ax.annotate(text, (x, y), (dx, dy), textcoords="offset points", color=colour, va="center", fontsize=10)


def html_table(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> Any:
    """A small table for a notebook: the first column is text, the others are set flush right."""
    from IPython.display import HTML

    def row(cells: Sequence[Any], tag: str) -> str:
        sides = ("left", *["right"] * (len(cells) - 1))
        inner = (
            f'<{tag} style="text-align:{s}">{html.escape(str(c))}</{tag}>' for c, s in zip(cells, sides, strict=True)
        )
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join(row(line, "td") for line in lines)
    return HTML(f'<table class="dataframe"><thead>{row(header, "th")}</thead><tbody>{body}</tbody></table>')


def scoreboard(until: str | None = None, highlight: Iterable[str] = ()) -> "Figure":
    """The scoreboard as bars, worst on top.

    Parameters
    ----------
    until
        Only the rows of the chapters up to this one.
    highlight
        Names of the rows to set in colour; by default the rows of the chapter ``until``.
    """
    from companion import scoreboard as board

    shown = board.rows(until)
    lit = set(highlight) or {row.name for row in shown if row.chapter == until}
    figure, ax = axes(6.4, 0.6 + 0.32 * len(shown))
    places = range(len(shown), 0, -1)
    colours = [FORGET if row.name in lit else FAINT for row in shown]
    ax.barh(places, [row.bits_per_character for row in shown], color=colours, height=0.62)
    for place, row in zip(places, shown, strict=True):
        ax.text(row.bits_per_character + 0.06, place, f"{row.bits_per_character:.2f}", va="center", fontsize=10)
    ax.set_yticks(list(places), [row.label for row in shown])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set_xlabel("bits per character on three plays never seen in training (lower is better)")
    ax.set_xlim(0, max((row.bits_per_character for row in shown), default=1) * 1.08)
    return figure
