"""The exercises of the chapter scaling-out: right answers pass, plausible wrong ones get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


def combine(means, counts):
    return sum(count * mean for mean, count in zip(means, counts, strict=True)) / sum(counts)


def sent(weights, workers, size=4):
    return 2 * (workers - 1) / workers * weights * size


def speed_up(seconds, weights, rate, workers):
    return seconds / (seconds / workers + sent(weights, workers) / rate)


@pytest.mark.parametrize(
    ("name", "answer"),
    [("scaling-out-shares", combine), ("scaling-out-bytes", sent), ("scaling-out-worth", speed_up)],
)
def test_right_answers_pass(name, answer):
    assert outcome(name, answer)


@pytest.mark.parametrize(
    ("name", "wrong", "hint"),
    [
        ("scaling-out-shares", lambda means, counts: np.mean(means, axis=0), "weights all workers equally"),
        ("scaling-out-shares", lambda means, counts: combine(means, counts) * sum(counts), "one more division"),
        ("scaling-out-shares", lambda means, counts: 0.0, "the shape of one worker's mean"),
        ("scaling-out-bytes", lambda w, n, size=4: sent(w, n, size) / 2, "go round twice"),
        ("scaling-out-bytes", lambda w, n, size=4: sent(w, n, 1), "the bytes of each"),
        ("scaling-out-bytes", lambda w, n, size=4: 2 * w * size, "doesn't send what it keeps"),
        ("scaling-out-bytes", lambda w, n, size=4: sent(w, n, size) * n, "the question is about one of them"),
        ("scaling-out-worth", lambda s, w, r, n: 1 / speed_up(s, w, r, n), "its inverse"),
        ("scaling-out-worth", lambda s, w, r, n: s / (s + sent(w, n) / r), "computes only its share"),
        ("scaling-out-worth", lambda s, w, r, n: n, "takes time too"),
    ],
)
def test_wrong_answers_get_a_hint(name, wrong, hint):
    result = outcome(name, wrong)
    assert not result and hint in result.line
