"""Copying: a decoder that can point at a word of its source and write it, even one it has no id for.

The pointer-generator network of See, Liu & Manning 2017, section 2.2. There are two ways to write a token: choose it
from the vocabulary, or copy it from where attention rests. A learnt gate g divides the probability between them:

    P(token) = sigmoid(g) * P_vocabulary(token) + (1 - sigmoid(g)) * (sum of the weights where the source has it)

A source's words outside the vocabulary have ids above it (`companion.tokenizers.Vocabulary.encode_source`), so the sum
gives them a probability too. Chapter: *summarisation*. Importing this module imports Keras.
"""

from typing import Any

from companion.seeding import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

LEAST = 1e-30


@keras.saving.register_keras_serializable(package="gate_by_gate")
class Copy(keras.layers.Layer):
    """Log-probabilities of each token, written or copied, over the vocabulary and the batch's extended ids.

    Called with logits ``(batch, T, vocab)``, gate ``(batch, T, 1)``, attention weights ``(batch, T, S)`` and source
    ids ``(batch, S)``; returns ``(batch, T, max(vocab, highest source id + 1))``.
    """

    def call(self, logits: Any, gate: Any, weights: Any, source: Any) -> Any:
        """Add up both ways, in logarithms."""
        vocab = tf.shape(logits)[-1]
        size = tf.maximum(vocab, tf.reduce_max(source) + 1)
        written = tf.nn.log_softmax(logits) + tf.math.log_sigmoid(gate)
        never = tf.math.log(LEAST)
        written = tf.pad(written, [[0, 0], [0, 0], [0, size - vocab]], constant_values=never)

        batch, length = tf.shape(source)[0], tf.shape(source)[1]
        rows = tf.broadcast_to(tf.range(batch)[:, None], [batch, length])
        by_place = tf.transpose(weights, [0, 2, 1])  # (batch, S, T)
        by_token = tf.scatter_nd(tf.stack([rows, source], -1), by_place, [batch, size, tf.shape(weights)[1]])
        copied = tf.math.log(tf.transpose(by_token, [0, 2, 1]) + LEAST) + tf.math.log_sigmoid(-gate)
        return keras.ops.logaddexp(written, copied)

    def compute_output_shape(self, logits_shape: Any, *_: Any) -> Any:
        """The last axis depends on the batch."""
        return (*logits_shape[:2], None)
