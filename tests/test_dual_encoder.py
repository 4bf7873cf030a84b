"""The dual encoder: it learns which reply goes with which message, and says which words it never saw."""

import numpy as np
import pytest

from companion.applications.dual_encoder import DualEncoder, known_words, suggest, unknown_words
from companion.applications.ranking import (
    candidates,
    recall_at,
)
from companion.corpora.conversations import Exchange
from companion.errors import UserError

TOPICS = ("sad", "happy", "tired", "hungry", "angry", "afraid", "bored", "proud")
SMALL = [Exchange(f"Are you {topic}?", f"Nobody here is {topic}.") for topic in TOPICS]


@pytest.fixture(scope="module")
def encoder():
    return DualEncoder(SMALL * 4, dim=16, passes=60, batch_size=8)


def test_the_dual_encoder_learns_which_reply_goes_with_which_message(encoder):
    messages, given, true = candidates(SMALL)
    assert recall_at(encoder.scores(messages, given), true, 1).mean() == 1
    assert suggest("are you SAD", encoder, given, k=1)[0][0] == "Nobody here is sad."


def test_the_dual_encoder_is_seeded():
    one, two = (DualEncoder(SMALL, dim=4, passes=2, seed=5).word_vectors for _ in range(2))
    assert np.array_equal(one, two)


def test_a_text_without_a_known_word_scores_nothing(encoder):
    assert encoder.scores(["quux", "Are you sad?"], ["flob", "Nobody here is sad."])[0].tolist() == [0.0, 0.0]


@pytest.mark.parametrize(
    ("message", "says"),
    [
        ("", "has no words"),
        (" ?! ", "has no words"),
        ("你好吗", "isn't in Latin letters"),
        ("Как дела?", "isn't in Latin letters"),
        ("Warum bist du traurig?", "Most words .*(warum, bist, du, traurig); is it English"),
        ("one two three four five six", "five, ...); is it English"),
    ],
)
def test_a_message_that_can_t_be_used_gets_a_sentence(encoder, message, says):
    for known in (encoder, known_words(SMALL)):
        with pytest.raises(UserError, match=says.replace("(", "\\(").replace(")", "\\)")):
            unknown_words(message, known)


def test_a_few_unknown_words_are_named(encoder):
    assert unknown_words("Are you sad today?", encoder) == ["today"]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"pairs": []}, "no pairs to learn from"), ({"dim": 0}, "dim is 0"), ({"dropout": 1}, "dropout is 1")],
)
def test_a_dual_encoder_needs_pairs_and_good_settings(wrong, says):
    with pytest.raises(UserError, match=says):
        DualEncoder(**{"pairs": SMALL, **wrong})


def test_suggestions_need_replies(encoder):
    with pytest.raises(UserError, match="no replies to choose from"):
        suggest("Are you sad?", encoder, [])
    with pytest.raises(UserError, match="k is 0"):
        suggest("Are you sad?", encoder, ["No."], k=0)
