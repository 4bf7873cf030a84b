"""Checks of the exercises of *Does the tutorial's code work?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("article-model-windows", asks="a function of (ids, n) that gives two arrays, the windows and their targets")
def windows(answer: Callable[..., Any]) -> str:
    for ids, n in [(np.arange(10, 16), 2), (np.array([7, 7, 3, 9, 1]), 3), (np.array([4, 8, 2]), 1), (np.arange(4), 3)]:
        got = call(answer, ids, n)
        given = f"for ids {show(ids)} and n = {n}"
        if not isinstance(got, tuple | list) or len(got) != 2:
            raise Wrong(f"{given} it gives {show(got)}", hint="return two arrays, X and y, with a comma between them")
        X, y = (np.asarray(part) for part in got)
        count = len(ids) - n
        if X.ndim != 2 or X.shape[1] != n:
            raise Wrong(f"{given} X has shape {X.shape}", hint=f"each row of X is one window of {n} ids")
        if y.ndim != 1:
            raise Wrong(f"{given} y has shape {y.shape}", hint="the targets are ids here, one per window, not vectors")
        if len(X) != len(y):
            raise Wrong(f"{given} there are {len(X)} windows and {len(y)} targets", hint="each window has one target")
        if len(y) == count + 1 or not len(y):
            raise Wrong(f"{given} there are {len(y)} windows", hint="the last window still needs an id after it")
        if len(y) == count - 1:
            raise Wrong(
                f"{given} there are {len(y)} windows",
                hint="the last id of the text is a target too: one more window fits",
            )
        if len(y) < count:
            raise Wrong(
                f"{given} there are {len(y)} windows", hint="windows may overlap: one starts at every id that has room"
            )
        if len(y) > count:
            raise Wrong(f"{given} there are {len(y)} windows", hint="every window is n ids long and has a target")
        expected = np.stack([ids[start : start + n] for start in range(count)])
        if not np.array_equal(X, expected):
            raise Wrong(f"{given} the windows begin with {show(X[0])}", hint="keep the ids in the order of the text")
        if not np.array_equal(y, ids[n:]):
            hint = "the target is the id after the window"
            if np.array_equal(y, expected[:, -1]):
                hint += ", not its last: the model would only have to copy"
            raise Wrong(f"{given} the targets are {show(y)}", hint=hint)
    return "every window has n ids, and its target is the id that follows"


@exercise(
    "article-model-parameters",
    asks="a function of (vocab_size, embedding_dim, hidden_units) that gives three numbers",
)
def parameters(answer: Callable[..., Any]) -> str:
    for sizes in [(10_000, 128, 64), (5, 3, 2), (84, 64, 256)]:
        V, d, h = sizes
        got = call(answer, *sizes)
        given = f"for {show(sizes)}"
        if not isinstance(got, tuple | list | np.ndarray) or len(got) != 3:
            raise Wrong(f"{given} it gives {show(got)}", hint="return three numbers: embedding, LSTM, Dense")
        embedding, lstm, dense = (int(number) for number in got)
        if embedding != V * d:
            raise Wrong(f"{given} the embedding has {embedding:,}", hint="it is a table with one row per token")
        if lstm != 4 * h * (d + h + 1):
            raise Wrong(f"{given} the LSTM has {lstm:,}", hint=_lstm_hint(lstm, d, h))
        if dense != V * (h + 1):
            hints = {
                V * h: "each output has a bias too",
                V * (d + 1): "it reads the LSTM's output, not the embedding",
            }
            raise Wrong(
                f"{given} the Dense layer has {dense:,}",
                hint=hints.get(dense, "each output has one weight for each number that it reads, and a bias"),
            )
    return "embedding and output grow with the vocabulary, the LSTM does not"


def _lstm_hint(got: int, d: int, h: int) -> str:
    """The likely mistake."""
    slips = {
        h * (d + h + 1): "there are three gates and a candidate, each with weights of its own",
        3 * h * (d + h + 1): "besides the three gates there is the candidate",
        4 * h * (d + h): "each gate has a bias too",
        4 * h * (d + 1): "the gates read the hidden state as well as the input",
        4 * h * (h + 1): "the gates read the input as well as the hidden state",
    }
    return slips.get(got, "count one gate first: what does each of its units read?")
