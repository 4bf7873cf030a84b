"""Checkers of the chapter *Why did attention win?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.cells import causal_mask
from companion.exercises import Wrong, call, exercise, show


@exercise("transformers-window", asks="a function of (time, context) that gives a square array of True and False")
def window(answer: Callable[..., Any]) -> str:
    for time, context in [(3, 3), (5, 2), (6, 4), (4, 9), (4, 1)]:
        given = call(answer, time, context)
        says = f"for {time} positions and a context of {context} it gives {show(given)}"
        got = np.asarray(given) if isinstance(given, np.ndarray | list | tuple) else np.zeros(())
        if got.shape != (time, time):
            raise Wrong(says, hint="a row for each query and a column for each key, as many as there are positions")
        seen, expected = got.astype(bool), causal_mask(time, context=context)
        if (seen == expected).all():
            continue
        if (seen == ~expected).all():
            raise Wrong(says, hint="True is where a query may look, False where it may not")
        if not seen.diagonal().all():
            raise Wrong(says, hint="every position sees itself")
        if np.triu(seen, 1).any():
            raise Wrong(says, hint="a key after its query, further right in the row, is the future")
        if (seen == causal_mask(time, context=context + 1)).all():
            raise Wrong(says, hint="the context counts the position itself")
        if (seen == np.tri(time, dtype=bool)).all():
            raise Wrong(says, hint="keys too far back are masked too")
        raise Wrong(says, hint="let back be query minus key, and decide which values of back are allowed")
    return "each position sees itself and what comes shortly before it, and nothing else"


@exercise("transformers-reach", asks="a function of (layers, context) that gives a whole number of positions")
def context_reach(answer: Callable[..., Any]) -> str:
    for layers, context in [(2, 8), (1, 8), (3, 64), (1, 2), (12, 2)]:
        got = call(answer, layers, context)
        says = f"for {layers} blocks and a context of {context} it gives {show(got)}"
        if isinstance(got, bool) or not isinstance(got, int | np.integer):
            raise Wrong(says, hint="count positions: the answer is a whole number")
        if got == layers * (context - 1):
            continue
        if got == context - 1:
            raise Wrong(says, hint="a block reads what the block below wrote at a place that had looked back itself")
        if got == layers * context:
            raise Wrong(says, hint="a context counts the position itself, which isn't a step back")
        if got == layers * (context - 1) + 1:
            raise Wrong(says, hint="the question is how far back, so the position itself isn't counted")
        raise Wrong(says, hint="draw two blocks with a context of 3, and follow the lines down and to the left")
    return "each block passes on what the one below has gathered, so the steps back add up"
