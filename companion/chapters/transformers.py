"""The chapter *transformers*: its drawings, and a task that only memory can do.

The task is to repeat a random string after it has ended::

    c a f b | c a f b .  p d | p d .  ...

Nothing before the bar can be predicted, but a model that still has the string can predict everything after it. A random
string can't be learnt by heart.
"""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.cells import rotate, speeds
from companion.errors import UserError, check_sizes
from companion.plotting import FAINT, INK, SERIES, axes, rectangle
from companion.plotting.diagram import STYLE

if TYPE_CHECKING:
    import keras
    from IPython.display import HTML
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from companion.models.transformer import TransformerBlock

LETTERS = "abcdefghijklmnop"
BAR, STOP = len(LETTERS), len(LETTERS) + 1
VOCABULARY = [*LETTERS, "|", "."]
LSTM, TRANSFORMER = SERIES[1], SERIES[0]  # the two networks' colours in all figures of the chapter


# -- The task ----------------------------------------------------------------------------------------------------------
def copy_text(seed: int, tokens: int, shortest: int = 4, longest: int = 12) -> np.ndarray:
    """Ids of strings and their copies, ``(tokens,)`` int32; lengths and letters are drawn uniformly.

    Examples
    --------
    >>> "".join(VOCABULARY[i] for i in copy_text(seed=0, tokens=12, longest=4))
    'nkie|nkie.ea'

    Raises
    ------
    UserError
        A length is below 1, or the shortest is longer than the longest.
    """
    check_sizes(tokens=tokens, shortest=shortest, longest=longest)
    if shortest > longest:
        raise UserError(f"shortest is {shortest} and longest {longest}; shortest should be at most longest.")
    rng = np.random.default_rng(seed)
    ids: list[int] = []
    while len(ids) < tokens:
        string = rng.integers(len(LETTERS), size=rng.integers(shortest, longest + 1)).tolist()
        ids += [*string, BAR, *string, STOP]
    return np.array(ids[:tokens], dtype=np.int32)


def recall_shares(model: "keras.Model", length: int, seed: int = 0, strings: int = 200) -> np.ndarray:
    """The share of strings in which a model finds each letter of the copy most probable, ``(length,)``, first to last.

    The model reads a string, the bar, and at each place the true letters before it.

    Parameters
    ----------
    model
        A `companion.models.language_model` or `transformer_model` of ``len(VOCABULARY)`` tokens.
    length, strings, seed
        The length of the strings, their number, and the seed they are drawn with.

    Raises
    ------
    UserError
        The model has a vocabulary of another size, or a number is below 1.
    """
    if int(model.output_shape[-1]) != len(VOCABULARY):
        raise UserError(f"The model has {model.output_shape[-1]} tokens; this task has {len(VOCABULARY)}.")
    check_sizes(length=length, strings=strings)
    string = np.random.default_rng([seed, length]).integers(len(LETTERS), size=(strings, length))
    stop, bar = (np.full((strings, 1), token) for token in (STOP, BAR))
    ids = np.concatenate([stop, string, bar, string[:, :-1]], axis=1).astype(np.int32)
    guesses = model(ids, training=False).numpy()[:, length + 1 :].argmax(axis=-1)
    return (guesses == string).mean(axis=0)


# -- One position looks back -------------------------------------------------------------------------------------------

WHOLE = 1.5  # how wide all the values' streams are together, in steps from one token to the next
SEEN, NAMED = 0.005, 0.05  # the smallest weights that are drawn, and whose numbers are written


def looking_back(tokens: Sequence[str], weights: np.ndarray) -> "Figure":
    """The last position asks: its query meets all keys, and the values flow to it, each as wide as its weight.

    Parameters
    ----------
    tokens
        What was read, ``(n,)``, each drawn as one sign.
    weights
        The attention weights of the last position, ``(n,)``; they add up to 1.

    Raises
    ------
    UserError
        There isn't a weight for each token, or they don't add up to 1.
    """
    if len(weights) != len(tokens) or not np.isclose(sum(weights), 1, atol=1e-3):
        raise UserError(f"{len(tokens)} tokens need {len(tokens)} weights that add up to 1, not {list(weights)}.")
    figure, ax = axes(6.8, 3.4)
    last, out, value, key, query = len(tokens) - 1, 3.4, 1.15, -1.15, -2.1  # the last place; heights of the rows
    for x, token in enumerate(tokens):
        for row in (key + 0.27, 0.4):
            ax.plot([x, x], [row, row + 0.48], color=FAINT, linewidth=1)
        _box(ax, x, 0, token, 0.8, size=13)
        _box(ax, x, value, "$v$")
        _box(ax, x, key, "$k$")
        _arrow(ax, (x, query), (x, key - 0.3), TRANSFORMER)
    ax.plot([0, last + 0.73], [query, query], color=TRANSFORMER, linewidth=1.5)
    ax.plot([last + 0.4, last + 1, last + 1], [0, 0, query + 0.27], color=FAINT, linewidth=1)
    _box(ax, last + 1, query, "$q$", lit=True)
    _box(ax, last + 1, out, "$y$", WHOLE, lit=True, size=15)
    top = out + WHOLE / 2
    for x, weight in enumerate(weights):
        width = WHOLE * float(weight)
        if weight > SEEN:
            _stream(ax, (x, value + 0.27), (last + 1, top), width)
        if weight >= NAMED:
            ax.text(x - width / 2 - 0.1, value + 0.6, f"{weight:.0%}", ha="right", color=TRANSFORMER, fontsize=10)
        top -= width
    ax.set(xlim=(-0.5, last + 1.8), ylim=(query - 0.4, out + WHOLE / 2 + 0.1), aspect="equal")
    ax.axis("off")
    return figure


def _box(ax: "Axes", x: float, y: float, says: str, side: float = 0.54, lit: bool = False, size: float = 11) -> None:
    """A square around a sign, filled if it is lit."""
    from matplotlib.patches import FancyBboxPatch

    inner = side - 0.16
    corner = (x - inner / 2, y - inner / 2)
    ground, edge = (TRANSFORMER, TRANSFORMER) if lit else ("none", FAINT)
    box = FancyBboxPatch(corner, inner, inner, "round,pad=0.08", facecolor=ground, edgecolor=edge, linewidth=1)
    ax.add_patch(box).set_zorder(2)  # above the streams
    ax.text(x, y, says, ha="center", va="center", fontsize=size, color="white" if lit else INK)


def _arrow(ax: "Axes", start: tuple[float, float], end: tuple[float, float], colour: str, width: float = 1.2) -> None:
    look = {"arrowstyle": "-|>,head_width=0.15,head_length=0.3", "color": colour, "lw": width}
    ax.annotate("", end, start, arrowprops={**look, "shrinkA": 0, "shrinkB": 0})


def _stream(ax: "Axes", start: tuple[float, float], end: tuple[float, float], width: float) -> None:
    """A band that rises from the middle of its lower end and bends to the right, up to its upper right corner."""
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    (x, y), (to, top), radius = start, end, 0.25
    left, right, low = x - width / 2, x + width / 2, top - width
    bend, turn = right + radius, low - radius
    outer = [(left, y), (left, turn), (left, top), (bend, top), (to, top)]
    inner = [(to, low), (bend, low), (right, low), (right, turn), (right, y)]
    round_a_corner = [Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO]
    codes = [Path.MOVETO, *round_a_corner, Path.LINETO, *round_a_corner]
    ax.add_patch(PathPatch(Path(outer + inner, codes), facecolor=TRANSFORMER, alpha=0.45, linewidth=0))


# -- The block, part by part -------------------------------------------------------------------------------------------

# What can be lit, and what a reader who doesn't see the drawing is told.
PARTS = {
    "attention": "Attention is lit: three matrices, the heads, and a fourth matrix that mixes what they have found.",
    "network": "The small network is lit: it widens, makes negative numbers 0, and narrows again.",
    "residual": "The line along the top is lit, with its two additions.",
    "norm": "The two normalisations are lit: each branch begins with one.",
}
LAYOUT = (
    "A block of a Transformer. A line runs along its top from left to right, through two additions. Two branches leave "
    "it and come back: a normalisation and attention before the first addition, a normalisation and a network of one "
    "hidden layer before the second."
)
# Beyond what `companion.plotting.diagram.STYLE` has for the cell of an LSTM.
BLOCK_STYLE = """
svg.transformer-block { max-width: 30rem; font-size: 12px; --attention: #4b3fae; --network: #882255; }
html[data-theme="dark"] svg.transformer-block { --attention: #a9a0ff; --network: #e894c0; }
.transformer-block .of-attention { --part: var(--attention); }
.transformer-block .of-network { --part: var(--network); }
.transformer-block .of-residual { --part: var(--cell); }
.transformer-block .of-norm { --part: currentColor; }
.transformer-block .shape { font-size: 11.2px; }
.transformer-block .after { text-anchor: start; }
.transformer-block .before { text-anchor: end; }
svg.transformer-block rect.weights { fill: var(--pst-color-background, Canvas); stroke-width: 1.5px; }
"""

RAIL, NORM, MATRIX, LOW = 46, 92, 148, 208  # heights of the line along the top and of what hangs from it
ATTENTION, NETWORK = (62, 178), (234, 346)  # where the two branches leave the line and come back to it


def block_diagram(lit: str, block: "TransformerBlock") -> "HTML":
    """A block of a Transformer as a drawing: always the same layout, with only the part under discussion lit.

    It is drawn as `companion.plotting.cell_diagram` draws the cell of an LSTM, with the line of the sums where that has
    its memory. On each arrow is the shape of what it carries: T positions, and how many numbers at each.

    Parameters
    ----------
    lit
        ``"attention"``, ``"network"``, ``"residual"`` or ``"norm"``.
    block
        The block whose shapes are written into the drawing.

    Raises
    ------
    UserError
        There is no such part.
    """
    from IPython.display import HTML

    if lit not in PARTS:
        raise UserError(f"There is no part {lit!r}; there are {', '.join(PARTS)}.")
    sizes = block.hidden_dim, block.hidden_dim // block.num_heads, block.up.units
    wide, of_head, inner = (f"(T, {size})" for size in sizes)
    norm = [
        _wire((x, RAIL), (x, NORM - 12)) + _label(x + 8, 67, wide, "shape after") + _part(x, NORM, "norm")
        for x in (ATTENTION[0], NETWORK[0])
    ]
    attention = [
        _branch(ATTENTION, (109, 142 + 3 * block.num_heads), wide, of_head),
        _part(ATTENTION[0], MATRIX, _symbols("q", "k", "v"), 72),
        _label(ATTENTION[0] + 8, 176, "q, k, v", "shape after"),
        *(_head(111 + 3 * n, LOW + 3 * n) for n in reversed(range(block.num_heads))),
        _label(130, LOW + 38, f"{block.num_heads} heads", "shape"),
        _part(ATTENTION[1], MATRIX, _symbols("o"), 30),
    ]
    network = [
        _branch(NETWORK, (270, 310), wide, inner),
        _part(NETWORK[0], MATRIX, "up"),
        _part(290, LOW, "relu", 40),
        _part(NETWORK[1], MATRIX, "down"),
    ]
    first, second = ATTENTION[1], NETWORK[1]
    residual = [_wire((start, RAIL), (end, RAIL)) for start, end in ((2, first - 11), (first + 11, second - 11))]
    residual += [_wire((second + 11, RAIL), (398, RAIL)), _sum(first), _sum(second)]
    residual += [_label(x, RAIL - 8, wide, "shape") for x in (120, 290)]
    parts = {"norm": norm, "attention": attention, "network": network, "residual": residual}
    shapes = "".join(
        f'<g class="of-{part}{" on" if part == lit else ""}">{"".join(drawn)}</g>' for part, drawn in parts.items()
    )
    about = html.escape(f"{LAYOUT} {PARTS[lit]}")
    return HTML(
        f'<svg class="lstm-cell transformer-block" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 270" role="img" '
        f'aria-labelledby="block-{lit}-title block-{lit}-about"><style>{STYLE}{BLOCK_STYLE}</style>'
        f'<title id="block-{lit}-title">A block of a Transformer</title><desc id="block-{lit}-about">{about}</desc>'
        f'<rect class="body" x="18" y="14" width="364" height="242" rx="14"/>{shapes}</svg>'
    )


def _branch(columns: tuple[int, int], gap: tuple[int, int], outer: str, inner: str) -> str:
    """The arrows of a branch, with their shapes: down from a normalisation, across with a gap, and up to a sum."""
    down, up = columns
    return (
        _wire((down, NORM + 12), (down, MATRIX - 12))
        + _wire((down, MATRIX + 12), (down, LOW), (gap[0], LOW))
        + _wire((gap[1], LOW), (up, LOW), (up, MATRIX + 12))
        + _wire((up, MATRIX - 12), (up, RAIL + 11))
        + "".join(
            _label(down + 8, y, shape, "shape after") + _label(up - 8, y, shape, "shape before")
            for y, shape in ((123, outer), (190, inner))
        )
    )


def _wire(*points: tuple[float, float]) -> str:
    """A line through points, with an arrow's tip at the last one."""
    (x0, y0), (x, y) = points[-2:]
    angle = np.degrees(np.arctan2(y - y0, x - x0))
    path = "L".join(f"{at} {height}" for at, height in points)
    return (
        f'<path d="M{path}"/><polygon class="head" points="0,0 -7,-4.5 -7,4.5" '
        f'transform="translate({x} {y}) rotate({angle:.0f})"/>'
    )


def _part(x: float, y: float, says: str, width: float = 46) -> str:
    """A box with a word or symbols in it."""
    box = f'<rect x="{x - width / 2:g}" y="{y - 12}" width="{width}" height="24" rx="6"/>'
    return f"{box}{_label(x, y + 4, says)}"


def _sum(x: float) -> str:
    """A circle with a plus on the line."""
    return f'<circle cx="{x}" cy="{RAIL}" r="11"/><path d="M{x - 5} {RAIL}h10M{x} {RAIL - 5}v10"/>'


def _head(x: float, y: float) -> str:
    """A head: a square with the triangle of its weights."""
    return f'<rect class="weights" x="{x}" y="{y - 14}" width="28" height="28"/><path d="M{x + 5} {y - 9}v18h18z"/>'


def _label(x: float, y: float, says: str, kind: str = "") -> str:
    return f'<text class="{kind}" x="{x}" y="{y}">{says}</text>'


def _symbols(*indices: str) -> str:
    """The matrices with these indices, set as in the formulas."""
    matrix = '<tspan font-style="italic">W</tspan><tspan font-size="0.75em" dy="0.25em">{}</tspan>'
    return '<tspan dy="-0.19em"> </tspan>'.join(matrix.format(index) for index in indices)


# -- Hands that turn with the position ---------------------------------------------------------------------------------


def clock_hands(places: Sequence[tuple[int, int]], pairs: Sequence[int], size: int) -> "Figure":
    """Query and key as hands of a clock: wherever the two are, their angle depends on how far apart they are.

    Parameters
    ----------
    places
        For each column, the positions of the query and of the key. Both point up before they are turned.
    pairs
        For each row, which pair of a head's numbers the hands are: the first, 0, turns fastest.
    size
        Of the head.
    """
    figure, ax = axes(6.8, 0.6 + 1.7 * len(pairs))
    wide, high = 3.3, 3.35  # from one clock to the next
    for row, pair in enumerate(pairs):
        ax.text(-1.75, -high * row, f"{speeds(size)[pair]:.1g} rad", ha="right", va="center")
        for column, (query, key) in enumerate(places):
            x, y = wide * column, -high * row
            if row == 0:
                ax.text(x, 1.75, f"$q$ at {query}, $k$ at {key}", ha="center", va="center")
            q, k = hand(query, pair, size), hand(key, pair, size)
            _clock(ax, x, y, {"$k$": (k, FAINT), "$q$": (q, TRANSFORMER)})
            product = f"{q @ k:.2f}".replace("-", "−")
            ax.text(x, y - 1.6, f"$q \\cdot k$ = {product}", ha="center", va="center", color=TRANSFORMER)
    ax.set(xlim=(-3.2, wide * (len(places) - 1) + 1.5), ylim=(-high * (len(pairs) - 1) - 1.9, 2), aspect="equal")
    ax.axis("off")
    return figure


def hand(position: int, pair: int, size: int) -> np.ndarray:
    """Where a hand that points up at position 0 points at another one, ``(2,)``: up, and to the right.

    >>> hand(2, 0, size=24).round(2).tolist()
    [-0.42, 0.91]
    """
    vector = np.zeros((1, size))
    vector[0, pair] = 1
    return rotate(vector, np.array([position]))[0, [pair, pair + size // 2]]


def _clock(ax: "Axes", x: float, y: float, hands: dict[str, tuple[np.ndarray, str]]) -> None:
    """A face with a named hand for each ``(up, right)``, and the arc from the first to the second."""
    from matplotlib.patches import Circle

    ax.add_patch(Circle((x, y), 1, fill=False, edgecolor=FAINT, linewidth=1))
    angles = [np.arctan2(right, up) for (up, right), _ in hands.values()]
    between = (angles[1] - angles[0] + np.pi) % (2 * np.pi) - np.pi
    arc = angles[0] + between * np.linspace(0, 1, 40)
    ax.plot(x + 0.35 * np.sin(arc), y + 0.35 * np.cos(arc), color=TRANSFORMER, linewidth=1.2)
    for name, ((up, right), colour) in hands.items():
        _arrow(ax, (x, y), (x + right, y + up), colour, 2)
        ax.text(x + 1.25 * right, y + 1.25 * up, name, ha="center", va="center", color=colour)


# -- In order ----------------------------------------------------------------------------------------------------------


def in_order(tokens: Sequence[str]) -> "Figure":
    """The steps in which a layer of each network reads a text: a staircase of one token a step, or all in one step.

    Parameters
    ----------
    tokens
        What is read, ``(n,)``, each drawn as one sign.
    """
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(6.8, 3.6))
    last, text, half = len(tokens), -1.4, 0.28  # the last token's number; where the text is; half a side of a square
    titles = f"LSTM: {last} steps", "Transformer: 1 step"
    for ax, title, colour in zip(panels, titles, (LSTM, TRANSFORMER), strict=True):
        in_turn = colour == LSTM
        for x, token in enumerate(tokens, 1):
            step = x if in_turn else 1
            ax.text(x, text, token, ha="center", va="center", fontsize=12)
            for read in [x] if in_turn else range(1, x + 1):
                ax.plot([read, x], [text + 0.5, step - half], color=colour, linewidth=1, alpha=0.5)
            if in_turn and x < last:
                _arrow(ax, (x + half, step), (x + 1, step + 1 - half), colour, 1.6)
            ax.add_patch(rectangle((x - half, step - half), 2 * half, 2 * half, colour))
        ax.set_title(title, color=colour, fontsize=11)
        ax.set(xlim=(0.4, last + 0.6), ylim=(text - 0.3, last + 0.5), xticks=[], yticks=range(1, last + 1))
        ax.spines["bottom"].set_visible(False)
        ax.spines["left"].set_bounds(1, last)
    panels[0].set_ylabel("step")
    return figure
