"""A digest: sentences are found whole, and cost what the model says."""

import numpy as np
import pytest

from companion.applications.digest import sentence_spans, surprises
from companion.errors import UserError
from companion.evaluation import token_losses
from companion.models import language_model
from companion.tokenizers import BPETokenizer, CharTokenizer

TEXT = "**A**  \nWho's there? Nay,\nanswer me.\n\n_Exit_\n\n**B**  \nLong live the king"
ASIDE = r"\*\*.*?\*\*|_[^_]*_"


def test_sentences_are_whole_and_what_is_aside_is_left_out():
    assert [TEXT[a:b] for a, b in sentence_spans(TEXT, ASIDE)] == [
        "Who's there?",
        "Nay,\nanswer me.",
        "Long live the king",
    ]


@pytest.mark.parametrize("text", ["", "  \n\n ", "...", "**A**"])
def test_a_text_without_sentences_has_none(text):
    assert sentence_spans(text, ASIDE) == []


def test_a_bad_regular_expression_is_reported():
    with pytest.raises(UserError, match="can't be read as a regular expression"):
        sentence_spans("Some text.", aside="(")


def test_quotation_marks_belong_to_their_sentence():
    text = 'He said "No." She left!'
    assert [text[a:b] for a, b in sentence_spans(text)] == ['He said "No."', "She left!"]


def test_a_sentence_costs_the_mean_of_its_characters():
    tokenizer = CharTokenizer.train(TEXT)
    model = language_model(tokenizer.vocab_size, embedding_dim=4, units=8)
    found = surprises(model, tokenizer, TEXT, sentence_spans(TEXT, ASIDE))
    bits = token_losses(model, tokenizer.encode(TEXT)) / np.log(2)
    for sentence in found:
        assert TEXT[sentence.start : sentence.stop] == sentence.text
        assert sentence.bits == pytest.approx(bits[sentence.start : sentence.stop].mean())


def test_tokens_that_are_not_characters_are_refused():
    tokenizer = BPETokenizer.train("the the the the", vocab_size=258)
    with pytest.raises(UserError, match="aren't single characters"):
        surprises(language_model(tokenizer.vocab_size, 4, 8), tokenizer, "the the. the", [(0, 3)])
