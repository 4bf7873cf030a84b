"""The exercises of the chapter inside: right answers pass, plausible wrong ones get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


def balanced(said, yes):
    return (said[yes == 1].mean() + (~said)[yes == 0].mean()) / 2


def best(values, yes):
    scores = [balanced(values > cut, yes) for cut in values]
    return max(max(scores), 1 - min(scores))


def one_way(values, yes):
    return max(balanced(values > cut, yes) for cut in [-np.inf, *values])


def plain(values, yes):
    return max(max(((values > cut) == yes).mean(), ((values <= cut) == yes).mean()) for cut in values)


def test_the_best_threshold_passes():
    assert outcome("inside-threshold", best)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (one_way, "both directions"),
        (plain, "average two shares"),
        (lambda values, yes: values, "one number"),
        (lambda values, yes: 0.1, "for each value as the cut"),
    ],
)
def test_a_wrong_threshold_gets_its_hint(wrong, hint):
    result = outcome("inside-threshold", wrong)
    assert not result and hint in result.line, result.line


def silenced(W, b, unit, shown, row=True, to_b="weighed", others=False):
    new_W = W.copy()
    if row:
        new_W[unit] = 0
    else:
        new_W[:, unit] = 0
    if others:
        new_W[unit - 1] = 0
    return new_W, b + {"weighed": shown * W[unit], "plain": shown, "nothing": 0}[to_b]


def test_the_silenced_cell_passes():
    assert outcome("inside-ablate", silenced)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda *a: silenced(*a, row=False), "you emptied a column"),
        (lambda W, b, unit, shown: (W, b), "still reads the cell"),
        (lambda *a: silenced(*a, to_b="nothing"), "add it to b"),
        (lambda *a: silenced(*a, to_b="plain"), "with its row of W"),
        (lambda *a: silenced(*a, others=True), "other cells stay"),
        (lambda W, b, unit, shown: W, "two things"),
        (lambda W, b, unit, shown: (np.delete(W, unit, axis=0), b), "keep their shapes"),
    ],
)
def test_a_wrong_silencing_gets_its_hint(wrong, hint):
    result = outcome("inside-ablate", wrong)
    assert not result and hint in result.line, result.line
