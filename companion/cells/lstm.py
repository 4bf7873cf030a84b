"""The LSTM, forward and backward. Chapters: *gates*, *learning*."""

from typing import NamedTuple

import numpy as np

from companion.cells.cells import Array, Gradients, check_shapes, expect, projection_gradients, sigmoid


class LSTMCache(NamedTuple):
    """What `lstm_backward` needs from the forward pass; the gates ``i``, ``f``, ``o`` are worth a look themselves."""

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
        An array has the wrong shape.
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
        and ``c``: those for each h[t] and c[t], through everything later that depends on them.
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
