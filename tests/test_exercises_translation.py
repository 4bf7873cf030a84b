"""The checkers of the chapter on translation tell plausible mistakes apart."""

from collections import Counter

import numpy as np
import pytest

from companion.exercises import outcome


def right_weights(scores, mask):
    kept = np.where(mask, scores, -np.inf)
    w = np.exp(kept - kept.max())
    return w / w.sum()


def score_zero(scores, mask):
    s = scores * mask
    w = np.exp(s - s.max())
    return w / w.sum()


def no_mask(scores, mask):
    w = np.exp(scores - scores.max())
    return w / w.sum()


def overflowing(scores, mask):
    w = np.exp(scores) * mask
    return w / w.sum()


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (score_zero, "a score of 0 is a score like any other"),
        (no_mask, "nothing was read"),
        (overflowing, "subtract the largest score first"),
        (lambda s, m: no_mask(s, m) * m, "divide by the sum of what is left"),
        (lambda s, m: m / m.sum(), "exponentials of the scores"),
        (lambda s, m: right_weights(s, m).sum(), "one weight for each"),
        (lambda s, m: np.maximum(right_weights(s, m), 1e-8), "exactly 0"),
    ],
)
def test_weight_mistakes(answer, hint):
    with np.errstate(all="ignore"):
        result = outcome("translation-weights", answer)
    assert not result and hint in result.line, result.line


def test_weights_right():
    assert outcome("translation-weights", right_weights)


def grams(words, n):
    return Counter(zip(*(words[i:] for i in range(n)), strict=False))


def right_precision(hypothesis, reference, n):
    mine = grams(hypothesis, n)
    return sum((mine & grams(reference, n)).values()) / max(1, mine.total())


def unclipped(hypothesis, reference, n):
    mine, theirs = grams(hypothesis, n), grams(reference, n)
    return sum(count for gram, count in mine.items() if gram in theirs) / max(1, mine.total())


def recall(hypothesis, reference, n):
    theirs = grams(reference, n)
    return sum((grams(hypothesis, n) & theirs).values()) / max(1, theirs.total())


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (unclipped, "at most as often as the reference has it"),
        (recall, "divide by the hypothesis's n-grams"),
        (lambda h, r, n: len(set(h) & set(r)) / len(set(h)), ""),
        (lambda h, r, n: "half", "one number"),
        (lambda h, r, n: right_precision(h, r, 1), "runs of n words"),
    ],
)
def test_precision_mistakes(answer, hint):
    result = outcome("translation-precision", answer)
    assert not result and hint in result.line, result.line


def test_precision_right():
    assert outcome("translation-precision", right_precision)
