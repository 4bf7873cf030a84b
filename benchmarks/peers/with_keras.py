"""Keras without the book: a plain network, compiled and fitted as its guides do."""

import math
import time
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from peers.serving import Run, serve


class EpochClock(keras.callbacks.Callback):
    """The seconds of the last epoch, without what `fit` does before it."""

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start."""
        self.begin = time.perf_counter()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Stop."""
        self.seconds = time.perf_counter() - self.begin


def training(sizes: dict[str, int], batch: int, window: int, seconds: float) -> Run:
    """`keras.Model.fit` on a network of the same shape, an epoch of about ``seconds`` a round."""
    keras.utils.set_random_seed(0)
    vocab = sizes["vocab_size"]
    net = keras.Sequential(
        [
            keras.layers.Embedding(vocab, sizes["embedding_dim"]),
            keras.layers.LSTM(sizes["units"], return_sequences=True),
            keras.layers.Dense(vocab),
        ]
    )
    net.compile(
        keras.optimizers.Adam(1e-3, global_clipnorm=1.0),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    clock = EpochClock()

    def epoch(steps: int) -> float:
        ids = np.random.default_rng(0).integers(vocab, size=(steps, batch, window + 1), dtype=np.int32)
        data = tf.data.Dataset.from_tensor_slices((ids[..., :-1], ids[..., 1:])).prefetch(2)
        net.fit(data, verbose=0, callbacks=[clock])
        return clock.seconds

    epoch(1)
    steps = max(2, math.ceil(2 * seconds / epoch(2)))
    return lambda seconds: {"amount": steps * batch * window, "seconds": epoch(steps)}


def main() -> None:
    """Serve."""
    serve({"training": training}, ("keras", "tensorflow"))
