"""Figures that several chapters share."""

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.errors import UserError
from companion.plotting.theme import FAINT, INK, SERIES, axes

if TYPE_CHECKING:
    from IPython.display import SVG
    from matplotlib.figure import Figure

MARKS = "osD^vP"  # one for each series, so that colour isn't needed to tell them apart


def along_text(text: str, values: Sequence[float], label: str) -> "Figure":
    """A bar for each character of a line, in another colour where a word begins.

    Parameters
    ----------
    text, values
        The characters, and the height of each one's bar, ``(n,)``.
    label
        What the height is.
    """
    figure, ax = axes(6.8, 2.2)
    ax.bar(range(len(text)), values, color=[SERIES[1] if c == " " else SERIES[0] for c in " " + text[:-1]], width=0.75)
    ax.set_xticks(range(len(text)), [c.replace(" ", "␣") for c in text], family="monospace", fontsize=10)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.6, len(text) - 0.4)
    ax.set_ylabel(label)
    return figure


def dots(
    rows: Mapping[str, Mapping[str, float | Sequence[float]]],
    label: str,
    limits: tuple[float, float] | None = None,
    line: tuple[float, str] | None = None,
) -> "Figure":
    """A row for each case, a mark for each of its values: what a table of a few numbers shows, to be seen at once.

    Parameters
    ----------
    rows
        For each case and each series, a value, or a value and the two ends of its interval. A case may lack a series.
        There are at most six series, because there are as many marks and colours that can be told apart.
    label
        What the values are, for the axis.
    limits
        The ends of the axis; by default as matplotlib chooses.
    line
        A value to compare with and its name, such as ``(50, "guessing")``: a dashed line.

    Raises
    ------
    UserError
        There are more than six series.
    """
    series = list(dict.fromkeys(name for values in rows.values() for name in values))
    if len(series) > len(MARKS):
        raise UserError(f"There are {len(series)} series; dots can tell {len(MARKS)} apart, so make two figures.")
    figure, ax = axes(6.8, 0.85 + 0.3 * bool(series[1:]) + 0.2 * bool(line) + len(rows) * (0.3 + 0.1 * len(series)))
    if line is not None:
        ax.axvline(line[0], color=FAINT, linestyle="--", linewidth=1.2)
        ax.text(line[0], 0.52, line[1], color=FAINT, ha="center", va="bottom", fontsize=10)
    named: set[str] = set()
    for place, values in enumerate(rows.values()):
        ax.axhline(-place, color=FAINT, alpha=0.25, linewidth=0.8, zorder=0)
        own = [name for name in series if name in values]
        for n, name in enumerate(own):
            value, *ends = np.atleast_1d(values[name])
            number = series.index(name)
            y, colour = -place + 0.5 / len(own) * ((len(own) - 1) / 2 - n), SERIES[number]
            if ends:
                ax.plot(ends, [y, y], color=colour, linewidth=1.6)
            ax.plot(value, y, MARKS[number], color=colour, markersize=6.5, label=None if name in named else name)
            named.add(name)
    ax.set_yticks([-place for place in range(len(rows))], list(rows))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set(ylim=(0.5 - len(rows), 0.5), xlabel=label, **({"xlim": limits} if limits else {}))
    if series[1:]:
        figure.legend(
            loc="outside upper center",
            ncols=len(series),
            fontsize=10,
            columnspacing=1.2,
            handletextpad=0.2,
            labelcolor="linecolor",
        )
    return figure


def attention_map(source: Sequence[str], target: Sequence[str], weights: np.ndarray) -> "SVG":
    """Where a decoder looked: a row for each token written, a column for each token read; darker squares weigh more.

    Parameters
    ----------
    source, target
        Tokens read and written.
    weights
        ``(target, source)``; each row adds up to 1.

    Returns
    -------
    IPython.display.SVG
        Drawn with the reader's own fonts, Chinese too.
    """
    from IPython.display import SVG

    cell, left = 26, 12 + 15 * max(1, *(len(token) for token in target))
    longest = max(len(token) for token in source)
    slant, head = (" rotate(-70)", 14 + round(8 * longest)) if longest > 1 else ("", 22)  # single letters are upright
    width, height = left + cell * len(source) + 16, head + cell * len(target) + 4
    parts = []
    for column, token in enumerate(source):
        place, anchor = (4, "start") if slant else (0, "middle")
        x = left + cell * (column + 0.5) + place
        parts.append(
            f'<text transform="translate({x:.0f} {head - 6}){slant}" font-size="13" text-anchor="{anchor}">'
            f"{html.escape(token)}</text>"
        )
    for row, token in enumerate(target):
        y = head + cell * row
        parts.append(f'<text x="{left - 8}" y="{y + 18}" font-size="14" text-anchor="end">{html.escape(token)}</text>')
        for column in range(len(source)):
            weight = float(weights[row][column])
            parts.append(
                f'<rect x="{left + cell * column}" y="{y}" width="{cell - 1}" height="{cell - 1}" fill="{SERIES[0]}" '
                f'fill-opacity="{weight:.2f}" stroke="{FAINT}" stroke-opacity="0.25"><title>{weight:.0%}</title></rect>'
            )
    return SVG(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" fill="{INK}">{"".join(parts)}</svg>'
    )
