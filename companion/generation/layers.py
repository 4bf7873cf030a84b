"""One step of each kind of layer, in NumPy: functions ``(x, *states) -> (y, new states)`` with the layer's weights.

A call into TensorFlow costs more than the arithmetic of one step of one text, so the weights are copied once, in
float32. `companion.generation.steppers` puts the steps of a whole model together.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from companion.cells import causal_attention, rotate
from companion.errors import UserError

if TYPE_CHECKING:
    import keras

    from companion.models.transformer import TransformerBlock

State = list[np.ndarray]  # what is carried from step to step: arrays whose first axis is the batch
Shape = int | tuple[int, ...]
Step = Callable[..., tuple[np.ndarray, State]]
LayerStep = tuple[Step, list[Shape]]  # the step, and the shapes of its states without the batch


def embedding_step(layer: "keras.layers.Embedding") -> LayerStep:
    """Ids ``(batch,)`` to their rows, ``(batch, width)``."""
    (table,) = _weights(layer, "embeddings")
    return lambda ids: (table[ids], []), []


def dense_step(layer: "keras.layers.Dense") -> LayerStep:
    """``(batch, width)`` to ``(batch, units)``. A softmax is left out, so that the result is logits."""
    kernel, bias = _weights(layer, "kernel", "bias")
    is_softmax = layer.activation.__name__ == "softmax"
    act = _ACTIVATIONS["linear"] if is_softmax else _activation(layer)
    return lambda x: (act(x @ kernel + bias), []), []


def lstm_step(layer: "keras.layers.LSTM") -> LayerStep:
    """``(batch, width)`` and the states h and c, ``(batch, units)`` each."""
    W_x, W_h, b = _weights(layer, "kernel", "recurrent_kernel", "bias")
    act, gate = _activation(layer), _activation(layer, "recurrent_activation")

    def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, State]:
        i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=-1)  # Keras's order
        c = gate(f) * c + gate(i) * act(g)
        h = gate(o) * act(c)
        return h, [h, c]

    return step, [layer.units, layer.units]


def gru_step(layer: "keras.layers.GRU") -> LayerStep:
    """``(batch, width)`` and the state h, ``(batch, units)``; both of Keras's variants."""
    W_x, W_h, b = _weights(layer, "kernel", "recurrent_kernel", "bias")
    act, gate = _activation(layer), _activation(layer, "recurrent_activation")
    units, after = layer.units, layer.reset_after
    b_x, b_h = (b[0], b[1]) if b.ndim == 2 else (b, np.zeros(1, np.float32))

    def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, State]:
        x_z, x_r, x_g = np.split(x @ W_x + b_x, 3, axis=-1)
        if after:
            h_z, h_r, h_g = np.split(h @ W_h + b_h, 3, axis=-1)
        else:
            h_z, h_r = np.split(h @ W_h[:, : 2 * units], 2, axis=-1)
        z, r = gate(x_z + h_z), gate(x_r + h_r)
        candidate = act(x_g + (r * h_g if after else (r * h) @ W_h[:, 2 * units :]))
        h = z * h + (1 - z) * candidate
        return h, [h]

    return step, [units]


def rnn_step(layer: "keras.layers.SimpleRNN") -> LayerStep:
    """``(batch, width)`` and the state h, ``(batch, units)``."""
    W_x, W_h, b = _weights(layer, "kernel", "recurrent_kernel", "bias")
    act = _activation(layer)

    def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, State]:
        h = act(x @ W_x + h @ W_h + b)
        return h, [h]

    return step, [layer.units]


def norm_step(layer: "keras.layers.LayerNormalization") -> LayerStep:
    """``(batch, width)`` to the same shape, normalised over the width."""
    scale = np.ones(1, np.float32) if layer.gamma is None else np.asarray(layer.gamma)
    shift = np.zeros(1, np.float32) if layer.beta is None else np.asarray(layer.beta)
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    if list(axes) not in ([-1], [2]) or getattr(layer, "rms_scaling", False):
        raise UserError(f"The layer {layer.name} doesn't normalise over the last axis alone, so it can't be stepped.")
    epsilon = layer.epsilon

    def step(x: np.ndarray) -> tuple[np.ndarray, State]:
        x = x - x.mean(axis=-1, keepdims=True)
        return x / np.sqrt(x.var(axis=-1, keepdims=True) + epsilon) * scale + shift, []

    return step, []


def block_step(block: "TransformerBlock") -> LayerStep:
    """A Transformer block at one position, ``(batch, hidden_dim)``, and its states: `TransformerBlock.state_shapes`."""
    W_q, W_k, W_v, W_o = (np.asarray(w) for w in block.attention.weights)
    norm_1, norm_2 = norm_step(block.norm_1)[0], norm_step(block.norm_2)[0]
    W_up, b_up = (np.asarray(w) for w in block.up.weights)
    W_down, b_down = (np.asarray(w) for w in block.down.weights)
    past, num_heads = block.context - 1, block.num_heads

    def split(x: np.ndarray) -> np.ndarray:
        return x.reshape(*x.shape[:2], num_heads, -1).swapaxes(1, 2)

    def step(x: np.ndarray, keys: np.ndarray, values: np.ndarray, filled: np.ndarray) -> tuple[np.ndarray, State]:
        y = norm_1(x)[0][:, None, :]
        keys, values = np.concatenate([keys, y @ W_k], axis=1), np.concatenate([values, y @ W_v], axis=1)
        first = past - int(filled.max())  # the places before this one are empty in every text
        at = np.arange(first, past + 1)
        q, k = rotate(split(y @ W_q), at[-1:]), rotate(split(keys[:, first:]), at)
        mixed, _ = causal_attention(q, k, split(values[:, first:]), (at >= past - filled)[:, None, None, :])
        x = x + mixed.reshape(x.shape) @ W_o
        x = x + np.maximum(norm_2(x)[0] @ W_up + b_up, 0) @ W_down + b_down
        return x, [keys[:, 1:], values[:, 1:], np.minimum(filled + 1, past)]

    return step, list(block.state_shapes)


_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 0.5 * np.tanh(0.5 * x) + 0.5,  # equal to 1 / (1 + exp(-x)), and never overflows
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
}


def _activation(layer: "keras.layers.Layer", name: str = "activation") -> Callable[[np.ndarray], np.ndarray]:
    chosen = getattr(layer, name).__name__
    if chosen not in _ACTIVATIONS:
        raise UserError(
            f"The layer {layer.name} uses the activation {chosen}, but generation knows only {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[chosen]


def _weights(layer: "keras.layers.Layer", *names: str) -> list[np.ndarray]:
    """Some of a layer's weights as float32 arrays; a bias that isn't used is 0."""
    holder = getattr(layer, "cell", layer)
    found = [getattr(holder, name) for name in names]
    return [np.zeros(1, np.float32) if w is None else np.ascontiguousarray(w, dtype=np.float32) for w in found]
