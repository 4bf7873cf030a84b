"""Checkers of the chapter *Why did attention win?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("transformers-attention", asks="a function of (q, k, v) that gives an array with a row for each position")
def attention(answer: Callable[..., Any]) -> str:
    cases = [
        ([[1.0], [1.0]], [[1.0], [1.0]], [[2.0], [4.0]]),
        ([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]], [[1.0, 0.0], [0.0, 1.0], [3.0, 0.0]], [[1.0], [0.0], [9.0]]),
        (
            [[1.0, 0.0, 2.0, 1.0]] * 3,
            [[0.0, 1.0, 1.0, 0.0], [1.0] * 4, [-1.0] * 4],
            [[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]],
        ),
    ]
    for q, k, v in (tuple(map(np.array, case)) for case in cases):
        given = call(answer, q, k, v)
        says = f"for q {show(q)}, k {show(k)} and v {show(v)} it gives {show(given)}"
        got = np.asarray(given, dtype=float) if isinstance(given, np.ndarray | list | tuple) else np.zeros(())
        if got.shape != v.shape:
            raise Wrong(says, hint=f"give one row for each position, as wide as v: the shape {v.shape}")
        if np.allclose(got, _mixed(q, k, v), atol=1e-6):
            continue
        if np.allclose(got, _mixed(q, k, v, causal=False), atol=1e-6):
            raise Wrong(says, hint="the first position may see only itself, so its row is the first of v")
        if np.allclose(got, _mixed(q, k, v, scale=1), atol=1e-6):
            raise Wrong(says, hint="divide the scores by the square root of the size of a query")
        if np.allclose(got, _zeroed(q, k, v), atol=1e-6):
            raise Wrong(says, hint="a masked score of 0 still gets weight; make it minus infinity before the softmax")
        if np.allclose(got, _mixed(k, q, v), atol=1e-6):
            raise Wrong(says, hint="row t of the scores belongs to query t, column s to key s")
        raise Wrong(says, hint="scores, mask, softmax along the keys, and then the weights times v")
    return "each position takes its average from itself and from what came before it"


def _mixed(q: np.ndarray, k: np.ndarray, v: np.ndarray, scale: float | None = None, causal: bool = True) -> Any:
    scores = q @ k.T / (np.sqrt(q.shape[1]) if scale is None else scale)
    scores = np.where(np.tri(len(q), dtype=bool) | (not causal), scores, -np.inf)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True) @ v


def _zeroed(q: np.ndarray, k: np.ndarray, v: np.ndarray) -> Any:
    weights = np.exp(q @ k.T / np.sqrt(q.shape[1]) * np.tri(len(q)))
    return weights / weights.sum(axis=1, keepdims=True) @ v


@exercise("transformers-reach", asks="a function of (layers, context) that gives a whole number of positions")
def reach(answer: Callable[..., Any]) -> str:
    for layers, context in [(1, 8), (2, 8), (3, 64), (1, 2), (12, 2)]:
        got = call(answer, layers, context)
        says = f"for {layers} blocks and a context of {context} it gives {show(got)}"
        if isinstance(got, bool) or not isinstance(got, int | np.integer):
            raise Wrong(says, hint="count positions: the answer is a whole number")
        if got == layers * (context - 1):
            continue
        if got == context - 1:
            raise Wrong(says, hint="a block reads what the block below wrote at a place that had looked back itself")
        if got == layers * context:
            raise Wrong(says, hint="a context counts the position itself, and that is no step back")
        if got == layers * (context - 1) + 1:
            raise Wrong(says, hint="the question is how far back, so the position itself is not counted")
        raise Wrong(says, hint="draw two blocks with a context of 3, and follow the lines down and to the left")
    return "each block hands on what the one below has gathered, so the steps back add up"
