"""The exercises of the chapter compute: right answers pass, plausible wrong ones get a fitting hint."""

import pytest

from companion.exercises import outcome


def flops(v, w, u, layers, times=6, embedding=0, bias=0, dense=1):
    first = 4 * u * (w + u + bias)
    return times * (first + (layers - 1) * 4 * u * (2 * u + bias) + dense * v * (u + bias) + embedding * v * w)


def test_the_right_count_passes():
    assert outcome("compute-flops", flops)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda *s: flops(*s, times=3), "multiply-add is two"),
        (lambda *s: flops(*s, times=2), "that is the forward pass"),
        (lambda *s: flops(*s, times=4), "one product in the backward pass"),
        (lambda *s: flops(*s, embedding=1), "copies a row"),
        (lambda *s: flops(*s, bias=1), "a bias is added"),
        (lambda *s: flops(*s, bias=1, embedding=1), "leave out the embedding"),
        (lambda *s: flops(*s, dense=0), "dense layer multiplies"),
        (lambda v, w, u, n: 6 * (n * 4 * u * (w + u) + v * u), "only the first layer"),
        (lambda v, w, u, n: flops(v, w, u, n) / 4, "three gates and a candidate"),
        (lambda *s: "many", "one number"),
    ],
)
def test_a_wrong_count_gets_its_hint(wrong, hint):
    result = outcome("compute-flops", wrong)
    assert not result and hint in result.line, result.line


def roof(n, p, b, f, m):
    return max(2 * n * p / f, b * p / m)


def test_the_right_roof_passes():
    assert outcome("compute-roof", roof)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda n, p, b, f, m: 2 * n * p / f + b * p / m, "not their sum"),
        (lambda n, p, b, f, m: min(2 * n * p / f, b * p / m), "the longer of the two"),
        (lambda n, p, b, f, m: max(n * p / f, b * p / m), "two operations"),
        (lambda n, p, b, f, m: max(2 * n * p / f, n * b * p / m), "one fetch"),
        (lambda n, p, b, f, m: max(2 * p / f, b * p / m), "its own multiply-adds"),
        (lambda n, p, b, f, m: max(2 * n * p / f, 4 * p / m), "not 4"),
        (lambda n, p, b, f, m: 0.0, "compare the seconds"),
    ],
)
def test_a_wrong_roof_gets_its_hint(wrong, hint):
    result = outcome("compute-roof", wrong)
    assert not result and hint in result.line, result.line
