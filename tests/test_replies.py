"""Replies: messages that are alike stay together, rankings are scored as said, the models do what they promise."""

import numpy as np
import pytest

from companion.applications import replies
from companion.applications.dual_encoder import DualEncoder, known_words, suggest, unknown_words
from companion.applications.ranking import (
    candidates,
    mutual_information,
    nearest_scores,
    overlap_scores,
    recall_at,
)
from companion.corpora.conversations import ALIKE, LONGEST_TURN, Exchange, group_messages, load_exchanges, spoken
from companion.errors import UserError
from companion.models import language_model
from companion.recipes import Trained
from companion.seeding import set_seed
from companion.tokenizers import WordTokenizer

TOPICS = ("sad", "happy", "tired", "hungry", "angry", "afraid", "bored", "proud")
SMALL = [Exchange(f"Are you {topic}?", f"Nobody here is {topic}.") for topic in TOPICS]


@pytest.fixture(scope="module")
def parts():
    return load_exchanges()


# ---------------------------------------------------------------------------------------------------------------
# The pairs


def test_the_pairs_are_short_lines_and_all_different(parts):
    everything = [pair for part in parts for pair in part]
    assert len(everything) == len(set(everything)) == 1046
    for text in {text for pair in everything for text in pair}:
        assert text.strip() and "\n" not in text and "\t" not in text and len(text) <= LONGEST_TURN


def test_no_message_is_in_two_parts_nor_one_that_is_alike(parts):
    bags = [[frozenset(spoken(pair.message)) for pair in part] for part in parts]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        shared = max(len(a & b) / len(a | b) for a in set(bags[first]) for b in set(bags[second]) if a | b)
        assert shared < ALIKE


def test_files_of_alternatives_are_not_read_as_talk(parts):
    """In "emotion" every line answers the first; no reply of it becomes a message."""
    everything = [pair for part in parts for pair in part]
    assert Exchange("You are arrogant", "I am terse. There is a difference.") in everything
    assert not any(pair.message == "I am terse. There is a difference." for pair in everything)
    assert Exchange("Hi", "How are you doing?") in everything  # "conversations" is talk


def test_groups_are_chained_and_keep_the_order():
    messages = ["a b c", "x y", "b c d", "a b c d e", "c b a"]
    assert group_messages(messages) == [["a b c", "c b a"], ["x y"], ["b c d"], ["a b c d e"]]
    assert group_messages(["a b c d", "a b c", "a b c d e f"]) == [["a b c d", "a b c", "a b c d e f"]]
    assert group_messages(["???", "!!!"]) == [["???"], ["!!!"]]


# ---------------------------------------------------------------------------------------------------------------
# Rankings


def test_recall_counts_the_wrong_ones_above():
    scores = np.array([[5.0, 4.0, 3.0, 2.0]])
    true = np.array([[False, True, False, True]])
    assert recall_at(scores, true, 1).tolist() == [0.0]
    assert recall_at(scores, true, 2).tolist() == [0.5]
    assert recall_at(scores, true, 3).tolist() == [1.0]  # the other true reply is no rival


def test_a_ranking_that_ties_everything_gets_what_chance_would():
    true = np.eye(100, dtype=bool)
    flat = np.zeros((100, 100))
    assert recall_at(flat, true, 10).mean() == 0
    assert recall_at(flat, true, 50).mean() == 1  # in the middle of the 99 wrong ones


def test_overlap_and_nearest_find_what_they_are_for():
    asked = ["Is anybody sad?", "Are you very tired?"]
    given = ["Nobody here is tired.", "Nobody here is sad."]
    assert overlap_scores(asked, given, SMALL).argmax(axis=1).tolist() == [1, 0]
    assert nearest_scores(asked, given, SMALL).argmax(axis=1).tolist() == [1, 0]


def test_mutual_information_takes_off_what_any_message_gives():
    p = np.array([[0.5, 0.4], [0.5, 0.1]])
    information = mutual_information(np.log(p))
    assert np.allclose(information, np.log(p / p.mean(axis=0)))
    far = mutual_information(np.log(p) - 5000)  # where exp would be 0
    assert np.allclose(far, information)


# ---------------------------------------------------------------------------------------------------------------
# The language model


@pytest.fixture(scope="module")
def untrained():
    tokenizer = WordTokenizer.train(replies.as_text(SMALL))
    set_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_dim": 8, "units": 8}
    return Trained(language_model(**sizes), tokenizer, sizes)


def test_as_text_holds_every_pair_on_every_pass_in_another_order():
    text = replies.as_text(SMALL, passes=3, seed=1)
    lines = text.strip("\n").split("\n")
    assert len(lines) == 3 * len(SMALL)
    passes = [lines[i : i + len(SMALL)] for i in range(0, len(lines), len(SMALL))]
    assert passes[0] != passes[1] and sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])
    assert replies.as_text(SMALL, passes=3, seed=1) == text


def test_the_prompt_leaves_out_what_the_tokenizer_does_not_know(untrained):
    assert replies.prompt_of("Are you, perchance, SAD?", untrained.tokenizer) == "\n are you sad\t"


def test_a_trained_writer_knows_pairs_by_heart_and_stops_with_its_line():
    pairs = [
        Exchange("Who are you?", "A program."),
        Exchange("Where do you live?", "In a box of sand."),
        Exchange("Do you dream?", "No!"),
    ]
    writer = replies.train_writer(pairs, passes=2500, progress=False)
    assert writer.history.best["validation_loss"] < 0.8  # which of three messages comes is a tenth of it at least
    reply, p, right = replies.certainty(pairs[1], writer)
    assert right and p > 0.8, (reply, p)
    assert not replies.certainty(Exchange("Where do you live?", "In Rome."), writer)[2]
    assert "".join(replies.write("Where do you live?", writer, greedy=True)) == "in a box of sand."
    assert "".join(replies.write("Where do you live?", writer, longest=2, greedy=True)) == "in a"


def test_write_is_seeded_and_ends_with_its_line(untrained):
    first, again = ("".join(replies.write("Are you sad?", untrained, seed=3)) for _ in range(2))
    assert first == again and "\n" not in first


@pytest.mark.parametrize("pair", [*(Exchange(q.replace(old, new), a) for q, old, new, a in replies.TWINS)])
def test_twins_are_factual_questions_about_something_else(pair, parts):
    assert pair not in parts[0] and pair.message not in {p.message for part in parts for p in part}
    assert len(spoken(pair.reply)) <= 3


def test_the_twins_originals_are_training_questions(parts):
    asked = {pair.message: pair.reply for pair in parts[0]}
    for question, old, _, answer in replies.TWINS:
        assert old in question and asked[question] != answer


# ---------------------------------------------------------------------------------------------------------------
# The dual encoder, and a reader's own message


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


# ---------------------------------------------------------------------------------------------------------------
# All of it, for a reader's own message


def test_a_message_gets_replies_of_others_and_one_of_the_writer(untrained):
    text = "".join(replies.respond("Are you sad today?", count=2, seed=3, pairs=SMALL, writer=untrained))
    first, second, *suggested, before, written = text.splitlines()
    assert first == "Not known, and left out: today" and second.startswith("What people replied")
    assert len(suggested) == 2 and all(line.split("  ")[-1] in {pair.reply for pair in SMALL} for line in suggested)
    assert before.startswith("In the network's own words")
    assert written == "  " + "".join(replies.write("Are you sad today?", untrained, seed=3))


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ({"count": 0}, "count is 0"),
        ({"count": 1.5}, "count is 1.5"),
        ({"temperature": 0}, "temperature"),
        ({"top_p": 2}, "top_p"),
        ({"seed": -1}, "seed is -1"),
        ({"message": ""}, "has no words"),
        ({"message": "你好吗"}, "isn't in Latin letters"),
    ],
)
def test_what_can_t_be_used_is_refused_before_anything_is_trained_or_said(setting, says):
    class Untouched:
        def __getattr__(self, name):
            raise AssertionError(f"{name} of the writer was asked for")

    with pytest.raises(UserError, match=says):
        replies.respond(**{"message": "Are you sad?", **setting}, pairs=SMALL, writer=Untouched())


def test_write_checks_its_settings_at_once(untrained):
    with pytest.raises(UserError, match="temperature"):
        replies.write("Are you sad?", untrained, temperature=0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [({"pairs": []}, "no pairs to learn from"), ({"dim": 0}, "dim is 0"), ({"dropout": 1}, "dropout is 1")],
)
def test_a_dual_encoder_of_nothing_is_refused(wrong, says):
    with pytest.raises(UserError, match=says):
        DualEncoder(**{"pairs": SMALL, **wrong})


def test_rankings_of_nothing_are_refused(encoder):
    with pytest.raises(UserError, match="no replies to choose from"):
        suggest("Are you sad?", encoder, [])
    with pytest.raises(UserError, match="k is 0"):
        suggest("Are you sad?", encoder, ["No."], k=0)
    with pytest.raises(UserError, match="no known pairs"):
        overlap_scores(["Are you sad?"], ["No."], [])
    with pytest.raises(UserError, match="Message 1 has no true reply"):
        recall_at(np.zeros((2, 2)), np.array([[True, False], [False, False]]), 1)
    with pytest.raises(UserError, match="both should be \\(messages, replies\\)"):
        recall_at(np.zeros((2, 2)), np.ones((2, 3), bool), 1)
