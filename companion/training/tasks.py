"""What is learnt: a text to predict, or pairs. A task knows its batches, what one costs, and how to validate.

The loop (`companion.training.Trainer`) uses only the methods and attributes that `TextTask` and `PairsTask` share.
"""

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.errors import UserError
from companion.evaluation import check_ids, check_pairs, evaluate, evaluate_pairs, vocab_size_of
from companion.models import with_states, zero_states
from companion.training.batches import dataset, plan
from companion.training.settings import TrainingConfig
from companion.training.team import Alone

if TYPE_CHECKING:
    import keras

    from companion.tokenizers import Pairs


class TextTask:
    """A text to learn to predict.

    Parameters
    ----------
    model
        A `companion.models.language_model` or `transformer_model`.
    train_ids, validation_ids
        Token ids ``(tokens,)``.
    config
        How the text is cut into batches.
    team
        The workers that share the batches; by default this process alone.

    Attributes
    ----------
    steps_per_epoch
        Batches in each epoch.
    outcomes
        How many answers a prediction chooses from: the vocabulary's size.
    signature
        What `loss` takes, for ``tf.function``; None if all batches have one shape.

    Raises
    ------
    UserError
        The model isn't one of these or doesn't know an id, or the text is too short.
    """

    signature: list[Any] | None = None

    def __init__(
        self,
        model: "keras.Model",
        train_ids: np.ndarray,
        validation_ids: np.ndarray,
        config: TrainingConfig,
        team: Alone | None = None,
    ) -> None:
        self.outcomes = vocab_size_of(model)
        if len(model.output_shape) != 3:
            raise UserError(
                f"This model gives one answer for a whole window, {model.output_shape}; expected one that gives logits "
                "for every token, (batch, time, vocab_size), such as companion.models.language_model."
            )
        self.model, self.config = model, config
        self.ids = check_ids(train_ids, self.outcomes, "training ids")
        self.validation_ids = check_ids(validation_ids, self.outcomes, "validation ids")
        self.rows = (team or Alone()).rows(config.batch_size)
        self.steps_per_epoch = [plan(len(self.ids), config, epoch)[1] for epoch in range(config.epochs)]
        self.twin = with_states(model)

    def batches(self, epoch: int, done: int = 0) -> Iterable[Any]:
        """The batches of an epoch except for the first ``done``: inputs and targets, ``(rows, window)`` each."""
        return dataset(self.ids, self.config, epoch, self.rows).skip(done)

    def fresh_states(self) -> list[Any]:
        """The states at the start of an epoch: zeros, ``(rows, units)`` each for an LSTM."""
        return zero_states(self.model, self.rows.stop - self.rows.start)

    def carried(self, states: list[Any], step: int) -> list[Any]:
        """The states before a step: zero for the streams that start afresh, else those carried from the step before."""
        if not self.config.fresh_starts:
            return states
        drawn = np.random.default_rng([self.config.seed, step]).random(self.config.batch_size)[self.rows]
        kept = (drawn >= self.config.fresh_starts).astype(np.float32)
        return [state * kept.reshape(-1, *[1] * (len(state.shape) - 1)) for state in states]

    def loss(self, batch: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Mean nats per token, and the states after the batch."""
        import tensorflow as tf

        x, y = batch
        logits, *states = self.twin([x, *states], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.cast(logits, tf.float32))
        return tf.reduce_mean(losses), states

    def validate(self) -> float:
        """Nats per token of the validation text."""
        return evaluate(self.model, self.validation_ids).nats_per_token

    def tokens(self, step: int) -> int:
        """How many tokens the first ``step`` steps have read."""
        return step * self.config.batch_size * self.config.window

    def digests(self) -> list[str]:
        """A hash of the training text, and one of the validation text."""
        return [hashlib.sha256(ids.astype(np.int32).tobytes()).hexdigest() for ids in (self.ids, self.validation_ids)]


class PairsTask:
    """Pairs of a source and the target to turn it into. It has the methods of `TextTask`, but no states.

    Parameters
    ----------
    model
        A `companion.models.encoder_decoder`.
    train_pairs, validation_pairs
        At least one of each.
    config
        How they are put into batches.

    Raises
    ------
    UserError
        The model isn't one of these or doesn't know an id, or there are no pairs.
    """

    def __init__(
        self, model: "keras.Model", train_pairs: "Pairs", validation_pairs: "Pairs", config: TrainingConfig
    ) -> None:
        import tensorflow as tf

        check_pairs(model, train_pairs, "pairs to train on")
        check_pairs(model, validation_pairs, "pairs to validate with")
        self.model, self.pairs, self.validation_pairs, self.config = model, train_pairs, validation_pairs, config
        self.outcomes = int(model.get_layer("logits").units)
        self.plans = [train_pairs.plan(config.batch_size, [config.seed, epoch]) for epoch in range(config.epochs)]
        self.steps_per_epoch = [len(plan) for plan in self.plans]
        sizes = [sum(len(train_pairs.targets[i]) + 1 for i in batch) for plan in self.plans for batch in plan]
        self.read_by = np.cumsum([0, *sizes])
        ids = tf.TensorSpec((None, None), tf.int32)
        self.signature: list[Any] | None = [(ids, ids, ids), []]  # one graph for all lengths

    def batches(self, epoch: int, done: int = 0) -> Iterable[Any]:
        """The batches of an epoch except for the first ``done``: source, decoder input and target, padded."""
        return (self.pairs.batch(indices) for indices in self.plans[epoch][done:])

    def fresh_states(self) -> list[Any]:
        """No states: each pair is read from the start."""
        return []

    def carried(self, states: list[Any], step: int) -> list[Any]:
        """No states."""
        return states

    def loss(self, batch: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Mean nats per target token, padding not counted, and no states."""
        import tensorflow as tf

        source, written, target = batch
        logits = self.model([source, written], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, tf.cast(logits, tf.float32))
        counted = tf.cast(target != 0, tf.float32)  # 0 is padding
        return tf.reduce_sum(losses * counted) / tf.reduce_sum(counted), states

    def validate(self) -> float:
        """Nats per target token of the validation pairs."""
        return evaluate_pairs(self.model, self.validation_pairs).nats_per_token

    def tokens(self, step: int) -> int:
        """How many target tokens the first ``step`` steps have read."""
        return int(self.read_by[step])

    def digests(self) -> list[str]:
        """A hash of the training pairs, and one of the validation pairs."""
        return [self.pairs.digest(), self.validation_pairs.digest()]
