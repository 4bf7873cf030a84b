"""The language with a known entropy: its floor against samples, its parser against its sampler."""

import doctest
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import companion.grammar
from companion import UserError
from companion.corpora import load_corpus
from companion.grammar import (
    INNER,
    NEAR,
    OBJECT,
    RULES,
    THAT,
    VOCABULARY,
    bits_per_character,
    decode,
    encode,
    entropy_rate,
    log_probabilities,
    next_distribution,
    parse,
    sample,
)
from companion.ngrams import NGramModel
from companion.tokenizers import WordTokenizer

LONG = 200_000


@pytest.fixture(scope="module")
def long_sample():
    return sample(0, LONG)


@pytest.fixture(scope="module")
def parsed(long_sample):
    return parse(long_sample)


# ---------------------------------------------------------------------------------------------------------------
# The rules


def test_every_symbol_is_a_distribution_with_one_rule_per_word():
    for symbol, rules in RULES.items():
        assert sum(rule.probability for rule in rules) == pytest.approx(1)
        assert all(rule.probability > 0 for rule in rules)
        assert len({rule.word for rule in rules}) == len(rules), f"{symbol} is ambiguous"
        assert all(then in RULES for rule in rules for then in rule.then)
    words = [rule.word for rules in RULES.values() for rule in rules]
    assert set(words) == set(VOCABULARY)
    assert len(set(VOCABULARY)) == len(VOCABULARY) == 28


def test_the_entropy_of_a_sentence_by_hand():
    # Where each number comes from: a "tail" is written once for each "near", and another "near" follows with
    # probability NEAR; a subject leads to another with probability THAT * INNER. So expected counts are geometric
    # series.
    def entropy(*p):
        return -sum(q * np.log(q) for q in p)

    shares = np.array([1 / rank for rank in range(1, 7)])
    word = entropy(*shares / shares.sum())
    noun = np.log(2) + word
    subjects = 1 / (1 - THAT * INNER)
    clauses = subjects * THAT
    tails = subjects * NEAR / (1 - NEAR)
    verb = 1 - NEAR - THAT
    nats = (
        subjects * (noun + entropy(verb, NEAR, THAT) + verb * word)
        + tails * (noun + entropy(1 - NEAR, NEAR) + (1 - NEAR) * word)
        + clauses * (entropy(INNER, 1 - INNER) + (1 - INNER) * (word + noun) + word)
        + entropy(OBJECT, 1 - OBJECT)
        + OBJECT * noun
    )
    tokens = 2 * subjects + subjects + 3 * tails + clauses * (1 - INNER) * 3 + clauses + 1 + 2 * OBJECT
    # "the" of a subject, its noun; what follows it; a tail's "the", noun and next word; a verb with "the" and its
    # object; the verb after a clause; the ending. The "the" of an inner subject is the clause's word.
    assert entropy_rate() == pytest.approx(nats / tokens, rel=1e-12)


def test_the_entropy_rate_is_the_mean_surprisal_of_long_samples(long_sample, parsed):
    costs = -np.array([token.log_probability for token in parsed])
    ends = np.flatnonzero(long_sample == VOCABULARY.index("."))
    sentences = np.split(costs, ends + 1)[:-1]
    nats = np.array([sentence.sum() for sentence in sentences])
    lengths = np.array([len(sentence) for sentence in sentences])
    rate = entropy_rate()
    error = np.std(nats - rate * lengths) / np.sqrt(len(sentences)) / lengths.mean()  # of a ratio of means
    assert error < 0.003 * rate
    assert abs(nats.sum() / lengths.sum() - rate) < 4 * error

    text = decode(long_sample[: ends[-1] + 1])
    characters = np.array([len(sentence) for sentence in text.split(".")[:-1]]) + 1
    per_character = bits_per_character()
    error = np.std(nats / np.log(2) - per_character * characters) / np.sqrt(len(sentences)) / characters.mean()
    assert abs(nats.sum() / np.log(2) / characters.sum() - per_character) < 4 * error


# ---------------------------------------------------------------------------------------------------------------
# Samples


def test_a_sample_is_seeded():
    first = sample(7, 1000)
    assert first.dtype == np.int32
    assert first.shape == (1000,)
    np.testing.assert_array_equal(first, sample(7, 1000))
    np.testing.assert_array_equal(first[:300], sample(7, 300))
    assert not np.array_equal(first, sample(8, 1000))
    assert sample(7, 0).shape == (0,)
    with pytest.raises(UserError, match="n is -1"):
        sample(7, -1)


def test_words_come_as_often_as_the_rules_say(parsed):
    for symbol, rules in RULES.items():
        words = [token.word for token in parsed if token.symbol == symbol]
        for rule in rules:
            error = np.sqrt(rule.probability * (1 - rule.probability) / len(words))
            assert abs(words.count(rule.word) / len(words) - rule.probability) <= 5 * error


def test_clauses_nest_geometrically_deep(parsed):
    deepest = [max(token.depth for token in sentence) for sentence in split_sentences(parsed)]
    for depth in (1, 2, 3, 4):
        # A subject at one depth occurs THAT * INNER times as often as at the depth above.
        p = THAT * (THAT * INNER) ** (depth - 1)
        share = np.mean([deep >= depth for deep in deepest])
        assert abs(share - p) < 5 * np.sqrt(p * (1 - p) / len(deepest))
    assert max(deepest) > 8


def split_sentences(parsed):
    sentence = []
    for token in parsed:
        sentence.append(token)
        if token.word == ".":
            yield sentence
            sentence = []


def test_text_and_ids_are_the_same():
    ids = sample(1, 2000)
    text = decode(ids)
    np.testing.assert_array_equal(encode(text), ids)
    tokenizer = WordTokenizer.train(text)
    assert len(tokenizer.encode(text)) == len(ids)  # a word tokenizer cuts it into the same tokens
    assert tokenizer.vocab_size == len(VOCABULARY) + 1
    with pytest.raises(UserError, match="no word 'cow'"):
        encode("the cow sees.")


def test_the_corpus_is_whole_sentences_that_parts_do_not_share():
    texts = load_corpus("grammar").split()
    assert [round(len(encode(text)), -2) for text in texts] == [500_000, 50_000, 100_000]
    for text in texts[1:]:
        assert text.startswith(" the ")
        assert text.endswith(".")
        assert parse(encode(text))[-1].word == "."
        assert text[:500] not in texts[0]
    assert texts[1][:500] != texts[2][:500]


# ---------------------------------------------------------------------------------------------------------------
# The parser


def test_verbs_agree_with_their_subjects(parsed):
    plurals = {"see", "hear", "know", "follow", "help", "call"}
    agreements = 0
    for token in parsed:
        if token.subject is not None:
            noun = parsed[token.subject].word
            assert noun.endswith("s") == (token.word in plurals)
            agreements += 1
    assert agreements > 20_000


def test_verbs_know_their_subjects():
    text = "the boys that see the king near"  # a clause's object has no place: "near" can't come there
    with pytest.raises(UserError, match="Token 6 is 'near', .* one of these can: see hear"):
        parse(encode(text))
    text = "the boys that the girl near the dogs that"  # and a noun after "near" has no clause
    with pytest.raises(UserError, match="Token 8 is 'that'"):
        parse(encode(text))
    parsed = parse(
        encode("the boys that the girl near the dogs that sees".replace(" that sees", " sees know the cat."))
    )
    assert [token.depth for token in parsed] == [0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]
    assert {place: token.subject for place, token in enumerate(parsed) if token.subject is not None} == {8: 4, 9: 1}
    parsed = parse(encode("the dog that sees the cats knows. the cats know."))
    assert {place: token.subject for place, token in enumerate(parsed) if token.subject is not None} == {
        3: 1,
        6: 1,
        10: 9,
    }
    assert parsed[5].depth == 1


@pytest.mark.parametrize("wrong", ["the dog see.", "the dogs that the cat see", "dog", "the the", "the dog sees. ."])
def test_texts_outside_the_language_are_refused(wrong):
    with pytest.raises(UserError, match="which can't come there"):
        log_probabilities(encode(wrong))


def test_ids_outside_the_vocabulary_are_refused():
    with pytest.raises(UserError, match="99 isn't an id"):
        parse([0, 99])


def test_the_chain_rule(long_sample):
    ids = long_sample[:60]
    costs = [np.log(next_distribution(ids[:place])[token]) for place, token in enumerate(ids)]
    np.testing.assert_allclose(log_probabilities(ids), costs)
    assert next_distribution([])[VOCABULARY.index("the")] == 1


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), length=st.integers(0, 200))
def test_next_probabilities_sum_to_one_after_any_prefix(seed, length):
    prefix = sample(seed, length)
    p = next_distribution(prefix)
    assert p.sum() == pytest.approx(1)
    for token in range(len(VOCABULARY)):  # exactly the tokens with a probability can come next
        if p[token] > 0:
            assert log_probabilities([*prefix, token])[-1] == pytest.approx(np.log(p[token]))
        else:
            with pytest.raises(UserError):
                parse([*prefix, token])


def test_all_texts_of_a_length_have_probability_one():
    total = 0.0
    texts = [[]]
    for _ in range(4):
        texts = [[*text, token] for text in texts for token in np.flatnonzero(next_distribution(text))]
    for text in texts:
        total += np.exp(log_probabilities(text).sum())
    assert total == pytest.approx(1)
    assert len(set(map(tuple, texts))) == len(texts)


def test_counting_comes_closer_with_its_order_but_stays_away(long_sample):
    test = sample(1, 50_000)
    floor = -log_probabilities(test).mean()
    counts = NGramModel(4, vocab_size=len(VOCABULARY)).fit(long_sample)
    costs = [counts.with_order(order).cross_entropy(test) for order in (1, 2, 3, 4)]
    assert all(above > below for above, below in itertools.pairwise(costs))
    assert costs[-1] > 1.1 * floor


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(companion.grammar).failed == 0


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda: sample(0, 2.5), "n is 2.5"),
        (lambda: sample(0, None), "n is None"),
        (lambda: sample("x", 3), "seed is x"),
        (lambda: sample(-1, 3), "seed is -1"),
        (lambda: decode([0, 99]), "99 isn't an id of the language; its ids are 0 to 27"),
        (lambda: decode([-1]), "-1 isn't an id"),
        (lambda: decode([0.5]), "0.5 isn't an id"),
        (lambda: decode("the"), "'t' isn't an id"),
        (lambda: encode(None), "of type NoneType"),
        (lambda: encode(3), "of type int"),
        (lambda: parse([0, 4.5]), "4.5 isn't an id"),
        (lambda: log_probabilities([-1]), "-1 isn't an id"),
        (lambda: next_distribution(["the"]), "'the' isn't an id"),
    ],
)
def test_bad_input_gets_a_sentence(use, says):
    with pytest.raises(UserError, match=says):
        use()
