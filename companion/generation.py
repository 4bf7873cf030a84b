"""How a model writes: one token at a time, each drawn from the model's distribution over the next one.

The samplers are pure functions of logits or probabilities. A *stepper* wraps a model so that one step reads one token
and carries the state: ``start`` and ``step`` are all that ``generate``, ``stream`` and ``beam_search`` know of a model,
so a recurrent network, an n-gram model and whatever comes later write through the same code.

The chapter *How does it write?* (``book/generation.md``) builds it up, one sampler at a time.
"""

import math
import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

from companion.errors import UserError
from companion.seeding import generator
from companion.tokenizers import UNKNOWN_ID, UNKNOWN_NAME

State = list[np.ndarray]
"""What a stepper carries from step to step: arrays whose first axis is the batch."""


# ------------------------------------------------------------------------------------------------------------
# Samplers: pure functions over the last axis


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities from logits, over the last axis.

    >>> softmax(np.log([1.0, 2.0, 1.0]))
    array([0.25, 0.5 , 0.25])
    """
    weights = np.exp(logits - np.max(logits, axis=-1, keepdims=True))
    return weights / weights.sum(axis=-1, keepdims=True)


def log_softmax(logits: np.ndarray) -> np.ndarray:
    """Log-probabilities in nats from logits, over the last axis; an impossible token keeps minus infinity."""
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def apply_temperature(logits: np.ndarray, temperature: float) -> np.ndarray:
    """Logits divided by the temperature: below 1 the probable becomes more probable, above 1 less.

    Logits are returned with their maximum at 0, which changes no probability and can't overflow.

    >>> softmax(apply_temperature(np.log([0.5, 0.25, 0.25]), 0.5))
    array([0.66666667, 0.16666667, 0.16666667])

    Raises
    ------
    UserError
        The temperature is not a number above 0.
    """
    _check_temperature(temperature)
    return (logits - np.max(logits, axis=-1, keepdims=True)) / temperature


def keep_top_k(probabilities: np.ndarray, k: int) -> np.ndarray:
    """The k most probable tokens, renormalised; all others get probability 0 (Fan et al. 2018, section 5.4).

    Of equally probable tokens those with the lower id are kept, so that exactly k are (or all, if there are fewer).

    >>> keep_top_k(np.array([0.5, 0.3, 0.1, 0.1]), 2)
    array([0.625, 0.375, 0.   , 0.   ])

    Raises
    ------
    UserError
        k is not a whole number from 1.
    """
    k = _check_top_k(k)
    order = np.argsort(-probabilities, axis=-1, kind="stable")
    kept = np.zeros(probabilities.shape, dtype=bool)
    np.put_along_axis(kept, order[..., :k], True, axis=-1)
    return _renormalise(np.where(kept, probabilities, 0.0))


def keep_top_p(probabilities: np.ndarray, p: float) -> np.ndarray:
    """The nucleus, renormalised: the fewest most probable tokens that together have probability p or more.

    Holtzman et al. 2020, section 3.1. Of equally probable tokens the lower id comes first; p = 1 keeps every token.

    >>> keep_top_p(np.array([0.5, 0.3, 0.1, 0.1]), 0.75)
    array([0.625, 0.375, 0.   , 0.   ])

    Raises
    ------
    UserError
        p is not above 0 and at most 1.
    """
    _check_top_p(p)
    if p == 1:
        return np.asarray(probabilities)
    order = np.argsort(-probabilities, axis=-1, kind="stable")
    ranked = np.take_along_axis(probabilities, order, axis=-1)
    before = np.cumsum(ranked, axis=-1) - ranked
    needed = before < p - 1e-12  # so that 0.6 + 0.3 counts as 0.9
    needed[..., 0] = True
    kept = np.zeros(probabilities.shape, dtype=bool)
    np.put_along_axis(kept, order, needed, axis=-1)
    return _renormalise(np.where(kept, probabilities, 0.0))


def draw(probabilities: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One id for each distribution, with exactly its probabilities: where a uniform number falls in the cumulative sum.

    Parameters
    ----------
    probabilities
        ``(..., vocab)``; each distribution sums to 1 up to rounding.
    rng
        ``np.random.default_rng(seed)``.

    Returns
    -------
    np.ndarray
        ``(...)`` integer ids; a token of probability 0 is never drawn.
    """
    cumulative = np.cumsum(probabilities, axis=-1)
    point = rng.random(cumulative.shape[:-1]) * cumulative[..., -1]
    return (cumulative <= point[..., None]).sum(axis=-1)


def _renormalise(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum(axis=-1, keepdims=True)


@dataclass(frozen=True)
class Sampler:
    """How the next token is chosen from the logits: temperature first, then top-k, then top-p of what is left.

    Attributes
    ----------
    temperature
        Above 0; 1 leaves the model's distribution as it is.
    top_k
        Keep the k most probable tokens; ``None`` keeps all.
    top_p
        Keep the nucleus of this probability; ``None`` or 1 keeps all.
    greedy
        Take the most probable token every time (of equal ones the lowest id). The other settings never change which
        token that is.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    greedy: bool = False

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)
        if self.top_k is not None:
            _check_top_k(self.top_k)
        if self.top_p is not None:
            _check_top_p(self.top_p)

    def probabilities(self, logits: np.ndarray) -> np.ndarray:
        """What the next token is drawn from: float64, the shape of the logits, summing to 1 over the last axis."""
        logits = np.asarray(logits, dtype=np.float64)
        if self.greedy:
            best = np.argmax(logits, axis=-1, keepdims=True)
            return (np.arange(logits.shape[-1]) == best).astype(np.float64)
        probabilities = softmax(apply_temperature(logits, self.temperature))
        if self.top_k is not None:
            probabilities = keep_top_k(probabilities, self.top_k)
        if self.top_p is not None:
            probabilities = keep_top_p(probabilities, self.top_p)
        return probabilities

    def choose(self, logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The next ids, ``(...)``, for logits ``(..., vocab)``."""
        return np.argmax(logits, axis=-1) if self.greedy else draw(self.probabilities(logits), rng)


def _check_temperature(temperature: float) -> None:
    if not _is_number(temperature) or not 0 < temperature < math.inf:
        raise UserError(
            f"The temperature should be a number above 0, such as 0.8, and it is {temperature!r}; "
            "to take the most probable token every time, ask for greedy instead."
        )


def _check_top_k(k: int) -> int:
    number = _whole(k)
    if number is None or number < 1:
        raise UserError(f"top_k should be a whole number from 1, and it is {k!r}; leave it out to keep every token.")
    return number


def _check_top_p(p: float) -> None:
    if not _is_number(p) or not 0 < p <= 1:
        raise UserError(f"top_p should be above 0 and at most 1, and it is {p!r}; 1 keeps every token.")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)


def _whole(value: Any) -> int | None:
    """The integer that a value is, or ``None``."""
    try:
        return None if isinstance(value, bool) else operator.index(value)
    except TypeError:
        return None


# ------------------------------------------------------------------------------------------------------------
# Steppers: a model, one token at a time


class Stepper(Protocol):
    """A model that reads one token a step and remembers the rest in a state.

    Attributes
    ----------
    vocab_size
        How many tokens there are.
    """

    vocab_size: int

    def start(self, batch: int) -> State:
        """The state before the first token, for ``batch`` texts side by side."""

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Read ids ``(batch,)``; give logits of the next token, ``(batch, vocab)``, and the new state.

        The old state is left as it was, so a text can be continued twice from the same place.
        """


def stepper(model: Any) -> Stepper:
    """The stepper of a model: a Keras language model (also a Transformer), an ``NGramModel``, or a stepper.

    Raises
    ------
    UserError
        Nothing is known that can step this model.
    """
    if hasattr(model, "start") and hasattr(model, "step"):
        return model
    if hasattr(model, "next_distribution"):
        return NGramStepper(model)
    if hasattr(model, "layers"):
        return KerasStepper(model)
    raise UserError(f"A {type(model).__name__} can't generate text; expected a Keras language model or an NGramModel.")


class NGramStepper:
    """An n-gram model, whose state is its context: the last order - 1 ids."""

    def __init__(self, model: Any):
        self.model = model
        self.vocab_size = int(model.vocab_size)

    def start(self, batch: int) -> State:
        return [np.full((batch, max(self.model.order - 1, 0)), -1, dtype=np.int64)]  # -1: nothing there yet

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        width = state[0].shape[1]
        contexts = np.concatenate([state[0], np.reshape(ids, (-1, 1))], axis=1)[:, 1:] if width else state[0]
        rows = [self.model.next_distribution(context[context >= 0]) for context in contexts]
        with np.errstate(divide="ignore"):  # an impossible token has log-probability minus infinity
            return np.log(np.stack(rows)), [contexts]


_ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "sigmoid": lambda x: 0.5 * np.tanh(0.5 * x) + 0.5,  # equal to 1 / (1 + exp(-x)), and never overflows
    "relu": lambda x: np.maximum(x, 0),
    "linear": lambda x: x,
}

# A layer as a function (x, *states) -> (y, new states), with the shapes of its states, without the batch.
LayerStep = tuple[Callable[..., tuple[np.ndarray, State]], list[Any]]


class KerasStepper:
    """A Keras stack of Embedding, recurrent layers or Transformer blocks, and Dense, stepped in NumPy.

    A call into TensorFlow costs more than the arithmetic of one step of one text, so the weights are copied out once
    and the step is written in NumPy, in float32. Dropout does nothing outside training. A softmax in the last layer
    is left off: what goes into it are the logits.

    Raises
    ------
    UserError
        The model is not such a stack; the message names the layer.
    """

    def __init__(self, model: Any):
        import keras

        self._layers: list[LayerStep] = []
        previous: Any = None
        for layer in model.layers:
            before, previous = previous, layer.output
            if isinstance(previous, list):  # a recurrent layer may give its states after its output
                previous = previous[0]
            if isinstance(layer, keras.layers.InputLayer):
                continue
            if before is not None and layer.input is not before:
                raise UserError(
                    f"The layer {layer.name} does not read the layer before it, and text can be generated only by "
                    "a plain stack of Embedding, recurrent and Dense layers, or of Transformer blocks."
                )
            if not isinstance(layer, keras.layers.Dropout):
                self._layers.append(_layer_step(layer))
        self.vocab_size = int(previous.shape[-1])

    def start(self, batch: int) -> State:
        shapes = [np.atleast_1d(shape) for _, shapes in self._layers for shape in shapes]
        return [np.zeros((batch, *shape), dtype=np.float32) for shape in shapes]

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        x: np.ndarray = np.asarray(ids)
        new_state: State = []
        for layer_step, sizes in self._layers:
            used = len(new_state)
            x, changed = layer_step(x, *state[used : used + len(sizes)])
            new_state += changed
        return x, new_state


def _layer_step(layer: Any) -> LayerStep:
    makers = {
        "Embedding": embedding_step,
        "LSTM": lstm_step,
        "GRU": gru_step,
        "SimpleRNN": rnn_step,
        "Dense": dense_step,
        "TransformerBlock": _block_step,
        "LayerNormalization": _norm_step,
    }
    kind = type(layer).__name__
    if kind not in makers or getattr(layer, "go_backwards", False) or getattr(layer, "mask_zero", False):
        raise UserError(
            f"The layer {layer.name} ({kind}) can't be stepped one token at a time; expected only Embedding, LSTM, "
            "GRU, SimpleRNN, TransformerBlock, LayerNormalization, Dropout and Dense layers that read forwards and "
            "mask nothing."
        )
    return makers[kind](layer)


def _weights(layer: Any, *names: str) -> list[np.ndarray]:
    """Some of a layer's weights as float32 arrays; a bias that is not used is 0."""
    holder = getattr(layer, "cell", layer)
    found = [getattr(holder, name) for name in names]
    return [np.zeros(1, np.float32) if w is None else np.ascontiguousarray(w, dtype=np.float32) for w in found]


def _activation(layer: Any, name: str = "activation") -> Callable[[np.ndarray], np.ndarray]:
    chosen = getattr(layer, name).__name__
    if chosen not in _ACTIVATIONS:
        raise UserError(
            f"The layer {layer.name} uses the activation {chosen}, and generation knows only {', '.join(_ACTIVATIONS)}."
        )
    return _ACTIVATIONS[chosen]


def embedding_step(layer: Any) -> LayerStep:
    (table,) = _weights(layer, "embeddings")
    return lambda ids: (table[ids], []), []


def dense_step(layer: Any) -> LayerStep:
    kernel, bias = _weights(layer, "kernel", "bias")
    is_softmax = layer.activation.__name__ == "softmax"
    act = _ACTIVATIONS["linear"] if is_softmax else _activation(layer)
    return lambda x: (act(x @ kernel + bias), []), []


def lstm_step(layer: Any) -> LayerStep:
    W_x, W_h, b = _weights(layer, "kernel", "recurrent_kernel", "bias")
    act, gate = _activation(layer), _activation(layer, "recurrent_activation")

    def step(x: np.ndarray, h: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, State]:
        i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=-1)  # Keras's order
        c = gate(f) * c + gate(i) * act(g)
        h = gate(o) * act(c)
        return h, [h, c]

    return step, [layer.units, layer.units]


def gru_step(layer: Any) -> LayerStep:
    W_x, W_h, b = _weights(layer, "kernel", "recurrent_kernel", "bias")
    act, gate = _activation(layer), _activation(layer, "recurrent_activation")
    units, after = layer.units, layer.reset_after
    b_x, b_h = (b[0], b[1]) if b.ndim == 2 else (b, np.zeros(1, np.float32))

    def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, State]:
        x_z, x_r, x_g = np.split(x @ W_x + b_x, 3, axis=-1)
        if after:
            h_z, h_r, h_g = np.split(h @ W_h + b_h, 3, axis=-1)
        else:
            h_z, h_r = np.split(h @ W_h[:, : 2 * units], 2, axis=-1)
        z, r = gate(x_z + h_z), gate(x_r + h_r)
        candidate = act(x_g + (r * h_g if after else (r * h) @ W_h[:, 2 * units :]))
        h = z * h + (1 - z) * candidate
        return h, [h]

    return step, [units]


def rnn_step(layer: Any) -> LayerStep:
    W_x, W_h, b = _weights(layer, "kernel", "recurrent_kernel", "bias")
    act = _activation(layer)

    def step(x: np.ndarray, h: np.ndarray) -> tuple[np.ndarray, State]:
        h = act(x @ W_x + h @ W_h + b)
        return h, [h]

    return step, [layer.units]


def _block_step(layer: Any) -> LayerStep:
    from companion.transformer import block_step

    return block_step(layer)


def _norm_step(layer: Any) -> LayerStep:
    from companion.transformer import norm_step

    return norm_step(layer)


def read(model: Any, ids: Sequence[int] | np.ndarray, batch: int = 1) -> tuple[np.ndarray, State]:
    """Step through ids from the start: the logits of what follows them, ``(batch, vocab)``, and the state.

    Raises
    ------
    UserError
        There are no ids, or some that the model does not know.
    """
    stepping = stepper(model)
    _check_ids(ids, stepping.vocab_size)
    state = stepping.start(batch)
    for token in ids:
        logits, state = stepping.step(np.full(batch, token), state)
    return logits, state


def _check_ids(ids: Sequence[int] | np.ndarray, vocab_size: int) -> None:
    if len(ids) == 0:
        raise UserError(
            "The prompt is empty, and the model can only continue a text; "
            r"give at least one character, for instance a line break, '\n'."
        )
    if not 0 <= min(ids) <= max(ids) < vocab_size:
        raise UserError(f"The model knows ids 0 to {vocab_size - 1}, and the prompt has others.")


# ------------------------------------------------------------------------------------------------------------
# Writing


def generate(
    model: Any,
    tokenizer: Any,
    prompt: str,
    max_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    *,
    greedy: bool = False,
) -> str:
    r"""Let a model continue a prompt; the new text is returned, without the prompt.

    Parameters
    ----------
    model
        A Keras language model (recurrent, or a Transformer), an ``NGramModel``, or anything with a stepper.
    tokenizer
        The tokenizer the model was trained with.
    prompt
        At least one character.
    max_tokens
        How many tokens to write.
    temperature, top_k, top_p, greedy
        As in ``Sampler``: temperature, then top-k, then top-p.
    seed
        The same seed writes the same text; ``None`` writes another every time.

    Raises
    ------
    UserError
        A setting is out of its range, the prompt is empty or has characters the tokenizer does not know, or model and
        tokenizer don't belong together.

    Examples
    --------
    >>> generate(model, tokenizer, "**ROMEO**", max_tokens=300, temperature=0.8, seed=1)  # doctest: +SKIP
    '  \nWhat say you to my lord?...
    """
    return "".join(stream(model, tokenizer, prompt, max_tokens, temperature, top_k, top_p, seed, greedy=greedy))


def stream(
    model: Any,
    tokenizer: Any,
    prompt: str,
    max_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    *,
    greedy: bool = False,
) -> Iterator[str]:
    """As ``generate``, but yield the text piece by piece while it is written.

    A piece is one token's text, or that of several where a token ends inside a character: byte-level tokens may hold
    half of a character's UTF-8 bytes, and no piece shows half a character. Joined, the pieces are what ``generate``
    returns. Settings are checked at once, before the first piece is asked for.
    """
    sampler, stepping = Sampler(temperature, top_k, top_p, greedy), stepper(model)
    prompt_ids = _prompt_ids(stepping, tokenizer, prompt, max_tokens)
    banned = _banned(tokenizer)
    tokens = stream_ids(stepping, prompt_ids, max_tokens, sampler, generator(seed), 1, banned)
    return _text_pieces(tokenizer, (int(ids[0]) for ids in tokens))


def sample_ids(
    model: Any,
    prompt_ids: Sequence[int] | np.ndarray,
    max_tokens: int,
    sampler: Sampler | None = None,
    seed: int | None = None,
    samples: int = 1,
    banned: Sequence[int] = (),
) -> np.ndarray:
    """Several continuations of one prompt side by side, as ids: ``(samples, max_tokens)``, int32.

    One step of all the samples is one matrix product, so many together cost much less than one after the other.

    Parameters
    ----------
    model, max_tokens, seed
        As in ``generate``.
    prompt_ids
        At least one id.
    sampler
        How each token is chosen; by default from the model's own distribution.
    samples
        How many continuations.
    banned
        Ids that are never written.
    """
    _check_max_tokens(max_tokens)
    rng = generator(seed)
    steps = list(stream_ids(stepper(model), prompt_ids, max_tokens, sampler or Sampler(), rng, samples, banned))
    return np.stack(steps, axis=1).astype(np.int32) if steps else np.zeros((samples, 0), dtype=np.int32)


def write_until(
    model: Any,
    prompt_ids: Sequence[int] | np.ndarray,
    end_id: int,
    max_tokens: int,
    sampler: Sampler | None = None,
    seed: int | None = None,
    samples: int = 1,
    banned: Sequence[int] = (),
) -> list[list[int]]:
    """As ``sample_ids``, but each continuation ends before its first ``end_id``: lists of ids, shorter or longer.

    Writing stops as soon as all have ended. A continuation that never does has max_tokens ids.
    """
    _check_max_tokens(max_tokens)
    rng, steps, ended = generator(seed), [], np.zeros(samples, dtype=bool)
    for ids in stream_ids(stepper(model), prompt_ids, max_tokens, sampler or Sampler(), rng, samples, banned):
        steps.append(ids)
        ended |= ids == end_id
        if ended.all():
            break
    rows = np.stack(steps, axis=1).tolist() if steps else [[] for _ in range(samples)]
    return [row[: row.index(end_id)] if end_id in row else row for row in rows]


def stream_ids(
    stepping: Stepper,
    prompt_ids: Sequence[int] | np.ndarray,
    max_tokens: int,
    sampler: Sampler,
    rng: np.random.Generator,
    samples: int,
    banned: Sequence[int] = (),
) -> Iterator[np.ndarray]:
    """As ``sample_ids``, but give the next ids, ``(samples,)``, one step after the other while they are written."""
    logits, state = read(stepping, prompt_ids, samples)
    for written in range(1, max_tokens + 1):
        ids = sampler.choose(_without(logits, banned), rng)
        yield ids
        if written < max_tokens:
            logits, state = stepping.step(ids, state)


def _text_pieces(tokenizer: Any, ids: Iterator[int]) -> Iterator[str]:
    """The text of ids as soon as it ends with a whole character."""
    pending: list[int] = []
    for token in ids:
        pending.append(token)
        text = tokenizer.decode(pending)
        if text and not text.endswith("\ufffd"):  # the decoder's mark for bytes that are no character, yet
            yield text
            pending = []
    if pending:
        yield tokenizer.decode(pending)


def _prompt_ids(stepping: Stepper, tokenizer: Any, prompt: str, max_tokens: int) -> np.ndarray:
    _check_max_tokens(max_tokens)
    if not isinstance(prompt, str):
        raise UserError(f"The prompt should be text, and it is a {type(prompt).__name__}.")
    vocab_size = stepping.vocab_size
    if vocab_size != tokenizer.vocab_size:
        raise UserError(
            f"Model and tokenizer don't belong together: the model knows {vocab_size} tokens and the tokenizer "
            f"{tokenizer.vocab_size}. Use the tokenizer that the model was trained with."
        )
    ids = tokenizer.encode(prompt, strict=True)
    _check_ids(ids, vocab_size)
    return ids


def _check_max_tokens(max_tokens: int) -> None:
    number = _whole(max_tokens)
    if number is None or number < 0:
        raise UserError(f"max_tokens should be a whole number from 0, and it is {max_tokens!r}.")


def _banned(tokenizer: Any) -> list[int]:
    """Tokens that are never written: the one that stands for unknown text."""
    return [UNKNOWN_ID] if tokenizer.tokens[UNKNOWN_ID] == UNKNOWN_NAME else []


def _without(logits: np.ndarray, banned: Sequence[int]) -> np.ndarray:
    """The logits with minus infinity, which is probability 0, for the tokens that are banned."""
    if not banned:
        return logits
    logits = logits.copy()
    logits[..., list(banned)] = -np.inf
    return logits


# ------------------------------------------------------------------------------------------------------------
# Beam search


@dataclass(frozen=True)
class Hypothesis:
    """One way to go on that beam search has found.

    Attributes
    ----------
    text, ids
        The new text and its token ids.
    log_probability
        Natural logarithm of the probability of the ids after the prompt, in nats.
    score
        ``log_probability`` divided by ``length_divisor``.
    """

    text: str
    ids: tuple[int, ...]
    log_probability: float
    score: float


def length_divisor(length: int, length_penalty: float) -> float:
    """What a log-probability is divided by, ((5 + length) / (5 + 1)) ** length_penalty: Wu et al. 2016, equation 14.

    With a penalty of 0 it is 1: the bare probability decides, and that favours short texts.

    >>> length_divisor(1, 0.6), length_divisor(7, 1.0)
    (1.0, 2.0)
    """
    return ((5 + length) / (5 + 1)) ** length_penalty


def beam_search(
    model: Any,
    tokenizer: Any,
    prompt: str,
    max_tokens: int = 200,
    beam_width: int = 4,
    length_penalty: float = 0.6,
    *,
    end: str | None = None,
) -> str:
    """The most probable continuation that beam search finds; settings as in ``beam_hypotheses``."""
    return beam_hypotheses(model, tokenizer, prompt, max_tokens, beam_width, length_penalty, end=end)[0].text


def beam_hypotheses(
    model: Any,
    tokenizer: Any,
    prompt: str,
    max_tokens: int = 200,
    beam_width: int = 4,
    length_penalty: float = 0.6,
    *,
    end: str | None = None,
) -> list[Hypothesis]:
    """Beam search: keep the best few beginnings, extend each by every token, keep the best few again.

    Parameters
    ----------
    model, tokenizer, prompt, max_tokens
        As in ``generate``.
    beam_width
        How many unfinished beginnings are kept. 1 is greedy; the more, the closer to an exhaustive search.
    length_penalty
        Strength of the length normalisation (Wu et al. 2016, equation 14), from 0 (none). It matters where texts of
        different length compete, so only together with ``end``.
    end
        The text of one token that ends a hypothesis, for instance a line break. Without it all have max_tokens tokens.

    Returns
    -------
    list of Hypothesis
        At most ``beam_width``, the best score first. The search stops when nothing unfinished can come to score better
        than they do.

    Raises
    ------
    UserError
        As ``generate``, or beam_width, length_penalty or end can't be used.
    """
    stepping = stepper(model)
    prompt_ids = _prompt_ids(stepping, tokenizer, prompt, max_tokens)
    end_id = None if end is None else _single_id(tokenizer, end)
    found = beam_ids(stepping, prompt_ids, max_tokens, beam_width, length_penalty, end_id, _banned(tokenizer))
    return [Hypothesis(tokenizer.decode(beam.ids), *beam) for beam in found]


class Beam(NamedTuple):
    """What beam search finds, without a text: see `Hypothesis`."""

    ids: tuple[int, ...]
    log_probability: float
    score: float


def beam_ids(
    model: Any,
    prompt_ids: Sequence[int] | np.ndarray,
    max_tokens: int,
    beam_width: int = 4,
    length_penalty: float = 0.6,
    end_id: int | None = None,
    banned: Sequence[int] = (),
) -> list[Beam]:
    """The beam search of ``beam_hypotheses`` on ids; the ids that it finds include the ``end_id`` that ended them."""
    width = _whole(beam_width)
    if width is None or width < 1:
        raise UserError(f"beam_width should be a whole number from 1, and it is {beam_width!r}.")
    if not _is_number(length_penalty) or not 0 <= length_penalty < math.inf:
        raise UserError(f"length_penalty should be a number from 0, and it is {length_penalty!r}; 0 switches it off.")
    _check_max_tokens(max_tokens)
    stepping = stepper(model)
    logits, state = read(stepping, prompt_ids)

    beams = np.zeros((1, 0), dtype=np.int64)  # the unfinished beginnings, (beam, length)
    totals = np.zeros(1)  # their log-probabilities
    found = [] if max_tokens else [Beam((), 0.0, 0.0)]  # the finished ones
    for length in range(1, max_tokens + 1):
        candidates = totals[:, None] + log_softmax(_without(logits, banned).astype(np.float64))
        # Twice the width is enough: each beginning can end in one way, so at most half of these are ends.
        best = np.argsort(-candidates, axis=None, kind="stable")[: 2 * width]
        rows, tokens = np.unravel_index(best[np.isfinite(candidates.flat[best])], candidates.shape)
        ids = np.concatenate([beams[rows], tokens[:, None]], axis=1)
        is_end = (tokens == end_id) | (length == max_tokens)
        for row in np.flatnonzero(is_end[:width]):  # an end counts if it is among the best: so a width of 1 is greedy
            total = float(candidates[rows[row], tokens[row]])
            found.append(Beam(tuple(ids[row].tolist()), total, total / length_divisor(length, length_penalty)))
        found = sorted(found, key=lambda beam: -beam.score)[:width]
        going_on = np.flatnonzero(~is_end)[:width]
        if not len(going_on):
            break
        rows, tokens, beams = rows[going_on], tokens[going_on], ids[going_on]
        totals = candidates[rows, tokens]
        # A log-probability only falls and the divisor only grows, so this is the most an unfinished one can reach.
        if len(found) == width and found[-1].score >= totals.max() / length_divisor(max_tokens, length_penalty):
            break
        logits, state = stepping.step(tokens, [array[rows] for array in state])
    return found


def _single_id(tokenizer: Any, end: str) -> int:
    ids = tokenizer.encode(end, strict=True)
    if len(ids) != 1:
        raise UserError(f"end should be the text of one token, and {end!r} is {len(ids)} tokens.")
    return int(ids[0])
