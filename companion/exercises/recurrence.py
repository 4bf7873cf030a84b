"""Checks of the exercises of *How can a network remember?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("recurrence-latch", asks="three numbers, (W_x, W_h, b)")
def latch(answer: Any) -> str:
    W_x, W_h, b = (float(number) for number in answer)
    for numbers, zeros in [((1,), 0), ((-1,), 0), ((1,), 100), ((-1,), 100), ((1, -1), 20), ((-1, 1, -1, 1), 3)]:
        h, state_before = 0.0, 0.0
        for number in numbers:
            state_before = h
            for x in (number, *[0] * zeros):
                h = float(np.tanh(W_x * x + W_h * h + b))
        if h * numbers[-1] > 0.5:
            continue
        read = f"after reading {show(list(numbers))} with {zeros} zeros after each" if zeros else f"after {numbers[0]}"
        raise Wrong(f"{read} the state is {show(h)}", hint=_latch_advice(W_x, W_h, b, len(numbers), state_before))
    return "the unit holds the last number it read, and a new one overwrites it"


def _latch_advice(W_x: float, W_h: float, b: float, numbers: int, state_before: float) -> str:
    if W_h <= 1:
        return "while zeros come, only h = tanh(W_h h + b) matters; find where it comes to rest with this W_h"
    if W_x <= 0:
        return "a plural, +1, should make the state positive"
    if numbers > 1 and W_x <= abs(W_h * state_before):
        return "the new number has to outweigh W_h times the old state, here " + show(abs(W_h * state_before))
    if abs(b) > 0.1:
        return "a bias prefers one sign; nothing here asks for that"
    if W_h < 1.3:
        return "the state comes to rest too close to zero; a larger W_h holds it further out"
    return "the number has to lift the state to where W_h can hold it"


@exercise("recurrence-reach", asks="a function of (u, h, W_h) that gives the lengths, the last state's first")
def gradient_reach(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for time, units in [(2, 1), (4, 3), (6, 2)]:
        W_h = rng.normal(size=(units, units))
        u = rng.normal(size=units)
        h = np.tanh(rng.normal(size=(time, units)))
        result = call(answer, u, h, W_h)
        got, right = np.asarray(result, dtype=float), _lengths(u, h, W_h)
        given = f"for {time} states of {units} unit{'s' * (units > 1)}"
        if got.shape != right.shape:
            raise Wrong(f"{given} it gives {show(result)}", hint=f"one length for each state, {time} here")
        if not np.allclose(got, right):
            raise Wrong(f"{given} it gives {show(got)}", hint=_reach_advice(u, h, W_h, got))
    return "each step back goes through the slope of tanh and the transpose of W_h"


def _lengths(
    u: np.ndarray, h: np.ndarray, W_h: np.ndarray, shift: int = 0, slope: bool = True, wise: bool = True
) -> np.ndarray:
    """The lengths; or those with the previous state's slope, without slopes, or with slope and weight swapped."""
    lengths = [np.linalg.norm(u)]
    for t in reversed(range(1, len(h))):
        factor = (1 - h[t - shift] ** 2) if slope else 1.0
        u = (u * factor) @ W_h.T if wise else (u @ W_h.T) * factor
        lengths.append(np.linalg.norm(u))
    return np.array(lengths)


def _reach_advice(u: np.ndarray, h: np.ndarray, W_h: np.ndarray, got: np.ndarray) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""
    if np.allclose(got, _lengths(u, h, W_h)[::-1]):
        return "the last state's length comes first"
    if np.allclose(got, _lengths(u, h, W_h, slope=False)):
        return "each step also goes through a tanh, whose slope is 1 - h**2"
    if np.allclose(got, _lengths(u, h, W_h.T)):
        return "in the forward pass the state is multiplied by W_h, so the gradient is multiplied by its transpose"
    if np.allclose(got, _lengths(u, h, W_h, shift=1)) or np.allclose(got, _lengths(u, h, W_h, shift=1, wise=False)):
        return "from h[t] to h[t - 1] the slope is that of the tanh which made h[t]"
    if np.allclose(got, _lengths(u, h, W_h, wise=False)):
        return "going back, the tanh comes before the weights, because it was applied last"
    if np.allclose(got, _lengths(u, h, W_h) ** 2):
        return "a length is the square root of the sum of the squares"
    return "multiply by 1 - h[t]**2, then by W_h.T; then take the length and go one step back"
