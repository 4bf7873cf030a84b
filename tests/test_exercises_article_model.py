"""The checked exercises of *Does the tutorial's code work?*: plausible wrong answers get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome
from companion.models import article_model


def windows(ids, n):
    return np.lib.stride_tricks.sliding_window_view(ids[:-1], n), ids[n:]


def window_without_an_id_after_it(ids, n):
    X = np.lib.stride_tricks.sliding_window_view(ids, n)
    return X, np.append(ids[n:], 0)


def unequal(ids, n):
    return np.lib.stride_tricks.sliding_window_view(ids, n), ids[n:]


def last_one_lost(ids, n):
    starts = range(len(ids) - n - 1)
    return np.array([ids[s : s + n] for s in starts]).reshape(-1, n), np.array([ids[s + n] for s in starts])


def no_overlap(ids, n):
    starts = range(0, len(ids) - n, n)
    return np.array([ids[s : s + n] for s in starts]), np.array([ids[s + n] for s in starts])


def target_inside(ids, n):
    X, _ = windows(ids, n)
    return X, X[:, -1]


def backwards(ids, n):
    X, y = windows(ids, n)
    return X[:, ::-1], y


def target_at_every_position(ids, n):
    X, _ = windows(ids, n)
    return X, X + 1


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (window_without_an_id_after_it, "still needs an id after it"),
        (unequal, "each window has one target"),
        (last_one_lost, "one more window fits"),
        (no_overlap, "windows may overlap"),
        (target_inside, "only have to copy"),
        (backwards, "in the order of the text"),
        (target_at_every_position, "one per window"),
        (lambda ids, n: windows(ids, n)[0], "return two arrays"),
        (lambda ids, n: windows(ids, n + 1), "one window of 2 ids"),
    ],
)
def test_wrong_windows_get_a_fitting_hint(wrong, hint):
    result = outcome("article-model-windows", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1], result.line


def parameters(V, d, h):
    return V * d, 4 * h * (d + h + 1), V * (h + 1)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda V, d, h: (V * d, h * (d + h + 1), V * (h + 1)), "three gates and a candidate"),
        (lambda V, d, h: (V * d, 3 * h * (d + h + 1), V * (h + 1)), "besides the three gates"),
        (lambda V, d, h: (V * d, 4 * h * (d + h), V * (h + 1)), "each gate has a bias too"),
        (lambda V, d, h: (V * d, 4 * h * (d + 1), V * (h + 1)), "read the hidden state as well"),
        (lambda V, d, h: (V * d, 4 * h * (h + 1), V * (h + 1)), "read the input as well"),
        (lambda V, d, h: (V * d, 4 * h * (d + h + 1), V * h), "each output has a bias"),
        (lambda V, d, h: (V * d, 4 * h * (d + h + 1), V * (d + 1)), "reads the LSTM's output"),
        (lambda V, d, h: ((V + 1) * d, 4 * h * (d + h + 1), V * (h + 1)), "one row per token"),
        (lambda V, d, h: sum(parameters(V, d, h)), "return three numbers"),
    ],
)
def test_wrong_parameter_counts_get_a_fitting_hint(wrong, hint):
    result = outcome("article-model-parameters", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1], result.line


def test_the_right_answers_pass():
    assert outcome("article-model-windows", windows)
    assert outcome("article-model-windows", lambda ids, n: [list(part) for part in windows(ids, n)])
    assert outcome("article-model-parameters", parameters)


def test_the_formula_is_what_keras_counts():
    layers = article_model(vocab_size=50, embedding_dim=6, hidden_units=4).layers
    assert tuple(layer.count_params() for layer in layers) == parameters(50, 6, 4)
