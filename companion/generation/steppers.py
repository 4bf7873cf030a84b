"""A model as a function of one token and a state, which is all that text generation knows of a model.

``start`` gives the state before the first token; ``step`` reads one token and gives the logits of the next. So a
recurrent network, a Transformer and an n-gram model write through the same code.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from companion.errors import UserError, check_sizes
from companion.generation.blocks import block_step, norm_step
from companion.generation.layers import (
    LayerStep,
    State,
    Step,
    dense_step,
    embedding_step,
    gru_step,
    lstm_step,
    rnn_step,
)
from companion.ngrams import NGramModel
from companion.tokenizers import Ids

if TYPE_CHECKING:
    import keras

RECURRENT = (lstm_step, gru_step, rnn_step)  # they take an embedding before them into their own step


@runtime_checkable
class Stepper(Protocol):
    """A model that reads one token per step and remembers the rest in a state.

    Attributes
    ----------
    vocab_size : int
        How many tokens there are.
    """

    vocab_size: int

    def start(self, batch: int) -> State:
        """The state before the first token, for ``batch`` texts side by side."""

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Read ids ``(batch,)``; return logits of the next token, ``(batch, vocab)``, and the new state.

        The old state isn't changed, so a text can be continued twice from the same place.
        """


Model: TypeAlias = "keras.Model | NGramModel | Stepper"


def stepper(model: Model) -> Stepper:
    """The stepper of a model: a Keras language model (also a Transformer), an ``NGramModel``, or a stepper.

    Raises
    ------
    UserError
        The model can't be read one token at a time.
    """
    if isinstance(model, Stepper):
        return model
    if isinstance(model, NGramModel):
        return NGramStepper(model)
    if hasattr(model, "layers"):
        return KerasStepper(model)
    raise UserError(f"A {type(model).__name__} can't generate text; expected a Keras language model or an NGramModel.")


def read(model: Model, ids: Ids, batch: int = 1) -> tuple[np.ndarray, State]:
    """Step through ids from the start: the logits of what follows them, ``(batch, vocab)``, and the state.

    Raises
    ------
    UserError
        There are no ids, or the model doesn't know one of them.
    """
    stepping = stepper(model)
    check_sizes(batch=batch)
    known = check_prompt(ids, stepping.vocab_size)
    state, advance = stepping.start(batch), advancing(stepping)
    for token in known:
        logits, state = advance(np.full(batch, token), state)
    return logits, state


def advancing(stepping: Stepper) -> Step:
    """``(ids, state) -> (logits, new state)`` for a state that isn't used again; `KerasStepper.advance` or ``step``."""
    return stepping.advance if isinstance(stepping, KerasStepper) else stepping.step


class NGramStepper:
    """An n-gram model, whose state is its context: the last order - 1 ids."""

    def __init__(self, model: NGramModel) -> None:
        self.model = model
        self.vocab_size = model.vocab_size

    def start(self, batch: int) -> State:
        """Contexts ``(batch, order - 1)`` with -1 where nothing has been read yet."""
        return [np.full((batch, max(self.model.order - 1, 0)), -1, dtype=np.int64)]

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Logits, here log-probabilities in nats, and the contexts shifted by one."""
        width = state[0].shape[1]
        contexts = np.concatenate([state[0], np.reshape(ids, (-1, 1))], axis=1)[:, 1:] if width else state[0]
        rows = [self.model.next_distribution(context[context >= 0]) for context in contexts]
        return np.log(np.stack(rows)), [contexts]


class KerasStepper:
    """A Keras stack of Embedding, recurrent layers or Transformer blocks, and Dense, stepped in NumPy.

    Dropout does nothing outside training. A softmax in the last layer is left out, so that the result is logits.

    Raises
    ------
    UserError
        The model isn't such a stack; the message names the layer.
    """

    def __init__(self, model: "keras.Model") -> None:
        import keras

        self._layers: list[LayerStep] = []
        previous: Any = None
        embedding: Any = None  # if it is what the next layer reads
        for layer in model.layers:
            before, previous = previous, _output(layer)
            if isinstance(previous, list):  # a recurrent layer may return its states after its output
                previous = previous[0]
            if isinstance(layer, keras.layers.InputLayer):
                continue
            if before is not None and layer.input is not before:
                raise UserError(
                    f"The layer {layer.name} doesn't read the layer before it, but text can be generated only by "
                    "a plain stack of Embedding, recurrent and Dense layers, or of Transformer blocks."
                )
            if isinstance(layer, keras.layers.Dropout):
                continue
            make = _maker(layer)
            if make in RECURRENT and embedding is not None:
                self._layers[-1] = make(layer, embedding)
            else:
                self._layers.append(make(layer))
            embedding = layer if make is embedding_step else None
        if previous is None:
            raise UserError("The model has no layers, so it can't generate text.")
        self.vocab_size = int(previous.shape[-1])

    def start(self, batch: int) -> State:
        """Zeros: nothing has been read. What has the shape ``()`` is a count, a whole number for each text."""
        shapes = [np.atleast_1d(shape) for _, shapes in self._layers for shape in shapes]
        return [np.zeros((batch, *shape), dtype=np.float32 if len(shape) else np.int64) for shape in shapes]

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """The layers one after the other, each with its part of the state."""
        return self.advance(ids, [array.copy() for array in state])

    def advance(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """`step` for a writer that never goes back: the old state may be changed, so nothing has to be copied."""
        x: np.ndarray = np.asarray(ids)
        new_state: State = []
        for layer_step, shapes in self._layers:
            used = len(new_state)
            x, changed = layer_step(x, *state[used : used + len(shapes)])
            new_state += changed
        return x, new_state


def _output(layer: "keras.layers.Layer") -> Any:
    try:
        return layer.output
    except (AttributeError, ValueError):
        raise UserError(
            f"The layer {layer.name} has never been called, so the model has no shapes yet; call the model on some "
            "ids first, or build it."
        ) from None


def _maker(layer: "keras.layers.Layer") -> Callable[..., LayerStep]:
    from keras import layers

    from companion.models.lstm import LSTM
    from companion.models.transformer import TransformerBlock

    makers: dict[type, Callable[..., LayerStep]] = {
        layers.Embedding: embedding_step,
        layers.LSTM: lstm_step,
        LSTM: lstm_step,
        layers.GRU: gru_step,
        layers.SimpleRNN: rnn_step,
        layers.Dense: dense_step,
        TransformerBlock: block_step,
        layers.LayerNormalization: norm_step,
    }
    make = makers.get(type(layer))
    if make is None or getattr(layer, "go_backwards", False) or getattr(layer, "mask_zero", False):
        raise UserError(
            f"The layer {layer.name} ({type(layer).__name__}) can't be stepped one token at a time; expected only "
            "Embedding, LSTM, GRU, SimpleRNN, TransformerBlock, LayerNormalization, Dropout and Dense layers that "
            "read forwards and mask nothing."
        )
    return make


def check_ids(ids: Ids, vocab_size: int, what: str) -> np.ndarray:
    """The ids as a one-dimensional array; raise a `UserError` unless the model knows all of them."""
    try:
        row = np.asarray(ids)
    except ValueError:  # rows of different lengths
        row = np.zeros((0, 0))
    if row.ndim != 1 or (row.size and row.dtype.kind not in "iu"):
        raise UserError(f"The {what} should be one row of ids, whole numbers; the tokenizer's encode gives them.")
    if row.size and not 0 <= row.min() <= row.max() < vocab_size:
        raise UserError(f"The model knows ids 0 to {vocab_size - 1}, but the {what} has others.")
    return row


def check_prompt(ids: Ids, vocab_size: int) -> np.ndarray:
    """`check_ids` for a prompt, which needs at least one id."""
    row = check_ids(ids, vocab_size, "prompt")
    if not len(row):
        raise UserError(
            "The prompt is empty, but the model can only continue a text; "
            r"give at least one character, for instance a line break, '\n'."
        )
    return row
