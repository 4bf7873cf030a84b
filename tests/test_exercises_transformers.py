"""The checkers of the chapter on Transformers tell plausible mistakes apart."""

import numpy as np
import pytest

from companion.exercises import outcome


def back(time):
    return np.arange(time)[:, None] - np.arange(time)[None, :]


def right(time, context):
    return (back(time) >= 0) & (back(time) < context)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda t, c: np.tri(t, dtype=bool), "too far back"),
        (lambda t, c: (back(t) >= 0) & (back(t) <= c), "counts the position itself"),
        (lambda t, c: (back(t) > 0) & (back(t) <= c), "sees itself"),
        (lambda t, c: right(t, c).T, "is the future"),
        (lambda t, c: np.abs(back(t)) < c, "is the future"),
        (lambda t, c: ~right(t, c), "True is where"),
        (lambda t, c: right(t, c)[0], "a row for each query"),
        (lambda t, c: right(t, min(c, 2)), "which values of back"),
    ],
)
def test_window_mistakes(answer, hint):
    result = outcome("transformers-window", answer)
    assert not result and hint in result.line, result.line


def test_window_right():
    assert outcome("transformers-window", right)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda layers, context: context - 1, "had looked back itself"),
        (lambda layers, context: layers * context, "isn't a step back"),
        (lambda layers, context: layers * (context - 1) + 1, "how far back"),
        (lambda layers, context: context**layers, "draw two blocks"),
        (lambda layers, context: float(layers * (context - 1)), "whole number"),
    ],
)
def test_reach_mistakes(answer, hint):
    result = outcome("transformers-reach", answer)
    assert not result and hint in result.line, result.line


def test_reach_right():
    assert outcome("transformers-reach", lambda layers, context: layers * (context - 1))
