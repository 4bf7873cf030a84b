"""How fast this machine is: operations and bytes per second, and the time of a model's steps.

All times are processor seconds, summed over threads, and the shortest of several tries counts, because a disturbance
can only add time. So a rate is that of one core, and other programs matter little. Chapter: *compute*.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.errors import UserError, check_sizes

if TYPE_CHECKING:
    import keras


def seconds(run: Callable[[], object], at_least: float = 0.2, repeats: int = 1) -> float:
    """Processor seconds of one call: the shortest of several tries.

    Parameters
    ----------
    run
        What to time; it is called once beforehand, to warm up.
    at_least
        Processor seconds to keep trying for. There are at least three tries.
    repeats
        Calls per try: many if one is too short for the clock.

    Raises
    ------
    UserError
        ``repeats`` is below 1.
    """
    check_sizes(repeats=repeats)
    run()
    tries: list[float] = []
    while len(tries) < 3 or sum(tries) < at_least:
        start = time.process_time()
        for _ in range(repeats):
            run()
        tries.append(time.process_time() - start)
    return min(tries) / repeats


def matmul_rate(rows: int, inner: int, columns: int) -> float:
    """Operations per second of a product of float32 matrices, ``(rows, inner) @ (inner, columns)``, in NumPy.

    A multiply-add is two operations.

    Raises
    ------
    UserError
        A size is below 1.
    """
    check_sizes(rows=rows, inner=inner, columns=columns)
    rng = np.random.default_rng(0)
    a, b = rng.random((rows, inner), np.float32), rng.random((inner, columns), np.float32)
    out = np.empty((rows, columns), np.float32)
    flops = 2 * rows * inner * columns
    return flops / seconds(lambda: np.matmul(a, b, out=out), repeats=max(1, int(2e7 / flops)))


def training_rate(rows: int, inner: int, columns: int, at_once: int = 8) -> float:
    """Operations per second, in TensorFlow, of the three products that training computes for ``x @ W``.

    These are the product itself, ``(rows, inner) @ (inner, columns)``, and in the backward pass the gradients for
    ``x`` and ``W``, which need the matrices transposed and need not be equally fast.

    Parameters
    ----------
    rows, inner, columns
        Sizes of the matrices: ``x`` is ``(rows, inner)``, ``W`` is ``(inner, columns)``.
    at_once
        How many different ``x`` per call, because TensorFlow has some overhead per call.

    Raises
    ------
    UserError
        A size is below 1.
    """
    check_sizes(rows=rows, inner=inner, columns=columns, at_once=at_once)
    import tensorflow as tf

    rng = np.random.default_rng(0)
    W = tf.constant(rng.random((inner, columns), np.float32))
    x = tf.constant(rng.random((at_once, rows, inner), np.float32))
    dy = tf.constant(rng.random((at_once, rows, columns), np.float32))

    @tf.function
    def products(x: Any, dy: Any, W: Any) -> list[Any]:
        pairs = [(x[n], dy[n]) for n in range(at_once)]
        made = [
            (tf.matmul(x, W), tf.matmul(dy, W, transpose_b=True), tf.matmul(x, dy, transpose_a=True)) for x, dy in pairs
        ]
        return [tf.reduce_sum(product[:1, :1]) for three in made for product in three]

    flops = 3 * 2 * at_once * rows * inner * columns
    return flops / seconds(lambda: products(x, dy, W), repeats=max(1, int(1e8 / flops)))


def read_rate(megabytes: float) -> float:
    """Bytes per second read in a product of a vector and a square matrix of this size, as in writing one text.

    A matrix that fits into the processor's cache is read several times as fast as one that comes from memory.

    Raises
    ------
    UserError
        The size isn't above 0.
    """
    if not megabytes > 0:
        raise UserError(f"The size is {megabytes} megabytes; it should be above 0.")
    n = max(1, round((megabytes * 1e6 / 4) ** 0.5))
    rng = np.random.default_rng(0)
    x, W = rng.random(n, np.float32), rng.random((n, n), np.float32)
    return W.nbytes / seconds(lambda: x @ W, repeats=max(1, int(2e7 / W.nbytes)))


def training_step(model: "keras.Model", batch: int, window: int) -> Callable[[], np.ndarray]:
    """An update of a model on random ids, like those of `companion.training.fit`: forward, backward, Adam.

    Parameters
    ----------
    model
        From ids ``(batch, window)`` to logits for every token, or to probabilities of the token after the window (like
        `companion.models.article_model`).
    batch, window
        Streams, and tokens of each.

    Returns
    -------
    function
        Without arguments; returns the loss. Its first call compiles.

    Raises
    ------
    UserError
        A size is below 1.
    """
    check_sizes(batch=batch, window=window)
    import keras
    import tensorflow as tf

    vocab_size = int(model.output_shape[-1])
    answers_once = len(model.output_shape) == 2
    rng = np.random.default_rng(0)
    x = tf.constant(rng.integers(vocab_size, size=(batch, window)), tf.int32)
    y = tf.constant(rng.integers(vocab_size, size=(batch,) if answers_once else (batch, window)), tf.int32)
    optimizer = keras.optimizers.Adam(1e-3, global_clipnorm=None if answers_once else 1.0)
    optimizer.build(model.trainable_variables)

    @tf.function
    def step() -> Any:
        with tf.GradientTape() as tape:
            answer = model(x, training=True)
            losses = keras.losses.sparse_categorical_crossentropy(y, answer, from_logits=not answers_once)
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return lambda: step().numpy()


def writing_step(model: "keras.Model", texts: int = 1, read_before: int = 0) -> Callable[[], np.ndarray]:
    """The step by which `companion.generation` writes one token of each text.

    Parameters
    ----------
    model
        What `companion.generation.stepper` takes.
    texts
        How many are written side by side.
    read_before
        Tokens already read; the more a Transformer can look back at, the longer its step takes.

    Raises
    ------
    UserError
        ``texts`` is below 1, or ``read_before`` below 0.
    """
    check_sizes(texts=texts)
    check_sizes(0, read_before=read_before)
    from companion.generation import stepper
    from companion.generation.steppers import advancing

    stepping = stepper(model)
    ids, state, advance = np.zeros(texts, np.int64), stepping.start(texts), advancing(stepping)

    def step() -> np.ndarray:
        nonlocal state
        logits, state = advance(ids, state)
        return logits

    for _ in range(read_before):
        step()
    return step
