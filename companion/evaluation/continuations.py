"""ln p(continuation | prompt): how probable one text is after another."""

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.errors import UserError
from companion.evaluation.losses import LOGITS
from companion.tokenizers import Tokenizer, padded

if TYPE_CHECKING:
    import keras

Array = np.ndarray


def log_likelihoods(
    model: "keras.Model",
    tokenizer: Tokenizer,
    prompts: Sequence[str],
    continuations: Sequence[str],
    *,
    whole_words: bool = False,
    strict: bool = True,
) -> Array:
    """ln p(continuation | prompt) in nats for each prompt with each continuation, ``(prompts, continuations)``.

    It is the sum of the log-probabilities of the continuation's tokens, each given the prompt and the tokens before
    it. Prompt and continuation are tokenized separately, and nothing is read before the prompt. Chapters: *bias*
    and *text-generation*.

    Parameters
    ----------
    model, tokenizer
        A `companion.models.language_model` or `transformer_model`, and the tokenizer it was trained with.
    prompts, continuations
        Texts of at least one token each. The space between them ends the prompt if tokens are characters, and begins
        the continuation if they are words or pieces.
    whole_words
        Require the continuation's last word to end there, so that "lord" isn't credited with "lordship": include the
        probability that the next token doesn't begin with a letter. A word tokenizer's tokens are whole anyway.
    strict
        Refuse texts with parts that the tokenizer doesn't know. Otherwise these count as its unknown token.

    Raises
    ------
    UserError
        There are no prompts or continuations, one is empty or, if ``strict``, has a part that the tokenizer doesn't
        know, or the model and the tokenizer have different numbers of tokens.
    """
    before = _encoded(tokenizer, prompts, "prompt", strict)
    after = _encoded(tokenizer, continuations, "continuation", strict)
    vocab_size = int(model.output_shape[-1])
    if tokenizer.vocab_size != vocab_size:
        raise UserError(
            f"The tokenizer has {tokenizer.vocab_size} tokens and the model {vocab_size}; "
            "use the tokenizer that the model was trained with."
        )
    distinct = list(
        {ids.tobytes(): ids for ids in after}.values()
    )  # texts with the same tokens get exactly the same number
    column = {ids.tobytes(): n for n, ids in enumerate(distinct)}
    table = np.empty((len(before), len(distinct)))
    start, follow = _readers(model, _ends_word(tokenizer) if whole_words else None)
    at_once = max(1, LOGITS // vocab_size)  # tokens
    for rows in _groups(before, at_once):
        logits, states = start(np.array([before[i] for i in rows], np.int32))
        for columns in _batches(distinct, at_once // len(rows)):
            read = _side_by_side([distinct[i] for i in columns])
            table[np.ix_(rows, columns)] = follow(logits, states, *read).numpy()
    return table[:, [column[ids.tobytes()] for ids in after]]


def _encoded(tokenizer: Tokenizer, texts: Sequence[str], what: str, strict: bool) -> list[Array]:
    if isinstance(texts, str):
        raise UserError(f"Expected a list of {what}s, but this is a single one: {texts[:30]!r}; give [text].")
    if not len(texts):
        raise UserError("There is nothing to measure: give at least one prompt and one continuation.")
    if not all(texts):
        raise UserError(f"A {what} is empty; each needs at least one character.")
    return [tokenizer.encode(text, strict=strict) for text in texts]


def _ends_word(tokenizer: Tokenizer) -> Array | None:
    """Which tokens can't continue a word, ``(vocab_size,)``; None if a word is a token, so that none can."""
    if tokenizer.kind == "word":
        return None
    return np.array([not tokenizer.decode([i])[:1].isalpha() for i in range(tokenizer.vocab_size)])


def _groups(sequences: Sequence[Array], tokens: int) -> Iterator[list[int]]:
    """Places of sequences of equal length, which need no padding; a group has at most ``tokens`` tokens, if it can."""
    lengths = np.array([len(ids) for ids in sequences])
    for length in np.unique(lengths):
        places = np.flatnonzero(lengths == length).tolist()
        size = max(1, tokens // int(length))
        yield from (places[start : start + size] for start in range(0, len(places), size))


def _batches(sequences: Sequence[Array], tokens: int) -> Iterator[list[int]]:
    """Places of sequences of similar length; a batch has at most ``tokens`` tokens with padding, if it can."""
    batch: list[int] = []
    for place in sorted(range(len(sequences)), key=lambda i: len(sequences[i])):
        if batch and (len(batch) + 1) * len(sequences[place]) > tokens:
            yield batch
            batch = []
        batch.append(place)
    yield batch


def _side_by_side(sequences: Sequence[Array]) -> tuple[Array, Array]:
    """Ids ``(sequences, longest)``, padded with 0, and the length of each."""
    return padded(sequences), np.array([len(ids) for ids in sequences], np.int32)


def _readers(model: "keras.Model", ends_word: Array | None) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Two compiled functions: one reads prompts of one length, the other scores every continuation after each."""
    import tensorflow as tf

    from companion.models import with_states, zero_states

    twin = with_states(model)
    states = [tf.TensorSpec((None, *state.shape[1:])) for state in zero_states(model, 1)]
    ids_type = tf.TensorSpec((None, None), tf.int32)

    @tf.function(input_signature=[ids_type])
    def start(ids: Any) -> Any:
        zeros = [tf.zeros((tf.shape(ids)[0], *spec.shape[1:])) for spec in states]
        logits, *after = twin([ids, *zeros], training=False)
        return logits[:, -1:], after

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, 1, model.output_shape[-1])),
            states,
            ids_type,
            tf.TensorSpec((None,), tf.int32),
        ]
    )
    def follow(first: Any, carried: Any, ids: Any, lengths: Any) -> Any:
        prompts, many = tf.shape(first)[0], tf.shape(ids)[0]
        ids, lengths = tf.tile(ids, (prompts, 1)), tf.tile(lengths, (prompts,))
        rest, *_ = twin([ids, *(tf.repeat(state, many, axis=0) for state in carried)], training=False)
        log_p = tf.nn.log_softmax(tf.concat([tf.repeat(first, many, axis=0), rest], axis=1))  # before and after each id
        own = tf.gather(log_p[:, :-1], ids, batch_dims=2)
        total = tf.reduce_sum(tf.where(tf.sequence_mask(lengths, tf.shape(ids)[1]), own, 0.0), axis=1)
        if ends_word is not None:
            at_end = tf.gather(log_p, lengths, batch_dims=1)
            total += tf.reduce_logsumexp(tf.where(ends_word, at_end, -np.inf), axis=1)
        return tf.reshape(total, (prompts, many))

    return start, follow
