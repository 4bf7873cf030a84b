"""The figures of the chapter *gates*, and its explorer: a cell with sliders, and a network that reads a sentence.

The explorer's HTML is written here: the drawing, the formulas with the numbers of the first setting, and the data. The
code that moves it is ``book/_static/gate-explorer.js``, which every page loads and which does nothing without it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.cells import LSTM_GATES, lstm_forward
from companion.errors import UserError
from companion.grammar import VERBS
from companion.plotting import CANDIDATE, CELL, COLUMNS, FAINT, FORGET, INK, INPUT, OUTPUT, SYMBOLS, cell_svg

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.figure import Figure

    from companion.recipes import Trained


def gate_bars(words: Sequence[str], values: Mapping[str, Sequence[float]]) -> "Figure":
    """Bars, in the gates' colours, of what one unit's gates do at each word and what its cell holds.

    Parameters
    ----------
    words
        The words that are read, ``(n,)``.
    values
        By name, a value for each word, ``(n,)``: some of ``"f"``, ``"i"``, ``"g"``, ``"o"``, ``"c"``, top to bottom.
    """
    import matplotlib.pyplot as plt

    colours = {"f": FORGET, "i": INPUT, "g": CANDIDATE, "o": OUTPUT, "c": CELL}
    names = {"f": "forget", "i": "input", "g": "candidate", "o": "output", "c": "memory"}
    spans = [1 if letter in "fio" else 2 for letter in values]  # from 0 to 1, and from -1 to 1
    figure, rows = plt.subplots(
        len(values),
        1,
        figsize=(6.4, 4.6),
        sharex=True,
        squeeze=False,
        gridspec_kw={"height_ratios": spans, "hspace": 0.1},
    )
    for ax, (letter, heights) in zip(rows[:, 0], values.items(), strict=True):
        ax.bar(range(len(words)), heights, color=colours[letter], width=0.8)
        ax.axhline(0, color=INK, linewidth=0.8)
        ax.set(ylim=(0, 1.06) if letter in "fio" else (-1.1, 1.1), yticks=[1] if letter in "fio" else [-1, 1])
        ax.set_ylabel(f"{names[letter]} ${letter}_t$", rotation=0, ha="right", va="center", labelpad=12)
        ax.axhline(1, color=FAINT, linewidth=0.6, linestyle=":")
        ax.tick_params(axis="x", length=0)
        ax.spines["bottom"].set_visible(False)
    rows[-1, 0].set_xticks(range(len(words)), words, rotation=40)
    return figure


# A plain network's cell as an LSTM's is drawn: each part that both have has the same shape and height.
PLAIN_CELL = """
<svg class="lstm-cell" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 280 302" role="img"
  aria-labelledby="plain-cell-title plain-cell-about">
<title id="plain-cell-title">The cell of a plain recurrent network</title>
<desc id="plain-cell-about">The input and the previous hidden state go up into a single box, tanh. What comes out of the
box is the new hidden state, which leaves on the right. Nothing runs along the top.</desc>
<rect class="body" x="44" y="14" width="194" height="256" rx="14"/>
<g class="of-ink on"><path d="M2 240H118"/><path d="M64 296V240"/><path d="M118 240V216"/>
<polygon class="head" points="0,0 -4.5,7 4.5,7" transform="translate(118 214)"/>
<path d="M118 150V128H188V240H272"/><polygon class="head" points="0,0 -7,-4.5 -7,4.5" transform="translate(276 240)"/>
<rect class="box" x="87" y="150" width="62" height="64" rx="7"/>
<text x="118" y="168"><tspan font-style="italic">h</tspan><tspan font-size="0.7em" dy="0.25em">t</tspan></text>
<text class="name" x="118" y="187">tanh</text><text class="name" x="118" y="205">new state</text>
<text x="20" y="231"><tspan font-style="italic">h</tspan><tspan font-size="0.7em" dy="0.25em">t−1</tspan></text>
<text x="260" y="231"><tspan font-style="italic">h</tspan><tspan font-size="0.7em" dy="0.25em">t</tspan></text>
<text x="80" y="292"><tspan font-style="italic">x</tspan><tspan font-size="0.7em" dy="0.25em">t</tspan></text></g></svg>
"""


SIDE_BY_SIDE = (
    ".two-cells { display: flex; flex-wrap: wrap; gap: 1rem } .two-cells p { text-align: center; margin: 0 } "
    "@media (max-width: 540px) { .two-cells > :first-of-type { max-width: 70%; margin: auto } }"
)


def two_cells() -> "HTML":
    """A plain network's cell and an LSTM's, side by side on a wide page and below each other on a narrow one."""
    from IPython.display import HTML

    cells = (("plain cell", 280, PLAIN_CELL), ("LSTM cell", 400, cell_svg("all", name="two")))
    panels = "".join(
        f'<div style="flex: {width} 1 {0.72 * width:.0f}px"><p>{name}</p>{svg}</div>' for name, width, svg in cells
    )
    return HTML(f'<div class="two-cells"><style>{SIDE_BY_SIDE}</style>{panels}</div>'.replace("\n", " "))


# The cell of the chapter's worked example: one unit, so every weight is one number; gates in order i, f, g, o.
EXAMPLE = {"W_x": [[2.0, -1.0, 1.0, -1.0]], "W_h": [[1.0, 1.0, -1.0, 2.0]]}
FIRST = {"x": 1.0, "h": 0.5, "c": 0.8, "b_f": 2.0, "b_i": -2.0, "b_g": 0.0, "b_o": 1.0}
SLIDERS = {
    "x": ("x", "t", "input", -3, 3),
    "h": ("h", "t−1", "hidden state before", -1, 1),
    "c": ("c", "t−1", "cell state before", -3, 3),
    **{f"b_{SYMBOLS[gate]}": ("b", SYMBOLS[gate], f"{gate} bias", -6, 6) for gate in COLUMNS},
}


def gate_explorer(network: Mapping[str, Any], sentences: Sequence[str], unit: int = 0) -> "HTML":
    """The explorer, interactive on the book's page and a still picture in a notebook.

    Parameters
    ----------
    network
        From `network_weights`.
    sentences
        Sentences of the grammar to choose from, without a full stop: words with spaces between them.
    unit
        The unit that is shown first.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    UserError
        A sentence has a word that the network doesn't know.
    """
    from IPython.display import HTML

    for sentence in sentences:
        if unknown := [word for word in sentence.split() if word not in network["words"]]:
            raise UserError(f"The network has no word {unknown[0]!r}; its words are {' '.join(network['words'])}.")
    verbs = {
        name: [network["words"].index(stem + ending) for stem in VERBS]
        for name, ending in (("singular verb", "s"), ("plural verb", ""))
    }
    data = {"cell": EXAMPLE, "first": FIRST, "network": {**network, "groups": verbs}, "sentences": list(sentences)}
    template = Path(__file__).with_name("gates.html").read_text(encoding="utf-8")
    parts = {
        "diagram": cell_svg("all", one_step(**FIRST), name="explorer"),
        "sliders": "\n".join(_slider(name) for name in SLIDERS),
        "formulas": _formulas(),
        "data": json.dumps({**data, "unit": unit}, ensure_ascii=False).replace("</", "<\\/"),
    }
    for name, content in parts.items():
        template = template.replace("{{" + name + "}}", content)
    return HTML(" ".join(template.split("\n")))


def one_step(x: float, h: float, c: float, b_f: float, b_i: float, b_g: float, b_o: float) -> dict[str, float]:
    """The numbers in the drawing for a setting of the sliders, by `companion.cells.lstm_forward`."""
    b = np.array([b_i, b_f, b_g, b_o])
    W_x, W_h = (np.array(EXAMPLE[name]) for name in ("W_x", "W_h"))
    _, _, cache = lstm_forward(np.array([[[x]]]), W_x, W_h, b, np.array([[h]]), np.array([[c]]))
    numbers = {name: float(getattr(cache, name)[0, 0, 0]) for name in ("f", "i", "g", "o", "c", "h")}
    made = {
        "keep": numbers["f"] * c,
        "write": numbers["i"] * numbers["g"],
        "tanh_c": float(np.tanh(numbers["c"])),
    }
    return {"x": x, "h_before": h, "c_before": c, **numbers, **made}


def network_weights(trained: "Trained") -> dict[str, Any]:
    """The weights of a `companion.models.language_model` of one LSTM layer over words, as lists for the page.

    Parameters
    ----------
    trained
        A recipe with the tokenizer ``"word"``, from `companion.recipes.load_recipe`.

    Returns
    -------
    dict
        ``words`` (without the space before them), ``embedding`` ``(words, features)``, ``W_x``, ``W_h``, ``b`` of the
        LSTM (gates in order i, f, g, o), ``W_y``, ``b_y`` of the logits.
    """
    model = trained.network

    def lists(array: np.ndarray) -> Any:
        return json.loads(json.dumps(array.tolist()), parse_float=lambda number: float(f"{float(number):.8g}"))

    (embedding,) = model.get_layer("embedding").get_weights()
    W_x, W_h, b = model.get_layer("lstm_1").get_weights()
    W_y, b_y = model.get_layer("logits").get_weights()
    arrays = {"embedding": embedding, "W_x": W_x, "W_h": W_h, "b": b, "W_y": W_y, "b_y": b_y}
    words = [token.strip() for token in trained.text_tokenizer.tokens]
    return {"words": words, **{name: lists(array) for name, array in arrays.items()}}


def _slider(name: str) -> str:
    letter, index, meaning, low, high = SLIDERS[name]
    return (
        f'<label class="slider"><span><i>{letter}</i><sub>{index}</sub> {meaning}</span>'
        f'<span class="value" data-show="set_{name}">{_number(FIRST[name])}</span>'
        f'<input type="range" aria-label="{meaning}" data-set="{name}" min="{low}" max="{high}" step="0.1" '
        f'value="{FIRST[name]}"></label>'
    )


def _formulas() -> str:
    numbers = one_step(**FIRST)
    rows = []
    for gate in COLUMNS:
        letter = SYMBOLS[gate]
        column = LSTM_GATES.index(letter)
        terms = {
            f"from_x_{letter}": f"{_number(EXAMPLE['W_x'][0][column], 0)}·{_number(FIRST['x'])}",
            f"from_h_{letter}": f"{_number(EXAMPLE['W_h'][0][column], 0)}·{_number(FIRST['h'])}",
            f"b_{letter}": _number(FIRST[f"b_{letter}"]),
        }
        function = "tanh" if letter == "g" else "σ"
        symbols = (
            f"{_symbol(letter)} = {function}({_symbol('W', letter + 'x')}&hairsp;{_symbol('x')} + "
            f"{_symbol('W', letter + 'h')}&hairsp;{_symbol('h', 't−1')} + {_symbol('b', letter)})"
        )
        inner = " + ".join(_shown(name, content, place > 0) for place, (name, content) in enumerate(terms.items()))
        rows.append(_formula(gate, symbols, f"{function}({inner})", letter, numbers[letter]))
    keep = f"{_shown('f', _number(numbers['f']))}·{_shown('c_before', _number(numbers['c_before']), True)}"
    write = f"{_shown('i', _number(numbers['i']))}·{_shown('g', _number(numbers['g']), True)}"
    symbols = f"{_symbol('c')} = {_symbol('f')} ⊙ {_symbol('c', 't−1')} + {_symbol('i')} ⊙ {_symbol('g')}"
    rows.append(_formula("candidate", symbols, f"{keep} + {write}", "c", numbers["c"]))
    symbols = f"{_symbol('h')} = {_symbol('o')} ⊙ tanh({_symbol('c')})"
    inner = f"{_shown('o', _number(numbers['o']))}·tanh({_shown('c', _number(numbers['c']))})"
    rows.append(_formula("output", symbols, inner, "h", numbers["h"]))
    return "\n".join(rows)


def _formula(gate: str, symbols: str, numbers: str, result: str, value: float) -> str:
    colour = gate if gate == "candidate" else f"{gate}-gate"
    return (
        f'<p class="{colour}"><span>{symbols}</span> <span class="numbers">= {numbers} = '
        f'<b data-show="{result}" data-digits="3">{_number(value, 3)}</b></span></p>'
    )


def _symbol(letter: str, index: str = "t") -> str:
    return f"<i>{letter}</i><sub>{index}</sub>"


def _shown(name: str, content: str, inside: bool = False) -> str:
    """A number of a formula; ``inside`` puts it into brackets if it begins with a minus."""
    content = f"({content})" if inside and content.startswith("−") else content
    return f'<span data-show="{name}"{" data-inside" if inside else ""}>{content}</span>'


def _number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".replace("-", "−")
