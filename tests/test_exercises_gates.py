"""The checked exercises of *What does each gate do?*: plausible wrong answers get a fitting hint."""

import numpy as np
import pytest

from companion.cells import sigmoid
from companion.exercises import outcome
from companion.grammar import VERBS


def step(x, h_before, c_before, W, slip=""):
    a = {gate: x @ W[f"W_{gate}x"] + h_before @ W[f"W_{gate}h"] + W[f"b_{gate}"] for gate in "figo"}
    f, i, o = sigmoid(a["f"]), sigmoid(a["i"]), sigmoid(a["o"])
    g = sigmoid(a["g"]) if slip == "sigmoid" else np.tanh(a["g"])
    c = {"swapped": i * c_before + f * g, "coupled": (1 - i) * c_before + i * g, "all in": f * c_before + g}.get(
        slip, f * c_before + i * g
    )
    h = {"no tanh": o * c, "old": o * np.tanh(c_before), "late": np.tanh(o * c)}.get(slip, o * np.tanh(c))
    return (c, h) if slip == "order" else (h, c)


def half_life(words):
    f = 0.5 ** (1 / words)
    return np.log(f / (1 - f))


def clauses(word, verb=(1, 1, -1), that=(1, 1, 1), stop=(0, 0, 0), other=(1, 0, 0)):
    if word == "that":
        return that
    if word.removesuffix("s") in VERBS:
        return verb
    return stop if word == "." else other


@pytest.mark.parametrize(
    ("name", "answer"), [("gates-step", step), ("gates-half-life", half_life), ("gates-clauses", clauses)]
)
def test_the_right_answer_passes(name, answer):
    assert outcome(name, answer), outcome(name, answer).line


@pytest.mark.parametrize(
    ("slip", "hint"),
    [
        ("sigmoid", "through tanh, not through the sigmoid"),
        ("swapped", "f multiplies the old memory"),
        ("coupled", "its own weights"),
        ("all in", "the input gate multiplies"),
        ("no tanh", "tanh of the cell state"),
        ("old", "not the one before"),
        ("late", "tanh acts on the cell state alone"),
        ("order", "wrong order"),
    ],
)
def test_slips_in_the_step(slip, hint):
    result = outcome("gates-step", lambda x, h, c, W: step(x, h, c, W, slip))
    assert not result and hint in result.line.split("Hint: ")[1], result.line


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda words: 0.5 ** (1 / words), "that is the gate's value"),
        (lambda words: -half_life(words), "the sign is wrong"),
        (lambda words: np.log(0.5) / words, "not the logarithm alone"),
        (lambda words: 5.0, "first find f"),
        (lambda words: np.ones(3), "one number"),
    ],
)
def test_slips_in_the_half_life(wrong, hint):
    result = outcome("gates-half-life", wrong)
    assert not result and hint in result.line.split("Hint: ")[1], result.line


@pytest.mark.parametrize(
    ("slip", "hint"),
    [
        ({"other": (0, 0, 0)}, "must leave c as it is"),
        ({"that": (0, 1, 1)}, "opens one more clause"),
        ({"verb": (0, 0, 0)}, "a verb ends a clause"),
        ({"verb": (1, 0, 0)}, "a verb ends a clause"),
        ({"stop": (1, 0, 0)}, "use a gate to clear that"),
        ({"verb": (1, 1, -2)}, "g between -1 and 1"),
        ({"that": 1}, "three numbers"),
    ],
)
def test_slips_in_the_clauses(slip, hint):
    result = outcome("gates-clauses", lambda word: clauses(word, **slip))
    assert not result and hint in result.line.split("Hint: ")[1], result.line
