"""One step of a Transformer block, in NumPy, with the keys and values of the past in a ring.

A ring has a place for each position of the context. A new key overwrites the oldest one, so nothing is moved, and the
softmax doesn't mind in which order the places come. A key is rotated by its position once, when it is stored: a score
depends only on how far back a key lies, so positions may grow for ever.
"""

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from companion.cells import speeds
from companion.errors import UserError
from companion.generation.layers import ONE, ZERO, LayerStep, State

if TYPE_CHECKING:
    import keras

    from companion.models.transformer import TransformerBlock


def norm_step(layer: "keras.layers.LayerNormalization") -> LayerStep:
    """``(batch, width)`` to the same shape, normalised over the width."""
    width = layer.input.shape[-1]
    (scale, shift), epsilon = _scale_and_shift(layer, width), _epsilon(layer, width)

    def step(x: np.ndarray) -> tuple[np.ndarray, State]:
        x = _unit(x, epsilon)
        x *= scale
        x += shift
        return x, []

    return step, []


def block_step(block: "TransformerBlock") -> LayerStep:
    """A block at one position, ``(batch, hidden_dim)``. The step changes its states, which are:

    keys, values
        ``(batch, num_heads, size, context)``, rotated, and ``(batch, num_heads, context, size)``, in the ring.
    read
        ``(batch,)``, how many positions were read; the same for all texts.
    """
    heads, context, size = block.num_heads, block.context, block.hidden_dim // block.num_heads
    W_q, W_k, W_v, W_o = (np.asarray(w) for w in block.attention.weights)
    paired = (np.arange(heads)[:, None] * size + np.arange(size).reshape(2, -1).T.ravel()).ravel()
    W_qkv = np.concatenate([W_q[:, paired] / np.sqrt(np.float32(size)), W_k[:, paired], W_v], axis=1)
    W_qkv, b_qkv = _after(block.norm_1, W_qkv, ZERO)
    W_up, b_up = _after(block.norm_2, *(np.asarray(w) for w in block.up.weights))
    epsilon_1, epsilon_2 = _epsilon(block.norm_1, block.hidden_dim), _epsilon(block.norm_2, block.hidden_dim)
    W_down, b_down = (np.atleast_2d(w) for w in block.down.weights)

    def step(x: np.ndarray, keys: np.ndarray, values: np.ndarray, read: np.ndarray) -> tuple[np.ndarray, State]:
        position = _position(read)
        place, filled = position % context, min(position + 1, context)
        read += ONE
        a = _unit(x, epsilon_1).dot(W_qkv)
        a += b_qkv
        a = a.reshape(len(x), 3 * heads, size)
        qk = (a[:, : 2 * heads].view(np.complex64) * _turn(position, size)).view(np.float32)
        keys[..., place], values[:, :, place] = qk[:, heads:], a[:, 2 * heads :]

        weights = np.matmul(qk[:, :heads, None], keys[..., :filled])  # the scores
        weights -= weights.max(axis=-1, keepdims=True)
        np.exp(weights, out=weights)
        mixed = np.matmul(weights, values[:, :, :filled])
        mixed /= weights.sum(axis=-1, keepdims=True)
        x = mixed.reshape(x.shape).dot(W_o) + x

        a = _unit(x, epsilon_2).dot(W_up)
        a += b_up
        np.maximum(a, ZERO, out=a)
        x += a.dot(W_down)
        x += b_down
        return x, [keys, values, read]

    return step, [(heads, size, context), (heads, context, size), ()]


@lru_cache(maxsize=1024)
def _turn(position: int, size: int) -> np.ndarray:
    """By what each pair of a head's numbers, taken as a complex number, is multiplied: ``(size / 2,)``."""
    turn: np.ndarray = np.exp(position * _angles(size)).astype(np.complex64)
    return turn


@lru_cache
def _angles(size: int) -> np.ndarray:
    return 1j * speeds(size)


def _position(read: np.ndarray) -> int:
    position = int(read[0])
    if len(read) > 1 and (read != position).any():
        raise UserError("These texts have read different numbers of tokens, so a Transformer can't step them together.")
    return position


def _scale_and_shift(layer: "keras.layers.LayerNormalization", width: int) -> tuple[np.ndarray, np.ndarray]:
    """What turns rows of `_unit` into the layer's, ``(1, width)`` each."""
    axes = layer.axis if isinstance(layer.axis, list | tuple) else [layer.axis]
    if list(axes) not in ([-1], [2]) or getattr(layer, "rms_scaling", False):
        raise UserError(f"The layer {layer.name} doesn't normalise over the last axis alone, so it can't be stepped.")
    scale, shift = np.full((1, width), width**0.5, np.float32), np.zeros((1, width), np.float32)
    if layer.gamma is not None:
        scale *= np.asarray(layer.gamma)
    if layer.beta is not None:
        shift += np.asarray(layer.beta)
    return scale, shift


def _after(layer: "keras.layers.LayerNormalization", W: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A projection of what the layer gives as one of what `_unit` gives."""
    scale, shift = _scale_and_shift(layer, len(W))
    return scale.T * W, shift @ W + b


def _epsilon(layer: "keras.layers.LayerNormalization", width: int) -> np.ndarray:
    """What the layer adds to a row's variance, for a sum of squares."""
    return np.array(width * layer.epsilon, np.float32)


def _unit(x: np.ndarray, epsilon: np.ndarray) -> np.ndarray:
    """Rows less their mean, divided by their length; ``epsilon`` is added to its square."""
    x = x - x.dot(_average(x.shape[-1]))
    length = np.vecdot(x, x)[:, None]
    length += epsilon
    np.sqrt(length, out=length)
    x /= length
    return x


@lru_cache
def _average(width: int) -> np.ndarray:
    """The product of a row with this is the row's mean, and takes half the time of ``mean``."""
    return np.full((width, 1), 1 / width, np.float32)
