"""Replies: the writer does what is documented, and a reader's message is checked before anything is trained."""

import pytest

from companion.applications import replies
from companion.corpora.conversations import Exchange, load_exchanges, spoken
from companion.errors import UserError
from companion.models import language_model
from companion.recipes import RECIPES, Trained, as_text, prompt_of, writer_texts
from companion.recipes.train import parts_of
from companion.seeding import set_seed
from companion.tokenizers import WordTokenizer

TOPICS = ("sad", "happy", "tired", "hungry", "angry", "afraid", "bored", "proud")
SMALL = [Exchange(f"Are you {topic}?", f"Nobody here is {topic}.") for topic in TOPICS]


@pytest.fixture(scope="module")
def parts():
    return load_exchanges()


# ---------------------------------------------------------------------------------------------------------------
# The language model


@pytest.fixture(scope="module")
def untrained():
    tokenizer = WordTokenizer.train(as_text(SMALL))
    set_seed(0)
    sizes = {"vocab_size": tokenizer.vocab_size, "embedding_dim": 8, "units": 8}
    return Trained(language_model(**sizes), tokenizer, sizes)


def test_as_text_holds_every_pair_on_every_pass_in_another_order():
    text = as_text(SMALL, passes=3, seed=1)
    lines = text.strip("\n").split("\n")
    assert len(lines) == 3 * len(SMALL)
    passes = [lines[i : i + len(SMALL)] for i in range(0, len(lines), len(SMALL))]
    assert passes[0] != passes[1] and sorted(passes[0]) == sorted(passes[1]) == sorted(passes[2])
    assert as_text(SMALL, passes=3, seed=1) == text


def test_the_recipe_reads_the_training_pairs_fifty_times_and_knows_all_their_words(parts):
    training, validation, test = writer_texts(parts[0], parts[2])
    assert (training, validation, test) == parts_of(RECIPES["replies"].corpus)
    assert training.count("\t") == 50 * len(parts[0]) and validation.count("\t") == len(parts[0])
    assert training.startswith(as_text(parts[0])) and validation != as_text(parts[0])
    assert WordTokenizer.train(training).tokens == WordTokenizer.train(as_text(parts[0])).tokens


def test_the_prompt_leaves_out_what_the_tokenizer_does_not_know(untrained):
    assert prompt_of("Are you, perchance, SAD?", untrained.tokenizer) == "\n are you sad\t"


def test_a_trained_writer_knows_pairs_by_heart_and_stops_with_its_line():
    pairs = [
        Exchange("Who are you?", "A program."),
        Exchange("Where do you live?", "In a box of sand."),
        Exchange("Do you dream?", "No!"),
    ]
    writer = replies.train_writer(pairs, passes=2500, progress=False)
    assert writer.history.best["validation_loss"] < 0.8  # at least a tenth of it is which of three messages comes
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
# All of it, for a reader's own message


def test_a_message_gets_replies_of_others_and_one_of_the_writer(untrained):
    text = "".join(replies.respond("Are you sad today?", count=2, seed=3, pairs=SMALL, writer=untrained))
    first, second, *suggested, before, written = text.splitlines()
    assert first == "Unknown words, left out: today" and second.startswith("What people replied")
    assert len(suggested) == 2 and all(line.split("  ")[-1] in {pair.reply for pair in SMALL} for line in suggested)
    assert before.startswith("In the network's own words")
    assert written == "  " + "".join(replies.write("Are you sad today?", untrained, seed=3))


def test_a_writer_that_writes_nothing_is_reported(untrained, monkeypatch):
    monkeypatch.setattr(replies, "write", lambda *_, **more: iter(()))
    text = "".join(replies.respond("Are you sad?", pairs=SMALL, writer=untrained))
    assert text.endswith("looked up):\n  (it wrote nothing)\n")


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
def test_bad_settings_are_refused_before_anything_is_trained_or_printed(setting, says):
    class Untouched:
        def __getattr__(self, name):
            raise AssertionError(f"{name} of the writer was asked for")

    with pytest.raises(UserError, match=says):
        replies.respond(**{"message": "Are you sad?", **setting}, pairs=SMALL, writer=Untouched())


def test_write_checks_its_settings_at_once(untrained):
    with pytest.raises(UserError, match="temperature"):
        replies.write("Are you sad?", untrained, temperature=0)
