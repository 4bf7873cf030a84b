"""Checks of the exercises of *How does it learn?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show

COUNTS = ("none", "one", "two", "three", "four")
Parts = dict[str, np.ndarray]
Slips = dict[str, list[tuple[np.ndarray, str]]]  # for each part, the results of usual slips, and their hints


def compare(answer: Callable[..., Any], given: Parts, right: Parts, slips: Slips, otherwise: str) -> None:
    """Run a reader's backward step on ``given`` and compare its parts; a wrong one gets the hint of its slip."""
    got = call(answer, *given.values())
    names = ", ".join(right)
    if not isinstance(got, tuple | list) or len(got) != len(right):
        raise Wrong(f"it gives {show(got)}", hint=f"return {COUNTS[len(right)]} things: {names}")
    for (name, expected), value in zip(right.items(), got, strict=True):
        if np.shape(value) == expected.shape and np.allclose(value, expected):
            continue
        fits = [hint for slip, hint in slips[name] if np.shape(value) == slip.shape and np.allclose(value, slip)]
        inputs = ", ".join(f"{key} = {show(number)}" for key, number in given.items())
        raise Wrong(f"for {inputs} {name} is {show(value)}", hint=fits[0] if fits else otherwise)


@exercise("learning-coupled", asks="a function of (dc, c_before, f, g) that gives da_f, da_g and dc_before")
def coupled(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for units in (1, 3):
        dc, c_before = rng.normal(size=(2, units))
        f, g = rng.uniform(0.1, 0.9, units), rng.uniform(-0.9, 0.9, units)
        df, dg, sigmoid_slope, tanh_slope = dc * (c_before - g), dc * (1 - f), f * (1 - f), 1 - g**2
        slips: Slips = {
            "da_f": [
                (dc * c_before * sigmoid_slope, "f is used twice, in f * c_before and in (1 - f) * g; add both blames"),
                (
                    dc * (c_before + g) * sigmoid_slope,
                    "where f grows, 1 - f shrinks: mind the second blame's sign",
                ),
                (df, "that is df; one step more takes you through the sigmoid to a_f"),
            ],
            "da_g": [
                (dc * f * tanh_slope, "the factor of g is 1 - f here"),
                (dg, "that is dg; one step more takes you through the tanh to a_g"),
                (dg * g * (1 - g), "g comes from a tanh, whose slope is 1 - g**2"),
            ],
            "dc_before": [(dc * (1 - f), "c_before is multiplied by f, and g by 1 - f")],
        }
        right = {"da_f": df * sigmoid_slope, "da_g": dg * tanh_slope, "dc_before": dc * f}
        otherwise = "write c = f * c_before + (1 - f) * g, and give each factor dc times what it is multiplied by"
        compare(answer, {"dc": dc, "c_before": c_before, "f": f, "g": g}, right, slips, otherwise)
    return "the gate that is used twice is blamed twice"


@exercise("learning-gru", asks="a function of (dh, h_before, z, r, g, a_gh) that gives da_z, da_r, da_g and dh_kept")
def gru(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for units in (1, 3):
        dh, h_before, a_gh = rng.normal(size=(3, units))
        g = rng.uniform(-0.9, 0.9, units)
        z, r = rng.uniform(0.1, 0.9, (2, units))
        dg = dh * (1 - z)
        da_g = dg * (1 - g**2)
        dz, dr = dh * (h_before - g), da_g * a_gh
        slips: Slips = {
            "da_z": [
                (dh * h_before * z * (1 - z), "z is used twice, in z * h_before and in (1 - z) * g; add both blames"),
                (dh * (h_before + g) * z * (1 - z), "where z grows, 1 - z shrinks: mind the second blame's sign"),
                (dh * (g - h_before) * z * (1 - z), "z multiplies the old state here, and 1 - z the candidate"),
                (dz, "that is dz; one step more takes you through the sigmoid to a_z"),
            ],
            "da_r": [
                (
                    dg * a_gh * r * (1 - r),
                    "r is inside the tanh: go through the tanh's slope first",
                ),
                (dr, "that is dr; one step more takes you through the sigmoid to a_r"),
                (da_g * h_before * r * (1 - r), "r is multiplied by a_gh, not by the state itself"),
            ],
            "da_g": [
                (dh * z * (1 - g**2), "the factor of g is 1 - z"),
                (dg, "that is dg; one step more takes you through the tanh"),
            ],
            "dh_kept": [(dh * (1 - z), "the old state is multiplied by z, and the candidate by 1 - z")],
        }
        right = {"da_z": dz * z * (1 - z), "da_r": dr * r * (1 - r), "da_g": da_g, "dh_kept": dh * z}
        given = {"dh": dh, "h_before": h_before, "z": z, "r": r, "g": g, "a_gh": a_gh}
        compare(answer, given, right, slips, "go back line by line: first h_t, then g, then the two sigmoids")
    return "two gates, one state, and the same four rules"


@exercise("learning-peephole", asks="a function of (dh, dc_later, f, i, g, o, c_before, c, p) that gives dc, dc_before")
def peephole(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for units in (1, 3):
        dh, dc_later, c_before, c = rng.normal(size=(4, units))
        f, i, o = rng.uniform(0.1, 0.9, (3, units))
        g = rng.uniform(-0.9, 0.9, units)
        p = rng.normal(size=(3, units))
        p_i, p_f, p_o = p
        plain = dc_later + dh * o * (1 - np.tanh(c) ** 2)
        da_o = dh * np.tanh(c) * o * (1 - o)
        dc = plain + da_o * p_o
        by_i, by_f = dc * g * i * (1 - i) * p_i, dc * c_before * f * (1 - f) * p_f
        share = plain / dc  # all that reaches c_before is proportional to dc

        slips: Slips = {
            "dc": [
                (plain, "the output gate looks at c as well: a third blame reaches c through p_o"),
                (plain + dh * np.tanh(c) * p_o, "da_o, the blame before the sigmoid, comes through p_o, not do"),
                (plain + da_o * p[0], "p holds p_i, p_f and p_o, in this order"),
            ],
            "dc_before": [
                (dc * f, "the input gate and the forget gate looked at c_before: add what comes through p_i, p_f"),
                (dc * f + by_i, "the forget gate looked at c_before too"),
                (dc * f + by_f, "the input gate looked at c_before too"),
                ((dc * f + by_i + by_f) * share, "use the whole dc, with what came through p_o"),
            ],
        }
        given = {"dh": dh, "dc_later": dc_later, "f": f, "i": i, "g": g, "o": o, "c_before": c_before, "c": c, "p": p}
        otherwise = "each gate that looks at a cell sends its da, times its p, back to that cell"
        compare(answer, given, {"dc": dc, "dc_before": dc * f + by_i + by_f}, slips, otherwise)
    return "every look at the cell is another way back to it"


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
            raise Wrong(f"{given} w has changed", hint="put each number back before you move the next one")
        right, got = 3 * cubes * before**2, np.asarray(got, dtype=float)
        if not np.allclose(got, right, rtol=1e-7, atol=1e-8):
            raise Wrong(f"{given} the slopes are {show(got)}", hint=_slope_advice(got, right, cubes * before))
    return "each slope comes from two losses, one on each side"


class _Loss:
    """The sum of cubes * w³. It remembers the array that it is given, and a deep copy of it is itself."""

    def __init__(self, cubes: np.ndarray, w: np.ndarray):
        self.cubes = cubes
        self.last: np.ndarray | None = None

    def __call__(self, w: np.ndarray) -> float:
        self.last = w
        return float((self.cubes * np.asarray(w) ** 3).sum())

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Loss":
        return self  # so that the array that the answer worked on can be inspected afterwards


def _slope_advice(got: np.ndarray, right: np.ndarray, bend: np.ndarray) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""
    if np.allclose(got, 2 * right, rtol=1e-5):
        return "between w + step and w - step there are two steps"
    if np.allclose(got, -right, rtol=1e-5):
        return "the loss above minus the loss below, not the other way round"
    if np.allclose(got, right.sum(), rtol=1e-5):
        return "move one number at a time, not all of them together"
    if np.allclose(got, right, rtol=1e-2, atol=1e-3):
        return "this is near, but a difference on one side feels the curve's bend; use losses on both sides"
    return "(loss above - loss below) / (2 * step), for each number in turn"
