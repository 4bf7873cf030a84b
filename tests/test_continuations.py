"""ln p(continuation | prompt) equals that of each text read alone, for every tokenizer, and adds up as it should."""

import math

import numpy as np
import pytest

from companion.errors import UserError
from companion.evaluation import log_likelihoods
from companion.models import language_model, transformer_model
from companion.seeding import set_seed
from companion.tokenizers import BPETokenizer, CharTokenizer, WordTokenizer

TEXT = "the king says his own queen sees her own lordship! the lord is a king, and the lady is his."
TOKENIZERS = {
    "char": CharTokenizer.train(TEXT + "bcdefghijklmnopqrstuvwxyz"),
    "word": WordTokenizer.train(TEXT),
    "bpe": BPETokenizer.train(TEXT, vocab_size=270),
}
PROMPTS = {"char": ["the king ", "a ", "now the "], "word": ["the king", " a", "the"], "bpe": ["the king", "a", "the"]}
CONTINUATIONS = {
    "char": ["his own", "lord", "i"],
    "word": [" his own", " lord", " is his own"],
    "bpe": [" his own", " lord", "!"],
}


def network(tokenizer, kind="recurrent"):
    set_seed(1)
    if kind == "recurrent":
        return language_model(tokenizer.vocab_size, embedding_dim=4, units=8)
    return transformer_model(tokenizer.vocab_size, hidden_dim=8, num_layers=2, num_heads=2, context=4)


def by_hand(model, tokenizer, prompt, continuation, whole_words=False):
    """One text, read in one go."""
    before, after = tokenizer.encode(prompt), tokenizer.encode(continuation)
    logits = model(np.concatenate([before, after])[None]).numpy()[0].astype(float)
    log_p = logits - np.logaddexp.reduce(logits, axis=1)[:, None]
    total = log_p[np.arange(len(before) - 1, len(before) + len(after) - 1), after].sum()
    if whole_words and tokenizer.kind != "word":
        ends = [i for i in range(tokenizer.vocab_size) if not tokenizer.decode([i])[:1].isalpha()]
        total += np.logaddexp.reduce(log_p[-1, ends])
    return total


@pytest.mark.parametrize("whole_words", [False, True])
@pytest.mark.parametrize("kind", ["recurrent", "transformer"])
@pytest.mark.parametrize("name", TOKENIZERS)
def test_they_equal_those_of_each_text_read_alone(name, kind, whole_words):
    tokenizer = TOKENIZERS[name]
    model = network(tokenizer, kind)
    prompts, continuations = PROMPTS[name], CONTINUATIONS[name]
    table = log_likelihoods(model, tokenizer, prompts, continuations, whole_words=whole_words)
    expected = [[by_hand(model, tokenizer, p, c, whole_words) for c in continuations] for p in prompts]
    assert table == pytest.approx(np.array(expected), abs=1e-4)


@pytest.mark.parametrize("name", TOKENIZERS)
def test_continuations_of_one_token(name):
    """A regression test: they crashed, because nothing was left to read."""
    tokenizer = TOKENIZERS[name]
    model = network(tokenizer)
    (only,) = {"char": ["i"], "word": [" lord"], "bpe": ["!"]}[name]
    assert len(tokenizer.encode(only)) == 1
    table = log_likelihoods(model, tokenizer, PROMPTS[name], [only])
    expected = [by_hand(model, tokenizer, prompt, only) for prompt in PROMPTS[name]]
    assert table[:, 0] == pytest.approx(expected, abs=1e-4)


def test_a_text_with_the_first_token_of_a_byte_tokenizer_is_not_unknown():
    """A regression test: id 0 of BPE is "!", but was taken for the unknown token."""
    tokenizer = TOKENIZERS["bpe"]
    assert tokenizer.encode("!").tolist() == [0]
    table = log_likelihoods(network(tokenizer), tokenizer, ["the king! "], ["Hello!", "É, 世"])
    assert np.isfinite(table).all()


def test_many_texts_at_once_score_like_a_few():
    """Enough texts to be read in several parts, of several lengths."""
    tokenizer = TOKENIZERS["char"]
    model = network(tokenizer)
    rng = np.random.default_rng(0)
    letters = np.array(list("abcdefgh "))
    prompts, continuations = (
        ["".join(rng.choice(letters, size=n)) for n in rng.integers(1, 60, size=number)] for number in (90, 70)
    )
    table = log_likelihoods(model, tokenizer, prompts, continuations)
    for i, j in rng.integers((90, 70), size=(20, 2)):
        assert table[i, j] == pytest.approx(by_hand(model, tokenizer, prompts[i], continuations[j]), abs=1e-3)


def test_the_probabilities_of_all_next_words_add_up_to_one():
    tokenizer = TOKENIZERS["word"]
    model = network(tokenizer)
    table = log_likelihoods(model, tokenizer, ["the king", "a"], [*tokenizer.tokens[1:], "flob"], strict=False)
    assert np.exp(table).sum(axis=1) == pytest.approx(1, abs=1e-6)


def test_unknown_words_count_as_the_unknown_token_and_tie_exactly():
    tokenizer = TOKENIZERS["word"]
    table = log_likelihoods(network(tokenizer), tokenizer, ["the king"], [" flob", " quux", " is"], strict=False)
    assert table[0, 0] == table[0, 1] != table[0, 2]


def test_a_whole_word_is_not_credited_with_longer_ones():
    """A model that always writes "lordship": it never means "lord"."""
    tokenizer = CharTokenizer.train("lordship ")
    model = language_model(tokenizer.vocab_size, embedding_dim=2, units=2)
    favours = np.where([token.isalpha() for token in tokenizer.tokens], 5.0, -5.0)
    favours[0] = -5.0
    model.get_layer("logits").set_weights([np.zeros((2, tokenizer.vocab_size)), favours])
    loose, whole = (log_likelihoods(model, tokenizer, [" "], ["lord"], whole_words=w)[0, 0] for w in (False, True))
    others = 2 * math.exp(-5)  # space and the unknown
    assert whole - loose == pytest.approx(math.log(others / (others + 8 * math.exp(5))), abs=1e-4)


@pytest.mark.parametrize(
    ("prompts", "continuations", "says"),
    [
        ([""], ["i"], "prompt is empty"),
        (["a "], ["i", ""], "continuation is empty"),
        (["a "], ["É"], "doesn't know: 'É'"),
        (["É "], ["a"], "doesn't know: 'É'"),
        ([], ["i"], "nothing to measure"),
        (["a "], [], "nothing to measure"),
        ("a ", ["i"], "Expected a list of prompts"),
        (["a "], "i", "Expected a list of continuations"),
    ],
)
def test_bad_prompts_and_continuations_get_a_sentence(prompts, continuations, says):
    tokenizer = TOKENIZERS["char"]
    with pytest.raises(UserError, match=says):
        log_likelihoods(network(tokenizer), tokenizer, prompts, continuations)


def test_another_model_s_tokenizer_is_refused():
    with pytest.raises(UserError, match="the tokenizer that the model was trained with"):
        log_likelihoods(network(TOKENIZERS["bpe"]), TOKENIZERS["char"], ["a "], ["i"])
