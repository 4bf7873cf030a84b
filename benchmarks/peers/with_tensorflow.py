"""The book's code, and Keras without it: training, generation, scoring, products of matrices."""

import math
import os
import time
from typing import Any

import numpy as np

from companion.seeding import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

from companion import models, set_seed  # noqa: E402
from companion.evaluation import evaluate  # noqa: E402
from companion.generation import Sampler, sample_ids  # noqa: E402
from companion.models import with_states, zero_states  # noqa: E402
from companion.models.lstm import PRODUCTS_VARIABLE  # noqa: E402
from companion.training import TextTask, Trainer, TrainingConfig  # noqa: E402
from peers.serving import Job, Run, repeated, serve  # noqa: E402

EPOCH_STEPS, EPOCHS = 50, 400  # more than any run needs
STREAMS, WINDOW = 64, 256  # the batches in which `evaluate` reads a long text


def network(model: str, sizes: dict[str, int], seed: int = 0) -> keras.Model:
    """A network of the book, by the name of the function that makes it."""
    set_seed(seed)
    made: keras.Model = getattr(models, model)(**sizes)
    return made


def multiply_in(kind: str) -> None:
    """Train what is compiled from now on with matrices of this type; empty: as the book chooses by itself."""
    os.environ.pop(PRODUCTS_VARIABLE, None)
    if kind:
        os.environ[PRODUCTS_VARIABLE] = kind


def training(model: str, sizes: dict[str, int], batch: int, window: int, kind: str = "") -> Run:
    """The book's loop on random ids: reading batches, forward, loss, backward, clipping, Adam, looking at losses."""
    multiply_in(kind)
    net = network(model, sizes)
    config = TrainingConfig(epochs=EPOCHS, batch_size=batch, window=window)
    ids = np.random.default_rng(0).integers(sizes["vocab_size"], size=EPOCH_STEPS * batch * window + 1)
    trainer = Trainer(TextTask(net, ids, ids[:1000], config), config)
    going = trainer.run()

    def step() -> int:
        before = trainer.step
        next(going)
        trainer.agree("")  # as `fit` does: it sets how many steps are taken before the next look
        return (trainer.step - before) * batch * window

    run = repeated(step)
    run(0.0)
    run(0.2)
    return run


def generation(model: str, sizes: dict[str, int], characters: int) -> Run:
    """Texts of so many characters, one after the other, by `sample_ids` with a temperature of 0.8."""
    net = network(model, sizes)

    def write() -> int:
        return sample_ids(net, [1], characters, Sampler(0.8), seed=0).size

    run = repeated(write)
    run(0.0)
    return run


def scoring(sizes: dict[str, int], characters: int) -> Run:
    """Seconds of `evaluate` on a fresh network, the first and the second time, and of a bare forward pass."""
    ids = np.random.default_rng(0).integers(sizes["vocab_size"], size=characters)
    streams = min(STREAMS, characters)
    windows = math.ceil(characters / (streams * WINDOW))
    batches = [np.resize(ids, (streams, WINDOW)).astype(np.int32) for _ in range(windows)]

    def run(seconds: float) -> dict[str, Any]:
        net = network("language_model", sizes)
        found = {"first": clocked(lambda: evaluate(net, ids)), "second": clocked(lambda: evaluate(net, ids))}
        twin = with_states(net)
        forward = tf.function(lambda x, states: twin([x, *states], training=False))

        def read(batches: list[np.ndarray]) -> None:
            states = zero_states(net, streams)
            for batch in batches:
                logits, *states = forward(tf.constant(batch), states)
            logits.numpy()

        read(batches[:1])
        return found | {"forward": clocked(lambda: read(batches))}

    run(0.0)
    return run


def clocked(function: Any) -> float:
    """Seconds that a call takes."""
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def peak(side: int, kind: str, cores: int) -> Run:
    """Products of square matrices, one for each core at a time, since each is computed on one."""
    rng = np.random.default_rng(0)
    left = [tf.cast(rng.random((side, side), np.float32), kind) for _ in range(cores)]
    right = tf.cast(rng.random((side, side), np.float32), kind)

    @tf.function
    def products(left: list[Any]) -> list[Any]:
        return [tf.matmul(x, right)[0, 0] for x in left]

    def step() -> int:
        for corner in products(left):
            corner.numpy()
        return 2 * side**3 * cores

    run = repeated(step)
    run(0.0)
    return run


def curve(
    ids: str, vocab: int, network_sizes: dict[str, Any], settings: dict[str, Any], kind: str = "", seed: int = 0
) -> Run:
    """The book's training on a text, a few seconds at a time; its clock stops when it isn't training.

    The first steps' tracing counts. Each turn ends with the loss on the whole validation text.
    """
    multiply_in(kind)
    with np.load(ids) as parts:
        train, validation = parts["train"], parts["validation"]
    net = network("language_model", {"vocab_size": vocab, **network_sizes}, seed)
    config = TrainingConfig(**settings)
    trainer = Trainer(TextTask(net, train, validation, config), config)
    going = trainer.run()
    total = 0.0

    def run(seconds: float) -> dict[str, Any]:
        nonlocal total
        begin, done = time.perf_counter(), False
        while not done and time.perf_counter() - begin < seconds:
            done = next(going, None) is None
            trainer.agree("")
        total += time.perf_counter() - begin
        row = {"seconds": total, "step": trainer.step, "done": trainer.step >= trainer.total}
        if trainer.losses:
            row["loss"] = trainer.evaluate()["validation_loss"]
        return row

    return run


def main() -> None:
    """Serve."""
    jobs: dict[str, Job] = {
        "training": training,
        "generation": generation,
        "scoring": scoring,
        "peak": peak,
        "curve": curve,
    }
    serve(jobs, ("keras", "tensorflow", "numpy"))
