"""Checks of the exercises of *When is one machine not enough?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("scaling-out-shares", asks="a function of (means, counts) that gives an array of the shape of a mean")
def shares(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for counts, shape in [((2, 2), (2,)), ((4, 3, 3), (2,)), ((1, 5), (2, 2)), ((7,), (3,))]:
        means = [rng.normal(size=shape).round(2) for _ in counts]
        right = np.average(means, axis=0, weights=counts)
        got = call(answer, means, list(counts))
        if np.shape(got) == shape and np.allclose(got, right):
            continue
        hint = "one stream should count equally in the result, whichever worker read it"
        if np.shape(got) == shape and np.allclose(got, np.mean(means, axis=0)):
            hint = "this mean weights all workers equally, though one of them read more streams"
        elif np.shape(got) == shape and np.allclose(got, right * sum(counts)):
            hint = "this is the sum over all streams; one more division is needed"
        elif np.shape(got) != shape:
            hint = f"the result has the shape of one worker's mean, here {shape}"
        raise Wrong(f"for counts {show(counts)} and means of shape {show(shape)} it gives {show(got)}", hint=hint)
    return "every stream counts the same, no matter which worker read it"


@exercise("scaling-out-bytes", asks="a function of (weights, workers, size) that gives a number of bytes")
def ring_bytes(answer: Callable[..., Any]) -> str:
    for weights, workers, size in [(1000, 4, 4), (1000, 2, 4), (1000, 1, 4), (6000, 3, 2)]:
        got = call(answer, weights, workers, size)
        right = 2 * (workers - 1) / workers * weights * size
        if np.ndim(got) == 0 and np.isclose(float(got), right):
            continue
        slips = {
            right / 2: "the numbers go round twice: once to add them up, once to hand out the sums",
            right / size: "this counts numbers; multiply by the bytes of each",
            right * workers: "this is what all workers send together; the question is about one of them",
            2.0 * weights * size: "a worker doesn't send what it keeps: there are workers − 1 steps in each half",
        }
        near = [hint for slip, hint in slips.items() if np.ndim(got) == 0 and np.isclose(float(got), slip)]
        hint = near[0] if near else "count the steps, and what a worker sends in each of them"
        raise Wrong(f"for {weights} weights of {size} bytes and {workers} workers it gives {show(got)}", hint=hint)
    return "each worker sends less than twice the model, however many there are"


@exercise("scaling-out-worth", asks="a function of (seconds, weights, rate, workers) that gives a number")
def worth(answer: Callable[..., Any]) -> str:
    for seconds, weights, rate, workers in [
        (1.0, 1e6, 1e12, 2),
        (1.0, 1e8, 1e8, 2),
        (0.5, 1e6, 1e8, 8),
        (2.0, 1e6, 1e6, 1),
    ]:
        got = call(answer, seconds, weights, rate, workers)
        sending = 8 * (workers - 1) / workers * weights / rate
        right = seconds / (seconds / workers + sending)
        if np.ndim(got) == 0 and np.isclose(float(got), right, rtol=1e-3):
            continue
        slips = {
            1 / right: "that is the ratio of the times; the ratio of the speeds is its inverse",
            seconds / (seconds + sending): "the whole batch is the same size, so each machine computes only its share",
            float(workers): "the exchange takes time too",
            seconds
            / (seconds / workers + sending / workers): "the exchange doesn't shrink with the share of the batch",
        }
        near = [hint for slip, hint in slips.items() if np.ndim(got) == 0 and np.isclose(float(got), slip)]
        hint = near[0] if near else "a step takes a share of the computing time, and then the bytes divided by the rate"
        raise Wrong(
            f"for {seconds:g} s, {weights:g} weights, {rate:g} bytes/s and {workers} workers it gives {show(got)}",
            hint=hint,
        )
    return "the computing is shared, but the exchange isn't"
