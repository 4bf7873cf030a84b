"""The plain recurrent network, forward and backward. Chapter: *recurrence*."""

from typing import NamedTuple

import numpy as np

from companion.cells.cells import Array, Gradients, check_shapes, expect, projection_gradients


class RNNCache(NamedTuple):
    """What `rnn_backward` needs from the forward pass."""

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
        An array has the wrong shape.
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
        for each h[t], through everything later that depends on it, which shows how far back a gradient reaches.
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
