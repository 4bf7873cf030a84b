"""Checks of the exercises of *How far does counting go?*"""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("counting-continuation", asks="a function of (text, word) that gives a probability; text is a list of words")
def continuation(answer: Callable[..., Any]) -> str:
    for text, word in [
        ("hong kong is far from hong kong but kong is not king kong", "kong"),
        ("a rose is a rose is a rose", "rose"),
        ("a rose is a rose is a rose", "a"),
        ("to be or not to be", "to"),
        ("to be or not to be", "rose"),
    ]:
        words = text.split()
        got = call(answer, words, word)
        pairs = list(pairwise(words))
        before = {first for first, second in pairs if second == word}
        expected = len(before) / len(set(pairs))
        if np.ndim(got) or not np.isclose(float(got), expected):
            slips = {
                words.count(word)
                / len(words): "this is how often the word occurs; count how many different words come before it",
                sum(second == word for _, second in pairs) / len(pairs): "the same pair counts once, however often it "
                "occurs",
                len(before) / len(pairs): "divide by the number of different pairs, so that all words sum to 1",
                len(before) / len(set(words)): "divide by the number of different pairs, so that all words sum to 1",
                float(len(before)): "divide by the number of different pairs, so that all words sum to 1",
                len({b for a, b in pairs if a == word}) / len(set(pairs)): "look at what comes before the word, not "
                "after it",
            }
            hint = next(
                (hint for value, hint in slips.items() if np.ndim(got) == 0 and np.isclose(float(got), value)),
                "in a set of all pairs of neighbours, count those that end in the word",
            )
            raise Wrong(f"in {show(text)} the word {word!r} gets {show(got)}", hint=hint)
    return "a word counts once for each different word before it"


@exercise("counting-interpolate", asks="a function of (ngrams, contexts, weight, vocab_size) that gives a probability")
def interpolation(answer: Callable[..., Any]) -> str:
    for ngrams, contexts, weight, vocab_size in [
        ([30], [100], 0.8, 50),
        ([30, 6, 1], [100, 10, 2], 0.5, 50),
        ([30, 0, 0], [100, 10, 2], 0.5, 50),
        ([30, 0, 0], [100, 10, 0], 0.5, 50),
        ([0, 0], [100, 0], 0.9, 10),
    ]:
        got = call(answer, ngrams, contexts, weight, vocab_size)
        expected = _mixed(ngrams, contexts, weight, 1 / vocab_size)
        if np.ndim(got) or not np.isclose(float(got), expected):
            slips = [
                (_mixed(ngrams[::-1], contexts[::-1], weight, 1 / vocab_size), "begin with the shortest context"),
                (
                    _mixed(ngrams, contexts, 1 - weight, 1 / vocab_size),
                    "the weight goes with the order's own frequency",
                ),
                (
                    _mixed(ngrams, contexts, weight, 0.0),
                    "below order 1 every token is equally probable, 1 / vocab_size",
                ),
                (
                    _mixed(ngrams, [max(c, 1) for c in contexts], weight, 1 / vocab_size),
                    "a context that was never seen says nothing: keep what the shorter ones gave",
                ),
            ]
            hint = next(
                (hint for value, hint in slips if np.ndim(got) == 0 and np.isclose(float(got), value)),
                "begin with 1 / vocab_size, and mix in one order after another, the lowest first",
            )
            given = f"ngrams {show(ngrams)}, contexts {show(contexts)}, weight {weight} and vocab_size {vocab_size}"
            raise Wrong(f"for {given} it gives {show(got)}", hint=hint)
    return "every order contributes, and nothing is impossible"


def _mixed(ngrams: list[int], contexts: list[int], weight: float, p: float) -> float:
    for ngram, context in zip(ngrams, contexts, strict=True):
        if context:
            p = weight * ngram / context + (1 - weight) * p
    return p
