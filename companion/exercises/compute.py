"""Checks of the exercises of *What does it cost?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.analysis import costs
from companion.exercises import Wrong, call, exercise, show


@exercise("compute-flops", asks="a function of (vocab_size, width, units, layers) that gives a number of operations")
def flops(answer: Callable[..., Any]) -> str:
    for sizes in [(10, 3, 4, 1), (85, 64, 256, 1), (85, 64, 256, 3), (50, 128, 32, 2)]:
        vocab_size, width, units, layers = sizes
        right = costs.language_model(vocab_size, width, units, layers).training_flops()
        got = _number(call(answer, *sizes), sizes)
        if not np.isclose(got, right):
            given = f"for {vocab_size} tokens, width {width} and {layers} of {units} units"
            raise Wrong(f"{given} it gives {show(got)}", hint=_flops_advice(sizes, got))
    return (
        "each layer reads what is below it and its own last output, and the backward pass costs twice the forward pass"
    )


def _flops_advice(sizes: tuple[int, int, int, int], got: float) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""
    vocab_size, width, units, layers = sizes
    right = costs.language_model(vocab_size, width, units, layers)
    forward = right.forward_flops()
    alike = 4 * units * (width + units) * layers + units * vocab_size
    slips = {
        "a multiply-add is two operations": forward * 3 / 2,
        "that is the forward pass; the backward pass costs twice as much again": forward,
        "that has one product in the backward pass; there are two": 2 * forward,
        "an embedding multiplies nothing, it copies a row": 6 * (forward / 2 + vocab_size * width),
        "a bias is added, not multiplied": 6 * (right.parameters - vocab_size * width),
        "that counts every parameter; leave out the embedding and the biases": 6 * right.parameters,
        "the dense layer multiplies too": 6 * (forward / 2 - units * vocab_size),
        "only the first layer reads the embedding; the others read a layer of units": 6 * alike,
    }
    return next(
        (hint for hint, wrong in slips.items() if np.isclose(got, wrong)),
        "an LSTM has three gates and a candidate, and each multiplies its input and its last output with a matrix",
    )


@exercise("compute-roof", asks="a function of (texts, parameters, bytes_each, flops, bandwidth) that gives seconds")
def roof(answer: Callable[..., Any]) -> str:
    for given in [
        (1, 1e6, 4, 1e9, 1e9),
        (1, 8e9, 2, 1e12, 1e11),
        (4, 1e6, 0.5, 1e9, 1e9),
        (64, 1e6, 4, 1e9, 1e9),
        (8, 1e6, 4, 4e9, 1e9),
        (100, 1e9, 0.5, 1e12, 1e11),
    ]:
        texts, parameters, bytes_each, rate, bandwidth = given
        arithmetic, reading = 2 * texts * parameters / rate, bytes_each * parameters / bandwidth
        got = _number(call(answer, *given), given)
        if not np.isclose(got, max(arithmetic, reading)):
            advice = {
                "the two happen at the same time, so the longer one counts and not their sum": arithmetic + reading,
                "the step is as long as the longer of the two": min(arithmetic, reading),
                "a multiply-add is two operations": max(arithmetic / 2, reading),
                "all texts use the weights of one fetch": max(arithmetic, texts * reading),
                "each text has its own multiply-adds": max(arithmetic / texts, reading),
                "a weight has bytes_each bytes, not 4": max(arithmetic, 4 * parameters / bandwidth),
            }
            hint = next(
                (hint for hint, wrong in advice.items() if np.isclose(got, wrong)),
                "compare the seconds of the arithmetic with the seconds of the reading",
            )
            raise Wrong(f"for {show(given)} it gives {show(got)}", hint=hint)
    return "the longer of arithmetic and reading counts, and the weights are read once for all texts"


def _number(got: Any, given: Any) -> float:
    if isinstance(got, bool) or not isinstance(got, int | float | np.integer | np.floating):
        raise Wrong(f"for {show(given)} it gives {show(got)}", hint="return one number")
    return float(got)
