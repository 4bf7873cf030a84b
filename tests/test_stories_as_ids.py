"""Stories as ids: slots come back as names, what can't be read gets a sentence, and a saved reader is the same."""

import json

import pytest

from companion.corpora.stories import Story, stories
from companion.corpora.story_reading import read_story
from companion.errors import UserError
from companion.tokenizers import LONGEST, NOT_TOLD, SHARED_WORDS, SLOTS, StoryReader, load_story_reader

BALL = read_story("Ada took the ball. Ben went to the hall. Ada went to the garden.", "Where is the ball?")


def test_names_go_into_slots_and_come_back():
    reader = StoryReader()
    encoded = reader.encode([BALL])
    first = len(SHARED_WORDS)
    assert encoded.names == [
        {first: "ada", first + 1: "ball", first + 2: "ben", first + 3: "hall", first + 4: "garden"}
    ]
    assert encoded.answer.tolist() == [first + 4]
    assert encoded.facts.shape == (1, 3, LONGEST) and encoded.facts[0, 0, 0] == encoded.facts[0, 2, 0] == first
    assert encoded.looks[0].tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]
    moved = reader.rename(encoded, seed=3)
    assert moved.facts[0, 0, 0] == moved.facts[0, 2, 0] >= first
    assert moved.names[0][int(moved.answer[0])] == "garden" and moved.answer.tolist() != encoded.answer.tolist()
    assert (moved.facts < first).sum() == (encoded.facts < first).sum()
    assert len(set(moved.names[0])) == 5 and max(moved.names[0]) < first + SLOTS


def test_words_are_themselves_for_a_reader_of_words():
    reader = StoryReader("words")
    known = stories(5, seed=0)[0]
    encoded = reader.encode([known])
    assert reader.rename(encoded, seed=1) is encoded
    assert reader.words[encoded.answer[0]] == known.answer
    with pytest.raises(UserError, match="'zoe' is unknown"):
        reader.encode([read_story("Zoe went to the hall.", "Where is Zoe?")])


def test_questions_without_an_answer_have_their_own_id():
    silent = read_story("Ada went to the hall.", "Where is Ben?")
    encoded = StoryReader().encode([silent])
    assert encoded.answer.tolist() == [SHARED_WORDS.index(NOT_TOLD)] and not encoded.looks.any()
    assert StoryReader().word(SHARED_WORDS.index(NOT_TOLD), {}) is None


def test_too_much_is_refused():
    crowd = ". ".join(f"P{chr(97 + n)} went to the hall" for n in range(SLOTS))
    with pytest.raises(UserError, match="more than 20 different names"):
        StoryReader().encode([read_story(crowd, "Where is Pa?")])
    with pytest.raises(UserError, match="8 words"):
        StoryReader().encode([Story(("a b c d e f g h",), "Where is Ada?", None, (), "one fact")])
    with pytest.raises(UserError, match="'slots' or 'words'"):
        StoryReader("letters")


@pytest.mark.parametrize("names", ["slots", "words"])
def test_a_saved_reader_encodes_the_same(tmp_path, names):
    reader, told = StoryReader(names), stories(5, seed=0)
    reader.save(tmp_path / "reader.json")
    again = load_story_reader(tmp_path / "reader.json")
    assert again.vocab_size == reader.vocab_size
    assert (again.encode(told, seed=1).facts == reader.encode(told, seed=1).facts).all()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "pairs"}, "doesn't hold a reader"),
        ({"words": None}, "words"),
        ({"words": ["·", "?", "a", "a"]}, "all differ"),
        ({"words": ["·", "?", 3]}, "words"),
        ({"words": ["a", "b"]}, "begin with"),
        ({"slots": -1}, "slots"),
        ({"slots": True}, "slots"),
        ({"slots": 10**9}, "slots"),
    ],
)
def test_a_file_that_holds_something_else_is_reported(tmp_path, change, said):
    path = tmp_path / "reader.json"
    StoryReader().save(path)
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | change))
    with pytest.raises(UserError, match=said):
        load_story_reader(path)
