"""Attention: at each step of writing, look back at all that was read, and take what is needed.

A *query* (the writer's state) is scored against every *key* (what was read at one place). A softmax over the places
turns the scores into weights that add up to 1, and the *context* is the average of the values under these weights.
Keys and values are the same vectors here, the encoder's outputs. Two ways to score, as layers:

- `AdditiveAttention`, a small network (Bahdanau, Cho & Bengio 2015, appendix A.1.2);
- `MultiplicativeAttention`, a product through a matrix (Luong, Pham & Manning 2015, section 3.1, "general").

Chapter: *translation*. This module defines Keras layers, so importing it imports Keras.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.cells import LOW, SMALL
from companion.errors import UserError, check_sizes
from companion.seeding import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

# From queries ``(batch, units)`` and the text whose keys each reads, ``(batch,)``, to scores ``(batch, S)``.
Scorer = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Attention(keras.layers.Layer):
    """What all kinds share: from ``(query, keys, present)`` to ``(context, weights)``, with shapes as in `attend`.

    ``present`` is the mask. (Keras would treat an argument called ``mask`` as its own.)

    Parameters
    ----------
    units
        Width of the queries and of the keys.
    """

    def __init__(self, units: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.units = units

    def scores(self, query: Any, keys: Any) -> Any:
        """How well each place answers each query, ``(batch, T, S)``."""
        raise NotImplementedError

    def numpy_scorer(self, keys: np.ndarray) -> Scorer:
        """The scores in NumPy, one query per text, for the steps of `companion.generation`.

        Parameters
        ----------
        keys
            The keys of some texts, ``(texts, S, units)``. What depends on them alone is computed here, once.

        Returns
        -------
        function of (queries, rows)
            Queries ``(batch, units)`` and the text whose keys each of them reads, ``(batch,)``, to scores
            ``(batch, S)``.
        """
        raise NotImplementedError

    def call(self, query: Any, keys: Any, present: Any) -> tuple[Any, Any]:
        """Average the keys under the softmax of their scores."""
        kept = present[:, None, :]
        scores = keras.ops.where(kept, self.scores(query, keys), LOW)
        weights = keras.ops.exp(scores - keras.ops.max(scores, axis=-1, keepdims=True))
        weights = weights * keras.ops.cast(kept, scores.dtype)
        weights = weights / keras.ops.maximum(keras.ops.sum(weights, axis=-1, keepdims=True), SMALL)
        return keras.ops.matmul(weights, keys), weights

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "units": self.units}

    def _matrix(self, name: str, *shape: int) -> Any:
        return self.add_weight(name=name, shape=shape, initializer="glorot_uniform")


@keras.saving.register_keras_serializable(package="gate_by_gate")
class AdditiveAttention(Attention):
    """score(q, k) = v · tanh(W_q q + W_k k): a network of one hidden layer asks whether q and k go together."""

    def build(self, query_shape: Any, keys_shape: Any, present_shape: Any) -> None:
        """Make the two projections and the vector that reads them."""
        self.W_q = self._matrix("W_q", self.units, self.units)
        self.W_k = self._matrix("W_k", self.units, self.units)
        self.v = self._matrix("v", self.units, 1)

    def scores(self, query: Any, keys: Any) -> Any:
        """One sum for each pair of query and key."""
        asked = keras.ops.matmul(query, self.W_q)[:, :, None, :]
        offered = keras.ops.matmul(keys, self.W_k)[:, None, :, :]
        return keras.ops.matmul(keras.ops.tanh(asked + offered), self.v)[..., 0]

    def numpy_scorer(self, keys: np.ndarray) -> Scorer:
        """The keys are projected once."""
        W_q, W_k, v = (np.asarray(weight, dtype=np.float32) for weight in (self.W_q, self.W_k, self.v))
        offered = keys @ W_k
        return lambda q, rows: (np.tanh((q @ W_q)[:, None, :] + offered[rows]) @ v)[..., 0]


@keras.saving.register_keras_serializable(package="gate_by_gate")
class MultiplicativeAttention(Attention):
    """score(q, k) = q · W k: the key, turned by W, points where the query points."""

    def build(self, query_shape: Any, keys_shape: Any, present_shape: Any) -> None:
        """Make the matrix between query and key."""
        self.W = self._matrix("W", self.units, self.units)

    def scores(self, query: Any, keys: Any) -> Any:
        """One product for each pair of query and key."""
        return keras.ops.matmul(keras.ops.matmul(query, self.W), keras.ops.swapaxes(keys, 1, 2))

    def numpy_scorer(self, keys: np.ndarray) -> Scorer:
        """The keys are turned once."""
        turned = keys @ np.asarray(self.W, dtype=np.float32).T
        return lambda q, rows: (turned[rows] @ q[:, :, None])[..., 0]


@keras.saving.register_keras_serializable(package="gate_by_gate")
class UniformAttention(Attention):
    """All scores are 0 and the context is the plain average: a baseline that shows what choosing is worth."""

    def scores(self, query: Any, keys: Any) -> Any:
        """Zeros."""
        return keras.ops.zeros_like(keras.ops.matmul(query, keras.ops.swapaxes(keys, 1, 2)))

    def numpy_scorer(self, keys: np.ndarray) -> Scorer:
        """Zeros too."""
        return lambda q, rows: np.zeros((len(q), keys.shape[1]), np.float32)


KINDS = {"additive": AdditiveAttention, "multiplicative": MultiplicativeAttention, "uniform": UniformAttention}


def attention_layer(kind: str, units: int) -> Attention:
    """The layer of that kind.

    Raises
    ------
    UserError
        There is no such kind.
    """
    check_sizes(units=units)
    if not isinstance(kind, str) or kind not in KINDS:
        raise UserError(f"There is no attention {kind!r}; there are {', '.join(KINDS)}.")
    return KINDS[kind](units, name="attention")
