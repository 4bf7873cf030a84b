"""What can't be right whatever it is meant for: sizes that aren't sizes, texts that aren't texts."""

import pytest

import companion
from companion import grammar
from companion.applications.answering import converse
from companion.applications.summaries import summarise
from companion.applications.translation import translate_phrase, translate_sentence
from companion.corpora.date_reading import read_phrase
from companion.corpora.story_reading import in_network_words, read_fact, read_question, read_story
from companion.errors import UserError, check_sizes, shown
from companion.tokenizers import split_pieces

READERS = [
    split_pieces,
    grammar.encode,
    summarise,
    translate_phrase,
    translate_sentence,
    read_phrase,
    read_fact,
    in_network_words,
    read_question,
    lambda text: read_story(text, "Where is Ada?"),
    lambda text: read_story("Ada went to the hall.", text),
    lambda text: list(converse([text])),
]


@pytest.mark.parametrize("size", [0, 1.5, True, "2", None, float("nan")])
def test_a_bad_size_is_reported(size):
    check_sizes(units=1, layers=10**9)
    check_sizes(0, dropout=0)
    with pytest.raises(UserError, match=f"layers is {size}; it should be a whole number of at least 1"):
        check_sizes(units=1, layers=size)


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("text", [None, 5, b"bytes", ["list"]])
def test_what_isn_t_a_string_is_reported(read, text):
    with pytest.raises(UserError, match=f"is of type {type(text).__name__}; it should be a string"):
        read(text)


@pytest.mark.parametrize("name", [None, 5, b"shakespeare-chars", ["a"]])
def test_what_names_no_model_is_reported(name):
    with pytest.raises(UserError, match="doesn't name a model; give a folder or one of: .*shakespeare-chars"):
        companion.load(name)


def test_a_story_may_be_one_string():
    assert next(converse("Ada went to the hall. Where is Ada?")).startswith("Where is Ada?")


def test_a_long_text_is_cut_in_messages():
    assert shown("short") == "'short'" and shown("x" * 100, most=5) == "'xxxxx ...'"
