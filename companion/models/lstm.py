"""Keras's LSTM layer: the same arithmetic, in another order.

Only what needs the step before it is computed step by step. Everything else is one large product, before the loop over
time or after it:

- ``x W_x + b`` of all steps, before the loop;
- in the backward pass the gradients of both matrices and of the input, after the loop. Automatic differentiation would
  add two products to their sums in every step;
- what an error must be multiplied by on its way back through a gate, in the forward pass, which has the gates at hand.

A batch is read in two halves, which need nothing of each other, so that two cores can share the work; and where the
processor multiplies in bfloat16, training does (`products`). Chapter: *compute*.

This module defines a Keras layer, so importing it imports Keras.
"""

import functools
import os
from pathlib import Path
from typing import Any

from companion.errors import UserError
from companion.seeding import cores, quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

PRODUCTS_VARIABLE = "GATE_BY_GATE_PRODUCTS"
HALVED = 32  # rows from which a batch is read in two halves


@keras.saving.register_keras_serializable(package="gate_by_gate")
class LSTM(keras.layers.LSTM):
    """Keras's `LSTM`: the same weights, states and masks, and the same results up to rounding.

    It leaves to Keras what it isn't written for: other activations, a layer without a bias, the cell's own dropout,
    other types than float32, and GPUs, for which Keras has a fast loop.

    Its parameters are Keras's.
    """

    def __init__(self, units: int, **settings: Any) -> None:
        super().__init__(units, **settings)
        self.supports_jit = False  # XLA would compile for seconds and gain nothing

    def inner_loop(self, sequences: Any, initial_state: Any, mask: Any, training: bool = False) -> Any:
        """``(batch, time, width)`` to the last output, all outputs ``(batch, time, units)``, and the states h and c."""
        if not self._is_plain():
            return super().inner_loop(sequences, initial_state, mask, training)
        mask = mask[0] if isinstance(mask, list | tuple) else mask
        x = tf.transpose(sequences, (1, 0, 2))
        real = None if mask is None else tf.transpose(tf.cast(mask, tf.float32))[..., None]
        if self.go_backwards:
            x = tf.reverse(x, (0,))
            real = None if real is None else tf.reverse(real, (0,))
        W_x, W_h, b = (tf.convert_to_tensor(weight) for weight in self.cell.weights)
        h, c = initial_state
        y, h, c = read(x, h, c, W_x, W_h, b, real, bool(training), products() if training else "float32")
        y.set_shape((*x.shape[:2], self.units))  # the loop doesn't know how long it is
        if real is not None:  # Keras repeats the last output at a padded place; before the first one it gives zeros
            y *= real if self.zero_output_for_mask else tf.minimum(tf.cumsum(real), 1.0)
        return y[-1], tf.transpose(y, (1, 0, 2)), [h, c]

    def _is_plain(self) -> bool:
        """Whether this module's loop is used."""
        cell = self.cell
        functions = (cell.activation, cell.recurrent_activation)
        return bool(
            functions == (keras.activations.tanh, keras.activations.sigmoid)
            and cell.use_bias
            and not (cell.dropout or cell.recurrent_dropout)
            and self.compute_dtype == "float32"
            and not tf.config.get_visible_devices("GPU")
        )


def products() -> str:
    """The type in which training multiplies matrices, ``"float32"`` or ``"bfloat16"``; all else is float32.

    bfloat16 keeps 8 of a factor's 24 binary digits. A processor that has instructions for it (``avx512_bf16``)
    multiplies almost twice as fast, and the loss comes out the same. Others would be slower and don't use it. The
    environment variable ``GATE_BY_GATE_PRODUCTS`` decides if it is set, as it is for the book's pages, whose numbers
    are float32's.

    Raises
    ------
    UserError
        The variable has another value.
    """
    wanted = os.environ.get(PRODUCTS_VARIABLE) or ("bfloat16" if multiplies_bfloat16() else "float32")
    if wanted not in ("float32", "bfloat16"):
        raise UserError(f"{PRODUCTS_VARIABLE} is {wanted!r}; it should be float32 or bfloat16.")
    return wanted


@functools.cache
def multiplies_bfloat16() -> bool:
    """Whether this processor has instructions for products in bfloat16, as far as the system says so."""
    try:
        return "avx512_bf16" in Path("/proc/cpuinfo").read_text(encoding="utf-8").split()
    except OSError:  # not Linux
        return False


def has_two_cores() -> bool:
    """Whether TensorFlow may run two operations at the same time, and has two cores for them."""
    asked = os.environ.get("TF_NUM_INTEROP_THREADS", "")  # TensorFlow follows it and doesn't say so
    threads = tf.config.threading.get_inter_op_parallelism_threads() or int(asked if asked.isdecimal() else 0)
    return min(cores(), threads or cores()) > 1


def read(
    x: Any, h: Any, c: Any, W_x: Any, W_h: Any, b: Any, real: Any = None, training: bool = False, kind: str = "float32"
) -> tuple[Any, Any, Any]:
    """All steps of an LSTM layer.

    Parameters
    ----------
    x
        ``(time, batch, width)``.
    h, c
        The states before, ``(batch, units)``.
    W_x, W_h, b
        ``(width, 4 units)``, ``(units, 4 units)`` and ``(4 units,)``, in Keras's order i, f, g, o.
    real
        ``(time, batch, 1)``: 1.0 where there is a token and 0.0 at padding, which leaves the states as they are. None:
        no padding.
    training
        Whether a backward pass will follow. What it needs is then kept.
    kind
        The type in which matrices are multiplied; see `products`.

    Returns
    -------
    y, h, c
        h after each step, ``(time, batch, units)``, and the states at the end.
    """
    rows = x.shape[1]
    if not (training and has_two_cores()) or (rows is not None and rows < HALVED):
        return _read_rows(x, h, c, W_x, W_h, b, real, training, kind)
    half = (tf.shape(x)[1] if rows is None else rows) // 2
    halves = [
        _read_rows(x[:, part], h[part], c[part], W_x, W_h, b, real if real is None else real[:, part], training, kind)
        for part in (slice(half), slice(half, None))
    ]
    y, h, c = zip(*halves, strict=True)
    return tf.concat(y, 1), tf.concat(h, 0), tf.concat(c, 0)


def _read_rows(
    x: Any, h: Any, c: Any, W_x: Any, W_h: Any, b: Any, real: Any, training: bool, kind: str
) -> tuple[Any, Any, Any]:
    if training:
        return _read_to_learn(x, h, c, W_x, W_h, b, real, kind)
    time, units = tf.shape(x)[0], W_h.shape[0]
    z_x = _product(x, W_x, kind) + b
    y = _empty(time, h, units)

    def step(t: Any, h: Any, c: Any, y: Any) -> Any:
        i, f, g, o = _gates(z_x[t] + _product(h, W_h, kind))
        c_new = f * c + i * g
        h_new = o * tf.tanh(c_new)
        if real is not None:
            h_new, c_new = tf.where(real[t] > 0, h_new, h), tf.where(real[t] > 0, c_new, c)
        h_new, c_new = tf.ensure_shape(h_new, h.shape), tf.ensure_shape(c_new, c.shape)  # x may not know its rows
        return t + 1, h_new, c_new, y.write(t, h_new)

    _, h, c, y = tf.while_loop(lambda t, *_: t < time, step, (0, h, c, y))
    return y.stack(), h, c


def _read_to_learn(x: Any, h: Any, c: Any, W_x: Any, W_h: Any, b: Any, real: Any, kind: str) -> tuple[Any, Any, Any]:
    """`read`, with a backward pass of its own.

    At each step the forward pass keeps how the errors at h and c pass it: with e_c the whole error at c, the errors at
    the four gates' sums are A_i e_c, A_f e_c, A_g e_c and A_o e_h, where A is the derivative of each gate times what
    the gate is multiplied by, and e_c itself receives B e_h through the output.
    """
    units = W_h.shape[0]

    @tf.custom_gradient
    def run(x: Any, h0: Any, c0: Any, W_x: Any, W_h: Any, b: Any) -> Any:
        time = tf.shape(x)[0]
        fast_W_h = tf.cast(W_h, kind)
        z_x = _steps(_product(x, W_x, kind) + b)

        def step(t: Any, h: Any, c: Any, ys: Any, As: Any, Bs: Any, fs: Any) -> Any:
            i, f, g, o = _gates(z_x.read(t) + _product(h, fast_W_h, kind))
            new, kept = i * g, f * c
            c_new = new + kept
            squashed = tf.tanh(c_new)
            h_new = o * squashed
            A = tf.concat([new - new * i, kept - kept * f, i - new * g, h_new - h_new * o], 1)
            B = o - h_new * squashed
            if real is not None:
                is_real = real[t] > 0
                h_new, c_new = tf.where(is_real, h_new, h), tf.where(is_real, c_new, c)
                A, B, f = A * real[t], B * real[t], tf.where(is_real, f, 1.0)
            return t + 1, h_new, c_new, ys.write(t, h_new), As.write(t, A), Bs.write(t, B), fs.write(t, f)

        empty = [_empty(time, h0, size) for size in (units, 4 * units, units, units)]
        _, h, c, ys, As, Bs, fs = tf.while_loop(lambda t, *_: t < time, step, (0, h0, c0, *empty))
        y = ys.stack()

        def backward(e_y: Any, e_h: Any, e_c: Any) -> Any:
            e_ys = _steps(e_y)

            def step_back(t: Any, e_h: Any, e_c: Any, e_zs: Any) -> Any:
                e_h = e_h + e_ys.read(t)
                e_c = e_c + Bs.read(t) * e_h
                e_z = As.read(t) * tf.concat([e_c, e_c, e_c, e_h], 1)
                passed = _product(e_z, fast_W_h, kind, transpose_b=True)
                if real is not None:
                    passed += (1.0 - real[t]) * e_h
                return t - 1, passed, fs.read(t) * e_c, e_zs.write(t, e_z)

            e_zs = _empty(time, h0, 4 * units)
            _, e_h, e_c, e_zs = tf.while_loop(lambda t, *_: t >= 0, step_back, (time - 1, e_h, e_c, e_zs))
            e_z = _rows(e_zs.stack())
            before = _rows(tf.concat([h0[None], y[:-1]], 0))
            e_x = tf.reshape(_product(e_z, W_x, kind, transpose_b=True), tf.shape(x))
            e_W_x = _product(_rows(x), e_z, kind, transpose_a=True)
            e_W_h = _product(before, e_z, kind, transpose_a=True)
            return e_x, e_h, e_c, e_W_x, e_W_h, tf.reduce_sum(e_z, 0)

        return (y, h, c), backward

    return run(x, h, c, W_x, W_h, b)


def _gates(z: Any) -> tuple[Any, Any, Any, Any]:
    """The gates i, f and o and the candidate g from their sums ``(batch, 4 units)``."""
    units = z.shape[-1] // 4
    i_f = tf.sigmoid(z[:, : 2 * units])
    return i_f[:, :units], i_f[:, units:], tf.tanh(z[:, 2 * units : 3 * units]), tf.sigmoid(z[:, 3 * units :])


def _product(a: Any, b: Any, kind: str, **settings: Any) -> Any:
    """The product of two matrices, multiplied in a type of its own; ``a`` may be a stack of matrices."""
    if a.shape.rank == 3:
        return tf.reshape(_product(_rows(a), b, kind, **settings), (*tf.unstack(tf.shape(a)[:2]), b.shape[-1]))
    return tf.cast(tf.matmul(tf.cast(a, kind), tf.cast(b, kind), **settings), tf.float32)


def _rows(x: Any) -> Any:
    """``(time, batch, size)`` to ``(time * batch, size)``."""
    return tf.reshape(x, (-1, x.shape[-1]))


def _steps(x: Any) -> tf.TensorArray:
    """``(time, batch, size)``, to be read step by step."""
    return tf.TensorArray(tf.float32, tf.shape(x)[0], element_shape=x.shape[1:]).unstack(x)


def _empty(time: Any, like: Any, size: int) -> tf.TensorArray:
    """Room for ``(batch, size)`` at each step."""
    return tf.TensorArray(tf.float32, time, element_shape=(like.shape[0], size))
