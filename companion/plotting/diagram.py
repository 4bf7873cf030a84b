"""The book's drawing of an LSTM cell: always the same layout, with only the part under discussion lit.

A drawing is SVG inside HTML. It takes its ink from the page, so it is right in light and in dark, and the gates have
the colours they have everywhere. The chapter *gates* draws it part by part, and its explorer writes numbers into it.
"""

import html
from collections.abc import Mapping
from typing import TYPE_CHECKING

from companion.errors import UserError

if TYPE_CHECKING:
    from IPython.display import HTML

# What can be lit, and what a reader who doesn't see the drawing is told.
PARTS = {
    "all": "All parts are lit.",
    "forget": "The forget gate is lit: its value multiplies the old cell state, which enters on the left.",
    "input": "The input gate is lit: its value multiplies the candidate before it is added to the memory.",
    "candidate": "The candidate is lit: multiplied by the input gate, it goes up and is added to the memory.",
    "write": "The input gate and the candidate are lit: their product goes up and is added to the memory.",
    "output": "The output gate is lit: it multiplies tanh of the new cell state, and the product is the hidden state.",
    "cell": "The memory line along the top is lit: it is multiplied by the forget gate, then the new part is added.",
}
LAYOUT = (
    "A cell of an LSTM. The memory runs along its top, from the old cell state on the left, through a multiplication "
    "and an addition, to the new cell state on the right. Below it are four boxes: forget, input, candidate, output. "
    "All four read the input and the previous hidden state."
)
STYLE = """
.lstm-cell { display: block; width: 100%; max-width: 34rem; height: auto; margin: 0 auto; font-size: 15px;
  --forget: var(--gate-forget, #D55E00); --input: var(--gate-input, #0072B2);
  --output: var(--gate-output, #009E73); --cell: var(--gate-candidate, #B07A00); }
.lstm-cell .of-forget { --part: var(--forget); } .lstm-cell .of-input { --part: var(--input); }
.lstm-cell .of-output { --part: var(--output); } .lstm-cell .of-ink { --part: currentColor; }
.lstm-cell .of-candidate, .lstm-cell .of-cell { --part: var(--cell); }
.lstm-cell path, .lstm-cell rect, .lstm-cell circle { fill: none; stroke: currentColor; stroke-opacity: 0.35;
  stroke-width: 1.5px; }
.lstm-cell .head { fill: currentColor; fill-opacity: 0.35; stroke: none; }
.lstm-cell text { fill: currentColor; fill-opacity: 0.75; text-anchor: middle; stroke: none; }
.lstm-cell .name, .lstm-cell .number { font-size: 12px; }
.lstm-cell .on path, .lstm-cell .on rect, .lstm-cell .on circle { stroke: var(--part); stroke-opacity: 1;
  stroke-width: 2.5px; }
.lstm-cell .on .head { fill: var(--part); fill-opacity: 1; stroke: none; }
.lstm-cell .on text { fill: var(--part); fill-opacity: 1; }
.lstm-cell .on rect.box { fill: var(--part); fill-opacity: 0.1; }
.lstm-cell rect.level ~ text { fill: currentColor; fill-opacity: 1; }
.lstm-cell rect.level { fill: var(--part); fill-opacity: 0.3; stroke: none; }
.lstm-cell rect.body { stroke-dasharray: 2 4; }
"""

RAIL, BUS, TOP, BOX, WIDE = 52, 240, 150, 64, 62  # memory line, line of the inputs; the boxes' top, height and width
COLUMNS = {"forget": 86, "input": 154, "candidate": 222, "output": 290}
BRANCH = 336  # where the hidden state leaves the memory line
SYMBOLS = {"forget": "f", "input": "i", "candidate": "g", "output": "o"}
NUMBERS = ("x", "h_before", "c_before", "f", "i", "g", "o", "keep", "write", "c", "tanh_c", "h")
_TIPS = {"up": "-4.5,7 4.5,7", "down": "-4.5,-7 4.5,-7", "left": "7,-4.5 7,4.5", "right": "-7,-4.5 -7,4.5"}


def cell_diagram(lit: str = "all", values: Mapping[str, float] | None = None, name: str = "cell") -> "HTML":
    """The cell of an LSTM as a drawing.

    Parameters
    ----------
    lit
        What is lit: ``"forget"``, ``"input"``, ``"candidate"``, ``"write"`` (these two), ``"output"``, ``"cell"`` (the
        memory) or ``"all"``.
    values
        Numbers to write into it, by name: ``x``, ``h_before``, ``c_before``, ``f``, ``i``, ``g``, ``o``, ``keep`` (f
        times the old c), ``write`` (i times g), ``c``, ``tanh_c``, ``h``. The boxes are filled as high as their gates
        are open.
    name
        A name that tells this drawing from others on the page with the same part lit.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    UserError
        There is no such part, or a number is missing.
    """
    from IPython.display import HTML

    return HTML(cell_svg(lit, values, name))


def cell_svg(lit: str = "all", values: Mapping[str, float] | None = None, name: str = "cell") -> str:
    """The drawing of `cell_diagram` as text."""
    if lit not in PARTS:
        raise UserError(f"There is no part {lit!r}; there are {', '.join(PARTS)}.")
    if values is not None and (missing := [key for key in NUMBERS if key not in values]):
        raise UserError(f"values has no number {missing[0]!r}; it should have {', '.join(NUMBERS)}.")

    def group(colour: str, *shapes: str, parts: tuple[str, ...] = ()) -> str:
        shown = {"input", "candidate"} if lit == "write" else {lit}
        on = " on" if lit == "all" or shown & set(parts or (colour,)) else ""
        return f'<g class="of-{colour}{on}">{"".join(shapes)}</g>'

    def number(key: str, x: float, y: float, anchor: str = "middle") -> str:
        if values is None:
            return ""
        value = f"{values[key]:.2f}".replace("-", "−")
        return f'<text class="number" x="{x}" y="{y}" style="text-anchor:{anchor}" data-show="{key}">{value}</text>'

    gates = tuple(COLUMNS)
    shapes = [
        '<rect class="body" x="44" y="14" width="314" height="256" rx="14"/>',
        group("ink", _line(f"M2 {BUS}H290", "h_before"), parts=gates),
        group("ink", _line(f"M64 296V{BUS}"), parts=gates),
        *(
            group("ink", _line(f"M{x} {BUS}V{TOP + BOX + 2}", tip=(x, TOP + BOX, "up")), parts=(g,))
            for g, x in COLUMNS.items()
        ),
        group("cell", _line(f"M2 {RAIL}H73", "c_before", (75, RAIL, "right")), parts=("cell", "forget")),
        group("cell", _line(f"M97 {RAIL}H175", "keep", (177, RAIL, "right")), parts=("cell", "forget")),
        group("cell", _line(f"M199 {RAIL}H392", "c", (396, RAIL, "right")), parts=("cell",)),
        group("forget", _line(f"M86 {TOP}V65", tip=(86, 63, "up")), _times(86, RAIL)),
        group("input", _line(f"M154 {TOP}V108H175", tip=(177, 108, "right"))),
        group("candidate", _line(f"M222 {TOP}V108H201", tip=(199, 108, "left"))),
        group("cell", _line("M188 97V65", "write", (188, 63, "up")), parts=("cell", "candidate", "input")),
        group("input", _times(188, 108), parts=("input", "candidate")),
        group("cell", _plus(188, RAIL), parts=("cell", "candidate", "input")),
        group("output", _line(f"M{BRANCH} {RAIL}V70", tip=(BRANCH, 72, "down"))),
        group(
            "output",
            f'<rect x="{BRANCH - 19}" y="72" width="38" height="22" rx="6"/>',
            _text(BRANCH, 87, "tanh", "name"),
        ),
        group("output", _line(f"M{BRANCH} 94V114", "tanh_c", (BRANCH, 117, "down")), _times(BRANCH, 128)),
        group("output", _line(f"M290 {TOP}V128H323", tip=(325, 128, "right"))),
        group("output", _line(f"M{BRANCH} 139V{BUS}H392", "h", (396, BUS, "right"))),
    ]
    for gate, x in COLUMNS.items():
        letter, left, level = SYMBOLS[gate], x - WIDE / 2, ""
        if values is not None:
            top, height = _filled(letter, values[letter])
            level = (
                f'<rect class="level" x="{left}" y="{top:.2f}" width="{WIDE}" height="{height:.2f}" '
                f'data-level="{letter}"/>'
            )
        function = _text(x, TOP + 37, "tanh" if gate == "candidate" else "σ", "name")
        shapes.append(
            group(
                gate,
                f'<rect class="box" x="{left}" y="{TOP}" width="{WIDE}" height="{BOX}" rx="7"/>',
                level,
                _symbol(x, TOP + 18, letter, "t"),
                number(letter, x, TOP + 37) or function,
                _text(x, TOP + 55, gate, "name"),
            )
        )
    shapes += [
        group("cell", _symbol(20, RAIL - 10, "c", "t−1"), number("c_before", 21, RAIL + 20), parts=("cell", "forget")),
        group("cell", _symbol(380, RAIL - 10, "c", "t"), number("c", 379, RAIL + 20), parts=("cell",)),
        group("cell", number("keep", 136, RAIL - 8), parts=("cell", "forget")),
        group("cell", number("write", 195, 86, "start"), parts=("cell", "candidate", "input")),
        group("output", number("tanh_c", BRANCH - 6, 112, "end")),
        group("ink", _symbol(20, BUS - 9, "h", "t−1"), number("h_before", 21, BUS + 19), parts=gates),
        group("ink", _symbol(80, 292, "x", "t"), number("x", 96, 292, "start"), parts=gates),
        group("output", _symbol(380, BUS - 9, "h", "t"), number("h", 379, BUS + 19)),
    ]
    key = html.escape(f"{name}-{lit}")
    about = html.escape(f"{LAYOUT} {PARTS[lit]}")
    return (
        f'<svg class="lstm-cell" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 302" role="img" '
        f'aria-labelledby="{key}-title {key}-about"><style>{STYLE}</style>'
        f'<title id="{key}-title">The cell of an LSTM</title><desc id="{key}-about">{about}</desc>'
        f"{''.join(shapes)}</svg>"
    )


def _filled(gate: str, value: float) -> tuple[float, float]:
    """Top and height of the filled part of a gate's box: up from below, for the candidate up or down from the middle.

    >>> _filled("f", 0.25)
    (198.0, 16.0)
    >>> _filled("g", -0.5)
    (182.0, 16.0)
    """
    if gate != "g":
        return TOP + BOX * (1 - value), BOX * value
    height = BOX / 2 * abs(value)
    return TOP + BOX / 2 - (height if value > 0 else 0), height


def _line(path: str, carries: str = "", tip: tuple[float, float, str] | None = None) -> str:
    """A line, with an arrow's tip at ``(x, y, direction)``; ``carries`` names the number that flows in it."""
    flow = f' data-flow="{carries}"' if carries else ""
    head = ""
    if tip:
        x, y, direction = tip
        head = f'<polygon class="head" points="0,0 {_TIPS[direction]}" transform="translate({x} {y})"/>'
    return f'<path d="{path}"{flow}/>{head}'


def _times(x: float, y: float) -> str:
    """The sign of an elementwise product."""
    return f'<circle cx="{x}" cy="{y}" r="11"/><circle class="head" cx="{x}" cy="{y}" r="2.5"/>'


def _plus(x: float, y: float) -> str:
    """The sign of a sum."""
    return f'<circle cx="{x}" cy="{y}" r="11"/><path d="M{x - 5} {y}h10M{x} {y - 5}v10"/>'


def _text(x: float, y: float, content: str, kind: str) -> str:
    """A word."""
    return f'<text class="{kind}" x="{x}" y="{y}">{content}</text>'


def _symbol(x: float, y: float, letter: str, index: str) -> str:
    """A letter of the formulas with its index, upright and lowered."""
    return (
        f'<text x="{x}" y="{y}"><tspan font-style="italic">{letter}</tspan>'
        f'<tspan font-size="0.7em" dy="0.25em">{index}</tspan></text>'
    )
