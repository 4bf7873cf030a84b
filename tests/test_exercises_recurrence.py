"""The exercises of the chapter recurrence: right answers pass, plausible wrong ones get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


@pytest.mark.parametrize("right", [(3, 2, 0), (3.0, 2.0, 0.01), [10, 5, 0], np.array([2.5, 1.5, 0])])
def test_a_unit_that_holds_the_last_number_passes(right):
    assert outcome("recurrence-latch", right)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        ((1, 0.5, 0), "where it comes to rest"),
        ((3, 1, 0), "where it comes to rest"),
        ((1, 2, 0), "has to outweigh W_h times"),
        ((5, 6, 0), "has to outweigh W_h times"),
        ((-3, 2, 0), "should make the state positive"),
        ((3, 2, 2), "a bias prefers one sign"),
        ((3, 1.05, 0), "too close to zero"),
        ((1, 2), "should be three numbers"),
    ],
)
def test_a_unit_that_does_not_hold_it_gets_its_hint(wrong, hint):
    result = outcome("recurrence-latch", wrong)
    assert not result and hint in result.line, result.line


def lengths_back(u, h, W_h, shift=0, slope=True, slope_first=True):
    lengths = [np.linalg.norm(u)]
    for t in reversed(range(1, len(h))):
        factor = 1 - h[t - shift] ** 2 if slope else 1
        u = (u * factor) @ W_h.T if slope_first else (u @ W_h.T) * factor
        lengths.append(np.linalg.norm(u))
    return np.array(lengths)


@pytest.mark.parametrize("right", [lengths_back, lambda u, h, W_h: lengths_back(u, h, W_h).tolist()])
def test_the_right_backward_pass_passes(right):
    assert outcome("recurrence-reach", right)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda u, h, W_h: lengths_back(u, h, W_h)[::-1], "comes first"),
        (lambda u, h, W_h: lengths_back(u, h, W_h, slope=False), "whose slope is"),
        (lambda u, h, W_h: lengths_back(u, h, W_h.T), "its transpose"),
        (lambda u, h, W_h: lengths_back(u, h, W_h, shift=1), "which made h[t]"),
        (lambda u, h, W_h: lengths_back(u, h, W_h, slope_first=False), "it was applied last"),
        (lambda u, h, W_h: lengths_back(u, h, W_h) ** 2, "square root"),
        (lambda u, h, W_h: lengths_back(u, h, W_h)[1:], "one length for each state"),
        (lambda u, h, W_h: 3 * lengths_back(u, h, W_h), "go one step back"),
    ],
)
def test_a_wrong_backward_pass_gets_its_hint(wrong, hint):
    result = outcome("recurrence-reach", wrong)
    assert not result and hint in result.line, result.line
