"""A model as a function of one token and a state: what every way of writing stands on."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from companion.errors import UserError
from companion.generation.layers import (
    LayerStep,
    State,
    block_step,
    dense_step,
    embedding_step,
    gru_step,
    lstm_step,
    norm_step,
    rnn_step,
)

"""What a stepper carries from step to step: arrays whose first axis is the batch."""


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


# A layer as a function (x, *states) -> (y, new states), with the shapes of its states, without the batch.


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
        "TransformerBlock": block_step,
        "LayerNormalization": norm_step,
    }
    kind = type(layer).__name__
    if kind not in makers or getattr(layer, "go_backwards", False) or getattr(layer, "mask_zero", False):
        raise UserError(
            f"The layer {layer.name} ({kind}) can't be stepped one token at a time; expected only Embedding, LSTM, "
            "GRU, SimpleRNN, TransformerBlock, LayerNormalization, Dropout and Dense layers that read forwards and "
            "mask nothing."
        )
    return makers[kind](layer)


def read(model: Any, ids: Sequence[int] | np.ndarray, batch: int = 1) -> tuple[np.ndarray, State]:
    """Step through ids from the start: the logits of what follows them, ``(batch, vocab)``, and the state.

    Raises
    ------
    UserError
        There are no ids, or some that the model does not know.
    """
    stepping = stepper(model)
    check_ids(ids, stepping.vocab_size)
    state = stepping.start(batch)
    for token in ids:
        logits, state = stepping.step(np.full(batch, token), state)
    return logits, state


def check_ids(ids: Sequence[int] | np.ndarray, vocab_size: int) -> None:
    if len(ids) == 0:
        raise UserError(
            "The prompt is empty, and the model can only continue a text; "
            r"give at least one character, for instance a line break, '\n'."
        )
    if not 0 <= min(ids) <= max(ids) < vocab_size:
        raise UserError(f"The model knows ids 0 to {vocab_size - 1}, and the prompt has others.")
