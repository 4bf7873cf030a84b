"""What recurrent cells from scratch share: the layout of arrays and weights, and the product of all gates at once.

Arrays are ``(time, batch, features)``: ``x[t]`` is what the whole batch reads at step t. (Keras has the batch first:
``x.swapaxes(0, 1)`` converts both ways.) The weights of a cell's gates lie side by side in fused arrays, so that a step
is one product for all of them:

=========  ==============================  =======================================================
``W_x``    ``(features, gates * units)``   times the input ``x[t]``
``W_h``    ``(units, gates * units)``      times the previous hidden state, ``h[t-1]``
``b``      ``(gates * units,)``            the bias
=========  ==============================  =======================================================

The gates are in Keras's order: i, f, g, o for the LSTM, z, r, g for the GRU of `companion.cells.variants`.
`split_gates` shows each gate's own part by its name, ``W_fx``, ``W_fh``, ``b_f``. An example is a row, so the book's
W_fx x_t is ``x[t] @ W_fx`` here.

A ``mask`` ``(time, batch)`` is true where there is something to read. Where it is false the step is left out: the
states go through unchanged, and no weight gets a gradient. The results have the type of the inputs: give float64 to
check gradients, float32 to train. Chapters: *recurrence*, *gates*, *learning*.
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from companion.errors import UserError, check_sizes

if TYPE_CHECKING:
    import keras

Array = np.ndarray
Gradients = dict[str, Array]  # by the name of what it is the gradient of: "x", "W_x", "W_h", "b", "h_0", ...

LSTM_GATES = "ifgo"


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), written as (1 + tanh(a / 2)) / 2, which is the same number and never overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * (1.0 + np.tanh(0.5 * a))


def projection_gradients(da: Array, x: Array, W_x: Array, h_0: Array, h: Array) -> Gradients:
    """Back through a[t] = x[t] W_x + h[t-1] W_h + b, for all steps at once: the weights' gradients are sums over them.

    Parameters
    ----------
    da
        The gradients with respect to a, ``(time, batch, gates * units)``.
    x, W_x, h_0, h
        As in the forward pass.
    """
    h_before = np.concatenate([h_0[None], h[:-1]])
    time_and_batch = ((0, 1), (0, 1))
    return {
        "x": da @ W_x.T,
        "W_x": np.tensordot(x, da, time_and_batch),
        "W_h": np.tensordot(h_before, da, time_and_batch),
        "b": da.sum(axis=(0, 1)),
    }


def split_gates(W_x: Array, W_h: Array, b: Array, gates: str = LSTM_GATES) -> dict[str, Array]:
    """Each gate's own weights by the formulas' names; they are views, so writing into one changes the fused array.

    >>> W_x, W_h, b = np.zeros((2, 12)), np.zeros((3, 12)), np.zeros(12)
    >>> W = split_gates(W_x, W_h, b)
    >>> W["W_fx"].shape, W["W_fh"].shape, W["b_f"].shape
    ((2, 3), (3, 3), (3,))
    >>> W["b_f"][:] = 1.0
    >>> b
    array([0., 0., 0., 1., 1., 1., 0., 0., 0., 0., 0., 0.])
    """
    named = {}
    for pattern, fused in (("W_{}x", W_x), ("W_{}h", W_h), ("b_{}", b)):
        parts = np.split(fused, len(gates), axis=-1)
        named.update({pattern.format(gate): part for gate, part in zip(gates, parts, strict=True)})
    return named


def initial_weights(
    features: int, units: int, gates: int = 4, forget_bias: float = 1.0, seed: int = 0, dtype: Any = np.float64
) -> dict[str, Array]:
    """Random initial weights as Keras draws them: Glorot-uniform ``W_x``, orthogonal ``W_h``, zero ``b`` except b_f.

    Parameters
    ----------
    features, units
        The sizes of x[t] and of h[t].
    gates
        1 for the plain network, 4 for the LSTM.
    forget_bias
        What the LSTM's b_f starts as: at 1 the gate is open at first (Jozefowicz, Zaremba & Sutskever 2015).
    seed, dtype
        Of the random numbers, and of the arrays.

    Returns
    -------
    dict
        ``W_x``, ``W_h`` and ``b``: give it to a forward pass as ``lstm_forward(x, **weights)``.

    Raises
    ------
    UserError
        A size isn't a whole number of at least 1.
    """
    check_sizes(features=features, units=units, gates=gates)
    rng = np.random.default_rng(seed)
    limit = np.sqrt(6 / (features + gates * units))
    W_x = rng.uniform(-limit, limit, (features, gates * units))
    orthogonal, r = np.linalg.qr(rng.normal(size=(gates * units, units)))
    W_h = (orthogonal * np.sign(np.diag(r))).T
    b = np.zeros(gates * units)
    if gates == len(LSTM_GATES):
        split_gates(W_x, W_h, b)["b_f"][:] = forget_bias
    return {"W_x": W_x.astype(dtype), "W_h": W_h.astype(dtype), "b": b.astype(dtype)}


def weights_from_keras(layer: "keras.layers.Layer") -> dict[str, Array]:
    """The weights of a built ``keras.layers.SimpleRNN``, ``LSTM`` or ``GRU``, as the forward passes take them.

    Raises
    ------
    UserError
        The layer isn't built, or isn't the one computed here: another kind, other activations, no bias.
    """
    _check_layer(layer)
    return dict(zip(("W_x", "W_h", "b"), layer.get_weights(), strict=True))


def weights_to_keras(layer: "keras.layers.Layer", W_x: Array, W_h: Array, b: Array) -> None:
    """Give a built Keras layer these weights.

    Raises
    ------
    UserError
        As in `weights_from_keras`, or the layer's weights have other shapes.
    """
    _check_layer(layer)
    for name, ours, theirs in zip(("W_x", "W_h", "b"), (W_x, W_h, b), layer.get_weights(), strict=True):
        expect(name, ours, theirs.shape, f"the shape in the layer {layer.name}")
    layer.set_weights([W_x, W_h, b])


def _check_layer(layer: "keras.layers.Layer") -> None:
    if (kind := type(layer).__name__) not in ("SimpleRNN", "LSTM", "GRU"):
        raise UserError(f"The layer {layer.name} is of type {kind}; expected SimpleRNN, LSTM or GRU.")
    settings = layer.get_config()
    usual = {"activation": "tanh", "recurrent_activation": "sigmoid", "use_bias": True, "reset_after": True}
    for name, expected in usual.items():
        if settings.get(name, expected) != expected:
            raise UserError(f"The layer {layer.name} has {name}={settings[name]!r}; the cells here have {expected!r}.")
    if not layer.built:
        raise UserError(f"The layer {layer.name} has no weights yet: call it once, or layer.build((None, None, n)).")


def expect(name: str, array: Array, shape: tuple[int, ...], meaning: str) -> Array:
    """The array, if it has that shape.

    Raises
    ------
    UserError
        It has another shape; the message names both.
    """
    if np.shape(array) != shape:
        raise UserError(f"{name} has the shape {np.shape(array)}; it should be {shape}: {meaning}.")
    return array


def check_shapes(
    gates: int, x: Array, W_x: Array, W_h: Array, b: Array, mask: Array | None, **states: Array | None
) -> tuple[Array, list[Array]]:
    """The mask as ``(time, batch, 1)`` booleans and the initial states, with every shape checked.

    Raises
    ------
    UserError
        An array has the wrong shape; the message says which.
    """
    if np.ndim(x) != 3 or not len(x):
        raise UserError(f"x has the shape {np.shape(x)}; it should be (time, batch, features), with at least one step.")
    time, batch, features = x.shape
    units = len(W_h)
    width = "units" if gates == 1 else f"{gates} * units"
    expect("W_h", W_h, (units, gates * units), f"(units, {width})")
    expect("W_x", W_x, (features, gates * units), f"(features, {width})")
    if gates == 3:  # the GRU has two biases, one with x and one with h
        expect("b", b, (2, gates * units), f"(2, {width})")
    else:
        expect("b", b, (gates * units,), f"({width},)")
    zero = np.zeros((batch, units), dtype=np.result_type(x, W_x))
    given = [
        zero if state is None else expect(name, state, zero.shape, "(batch, units)") for name, state in states.items()
    ]
    mask = np.ones((time, batch), bool) if mask is None else expect("mask", mask, (time, batch), "(time, batch)")
    return np.asarray(mask, bool)[:, :, None], given
