"""One step of each kind of layer, in NumPy: functions ``(x, *states) -> (y, new states)`` with the layer's weights.

A call into TensorFlow costs more than the arithmetic of one step of one text, so the weights are copied once, in
float32. For the same reason results are written into arrays that a step has already made, and products are
``x.dot(W)``, a faster call than ``x @ W``. `companion.generation.blocks` has the Transformer's block, and
`companion.generation.steppers` puts the steps of a whole model together.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from companion.errors import UserError

if TYPE_CHECKING:
    import keras

State = list[np.ndarray]  # what is carried from step to step: arrays whose first axis is the batch
Shape = int | tuple[int, ...]
Step = Callable[..., tuple[np.ndarray, State]]
LayerStep = tuple[Step, list[Shape]]  # the step, and the shapes of its states without the batch

LARGEST_TABLE = 4_000_000  # numbers, 16 MB: all products of an embedding's rows with W_x are kept up to this size

# Arrays, which NumPy takes faster than numbers. For the same reason a bias is an array of one row.
ZERO, HALF, ONE = np.zeros((), np.float32), np.full((), 0.5, np.float32), np.ones((), np.int64)


def embedding_step(layer: "keras.layers.Embedding") -> LayerStep:
    """Ids ``(batch,)`` to their rows, ``(batch, width)``."""
    (table,) = _weights(layer, "embeddings")
    return lambda ids: (table.take(ids, axis=0), []), []


def dense_step(layer: "keras.layers.Dense") -> LayerStep:
    """``(batch, width)`` to ``(batch, units)``. A softmax is left out, so that the result is logits."""
    kernel, bias = _weights(layer, "kernel", "bias")
    bias = bias[None]
    is_softmax = layer.activation.__name__ == "softmax"
    act = _ACTIVATIONS["linear"] if is_softmax else _activation(layer)

    def step(x: np.ndarray) -> tuple[np.ndarray, State]:
        a = x.dot(kernel)
        a += bias
        return act(a, out=a), []

    return step, []


def lstm_step(layer: "keras.layers.LSTM", embedding: "keras.layers.Embedding | None" = None) -> LayerStep:
    """``(batch, width)`` and the states h and c, ``(batch, units)`` each; with an embedding, ids ``(batch,)``."""
    units = layer.units
    # Keras's order is i, f, g, o. With g last, the three gates lie side by side.
    order = np.arange(4 * units).reshape(4, units)[[0, 1, 3, 2]].ravel()
    W_x, W_h, b = (w.take(order, axis=-1) for w in _weights(layer, "kernel", "recurrent_kernel", "bias"))
    act, gate = _activation(layer), _activation(layer, "recurrent_activation")
    usual = act is np.tanh and gate is _sigmoid
    if usual:  # sigmoid(x) is (1 + tanh(x / 2)) / 2: with halved weights, one tanh serves gates and candidate
        for w in (W_x, W_h, b):
            w[..., : 3 * units] *= HALF
    project = _projection(W_x, b, embedding)

    i, f, o, g = (np.s_[:, start : start + units] for start in range(0, 4 * units, units))
    gates = np.s_[:, : 3 * units]

    def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, State]:
        a = h.dot(W_h)
        a += project(x)
        opened, candidate = a[gates], a[g]
        if usual:
            np.tanh(a, out=a)
            opened *= HALF
            opened += HALF
        else:
            gate(opened, out=opened)
            act(candidate, out=candidate)
        c = c * a[f]
        candidate *= a[i]
        c += candidate
        h = act(c)
        h *= a[o]
        return h, [h, c]

    return step, [units, units]


def gru_step(layer: "keras.layers.GRU", embedding: "keras.layers.Embedding | None" = None) -> LayerStep:
    """``(batch, width)``, or ids ``(batch,)``, and the state h, ``(batch, units)``; both of Keras's variants."""
    W_x, W_h, b = _weights(layer, "kernel", "recurrent_kernel", "bias")
    act, gate, units = _activation(layer), _activation(layer, "recurrent_activation"), layer.units
    b_x, b_h = (b[:1], b[1:]) if b.ndim == 2 else (b, np.zeros((1, 1), np.float32))
    project = _projection(W_x, b_x, embedding)
    after, W_gates, W_g = layer.reset_after, W_h[:, : 2 * units], W_h[:, 2 * units :]

    def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, State]:
        a = project(x)
        a_gates, a_g = a[:, : 2 * units], a[:, 2 * units :]
        if after:
            a_h = h.dot(W_h)
            a_h += b_h
            a_gates += a_h[:, : 2 * units]
        else:
            a_gates += h.dot(W_gates)
        gates = gate(a_gates, out=a_gates)
        z, r = gates[:, :units], gates[:, units:]
        a_g += r * a_h[:, 2 * units :] if after else (r * h).dot(W_g)
        g = act(a_g, out=a_g)
        h = h - g  # z * h + (1 - z) * g, with one product
        h *= z
        h += g
        return h, [h]

    return step, [units]


def rnn_step(layer: "keras.layers.SimpleRNN", embedding: "keras.layers.Embedding | None" = None) -> LayerStep:
    """``(batch, width)``, or ids ``(batch,)``, and the state h, ``(batch, units)``."""
    W_x, W_h, b = _weights(layer, "kernel", "recurrent_kernel", "bias")
    act, project = _activation(layer), _projection(W_x, b, embedding)

    def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, State]:
        a = h.dot(W_h)
        a += project(x)
        h = act(a, out=a)
        return h, [h]

    return step, [layer.units]


def _sigmoid(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """1 / (1 + exp(-x)) as (1 + tanh(x / 2)) / 2, which never overflows."""
    out = np.multiply(x, HALF, out=out)
    np.tanh(out, out=out)
    out *= HALF
    out += HALF
    return out


def _relu(x: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    return np.maximum(x, ZERO, out=out)


# Each takes an array, and where to write the result if not into a new array.
_ACTIVATIONS: dict[str, Callable[..., np.ndarray]] = {
    "tanh": np.tanh,
    "sigmoid": _sigmoid,
    "relu": _relu,
    "linear": np.positive,
}


def _activation(layer: "keras.layers.Layer", name: str = "activation") -> Callable[..., np.ndarray]:
    chosen = getattr(layer, name).__name__
    if chosen not in _ACTIVATIONS:
        raise UserError(
            f"The layer {layer.name} uses the activation {chosen}, but generation knows only {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[chosen]


def _projection(
    W_x: np.ndarray, b: np.ndarray, embedding: "keras.layers.Embedding | None"
) -> Callable[[np.ndarray], np.ndarray]:
    """What a recurrent layer adds for its input: x W_x + b. For the rows of a small embedding this is a table."""
    if embedding is None:
        return lambda x: x @ W_x + b
    (rows,) = _weights(embedding, "embeddings")
    if len(rows) * W_x.shape[1] > LARGEST_TABLE:
        return lambda ids: rows.take(ids, axis=0) @ W_x + b
    table = rows @ W_x + b
    return lambda ids: table.take(ids, axis=0)


def _weights(layer: "keras.layers.Layer", *names: str) -> list[np.ndarray]:
    """Some of a layer's weights, the kernel first, as float32 arrays; a bias that isn't used is zeros."""
    holder = getattr(layer, "cell", layer)
    found = [getattr(holder, name) for name in names]
    unused = np.zeros(found[0].shape[-1], np.float32)
    return [unused if w is None else np.ascontiguousarray(w, dtype=np.float32) for w in found]
