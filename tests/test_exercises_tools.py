"""The checks of the chapter *tools*: plausible slips are found and hinted at, and the right answer passes."""

import numpy as np
import pytest

from companion.exercises import outcome


@pytest.mark.parametrize(
    ("answer", "hint"),
    [
        (lambda n, b: n * b / 8, "also has a step of 16 bits"),
        (lambda n, b: n * b + 16 * -(-n // 32), "a byte has 8"),
        (lambda n, b: n * b / 8 + 2 * (n // 32), "may not be full"),
        (lambda n, b: n * (b + 0.5) / 8, "needs a whole step"),
        (lambda n, b: n * b / 8 + -(-n // 32), "which is 2 bytes"),
    ],
)
def test_fit_slips(answer, hint):
    result = outcome("tools-fit", answer)
    assert not result and hint in result.line


def test_fit_right():
    assert outcome("tools-fit", lambda n, b: n * b / 8 + 2 * -(-n // 32))


def with_offset(w, bits, levels=None, guard=True, back=True, rounding=np.round):
    low = w.min()
    s = (w.max() - low) / (levels or 2**bits - 1)
    q = np.zeros_like(w) if guard and s == 0 else rounding((w - low) / s)
    return low * back + q * s


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"guard": False}, "the step is 0"),
        ({"back": False}, "add the smallest weight again"),
        ({"levels": 16}, "steps between them"),
        ({"rounding": np.floor}, "not down"),
    ],
)
def test_offset_slips(options, hint):
    result = outcome("tools-offset", lambda w, bits: with_offset(w, bits, **options))
    assert not result and hint in result.line


def test_offset_right_and_the_chapter_s_own_rounding():
    assert outcome("tools-offset", with_offset)

    def around_zero(w, bits):
        s = abs(w).max() / (2 ** (bits - 1) - 1)
        return np.round(w / s) * s

    assert "subtract the smallest weight" in outcome("tools-offset", around_zero).line


def moved(W_x, W_h, b, first="T", biases=(1, 0)):
    turned = {"T": W_x.T, "same": W_x, "reshaped": W_x.reshape(W_x.T.shape), "other": W_h.T}[first]
    return {
        "weight_ih_l0": turned,
        "weight_hh_l0": W_h.T,
        "bias_ih_l0": biases[0] * b,
        "bias_hh_l0": biases[1] * b,
    }


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"first": "same"}, "transpose it"),
        ({"first": "reshaped"}, "reshape mixes"),
        ({"first": "other"}, "from the input to the hidden state"),
        ({"biases": (1, 1)}, "PyTorch adds them"),
    ],
)
def test_torch_slips(options, hint):
    result = outcome("tools-torch", lambda *weights: moved(*weights, **options))
    assert not result and hint in result.line


@pytest.mark.parametrize("biases", [(1, 0), (0, 1), (0.5, 0.5)])
def test_torch_right(biases):
    assert outcome("tools-torch", lambda *weights: moved(*weights, biases=biases))


def test_torch_names():
    assert "weight_ih_l0" in outcome("tools-torch", lambda W_x, W_h, b: {"W_x": W_x}).line
