"""ln p(continuation | prompt): what a model gives for one text after another."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.tokenizers import padded

Array = np.ndarray


def word_log_probabilities(model: Any, tokenizer: Any, contexts: Sequence[str], words: Sequence[str]) -> Array:
    """ln p(word | context) of all combinations, ``(contexts, words)`` in nats, each context read from a zero state.

    With a character tokenizer a word is counted whole: the probability that its characters come and then no further
    letter, so that "lord" does not count where the model means "lordship".

    Parameters
    ----------
    model, tokenizer
        A `companion.models.language_model` or `transformer_model`, and what turns text into its ids.
    contexts
        Texts of at least one token. A character model's context ends with the space before the word.
    words
        One or several words each; for a word tokenizer, with the space before it.

    Raises
    ------
    UserError
        A context or word is empty, or has a part that the tokenizer does not know.
    """
    before = [_known(tokenizer, context, "context") for context in contexts]
    after = [_known(tokenizer, word, "word") for word in words]
    if not before or not after:
        raise UserError("There is nothing to measure: give at least one context and one word.")
    letters = np.array([len(t) == 1 and t.isalpha() for t in tokenizer.tokens]) if _by_character(tokenizer) else None
    start, follow = _readers(model)
    lengths = np.array([len(ids) for ids in after])
    following = padded(after)
    table = np.empty((len(before), len(after)))
    for length in sorted({len(ids) for ids in before}):
        for places in _parts([i for i, ids in enumerate(before) if len(ids) == length], len(after)):
            first, states = start(np.array([before[i] for i in places], np.int32))
            log_p = follow(first, states, following).numpy().reshape(len(places), len(after), -1, first.shape[-1])
            own = np.take_along_axis(log_p[:, :, :-1], following[None, :, :, None], axis=-1)[..., 0]
            total = (own * (np.arange(following.shape[1]) < lengths[:, None])).sum(axis=-1)
            if letters is not None:
                end = log_p[:, np.arange(len(after)), lengths]
                total = total + np.log(np.exp(end[..., ~letters]).sum(axis=-1))
            table[places] = total
    return table


def _known(tokenizer: Any, text: str, what: str) -> Array:
    ids = tokenizer.encode(text)
    if not len(ids):
        raise UserError(f"A {what} is empty; each needs at least one character.")
    if tokenizer.unknown_id is not None and (ids == tokenizer.unknown_id).any():
        raise UserError(f"The model's tokenizer doesn't know all of the {what} {text!r}; use what its text has.")
    ids_array: Array = ids
    return ids_array


def _by_character(tokenizer: Any) -> bool:
    return getattr(tokenizer, "kind", "") == "char"


def _parts(places: list[int], words: int, rows: int = 4096) -> list[list[int]]:
    size = max(1, rows // words)
    return [places[i : i + size] for i in range(0, len(places), size)]


def _readers(model: Any) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """``start`` reads contexts of one length; ``follow`` goes on with every word, giving ln p before and after each."""
    import tensorflow as tf

    from companion.models import with_states, zero_states

    twin = with_states(model)
    states = [tf.TensorSpec((None, *state.shape[1:])) for state in zero_states(model, 1)]
    ids_type = tf.TensorSpec((None, None), tf.int32)

    @tf.function(input_signature=[ids_type])
    def start(ids: Any) -> Any:
        rows = tf.shape(ids)[0]
        logits, *after = twin([ids, *(tf.zeros((rows, *spec.shape[1:])) for spec in states)], training=False)
        return tf.nn.log_softmax(logits[:, -1]), after

    @tf.function(
        input_signature=[tf.TensorSpec((None, model.output_shape[-1])), states, tf.TensorSpec((None, None), tf.int32)]
    )
    def follow(first: Any, carried: Any, words: Any) -> Any:
        many, contexts = tf.shape(words)[0], tf.shape(first)[0]
        repeated = [tf.repeat(state, many, axis=0) for state in carried]
        logits, *_ = twin([tf.tile(words, (contexts, 1)), *repeated], training=False)
        return tf.concat([tf.repeat(first, many, axis=0)[:, None], tf.nn.log_softmax(logits)], axis=1)

    return start, follow
