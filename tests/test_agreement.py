"""Subjects and verbs, as arrays: right for sentences worked out by hand, and the same as the grammar's own parse."""

from typing import ClassVar

import numpy as np
import pytest

from companion.analysis.agreement import FULL_STOP, ask, batch, other_number, sentences, verbs
from companion.errors import UserError
from companion.grammar import VOCABULARY, decode, encode, next_distribution, sample

NESTED = "the dogs that the cat near the king follows hear."


def test_the_verbs_of_a_nested_sentence():
    found = verbs([encode("the bird calls.").tolist(), encode(NESTED).tolist()])
    assert found.sentence.tolist() == [0, 1, 1]
    assert found.time.tolist() == [3, 9, 10]  # a full stop is at time 0
    assert found.number.tolist() == [-1, -1, 1]
    assert found.depth.tolist() == [0, 1, 0]
    assert found.subject.tolist() == [2, 5, 2]
    assert found.last_noun.tolist() == [-1, -1, -1]


def test_times_are_places_in_the_batch():
    texts = sentences(seed=4, tokens=2_000)
    ids, mask = batch(texts)
    found = verbs(texts)
    words = [VOCABULARY[token] for token in ids[found.time, found.sentence]]
    assert [not word.endswith("s") for word in words] == (found.number > 0).tolist()
    nouns = [VOCABULARY[token] for token in ids[found.subject, found.sentence]]
    assert [noun.endswith("s") for noun in nouns] == (found.number > 0).tolist()
    assert mask[found.time, found.sentence].all() and mask.sum() == sum(map(len, texts)) + len(texts)


def test_sentences_are_those_of_the_text():
    texts = sentences(seed=1, tokens=300)
    assert decode(token for text in texts for token in text) == decode(sample(1, 300)[: sum(map(len, texts))])
    assert all(VOCABULARY[text[-1]] == "." and text.count(text[-1]) == 1 for text in texts)


def test_the_grammar_itself_knows_every_number():
    class Grammar:
        def next_distribution(self, context):
            assert context[0] == FULL_STOP
            return next_distribution(context[1:])

    texts = sentences(seed=4, tokens=500)
    found = verbs(texts)
    shares = ask(Grammar(), texts, found, context=100)
    assert ((shares > 0.5) == (found.number > 0)).all() and set(shares.round(9)) <= {0.0, 1.0}


def test_a_model_sees_as_many_words_as_it_is_given():
    class Recorder:
        seen: ClassVar = []

        def next_distribution(self, context):
            self.seen.append(decode(context).strip())
            return np.ones(len(VOCABULARY)) / len(VOCABULARY)

    text = encode(NESTED).tolist()
    assert ask(Recorder(), [text], verbs([text]), context=3).tolist() == [0.5, 0.5]
    assert Recorder.seen == ["near the king", "the king follows"]


def test_only_the_number_of_that_noun_changes():
    text = encode(NESTED).tolist()
    assert decode(other_number(text, 1)) == " the dog that the cat near the king follows hear."
    assert other_number(other_number(text, 1), 1) == text


def test_bad_questions_get_a_sentence():
    text = encode(NESTED).tolist()
    for place in (0, -1, 99):
        with pytest.raises(UserError, match=f"no noun at place {place} "):
            other_number(text, place)
    with pytest.raises(UserError, match="context is 0"):
        ask(None, [text], verbs([text]), context=0)
    with pytest.raises(UserError, match="no sentences"):
        batch([])


def test_a_text_outside_the_grammar_is_refused():
    with pytest.raises(UserError, match="can't come there"):
        verbs([[0, 0]])
