"""The checkers of the chapter on summarisation tell plausible mistakes apart."""

from collections import Counter

import numpy as np
import pytest

from companion.exercises import outcome


def shared(a, b):
    return (Counter(a) & Counter(b)).total()


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda a, b: shared(a, b) / len(b), "that is the recall alone"),
        (lambda a, b: shared(a, b) / len(a), "that is the precision alone"),
        (lambda a, b: (shared(a, b) / len(a) + shared(a, b) / len(b)) / 2, "the plain mean"),
        (lambda a, b: 2 * sum(w in b for w in a) / (len(a) + len(b)), "the smaller of its two counts"),
        (lambda a, b: 2 * len(set(a) & set(b)) / (len(set(a)) + len(set(b))), "the smaller of its two counts"),
        (lambda a, b: 2 * shared(a, b) / (len(a) + len(b)) if shared(a, b) else np.nan, "don't divide 0 by 0"),
        (lambda a, b: {"f": 1}, "give one number"),
    ],
)
def test_rouge_mistakes(answer, hint):
    with np.errstate(all="ignore"):
        result = outcome("summarisation-rouge", answer)
    assert not result and hint in result.line, result.line


def test_rouge_right():
    assert outcome("summarisation-rouge", lambda a, b: 2 * shared(a, b) / (len(a) + len(b)))


def mixed(p, weights, source, gate):
    both = np.zeros(max(len(p), source.max() + 1))
    both[: len(p)] = gate * p
    np.add.at(both, source, (1 - gate) * weights)
    return both


def added_once(p, weights, source, gate):
    both = np.zeros(max(len(p), source.max() + 1))
    both[: len(p)] = gate * p
    both[source] += (1 - gate) * weights
    return both


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda p, w, s, g: mixed(p, w, s, 1 - g), "the gate is the vocabulary's share"),
        (added_once, "np.add.at each time"),
        (lambda p, w, s, g: mixed(p, w, s, g)[: len(p)], "5 ids here"),
        (lambda p, w, s, g: np.sort(mixed(p, w, s, g)), "add gate times p_vocabulary"),
    ],
)
def test_copy_mistakes(answer, hint):
    result = outcome("summarisation-copy", answer)
    assert not result and hint in result.line, result.line


def test_copy_right():
    assert outcome("summarisation-copy", mixed)


def walked(similarity, damping, transpose=True, divide=True):
    n = len(similarity)
    steps = similarity / similarity.sum(axis=1, keepdims=True) if divide else similarity / n
    score = np.full(n, 1 / n)
    for _ in range(200):
        score = (1 - damping) / n + damping * (steps.T if transpose else steps) @ score
    return score


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda s, d: walked(s, d, transpose=False), "use the transpose"),
        (lambda s, d: walked(s, d, divide=False), "divide each row"),
        (lambda s, d: walked(s, 1 - d), "repeat score"),
        (lambda s, d: 2, "one score for each"),
    ],
)
def test_lexrank_mistakes(answer, hint):
    result = outcome("summarisation-lexrank", answer)
    assert not result and hint in result.line, result.line


def test_lexrank_right():
    assert outcome("summarisation-lexrank", walked)
