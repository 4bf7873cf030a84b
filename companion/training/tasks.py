"""What is learnt: a text to predict, or pairs. A task knows its batches, what one costs, and how to validate."""

import hashlib
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.training.batches import dataset, windows
from companion.training.settings import TrainingConfig
from companion.training.team import Alone


class TextTask:
    """A text to learn to predict: its batches, what one costs, how the model is validated."""

    signature = None  # all batches have one shape

    def __init__(
        self, model: Any, train_ids: np.ndarray, validation_ids: np.ndarray, config: TrainingConfig, team: Alone
    ) -> None:
        from companion.models import with_states

        self.model, self.ids, self.validation_ids, self.config = model, np.asarray(train_ids), validation_ids, config
        self.rows = team.rows(config.batch_size)
        self.steps_per_epoch = [len(windows(self.ids, config, epoch)[0]) for epoch in range(config.epochs)]
        self.twin = with_states(model)

    def batches(self, epoch: int, done: int) -> Any:
        """The batches of an epoch but the first ``done``."""
        return dataset(self.ids, self.config, epoch, self.rows).skip(done)

    def fresh_states(self) -> list[Any]:
        """What is carried from batch to batch, at the start of an epoch."""
        from companion.models import zero_states

        return zero_states(self.model, self.rows.stop - self.rows.start)

    def loss(self, batch: Any, states: list[Any]) -> Any:
        """Mean nats per token, and the states after the batch."""
        import tensorflow as tf

        x, y = batch
        logits, *states = self.twin([x, *states], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.cast(logits, tf.float32))
        return tf.reduce_mean(losses), states

    def validate(self) -> float:
        """Nats per token of the validation text."""
        from companion.evaluation import evaluate

        return evaluate(self.model, self.validation_ids).nats_per_token

    def tokens(self, step: int) -> int:
        """How many tokens that many steps have read."""
        return step * self.config.batch_size * self.config.window

    def digests(self) -> list[str]:
        """A hash of the training text, and one of the validation text."""
        texts = (self.ids, np.asarray(self.validation_ids))
        return [hashlib.sha256(ids.astype(np.int32).tobytes()).hexdigest() for ids in texts]


class PairsTask:
    """Pairs to learn to turn the first into the second; the same methods as `TextTask`, and no states to carry."""

    def __init__(self, model: Any, train_pairs: Any, validation_pairs: Any, config: TrainingConfig) -> None:
        import tensorflow as tf

        from companion.evaluation import pair_losses

        if not len(train_pairs) or not len(validation_pairs):
            raise UserError("There are no pairs to train on, or none to validate with; give at least one of each.")
        self.model, self.pairs, self.validation_pairs, self.config = model, train_pairs, validation_pairs, config
        self.plans = [train_pairs.plan(config.batch_size, [config.seed, epoch]) for epoch in range(config.epochs)]
        self.steps_per_epoch = [len(plan) for plan in self.plans]
        sizes = [sum(len(train_pairs.targets[i]) + 1 for i in batch) for plan in self.plans for batch in plan]
        self.read_by = np.cumsum([0, *sizes])
        ids = tf.TensorSpec((None, None), tf.int32)
        self.signature = [(ids, ids, ids), []]  # one graph for all lengths
        self.losses = pair_losses(model)

    def batches(self, epoch: int, done: int) -> Any:
        return (self.pairs.batch(indices) for indices in self.plans[epoch][done:])

    def fresh_states(self) -> list[Any]:
        return []

    def loss(self, batch: Any, states: list[Any]) -> Any:
        import tensorflow as tf

        source, written, target = batch
        logits = self.model([source, written], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, tf.cast(logits, tf.float32))
        counted = tf.cast(target != 0, tf.float32)  # 0 is padding
        return tf.reduce_sum(losses * counted) / tf.reduce_sum(counted), states

    def validate(self) -> float:
        from companion.evaluation import evaluate_pairs

        return evaluate_pairs(self.model, self.validation_pairs, losses=self.losses).nats_per_token

    def tokens(self, step: int) -> int:
        return int(self.read_by[step])

    def digests(self) -> list[str]:
        return [self.pairs.digest(), self.validation_pairs.digest()]
