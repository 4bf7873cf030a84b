"""Checks of the exercises of *What should I use?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


def number(value: Any) -> float:
    """A reader's number; NaN for anything else."""
    return float(value) if np.ndim(value) == 0 and isinstance(value, int | float | np.number) else float("nan")


@exercise("tools-fit", asks="a function of (weights, bits) that gives a number of bytes")
def fit(answer: Callable[..., Any]) -> str:
    for weights, bits in ((32, 8), (64, 4), (33, 8), (1_048_576, 4), (8_000_000_000, 16)):
        got = number(call(answer, weights, bits))
        stored, blocks = weights * bits / 8, -(-weights // 32)
        if np.isclose(got, stored + 2 * blocks, rtol=1e-12, atol=0.01):
            continue
        hints = {
            weights * bits + 16 * blocks: "that is in bits; a byte has 8",
            stored: "each block of 32 also has a step of 16 bits",
            stored + blocks: "a step has 16 bits, which is 2 bytes",
            stored + 2 * (weights // 32): "the last block may not be full, and needs a step too",
            stored + weights / 16: "a block that isn't full needs a whole step too",
        }
        fitting = [hint for slip, hint in hints.items() if np.isclose(got, slip, rtol=1e-12, atol=0.01)]
        raise Wrong(
            f"for {weights:,} weights of {bits} bits it gives {show(got)}",
            hint=fitting[0] if fitting else "first the numbers, then 2 bytes for each block begun",
        )
    return "the numbers and the steps of all blocks are counted"


@exercise("tools-offset", asks="a function of (w, bits) that gives the block of weights as it comes back")
def offset(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for name, w, bits in (
        ("weights between 0.2 and 0.3", rng.uniform(0.2, 0.3, 32), 4),
        ("weights on both sides of 0", rng.normal(size=32), 3),
        ("equal weights", np.full(32, 0.25), 4),
    ):
        with np.errstate(all="ignore"):
            got = np.asarray(call(answer, w, bits))
        if got.shape != w.shape or got.dtype.kind not in "fiu":
            raise Wrong(f"for a block of 32 weights it gives {show(got)}", hint="give 32 weights back")
        if not np.isfinite(got).all():
            raise Wrong(f"for {name} it gives nan or infinity", hint="the step is 0 here: don't divide by it")
        low, top = w.min(), 2**bits - 1
        s = np.ptp(w) / top
        steps = np.round((w - low) / s) if s else np.zeros_like(w)
        if np.allclose(got, low + steps * s, rtol=0, atol=1e-9):
            continue
        slips: list[tuple[np.ndarray, str]] = []
        if s:
            around = abs(w).max() / (2 ** (bits - 1) - 1)
            fewer = np.ptp(w) / 2**bits
            slips = [
                (np.round(w / around) * around, "that is the chapter's rounding; subtract the smallest weight first"),
                (steps * s, "add the smallest weight again"),
                (steps, "these are numbers of steps; turn them into weights"),
                (low + np.round((w - low) / fewer) * fewer, f"{2**bits} numbers have {top} steps between them"),
                (low + np.floor((w - low) / s) * s, "round to the nearest step, not down"),
            ]
        fitting = [hint for slip, hint in slips if np.allclose(got, slip, rtol=0, atol=1e-9)]
        raise Wrong(
            f"for {name} and {bits} bits the first comes back as {show(got[0])}, but was {show(w[0])}",
            hint=fitting[0] if fitting else "the smallest weight is step 0, the largest step 2**bits - 1",
        )
    return "no step is wasted where there are no weights"


@exercise("tools-torch", asks="a function of (W_x, W_h, b) that gives a dictionary of four arrays")
def torch(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for features, units in ((3, 2), (4, 4)):
        W_x, W_h, b = (rng.normal(size=shape) for shape in ((features, 4 * units), (units, 4 * units), (4 * units,)))
        got = call(answer, W_x, W_h, b)
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        if not isinstance(got, dict) or set(got) != set(names):
            raise Wrong(f"it gives {show(got)}", hint=f"a dictionary with the names {', '.join(names)}")
        for name, right in (("weight_ih_l0", W_x.T), ("weight_hh_l0", W_h.T)):
            value = np.asarray(got[name])
            if value.shape == right.shape and np.allclose(value, right):
                continue
            swapped = {"weight_ih_l0": W_h.T, "weight_hh_l0": W_x.T}[name]
            if value.shape == swapped.shape and np.allclose(value, swapped):
                hint = "ih is from the input to the hidden state, hh from hidden state to hidden state"
            elif value.shape == right.T.shape and np.allclose(value, right.T):
                hint = "rows and columns are the wrong way round: transpose it"
            elif value.shape == right.shape and np.allclose(value, right.T.reshape(right.shape)):
                hint = "reshape mixes the numbers; a transpose keeps rows and columns together"
            else:
                hint = "only transpose it; the gates are in the same order"
            raise Wrong(f"{name} has the shape {value.shape} and isn't the right one", hint=hint)
        first, second = np.asarray(got["bias_ih_l0"]), np.asarray(got["bias_hh_l0"])
        if first.shape != b.shape or second.shape != b.shape:
            raise Wrong(f"the biases have the shapes {first.shape} and {second.shape}", hint=f"both are {b.shape}")
        if not np.allclose(first + second, b):
            raise Wrong("the two biases together aren't b", hint="PyTorch adds them: one can be b and the other zeros")
    return "a PyTorch LSTM with these weights computes what Keras's does"
