"""The checkers of the chapter on generation tell plausible mistakes apart."""

import numpy as np
import pytest

from companion.exercises import outcome
from companion.generation import keep_top_p, softmax


def scaled(weights):
    return weights / weights.sum()


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda p, t: scaled(p / t), "a factor common to all probabilities is lost"),
        (lambda p, t: p ** (1 / t), "divide by the sum at the end"),
        (lambda p, t: scaled(p**t), "below 1 makes the most probable token more probable"),
        (lambda p, t: softmax(p / t), "p are probabilities already"),
        (lambda p, t: np.log(p) / t, "divide by the sum at the end"),
        (lambda p, t: scaled(np.exp(np.log(np.where(p > 0, p, np.nan)) / t)), "mind tokens of probability 0"),
        (lambda p, t: float(p.max()), "give one probability for each of the 3 tokens"),
    ],
)
def test_temperature_mistakes(answer, hint):
    with np.errstate(all="ignore"):
        result = outcome("generation-temperature", answer)
    assert not result and hint in result.line, result.line


@pytest.mark.parametrize("answer", [lambda p, t: scaled(p ** (1 / t)), lambda p, t: list(scaled(p ** (1 / t)))])
def test_temperature_right(answer):
    assert outcome("generation-temperature", answer)


def too_few(p, top_p):
    order = np.argsort(-p, kind="stable")
    kept = order[np.cumsum(p[order]) <= top_p]
    return scaled(np.where(np.isin(np.arange(len(p)), kept), p, 0))


def one_too_many(p, top_p):
    order = np.argsort(-p, kind="stable")
    number = int((np.cumsum(p[order]) < top_p).sum()) + 2
    return scaled(np.where(np.isin(np.arange(len(p)), order[:number]), p, 0))


def sorted_away(p, top_p):
    return np.sort(keep_top_p(p, top_p))[::-1]


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (too_few, "the token with which the sum reaches top_p belongs to the nucleus"),
        (one_too_many, "stop as soon as the sum is top_p or more"),
        (sorted_away, "token i keeps place i"),
        (
            lambda p, q: np.where(p >= q, p, 0),
            "the sum of the kept tokens has to reach top_p, not each token alone",
        ),
        (lambda p, q: np.where(keep_top_p(p, q) > 0, p, 0), "divide by the sum at the end"),
        (lambda p, q: p[:2], "give one probability for each of the 4 tokens"),
    ],
)
def test_nucleus_mistakes(answer, hint):
    result = outcome("generation-nucleus", answer)
    assert not result and hint in result.line, result.line


def test_nucleus_right():
    def nucleus(p, top_p):
        order = np.argsort(-p)
        number = np.searchsorted(np.cumsum(p[order]), top_p) + 1
        kept = np.zeros_like(p)
        kept[order[:number]] = p[order[:number]]
        return kept / kept.sum()

    assert outcome("generation-nucleus", nucleus)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda p, m: scaled(np.where(p >= m, p, 0)) if (p >= m).any() else p * 0, "the threshold isn't min_p itself"),
        (lambda p, m: np.where(p >= m * p.max(), p, 0), "divide by the sum at the end"),
        (lambda p, m: scaled(np.where(p <= m * p.max(), p, 0)), "keep every token with at least min_p times"),
        (lambda p, m: scaled(np.where((p > m * p.max()) | (m == 1), p, 0)), "a token exactly at the threshold is kept"),
        (lambda p, m: softmax(np.where(p >= m * p.max(), p, -np.inf)), "the kept tokens keep their proportions"),
    ],
)
def test_min_p_mistakes(answer, hint):
    with np.errstate(all="ignore"):
        result = outcome("generation-min-p", answer)
    assert not result and hint in result.line, result.line


def test_min_p_right():
    assert outcome("generation-min-p", lambda p, m: scaled(np.where(p >= m * p.max(), p, 0)))
