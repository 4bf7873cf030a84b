"""Attention in NumPy: weights over places, the causal mask, rotation by position.

The layers of `companion.models.attention` and `companion.models.transformer` do the same in Keras. What an
encoder-decoder writes is computed with `attend`; `companion.generation.blocks` is `causal_attention` at one position,
with what a writer can keep from step to step. Chapters: *translation*, *transformers*.
"""

import numpy as np

from companion.cells.cells import expect
from companion.errors import UserError, check_sizes

LOW = -1e9  # below any score, and finite: a row of minus infinities would have no softmax
SMALL = 1e-30  # keeps a sum of 0 from being divided by
BASE = 10_000.0  # the fastest pair of a head turns by 1 radian a position, the slowest by nearly 1 / BASE
EPSILON = 1e-5  # added to a variance before it is divided by


def attend(scores: np.ndarray, values: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Context and weights from scores, in NumPy: the softmax over the unmasked places, and the average it weights.

    Parameters
    ----------
    scores
        ``(batch, T, S)``: how well each of S places answers each of T queries.
    values
        ``(batch, S, units)``.
    mask
        ``(batch, S)``, true where there is something; what the other places hold counts for nothing.

    Returns
    -------
    context, weights
        ``(batch, T, units)`` and ``(batch, T, S)``. Weights add up to 1 and are exactly 0 at a masked place; where
        everything is masked, all are 0.

    Raises
    ------
    UserError
        An array has the wrong shape.

    Examples
    --------
    >>> values, mask = np.array([[[2.0], [4.0], [9.0]]]), np.array([[True, True, False]])
    >>> context, weights = attend(np.zeros((1, 1, 3)), values, mask)
    >>> weights.tolist(), context.tolist()
    ([[[0.5, 0.5, 0.0]]], [[[3.0]]])
    """
    if np.ndim(scores) != 3 or np.ndim(values) != 3:
        raise UserError(
            f"scores and values have the shapes {np.shape(scores)} and {np.shape(values)}; they should be "
            "(batch, T, S) and (batch, S, units)."
        )
    batch, _, places = np.shape(scores)
    expect("values", values, (batch, places, values.shape[-1]), "(batch, S, units)")
    expect("mask", mask, (batch, places), "(batch, S)")
    kept = mask[:, None, :]
    scores = np.where(kept, scores, LOW)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True)) * kept
    weights = weights / np.maximum(weights.sum(axis=-1, keepdims=True), SMALL)
    return weights @ values, weights


def causal_mask(queries: int, keys: int | None = None, context: int | None = None) -> np.ndarray:
    """Which key each query may look at: ``(queries, keys)``, true for itself and for what came before it.

    Parameters
    ----------
    queries, keys
        How many positions; the last query and the last key are the same position. As many keys as queries by default.
    context
        How many positions a query sees at most, itself among them; all by default.

    Examples
    --------
    >>> causal_mask(3).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    >>> causal_mask(2, keys=4, context=2).astype(int).tolist()
    [[0, 1, 1, 0], [0, 0, 1, 1]]

    Raises
    ------
    UserError
        A size isn't a whole number of at least 1, or there are fewer keys than queries.
    """
    keys = queries if keys is None else keys
    check_sizes(queries=queries, keys=keys, context=keys if context is None else context)
    if keys < queries:
        raise UserError(f"There are {queries} queries and {keys} keys; each query is the position of a key.")
    back = np.arange(keys - queries, keys)[:, None] - np.arange(keys)[None, :]
    return (back >= 0) & (back < (keys if context is None else context))


def causal_attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """One head: scaled dot-product attention under a mask (Vaswani et al. 2017, section 3.2.1).

    Parameters
    ----------
    q, k, v
        ``(..., T, d)``, ``(..., S, d)`` and ``(..., S, d)``; further axes in front are batch and heads.
    mask
        ``(T, S)`` or with axes in front, true where a query may look; by default `causal_mask`.

    Returns
    -------
    mixed, weights
        ``(..., T, d)`` and ``(..., T, S)``; the weights of a query add up to 1 and are exactly 0 under the mask.

    Raises
    ------
    UserError
        An array has the wrong shape.

    Examples
    --------
    The second position scores both alike and takes the average; the first sees only itself.

    >>> one = np.ones((2, 1))
    >>> mixed, weights = causal_attention(one, one, np.array([[2.0], [4.0]]))
    >>> weights.tolist(), mixed.tolist()
    ([[1.0, 0.0], [0.5, 0.5]], [[2.0], [3.0]])
    """
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise UserError(
            f"q, k and v have the shapes {q.shape}, {k.shape} and {v.shape}; they should end in (T, d), (S, d), (S, d)."
        )
    mask = causal_mask(q.shape[-2], k.shape[-2]) if mask is None else mask
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]).astype(q.dtype)
    scores = np.where(mask, scores, LOW)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


def speeds(size: int) -> np.ndarray:
    """By how many radians a position each pair of a head's ``size`` numbers is turned, ``(size / 2,)``.

    >>> speeds(4).tolist()
    [1.0, 0.01]

    Raises
    ------
    UserError
        The size isn't an even number of at least 2: two numbers make a pair.
    """
    check_sizes(2, size=size)
    if size % 2:
        raise UserError(f"size is {size}; it should be even, because numbers are turned in pairs.")
    found: np.ndarray = BASE ** (-np.arange(0, size, 2) / size)
    return found


def turns(positions: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of the angle by which each pair of numbers is turned, ``(positions, size / 2)`` each."""
    angles = np.asarray(positions)[:, None] * speeds(size)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def rotate(x: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Turn vectors ``(..., positions, size)`` by their positions (Su et al. 2021, section 3.2.2).

    Number n of the first half and number n of the second are a point in a plane. It is turned by position times
    speed n; the speeds fall from 1 radian a position towards 1 / 10,000.

    Examples
    --------
    The product of two turned vectors depends on how far apart they are, and on nothing else:

    >>> q, k = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])
    >>> [round(float((rotate(q, [at]) @ rotate(k, [at - 2]).T)[0, 0]), 4) for at in (2, 50)]
    [-6.7812, -6.7812]
    """
    cos, sin = turns(positions, x.shape[-1])
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)
