"""Checkers of the chapter *What does it pick up?*"""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from companion.analysis.bias import paired_log_odds
from companion.analysis.swap import Swap
from companion.exercises import Wrong, call, exercise, show

TABLES = (
    [[0.9, 0.1], [0.1, 0.9]],
    [[0.2, 0.1], [0.3, 0.05]],
    [[[0.5, 0.25], [0.1, 0.2]], [[0.3, 0.3], [0.02, 0.01]]],
)


@exercise("bias-log-odds", asks="a function of (p) that gives a number for each pair of sentences")
def log_odds(answer: Callable[..., Any]) -> str:
    for rows in TABLES:
        p = np.array(rows)
        expected = paired_log_odds(np.log(p))
        got = np.asarray(call(answer, p), dtype=float)
        says = f"for p = {show(p)} it gives {show(got)}"
        if got.shape != expected.shape:
            raise Wrong(says, hint=f"the last two axes go, and the shape {expected.shape} is left")
        if np.allclose(got, expected):
            continue
        if np.allclose(got, -expected):
            raise Wrong(says, hint="the first group minus the second, the first word against the second")
        if np.allclose(got, expected / np.log(2)):
            raise Wrong(says, hint="nats are natural logarithms; np.log2 gives bits")
        if np.allclose(got, np.log(p[..., 0, 0]) - np.log(p[..., 1, 0])):
            raise Wrong(says, hint="the second word counts too: take the log-odds of both words in each sentence")
        if np.allclose(got, np.exp(expected)):
            raise Wrong(says, hint="that is the ratio of the odds; take its logarithm")
        raise Wrong(says, hint="ln p of the first word minus that of the second, for each group; then subtract")
    return "what both sentences share drops out"


SENTENCES = (
    ("the king saw the queen", "king", "queen"),
    ("a queenly king in a kingdom", "king", "queen"),
    ("KING John and Queen Anne; a kingdom, a King's queen.", "king", "queen"),
    ("no such words here", "dax", "wug"),
    ("My Lady, my lord: LORD'S ladyship", "lord", "lady"),
)


@exercise("bias-exchange", asks="a function of (text, first, second) that gives the text with the two exchanged")
def exchange(answer: Callable[..., Any]) -> str:
    for text, first, second in SENTENCES:
        expected = Swap(((first, second),))(text)
        got = call(answer, text, first, second)
        says = f"{show(text)} with {first} and {second} becomes {show(got)}"
        if got == expected:
            continue
        if not isinstance(got, str):
            raise Wrong(says, hint="return a text")
        if got == text.replace(first, second).replace(second, first):
            raise Wrong(says, hint="the second replacement undoes the first; go over the text once")
        if got.lower() == expected.lower():
            raise Wrong(says, hint="keep the case: capitals for capitals, a capital for a capital")
        if got == _inside_words(text, first, second):
            raise Wrong(says, hint="whole words only: the word boundary of a pattern is written \\b")
        raise Wrong(says, hint="each of the two words becomes the other one, however it is written, and nothing else")
    return "both words are exchanged in one pass, whole and in their case"


def _inside_words(text: str, first: str, second: str) -> str:
    return re.sub(f"{first}|{second}", lambda match: second if match[0] == first else first, text)


@exercise("bias-colder", asks="a function of (s, T) that gives a probability")
def colder(answer: Callable[..., Any]) -> str:
    for s, temperature in ((0.6, 1.0), (0.6, 0.5), (0.9, 2.0), (0.25, 0.25)):
        odds = (s / (1 - s)) ** (1 / temperature)
        got = np.asarray(call(answer, s, temperature), dtype=float)
        says = f"for s = {s:g} and T = {temperature:g} it gives {show(got)}"
        if got.shape != ():
            raise Wrong(says, hint="return one probability")
        if np.isclose(got, odds / (1 + odds)):
            continue
        hot = (s / (1 - s)) ** temperature
        if np.isclose(got, hot / (1 + hot)):
            raise Wrong(says, hint="the power is 1 / T, so that a low temperature favours the likely word")
        if np.isclose(got, s ** (1 / temperature)):
            raise Wrong(says, hint="divide by the sum, so that the two probabilities add up to 1 again")
        if np.isclose(got, odds):
            raise Wrong(says, hint="these are the odds; the probability is odds / (1 + odds)")
        raise Wrong(says, hint="raise both probabilities to the power 1 / T and divide by their sum")
    return "the log-odds are divided by T"
