"""The book's figures: one palette, labels on the lines themselves, readable in light and in dark pages.

A figure is an SVG with a transparent ground and mid-tone ink, so the page's own colour shows through.
Each gate has its colour everywhere: forget vermillion, input blue, output green, candidate and cell amber [1]_.

References
----------
.. [1] Okabe & Ito 2008, *Color Universal Design*: colours that colour-blind readers tell apart.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
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
    """Write a line's name beside its end, in its colour, ``dx`` and ``dy`` points away."""
    ax.annotate(text, (x, y), (dx, dy), textcoords="offset points", color=colour, va="center", fontsize=10)


def html_table(header: Sequence[str], lines: Iterable[Sequence[Any]]) -> Any:
    """A small table for a notebook: columns of numbers are set flush right, the first and those of text flush left.

    A cell is anything with a ``str``; one with a ``_repr_html_`` of its own is set as that says.
    """
    from IPython.display import HTML

    rows = [list(line) for line in lines]
    numbers = [
        n > 0 and all(_begins_with_a_number(str(cell)) for cell in column)
        for n, column in enumerate(zip(*rows, strict=True))
    ]
    sides = ["right" if right else "left" for right in numbers] or ["left"] * len(header)

    def shown(cell: Any) -> str:
        return cell._repr_html_() if hasattr(cell, "_repr_html_") else html.escape(str(cell))

    def row(cells: Sequence[Any], tag: str) -> str:
        inner = (f'<{tag} style="text-align:{s}">{shown(c)}</{tag}>' for c, s in zip(cells, sides, strict=True))
        return f"<tr>{''.join(inner)}</tr>"

    body = "".join(row(line, "td") for line in rows)
    return HTML(f'<table class="dataframe"><thead>{row(header, "th")}</thead><tbody>{body}</tbody></table>')


def _begins_with_a_number(cell: str) -> bool:
    """``12.3 (11 to 14)``, ``−0.5``, ``.3``; so does a cell that holds a dash or nothing, as it does for a number."""
    return not cell or cell[0] in "–+−-." or cell[0].isdigit()


TOKEN_TINTS = ("#cfe2f3", "#fde9b8", "#cdebdc", "#f1d9e6")  # black on any of them: above 14 to 1
TOKEN_UNKNOWN = FORGET  # black on it: 5 to 1


def token_boxes(rows: Iterable[tuple[str, Sequence[str]]], width: int = 480) -> Any:
    """Texts cut into tokens, each token a box: an SVG that is drawn with the reader's own fonts, Chinese too.

    Parameters
    ----------
    rows
        What to write above each cut text, and its tokens, as ``Tokenizer.tokenize`` gives them. A space is shown as
        a dot, a line break as an arrow, an unknown token in vermillion.
    width
        Of the picture in pixels; boxes that don't fit go to the next line.
    """
    from IPython.display import SVG

    from companion.tokenizers import UNKNOWN_NAME

    size, height, pad, gap, step = 15, 24, 3, 2, 28  # of a box: font, height, inner and outer space; line to line
    parts: list[str] = []
    y = 0
    for label, tokens in rows:
        y += 18
        parts.append(f'<text x="0" y="{y - 4}" font-size="13" fill="{INK}">{html.escape(label)}</text>')
        x = 0.0
        for number, token in enumerate(tokens):
            shown = token.replace(" ", "·").replace("\n", "↵")
            text_width = sum(0.6 * size if ord(c) < 0x2E80 else size for c in shown)
            if x + text_width + 2 * pad > width:
                x, y = 0.0, y + step
            fill = TOKEN_UNKNOWN if token == UNKNOWN_NAME else TOKEN_TINTS[number % len(TOKEN_TINTS)]
            parts.append(
                f'<rect x="{x:.1f}" y="{y}" width="{text_width + 2 * pad:.1f}" height="{height}" rx="3" fill="{fill}"/>'
                f'<text x="{x + pad:.1f}" y="{y + 17}" font-size="{size}" textLength="{text_width:.1f}" '
                f'lengthAdjust="spacingAndGlyphs" class="token">{html.escape(shown)}</text>'
            )
            x += text_width + 2 * pad + gap
        y += step + 6
    return SVG(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{y}" viewBox="0 0 {width} {y}" '
        'font-family="DejaVu Sans, Helvetica, Arial, sans-serif">'
        "<style>.token{font-family:DejaVu Sans Mono,Menlo,Consolas,monospace;fill:#111;white-space:pre}</style>"
        f"{''.join(parts)}</svg>"
    )


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


def guess_numbers(text: str, rows: "dict[str, Sequence[int]]", width: int = 21) -> "Figure":
    """A line of text with the guess numbers of several models under its characters; a 1 is on a filled square.

    Parameters
    ----------
    text
        The characters, shape ``(n,)``; a space is drawn as ␣.
    rows
        For each model, its name and its numbers, shape ``(n,)``.
    width
        Characters in a row of the figure; a longer text goes on below.
    """
    height = len(rows) + 1.6
    parts = range(-(-len(text) // width))
    figure, ax = axes(6.4, 0.31 * height * len(parts))
    for part in parts:
        top = -part * height
        for column, character in enumerate(text[part * width : (part + 1) * width]):
            at = part * width + column
            ax.text(column, top, character.replace(" ", "␣"), ha="center", va="center", family="monospace", fontsize=13)
            for line, numbers in enumerate(rows.values(), start=1):
                if numbers[at] == 1:
                    ax.add_patch(_rectangle((column - 0.45, top - line - 0.42), 0.9, 0.84, INPUT))
                ink = "white" if numbers[at] == 1 else INK
                ax.text(column, top - line - 0.04, str(numbers[at]), ha="center", va="center", color=ink, fontsize=10)
        for line, name in enumerate(rows, start=1):
            ax.text(-0.8, top - line, name, ha="right", va="center")
    ax.set(xlim=(-3.2, width - 0.4), ylim=(-len(parts) * height + 0.9, 0.6))
    ax.axis("off")
    return figure


def _rectangle(corner: tuple[float, float], width: float, height: float, colour: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, color=colour, linewidth=0)


# Vermillion over the ground of the page, 0 to 6 bits: text on the strongest tint keeps 5 to 1, light and dark.
COST_STEPS = 6
COST_STRONGEST = 0.6


def tinted_text(text: str, bits: "Sequence[float]", label: str) -> Any:
    """A text in which each character is tinted by what it cost: no tint below 1 bit, the strongest from 6 bits on.

    Parameters
    ----------
    text
        The characters, shape ``(n,)``; line breaks are kept.
    bits
        What each cost, in bits, shape ``(n,)``. A pointer over a character shows its number.
    label
        What the picture shows, for readers who don't see it.

    Returns
    -------
    IPython.display.HTML
        With its own scale below; it wraps on a narrow page and follows the page's colours.
    """
    from IPython.display import HTML

    def tinted(content: str, cost: float, about: str = "") -> str:
        step = min(int(cost), COST_STEPS)
        tip = f' title="{about}"' if about else ""
        return f'<span class="bits-{step}"{tip}>{content}</span>'

    rules = "".join(
        f".bits-{step}{{background:rgba(213,94,0,{COST_STRONGEST * step / COST_STEPS:.1f})}}"
        for step in range(1, COST_STEPS + 1)
    )
    marked = "".join(
        character if character == "\n" else tinted(html.escape(character), cost, f"{cost:.1f} bits")
        for character, cost in zip(text, bits, strict=True)
    )
    scale = "".join(tinted(f"&nbsp;{step}&nbsp;", step) for step in range(COST_STEPS)) + tinted(
        f"&nbsp;{COST_STEPS}+&nbsp;", COST_STEPS
    )
    return HTML(
        f'<div role="img" aria-label="{html.escape(label)}"><style>{rules}</style>'
        '<pre style="white-space:pre-wrap;line-height:1.7;background:none;border:0;color:inherit;padding:0;margin:0">'
        f'{marked}</pre><p style="font-size:0.85em;margin:0.6em 0 0">{scale} bits</p></div>'
    )


TINT_STEPS = 5  # on either side of 0


def tint_step(value: float) -> int:
    """Which tint a value from −1 to 1 gets: −5 to 5, and 0 for none; values beyond are held at the ends.

    >>> [tint_step(value) for value in (-3.0, -1.0, -0.05, 0.0, 0.3, 1.0)]
    [-5, -5, 0, 0, 2, 5]
    """
    return round(max(-1.0, min(1.0, float(value))) * TINT_STEPS)


def signed_text(text: str, values: "Sequence[float]", label: str, ends: tuple[str, str] = ("−1", "+1")) -> Any:
    """A text in which each character is tinted by a value: blue below 0, none at 0, vermillion above.

    Parameters
    ----------
    text
        The characters, shape ``(n,)``; line breaks are kept.
    values
        One for each, from −1 to 1, shape ``(n,)``. A pointer over a character shows it.
    label
        What the picture shows, for readers who don't see it.
    ends
        What to call −1 and 1 in the scale below.

    Returns
    -------
    IPython.display.HTML
        It wraps on a narrow page, and text on the strongest tints keeps 5 to 1 on light and dark pages.
    """
    from IPython.display import HTML

    def tinted(content: str, value: float, tip: str = "") -> str:
        step = tint_step(value)
        sign = "n" if step < 0 else "p"
        kind = f' class="tint-{sign}{abs(step)}"' if step else ""
        return f"<span{kind}{tip}>{content}</span>"

    colours = {"n": "0,114,178", "p": "213,94,0"}
    rules = "".join(
        f".tint-{sign}{step}{{background:rgba({rgb},{COST_STRONGEST * step / TINT_STEPS:.2f})}}"
        for sign, rgb in colours.items()
        for step in range(1, TINT_STEPS + 1)
    )
    marked = "".join(
        character if character == "\n" else tinted(html.escape(character), value, f' title="{value:+.2f}"')
        for character, value in zip(text, values, strict=True)
    )
    shades = [step / TINT_STEPS for step in range(-TINT_STEPS, TINT_STEPS + 1)]
    scale = "".join(tinted("&nbsp;&nbsp;", shade) for shade in shades)
    return HTML(
        f'<div role="img" aria-label="{html.escape(label)}" style="text-align:left"><style>{rules}</style>'
        '<pre style="white-space:pre-wrap;line-height:1.7;background:none;border:0;color:inherit;padding:0;margin:0">'
        f'{marked}</pre><p style="font-size:0.85em;margin:0.6em 0 0">{html.escape(ends[0])} {scale} '
        f"{html.escape(ends[1])}</p></div>"
    )


def probe_scores(rows: "Mapping[str, Mapping[str, tuple[float, float, float]]]", guess: float, label: str) -> "Figure":
    """What probes of several sources score for several questions: a dot each, and its interval.

    Parameters
    ----------
    rows
        Question, to source, to score and the ends of its interval; the same sources for each question.
    guess
        What guessing scores: the left end.
    label
        What the scores are, for the axis.
    """
    figure, ax = axes(6.8, 1.1 + 0.62 * len(rows))
    colours = (SERIES[2], SERIES[3], SERIES[0], INK)
    markers = ("^", "D", "s", "x")
    sources = list(next(iter(rows.values())))
    for place, question in enumerate(rows):
        ax.axhline(-place, color=FAINT, alpha=0.25, linewidth=0.8, zorder=0)
        for shift, source in enumerate(sources):
            value, low, high = rows[question][source]
            y = -place + 0.13 * (shift - (len(sources) - 1) / 2)
            ax.plot([low, high], [y, y], color=colours[shift], linewidth=1.6)
            ax.plot(value, y, markers[shift], color=colours[shift], markersize=6.5, label=None if place else source)
    ax.set_yticks([-place for place in range(len(rows))], list(rows))
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.set(xlim=(guess - 0.06, 1.01), ylim=(-len(rows) + 0.5, 0.5), xlabel=label)
    figure.legend(loc="outside upper center", ncols=len(sources), fontsize=9, columnspacing=1, handletextpad=0.2)
    return figure


def ablation_costs(
    panels: "Mapping[str, tuple[Mapping[str, Sequence[tuple[float, float, float]]], Sequence[Sequence[float]]]]",
    places: Sequence[str],
) -> "Figure":
    """What each kind of place costs more when cells are taken out: sets of cells in colour, random ones as crosses.

    Parameters
    ----------
    panels
        Title, to the named sets and the random draws. A set has for each place its mean and the ends of an interval, a
        draw has its mean.
    places
        The kinds of places, ``(n,)``.
    """
    import matplotlib.pyplot as plt

    figure, all_axes = plt.subplots(1, len(panels), figsize=(7, 4.8), sharey=True)
    for ax, (title, (sets, draws)) in zip(all_axes, panels.items(), strict=True):
        ax.axvline(0, color=INK, linewidth=0.8)
        for place in range(len(places)):
            ax.plot([d[place] for d in draws], [-place - 0.33] * len(draws), "x", color=INK, markersize=5)
            for n, (name, values) in enumerate(sets.items()):
                mean, low, high = values[place]
                y, colour = -place + 0.3 - 0.15 * n, SERIES[n]
                ax.plot([low, high], [y, y], color=colour, linewidth=1.5)
                ax.plot(mean, y, "osD^"[n], color=colour, markersize=5, label=None if place else name)
        ax.tick_params(axis="y", length=0)
        ax.set_title(title, fontsize=11)
        ax.set_xlabel("bits per character more")
    all_axes[0].set_yticks([-place for place in range(len(places))], places)
    handles, names = all_axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=9)
    return figure


def streams(text: str, batch_size: int = 3, window: int = 8) -> "Figure":
    """How a text is read in training: streams side by side, a window of each at every update, the state carried on.

    Parameters
    ----------
    text
        At least ``batch_size * window + 1`` characters; as many windows are drawn as it has room for.
    batch_size, window
        As in `companion.training.TrainingConfig`.
    """
    import numpy as np

    from companion.training import TrainingConfig, windows

    config = TrainingConfig(batch_size=batch_size, window=window)
    inputs, _ = windows(np.array([ord(character) for character in text]), config, epoch=0)
    gap, row = 2.2, 2.0  # between two windows, in characters; between two streams
    figure, ax = axes(6.4, 0.5 * (batch_size + 1.6))
    for step, batch in enumerate(inputs):
        left = step * (window + gap)
        ax.text(left + window / 2 - 0.5, 1.25, f"update {step + 1}", ha="center", color=SERIES[0])
        for stream, ids in enumerate(batch):
            y = -stream * row
            ax.add_patch(_rectangle((left - 0.6, y - 0.62), window + 0.2, 1.24, TOKEN_TINTS[step % len(TOKEN_TINTS)]))
            for column, code in enumerate(ids):
                shown = chr(code).replace(" ", "␣").replace("\n", "↵")
                ax.text(left + column, y, shown, ha="center", va="center", family="monospace", color="black")
            if step + 1 < len(inputs):
                arrow = {"arrowstyle": "->", "color": OUTPUT, "lw": 1.8}
                ax.annotate("", (left + window + gap - 0.6, y), (left + window - 0.4, y), arrowprops=arrow)
    edges = [step * (window + gap) - gap / 2 - 0.5 for step in range(1, len(inputs))]
    bottom = -(batch_size - 1) * row - 1.1
    ax.vlines(edges, bottom, 0.95, color=FORGET, linestyle=(0, (3, 3)), linewidth=1.2)
    ax.text(edges[0] + gap, bottom - 0.6, "state goes on", color=OUTPUT, ha="left", va="center", fontsize=10)
    ax.text(edges[0] + 0.3, bottom - 0.6, "gradient stops", color=FORGET, ha="right", va="center", fontsize=10)
    for stream in range(batch_size):
        ax.text(-1.2, -stream * row, f"stream {stream + 1}", ha="right", va="center", fontsize=10)
    ax.set(xlim=(-5.5, len(inputs) * (window + gap) - gap), ylim=(bottom - 1.1, 1.8))
    ax.axis("off")
    return figure


def candidate_bars(tokens: Sequence[str], panels: "dict[str, Sequence[float]]") -> "Figure":
    """Probabilities of the same few candidates under several settings, side by side.

    Parameters
    ----------
    tokens
        The candidates' names.
    panels
        Title to one probability for each candidate; a last bar, "…", stands for all others.
    """
    import matplotlib.pyplot as plt

    figure, all_axes = plt.subplots(1, len(panels), figsize=(6.8, 2.4), sharey=True)
    names = [*(token.replace(" ", "·") for token in tokens), "…"]
    for ax, (title, probabilities) in zip(all_axes, panels.items(), strict=True):
        heights = [*probabilities, max(0.0, 1 - sum(probabilities))]
        ax.bar(range(len(names)), heights, color=[SERIES[0]] * len(tokens) + [FAINT], width=0.75)
        for place, height in enumerate(heights):
            ax.text(place, height + 0.015, f"{100 * height:.0f}", ha="center", fontsize=9)
        ax.set_xticks(range(len(names)), names)
        ax.tick_params(axis="x", length=0)
        ax.set_title(title, fontsize=11)
    all_axes[0].set_ylabel("probability")
    all_axes[0].yaxis.set_major_formatter(lambda y, _: f"{100 * y:.0f} %")
    return figure


def along_text(text: str, values: "Sequence[float]", label: str) -> "Figure":
    """One bar above each character of a line; ``label`` says what the height is."""
    figure, ax = axes(6.8, 2.2)
    ax.bar(range(len(text)), values, color=[SERIES[1] if c == " " else SERIES[0] for c in " " + text[:-1]], width=0.75)
    ax.set_xticks(range(len(text)), [c.replace(" ", "·") for c in text], family="monospace", fontsize=10)
    ax.tick_params(axis="x", length=0)
    ax.set_xlim(-0.6, len(text) - 0.4)
    ax.set_ylabel(label)
    return figure


def trade_off(
    curves: "dict[str, list[tuple[str, float, float]]]", real: tuple[float, float], label: str, percent: bool = False
) -> "Figure":
    """What variety costs: a curve for each way of choosing tokens, and a star for real text.

    Parameters
    ----------
    curves
        Name of the way to its points: the setting, the share of distinct word pairs, the cost.
    real
        The last two of real text.
    label
        What the cost is, with its unit.
    percent
        Whether the cost is a share.
    """
    figure, ax = axes(6.4, 3.8)
    # Marker, and where the settings stand: left of the curves, but below the last one, which runs lowest.
    looks = (("o", (-6, 1), "right"), ("s", (-6, 1), "right"), ("D", (3, -11), "center"))
    for (name, points), colour, (marker, offset, align) in zip(curves.items(), SERIES, looks, strict=False):
        _, x, y = zip(*points, strict=True)
        ax.plot(x, y, marker=marker, markersize=4, linewidth=1.4, color=colour, label=name)
        for setting, right, up in points:
            ax.annotate(
                setting,
                (right, up),
                offset,
                textcoords="offset points",
                ha=align,
                va="center",
                color=colour,
                fontsize=9,
            )
    ax.plot(*real, marker="*", markersize=14, color=INK, linestyle="none")
    ax.annotate("real text", real, (12, -1), textcoords="offset points", va="center")
    ax.set_xlim(right=1.02)
    ax.margins(y=0.09)  # room for the setting under the lowest point
    ax.set_xlabel("distinct word pairs")
    ax.set_ylabel(label)
    ax.xaxis.set_major_formatter(lambda x, _: f"{100 * x:.0f} %")
    if percent:
        ax.yaxis.set_major_formatter(lambda y, _: f"{100 * y:.0f} %")
    ax.legend(loc="upper left")
    return figure


def skyline(places: "dict[str, Any]", bits: Any, others: Any, names: tuple[str, str]) -> "Figure":
    """Where a text's bits go: for each kind of place a bar as wide as its share of the characters, as high as its bits.

    Parameters
    ----------
    places
        For each kind, its name and where it is: boolean, shape ``(characters,)``. No character is of two kinds.
    bits, others
        What each character cost one model (the bars) and another one (the dashes), shape ``(characters,)``.
    names
        Of the two models.
    """
    figure, ax = axes(6.4, 3.8)
    left = 0.0
    ticks: list[float] = []
    for place in places.values():
        width = float(place.mean())
        height, other = float(bits[place].mean()), float(others[place].mean())
        ax.bar(left + width / 2, height, width=width - 0.006, color=SERIES[0], alpha=0.85)
        ax.hlines(other, left + 0.003, left + width - 0.003, color=FORGET, linestyle=(0, (3, 1.5)), linewidth=2.2)
        if not ticks:  # the first bar tells which is which
            ax.text(left + width / 2, height - 0.3, names[0], ha="center", color="white", fontsize=10)
            ax.text(left + width / 2, other + 0.12, names[1], ha="center", color=FORGET, fontsize=10)
        ticks.append(left + width / 2)
        left += width
    ax.set_xticks(ticks, [name.replace(" ", "\n") for name in places])
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(0, left), ylabel="bits per character", xlabel="share of the characters")
    return figure


def ring_states(states: Any) -> "Figure":
    """A ring all-reduce, step by step: how many workers' parts each chunk on each worker is the sum of.

    Parameters
    ----------
    states
        Before the first step and after each, ``(steps + 1, workers, chunks)``, with as many chunks as workers.
    """
    import matplotlib.pyplot as plt
    import numpy as np

    states = np.asarray(states).astype(int)
    workers, columns = states.shape[1], 3
    rows = -(-len(states) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(5.4, 1.85 * rows))
    tints = ("#e4e4e4", "#cfe2f3", "#7fb8dd", INPUT)
    for step, ax in enumerate(panels.flat):
        ax.axis("off")
        if step >= len(states):
            continue
        for worker in range(workers):
            for chunk in range(workers):
                count = states[step, worker, chunk]
                tint = tints[(count - 1) * (len(tints) - 1) // max(1, workers - 1)]
                ax.add_patch(_rectangle((chunk + 0.06, worker + 0.06), 0.88, 0.88, tint))
                colour = "white" if count == workers else "black"
                ax.text(chunk + 0.5, worker + 0.52, str(count), ha="center", va="center", color=colour, fontsize=11)
                if step and count != states[step - 1, worker, chunk]:
                    corner = (chunk + 0.06, worker + 0.06)
                    ax.add_patch(plt.Rectangle(corner, 0.88, 0.88, fill=False, edgecolor=FORGET, linewidth=2.2))
            if step % columns == 0:
                ax.text(-0.15, worker + 0.5, f"worker {worker}", ha="right", va="center", fontsize=10)
        ax.set(xlim=(0, workers), ylim=(workers, 0), aspect="equal")
        ax.set_title("start" if step == 0 else f"step {step}", fontsize=11, color=INK)
    return figure


def gate_bars(words: Sequence[str], values: Mapping[str, Sequence[float]]) -> "Figure":
    """What one unit's gates do at each word, as bars in the gates' colours, and what its cell holds.

    Parameters
    ----------
    words
        What is read, ``(n,)``.
    values
        For each of ``"f"``, ``"i"``, ``"g"``, ``"o"``, ``"c"``, from top to bottom, a value a word, ``(n,)``.
    """
    import matplotlib.pyplot as plt

    colours = {"f": FORGET, "i": INPUT, "g": CANDIDATE, "o": OUTPUT, "c": CELL}
    names = {"f": "forget", "i": "input", "g": "candidate", "o": "output", "c": "memory"}
    spans = [1 if letter in "fio" else 2 for letter in values]  # from 0 to 1, and from -1 to 1
    figure, rows = plt.subplots(
        len(values), 1, figsize=(6.4, 4.6), sharex=True, gridspec_kw={"height_ratios": spans, "hspace": 0.1}
    )
    for ax, (letter, heights) in zip(rows, values.items(), strict=True):
        ax.bar(range(len(words)), heights, color=colours[letter], width=0.8)
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.set(ylim=(0, 1.06) if letter in "fio" else (-1.1, 1.1), yticks=[1] if letter in "fio" else [-1, 1])
        ax.set_ylabel(f"{names[letter]} ${letter}_t$", rotation=0, ha="right", va="center", labelpad=12)
        ax.axhline(1, color=FAINT, linewidth=0.6, linestyle=":")
        ax.tick_params(axis="x", length=0)
        ax.spines["bottom"].set_visible(False)
    rows[-1].set_xticks(range(len(words)), words, rotation=40)
    return figure


def unrolled(words: Sequence[str], back: bool = False) -> "Figure":
    """A recurrent network drawn once for each word it reads: the same weights at every step, a guess above each.

    Parameters
    ----------
    words
        What is read, ``(n,)``.
    back
        Draw the way of the gradient instead: from each guess down into the state, and from state to state.
    """
    figure, ax = axes(6.6, 2.9)
    step, half = 2.2, 0.62  # between two states; half the side of a box

    def arrow(start: tuple[float, float], end: tuple[float, float], lit: bool) -> None:
        colour, width = (FORGET, 2.2) if lit and back else (INK, 1.6)
        ax.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0})

    for t, word in enumerate(words):
        x = step * t
        ax.add_patch(_rectangle((x - half, -half), 2 * half, 2 * half, INPUT))
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


def attention_map(source: Sequence[str], target: Sequence[str], weights: Any) -> Any:
    """Where a decoder looked: a row for each token written, a column for each token read, the darker the more weight.

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
    head = 14 + round(8 * max(len(token) for token in source))
    width, height = left + cell * len(source) + 16, head + cell * len(target) + 4
    parts = []
    for column, token in enumerate(source):
        x = left + cell * (column + 0.5) + 4
        parts.append(
            f'<text transform="translate({x:.0f} {head - 6}) rotate(-70)" font-size="13">{html.escape(token)}</text>'
        )
    for row, token in enumerate(target):
        y = head + cell * row
        parts.append(f'<text x="{left - 8}" y="{y + 18}" font-size="14" text-anchor="end">{html.escape(token)}</text>')
        for column in range(len(source)):
            weight = float(weights[row][column])
            parts.append(
                f'<rect x="{left + cell * column}" y="{y}" width="{cell - 1}" height="{cell - 1}" fill="{SERIES[0]}" '
                f'fill-opacity="{weight:.2f}" stroke="{FAINT}" stroke-opacity="0.4"><title>{weight:.0%}</title></rect>'
            )
    return SVG(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}" '
        f'font-family="DejaVu Sans, Helvetica, Arial, sans-serif" fill="{INK}">{"".join(parts)}</svg>'
    )


def looks(facts: Sequence[str], weights: Any, support: Sequence[int]) -> "Figure":
    """Where a network looked in a story: one column a look, one row a fact, darker for more attention.

    Parameters
    ----------
    facts
        The story's sentences, first to last.
    weights
        Attention, shape ``(looks, facts)``.
    support
        For each look the fact that it should find; framed in green.
    """
    from matplotlib.colors import LinearSegmentedColormap

    tint = LinearSegmentedColormap.from_list("attention", ["#eef3f8", INPUT])  # black on it up to 0.92: above 4.5 to 1
    figure, ax = axes(6.4, 0.5 + 0.34 * len(facts))
    for row, fact in enumerate(facts):
        ax.text(-0.65, -row, fact, ha="right", va="center")
        for column, weight in enumerate(weights[:, row]):
            ax.add_patch(_rectangle((column - 0.46, -row - 0.42), 0.92, 0.84, tint(float(weight))))
            if weight >= 0.005:
                ink = "white" if weight > 0.92 else "black"
                ax.text(column, -row - 0.02, f"{100 * weight:.0f}", ha="center", va="center", color=ink, fontsize=10)
    for column, row in enumerate(support[: len(weights)]):
        frame = _rectangle((column - 0.46, -row - 0.42), 0.92, 0.84, "none")
        frame.set(edgecolor=OUTPUT, linewidth=2.5)
        ax.add_patch(frame)
    for column in range(len(weights)):
        ax.text(column, 0.75, f"look {column + 1}", ha="center", va="center")
    ax.set(xlim=(-3.3, len(weights) - 0.4), ylim=(-len(facts) + 0.4, 1.1))
    ax.axis("off")
    return figure


def copied_and_generated(
    written: Sequence[str], generated: Sequence[float], copied: Sequence[float], pointed_at: Sequence[str]
) -> "Figure":
    """One row a token: how much of its probability came from the vocabulary, and how much from the text.

    Parameters
    ----------
    written
        The tokens, first to last, ``(T,)``.
    generated, copied
        The two parts of each token's probability, ``(T,)``.
    pointed_at
        The token of the text that attention rested on most, ``(T,)``.
    """
    figure, ax = axes(5.0, 0.9 + 0.3 * len(written))
    for row, (token, made, taken, word) in enumerate(zip(written, generated, copied, pointed_at, strict=True)):
        share = taken / (made + taken)
        ax.barh(-row, 1 - share, color=INPUT, height=0.7)
        ax.barh(-row, share, left=1 - share, color=FORGET, height=0.7)
        ax.text(-0.03, -row, token, ha="right", va="center", family="monospace", fontsize=11)
        ax.text(1.03, -row, word, ha="left", va="center", family="monospace", fontsize=10)
    ax.text(-0.03, 1, "written", ha="right", va="center", fontsize=10)
    ax.text(0, 1, "vocabulary", color=INPUT, ha="left", va="center")
    ax.text(1, 1, "copied", color=FORGET, ha="right", va="center")
    ax.text(1.03, 1, "looking at", ha="left", va="center", fontsize=10)
    ax.set(xlim=(-0.62, 1.5), ylim=(-len(written) + 0.4, 1.5))
    ax.axis("off")
    return figure


def predictions(panels: "Mapping[str, Mapping[str, tuple[float, float, float]]]") -> "Figure":
    """Measured against predicted seconds: for each model a rough prediction (hollow) and a better one (filled).

    Parameters
    ----------
    panels
        What took the seconds, to model, to the rough prediction, the better one, and what was measured.
    """
    import matplotlib.pyplot as plt

    figure, all_axes = plt.subplots(len(panels), 1, figsize=(6.4, 3.9 * len(panels)))
    for ax, (what, models) in zip(all_axes, panels.items(), strict=True):
        ends = [value for three in models.values() for value in three]
        low, high = min(ends) / 1.6, max(ends) * 1.6
        ax.plot([low, high], [low, high], "--", color=INK, linewidth=1)
        ordered = sorted(models.items(), key=lambda item: item[1][2])
        for n, (name, (rough, better, found)) in enumerate(ordered):
            colour = SERIES[n % 2]
            ax.plot([rough, better], [found, found], color=colour, linewidth=0.8)
            ax.plot(rough, found, "o", color=colour, markerfacecolor="none", markersize=7)
            ax.plot(better, found, "o", color=colour, markersize=7)
            place = (-9, 0) if n % 2 else (11, 0)
            beside = min(other[0] for _, other in ordered[max(0, n - 1) : n + 2])
            x, side = (beside, "right") if n % 2 else (max(rough, better, found), "left")
            ax.annotate(
                name, (x, found), place, textcoords="offset points", ha=side, va="center", color=colour, fontsize=10
            )
        ax.set(
            xscale="log", yscale="log", xlim=(low / 4, high * 5), ylim=(min(m[2] for m in models.values()) / 1.6, high)
        )
        ax.set(xlabel=f"predicted seconds for {what}", ylabel="measured")
    return figure
