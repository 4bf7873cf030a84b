"""Rankings of replies are scored as documented, and find what they should."""

import numpy as np
import pytest

from companion.applications.ranking import (
    mutual_information,
    nearest_scores,
    overlap_scores,
    recall_at,
)
from companion.corpora.conversations import Exchange
from companion.errors import UserError

TOPICS = ("sad", "happy", "tired", "hungry", "angry", "afraid", "bored", "proud")
SMALL = [Exchange(f"Are you {topic}?", f"Nobody here is {topic}.") for topic in TOPICS]


def test_recall_counts_the_wrong_ones_above():
    scores = np.array([[5.0, 4.0, 3.0, 2.0]])
    true = np.array([[False, True, False, True]])
    assert recall_at(scores, true, 1).tolist() == [0.0]
    assert recall_at(scores, true, 2).tolist() == [0.5]
    assert recall_at(scores, true, 3).tolist() == [1.0]  # the other true reply isn't a rival


def test_a_ranking_that_ties_everything_gets_what_chance_would():
    true = np.eye(100, dtype=bool)
    flat = np.zeros((100, 100))
    assert recall_at(flat, true, 10).mean() == 0
    assert recall_at(flat, true, 50).mean() == 1  # in the middle of the 99 wrong ones


def test_overlap_and_nearest_find_what_they_should():
    asked = ["Is anybody sad?", "Are you very tired?"]
    given = ["Nobody here is tired.", "Nobody here is sad."]
    assert overlap_scores(asked, given, SMALL).argmax(axis=1).tolist() == [1, 0]
    assert nearest_scores(asked, given, SMALL).argmax(axis=1).tolist() == [1, 0]


def test_mutual_information_subtracts_what_any_message_gives():
    p = np.array([[0.5, 0.4], [0.5, 0.1]])
    information = mutual_information(np.log(p))
    assert np.allclose(information, np.log(p / p.mean(axis=0)))
    far = mutual_information(np.log(p) - 5000)  # where exp would be 0
    assert np.allclose(far, information)


def test_rankings_need_pairs_and_good_shapes():
    with pytest.raises(UserError, match="no known pairs"):
        overlap_scores(["Are you sad?"], ["No."], [])
    with pytest.raises(UserError, match="Message 1 has no true reply"):
        recall_at(np.zeros((2, 2)), np.array([[True, False], [False, False]]), 1)
    with pytest.raises(UserError, match="both should be \\(messages, replies\\)"):
        recall_at(np.zeros((2, 2)), np.ones((2, 3), bool), 1)
