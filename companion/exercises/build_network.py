"""Checks of the pieces of *Build it yourself* that calculate: cell, backward pass, optimiser, attention.

`companion.exercises.build` has the other four, and imports this module, so that all eight are found there.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from companion.cells import causal_attention, gradient_check, lstm_forward, sigmoid
from companion.exercises import Wrong, call, exercise, show

KEPT = "c_before, i, f, g, o, c"
Mistakes = Sequence[tuple[Any, str]]  # what usual slips give, and their hints


def is_like(got: Any, expected: Any) -> bool:
    """Whether an answer has the shape and the numbers of what is expected."""
    return np.shape(got) == np.shape(expected) and bool(np.allclose(got, expected, rtol=1e-4, atol=1e-6))


def hint_for(got: Any, slips: Mistakes, otherwise: str) -> str:
    """The hint of the slip that gives the same."""
    return next((hint for slip, hint in slips if is_like(got, slip)), otherwise)


def parts_of(got: Any, names: Sequence[str], given: str) -> list[np.ndarray]:
    """The parts of an answer that should be a tuple."""
    if not isinstance(got, tuple | list) or len(got) != len(names):
        raise Wrong(f"{given} it gives {show(got)}", hint=f"return {len(names)} things: {', '.join(names)}")
    return list(got)


@contextmanager
def quiet() -> Iterator[None]:
    """Without NumPy's warnings, because the verdict says what is wrong."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


@exercise("build-cell", asks=f"a function of (x, h, c, W) that gives h, c and what is kept: {KEPT}")
def cell(answer: Callable[..., Any]) -> str:
    for batch, V, units, seed in [(1, 2, 1, 0), (2, 5, 3, 1), (4, 6, 2, 2)]:
        rng = np.random.default_rng(seed)
        W = {"W_x": rng.normal(size=(V, 4 * units)), "W_h": rng.normal(size=(units, 4 * units))}
        W["b"] = rng.normal(size=4 * units)
        x, h, c = rng.integers(V, size=batch), np.tanh(rng.normal(size=(batch, units))), rng.normal(size=(batch, units))
        given = f"for a batch of {batch} and {units} unit{'s' * (units > 1)}"
        got_h, got_c, kept = parts_of(call(answer, x, h, c, W), ("h", "c", "kept"), given)
        hidden, cells, cache = lstm_forward(np.eye(V)[x][None], W["W_x"], W["W_h"], W["b"], h, c)
        for name, got, expected in (("c", got_c, cells[0]), ("h", got_h, hidden[0])):
            if not is_like(got, expected):
                raise Wrong(f"{given}, {name} is {show(got)}", hint=_cell_slip(got_h, got_c, x, h, c, W))
        right = [c, cache.i[0], cache.f[0], cache.g[0], cache.o[0], cells[0]]
        if not isinstance(kept, tuple | list) or len(kept) != len(right):
            raise Wrong(f"{given}, what is kept is {show(kept)}", hint=f"keep {KEPT}, in this order")
        for name, got, expected in zip(KEPT.split(", "), kept, right, strict=True):
            if not is_like(got, expected):
                hint = f"keep {KEPT}, in this order: the cell state before the step first, the new one last"
                raise Wrong(f"{given}, {name} among what is kept is {show(got)}", hint=hint)
    return "one step of an LSTM, for a whole batch, and what going back will need"


def _cell_slip(got_h: Any, got_c: Any, x: np.ndarray, h: np.ndarray, c: np.ndarray, W: dict[str, np.ndarray]) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""

    def states(a: np.ndarray, order: str = "ifgo", f_of: str = "f", candidate: Any = np.tanh) -> Any:
        part = dict(zip(order, np.split(a, 4, axis=1), strict=True))
        i, f, o, g = sigmoid(part["i"]), sigmoid(part[f_of]), sigmoid(part["o"]), candidate(part["g"])
        new = f * c + i * g
        return o * np.tanh(new), new, o

    a = W["W_x"][x] + h @ W["W_h"]
    h_new, c_new, o = states(a + W["b"])
    slips = [
        ((c_new, h_new), "the states are in the wrong order: h first, then c"),
        (states(a), "add the biases"),
        (states(W["W_x"][x] + W["b"]), "the gates read the hidden state too: add h @ W_h"),
        (states(h @ W["W_h"] + W["b"]), "the gates read the character too: its row of W_x, W_x[x]"),
        (states(a + W["b"], "figo"), "the four parts side by side are i, f, g and o, in this order"),
        (states(a + W["b"], "ifog"), "the four parts side by side are i, f, g and o, in this order"),
        (states(a + W["b"], candidate=sigmoid), "the candidate goes through tanh, not through the sigmoid"),
        ((o * c_new, c_new), "what is shown is tanh of the cell state"),
        ((o * np.tanh(c), c_new), "the output gate shows the new cell state, not the one before"),
    ]
    for slip, hint in slips:
        if is_like(got_h, slip[0]) and is_like(got_c, slip[1]):
            return hint
    return "a = W_x[x] + h @ W_h + b, cut into i, f, g, o; then c = f * c + i * g and h = o * tanh(c)"


@exercise("build-backward", asks="a function of (dh, dc, kept, W) that gives da, dh_before, dc_before")
def backward(answer: Callable[..., Any]) -> str:
    names = ("da", "dh_before", "dc_before")
    for batch, units, seed in [(1, 1, 0), (2, 3, 1)]:
        rng = np.random.default_rng(seed)
        a, W_h = rng.normal(size=(batch, 4 * units)), rng.normal(size=(units, 4 * units))
        c_before, dh, dc = rng.normal(size=(3, batch, units))
        kept = _gates(a, c_before)
        given = f"for a batch of {batch} and {units} unit{'s' * (units > 1)}"
        got = parts_of(call(answer, dh, dc, kept, {"W_h": W_h}), names, given)
        shapes = (batch, 4 * units), (batch, units), (batch, units)
        for name, part, shape in zip(names, got, shapes, strict=True):
            if np.shape(part) != shape:
                raise Wrong(f"{given}, {name} has the shape {np.shape(part)}", hint=f"the shape should be {shape}")

        def loss(
            v: dict[str, np.ndarray], a: np.ndarray = a, W_h: np.ndarray = W_h, dh: Any = dh, dc: Any = dc
        ) -> float:
            *_, o, c = _gates(a + v["da"] + v["dh_before"] @ W_h, v["dc_before"])
            return float((dh * o * np.tanh(c) + dc * c).sum())

        values = {"da": np.zeros_like(a), "dh_before": np.zeros_like(dh), "dc_before": c_before}
        errors = gradient_check(loss, values, dict(zip(names, map(np.asarray, got), strict=True)))
        for name, part in zip(names, got, strict=True):
            if not errors[name] < 1e-6:
                hint = hint_for(part, _backward_slips(dh, dc, kept, W_h)[name], "go back line by line: h, c, the gates")
                raise Wrong(
                    f"{given}, {name} is {show(np.asarray(part))}, and the loss itself says otherwise", hint=hint
                )
    return "the blame goes back one step, as the loss itself confirms"


def _gates(a: np.ndarray, c_before: np.ndarray) -> tuple[np.ndarray, ...]:
    """What a step keeps, from the sums inside the gates."""
    a_i, a_f, a_g, a_o = np.split(a, 4, axis=1)
    i, f, g, o = sigmoid(a_i), sigmoid(a_f), np.tanh(a_g), sigmoid(a_o)
    return c_before, i, f, g, o, f * c_before + i * g


def _backward_slips(dh: np.ndarray, dc_later: np.ndarray, kept: Any, W_h: np.ndarray) -> dict[str, Mistakes]:
    c_before, i, f, g, o, c = kept
    t = np.tanh(c)

    def sums(dc: np.ndarray, s: Callable[..., Any], order: str = "ifgo", tanh: Any = lambda g: 1 - g**2) -> np.ndarray:
        da = {"i": dc * g * s(i), "f": dc * c_before * s(f), "g": dc * i * tanh(g), "o": dh * t * s(o)}
        return np.concatenate([da[gate] for gate in order], axis=1)

    def slope(gate: np.ndarray) -> np.ndarray:
        return gate * (1 - gate)

    whole = dc_later + dh * o * (1 - t**2)
    later = "dc has two sources: add what comes from the later step to what comes from h"
    bend = "the slope of tanh(c) is 1 - tanh(c)**2"
    da: list[tuple[Any, str]] = [
        (sums(dh * o * (1 - t**2), slope), later),
        (sums(dc_later, slope), later),
        (sums(dc_later + dh * o, slope), bend),
        (sums(dc_later + dh * o * (1 - c**2), slope), bend),
        (sums(whole, np.ones_like), "one step more: through the sigmoids, whose slope is gate * (1 - gate)"),
        (sums(whole, slope, tanh=slope), "the candidate comes from a tanh, whose slope is 1 - g**2"),
        (sums(whole, slope, "figo"), "the four parts side by side are those of i, f, g and o, in this order"),
    ]
    dc: list[tuple[Any, str]] = [
        (whole, "along the cell the blame is multiplied by f"),
        (dc_later * f, "use the whole dc, with what comes from h"),
        (whole * i, "the old cell state was multiplied by f, not by i"),
    ]
    dh_before = [(slip @ W_h.T, hint) for slip, hint in da]
    return {"da": da, "dh_before": dh_before, "dc_before": dc}


@exercise("build-optimiser", asks="a function of (w, dw, m, v, n, rate) that gives the new w, m and v")
def optimiser(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for shape, n, rate in [((2,), 1, 0.1), ((2, 3), 1, 0.01), ((2,), 3, 0.01), ((2, 2), 500, 0.002)]:
        w, dw = rng.normal(size=(2, *shape))
        m, v = (np.zeros((2, *shape)) if n == 1 else np.abs(rng.normal(size=(2, *shape)))) * 0.1
        new_m, new_v = 0.9 * m + 0.1 * dw, 0.999 * v + 0.001 * dw**2
        up_m, up_v = new_m / (1 - 0.9**n), new_v / (1 - 0.999**n)
        given = f"for update {n} of a w of shape {shape}"
        got = parts_of(call(answer, w, dw, m, v, n, rate), ("w", "m", "v"), given)
        root = np.sqrt(up_v) + 1e-8
        slips: dict[str, Mistakes] = {
            "m": [
                (0.1 * m + 0.9 * dw, "the average keeps nine tenths of itself and takes one tenth of the gradient"),
                (up_m, "return the average itself; the correction for the start is used in this update only"),
                (m + dw, "m is a running average: 0.9 * m + 0.1 * dw"),
            ],
            "v": [
                (0.999 * v + 0.001 * dw, "v is the average of the squares"),
                (0.9 * v + 0.1 * dw**2, "the squares are averaged over longer: 0.999 of v and 0.001 of the new square"),
                (up_v, "return the average itself; the correction for the start is used in this update only"),
            ],
            "w": [
                (w + rate * up_m / root, "go down: against the gradient, so subtract"),
                (w - rate * new_m / (np.sqrt(new_v) + 1e-8), "both averages begin at 0 and are too small at first"),
                (w - rate * up_m / (up_v + 1e-8), "divide by the root of the average square"),
                (w - rate * dw, "that is plain descent; Adam divides the average gradient by its usual size"),
                (w - rate * dw / root, "step along the average gradient m, not along dw alone"),
                (-rate * up_m / root, "return the weight after the step, not the step"),
            ],
        }
        otherwise = "divide m by 1 - 0.9**n and v by 1 - 0.999**n, and step by rate * m / (sqrt(v) + 1e-8)"
        for name, value, right in zip(
            "mvw", (got[1], got[2], got[0]), (new_m, new_v, w - rate * up_m / root), strict=True
        ):
            if not is_like(value, right):
                raise Wrong(f"{given}, {name} is {show(value)}", hint=hint_for(value, slips[name], otherwise))
    return "each weight takes steps of about the same size, whatever the size of its gradient"


@exercise("build-attention", asks="a function of (q, k, v) that gives an average of v's rows for each row of q")
def attention(answer: Callable[..., Any]) -> str:
    for time, size, values, scale, seed in [(1, 2, 3, 1, 0), (4, 3, 2, 1, 1), (6, 2, 2, 1, 2), (4, 2, 3, 1000, 3)]:
        rng = np.random.default_rng(seed)
        q, k, v = scale * rng.normal(size=(time, size)), rng.normal(size=(time, size)), rng.normal(size=(time, values))
        with quiet():
            got = call(answer, q, k, v)
        given = f"for {time} position{'s' * (time > 1)} of size {size}"
        if np.shape(got) != v.shape:
            hint = "return the averages alone: a row for each query, as long as a row of v"
            raise Wrong(f"{given} it gives {show(got)}", hint=hint)
        if is_like(got, causal_attention(q, k, v)[0]):
            continue
        with quiet():
            hint = hint_for(got, _attention_slips(q, k, v), "softmax of q @ k.T / sqrt(size), row by row, times v")
        if not np.isfinite(got).all():
            hint = (
                "subtract a row's largest score before np.exp, which overflows"
                if scale > 1
                else "every position sees itself, the first one too"
            )
        raise Wrong(f"{given} it gives {show(np.asarray(got))}", hint=hint)
    return "each position takes an average of what it and those before it have to offer"


def _attention_slips(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> Mistakes:
    everything = np.ones((len(q), len(k)), dtype=bool)
    scores = np.where(np.tri(len(q), dtype=bool), q @ k.T / np.sqrt(k.shape[1]), -np.inf)
    odds = np.exp(scores - scores.max()), np.exp(scores - scores.max(axis=1, keepdims=True))
    rows = "each query's weights add up to 1: sum along the keys, axis=1"
    return [
        (causal_attention(q, k, v, everything)[0], "no position may look at those after it: mask their scores"),
        (
            causal_attention(q, k, v, everything.T & np.triu(everything))[0],
            "the mask is upside down: row t sees 0 to t",
        ),
        (causal_attention(q * np.sqrt(k.shape[1]), k, v)[0], "divide the scores by the root of the size of a key"),
        (causal_attention(q / np.sqrt(k.shape[1]), k, v)[0], "divide by the root of the size, not by the size"),
        *((weights / weights.sum(axis=0) @ v, rows) for weights in odds),
        (np.where(np.isfinite(scores), scores, 0) @ v, "the scores become weights by a softmax"),
        (causal_attention(k, q, v)[0], "rows are queries and columns are keys: q @ k.T"),
    ]
