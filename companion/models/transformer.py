"""The decoder-only Transformer: attention that looks back at the text it is part of.

Every position makes a *query*, a *key* and a *value* out of itself. Its query is scored against the keys of itself
and of the ``context - 1`` positions before it, never of one after it (the causal mask). A softmax turns the scores
into weights, and the position receives the average of the values under these weights. Several *heads* do so in
parallel, each in its own slice of ``hidden_dim``. Attention and a small network of one hidden layer make a *block*, and
blocks are stacked (Vaswani et al. 2017; the order of the parts, normalisation first, is that of Xiong et al. 2020).

Positions are told apart by *rotation* (Su et al. 2021): queries and keys are turned by an angle that grows with the
position, so that a score depends on how far back a key lies and on nothing else. No position has a number of its own
that could run out. So what a block has read can be carried on like an LSTM's state: the keys and values of the last
``context - 1`` positions. A text that is read in pieces gives the logits of the text read at once, however long it is;
training, evaluation and generation treat both kinds of network alike.

Chapter: *transformers*. This module defines Keras layers, so importing it imports Keras.
"""

from typing import Any

import numpy as np

from companion.cells import EPSILON, LOW, speeds
from companion.errors import UserError, check_sizes
from companion.models.dropout import SharedDropout
from companion.seeding import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402
from keras import ops  # noqa: E402

# ----------------------------------------------------------------------------------------------------------------------
# In Keras


@keras.saving.register_keras_serializable(package="gate_by_gate")
class CausalSelfAttention(keras.layers.Layer):
    """Several heads of `causal_attention` side by side, whose queries, keys and values all come from one text.

    Parameters
    ----------
    hidden_dim
        Numbers at each position, in and out; each head works on ``hidden_dim / num_heads`` of them.
    num_heads, context
        How many heads, and how many positions a query sees, including its own.
    """

    def __init__(self, hidden_dim: int, num_heads: int, context: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.hidden_dim, self.num_heads, self.context = hidden_dim, num_heads, context

    def build(self, input_shape: Any) -> None:
        """Make the four matrices."""
        names = ("W_q", "W_k", "W_v", "W_o")
        self.W_q, self.W_k, self.W_v, self.W_o = (
            self.add_weight(name=name, shape=(self.hidden_dim, self.hidden_dim), initializer="glorot_uniform")
            for name in names
        )

    def call(self, x: Any, keys: Any, values: Any, filled: Any) -> tuple[Any, ...]:
        """Read ``x``, ``(batch, T, hidden_dim)``, after what was read before.

        Returns
        -------
        mixed, keys, values, weights
            ``(batch, T, hidden_dim)``; all keys and values, old and new, ``(batch, context - 1 + T, hidden_dim)``;
            and the attention weights, ``(batch, num_heads, T, context - 1 + T)``.
        """
        keys = ops.concatenate([keys, ops.matmul(x, self.W_k)], axis=1)
        values = ops.concatenate([values, ops.matmul(x, self.W_v)], axis=1)
        past, total = self.context - 1, ops.shape(keys)[1]

        cos, sin = self._turns(total)
        q = _rotate(self._split(ops.matmul(x, self.W_q)), cos[past:], sin[past:])
        k = _rotate(self._split(keys), cos, sin)
        scores = ops.matmul(q, ops.swapaxes(k, 2, 3)) / (self.hidden_dim // self.num_heads) ** 0.5
        weights = ops.softmax(ops.where(self._mask(total, filled), scores, LOW), axis=-1)
        mixed = ops.swapaxes(ops.matmul(weights, self._split(values)), 1, 2)
        return ops.matmul(ops.reshape(mixed, ops.shape(x)), self.W_o), keys, values, weights

    def _mask(self, total: Any, filled: Any) -> Any:
        """True where a query may look, ``(batch, 1, T, total)``: not ahead, not too far back, not at empty places."""
        past = self.context - 1
        at = ops.arange(total)
        back = at[past:, None] - at[None, :]
        near = ops.logical_and(back >= 0, back < self.context)
        full = ops.cast(at, "float32")[None, :] >= past - filled  # places before the text began are empty
        return ops.logical_and(near[None, None], full[:, None, None, :])

    def _split(self, x: Any) -> Any:
        """``(batch, T, hidden_dim)`` to ``(batch, num_heads, T, hidden_dim / num_heads)``."""
        batch, time, _ = ops.shape(x)
        return ops.swapaxes(ops.reshape(x, (batch, time, self.num_heads, self.hidden_dim // self.num_heads)), 1, 2)

    def _turns(self, total: Any) -> tuple[Any, Any]:
        size = self.hidden_dim // self.num_heads
        angles = ops.cast(ops.arange(total), "float32")[:, None] * speeds(size).astype("float32")
        return ops.cos(angles), ops.sin(angles)

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        sizes = {"hidden_dim": self.hidden_dim, "num_heads": self.num_heads, "context": self.context}
        return {**super().get_config(), **sizes}


def _rotate(x: Any, cos: Any, sin: Any) -> Any:
    first, second = ops.split(x, 2, axis=-1)
    return ops.concatenate([first * cos - second * sin, first * sin + second * cos], axis=-1)


@keras.saving.register_keras_serializable(package="gate_by_gate")
class TransformerBlock(keras.layers.Layer):
    """One block: attention, then a network of one hidden layer at each position, each added to what came in.

    It is called like a recurrent layer of Keras that returns its states, so that `companion.models.with_states` works
    with both: ``block(x, initial_state=states)`` to ``(x, *states)``. The states are the keys and values of the last
    ``context - 1`` positions and how many of them are filled; by default nothing was read before.

    Parameters
    ----------
    hidden_dim, num_heads, context
        As in `CausalSelfAttention`.
    dropout
        Share of what attention and network add that is set to 0 in training.
    """

    def __init__(self, hidden_dim: int, num_heads: int, context: int, dropout: float = 0.0, **settings: Any) -> None:
        super().__init__(**settings)
        self.hidden_dim, self.num_heads, self.context, self.dropout = hidden_dim, num_heads, context, dropout
        self.norm_1 = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm_1")
        self.attention = CausalSelfAttention(hidden_dim, num_heads, context, name="attention")
        self.norm_2 = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm_2")
        self.up = keras.layers.Dense(4 * hidden_dim, activation="relu", name="up")
        self.down = keras.layers.Dense(hidden_dim, name="down")
        self.drop = SharedDropout(dropout)

    def build(self, input_shape: Any) -> None:
        """Make the parts."""
        for part in (self.norm_1, self.attention, self.norm_2, self.up, self.drop):
            part.build(input_shape)
        self.down.build((*input_shape[:-1], 4 * self.hidden_dim))

    @property
    def state_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of keys, values and their number, without the batch."""
        return [(self.context - 1, self.hidden_dim), (self.context - 1, self.hidden_dim), (1,)]

    def call(self, x: Any, initial_state: Any = None, training: bool = False) -> tuple[Any, ...]:
        """``(batch, T, hidden_dim)`` to the same shape, and the states after it."""
        keys, values, filled = self.empty(x) if initial_state is None else initial_state
        mixed, keys, values, _ = self.attention(self.norm_1(x), keys, values, filled)
        x = x + self.drop(mixed, training=training)
        x = x + self.drop(self.down(self.up(self.norm_2(x))), training=training)
        past, read = self.context - 1, ops.shape(x)[1]
        filled = ops.minimum(filled + ops.cast(read, "float32"), float(past))
        return x, keys[:, read:], values[:, read:], filled

    def compute_output_shape(self, x_shape: Any, initial_state_shape: Any = None) -> tuple[Any, ...]:
        """The shapes of what `call` returns; without them Keras would trace it, a third of a second for each block."""
        return (x_shape, *((x_shape[0], *shape) for shape in self.state_shapes))

    def looks(self, x: Any) -> Any:
        """The attention weights, ``(batch, num_heads, T, T)``, when nothing was read before."""
        return self.attention(self.norm_1(x), *self.empty(x))[3][..., self.context - 1 :]

    def empty(self, x: Any) -> list[Any]:
        """The states before anything was read: zeros, and no position filled."""
        return [ops.zeros((ops.shape(x)[0], *shape)) for shape in self.state_shapes]

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        sizes = {"hidden_dim": self.hidden_dim, "num_heads": self.num_heads, "context": self.context}
        return {**super().get_config(), **sizes, "dropout": self.dropout}


def check_heads(hidden_dim: int, num_heads: int, context: int) -> None:
    """Raise a `UserError` if a size is below 1, the heads can't share ``hidden_dim``, or there is no context."""
    check_sizes(hidden_dim=hidden_dim, num_heads=num_heads, context=context)
    if hidden_dim % num_heads or (hidden_dim // num_heads) % 2:
        raise UserError(
            f"hidden_dim is {hidden_dim}, which {num_heads} heads can't share: each needs an even number. "
            f"Make it a multiple of {2 * num_heads}."
        )
    if context < 2:
        raise UserError(f"context is {context}; it should be at least 2: a position and the one before it.")


def self_attention(model: "keras.Model", ids: np.ndarray) -> list[np.ndarray]:
    """Where each head of each block looks while a text is read: an array ``(num_heads, time, time)`` for each block.

    Parameters
    ----------
    model
        A `companion.models.transformer_model`.
    ids
        The text ``(time,)``.

    Raises
    ------
    UserError
        The model has no blocks, it doesn't know the ids, or the text is longer than the context (the weights
        wouldn't be square).
    """
    blocks = [layer for layer in model.layers if isinstance(layer, TransformerBlock)]
    if not blocks:
        raise UserError("This model has no Transformer blocks, so there are no attention weights to show.")
    ids = np.asarray(ids)
    if ids.ndim != 1 or not ids.size or ids.dtype.kind not in "iu":
        raise UserError("The text should be one row of ids, whole numbers; the tokenizer's encode gives them.")
    if not 0 <= ids.min() <= ids.max() < model.output_shape[-1]:
        raise UserError(f"The model knows ids 0 to {model.output_shape[-1] - 1}, but the text has others.")
    if len(ids) > blocks[0].context:
        raise UserError(f"The text has {len(ids)} tokens, but the context is {blocks[0].context}; show fewer.")
    x, found = ops.convert_to_tensor(ids.astype(np.int32)[None]), []
    for layer in model.layers[1:]:
        if isinstance(layer, TransformerBlock):
            found.append(layer.looks(x).numpy()[0])
            x, *_ = layer(x)
        else:
            x = layer(x)
    return found
