"""Checks of the exercises of *How do you score one?*"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("concepts-bits", asks="a function of (log_p, characters) that gives bits per character, a number")
def bits_per_character(answer: Callable[..., Any]) -> str:
    for log_p, characters in [
        (np.log([0.01, 0.02, 0.25]), 12),
        (np.log([0.5, 0.5, 0.25, 0.25]), 4),
        (np.log([0.1]), 1),
    ]:
        got = call(answer, log_p, characters)
        nats, tokens = -float(log_p.sum()), len(log_p)
        expected = nats / math.log(2) / characters
        if not _close(got, expected):
            problem = f"for log_p {show(log_p)} of {characters} characters it gives {show(got)}"
            slips = {
                -expected: "a surprise is minus the logarithm of a probability, so that it is positive",
                nats / characters: "these are nats; one bit is ln 2 of them",
                nats * math.log(2) / characters: "a nat is more than a bit, so there are more bits than nats",
                nats / math.log(2): "this is the cost of the whole text; divide it by the number of characters",
                nats / math.log(2) / tokens: "divide the cost by the number of characters, not of tokens",
                nats / tokens: "divide the cost by the number of characters, and turn nats into bits",
                2**expected: "this is a perplexity; give bits",
                math.exp(nats / tokens): "this is a perplexity; give bits",
            }
            hint = next(
                (hint for value, hint in slips.items() if _close(got, value)), "add up all surprises, then divide once"
            )
            raise Wrong(problem, hint=hint)
    return "tokenizers with tokens of any length can now be compared"


@exercise("concepts-frequency", asks="a function of (text, context, character) that gives a relative frequency")
def relative_frequency(answer: Callable[..., Any]) -> str:
    for text, context, character, expected, hint in [
        (
            "the then that",
            "th",
            "e",
            2 / 3,
            "count the places of the context, and among them those that the character follows",
        ),
        ("aaaa", "aa", "a", 1.0, "places may overlap, and the last one has nothing after it: str.count sees neither"),
        ("banana", "an", "a", 1.0, "look at every place where the context occurs, and at what comes right after it"),
        ("banana", "na", "n", 1.0, "the context at the very end has nothing after it, so it doesn't count"),
        ("abc", "x", "a", 0.0, "a context that is never followed by anything leaves nothing to divide by; return 0"),
        ("abab", "", "a", 0.5, "an empty context comes before every character"),
    ]:
        got = call(answer, text, context, character)
        if not _close(got, expected):
            given = f"for {text!r}, {context!r} and {character!r} it gives {show(got)}"
            raise Wrong(f"{given}, but it should be {show(expected)}", hint=hint)
    return "this is the maximum-likelihood estimate, edge cases included"


def _close(got: Any, expected: float) -> bool:
    return np.ndim(got) == 0 and bool(np.isclose(float(got), expected, rtol=1e-6, atol=1e-9))
