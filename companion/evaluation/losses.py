"""Scores: what a model pays, on average, for text that it has never seen.

Losses are in nats per token inside the code and in bits per character where models are compared, because a character
is the same for every tokenizer. Chapter: *concepts*.
"""

import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from companion.errors import UserError, check_sizes
from companion.evaluation.checks import check_ids, check_pairs, vocab_size_of
from companion.models import once_per_model, state_shapes, with_states, zero_states

if TYPE_CHECKING:
    import keras

    from companion.ngrams import NGramModel
    from companion.tokenizers import Pairs

# A held-out text is read as this many streams side by side, each warmed up on the tokens before its start.
STREAMS = 64
WARM_UP = 512
WINDOW = 256
LOGITS = 2**21  # computed at once: more don't fit into a processor's cache and take longer
LARGEST_WHOLE = 1e9  # a perplexity of at least this is written like 1.23e+45


@dataclass(frozen=True)
class Score:
    """How well a model predicts a text.

    Attributes
    ----------
    nats_per_token
        Cross-entropy: the mean of -ln p over every token of the text.
    perplexity
        e to the power of ``nats_per_token``: as unsure as a fair choice between this many tokens. Infinite above e^700.
    bits_per_character
        The total loss in bits divided by the number of characters.
    tokens, characters
        How many were scored.
    """

    nats_per_token: float
    perplexity: float
    bits_per_character: float
    tokens: int
    characters: int

    def __str__(self) -> str:
        perplexity = f"{self.perplexity:,.2f}" if self.perplexity < LARGEST_WHOLE else f"{self.perplexity:.2e}"
        return f"{self.bits_per_character:.3f} bits per character (perplexity {perplexity} per token)"


def score(total_nats: float, tokens: int, characters: int | None = None) -> Score:
    """The `Score` of a text of ``tokens`` tokens that costs ``total_nats`` in total.

    Examples
    --------
    Twenty characters, each a fair choice between four:

    >>> score(20 * math.log(4), tokens=20)
    Score(nats_per_token=1.3862943611198906, perplexity=4.0, bits_per_character=2.0, tokens=20, characters=20)

    Raises
    ------
    UserError
        There are no tokens or no characters.
    """
    characters = tokens if characters is None else characters
    check_sizes(tokens=tokens, characters=characters)
    nats = total_nats / tokens
    bits = total_nats / math.log(2) / characters
    perplexity = math.inf if nats > 700 else round(math.exp(nats), 12)
    return Score(nats, perplexity, bits, tokens, characters)


def evaluate(
    model: "keras.Model | NGramModel",
    ids: np.ndarray,
    characters: int | None = None,
    extra_nats: float = 0.0,
    context: int = 32,
    streams: int = STREAMS,
) -> Score:
    """Score a model on a whole text: every token once, none skipped.

    Parameters
    ----------
    model
        A `companion.ngrams.NGramModel`, a `companion.models.language_model` or `transformer_model` (their states are
        carried along), or a Keras model that reads a window and returns the probabilities of the next token, like
        `companion.models.article_model`.
    ids
        The text's token ids ``(tokens,)``.
    characters
        How many characters the ids stand for; by default one each.
    extra_nats
        Nats paid outside the model, for example to spell the words that a tokenizer doesn't know.
    context
        Window length of a model that reads windows; others carry their state and ignore it.
    streams
        A long text is cut into at most this many streams, which are read side by side. Each stream starts from a zero
        state 512 tokens before its first scored token, so that it has read some context. 1 reads the text in one go.

    Raises
    ------
    UserError
        There are no ids, the model has no output for an id or can't be scored, or a size is below 1.
    """
    ids = check_ids(ids)
    losses = token_losses(model, ids, context, streams)
    return score(float(losses.sum(dtype=np.float64)) + extra_nats, len(ids), characters)


def token_losses(
    model: "keras.Model | NGramModel",
    ids: np.ndarray,
    context: int = 32,
    streams: int = STREAMS,
    warm_up: int = WARM_UP,
    window: int = WINDOW,
) -> np.ndarray:
    """What each token costs, in nats ``(tokens,)``: -ln p(token | everything before it). See `evaluate`.

    A neural model has read nothing before the very first token and pays ln(vocab_size) for it.

    Parameters
    ----------
    model, ids, context, streams
        As in `evaluate`.
    warm_up
        Tokens that each stream reads before its own, without being scored on them.
    window
        Tokens of each stream that are read at once; it changes the speed but not the losses.

    Raises
    ------
    UserError
        As in `evaluate`.
    """
    check_sizes(context=context, streams=streams, warm_up=warm_up, window=window)
    if hasattr(model, "log_probabilities"):
        return -model.log_probabilities(check_ids(ids))
    vocab_size, network = vocab_size_of(model), cast("keras.Model", model)
    ids = check_ids(ids, vocab_size)
    if len(network.output_shape) == 2:
        rest = _window_losses(network, ids, context)
    else:
        rest = _recurrent_losses(network, ids, streams, warm_up, window)
    return np.concatenate([[math.log(vocab_size)], rest])


def losses_by_context(model: "keras.Model", ids: np.ndarray, length: int = 256) -> np.ndarray:
    """The nats that each token costs a model that reads only its window, ``(windows, length)``.

    The text is cut into windows that don't overlap, and each is read with no state carried over. So column n holds
    the losses of tokens that are predicted from exactly n + 1 tokens.

    Parameters
    ----------
    model
        A `companion.models.language_model` or `transformer_model`.
    ids
        The text's token ids ``(tokens,)``.
    length
        The most context to try, in tokens.

    Raises
    ------
    UserError
        The text is shorter than one window and the token after it, or the model has no output for one of its ids.
    """
    check_sizes(length=length)
    ids = check_ids(ids, vocab_size_of(model))
    count = (len(ids) - 1) // length
    if not count:
        raise UserError(f"The text has {len(ids):,} tokens; a window of {length} needs {length + 1:,} or more.")
    inputs, targets = (ids[s : s + count * length].reshape(count, length).astype(np.int32) for s in (0, 1))
    read = _fresh_reader(model)
    parts = [slice(start, start + STREAMS) for start in range(0, count, STREAMS)]
    return np.concatenate([read(inputs[part], targets[part]).numpy() for part in parts])


def evaluate_pairs(model: "keras.Model", pairs: "Pairs", batch_size: int = 128) -> Score:
    """Score an encoder-decoder on `companion.tokenizers.Pairs`: every target token once, including its end token.

    Parameters
    ----------
    model
        A `companion.models.encoder_decoder`.
    pairs
        What each source should become.
    batch_size
        How many are read side by side; it changes the speed but not the score.

    Raises
    ------
    UserError
        There are no pairs, or the model has no output for an id.
    """
    check_sizes(batch_size=batch_size)
    check_pairs(model, pairs)
    read = pair_losses(model)
    total = sum(float(read(*pairs.batch(indices)).numpy().sum()) for indices in pairs.plan(batch_size))
    return score(total, sum(len(target) + 1 for target in pairs.targets))


@once_per_model
def pair_losses(model: "keras.Model") -> Callable[..., Any]:
    """A compiled function of (source, written, target), ids ``(batch, time)``: the nats each pair costs, ``(batch,)``.

    Padding, id 0, costs nothing.
    """
    import tensorflow as tf

    alive: Callable[[], Any] = weakref.ref(model)
    ids = tf.TensorSpec((None, None), tf.int32)

    @tf.function(input_signature=[ids, ids, ids])
    def read(source: Any, written: Any, target: Any) -> Any:
        logits = tf.cast(alive()([source, written], training=False), tf.float32)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, logits)
        return tf.reduce_sum(losses * tf.cast(target != 0, tf.float32), axis=1)

    return read


# ----------------------------------------------------------------------------------------------------------------------
# Reading: each function is compiled once for each model


def _recurrent_losses(model: "keras.Model", ids: np.ndarray, most: int, warm_up: int, window: int) -> np.ndarray:
    """-ln p of ids[1:], with the state carried from window to window.

    A long text is cut into streams that are read side by side. A stream first reads the ``warm_up`` tokens before its
    own, without being scored on them.
    """
    targets = len(ids) - 1
    if not targets:
        return np.zeros(0)
    streams = int(np.clip(targets // (2 * warm_up), 1, most))
    own = -(-targets // streams)
    own, warm_up = (-(-own // window) * window, warm_up) if streams > 1 else (own, 0)
    streams = -(-targets // own)  # what is rounded up can leave nothing for the last ones
    while window > 16 and streams * window * int(model.output_shape[-1]) > LOGITS:
        window //= 2
    # Position of every input token, stream by stream; padding before and after the text isn't scored.
    positions = np.arange(-warm_up, own)[None, :] + own * np.arange(streams)[:, None]
    counted = (np.arange(-warm_up, own)[None, :] >= 0) & (positions < targets)
    inside = np.clip(positions, 0, targets - 1)
    inputs, outputs = ids[inside].astype(np.int32), ids[inside + 1].astype(np.int32)
    read, read_on = _state_reader(model)
    losses = np.zeros(targets)
    states = zero_states(model, streams)
    for start in range(0, positions.shape[1], window):
        # The first stream has nothing to warm up on: its state is set to zero where its own tokens start.
        fresh = positions[:, start] == 0
        part = slice(start, start + window)
        kept = counted[:, part]
        if not kept.any():  # a warm-up needs the states only
            states = read_on(inputs[:, part], states)
            continue
        loss, states = read(inputs[:, part], outputs[:, part], fresh, states)
        losses[positions[:, part][kept]] = loss.numpy()[kept]
    return losses


@once_per_model
def _state_reader(model: "keras.Model") -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Two functions: from (ids, targets, fresh, states) to the losses ``(streams, time)`` and the states after them.

    The other goes from (ids, states) to the states alone. A stream whose ``fresh``, ``(streams,)`` bool, is true starts
    from zero, whatever its state.
    """
    import tensorflow as tf

    twin = with_states(model)
    ids = tf.TensorSpec((None, None), tf.int32)
    states = [tf.TensorSpec((None, *shape), tf.float32) for layer in model.layers for shape in state_shapes(layer)]

    @tf.function(input_signature=[ids, ids, tf.TensorSpec((None,), tf.bool), states])
    def read(x: Any, y: Any, fresh: Any, states: list[Any]) -> Any:
        states = [tf.where(tf.reshape(fresh, (-1, *[1] * (len(state.shape) - 1))), 0.0, state) for state in states]
        logits, *states = twin([x, *states], training=False)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.cast(logits, tf.float32))
        return loss, [tf.cast(state, tf.float32) for state in states]

    @tf.function(input_signature=[ids, states])
    def read_on(x: Any, states: list[Any]) -> Any:
        _, *states = twin([x, *states], training=False)  # TensorFlow leaves out what nothing asks for: the logits
        return [tf.cast(state, tf.float32) for state in states]

    return read, read_on


@once_per_model
def _fresh_reader(model: "keras.Model") -> Callable[..., Any]:
    """A function from (ids, targets), both ``(windows, time)``, to the losses, each window read from the start."""
    import tensorflow as tf

    alive: Callable[[], Any] = weakref.ref(model)
    ids = tf.TensorSpec((None, None), tf.int32)

    @tf.function(input_signature=[ids, ids])
    def read(x: Any, y: Any) -> Any:
        logits = tf.cast(alive()(x, training=False), tf.float32)
        return tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)

    return read


def _window_losses(model: "keras.Model", ids: np.ndarray, context: int) -> np.ndarray:
    """-ln p of ids[1:], each from the ``context`` tokens before it (fewer at the start of the text)."""
    read = _window_reader(model)
    ids = ids.astype(np.int32)
    losses = [read(ids[None, :t], ids[t : t + 1]).numpy() for t in range(1, min(context, len(ids)))]
    if len(ids) > context:
        windows = np.lib.stride_tricks.sliding_window_view(ids[:-1], context)
        rows = max(16, min(1024, LOGITS // int(model.output_shape[-1])))
        for start in range(0, len(windows), rows):
            part = slice(start, start + rows)
            losses.append(read(windows[part], ids[context:][part]).numpy())
    return np.concatenate(losses) if losses else np.zeros(0)


@once_per_model
def _window_reader(model: "keras.Model") -> Callable[..., Any]:
    """A function from (windows, next tokens) to the losses ``(windows,)`` of a model that returns probabilities."""
    import tensorflow as tf

    alive: Callable[[], Any] = weakref.ref(model)

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.int32), tf.TensorSpec((None,), tf.int32)])
    def read(x: Any, y: Any) -> Any:
        probabilities = tf.gather(alive()(x, training=False), y, axis=1, batch_dims=1)
        return -tf.math.log(tf.maximum(probabilities, 1e-30))

    return read
