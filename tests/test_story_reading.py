"""A reader's own stories: verbs that the simulator doesn't use are understood, other input gets a sentence."""

import pytest

from companion.corpora.stories import WORDING, Event, Question
from companion.corpora.story_reading import (
    SYNONYMS,
    in_network_words,
    load_babi,
    read_fact,
    read_question,
    read_story,
    story_sentences,
)
from companion.errors import UserError


def test_sentences_are_cut_at_marks_and_lines():
    assert story_sentences("Ada  went to the hall. Ben took the cup!\nWhere is Ada?") == [
        "Ada went to the hall",
        "Ben took the cup",
        "Where is Ada",
    ]
    assert story_sentences(" . \n") == []


def test_facts_and_questions_are_read_in_any_case():
    assert read_fact("ada PICKED up the Ball.") == Event("Ada", "take", "ball")
    assert read_question("where is the Ball") == Question("two facts", "ball")
    assert read_question("Where is zoë?") == Question("one fact", "Zoë")
    assert read_question("How many things is ada carrying?") == Question("counting", "Ada")


@pytest.mark.parametrize("wording", [wording for wordings in WORDING.values() for wording in wordings])
def test_other_verbs_are_put_into_the_networks_words(wording):
    expected = wording.format("Mary", "milk") + "."
    assert in_network_words(expected) == expected
    for told in (wording, *SYNONYMS.get(wording, ())):
        for sentence in (told.format("Mary", "milk"), f"{told.format('mary', 'MILK')} there.".upper()):
            assert in_network_words(sentence) == expected
            assert WORDING[read_fact(sentence).action].count(wording) == 1


def test_the_verbs_of_babi_are_understood():
    story = read_story(
        "Mary got the milk there.\nMary journeyed to the office.\nMary discarded the milk", "Where's the milk?"
    )
    assert story.facts == ("Mary took the milk.", "Mary went to the office.", "Mary put down the milk.")
    assert (story.question, story.answer, story.support) == ("Where is the milk?", "office", (2, 1))
    assert read_question("How many objects is Mary carrying?") == Question("counting", "Mary")


def test_a_readers_story():
    story = read_story("Zoe walked to the tower. Zoe took the crown.\nZoe went to the cave.", "Where is the crown?")
    assert (story.answer, story.support, story.kind) == ("cave", (1, 2), "two facts")


@pytest.mark.parametrize(
    ("text", "question", "message"),
    [
        ("", "Where is Ada?", "story is empty"),
        ("Ada went to the hall.", " ", "question is empty"),
        ("Ada flew to the moon.", "Where is Ada?", "can't read the sentence 'Ada flew to the moon'"),
        ("艾达去了厨房。", "Where is Ada?", "can't read the sentence"),
        ("Ada went to the hall.", "Why is Ada?", "can't read the question"),
        ("Ada went to the hall. She took the cup.", "Where is the cup?", "'She took the cup' doesn't say who"),
        ("Ada went to the hall.", "Is she in the hall?", "put a name in the place of 'she'"),
        ("Ada went to the hall. Ada dropped the cup.", "Where is Ada?", "without carrying it"),
        ("Ada took the cup. Ben took the cup.", "Where is Ada?", "Ada is carrying it"),
        ("Ada went to the den. Ada left the den.", "Where is Ada?", "the den is a place; say where Ada went"),
        ("Ada left the garden.", "Where is Ada?", "the garden is a place; say where Ada went"),
        ("Ada left the cup.", "Where is Ada?", "without carrying it"),
        (
            "Ada went to the hall. Ada took the cup. Ada dropped the cup. Ben took the cup.",
            "Where is Ada?",
            "in the hall: let Ben go there",
        ),
    ],
)
def test_unreadable_sentences_get_a_sentence(text, question, message):
    with pytest.raises(UserError, match=message):
        read_story(text, question)


BABI = (
    "1 Ada travelled to the hall.\n2 Ben is in the den. \n3 Where is Ada? \thall\t1\n"
    "4 Ada grabbed the milk there.\n5 Where is the milk?\thall\t4 1\n"
    "1 Eve went back to the den.\n2 What is Eve carrying?\tnothing\t\n3 Is Eve in the den?\tyes\t1\n"
)


def test_babi_files_are_read(tmp_path):
    path = tmp_path / "qa0_by_hand.txt"
    path.write_bytes(("\ufeff" + BABI.replace("\n", "\r\n")).encode("utf-8"))
    first, second, third, fourth = load_babi(path)
    assert first.facts == ("Ada travelled to the hall.", "Ben is in the den.")
    assert (first.question, first.answer, first.support, first.kind) == ("Where is Ada?", "hall", (0,), "qa0_by_hand")
    assert len(second.facts) == 3 and second.support == (2, 0)
    assert third.facts == ("Eve went back to the den.",) and (third.answer, third.support) == ("nothing", ())
    assert fourth.support == (0,)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("Ada went.\n", "line 1: expected a number, a space"),
        ("1 Ada went.\n3 Where is Ada?\thall\t1\n", "line 2: number 3 follows 1"),
        ("1 Ada went.\n2 Where is Ada?\thall\t7\n", "line 2: the question should be followed"),
        ("1 Ada went.\n2 Where is Ada?\thall\tone\n", "line 2: the question should be followed"),
        ("1 Ada went.\n2 Where is Ada?\t\t1\n", "line 2: the question should be followed"),
        ("1 Ada went.\n", "has no question"),
        ("", "has no question"),
    ],
)
def test_other_files_are_refused(tmp_path, content, message):
    path = tmp_path / "other.txt"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UserError, match=message):
        load_babi(path)


def test_missing_files_and_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match="no file"):
        load_babi(tmp_path / "nothing.txt")
    with pytest.raises(UserError, match="can't be read as text"):
        load_babi(tmp_path)
    (tmp_path / "latin").write_bytes("1 Zoë went to the hall.".encode("latin-1"))
    with pytest.raises(UserError, match="can't be read as text"):
        load_babi(tmp_path / "latin")
