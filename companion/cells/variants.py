"""Two relatives of the LSTM, forward and backward: the GRU, and the LSTM with peepholes.

They are exercises of the chapter *learning*. Arrays, masks and errors are the same as in `companion.cells`.
"""

from typing import NamedTuple

import numpy as np

from companion.cells.cells import Array, Gradients, check_shapes, expect, projection_gradients, sigmoid

GRU_GATES = "zrg"


class GRUCache(NamedTuple):
    """What `gru_backward` needs from the forward pass; ``a_gh`` is the hidden state's part of the candidate."""

    x: Array
    W_x: Array
    W_h: Array
    h_0: Array
    mask: Array
    z: Array
    r: Array
    g: Array
    a_gh: Array
    h: Array


def gru_forward(
    x: Array, W_x: Array, W_h: Array, b: Array, h_0: Array | None = None, mask: Array | None = None
) -> tuple[Array, GRUCache]:
    """The gated recurrent unit of Cho et al. (2014), in the form that Keras calls ``reset_after=True``.

    The reset gate acts after the product with W_gh, so one fused projection is enough here too, and each product has
    a bias of its own::

        z_t = sigmoid(W_zx x_t + b_zx + W_zh h_{t-1} + b_zh)            update gate: how much to keep
        r_t = sigmoid(W_rx x_t + b_rx + W_rh h_{t-1} + b_rh)            reset gate: how much of the past to look at
        g_t = tanh(W_gx x_t + b_gx + r_t * (W_gh h_{t-1} + b_gh))       candidate
        h_t = z_t * h_{t-1} + (1 - z_t) * g_t

    Parameters
    ----------
    x
        The input, ``(time, batch, features)``.
    W_x, W_h, b
        The weights, ``(features, 3 * units)``, ``(units, 3 * units)`` and ``(2, 3 * units)``, gates in Keras's order
        z, r, g; ``b[0]`` goes with x and ``b[1]`` with h.
    h_0
        The state before the first step, ``(batch, units)``; zeros if it is not given.
    mask
        ``(time, batch)``, false where a step is left out; all true if it is not given.

    Returns
    -------
    h, cache
        The states after each step, ``(time, batch, units)``, and what `gru_backward` needs.

    Raises
    ------
    UserError
        An array has the wrong shape.
    """
    mask, (h_0,) = check_shapes(3, x, W_x, W_h, b, mask, h_0=h_0)
    a_x = x @ W_x + b[0]
    z, r, g, a_gh, h = np.empty((5, *x.shape[:2], len(W_h)), dtype=a_x.dtype)
    h_before = h_0
    for t in range(len(x)):
        a_zx, a_rx, a_gx = np.split(a_x[t], 3, axis=-1)
        a_zh, a_rh, a_gh[t] = np.split(h_before @ W_h + b[1], 3, axis=-1)
        z[t] = sigmoid(a_zx + a_zh)
        r[t] = sigmoid(a_rx + a_rh)
        g[t] = np.tanh(a_gx + r[t] * a_gh[t])
        h_t = z[t] * h_before + (1 - z[t]) * g[t]
        h_before = h[t] = np.where(mask[t], h_t, h_before)
    return h, GRUCache(x, W_x, W_h, h_0, mask, z, r, g, a_gh, h)


def gru_backward(dh: Array, cache: GRUCache) -> Gradients:
    """Backpropagation through time for `gru_forward`.

    Parameters
    ----------
    dh
        The gradient of the loss with respect to each h[t] as an output, ``(time, batch, units)``.
    cache
        From `gru_forward`.

    Returns
    -------
    dict
        The gradients for ``x``, ``W_x``, ``W_h``, ``b`` and ``h_0``, each in the shape of its array.
    """
    x, W_x, W_h, h_0, mask, z, r, g, a_gh, h = cache
    expect("dh", dh, h.shape, "(time, batch, units)")
    h_before = np.concatenate([h_0[None], h[:-1]])
    da_x = np.zeros((*h.shape[:2], W_h.shape[1]), dtype=h.dtype)
    da_h = np.zeros_like(da_x)  # differs from da_x only in the candidate's part
    dh_next = np.zeros_like(h_0)
    for t in reversed(range(len(x))):
        dh_t = dh[t] + dh_next

        # h_t = z_t * h_{t-1} + (1 - z_t) * g_t
        dz = dh_t * (h_before[t] - g[t])
        dg = dh_t * (1 - z[t])

        # g_t = tanh(a_gx + r_t * a_gh)
        da_g = dg * (1 - g[t] ** 2)
        dr = da_g * a_gh[t]

        # the gates' sigmoids
        da_z = dz * z[t] * (1 - z[t])
        da_r = dr * r[t] * (1 - r[t])
        da_x[t] = np.where(mask[t], np.concatenate([da_z, da_r, da_g], axis=-1), 0.0)
        da_h[t] = np.where(mask[t], np.concatenate([da_z, da_r, da_g * r[t]], axis=-1), 0.0)

        # back to step t - 1: kept by z_t, and through the weights
        dh_next = np.where(mask[t], dh_t * z[t] + da_h[t] @ W_h.T, dh_t)
    by_x = projection_gradients(da_x, x, W_x, h_0, h)
    by_h = projection_gradients(da_h, x, W_x, h_0, h)
    return {
        "x": by_x["x"],
        "W_x": by_x["W_x"],
        "W_h": by_h["W_h"],
        "b": np.stack([by_x["b"], by_h["b"]]),
        "h_0": dh_next,
    }


class PeepholeCache(NamedTuple):
    """What `peephole_backward` needs from the forward pass."""

    x: Array
    W_x: Array
    W_h: Array
    p: Array
    h_0: Array
    c_0: Array
    mask: Array
    i: Array
    f: Array
    g: Array
    o: Array
    c: Array
    h: Array


def peephole_forward(
    x: Array,
    W_x: Array,
    W_h: Array,
    b: Array,
    p: Array,
    h_0: Array | None = None,
    c_0: Array | None = None,
    mask: Array | None = None,
) -> tuple[Array, Array, PeepholeCache]:
    """The LSTM whose gates see the cell (Gers & Schmidhuber 2000): i_t and f_t look at c_{t-1}, o_t at c_t.

    Parameters
    ----------
    p
        The peepholes' weights p_i, p_f, p_o, ``(3, units)``: each unit's gates see only its own cell, so they are
        vectors, and p_i * c_{t-1} is added to what goes into the input gate's sigmoid.
    x, W_x, W_h, b, h_0, c_0, mask
        As in `companion.cells.lstm_forward`, and so are the results.

    Raises
    ------
    UserError
        An array has the wrong shape.
    """
    mask, (h_0, c_0) = check_shapes(4, x, W_x, W_h, b, mask, h_0=h_0, c_0=c_0)
    p_i, p_f, p_o = expect("p", p, (3, len(W_h)), "(3, units)")
    a_x = x @ W_x + b
    i, f, g, o, c, h = np.empty((6, *x.shape[:2], len(W_h)), dtype=a_x.dtype)
    h_before, c_before = h_0, c_0
    for t in range(len(x)):
        a_i, a_f, a_g, a_o = np.split(a_x[t] + h_before @ W_h, 4, axis=-1)
        i[t] = sigmoid(a_i + p_i * c_before)
        f[t] = sigmoid(a_f + p_f * c_before)
        g[t] = np.tanh(a_g)
        c_t = f[t] * c_before + i[t] * g[t]
        o[t] = sigmoid(a_o + p_o * c_t)  # the output gate sees the new cell state
        h_t = o[t] * np.tanh(c_t)
        c_before = c[t] = np.where(mask[t], c_t, c_before)
        h_before = h[t] = np.where(mask[t], h_t, h_before)
    return h, c, PeepholeCache(x, W_x, W_h, p, h_0, c_0, mask, i, f, g, o, c, h)


def peephole_backward(dh: Array, cache: PeepholeCache, dc_last: Array | None = None) -> Gradients:
    """Backpropagation through time for `peephole_forward`; like `companion.cells.lstm_backward`, plus ``p``."""
    x, W_x, W_h, p, h_0, c_0, mask, i, f, g, o, c, h = cache
    p_i, p_f, p_o = p
    expect("dh", dh, h.shape, "(time, batch, units)")
    dc_next = np.zeros_like(c_0) if dc_last is None else expect("dc_last", dc_last, c_0.shape, "(batch, units)")
    dh_next = np.zeros_like(h_0)
    c_before = np.concatenate([c_0[None], c[:-1]])
    da = np.zeros((*h.shape[:2], W_h.shape[1]), dtype=h.dtype)
    for t in reversed(range(len(x))):
        dh_t = dh[t] + dh_next
        tanh_c = np.tanh(c[t])
        da_o = dh_t * tanh_c * o[t] * (1 - o[t])
        dc = dc_next + dh_t * o[t] * (1 - tanh_c**2) + da_o * p_o  # the output gate's peephole leads to c_t too
        da_i = dc * g[t] * i[t] * (1 - i[t])
        da_f = dc * c_before[t] * f[t] * (1 - f[t])
        da_g = dc * i[t] * (1 - g[t] ** 2)
        da[t] = np.where(mask[t], np.concatenate([da_i, da_f, da_g, da_o], axis=-1), 0.0)
        dh_next = np.where(mask[t], da[t] @ W_h.T, dh_t)
        dc_next = np.where(mask[t], dc * f[t] + da_i * p_i + da_f * p_f, dc_next)  # and the others to c_{t-1}
    da_i, da_f, _, da_o = np.split(da, 4, axis=-1)
    dp = np.stack([(da_i * c_before).sum((0, 1)), (da_f * c_before).sum((0, 1)), (da_o * c).sum((0, 1))])
    return {**projection_gradients(da, x, W_x, h_0, h), "p": dp, "h_0": dh_next, "c_0": dc_next}
