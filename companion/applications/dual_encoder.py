"""A dual encoder: messages and replies as vectors, near each other if they belong together.

Chapter: *text-generation*.
"""

import unicodedata
from collections.abc import Container, Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.corpora.conversations import Exchange, spoken
from companion.errors import UserError, check_sizes
from companion.seeding import set_seed

if TYPE_CHECKING:
    import tensorflow as tf


class DualEncoder:
    """Two texts, two vectors, one number: how well a reply goes with a message [1]_.

    A text's vector is the mean of its words' vectors, which messages and replies share; a message's is multiplied by
    a matrix, because the answer to a word isn't the word itself. The score is the cosine of the two. Training takes
    pairs a batch at a time: each message should give its own reply the highest score of all replies in the batch.

    Parameters
    ----------
    pairs
        Messages and replies to learn from.
    dim
        Width of the vectors.
    passes, batch_size, learning_rate
        How to train, with Adam.
    dropout
        Share of the words left out in training, so that no single word decides.
    seed
        Of the initial values, the order and the dropout.

    Raises
    ------
    UserError
        There are no pairs, or a setting is out of its range.

    References
    ----------
    .. [1] Henderson et al. 2017, *Efficient Natural Language Response Suggestion for Smart Reply*, sections 3 and 4.
    """

    def __init__(
        self,
        pairs: Sequence[Exchange],
        dim: int = 64,
        passes: int = 40,
        batch_size: int = 100,
        learning_rate: float = 3e-3,
        dropout: float = 0.5,
        seed: int = 0,
    ) -> None:
        check_sizes(dim=dim, passes=passes, batch_size=batch_size)
        if not 0 <= dropout < 1:
            raise UserError(f"dropout is {dropout}; it should be at least 0 and below 1.")
        self._place = {word: i for i, word in enumerate(sorted(known_words(pairs)))}
        if not self._place:
            raise UserError("There are no pairs to learn from, or no words in them; give at least one pair with words.")
        set_seed(seed)
        import keras
        import tensorflow as tf

        asked, said = (self._bags([pair[side] for pair in pairs]) for side in (0, 1))
        same = np.unique([pair.message for pair in pairs], return_inverse=True)[1]
        vectors = tf.Variable(keras.initializers.GlorotUniform(seed)((len(self._place), dim)))
        turn, sharpness = tf.Variable(tf.eye(dim)), tf.Variable(10.0)
        variables = [vectors, turn, sharpness]
        optimizer = keras.optimizers.Adam(learning_rate)
        optimizer.build(variables)

        @tf.function(reduce_retracing=True)
        def update(messages: "tf.Tensor", replies: "tf.Tensor", same: "tf.Tensor") -> None:
            with tf.GradientTape() as tape:
                left, right = tf.nn.dropout(messages, dropout), tf.nn.dropout(replies, dropout)
                cosines = _cosines(left @ vectors @ turn, right @ vectors)
                # Another reply to the same message isn't wrong.
                size = tf.shape(same)[0]
                others = (same[:, None] == same[None]) & ~tf.eye(size, dtype=tf.bool)
                scores = tf.where(others, -1e9, sharpness * cosines)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(size), scores)
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

        rng = np.random.default_rng(seed)
        for _ in range(passes):
            order = rng.permutation(len(pairs))
            for start in range(0, max(1, len(pairs) - batch_size + 1), batch_size):
                batch = order[start : start + batch_size]
                update(asked[batch], said[batch], same[batch])
        self.word_vectors, self.turn = vectors.numpy(), turn.numpy()

    def __contains__(self, word: object) -> bool:
        """Whether a word was in the training pairs."""
        return word in self._place

    def _bags(self, texts: Sequence[str]) -> np.ndarray:
        """Each text's known words as a row of 0s and 1s, ``(texts, vocabulary)``."""
        bags = np.zeros((len(texts), len(self._place)), np.float32)
        for bag, text in zip(bags, texts, strict=True):
            bag[[self._place[word] for word in spoken(text) if word in self._place]] = 1
        return bags

    def scores(self, messages: Sequence[str], replies: Sequence[str]) -> np.ndarray:
        """Cosines ``(messages, replies)``; 0 for a text without known words."""
        left = self._bags(messages) @ self.word_vectors @ self.turn
        right = self._bags(replies) @ self.word_vectors
        lengths = [np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9) for side in (left, right)]
        return np.asarray((left / lengths[0]) @ (right / lengths[1]).T)


def _cosines(left: "tf.Tensor", right: "tf.Tensor") -> "tf.Tensor":
    import tensorflow as tf

    return tf.math.l2_normalize(left, axis=1) @ tf.transpose(tf.math.l2_normalize(right, axis=1))


def known_words(pairs: Sequence[Exchange]) -> set[str]:
    """The words of messages and replies, as `companion.corpora.conversations.spoken` finds them."""
    return {word for pair in pairs for text in pair for word in spoken(text)}


def unknown_words(message: str, known: Container[str]) -> list[str]:
    """The words of a message that were never seen.

    Parameters
    ----------
    message
        Any text.
    known
        `known_words`, or a `DualEncoder` that has learnt from them.

    Raises
    ------
    UserError
        The message has no words, is written in another script, or more than half of its words are unknown.
    """
    asked = list(dict.fromkeys(spoken(message)))
    if not asked:
        raise UserError('The message has no words; give one in English, for example "Are you a robot?".')
    letters = [c for c in message if c.isalpha()]
    if sum("LATIN" in unicodedata.name(c, "") for c in letters) < len(letters) / 2:
        raise UserError("The message isn't in Latin letters, but only English was learnt; write it in English.")
    unknown = [word for word in asked if word not in known]
    if 2 * len(unknown) > len(asked):
        raise UserError(
            f"Most words of this message were never seen in training ({', '.join(word[:40] for word in unknown[:5])}"
            f"{', ...' if len(unknown) > 5 else ''}); is it English? Use everyday words."
        )
    return unknown


def suggest(message: str, encoder: DualEncoder, replies: Sequence[str], k: int = 3) -> list[tuple[str, float]]:
    """The ``k`` replies that go best with a message, and their scores: cosines, the highest first.

    Raises
    ------
    UserError
        ``k`` isn't a whole number of at least 1, or there are no replies to choose from.
    """
    check_sizes(k=k)
    if not replies:
        raise UserError("There are no replies to choose from; give at least one.")
    scores = encoder.scores([message], replies)[0]
    return [(replies[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:k]]
