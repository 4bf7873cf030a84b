"""The checked exercises of *Can it answer?*: plausible wrong answers get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


def stick(gates, slip=""):
    weights, left = np.zeros(len(gates)), 1.0
    for number in range(len(gates)) if slip == "front" else reversed(range(len(gates))):
        weights[number] = gates[number] * left
        left *= 1 - gates[number]
    if slip == "softmax":
        weights = gates / gates.sum()
    return weights if slip == "no rest" else np.append(weights, 0.0 if slip in ("zero", "softmax") else left)


def where(events, thing, slip=""):
    places, holder, lies = {}, None, None
    for event in events:
        if event.action == "go":
            places[event.person] = event.target
            if slip == "anybody" and holder:
                places[holder] = event.target
        elif event.target == thing:
            drops = event.action == "drop" and slip != "glue"
            holder, lies = None if drops else event.person, places.get(event.person)
            if slip == "still":
                holder = None
    if slip == "guess" and not lies:
        return "hall"
    return places.get(holder) if holder else lies


@pytest.mark.parametrize(("name", "answer"), [("stick", stick), ("where", where)])
def test_the_right_answer_passes(name, answer):
    result = outcome(f"question-answering-{name}", answer)
    assert result, result.line


@pytest.mark.parametrize("name", ["stick", "where"])
def test_a_stub_is_not_written_yet(name):
    assert "Not written yet" in outcome(f"question-answering-{name}", lambda *_: ...).line


@pytest.mark.parametrize(
    ("slip", "hint"),
    [
        ("front", "start from the end"),
        ("softmax", "don't divide by the sum"),
        ("zero", "what is left after all facts"),
        ("no rest", "one more entry"),
    ],
)
def test_slips_in_the_stick(slip, hint):
    result = outcome("question-answering-stick", lambda gates: stick(gates, slip))
    assert not result and hint in result.line.split("Hint: ")[1], result.line


@pytest.mark.parametrize(
    ("slip", "hint"),
    [
        ("anybody", "nobody else moves it"),
        ("still", "goes where its holder goes"),
        ("glue", "stays where it is"),
        ("guess", "return None"),
    ],
)
def test_slips_in_where(slip, hint):
    result = outcome("question-answering-where", lambda events, thing: where(events, thing, slip))
    assert not result and hint in result.line.split("Hint: ")[1], result.line
