"""Answering: attention by hand, padding that changes nothing, slots that come back as names, a short training run."""

import io

import numpy as np
import pytest

from companion import set_seed
from companion.applications.answering import Reply, answer, by_kind, converse, on_support, right
from companion.applications.story_baselines import last_place, most_frequent, word_overlap
from companion.cli import main
from companion.corpora.stories import Story, stories
from companion.corpora.story_reading import read_story
from companion.errors import UserError
from companion.models.answerer import Answerer, LatestAttention, WholeStory, look_loss, stick
from companion.recipes import SHIPPED, load_recipe
from companion.tokenizers import LOOKS, StoryReader
from companion.training import fit_stories

TOLD = stories(60, seed=7, unanswerable=0.2)
BALL = read_story("Ada took the ball. Ben went to the hall. Ada went to the garden.", "Where is the ball?")


@pytest.fixture(params=["latest", "softmax", "whole"])
def model(request):
    set_seed(1)
    size = StoryReader().vocab_size
    return WholeStory(size, units=8) if request.param == "whole" else Answerer(size, request.param, units=8)


def numbers(tensor):
    return np.asarray(tensor)


def test_the_stick_is_broken_from_the_end():
    gates = np.array([0.3, 0.0, 0.6, 0.2])
    expected, left = np.zeros(4), 1.0
    for place in reversed(range(4)):
        expected[place] = gates[place] * left
        left *= 1 - gates[place]
    assert numbers(stick(gates.astype("float32"))) == pytest.approx(expected, abs=1e-6)
    assert numbers(stick(np.array([1.0, 0.0, 1.0], np.float32))) == pytest.approx([0, 0, 1], abs=2e-4)


def test_a_look_can_be_told_to_look_before():
    set_seed(0)
    layer = LatestAttention(4)
    query = keys = np.ones((1, 1, 4), np.float32) * 3
    keys = np.repeat(keys, 5, axis=1)
    present = np.array([[True, True, True, True, False]])
    last = np.array([[[0.0, 0.0, 1.0, 0.0, 0.0]]], np.float32)
    layer(query, keys, present, last)
    layer.b_before.assign(20.0)
    assert numbers(layer(query, keys, present, last)[1])[0, 0] == pytest.approx([0, 1, 0, 0, 0], abs=1e-3)
    layer.b_before.assign(-20.0)
    assert numbers(layer(query, keys, present, last)[1])[0, 0] == pytest.approx([0, 0, 0, 1, 0], abs=1e-3)


def test_padding_changes_nothing(model):
    inputs = StoryReader().encode(TOLD).inputs
    wide = {"facts": np.pad(inputs["facts"], ((0, 0), (0, 5), (0, 0))), "question": inputs["question"]}
    before, after = model(inputs), model(wide)
    assert numbers(after["answer"]) == pytest.approx(numbers(before["answer"]), abs=1e-4)
    if "looks" in before:
        looks = numbers(after["looks"])
        assert looks[:, :, :-5] == pytest.approx(numbers(before["looks"]), abs=1e-5)
        assert not looks[:, :, -5:].any()
    each = np.concatenate([numbers(model(StoryReader().encode([story]).inputs)["answer"]) for story in TOLD[:6]])
    assert each == pytest.approx(numbers(before["answer"])[:6], abs=1e-4)


def test_looks_take_at_most_all():
    set_seed(1)
    for attention in ("latest", "softmax"):
        looks = numbers(
            Answerer(StoryReader().vocab_size, attention, units=8)(StoryReader().encode(TOLD).inputs)["looks"]
        )
        assert looks.shape == (60, LOOKS, max(len(story.facts) for story in TOLD))
        assert looks.min() >= 0 and looks.sum(axis=-1).max() < 1 + 1e-4


def test_an_unknown_attention_is_refused():
    with pytest.raises(UserError, match="no attention"):
        Answerer(10, "additive")


def test_the_loss_of_looks_by_hand():
    wanted = np.array([[[1, 0], [0, 0]], [[0, 0], [0, 0]]], np.float32)
    weights = np.array([[[0.25, 0.5], [1, 0]], [[1, 0], [1, 0]]], np.float32)
    assert numbers(look_loss(wanted, weights)) == pytest.approx([-np.log(0.251), 0], abs=1e-5)


def test_attention_on_support_by_hand():
    class Told:
        word, probability = "garden", 1.0
        looks = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])

    assert on_support(BALL, Told) == pytest.approx((0.75 + 1.0) / 2)


def test_baselines_by_hand():
    assert last_place(BALL) == "garden"
    assert word_overlap(BALL) == ""  # no place is named before the ball's only fact
    ask = "Ben went to the hall. Ada walked to the garden. Ben took the cup. Ada dropped the cup."
    story = Story(tuple(f + "." for f in ask[:-1].split(". ")), "Where is Ben?", "hall", (0,), "one fact")
    assert last_place(story) == "garden"
    assert word_overlap(story) == "garden"  # "Ben took the cup": the nearest place before it
    commonest = most_frequent([story, *TOLD])
    assert commonest(story) in {s.answer for s in TOLD if s.kind == "one fact"} | {"hall"}


def test_bad_training_and_input_are_refused():
    with pytest.raises(UserError, match="no stories to read"):
        StoryReader().encode([])
    with pytest.raises(UserError, match="No training story asks a question of the kind 'two facts', only one fact"):
        most_frequent(stories(3, seed=0, kinds=["one fact"]))(BALL)
    reader = StoryReader()
    model = Answerer(reader.vocab_size, units=8)
    for wrong, says in (({"epochs": 0}, "epochs is 0"), ({"shown": -1}, "shown is -1"), ({"told": []}, "no stories")):
        with pytest.raises(UserError, match=says):
            fit_stories(**{"model": model, "reader": reader, "told": [BALL], **wrong})


def test_a_short_training_learns_where_to_look():
    told = stories(400, seed=0, kinds=["one fact"], lengths=(3, 4))
    reader = StoryReader()
    set_seed(0)
    model = Answerer(reader.vocab_size, units=32)
    losses = fit_stories(model, reader, told, epochs=12, batch_size=32, learning_rate=1e-2)
    assert losses[-1] < losses[0] / 4
    fresh = stories(100, seed=1, kinds=["one fact"], lengths=(3, 4), split="test")
    replies = answer(model, reader, fresh)
    assert right(fresh, replies).mean() > 0.8  # by guessing among the places of a story: below a half
    assert np.mean([on_support(story, reply) for story, reply in zip(fresh, replies, strict=True)]) > 0.8
    assert by_kind(fresh, right(fresh, replies)) == {"one fact": right(fresh, replies).mean()}
    with_unknown = answer(model, reader, [read_story("Ada went to the hall.", "Where is Ben?")], silent=False)
    assert with_unknown[0].word is not None or with_unknown[0].probability < 1


@pytest.fixture(scope="module")
def shipped():
    trained = load_recipe("question-answering")
    return trained.network, trained.story_reader


def test_the_shipped_network_answers_names_it_never_saw(shipped):
    told = stories(100, seed=31, split="test", held_out=True)
    assert right(told, answer(*shipped, told)).mean() > 0.9
    silent = stories(100, seed=32, split="test", unanswerable=1.0)
    assert np.mean([reply.word is None for reply in answer(*shipped, silent)]) > 0.8


def test_the_shipped_network_answers_as_well_as_the_chapter_says(shipped):
    told = stories(1500, seed=100, split="test")  # those of benchmarks/question_answering.py
    assert right(told, answer(*shipped, told, silent=False)).mean() == pytest.approx(0.984, abs=0.01)
    assert sum(path.stat().st_size for path in (SHIPPED / "question-answering").iterdir()) <= 4_000_000


# ----------------------------------------------------------------------------------------------------------------------
# The command line


def run(capsys, *arguments) -> tuple[int, str, str]:
    code = main(["answer", *arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_the_command_answers_and_shows_what_it_looked_at(capsys):
    code, out, _ = run(
        capsys, "Zoe got the crown there. Max moved to the tower. Zoe journeyed to the cave.", "Where is the crown?"
    )
    assert code == 0
    assert "cave, " in out and "looked at: Zoe got the crown there." in out and "Zoe journeyed to the cave." in out


def test_the_command_reads_lines_and_answers_as_the_story_goes_on(capsys, monkeypatch):
    lines = ["Zoe went to the cave.\n", "where is zoe\n", "\n", "Zoe walked to the tower. Where is Zoe?\n"]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("".join(lines).encode()), encoding="utf-8"))
    code, out, _ = run(capsys)
    assert code == 0 and out.count("Where is Zoe?") == 2
    assert out.index("cave, ") < out.index("tower, ")


def test_the_command_says_if_a_story_has_no_answer(capsys):
    code, out, _ = run(capsys, "Ada went to the hall. Where is Ben?")
    assert code == 0 and "The story doesn't say" in out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "story is empty"),
        ("Where is Ada?", "story is empty"),
        ("Ada went to the hall.", "There is no question"),
        ("Ada swam to the hall. Where is Ada?", "can't read the sentence 'Ada swam to the hall'"),
        ("Ada est allée au jardin. Où est Ada?", "can't read the"),
        ("艾达去了厨房。艾达在哪里?", "can't read the"),
        ("Ada went to the hall. Who is Ada?", "can't read the question"),
    ],
)
def test_bad_input_of_the_command_gets_a_sentence(capsys, monkeypatch, text, message):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b""), encoding="utf-8"))
    code, out, err = run(capsys, *([text] if text else []))
    assert code == 2 and not out and message in err and err.count("\n") == 1


def test_a_wrong_answer_of_the_network_is_admitted():
    def wrong(_story):
        return Reply("hall", 0.9, np.array([[0.9, 0.1, 0.0]] * LOOKS))

    told = "Ada got the ball there. Ben went to the hall. Ada went to the garden. Where's the ball?"
    said = "".join(converse([told], wrong))
    assert "hall, 90% sure" in said and "the answer is 'garden': the network is wrong here" in said
    assert "looked at: Ada got the ball there." in said  # in the reader's own words
    said = "".join(converse(["Ada went to the hall. Where is Ben?"], wrong))
    assert "doesn't say" in said and "'hall', 90% sure: a mistake" in said


def test_a_network_that_does_not_look_has_nothing_to_show():
    said = "".join(converse(["Ada went to the hall. Where is Ada?"], lambda _story: Reply("hall", 0.9, None)))
    assert said == "Where is Ada?\n  hall, 90% sure"
