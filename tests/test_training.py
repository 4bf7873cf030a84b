"""Training: windows that do not overlap, a validation text that is never trained on, and resuming to the same end."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import set_seed
from companion.errors import UserError
from companion.models import language_model, transformer_model
from companion.seeding import generator
from companion.training import CheckpointError, History, TrainingConfig, dataset, fit, windows

SMALL = TrainingConfig(epochs=2, batch_size=4, window=8, learning_rate=1e-2, warmup_steps=5, average=0.9, evaluations=2)


def text_ids(n: int = 1200) -> np.ndarray:
    """A text with something to learn: each id is the last one plus 1 or 2, modulo 6."""
    return (np.cumsum(np.random.default_rng(0).integers(1, 3, n)) % 6).astype(np.int32)


def small_model():
    set_seed(4)
    return language_model(6, embedding_dim=4, units=8, dropout=0.2)


@given(length=st.integers(2, 500), batch=st.integers(1, 5), window=st.integers(1, 9), epoch=st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_windows_are_contiguous_and_do_not_overlap(length, batch, window, epoch):
    config = TrainingConfig(batch_size=batch, window=window)
    ids = np.arange(length)
    if length - 1 < batch * window:
        with pytest.raises(UserError, match="need at least"):
            windows(ids, config, epoch)
        return
    x, y = windows(ids, config, epoch)
    assert x.shape == y.shape == (len(x), batch, window)
    assert (y == x + 1).all()  # the target is the next token
    assert len(np.unique(x)) == x.size  # no token is read twice
    streams = x.swapaxes(0, 1).reshape(batch, -1)
    assert (np.diff(streams, axis=1) == 1).all()  # the state carried from window to window fits
    assert length - 1 - x.size < batch * window + window  # hardly anything is left out


def test_the_windows_shift_from_epoch_to_epoch():
    starts = {int(windows(np.arange(2000), TrainingConfig(batch_size=2, window=50), e)[0].min()) for e in range(6)}
    assert len(starts) > 3


def test_the_dataset_is_the_windows():
    ids = text_ids(200)
    batches = [(x.numpy(), y.numpy()) for x, y in dataset(ids, SMALL, 1)]
    x, y = windows(ids, SMALL, 1)
    np.testing.assert_array_equal([b[0] for b in batches], x)
    np.testing.assert_array_equal([b[1] for b in batches], y)


def test_it_learns_and_ends_with_its_best_weights():
    from companion.evaluation import evaluate

    model, validation = small_model(), text_ids(2000)[1500:]
    before = evaluate(model, validation).nats_per_token
    history = fit(model, text_ids(), validation, SMALL, progress=False)
    after = evaluate(model, validation).nats_per_token
    assert after < before - 0.2
    assert after == pytest.approx(history.best["validation_loss"], abs=1e-5)
    assert history.column("epoch") == pytest.approx([0.5, 1, 1.5, 2], abs=0.02)  # an odd number of steps has no half
    assert history.column("tokens")[-1] == history.rows[-1]["step"] * 4 * 8


def test_the_validation_text_never_reaches_the_weights():
    first, second = small_model(), small_model()
    one_epoch = TrainingConfig(epochs=1, batch_size=4, window=8)
    fit(first, text_ids(), text_ids(300), one_epoch, progress=False)
    fit(second, text_ids(), text_ids(300)[::-1].copy(), one_epoch, progress=False)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_same_seed_gives_the_same_model():
    runs = []
    for _ in range(2):
        model = small_model()
        fit(model, text_ids(), text_ids(300), SMALL, progress=False)
        runs.append(model.get_weights())
    for a, b in zip(*runs, strict=True):
        np.testing.assert_array_equal(a, b)


def train_small(checkpoint: Path) -> list[np.ndarray]:
    """Losses and weights at the end."""
    model = small_model()
    history = fit(model, text_ids(), text_ids(300), SMALL, checkpoint=checkpoint, progress=False)
    losses = [history.column(name) for name in ("training_loss", "validation_loss")]
    return [*losses, *(v.numpy() for v in model.trainable_variables)]


KILLED = """
    import sys, time
    from companion import training
    from tests.test_training import train_small

    evaluate = training._Trainer.evaluate  # leave the parent time to kill it
    training._Trainer.evaluate = lambda *a: (time.sleep(1), evaluate(*a))[1]
    train_small(sys.argv[1])
"""


def test_killed_and_resumed_it_ends_as_if_it_had_never_stopped(tmp_path):
    """kill -9 in the middle, as soon as there is a checkpoint; the same training again goes on from it."""
    checkpoint = tmp_path / "killed.checkpoint.npz"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(checkpoint)]
    process = subprocess.Popen(command, cwd=Path(__file__).parents[1])
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it ended before it could be killed"
    before = checkpoint.read_bytes()
    killed = train_small(checkpoint)
    assert checkpoint.read_bytes() != before
    whole = train_small(tmp_path / "whole.checkpoint.npz")
    for a, b in zip(whole, killed, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    one = TrainingConfig(epochs=1, batch_size=4, window=8)
    again = {"config": one, "checkpoint": tmp_path / "c.npz", "progress": False}
    fit(small_model(), text_ids(), text_ids(300), **again)
    other_dropout = language_model(6, embedding_dim=4, units=8, dropout=0.3)
    for model, ids, validation_ids in [
        (small_model(), text_ids(900), text_ids(300)),
        (small_model(), text_ids(), text_ids(299)),
        (other_dropout, text_ids(), text_ids(300)),
    ]:
        with pytest.raises(CheckpointError, match="another training"):
            fit(model, ids, validation_ids, **again)
    (tmp_path / "c.npz").write_bytes(b"PK not an archive")
    with pytest.raises(CheckpointError, match="damaged"):
        fit(small_model(), text_ids(), text_ids(300), **again)


@pytest.mark.parametrize("other", [{"heads": 1}, {"context": 4}, {"dropout": 0.2}])
def test_a_checkpoint_of_another_transformer_is_refused(tmp_path, other):
    """Its weights would fit."""
    sizes = {"vocab_size": 6, "width": 4, "layers": 1, "heads": 2, "context": 3, "dropout": 0.1}
    again = {"checkpoint": tmp_path / "c.npz", "progress": False}
    short = TrainingConfig(epochs=1, batch_size=4, window=8)
    fit(transformer_model(**sizes), text_ids(70), text_ids(30), short, **again)
    fit(transformer_model(**sizes), text_ids(70), text_ids(30), short, **again)
    with pytest.raises(CheckpointError, match="another training"):
        fit(transformer_model(**sizes | other), text_ids(70), text_ids(30), short, **again)


def test_gradients_are_clipped():
    """With a norm close to 0 nothing can move: Adam's own scaling would otherwise step by the learning rate."""
    import keras

    config = TrainingConfig(epochs=1, batch_size=4, window=8, clip_norm=1e-12)
    model = small_model()
    before = model.get_weights()
    fit(model, text_ids(), text_ids(300), config, progress=False)
    # Adam divides by its own estimate plus epsilon: 1e-7 is far above a gradient of 1e-12.
    moved = max(np.abs(a - b).max() for a, b in zip(before, model.get_weights(), strict=True) if a.ndim > 1)
    assert moved < 1e-4
    assert keras.optimizers.Adam().epsilon == 1e-7


def test_clipping_is_keras_s_to_the_bit():
    """Also for the embedding, whose gradient is sparse and has several parts for a token that was read twice."""
    import keras
    import tensorflow as tf

    from companion.training import Alone
    from companion.training.loop import _clipped

    def step(limit: float, ours: bool) -> list[np.ndarray]:
        model = small_model()
        variables = model.trainable_variables
        with tf.GradientTape() as tape:
            logits = model(text_ids(64).reshape(4, 16))
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(text_ids(64).reshape(4, 16), logits))
        gradients = tape.gradient(loss, variables)
        assert any(isinstance(gradient, tf.IndexedSlices) for gradient in gradients)
        if ours:
            loss, gradients, squares = Alone().mean(loss, gradients)
            gradients = _clipped(gradients, squares, limit)
        optimizer = keras.optimizers.SGD(1.0, global_clipnorm=None if ours else limit)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return model.get_weights()

    for limit in (1e-2, 1e3):
        for a, b in zip(step(limit, ours=True), step(limit, ours=False), strict=True):
            np.testing.assert_array_equal(a, b)


def test_the_learning_rate_warms_up_and_decays():
    history = fit(small_model(), text_ids(), text_ids(300), SMALL, progress=False)
    rates = history.column("learning_rate")
    assert rates.max() <= 1e-2 and rates[-1] == pytest.approx(1e-4, rel=0.2)
    assert (np.diff(rates) < 0).all()  # warm-up is over before the first validation


def test_a_loss_that_explodes_is_told():
    model = small_model()
    model.trainable_variables[0].assign(np.full((6, 4), np.nan))
    with pytest.raises(UserError, match="no number any more"):
        fit(model, text_ids(), text_ids(300), SMALL, progress=False)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"window": 0}, "window is 0"),
        ({"evaluations": True}, "evaluations is True"),
        ({"warmup_steps": -5}, "warmup_steps is -5; .* at least 0"),
        ({"learning_rate": 0}, "learning_rate and clip_norm"),
        ({"clip_norm": -1}, "learning_rate and clip_norm"),
        ({"average": 1.0}, "average should be at least 0"),
        ({"final_rate": 1.5}, "final_rate from 0 to 1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_settings_are_told(settings, says):
    with pytest.raises(UserError, match=says):
        TrainingConfig(**settings)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", None])
def test_what_is_no_seed_is_told(seed):
    with pytest.raises(UserError, match=f"The seed is {seed}; it should be a whole number from 0"):
        set_seed(seed, tensorflow=False)


def test_a_generator_is_numpy_s():
    for seed in (3, [3, 1], 2**40):
        assert generator(seed).random() == np.random.default_rng(seed).random()
    for wrong in (-1, 1.5, [1, -1]):
        with pytest.raises(UserError, match="at least 0"):
            generator(wrong)


def test_the_best_row_has_the_lowest_validation_loss():
    history = History([{"validation_loss": 2.0, "step": 1}, {"validation_loss": 1.0, "step": 2}])
    assert history.best["step"] == 2
