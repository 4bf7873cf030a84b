"""Checkers of the chapter *What should I reply?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.applications.ranking import mutual_information, recall_at
from companion.exercises import Wrong, call, exercise, show

# No wrong reply ties with a true one here, so it doesn't matter how ties are counted.
RANKINGS = [
    ([[0.9, 0.5, 0.1], [0.2, 0.8, 0.4]], [[True, False, False], [True, False, False]]),
    ([[-4.0, -1.0, -2.0, -3.0]], [[False, True, False, True]]),
    ([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]], [[True, False, True, False], [True, True, False, True]]),
]


@exercise("text-generation-recall", asks="a function of (scores, true, k) that gives one number")
def recall(answer: Callable[..., Any]) -> str:
    for rows, marks in RANKINGS:
        scores, true = np.array(rows), np.array(marks)
        for k in (1, 2, 3):
            expected = float(recall_at(scores, true, k).mean())
            got = _number(call(answer, scores, true, k))
            if got is not None and np.isclose(got, expected):
                continue
            says = f"for scores {show(scores)}, true {show(true)} and k = {k} it gives {show(got)}"
            if got is None:
                raise Wrong(f"{says}, not a single number", hint="the mean over the messages is one number")
            if np.isclose(got, cut(scores, true, k)):
                raise Wrong(says, hint="count the wrong replies above a true one; other true replies aren't rivals")
            if np.isclose(got, recall_at(-scores, true, k).mean()):
                raise Wrong(says, hint="a high score is a good one: it belongs at the top")
            if np.isclose(got, found_any(scores, true, k)):
                raise Wrong(says, hint="a message with two true replies, one of them found, counts a half")
            if np.isclose(got, by_pair(scores, true, k)):
                raise Wrong(says, hint="average over the replies of each message first, then over the messages")
            raise Wrong(says, hint="a true reply is found if fewer than k wrong replies have a higher score")
    return "a true reply is found if fewer than k wrong ones are above it, and every message counts the same"


def _found(scores: np.ndarray, true: np.ndarray, k: int) -> list[np.ndarray]:
    return [np.array([(s[~t] > one).sum() < k for one in s[t]]) for s, t in zip(scores, true, strict=True)]


def found_any(scores: np.ndarray, true: np.ndarray, k: int) -> float:
    """Wrong: a message counts as found if any of its replies is."""
    return float(np.mean([found.any() for found in _found(scores, true, k)]))


def by_pair(scores: np.ndarray, true: np.ndarray, k: int) -> float:
    """Wrong: every pair counts the same, so that a message with many replies counts more."""
    return float(np.concatenate(_found(scores, true, k)).mean())


def cut(scores: np.ndarray, true: np.ndarray, k: int) -> float:
    """Wrong: other true replies take places among the first k."""
    top = np.argsort(-scores, axis=1)[:, :k]
    return float(np.mean([t[places].sum() / t.sum() for t, places in zip(true, top, strict=True)]))


@exercise("text-generation-information", asks="a function of (log_p) that gives an array of its shape")
def information(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    tables = [np.log([[0.5, 0.4], [0.5, 0.1]]), np.log([[0.2], [0.2]]), rng.normal(-900, 100, (3, 4))]
    for log_p in tables:
        got = np.asarray(call(answer, log_p), dtype=float)
        says = f"for log_p = {show(log_p)} it gives {show(got)}"
        if got.shape != log_p.shape:
            raise Wrong(f"{says}, of shape {got.shape}", hint=f"one number for each message and reply: {log_p.shape}")
        if np.allclose(got, mutual_information(log_p)):
            continue
        if not np.isfinite(got).all():
            raise Wrong(
                says, hint="whole replies have tiny probabilities, and exp makes them 0; use np.logaddexp.reduce"
            )
        if np.allclose(got, log_p - log_p.mean(axis=0)):
            raise Wrong(says, hint="p(reply) is the mean of the probabilities, not of their logarithms")
        if np.allclose(got, log_p - np.logaddexp.reduce(log_p, axis=1)[:, None] + np.log(log_p.shape[1])):
            raise Wrong(says, hint="the mean goes over the messages, down a column; you went along a row")
        if np.allclose(got, log_p - np.logaddexp.reduce(log_p, axis=0)):
            raise Wrong(says, hint="a mean is a sum divided by the number of messages")
        if np.allclose(got, -mutual_information(log_p)):
            raise Wrong(says, hint="a reply that the message makes more probable than it is anyway is above 0")
        raise Wrong(
            says, hint="subtract ln p(reply), where p(reply) is the mean of p(reply | message) over the messages"
        )
    return "what a reply gets from any message is subtracted, even if the probabilities are too small for floats"


@exercise("text-generation-length", asks="a function of (log_p, lengths, alpha) that gives an array of log_p's shape")
def length(answer: Callable[..., Any]) -> str:
    log_p, lengths = np.array([[-6.0, -9.0], [-8.0, -4.0]]), np.array([2, 9])
    for alpha in (0.0, 1.0, 0.5):
        expected = log_p / lengths**alpha
        got = np.asarray(call(answer, log_p, lengths, alpha), dtype=float)
        says = f"for log_p = {show(log_p)}, lengths {show(lengths)} and alpha = {alpha:g} it gives {show(got)}"
        if got.shape != log_p.shape:
            raise Wrong(says, hint=f"one number for each message and reply: an array of shape {log_p.shape}")
        if np.allclose(got, expected):
            continue
        if np.allclose(got, log_p / (lengths[:, None] ** alpha)):
            raise Wrong(says, hint="the lengths are those of the replies, so they divide the columns")
        if np.allclose(got, log_p * lengths**alpha):
            raise Wrong(says, hint="divide: a long reply's total is made smaller")
        if np.allclose(got, log_p / (alpha * lengths if alpha else 1)):
            raise Wrong(says, hint="alpha is a power of the length, not a factor")
        raise Wrong(says, hint="with alpha = 0 nothing changes, with alpha = 1 it is the mean for each token")
    return "alpha = 0 ranks by the total, alpha = 1 by the mean per token, and others lie between"


def _number(value: Any) -> float | None:
    try:
        array = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        return None
    return float(array) if array.ndim == 0 else None
