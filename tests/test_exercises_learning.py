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
        (with_part(0, lambda dc, c, f, g: dc * (c + g) * f * (1 - f)), "mind the second blame's sign"),
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


def gru(dh, h_before, z, r, g, a_gh):
    da_g = dh * (1 - z) * (1 - g**2)
    return dh * (h_before - g) * z * (1 - z), da_g * a_gh * r * (1 - r), da_g, dh * z


def peephole(dh, dc_later, f, i, g, o, c_before, c, p):
    da_o = dh * np.tanh(c) * o * (1 - o)
    dc = dc_later + dh * o * (1 - np.tanh(c) ** 2) + da_o * p[2]
    return dc, dc * (f + g * i * (1 - i) * p[0] + c_before * f * (1 - f) * p[1])


def test_the_variants_pass_and_are_the_companion_s():
    assert outcome("learning-gru", gru) and outcome("learning-peephole", peephole)


@pytest.mark.parametrize(
    ("part", "wrong", "hint"),
    [
        (0, lambda dh, h, z, r, g, a: dh * h * z * (1 - z), "add both blames"),
        (0, lambda dh, h, z, r, g, a: dh * (g - h) * z * (1 - z), "z multiplies the old state"),
        (0, lambda dh, h, z, r, g, a: dh * (h - g), "through the sigmoid to a_z"),
        (1, lambda dh, h, z, r, g, a: dh * (1 - z) * a * r * (1 - r), "the tanh's slope first"),
        (1, lambda dh, h, z, r, g, a: dh * (1 - z) * (1 - g**2) * h * r * (1 - r), "by a_gh, not by the state"),
        (2, lambda dh, h, z, r, g, a: dh * z * (1 - g**2), "the factor of g is 1 - z"),
        (3, lambda dh, h, z, r, g, a: dh * (1 - z), "the old state is multiplied by z"),
        (3, lambda dh, h, z, r, g, a: 7 * dh, "line by line"),
    ],
)
def test_a_wrong_gru_gets_its_hint(part, wrong, hint):
    def answer(*arguments):
        parts = list(gru(*arguments))
        parts[part] = wrong(*arguments)
        return tuple(parts)

    result = outcome("learning-gru", answer)
    assert not result and hint in result.line, result.line


def blind(number):
    """The right answer for the peepholes, except that it leaves one of them out."""

    def answer(dh, dc_later, f, i, g, o, c_before, c, p):
        dc, _ = peephole(dh, dc_later, f, i, g, o, c_before, c, p)
        without = p.copy()
        without[number] = 0
        if number == 2:
            return peephole(dh, dc_later, f, i, g, o, c_before, c, without)
        return dc, peephole(np.zeros_like(dh), dc, f, i, g, o, c_before, c, without)[1]

    return answer


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (blind(2), "a third blame"),
        (blind(1), "the forget gate looked"),
        (blind(0), "the input gate looked"),
        (lambda *a: (peephole(*a)[0], peephole(*a)[0] * a[2]), "looked at c_before: add"),
        (lambda *a: peephole(*a)[0], "two things"),
        (lambda *a: (peephole(*a)[0], a[0]), "each gate that looks"),
    ],
)
def test_a_wrong_peephole_gets_its_hint(wrong, hint):
    result = outcome("learning-peephole", wrong)
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
        (lambda loss, w: slopes(loss, w, both=False), "a difference on one side"),
        (lambda loss, w: -slopes(loss, w), "loss above minus the loss below"),
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
