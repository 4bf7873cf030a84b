"""Dropout that several workers can share.

This module defines a Keras layer, so importing it imports Keras.
"""

from typing import Any

from companion.seeding import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402
from keras import ops  # noqa: E402


@keras.saving.register_keras_serializable(package="gate_by_gate")
class SharedDropout(keras.layers.Dropout):
    """Keras's `Dropout`, except that its inputs may be one worker's share of a batch.

    Each of several workers draws the mask of the whole batch and keeps its own rows, so together they drop what one
    worker alone would drop. Without this, workers with the same seed would drop the same units of their different
    streams. With one worker the layer does what Keras's does, with the same random numbers.

    Attributes
    ----------
    workers, worker
        How many workers share a batch, and which of them this is; `companion.training.share_dropout` sets them.
        They belong to a training run, not to the model, so they aren't saved with it.
    """

    workers, worker = 1, 0

    def call(self, inputs: Any, training: bool = False) -> Any:
        """``(rows, ...)`` to the same shape: this worker's rows of the batch."""
        if self.workers == 1 or not training or not self.rate:
            return super().call(inputs, training=training)
        rows, *rest = ops.shape(inputs)
        ones = ops.ones((rows * self.workers, *rest), dtype=inputs.dtype)
        mask = keras.random.dropout(ones, self.rate, noise_shape=self.noise_shape, seed=self.seed_generator)
        return inputs * mask[rows * self.worker : rows * (self.worker + 1)]
