"""The checkers of the chapter on Transformers tell plausible mistakes apart."""

import numpy as np
import pytest

from companion.exercises import outcome


def weights(scores):
    w = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return w / w.sum(axis=-1, keepdims=True)


def masked(scores):
    return np.where(np.tri(len(scores), dtype=bool), scores, -np.inf)


def right(q, k, v):
    return weights(masked(q @ k.T / np.sqrt(q.shape[1]))) @ v


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda q, k, v: weights(q @ k.T / np.sqrt(q.shape[1])) @ v, "may see only itself"),
        (lambda q, k, v: weights(masked(q @ k.T)) @ v, "square root"),
        (lambda q, k, v: weights(q @ k.T / np.sqrt(q.shape[1]) * np.tri(len(q))) @ v, "minus infinity"),
        (lambda q, k, v: right(k, q, v), "belongs to query t"),
        (lambda q, k, v: right(q, k, v)[-1], "one row for each position"),
        (lambda q, k, v: np.cumsum(v, axis=0), "softmax along the keys"),
    ],
)
def test_attention_mistakes(answer, hint):
    result = outcome("transformers-attention", answer)
    assert not result and hint in result.line, result.line


def test_attention_right():
    assert outcome("transformers-attention", right)


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda layers, context: context - 1, "had looked back itself"),
        (lambda layers, context: layers * context, "no step back"),
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
