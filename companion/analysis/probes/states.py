"""Reading texts with a network of one LSTM layer: its states, what each character costs it, and ablation."""

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from companion.cells import weights_from_keras
from companion.errors import UserError, check_sizes
from companion.seeding import quiet_tensorflow

if TYPE_CHECKING:
    import keras

Array = np.ndarray

WARM_UP = 200  # characters read before each passage, so that its states know some context


class Network(NamedTuple):
    """The weights of a language model of one LSTM layer: what goes in, the layer, what comes out."""

    embedding: Array
    W_x: Array
    W_h: Array
    b: Array
    W_y: Array
    b_y: Array


def network(model: "keras.Model") -> Network:
    """The weights of a `companion.models.language_model` with one LSTM layer.

    Raises
    ------
    UserError
        The model has no LSTM layer, or several.
    """
    layers = [layer for layer in model.layers if type(layer).__name__ == "LSTM"]
    if len(layers) != 1:
        raise UserError(f"The model has {len(layers)} LSTM layers; expected a language_model(...) with one.")
    (embedding,) = model.get_layer("embedding").get_weights()
    return Network(
        embedding,
        **weights_from_keras(layers[0]),
        **dict(zip(("W_y", "b_y"), model.get_layer("logits").get_weights(), strict=True)),
    )


def passages(characters: int, number: int, length: int) -> Array:
    """Passages to read: spread evenly over a text without overlap, each with a warm-up before it.

    Parameters
    ----------
    characters
        How long the text is.
    number, length
        How many passages, and how many characters each has without the warm-up.

    Returns
    -------
    numpy.ndarray
        Places in the text, ``(number, WARM_UP + length)``.

    Raises
    ------
    UserError
        A number is below 1, or the text is too short.
    """
    check_sizes(number=number, length=length)
    whole = WARM_UP + length
    if characters < number * whole + 1:
        raise UserError(
            f"{number} passages of {length} characters, {WARM_UP} more before each, don't fit into {characters}; "
            "take fewer or shorter ones."
        )
    return np.linspace(1, characters - whole, number).astype(int)[:, None] + np.arange(whole)


def read(net: Network, ids: Array) -> tuple[Array, Array]:
    """The states after each character of passages, read from a zero state; those of the warm-up are left out.

    The numbers are those of `companion.cells.lstm_forward`, computed by TensorFlow in a tenth of the time.

    Parameters
    ----------
    net
        See `network`.
    ids
        The passages' characters, ``(passages, WARM_UP + length)``.

    Returns
    -------
    h, c
        Hidden and cell states, ``(passages, length, units)``, float32.

    Raises
    ------
    UserError
        The passages have no character after the warm-up.
    """
    h, c = _scan(net, _checked(ids))
    return np.swapaxes(h[WARM_UP:], 0, 1), np.swapaxes(c[WARM_UP:], 0, 1)


def costs(net: Network, ids: Array) -> Array:
    """What each character of the passages costs, ``(passages, length)`` in bits, given those before it; see `read`."""
    h = np.swapaxes(_scan(net, _checked(ids)[:, :-1])[0][WARM_UP - 1 :], 0, 1)
    logits = h @ net.W_y + net.b_y
    top = logits.max(axis=-1)
    total = top + np.log(np.exp(logits - top[..., None]).sum(axis=-1))
    written = np.take_along_axis(logits, ids[:, WARM_UP:, None], axis=-1)[..., 0]
    return (total - written) / np.log(2)


def _checked(ids: Array) -> Array:
    if ids.ndim != 2 or ids.shape[1] <= WARM_UP:
        raise UserError(
            f"The passages have shape {ids.shape}; expected (passages, {WARM_UP} + length): each needs the characters "
            "before it, which passages(...) includes."
        )
    return ids


def _scan(net: Network, ids: Array) -> tuple[Array, Array]:
    h, c = _compiled_scan()(net.embedding[ids.T], net.W_x, net.W_h, net.b)
    return h.numpy(), c.numpy()


@functools.cache
def _compiled_scan() -> Callable[..., Any]:
    """From x ``(time, batch, features)`` to h and c ``(time, batch, units)``.

    Keras's LSTM returns c only after the last step, and the NumPy steps take ten times as long.
    """
    quiet_tensorflow()
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def scan(x: Any, W_x: Any, W_h: Any, b: Any) -> Any:
        def step(states: Any, a_x: Any) -> Any:
            h, c = states
            i, f, g, o = tf.split(a_x + h @ W_h, 4, axis=-1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
            return tf.sigmoid(o) * tf.tanh(c), c

        zero = tf.zeros((tf.shape(x)[1], tf.shape(W_h)[0]), W_h.dtype)
        return tf.scan(step, tf.tensordot(x, W_x, 1) + b, (zero, zero))

    return scan


def ablate(net: Network, units: Sequence[int] | Array, shown: Array) -> Network:
    """A network in which some cells always show the same value, whatever they hold.

    The gates read a cell through its row of ``W_h``, the output through its row of ``W_y``. To replace it with a
    constant, add the constant's contribution to the biases and set the rows to zero; the forward pass is unchanged.

    Parameters
    ----------
    net
        See `network`; it isn't changed.
    units
        Which cells, by number.
    shown
        What each cell would show, for example its mean hidden state, ``(units of the network,)``.

    Raises
    ------
    UserError
        There is no cell of that number.
    """
    units = np.asarray(units, dtype=int)
    if units.size and not (units.min() >= 0 and units.max() < len(net.W_h)):
        raise UserError(f"The network has the cells 0 to {len(net.W_h) - 1}; {units.tolist()} has others.")
    W_h, W_y = net.W_h.copy(), net.W_y.copy()
    b, b_y = net.b + shown[units] @ net.W_h[units], net.b_y + shown[units] @ net.W_y[units]
    W_h[units] = W_y[units] = 0
    return net._replace(W_h=W_h, b=b, W_y=W_y, b_y=b_y)
