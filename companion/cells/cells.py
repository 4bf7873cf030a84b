"""Recurrent cells from scratch: forward, backward and a gradient check, in NumPy.

Arrays are ``(time, batch, features)``: ``x[t]`` is what the whole batch reads at step t. (Keras has the batch first:
``x.swapaxes(0, 1)`` goes either way.) The weights of a cell's gates lie side by side in fused arrays, so that a step
is one product for all of them:

=========  ==============================  =======================================================
``W_x``    ``(features, gates * units)``   times the input ``x[t]``
``W_h``    ``(units, gates * units)``      times the hidden state before, ``h[t-1]``
``b``      ``(gates * units,)``            the bias
=========  ==============================  =======================================================

The gates are in Keras's order: i, f, g, o for the LSTM, z, r, g for the GRU of `companion.cells.variants`.
`split_gates` shows each gate's own part by its name, ``W_fx``, ``W_fh``, ``b_f``. Examples stand in rows, so the book's
W_fx x_t is ``x[t] @ W_fx`` here.

A ``mask`` ``(time, batch)`` is true where there is something to read. Where it is false the step is left out: the
states go through unchanged, and no weight hears of it. The results have the type of the inputs: give float64 to check
gradients, float32 to train. Chapters: *recurrence*, *gates*, *learning*.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from companion.errors import UserError

Array = np.ndarray
Gradients = dict[str, Array]  # by the name of what it is the gradient of: "x", "W_x", "W_h", "b", "h_0", ...

LSTM_GATES = "ifgo"


def sigmoid(a: Array) -> Array:
    """1 / (1 + exp(-a)), written as (1 + tanh(a / 2)) / 2, which is the same number and never overflows.

    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return 0.5 * (1.0 + np.tanh(0.5 * a))


# ---------------------------------------------------------------------------------------------------------------
# The plain recurrent network


class RNNCache(NamedTuple):
    """What `rnn_backward` needs of the forward pass."""

    x: Array
    W_x: Array
    W_h: Array
    h_0: Array
    mask: Array
    h: Array


def rnn_forward(
    x: Array, W_x: Array, W_h: Array, b: Array, h_0: Array | None = None, mask: Array | None = None
) -> tuple[Array, RNNCache]:
    """The plain recurrent network, h_t = tanh(W_x x_t + W_h h_{t-1} + b), of Elman (1990).

    Parameters
    ----------
    x
        The input, ``(time, batch, features)``.
    W_x, W_h, b
        The weights, ``(features, units)``, ``(units, units)`` and ``(units,)``.
    h_0
        The state before the first step, ``(batch, units)``; zeros if it is not given.
    mask
        ``(time, batch)``, false where a step is left out; all true if it is not given.

    Returns
    -------
    h, cache
        The states after each step, ``(time, batch, units)``, and what `rnn_backward` needs.

    Raises
    ------
    UserError
        An array has not the shape it should have.
    """
    mask, (h_0,) = check_shapes(1, x, W_x, W_h, b, mask, h_0=h_0)
    a_x = x @ W_x + b
    h = np.empty((*x.shape[:2], len(W_h)), dtype=a_x.dtype)
    h_before = h_0
    for t in range(len(x)):
        h_t = np.tanh(a_x[t] + h_before @ W_h)
        h_before = h[t] = np.where(mask[t], h_t, h_before)
    return h, RNNCache(x, W_x, W_h, h_0, mask, h)


def rnn_backward(dh: Array, cache: RNNCache) -> Gradients:
    """Backpropagation through time (Werbos 1990) for `rnn_forward`.

    Parameters
    ----------
    dh
        The gradient of the loss with respect to each h[t] as an output, ``(time, batch, units)``.
    cache
        From `rnn_forward`.

    Returns
    -------
    dict
        The gradients for ``x``, ``W_x``, ``W_h``, ``b`` and ``h_0``, each in the shape of its array, and ``h``: that
        for each h[t] with all that came of it later, which shows how far back a gradient reaches.
    """
    x, W_x, W_h, h_0, mask, h = cache
    expect("dh", dh, h.shape, "(time, batch, units)")
    da, dh_all = np.zeros_like(h), np.zeros_like(h)
    dh_next = np.zeros_like(h_0)  # what comes back from step t + 1
    for t in reversed(range(len(x))):
        dh_t = dh_all[t] = dh[t] + dh_next
        da[t] = np.where(mask[t], dh_t * (1 - h[t] ** 2), 0.0)  # through tanh
        dh_next = np.where(mask[t], da[t] @ W_h.T, dh_t)
    return {**projection_gradients(da, x, W_x, h_0, h), "h_0": dh_next, "h": dh_all}


# ---------------------------------------------------------------------------------------------------------------
# The LSTM


class LSTMCache(NamedTuple):
    """What `lstm_backward` needs of the forward pass; the gates ``i``, ``f``, ``o`` are worth a look themselves."""

    x: Array
    W_x: Array
    W_h: Array
    h_0: Array
    c_0: Array
    mask: Array
    i: Array
    f: Array
    g: Array
    o: Array
    c: Array
    h: Array


def lstm_forward(
    x: Array,
    W_x: Array,
    W_h: Array,
    b: Array,
    h_0: Array | None = None,
    c_0: Array | None = None,
    mask: Array | None = None,
) -> tuple[Array, Array, LSTMCache]:
    """The LSTM of Hochreiter & Schmidhuber (1997) with the forget gate of Gers, Schmidhuber & Cummins (2000).

    Parameters
    ----------
    x
        The input, ``(time, batch, features)``.
    W_x, W_h, b
        The weights, ``(features, 4 * units)``, ``(units, 4 * units)`` and ``(4 * units,)``, gates in order i, f, g, o.
    h_0, c_0
        The hidden and the cell state before the first step, ``(batch, units)``; zeros if they are not given.
    mask
        ``(time, batch)``, false where a step is left out; all true if it is not given.

    Returns
    -------
    h, c, cache
        The hidden and the cell states after each step, ``(time, batch, units)``, and what `lstm_backward` needs;
        ``cache.i``, ``cache.f``, ``cache.g`` and ``cache.o`` are the gates and the candidate, of the same shape.

    Raises
    ------
    UserError
        An array has not the shape it should have.
    """
    mask, (h_0, c_0) = check_shapes(4, x, W_x, W_h, b, mask, h_0=h_0, c_0=c_0)
    a_x = x @ W_x + b
    i, f, g, o, c, h = np.empty((6, *x.shape[:2], len(W_h)), dtype=a_x.dtype)
    h_before, c_before = h_0, c_0
    for t in range(len(x)):
        a = a_x[t] + h_before @ W_h  # one projection,
        a_i, a_f, a_g, a_o = a.reshape(len(a), 4, len(W_h)).swapaxes(0, 1)  # split into four (np.split takes longer)

        i[t] = sigmoid(a_i)  # input gate: how much to write
        f[t] = sigmoid(a_f)  # forget gate: how much to keep
        g[t] = np.tanh(a_g)  # candidate: what to write
        o[t] = sigmoid(a_o)  # output gate: how much to show

        c_t = f[t] * c_before + i[t] * g[t]
        h_t = o[t] * np.tanh(c_t)

        c_before = c[t] = np.where(mask[t], c_t, c_before)
        h_before = h[t] = np.where(mask[t], h_t, h_before)
    return h, c, LSTMCache(x, W_x, W_h, h_0, c_0, mask, i, f, g, o, c, h)


def lstm_backward(dh: Array, cache: LSTMCache, dc_last: Array | None = None) -> Gradients:
    """Backpropagation through time for `lstm_forward`: each statement undoes one of the forward pass, last one first.

    Parameters
    ----------
    dh
        The gradient of the loss with respect to each h[t] as an output, ``(time, batch, units)``.
    cache
        From `lstm_forward`.
    dc_last
        The gradient with respect to the last cell state, ``(batch, units)``, where something else reads it (a
        decoder, the next window); zeros if it is not given.

    Returns
    -------
    dict
        The gradients for ``x``, ``W_x``, ``W_h``, ``b``, ``h_0`` and ``c_0``, each in the shape of its array, and ``h``
        and ``c``: those for each h[t] and c[t] with all that came of them later.
    """
    x, W_x, W_h, h_0, c_0, mask, i, f, g, o, c, h = cache
    expect("dh", dh, h.shape, "(time, batch, units)")
    dc_next = np.zeros_like(c_0) if dc_last is None else expect("dc_last", dc_last, c_0.shape, "(batch, units)")
    dh_next = np.zeros_like(h_0)  # what comes back from step t + 1
    dh_all, dc_all = np.zeros_like(h), np.zeros_like(c)
    c_before = np.concatenate([c_0[None], c[:-1]])
    da = np.zeros((*h.shape[:2], W_h.shape[1]), dtype=h.dtype)
    for t in reversed(range(len(x))):
        dh_t = dh_all[t] = dh[t] + dh_next

        # h_t = o_t * tanh(c_t)
        tanh_c = np.tanh(c[t])
        do = dh_t * tanh_c
        dc = dc_next + dh_t * o[t] * (1 - tanh_c**2)

        # c_t = f_t * c_{t-1} + i_t * g_t
        df = dc * c_before[t]
        di = dc * g[t]
        dg = dc * i[t]

        # the gates' sigmoids and the candidate's tanh
        da_i = di * i[t] * (1 - i[t])
        da_f = df * f[t] * (1 - f[t])
        da_g = dg * (1 - g[t] ** 2)
        da_o = do * o[t] * (1 - o[t])
        da[t] = np.where(mask[t], np.concatenate([da_i, da_f, da_g, da_o], axis=-1), 0.0)

        # the two ways back to step t - 1: the hidden state, through the weights, and the cell, through f_t alone
        dh_next = np.where(mask[t], da[t] @ W_h.T, dh_t)
        dc_all[t] = np.where(mask[t], dc, dc_next)
        dc_next = np.where(mask[t], dc * f[t], dc_next)
    through_time = {"h_0": dh_next, "c_0": dc_next, "h": dh_all, "c": dc_all}
    return {**projection_gradients(da, x, W_x, h_0, h), **through_time}


# ---------------------------------------------------------------------------------------------------------------
# What every cell shares


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
    """Each gate's own weights by the names of the maths; they are views, so writing into one changes the fused array.

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
    """Random first weights as Keras draws them: Glorot-uniform ``W_x``, orthogonal ``W_h``, ``b`` 0 but for b_f.

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
    """
    rng = np.random.default_rng(seed)
    limit = np.sqrt(6 / (features + gates * units))
    W_x = rng.uniform(-limit, limit, (features, gates * units))
    orthogonal, r = np.linalg.qr(rng.normal(size=(gates * units, units)))
    W_h = (orthogonal * np.sign(np.diag(r))).T
    b = np.zeros(gates * units)
    if gates == len(LSTM_GATES):
        split_gates(W_x, W_h, b)["b_f"][:] = forget_bias
    return {"W_x": W_x.astype(dtype), "W_h": W_h.astype(dtype), "b": b.astype(dtype)}


def gradient_check(
    loss: Callable[[dict[str, Array]], float],
    values: Mapping[str, Array],
    gradients: Mapping[str, Array],
    step: float = 1e-5,
) -> dict[str, float]:
    """How far gradients are from finite differences: (L(v + step) - L(v - step)) / (2 step) for every number v.

    Parameters
    ----------
    loss
        From a dictionary like ``values`` to the loss, a number.
    values
        The arrays the loss depends on, by name; checked in float64, and left as they are.
    gradients
        The gradients to check, by the same names; names that ``values`` does not have are not looked at.
    step
        How far each number is moved: smaller, and the loss's rounding shows; larger, and its curvature does.

    Returns
    -------
    dict
        By name, the length of the difference of the two gradients over the length of the longer one: below 1e-6
        where the gradient is right (in float64), and far above it where a factor or a sign is wrong.

    Raises
    ------
    UserError
        A gradient is missing or has not the shape of its array.

    Examples
    --------
    >>> values = {"w": np.array([1.0, 2.0])}
    >>> errors = gradient_check(lambda v: float((v["w"] ** 2).sum()), values, {"w": 2 * values["w"]})
    >>> errors["w"] < 1e-9
    True
    """
    moved = {name: np.array(value, dtype=np.float64) for name, value in values.items()}
    errors = {}
    for name, value in moved.items():
        if name not in gradients:
            raise UserError(f"There is no gradient for {name}; there are gradients for {', '.join(gradients)}.")
        given = expect(f"the gradient of {name}", gradients[name], value.shape, f"the shape of {name}")
        measured = np.empty_like(value)
        for place in np.ndindex(value.shape):
            kept = value[place]
            value[place] = kept + step
            above = loss(moved)
            value[place] = kept - step
            below = loss(moved)
            value[place] = kept
            measured[place] = (above - below) / (2 * step)
        longer = max(np.linalg.norm(given), np.linalg.norm(measured))
        errors[name] = float(np.linalg.norm(given - measured) / longer) if longer else 0.0
    return errors


def weights_from_keras(layer: Any) -> dict[str, Array]:
    """The weights of a built ``keras.layers.SimpleRNN``, ``LSTM`` or ``GRU``, as the forward passes take them."""
    _check_layer(layer)
    return dict(zip(("W_x", "W_h", "b"), layer.get_weights(), strict=True))


def weights_to_keras(layer: Any, W_x: Array, W_h: Array, b: Array) -> None:
    """Give a built Keras layer these weights.

    Raises
    ------
    UserError
        The layer is another one than its cell here (other activations, no bias, not built), or has other shapes.
    """
    _check_layer(layer)
    for name, ours, theirs in zip(("W_x", "W_h", "b"), (W_x, W_h, b), layer.get_weights(), strict=True):
        expect(name, ours, theirs.shape, f"the shape in the layer {layer.name}")
    layer.set_weights([W_x, W_h, b])


def _check_layer(layer: Any) -> None:
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
        It has another one; the message says both.
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
        An array has not the shape it should have; the message says which.
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
