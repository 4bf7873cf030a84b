"""Checkers of the chapter *How does it write?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show
from companion.generation import apply_temperature, keep_top_p, softmax


def _distribution(answer: Any, p: np.ndarray, setting: float) -> tuple[np.ndarray, str]:
    """The answer's probabilities, if they have the right shape, and the beginning of a message about them."""
    given = call(answer, p, setting)
    says = f"for {show(p)} and {setting:g} it gives {show(given)}"
    try:
        got = np.asarray(given, dtype=float)
    except (TypeError, ValueError):
        got = np.zeros(())
    if got.shape != p.shape:
        raise Wrong(says, hint=f"give one probability for each of the {len(p)} tokens; a token left out gets 0")
    if not np.isfinite(got).all():
        raise Wrong(says, hint="mind tokens of probability 0, which have no logarithm, and sums that are 0")
    return got, says


def _sums_to_one(got: np.ndarray, says: str) -> None:
    if not np.isclose(got.sum(), 1):
        raise Wrong(
            f"{says}, which sums to {got.sum():.4g}",
            hint="the probabilities have to sum to 1; divide by the sum at the end",
        )


@exercise("generation-temperature", asks="a function of (p, temperature) that gives the array of new probabilities")
def temperature(answer: Callable[..., Any]) -> str:
    for weights in ([0.5, 0.3, 0.2], [0.1, 0.6, 0.3], [0.7, 0.0, 0.3]):
        p = np.array(weights)
        for setting in (1.0, 0.5, 2.0):
            got, says = _distribution(answer, p, setting)
            with np.errstate(divide="ignore"):
                expected = softmax(apply_temperature(np.log(p), setting))
            if np.allclose(got, expected, atol=1e-6):
                continue
            if np.allclose(got, softmax(p / setting), atol=1e-6):
                raise Wrong(says, hint="p are probabilities already; the formula divides their logarithms, the logits")
            _sums_to_one(got, says)
            if np.allclose(got, p):
                raise Wrong(
                    f"{says}, the same probabilities as before",
                    hint="a factor common to all probabilities is lost when they are made to sum to 1 again; "
                    "divide their logarithms instead",
                )
            if (got.max() > p.max()) != (setting < 1):
                raise Wrong(says, hint="a temperature below 1 makes the most probable token more probable, not less")
            raise Wrong(says, hint="divide the logarithms by the temperature, undo the logarithm, then make the sum 1")
    return "low temperatures sharpen, high ones flatten, and 1 changes nothing"


@exercise("generation-nucleus", asks="a function of (p, top_p) that gives the array of new probabilities")
def nucleus(answer: Callable[..., Any]) -> str:
    cases = [
        ([0.5, 0.25, 0.15, 0.1], 0.7),
        ([0.1, 0.5, 0.15, 0.25], 0.7),
        ([0.4, 0.3, 0.2, 0.1], 0.65),
        ([0.05, 0.9, 0.05], 0.5),
        ([0.25, 0.5, 0.25], 1.0),
    ]
    for weights, top_p in cases:
        p = np.array(weights)
        got, says = _distribution(answer, p, top_p)
        expected = keep_top_p(p, top_p)
        if np.allclose(got, expected, atol=1e-6):
            continue
        if np.allclose(np.sort(got), np.sort(expected), atol=1e-6):
            raise Wrong(
                says, hint="these are the right values in the wrong places: token i keeps place i, however you sort"
            )
        kept, wanted = np.count_nonzero(got), np.count_nonzero(expected)
        if kept == np.count_nonzero(p >= top_p) != wanted:
            raise Wrong(says, hint="the sum of the kept tokens has to reach top_p, not each token alone")
        if kept < wanted:
            raise Wrong(
                f"{says}, but the kept tokens together have less than top_p",
                hint="the token with which the sum reaches top_p belongs to the nucleus",
            )
        if kept > wanted:
            raise Wrong(f"{says}, but fewer tokens would reach top_p", hint="stop as soon as the sum is top_p or more")
        _sums_to_one(got, says)
        raise Wrong(says, hint="keep the most probable tokens, and divide each by their sum")
    return "the nucleus is the smallest set that reaches top_p, in whatever order its tokens are"


@exercise("generation-min-p", asks="a function of (p, min_p) that gives the array of new probabilities")
def min_p(answer: Callable[..., Any]) -> str:
    cases = [
        ([0.5, 0.25, 0.15, 0.1], 0.4),
        ([0.25, 0.125, 0.1875, 0.1875, 0.25], 0.5),
        ([0.02, 0.9, 0.08], 0.05),
        ([0.25] * 4, 1.0),
    ]
    for weights, setting in cases:
        p = np.array(weights)
        got, says = _distribution(answer, p, setting)
        kept = p >= setting * p.max()
        if np.allclose(got, np.where(kept, p, 0) / p[kept].sum(), atol=1e-6):
            continue
        if not np.array_equal(got > 0, kept):
            if np.array_equal(got > 0, p >= setting):
                raise Wrong(says, hint="the threshold isn't min_p itself: it is min_p times the largest probability")
            if np.array_equal(got > 0, p > setting * p.max()):
                raise Wrong(says, hint="a token exactly at the threshold is kept")
            raise Wrong(says, hint="keep every token with at least min_p times the largest probability")
        _sums_to_one(got, says)
        raise Wrong(says, hint="the kept tokens keep their proportions: divide all by the same number")
    return "the threshold moves with the most probable token"
