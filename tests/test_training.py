"""Training: windows that do not overlap, a validation text that is never trained on, and resuming to the same end."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import set_seed
from companion.errors import UserError
from companion.models import language_model
from companion.training import History, TrainingConfig, dataset, fit, windows

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


TRAIN = """
    import sys, time
    import numpy as np
    from companion import training
    from tests.test_training import SMALL, fit, small_model, text_ids

    if "--slow" in sys.argv:  # leave the parent time to kill it
        evaluate = training._Trainer.evaluate
        training._Trainer.evaluate = lambda *a: (time.sleep(1), evaluate(*a))[1]
    model = small_model()
    history = fit(model, text_ids(), text_ids(300), SMALL, checkpoint=sys.argv[1], progress=False)
    losses = [history.column(name) for name in ("training_loss", "validation_loss")]
    np.savez(sys.argv[2], *losses, *[v.numpy() for v in model.trainable_variables])
"""


def test_killed_and_resumed_it_ends_as_if_it_had_never_stopped(tmp_path):
    """kill -9 in the middle, as soon as there is a checkpoint; the same command again goes on from it."""

    def command(name: str, *more: str) -> list[str]:
        files = [str(tmp_path / f"{name}.checkpoint.npz"), str(tmp_path / f"{name}.npz")]
        return [sys.executable, "-c", textwrap.dedent(TRAIN), *files, *more]

    root = os.path.dirname(os.path.dirname(__file__))
    subprocess.run(command("whole"), check=True, cwd=root)
    checkpoint = tmp_path / "killed.checkpoint.npz"
    process = subprocess.Popen(command("killed", "--slow"), cwd=root)
    while not checkpoint.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (tmp_path / "killed.npz").exists(), "it was killed too late to show anything"
    subprocess.run(command("killed"), check=True, cwd=root)
    with np.load(tmp_path / "whole.npz") as whole, np.load(tmp_path / "killed.npz") as killed:
        assert whole.files == killed.files
        for name in whole.files:
            np.testing.assert_array_equal(whole[name], killed[name])


def test_a_checkpoint_of_another_training_is_refused(tmp_path):
    one = TrainingConfig(epochs=1, batch_size=4, window=8)
    fit(small_model(), text_ids(), text_ids(300), one, checkpoint=tmp_path / "c.npz", progress=False)
    with pytest.raises(UserError, match="another training"):
        fit(small_model(), text_ids(900), text_ids(300), one, checkpoint=tmp_path / "c.npz", progress=False)
    (tmp_path / "c.npz").write_bytes(b"PK not an archive")
    with pytest.raises(UserError, match="damaged"):
        fit(small_model(), text_ids(), text_ids(300), one, checkpoint=tmp_path / "c.npz", progress=False)


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

    from companion.training import Alone, _clipped

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
    "settings", [{"epochs": 0}, {"window": 0}, {"learning_rate": 0}, {"average": 1.0}, {"clip_norm": -1}]
)
def test_bad_settings_are_told(settings):
    with pytest.raises(UserError):
        TrainingConfig(**settings)


def test_the_best_row_has_the_lowest_validation_loss():
    history = History([{"validation_loss": 2.0, "step": 1}, {"validation_loss": 1.0, "step": 2}])
    assert history.best["step"] == 2
