"""The checkers of *What does it pick up?*: right answers pass, likely slips get a fitting hint."""

import re

import numpy as np
import pytest

from companion.analysis.swap import Swap
from companion.exercises import outcome


def odds_of(p):
    odds = np.log(p[..., 0] / p[..., 1])
    return odds[..., 0] - odds[..., 1]


def exchange(text, first, second):
    return Swap(((first, second),))(text)


def caseless(text, first, second):
    return re.sub(rf"\b({first}|{second})\b", lambda m: second if m[0].lower() == first else first, text, flags=re.I)


def colder(s, T):
    return 1 / (1 + ((1 - s) / s) ** (1 / T))


@pytest.mark.parametrize(
    ("name", "answer"), [("bias-log-odds", odds_of), ("bias-exchange", exchange), ("bias-colder", colder)]
)
def test_right_answers_pass(name, answer):
    assert outcome(name, answer), outcome(name, answer).line


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("bias-log-odds", lambda p: -odds_of(p), "the first group minus"),
        ("bias-log-odds", lambda p: odds_of(p) / np.log(2), "gives bits"),
        ("bias-log-odds", lambda p: np.log(p[..., 0, 0] / p[..., 1, 0]), "second word counts"),
        ("bias-log-odds", lambda p: np.exp(odds_of(p)), "take its logarithm"),
        ("bias-log-odds", lambda p: np.log(p[..., 0] / p[..., 1]), "last two axes"),
        ("bias-log-odds", lambda p: p[..., 0, 0] - p[..., 0, 1] - p[..., 1, 0] + p[..., 1, 1], "ln p of the first"),
        ("bias-exchange", lambda t, a, b: t.replace(a, b).replace(b, a), "undoes the first"),
        ("bias-exchange", caseless, "keep the case"),
        ("bias-exchange", lambda t, a, b: b.join(x.replace(b, a) for x in t.split(a)), "whole words only"),
        ("bias-exchange", lambda t, a, b: t, "becomes the other one"),
        ("bias-exchange", lambda t, a, b: t.split(), "return a text"),
        ("bias-colder", lambda s, T: colder(s, 1 / T), "power is 1 / T"),
        ("bias-colder", lambda s, T: s ** (1 / T), "divide by the sum"),
        ("bias-colder", lambda s, T: (s / (1 - s)) ** (1 / T), "these are the odds"),
        ("bias-colder", lambda s, T: s, "raise both"),
    ],
)
def test_slips_get_a_fitting_hint(name, answer, hint):
    found = outcome(name, answer)
    assert not found and hint in found.line, found.line
