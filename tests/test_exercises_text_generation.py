"""The checkers of *What should I reply?*: right answers pass, likely slips get a fitting hint."""

import numpy as np
import pytest

from companion.applications.ranking import mutual_information, recall_at
from companion.exercises import outcome
from companion.exercises.text_generation import by_pair, cut, found_any


def ranked(scores, true, k):
    return recall_at(scores, true, k).mean()


def log_mean(log_p):
    return np.logaddexp.reduce(log_p, axis=0) - np.log(len(log_p))


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("text-generation-recall", ranked),
        ("text-generation-information", lambda log_p: log_p - log_mean(log_p)),
        ("text-generation-length", lambda log_p, lengths, alpha: log_p / lengths**alpha),
    ],
)
def test_right_answers_pass(name, answer):
    assert outcome(name, answer), outcome(name, answer).line


@pytest.mark.parametrize(
    ("name", "answer", "hint"),
    [
        ("text-generation-recall", recall_at, "mean over the messages"),
        ("text-generation-recall", lambda s, t, k: ranked(-s, t, k), "at the top"),
        ("text-generation-recall", found_any, "counts a half"),
        ("text-generation-recall", cut, "aren't rivals"),
        ("text-generation-recall", by_pair, "each message first"),
        ("text-generation-recall", lambda s, t, k: ranked(s, t, k + 1), "fewer than k wrong"),
        ("text-generation-information", lambda x: x - np.log(np.exp(x).mean(axis=0)), "logaddexp"),
        ("text-generation-information", lambda x: x - x.mean(axis=0), "not of their logarithms"),
        ("text-generation-information", lambda x: x - np.logaddexp.reduce(x, axis=0), "divided by the number"),
        ("text-generation-information", lambda x: mutual_information(x.T).T, "down a column"),
        ("text-generation-information", lambda x: -mutual_information(x), "above 0"),
        ("text-generation-information", log_mean, "each message and reply"),
        ("text-generation-length", lambda x, n, a: x / n[:, None] ** a, "divide the columns"),
        ("text-generation-length", lambda x, n, a: x * n**a, "divide: a long"),
        ("text-generation-length", lambda x, n, a: x / (a * n if a else 1), "not a factor"),
        ("text-generation-length", lambda x, n, a: x / n, "alpha = 0 nothing changes"),
    ],
)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_slips_get_a_fitting_hint(name, answer, hint):
    found = outcome(name, answer)
    assert not found and hint in found.line, found.line
