"""Checks of the exercises of *What does a good one look like?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("language-model-clip", asks="a function of (gradients, longest) that gives the list of clipped gradients")
def clip(answer: Callable[..., Any]) -> str:
    for gradients, longest in [
        ([np.array([3.0, 4.0])], 1.0),
        ([np.array([3.0, 3.0]), np.array([[4.0], [0.0]])], 2.5),
        ([np.array([0.3, -0.4])], 1.0),
        ([np.array([[-6.0, 8.0]]), np.array([0.0])], 20.0),
        ([np.zeros(2), np.zeros(1)], 1.0),
    ]:
        got = call(answer, gradients, longest)
        given = f"for gradients {show(gradients)} and longest {show(longest)}"
        if not isinstance(got, list | tuple) or len(got) != len(gradients):
            raise Wrong(f"{given} it gives {show(got)}", hint="return a list with one array for each array given")
        arrays = [np.asarray(array, dtype=float) for array in got]
        if [array.shape for array in arrays] != [array.shape for array in gradients]:
            raise Wrong(f"{given} the shapes change", hint="scaling doesn't change an array's shape")
        length = _length(gradients)
        factor = min(1.0, longest / length) if length else 1.0
        if not _same(arrays, [factor * array for array in gradients]):
            raise Wrong(f"{given} it gives {show(arrays)}", hint=_clip_advice(gradients, longest, arrays))
    return "long gradients are shortened in their own direction, short ones are left alone"


def _length(arrays: list[np.ndarray]) -> float:
    return float(np.sqrt(sum((array**2).sum() for array in arrays)))


def _same(some: list[np.ndarray], others: list[np.ndarray]) -> bool:
    return all(np.allclose(a, b, atol=1e-6) for a, b in zip(some, others, strict=True))


def _clip_advice(gradients: list[np.ndarray], longest: float, got: list[np.ndarray]) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""
    if not all(np.isfinite(array).all() for array in got):
        return "a gradient of zeros has length 0: don't divide by it"
    length = _length(gradients)
    if length <= longest:
        return "a gradient that is short enough stays as it is"
    if _same(got, gradients):
        return f"all the numbers together have length {show(length)}, which is too long"
    if _same(got, [np.clip(array, -longest, longest) for array in gradients]):
        return "cutting off each number changes the direction; scale all of them by the same factor"
    if _same(got, [array * min(1.0, longest / max(_length([array]), 1e-12)) for array in gradients]):
        return "one length for all arrays together, and one factor for all of them"
    if _same(got, [array * longest / length**2 for array in gradients]):
        return "the length is the square root of the sum of the squares"
    return "the factor is the longest allowed length divided by the actual length"


@exercise("language-model-copy", asks="a function of (ids, n) that gives an array of guesses, -1 where there is none")
def copy_guesses(answer: Callable[..., Any]) -> str:
    for numbers, n in [
        ([0, 1, 0, 2, 0], 1),
        ([0, 1, 0, 2, 0, 3, 0, 3], 1),
        ([0, 1, 2, 0, 1, 2, 0, 1], 2),
        ([5, 5, 5, 5, 5, 4, 5, 5], 3),
        ([7, 8], 4),
    ]:
        ids = np.array(numbers, dtype=np.int32)
        given = f"for ids {show(numbers)} and n = {n}"
        result = call(answer, ids, n)
        got = np.asarray(result)
        if got.shape != ids.shape:
            raise Wrong(f"{given} it gives {show(result)}", hint="there is one guess for each id, -1 included")
        if not np.array_equal(got, _guesses(ids, n)):
            raise Wrong(f"{given} it guesses {show(got.tolist())}", hint=_copy_advice(ids, n, got))
    return "what followed last time is guessed again, and nothing is known in advance"


def _guesses(ids: np.ndarray, n: int, peek: bool = False, first: bool = False) -> np.ndarray:
    """The guesses; with ``peek`` each place is recorded before it is guessed, with ``first`` the first time counts."""
    followed: dict[tuple[int, ...], int] = {}
    guesses = np.full(len(ids), -1)
    for t in range(n, len(ids)):
        before = tuple(ids[t - n : t].tolist())
        if peek:
            followed[before] = ids[t]
        guesses[t] = followed.get(before, -1)
        if not (first and before in followed):
            followed[before] = ids[t]
    return guesses


def _guesses_from_the_end(ids: np.ndarray, n: int) -> np.ndarray:
    """The guesses of a dictionary of the whole text, the future included."""
    followed = {tuple(ids[t - n : t].tolist()): ids[t] for t in range(n, len(ids))}
    return np.array([followed.get(tuple(ids[max(0, t - n) : t].tolist()), -1) for t in range(len(ids))])


def _copy_advice(ids: np.ndarray, n: int, got: np.ndarray) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""
    right = _guesses(ids, n)
    if np.array_equal(got, _guesses(ids, n, peek=True)) or np.array_equal(got, _guesses_from_the_end(ids, n)):
        return "guess only from what came before t: record what follows after you have guessed it"
    if np.array_equal(got, _guesses(ids, n, first=True)):
        return "the last time counts: let what followed now replace what followed before"
    if np.array_equal(got[:-1], right[1:]) or np.array_equal(got[1:], right[:-1]):
        return "the guess at place t is for the id at t, made from the n ids before it"
    if np.array_equal(got, np.where(right < 0, 0, right)):
        return "0 is an id too; where nothing is known the guess is -1"
    return "the ids before place t are ids[t - n : t]; look up what followed them last time"
