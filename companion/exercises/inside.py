"""Checks of the exercises of *What has it learnt?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.analysis.probes import best_threshold
from companion.exercises import Wrong, call, exercise, show


@exercise("inside-threshold", asks="a function of (values, yes) that gives a balanced accuracy, a number")
def threshold(answer: Callable[..., Any]) -> str:
    cases = [
        ([0.0, 1.0, 2.0, 3.0], [0, 0, 1, 1]),
        ([3.0, 2.0, 1.0, 0.0], [0, 0, 1, 1]),  # yes below
        ([0.2, -1.0, 0.5, 2.0, 1.0, -0.3], [0, 0, 1, 0, 0, 0]),
        ([1.0, 1.0, 1.0, 2.0], [0, 1, 0, 1]),  # equal values stay together
        ([5.0, 1.0, 2.0, 3.0, 4.0, 0.0, 6.0, 7.0], [1, 0, 0, 0, 0, 0, 0, 1]),
    ]
    for values, yes in cases:
        x, y = np.array(values), np.array(yes)
        got = call(answer, x, y)
        right = best_threshold(x, y.astype(float))[2]
        if np.ndim(got) or not isinstance(got, int | float | np.number) or isinstance(got, bool | np.bool_):
            raise Wrong(f"it gives {show(got)}", hint="return one number, the best balanced accuracy of all thresholds")
        if not np.isclose(float(got), right, atol=1e-9):
            given = f"for the values {show(x)} and yes = {show(y)} it gives {show(float(got))}"
            raise Wrong(given, hint=_threshold_advice(float(got), x, y))
    return "the best cut is found, whichever side of it says yes"


def _threshold_advice(got: float, x: np.ndarray, y: np.ndarray) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""
    cuts = [-np.inf, *np.unique(x)]
    above = [((x > cut)[y == 1].mean() + (x <= cut)[y == 0].mean()) / 2 for cut in cuts]
    plain = [((x > cut) == y).mean() for cut in cuts]
    if np.isclose(got, max(above)):
        return "a cell may also be low where the answer is yes; try both directions"
    if np.isclose(got, max(*plain, *(1 - np.array(plain)))) or np.isclose(got, max(plain)):
        return "average two shares, the yes places found and the no places found"
    return "for each value as the cut, say yes above it, and average the share of yes found and of no found"


@exercise("inside-ablate", asks="a function of (W, b, unit, shown) that gives the new W and b")
def ablate(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for units, outputs, unit in ((3, 2, 1), (4, 5, 0)):
        W, b, h = rng.normal(size=(units, outputs)), rng.normal(size=outputs), rng.normal(size=(6, units))
        shown = float(rng.normal())
        got = call(answer, W, b, unit, shown)
        if not isinstance(got, tuple | list) or len(got) != 2:
            raise Wrong(f"it gives {show(got)}", hint="return two things: the new W and the new b")
        given = f"for a W of shape {W.shape}, unit {unit} and shown = {show(shown)}"
        for name, array, shape in (("W", got[0], W.shape), ("b", got[1], b.shape)):
            if np.shape(array) != shape:
                raise Wrong(f"{given} {name} has the shape {np.shape(array)}", hint="both keep their shapes")
        new_W, new_b = (np.asarray(array, dtype=float) for array in got)
        fixed = h.copy()
        fixed[:, unit] = shown
        if not np.allclose(h @ new_W + new_b, fixed @ W + b):
            raise Wrong(f"{given} h @ W + b is wrong", hint=_ablate_advice(new_W, new_b, W, b, unit, shown))
    return "the cell always shows the same value, and only weights have changed"


def _ablate_advice(
    W: np.ndarray, b: np.ndarray, W_before: np.ndarray, b_before: np.ndarray, unit: int, shown: float
) -> str:
    """The likely mistake."""
    if W[unit].any():
        column = unit < W.shape[1] and not W[:, unit].any()
        return (
            "a cell is read through its row of W; you emptied a column"
            if column
            else "the row of the unit in W still reads the cell; make it zero"
        )
    if np.allclose(b, b_before):
        return "what the cell shows still has to reach the others: add it to b"
    if np.allclose(b, b_before + shown):
        return "weigh what it shows with its row of W before you add it to b"
    if not np.allclose(np.delete(W, unit, axis=0), np.delete(W_before, unit, axis=0)):
        return "the rows of the other cells stay as they are"
    return "add shown times the unit's row, as it was before you emptied it, to b"
