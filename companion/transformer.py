"""The decoder-only Transformer: attention that looks back at the text it is part of.

Every position makes a *query*, a *key* and a *value* out of itself. Its query is scored against the keys of itself
and of the ``context - 1`` positions before it, never of one after it (the causal mask); a softmax turns the scores
into weights, and what it takes away is the average of the values under these weights. Several *heads* do so side by
side, each in its own slice of the width. Attention and a small network of one hidden layer make a *block*, and blocks
are stacked (Vaswani et al. 2017; the order of the parts, normalisation first, is that of Xiong et al. 2020).

Where a position stands is told by *rotation* (Su et al. 2021): queries and keys are turned by an angle that grows
with the position, so that a score depends on how far back a key lies and on nothing else. No position has a number
of its own that could run out. So what a block has read can be carried on like an LSTM's state: the keys and
values of the last ``context - 1`` positions. A text that is read in pieces gives the logits of the text read at once,
however long it is; the trainer, the scores and the generators treat both kinds of network alike.

Chapter: *transformers*. This module defines Keras layers, so importing it imports Keras.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.attention import LOW
from companion.errors import UserError
from companion.seeding import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402
from keras import ops  # noqa: E402

BASE = 10_000.0  # the slowest pair of a head turns by 1 / BASE radians a position, nearly; the fastest by 1
EPSILON = 1e-5  # added to a variance before it is divided by


# ----------------------------------------------------------------------------------------------------------------------
# In NumPy: what the layers below do


def causal_mask(queries: int, keys: int | None = None, context: int | None = None) -> np.ndarray:
    """Which key each query may look at: ``(queries, keys)``, true for itself and for what came before it.

    Parameters
    ----------
    queries, keys
        How many positions; the last query and the last key are the same position. As many keys as queries by default.
    context
        How many positions a query sees at most, itself among them; all by default.

    Examples
    --------
    >>> causal_mask(3).astype(int).tolist()
    [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    >>> causal_mask(2, keys=4, context=2).astype(int).tolist()
    [[0, 1, 1, 0], [0, 0, 1, 1]]
    """
    keys = queries if keys is None else keys
    back = np.arange(keys - queries, keys)[:, None] - np.arange(keys)[None, :]
    return (back >= 0) & (back < (keys if context is None else context))


def causal_attention(
    q: np.ndarray, k: np.ndarray, v: np.ndarray, mask: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """One head: scaled dot-product attention under a mask (Vaswani et al. 2017, section 3.2.1).

    Parameters
    ----------
    q, k, v
        ``(..., T, d)``, ``(..., S, d)`` and ``(..., S, d)``; further axes in front are batch and heads.
    mask
        ``(T, S)`` or with axes in front, true where a query may look; by default `causal_mask`.

    Returns
    -------
    mixed, weights
        ``(..., T, d)`` and ``(..., T, S)``; the weights of a query add up to 1 and are exactly 0 under the mask.

    Examples
    --------
    The second position scores both alike and takes the average; the first sees itself alone.

    >>> one = np.ones((2, 1))
    >>> mixed, weights = causal_attention(one, one, np.array([[2.0], [4.0]]))
    >>> weights.tolist(), mixed.tolist()
    ([[1.0, 0.0], [0.5, 0.5]], [[2.0], [3.0]])
    """
    mask = causal_mask(q.shape[-2], k.shape[-2]) if mask is None else mask
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]).astype(q.dtype)
    scores = np.where(mask, scores, LOW)
    weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ v, weights


def speeds(size: int) -> np.ndarray:
    """By how many radians a position each pair of a head's ``size`` numbers is turned, ``(size / 2,)``.

    >>> speeds(4).tolist()
    [1.0, 0.01]
    """
    found: np.ndarray = BASE ** (-np.arange(0, size, 2) / size)
    return found


def turns(positions: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of the angle by which each pair of numbers is turned, ``(positions, size / 2)`` each."""
    angles = np.asarray(positions)[:, None] * speeds(size)
    return np.cos(angles).astype(np.float32), np.sin(angles).astype(np.float32)


def rotate(x: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """Turn vectors ``(..., positions, size)`` by where they stand (Su et al. 2021, section 3.2.2).

    Number n of the first half and number n of the second are a point in a plane. It is turned by position times
    speed n; the speeds fall from 1 radian a position towards 1 / 10,000.

    Examples
    --------
    The product of two turned vectors knows only how far apart they stand:

    >>> q, k = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])
    >>> [round(float((rotate(q, [at]) @ rotate(k, [at - 2]).T)[0, 0]), 4) for at in (2, 50)]
    [-6.7812, -6.7812]
    """
    cos, sin = turns(positions, x.shape[-1])
    first, second = np.split(x, 2, axis=-1)
    return np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


# ----------------------------------------------------------------------------------------------------------------------
# In Keras


class CausalSelfAttention(keras.layers.Layer):
    """Several heads of `causal_attention` side by side, whose queries, keys and values all come from one text.

    Parameters
    ----------
    width
        Of what goes in and comes out; each head works on ``width / heads`` numbers.
    heads, context
        How many heads, and how many positions a query sees, itself among them.
    """

    def __init__(self, width: int, heads: int, context: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.width, self.heads, self.context = width, heads, context

    def build(self, input_shape: Any) -> None:
        """Make the four matrices."""
        names = ("W_q", "W_k", "W_v", "W_o")
        self.W_q, self.W_k, self.W_v, self.W_o = (
            self.add_weight(name=name, shape=(self.width, self.width), initializer="glorot_uniform") for name in names
        )

    def call(self, x: Any, keys: Any, values: Any, filled: Any) -> tuple[Any, ...]:
        """Read ``x``, ``(batch, T, width)``, behind what was read before.

        Returns
        -------
        mixed, keys, values, weights
            ``(batch, T, width)``; all keys and values, old and new, ``(batch, context - 1 + T, width)``; and who
            looked where, ``(batch, heads, T, context - 1 + T)``.
        """
        keys = ops.concatenate([keys, ops.matmul(x, self.W_k)], axis=1)
        values = ops.concatenate([values, ops.matmul(x, self.W_v)], axis=1)
        past, total = self.context - 1, ops.shape(keys)[1]

        cos, sin = self._turns(total)
        q = _rotate(self._split(ops.matmul(x, self.W_q)), cos[past:], sin[past:])
        k = _rotate(self._split(keys), cos, sin)
        scores = ops.matmul(q, ops.swapaxes(k, 2, 3)) / (self.width // self.heads) ** 0.5
        weights = ops.softmax(ops.where(self._mask(total, filled), scores, LOW), axis=-1)
        mixed = ops.swapaxes(ops.matmul(weights, self._split(values)), 1, 2)
        return ops.matmul(ops.reshape(mixed, ops.shape(x)), self.W_o), keys, values, weights

    def _mask(self, total: Any, filled: Any) -> Any:
        """True where a query may look, ``(batch, 1, T, total)``: not ahead, not too far back, at nothing empty."""
        past = self.context - 1
        at = ops.arange(total)
        back = at[past:, None] - at[None, :]
        near = ops.logical_and(back >= 0, back < self.context)
        full = ops.cast(at, "float32")[None, :] >= past - filled  # places before the text began are empty
        return ops.logical_and(near[None, None], full[:, None, None, :])

    def _split(self, x: Any) -> Any:
        """``(batch, T, width)`` to ``(batch, heads, T, width / heads)``."""
        batch, time, _ = ops.shape(x)
        return ops.swapaxes(ops.reshape(x, (batch, time, self.heads, self.width // self.heads)), 1, 2)

    def _turns(self, total: Any) -> tuple[Any, Any]:
        size = self.width // self.heads
        angles = ops.cast(ops.arange(total), "float32")[:, None] * speeds(size).astype("float32")
        return ops.cos(angles), ops.sin(angles)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "width": self.width, "heads": self.heads, "context": self.context}


def _rotate(x: Any, cos: Any, sin: Any) -> Any:
    first, second = ops.split(x, 2, axis=-1)
    return ops.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


class TransformerBlock(keras.layers.Layer):
    """One block: attention, then a network of one hidden layer at each position, each added to what came in.

    It is called like a recurrent layer of Keras that returns its states, so one twin serves both
    (`companion.models.with_states`): ``block(x, initial_state=states)`` to ``(x, *states)``. The states are keys and
    values of the last ``context - 1`` positions and how many of them are there; without them nothing was read before.

    Parameters
    ----------
    width, heads, context
        As in `CausalSelfAttention`.
    dropout
        Part of what attention and network add that is set to 0 in training.
    """

    def __init__(self, width: int, heads: int, context: int, dropout: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.width, self.heads, self.context, self.dropout = width, heads, context, dropout
        self.norm_1 = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm_1")
        self.attention = CausalSelfAttention(width, heads, context, name="attention")
        self.norm_2 = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm_2")
        self.up = keras.layers.Dense(4 * width, activation="relu", name="up")
        self.down = keras.layers.Dense(width, name="down")
        self.drop = keras.layers.Dropout(dropout)

    def build(self, input_shape: Any) -> None:
        """Make the parts."""
        for part in (self.norm_1, self.attention, self.norm_2, self.up, self.drop):
            part.build(input_shape)
        self.down.build((*input_shape[:-1], 4 * self.width))

    @property
    def state_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of keys, values and their number, without the batch."""
        return [(self.context - 1, self.width), (self.context - 1, self.width), (1,)]

    def call(self, x: Any, initial_state: Any = None, training: bool = False) -> tuple[Any, ...]:
        """``(batch, T, width)`` to the same shape, and the states after it."""
        keys, values, filled = self.empty(x) if initial_state is None else initial_state
        mixed, keys, values, _ = self.attention(self.norm_1(x), keys, values, filled)
        x = x + self.drop(mixed, training=training)
        x = x + self.drop(self.down(self.up(self.norm_2(x))), training=training)
        past, read = self.context - 1, ops.shape(x)[1]
        filled = ops.minimum(filled + ops.cast(read, "float32"), float(past))
        return x, keys[:, read:], values[:, read:], filled

    def looks(self, x: Any) -> Any:
        """Who looks where, ``(batch, heads, T, T)``, when nothing was read before."""
        return self.attention(self.norm_1(x), *self.empty(x))[3][..., self.context - 1 :]

    def empty(self, x: Any) -> list[Any]:
        """The states before anything was read: zeros, and none of them filled."""
        return [ops.zeros((ops.shape(x)[0], *shape)) for shape in self.state_shapes]

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        sizes = {"width": self.width, "heads": self.heads, "context": self.context, "dropout": self.dropout}
        return {**super().get_config(), **sizes}


def check_heads(width: int, heads: int, context: int) -> None:
    """Raise a `UserError` if the heads can't share the width, or there is no context."""
    if width % heads or (width // heads) % 2:
        raise UserError(
            f"The width {width} can't be shared by {heads} heads: each needs an even part of it. "
            f"Make width a multiple of {2 * heads}."
        )
    if context < 2:
        raise UserError(f"context is {context}; it should be a whole number of at least 2: itself and one before it.")


def attention_weights(model: "keras.Model", ids: np.ndarray) -> list[np.ndarray]:
    """Where each head of each block looks while a text is read: an array ``(heads, time, time)`` for each block.

    Parameters
    ----------
    model
        A `companion.models.transformer_model`.
    ids
        The text ``(time,)``.

    Raises
    ------
    UserError
        The model has no blocks, or the text is longer than the context (the weights would not be one square).
    """
    blocks = [layer for layer in model.layers if isinstance(layer, TransformerBlock)]
    if not blocks:
        raise UserError("This model has no Transformer blocks, so there are no attention weights to show.")
    if len(ids) > blocks[0].context:
        raise UserError(f"The text has {len(ids)} tokens and the context is {blocks[0].context}; show fewer.")
    x, found = ops.convert_to_tensor(np.asarray(ids, dtype=np.int32)[None]), []
    for layer in model.layers[1:]:
        if isinstance(layer, TransformerBlock):
            found.append(layer.looks(x).numpy()[0])
            x, *_ = layer(x)
        else:
            x = layer(x)
    return found


# ----------------------------------------------------------------------------------------------------------------------
# One token at a time, in NumPy: for `companion.generation`


def block_step(block: TransformerBlock) -> tuple[Callable[..., tuple[np.ndarray, list[np.ndarray]]], list[Any]]:
    """A block as a function of one position ``(batch, width)`` and the states, and the states' shapes."""
    W_q, W_k, W_v, W_o = (np.asarray(w) for w in block.attention.weights)
    norm_1, norm_2 = norm_step(block.norm_1)[0], norm_step(block.norm_2)[0]
    W_up, b_up = (np.asarray(w) for w in block.up.weights)
    W_down, b_down = (np.asarray(w) for w in block.down.weights)
    past, heads = block.context - 1, block.heads

    def split(x: np.ndarray) -> np.ndarray:
        return x.reshape(*x.shape[:2], heads, -1).swapaxes(1, 2)

    def step(
        x: np.ndarray, keys: np.ndarray, values: np.ndarray, filled: np.ndarray
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        y = norm_1(x)[0][:, None, :]
        keys, values = np.concatenate([keys, y @ W_k], axis=1), np.concatenate([values, y @ W_v], axis=1)
        first = past - int(filled.max())  # nobody has filled the places before it
        at = np.arange(first, past + 1)
        q, k = rotate(split(y @ W_q), at[-1:]), rotate(split(keys[:, first:]), at)
        mixed, _ = causal_attention(q, k, split(values[:, first:]), (at >= past - filled)[:, None, None, :])
        x = x + mixed.reshape(x.shape) @ W_o
        x = x + np.maximum(norm_2(x)[0] @ W_up + b_up, 0) @ W_down + b_down
        return x, [keys[:, 1:], values[:, 1:], np.minimum(filled + 1, past)]

    return step, block.state_shapes


def norm_step(layer: Any) -> tuple[Callable[..., tuple[np.ndarray, list[np.ndarray]]], list[Any]]:
    """A layer normalisation as a function of ``(batch, width)``; it has no state."""
    scale, shift = np.asarray(layer.gamma), np.asarray(layer.beta)

    def step(x: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
        x = x - x.mean(axis=-1, keepdims=True)
        return x / np.sqrt(x.var(axis=-1, keepdims=True) + EPSILON) * scale + shift, []

    return step, []
