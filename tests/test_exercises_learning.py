"""The exercises of the chapter learning: right answers pass, plausible wrong ones get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


def coupled(dc, c_before, f, g):
    return dc * (c_before - g) * f * (1 - f), dc * (1 - f) * (1 - g**2), dc * f


def with_part(number, part):
    """The right answer with one of its three parts replaced."""

    def answer(*arguments):
        parts = list(coupled(*arguments))
        parts[number] = part(*arguments)
        return tuple(parts)

    return answer


def test_the_coupled_gate_passes():
    assert outcome("learning-coupled", coupled)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (with_part(0, lambda dc, c, f, g: dc * c * f * (1 - f)), "add both blames"),
        (with_part(0, lambda dc, c, f, g: dc * (c + g) * f * (1 - f)), "mind the sign"),
        (with_part(0, lambda dc, c, f, g: dc * (c - g)), "through the sigmoid"),
        (with_part(1, lambda dc, c, f, g: dc * f * (1 - g**2)), "the factor of g is 1 - f"),
        (with_part(1, lambda dc, c, f, g: dc * (1 - f)), "through the tanh"),
        (with_part(1, lambda dc, c, f, g: dc * (1 - f) * g * (1 - g)), "whose slope is 1 - g**2"),
        (with_part(2, lambda dc, c, f, g: dc * (1 - f)), "c_before is multiplied by f"),
        (with_part(2, lambda dc, c, f, g: dc.sum()), "each factor dc times"),
        (lambda dc, c, f, g: dc * f, "three things"),
    ],
)
def test_a_wrong_coupled_gate_gets_its_hint(wrong, hint):
    result = outcome("learning-coupled", wrong)
    assert not result and hint in result.line, result.line


def slopes(loss, w, step=1e-5, both=True, factor=2, restore=True):
    found = np.empty_like(w)
    for place in np.ndindex(w.shape):
        kept = w[place]
        below = loss(w)
        if both:
            w[place] = kept - step
            below = loss(w)
        w[place] = kept + step
        found[place] = (loss(w) - below) / ((factor if both else 1) * step)
        if restore:
            w[place] = kept
    return found


def of_a_copy(loss, w):
    return slopes(loss, w.copy())


def all_together(loss, w):
    return np.full(w.shape, (loss(w + 1e-5) - loss(w - 1e-5)) / 2e-5)


@pytest.mark.parametrize("right", [slopes, of_a_copy])
def test_the_central_difference_passes(right):
    assert outcome("learning-slope", right)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda loss, w: slopes(loss, w, factor=1), "there are two steps"),
        (lambda loss, w: slopes(loss, w, both=False), "one side alone"),
        (lambda loss, w: -slopes(loss, w), "above minus below"),
        (lambda loss, w: slopes(loss, w, restore=False), "put each number back"),
        (lambda loss, w: slopes(loss, w).ravel()[:1], "one slope for each number"),
        (lambda loss, w: 7 * slopes(loss, w), "for each number in turn"),
    ],
)
def test_a_wrong_difference_gets_its_hint(wrong, hint):
    result = outcome("learning-slope", wrong)
    assert not result and hint in result.line, result.line


def test_moving_all_numbers_together_gets_its_hint():
    result = outcome("learning-slope", lambda loss, w: all_together(loss, w) if w.size > 1 else slopes(loss, w))
    assert not result and ("one number at a time" in result.line or "put each" in result.line), result.line
