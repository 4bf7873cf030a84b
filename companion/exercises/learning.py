"""Checks of the exercises of *How does it learn?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show

PARTS = ("da_f", "da_g", "dc_before")


@exercise("learning-coupled", asks="a function of (dc, c_before, f, g) that gives da_f, da_g and dc_before")
def coupled(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for units in (1, 3):
        dc, c_before = rng.normal(size=(2, units))
        f, g = rng.uniform(0.1, 0.9, units), rng.uniform(-0.9, 0.9, units)
        got = call(answer, dc, c_before, f, g)
        if not isinstance(got, tuple | list) or len(got) != len(PARTS):
            raise Wrong(f"it gives {show(got)}", hint="three things are asked for: da_f, da_g, dc_before")
        right = _coupled(dc, c_before, f, g)
        for name, value, expected in zip(PARTS, got, right, strict=True):
            if np.shape(value) != expected.shape or not np.allclose(value, expected):
                given = f"for dc = {show(dc)}, c_before = {show(c_before)}, f = {show(f)} and g = {show(g)}"
                hint = _coupled_advice(name, np.asarray(value, dtype=float), dc, c_before, f, g)
                raise Wrong(f"{given} {name} is {show(value)}", hint=hint)
    return "the gate that is used twice is blamed twice"


def _coupled(dc: np.ndarray, c_before: np.ndarray, f: np.ndarray, g: np.ndarray) -> tuple[np.ndarray, ...]:
    return dc * (c_before - g) * f * (1 - f), dc * (1 - f) * (1 - g**2), dc * f


def _coupled_advice(
    name: str, got: np.ndarray, dc: np.ndarray, c_before: np.ndarray, f: np.ndarray, g: np.ndarray
) -> str:
    """What most likely went wrong: try the usual slips and see which of them gives the same."""
    sigmoid_slope, tanh_slope = f * (1 - f), 1 - g**2
    slips = {
        "da_f": [
            (dc * c_before * sigmoid_slope, "f is used twice, in f * c_before and in (1 - f) * g; add both blames"),
            (dc * (c_before + g) * sigmoid_slope, "where f grows, 1 - f shrinks: mind the sign of the second blame"),
            (dc * (c_before - g), "that is df; one step more takes you through the sigmoid to a_f"),
        ],
        "da_g": [
            (dc * f * tanh_slope, "the factor of g is 1 - f here"),
            (dc * (1 - f), "that is dg; one step more takes you through the tanh to a_g"),
            (dc * (1 - f) * g * (1 - g), "g comes from a tanh, whose slope is 1 - g**2"),
        ],
        "dc_before": [(dc * (1 - f), "c_before is multiplied by f, and g by 1 - f")],
    }
    for value, hint in slips[name]:
        if got.shape == value.shape and np.allclose(got, value):
            return hint
    return "write c = f * c_before + (1 - f) * g, and give each factor dc times what it is multiplied by"


@exercise("learning-slope", asks="a function of (loss, w) that gives an array of slopes in the shape of w")
def slope(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for shape in [(1,), (3,), (2, 2)]:
        w, cubes = rng.normal(size=shape), rng.uniform(1, 2, size=shape)
        before = w.copy()
        loss = _Loss(cubes, w)
        got = call(answer, loss, w)
        given = f"for a w of shape {shape}"
        if np.shape(got) != shape:
            raise Wrong(f"{given} it gives the shape {np.shape(got)}", hint="one slope for each number of w")
        if loss.last is not None and not np.array_equal(loss.last, before):
            raise Wrong(f"{given} w has changed", hint="put each number back before you go on to the next")
        right, got = 3 * cubes * before**2, np.asarray(got, dtype=float)
        if not np.allclose(got, right, rtol=1e-7, atol=1e-8):
            raise Wrong(f"{given} the slopes are {show(got)}", hint=_slope_advice(got, right, cubes * before))
    return "each slope comes from two losses, one on either side"


class _Loss:
    """The sum of cubes * w³, which remembers the array it is given; a copy of it shares nothing."""

    def __init__(self, cubes: np.ndarray, w: np.ndarray):
        self.cubes = cubes
        self.last: np.ndarray | None = None

    def __call__(self, w: np.ndarray) -> float:
        self.last = w
        return float((self.cubes * np.asarray(w) ** 3).sum())

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Loss":
        return self  # so that the array the answer worked on can be looked at afterwards


def _slope_advice(got: np.ndarray, right: np.ndarray, bend: np.ndarray) -> str:
    """What most likely went wrong: try the usual slips and see which of them gives the same."""
    if np.allclose(got, 2 * right, rtol=1e-5):
        return "between w + step and w - step there are two steps"
    if np.allclose(got, -right, rtol=1e-5):
        return "above minus below, not the other way round"
    if np.allclose(got, right.sum(), rtol=1e-5):
        return "move one number at a time, not all of them together"
    if np.allclose(got, right, rtol=1e-2, atol=1e-3):
        return "near, but one side alone sees the bend of the curve; take the losses on both sides"
    return "(loss above - loss below) / (2 * step), for each number in turn"
