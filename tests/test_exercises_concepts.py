"""The checked exercises of *How do you score one?*: plausible wrong answers get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


def frequency(text, context, character):
    n = len(context)
    followers = [text[i + n] for i in range(len(text) - n) if text[i : i + n] == context]
    return followers.count(character) / len(followers) if followers else 0.0


def test_the_right_answers_pass():
    assert outcome("concepts-bits", lambda log_p, characters: -np.sum(log_p) / np.log(2) / characters)
    assert outcome("concepts-frequency", frequency)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda log_p, characters: np.sum(log_p) / np.log(2) / characters, "positive"),
        (lambda log_p, characters: -np.sum(log_p) / characters, "these are nats"),
        (lambda log_p, characters: -np.mean(log_p) / np.log(2), "divide the cost by the number of characters"),
        (lambda log_p, characters: -np.sum(log_p) * np.log(2) / characters, "more bits than nats"),
        (lambda log_p, characters: -np.sum(log_p) / np.log(2), "number of characters"),
        (lambda log_p, characters: np.exp(-np.mean(log_p)), "perplexity"),
        (lambda log_p, characters: 0.0, "add up all surprises"),
    ],
)
def test_wrong_bits_get_a_fitting_hint(wrong, hint):
    result = outcome("concepts-bits", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1]


def by_count(text, context, character):
    return text.count(context + character) / text.count(context)


def whole_text(text, context, character):
    return text.count(context + character) / len(text)


def counts_the_end(text, context, character):
    n = len(context)
    starts = [i for i in range(len(text) - n + 1) if text[i : i + n] == context]
    return sum(text[i + n : i + n + 1] == character for i in starts) / len(starts)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (by_count, "places may overlap"),
        (whole_text, "count the places of the context"),
        (counts_the_end, "the last one has nothing after it"),
        (
            lambda text, context, character: frequency(text, context, character) if context in text else 1.0,
            "nothing to divide by",
        ),
    ],
)
def test_wrong_frequencies_get_a_fitting_hint(wrong, hint):
    result = outcome("concepts-frequency", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1]
