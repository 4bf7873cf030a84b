"""The checked exercises of *How far does counting go?*: plausible wrong answers get a fitting hint."""

from itertools import pairwise

import pytest

from companion.exercises import outcome


def continuation(text, word):
    pairs = set(pairwise(text))
    return sum(second == word for _, second in pairs) / len(pairs)


def interpolate(ngrams, contexts, weight, vocab_size):
    p = 1 / vocab_size
    for ngram, context in zip(ngrams, contexts, strict=True):
        if context > 0:
            p = weight * ngram / context + (1 - weight) * p
    return p


def test_the_right_answers_pass():
    assert outcome("counting-continuation", continuation)
    assert outcome("counting-interpolate", interpolate)


def pairs_with_repeats(text, word):
    pairs = list(pairwise(text))
    return sum(second == word for _, second in pairs) / len(pairs)


def what_follows(text, word):
    pairs = set(pairwise(text))
    return sum(first == word for first, _ in pairs) / len(pairs)


def not_divided(text, word):
    return len({first for first, second in pairwise(text) if second == word})


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda text, word: text.count(word) / len(text), "how often the word occurs"),
        (pairs_with_repeats, "the same pair counts once"),
        (what_follows, "before the word"),
        (not_divided, "divide by the number of different pairs"),
        (lambda text, word: 0.5, "in a set of all pairs"),
    ],
)
def test_wrong_continuations_get_a_fitting_hint(wrong, hint):
    result = outcome("counting-continuation", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1]


def longest_first(ngrams, contexts, weight, vocab_size):
    return interpolate(ngrams[::-1], contexts[::-1], weight, vocab_size)


def nothing_below(ngrams, contexts, weight, vocab_size):
    return interpolate(ngrams, contexts, weight, float("inf"))


def unseen_context_takes_its_share(ngrams, contexts, weight, vocab_size):
    return interpolate(ngrams, [max(context, 1) for context in contexts], weight, vocab_size)


def weight_on_the_other(ngrams, contexts, weight, vocab_size):
    return interpolate(ngrams, contexts, 1 - weight, vocab_size)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (longest_first, "begin with the shortest"),
        (nothing_below, "below order 1"),
        (unseen_context_takes_its_share, "never seen says nothing"),
        (weight_on_the_other, "the weight goes with"),
        (lambda ngrams, contexts, weight, vocab_size: ngrams[-1] / max(contexts[-1], 1), "mix in one order"),
    ],
)
def test_wrong_interpolations_get_a_fitting_hint(wrong, hint):
    result = outcome("counting-interpolate", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1]
