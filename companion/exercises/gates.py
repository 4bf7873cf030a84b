"""Checks of the exercises of *What does each gate do?*"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from companion.cells import initial_weights, lstm_forward, sigmoid, split_gates
from companion.exercises import Wrong, call, exercise, show
from companion.grammar import VERBS, decode, encode, parse

ALL_VERBS = {verb + ending for verb in VERBS for ending in ("", "s")}


@exercise("gates-step", asks="a function of (x, h_before, c_before, W) that gives the pair h, c")
def step(answer: Callable[..., Any]) -> str:
    for features, units, seed in [(1, 1, 0), (3, 2, 1), (2, 5, 2)]:
        rng = np.random.default_rng(seed)
        weights = initial_weights(features, units, seed=seed)
        weights["b"] = rng.normal(size=4 * units)
        x, h, c = rng.normal(size=features), np.tanh(rng.normal(size=units)), 2 * rng.normal(size=units)
        W = split_gates(weights["W_x"], weights["W_h"], weights["b"])
        got = call(answer, x, h, c, W)
        task = f"for {features} features and {units} units"
        if not isinstance(got, tuple | list) or len(got) != 2 or any(np.shape(part) != (units,) for part in got):
            raise Wrong(f"{task} it gives {show(got)}", hint="return h, c: two arrays with one number per unit")
        expected = [part[0, 0] for part in lstm_forward(x[None, None], **weights, h_0=h[None], c_0=c[None])[:2]]
        if not np.allclose(got, expected):
            wrong = "c" if not np.allclose(got[1], expected[1]) else "h"
            number = 1 if wrong == "c" else 0
            raise Wrong(
                f"{task}, {wrong} is {show(np.asarray(got[number]))} and should be {show(expected[number])}",
                hint=_slip(got, expected, x, h, c, W),
            )
    return "three gates, a candidate and two states: this is all of an LSTM's step"


def _slip(got: Any, expected: Any, x: np.ndarray, h: np.ndarray, c: np.ndarray, W: Mapping[str, np.ndarray]) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""
    a = {gate: x @ W[f"W_{gate}x"] + h @ W[f"W_{gate}h"] + W[f"b_{gate}"] for gate in "figo"}
    f, i, o, g = sigmoid(a["f"]), sigmoid(a["i"]), sigmoid(a["o"]), np.tanh(a["g"])
    new = f * c + i * g
    without = {gate: a[gate] - W[f"b_{gate}"] for gate in "fig"}
    slips = [
        (expected[1], expected[0], "the states are in the wrong order: h first, then c"),
        (None, i * c + f * g, "f multiplies the old memory, i the candidate"),
        (
            None,
            f * c + i * sigmoid(a["g"]),
            "the candidate goes through tanh, not through the sigmoid: it may be negative",
        ),
        (None, f * c + i * a["g"], "the candidate goes through tanh"),
        (None, sigmoid(without["f"]) * c + sigmoid(without["i"]) * np.tanh(without["g"]), "add the biases"),
        (None, f * c + g, "the input gate multiplies the candidate"),
        (None, (1 - i) * c + i * g, "the forget gate has its own weights; it isn't 1 minus the input gate"),
        (o * np.tanh(c), new, "the output gate shows the new cell state, not the one before"),
        (o * new, new, "what is shown is tanh of the cell state"),
        (np.tanh(o * new), new, "tanh acts on the cell state alone; the output gate multiplies its result"),
    ]
    for shown, memory, hint in slips:
        if np.allclose(got[1], memory) and (shown is None or np.allclose(got[0], shown)):
            return hint
    return "write one line for each of the six formulas, in their order"


@exercise("gates-half-life", asks="a function of the number of words that gives a bias")
def half_life(answer: Callable[..., Any]) -> str:
    for words in (1, 2, 10, 100, 1000):
        got = call(answer, words)
        if np.ndim(got) or not np.isfinite(float(got)):
            raise Wrong(f"for {words} words it gives {show(got)}", hint="the bias is one number")
        left = float(sigmoid(np.array(got, dtype=float))) ** words
        if not np.isclose(left, 0.5, atol=1e-4):
            gate = 0.5 ** (1 / words)
            slips = {
                gate: "that is the gate's value; find the bias that the sigmoid turns into it",
                float(np.log((1 - gate) / gate)): "the sign is wrong: a gate that keeps more has a larger bias",
                float(np.log(gate)): "the inverse of the sigmoid is ln(f / (1 - f)), not the logarithm alone",
            }
            hint = next((hint for value, hint in slips.items() if np.isclose(float(got), value)), None)
            raise Wrong(
                f"for {words} words it gives {show(float(got))}, which leaves {left:.4f} instead of 0.5",
                hint=hint
                or "first find f such that f to the power of the number of words is 0.5, then the bias that gives f",
            )
    return "a memory lasts as long as its bias says"


@exercise("gates-clauses", asks="a function of a word that gives the three gate values f, i, g")
def clauses(answer: Callable[..., Any]) -> str:
    for text in (
        "the dogs hear.",
        "the dogs that the cat near the king follows hear. the cat sees the kings.",
        "the dogs that see the cat hear. the king that the boys know calls the dog. the bird helps.",
        "the dogs that the cat that the boys see hears follow. the cat that the dogs that see the bird know calls.",
    ):
        c = 0.0
        for place, token in enumerate(parse(encode(text))):
            before = decode(encode(text)[:place]).strip()
            if token.subject is not None and abs(c - token.depth) > 1e-6:
                raise Wrong(
                    f"after “…{before[-24:]}” c is {show(c)}, but {token.depth} clauses wait for a verb",
                    hint=_advice(answer),
                )
            f, i, g = _gates(answer, token.word)
            c = f * c + i * g
    return "with its gates a cell can count"


def _gates(answer: Callable[..., Any], word: str) -> tuple[float, float, float]:
    got = call(answer, word)
    if not isinstance(got, tuple | list | np.ndarray) or len(got) != 3:
        raise Wrong(f"for {word!r} it gives {show(got)}", hint="return f, i, g: three numbers")
    f, i, g = (float(value) for value in got)
    if not (0 <= f <= 1 and 0 <= i <= 1 and -1 <= g <= 1):
        raise Wrong(f"for {word!r} it gives {show(got)}", hint="f and i are between 0 and 1, g between -1 and 1")
    return f, i, g


def _advice(answer: Callable[..., Any]) -> str:
    effects = {word: _gates(answer, word) for word in ("the", "cat", "near", "that", ".", *sorted(ALL_VERBS))}
    added = {word: i * g for word, (_, i, g) in effects.items()}
    if any(effects[word][0] != 1 or added[word] for word in ("the", "cat", "near")):
        return "words like 'the' and 'cat' must leave c as it is: f = 1, and write nothing"
    if effects["that"][0] != 1 or added["that"] != 1:
        return "'that' opens one more clause: keep what was there and write 1"
    if any(effects[verb][0] != 1 or added[verb] != -1 for verb in ALL_VERBS):
        return "a verb ends a clause: keep what was there and write -1"
    return "the main verb has no clause to end, so c is -1 after it; use a gate to clear that at the full stop"
