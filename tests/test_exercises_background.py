"""The checked exercises of *What is a language model?*: plausible wrong answers get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


def recover(model, numbers):
    ids = []
    for number in numbers:
        ranking = np.argsort(-model.next_distribution(ids), kind="stable")
        ids.append(int(ranking[number - 1]))
    return ids


def counts_from_zero(model, numbers):
    ids = []
    for number in numbers:
        ranking = np.argsort(-model.next_distribution(ids), kind="stable")
        ids.append(int(ranking[number % len(ranking)]))
    return ids


def least_probable_first(model, numbers):
    ids = []
    for number in numbers:
        ids.append(int(np.argsort(model.next_distribution(ids), kind="stable")[number - 1]))
    return ids


def forgets_the_context(model, numbers):
    return [int(np.argsort(-model.next_distribution([]), kind="stable")[number - 1]) for number in numbers]


def stops_early(model, numbers):
    return recover(model, numbers)[:-1]


def gives_the_ranks(model, numbers):
    return [number - 1 for number in numbers]


def test_the_right_answer_passes():
    assert outcome("background-recover", recover).line == (
        "✓ Right: the guess numbers and the model hold the whole text."
    )
    assert outcome("background-recover", lambda model, numbers: np.array(recover(model, numbers)))


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (counts_from_zero, "has index 0"),
        (least_probable_first, "most probable token is guessed first"),
        (forgets_the_context, "already recovered"),
        (stops_early, "each number gives one token"),
        (gives_the_ranks, "rank the tokens"),
    ],
)
def test_plausible_wrong_answers_get_a_fitting_hint(wrong, hint):
    result = outcome("background-recover", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1]
