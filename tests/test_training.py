"""Training: windows don't overlap, the validation text is never trained on, and resuming gives the same result."""

import dataclasses
import doctest
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import evaluation, set_seed, training
from companion.errors import UserError
from companion.models import article_model, language_model, transformer_model
from companion.models.encoder_decoder import encoder_decoder
from companion.seeding import generator
from companion.tokenizers import Pairs
from companion.training import (
    Alone,
    CheckpointError,
    History,
    TextTask,
    Trainer,
    TrainingConfig,
    TrainingInterrupted,
    clipped,
    dataset,
    default_config,
    exit_code,
    fit,
    fit_pairs,
    share,
    windows,
)

ROOT = Path(__file__).resolve().parents[1]
SMALL = TrainingConfig(epochs=2, batch_size=4, window=8, learning_rate=1e-2, warmup_steps=5, average=0.9, evaluations=2)


def text_ids(n: int = 1200) -> np.ndarray:
    """A text with something to learn: each id is the previous one plus 1 or 2, modulo 6."""
    return (np.cumsum(np.random.default_rng(0).integers(1, 3, n)) % 6).astype(np.int32)


def small_model():
    set_seed(4)
    return language_model(6, embedding_dim=4, units=8, dropout=0.2)


def test_the_examples_hold():
    for module in (training.batches, training.checkpoints, training.ending, training.meeting, training.settings):
        assert doctest.testmod(module).failed == 0
    assert doctest.testmod(evaluation.losses).failed == 0


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
    assert (np.diff(streams, axis=1) == 1).all()  # windows are contiguous, so the carried state fits
    assert length - 1 - x.size < batch * window + window  # at most one step is left out


def test_the_windows_shift_from_epoch_to_epoch():
    starts = {int(windows(np.arange(2000), TrainingConfig(batch_size=2, window=50), e)[0].min()) for e in range(6)}
    assert len(starts) > 3


def test_the_dataset_is_the_windows():
    ids = text_ids(200)
    batches = [(x.numpy(), y.numpy()) for x, y in dataset(ids, SMALL, 1)]
    x, y = windows(ids, SMALL, 1)
    np.testing.assert_array_equal([b[0] for b in batches], x)
    np.testing.assert_array_equal([b[1] for b in batches], y)


def test_streams_start_afresh_as_often_as_asked_and_the_same_ones_in_each_run():
    config = TrainingConfig(batch_size=200, window=8, fresh_starts=0.25)
    ids = text_ids(2000)
    model = language_model(int(ids.max()) + 1, 2, 3)
    task, again = (TextTask(model, ids, ids[:50], config) for _ in range(2))
    states = [np.ones((200, 3), np.float32)] * 2
    steps = [[np.asarray(state) for state in task.carried(states, step)] for step in range(20)]
    for step, (h, c) in enumerate(steps):
        np.testing.assert_array_equal(h, c)  # a stream keeps its state or loses all of it
        assert set(h.ravel()) <= {0.0, 1.0} and (h == h[:, :1]).all()
        np.testing.assert_array_equal(h, again.carried(states, step)[0])
    assert 0.2 < np.mean([h == 0 for h, _ in steps]) < 0.3
    assert not np.array_equal(steps[0][0], steps[1][0]), "others in each step"
    never = TextTask(model, ids, ids[:50], TrainingConfig(batch_size=200, window=8))
    assert never.carried(states, 3) is states


def test_training_reads_from_the_states_that_start_afresh():
    losses = []
    for fresh in (0.0, 1.0):
        set_seed(0)
        ids = text_ids(600)
        model = language_model(int(ids.max()) + 1, 4, 8)
        config = TrainingConfig(epochs=2, batch_size=4, window=8, learning_rate=1e-2, fresh_starts=fresh)
        losses.append(fit(model, ids, ids[:50], config, progress=False).best["validation_loss"])
    assert losses[0] != losses[1]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """The result of `train_small` when nothing interrupts it."""
    return train_small(tmp_path_factory.mktemp("whole") / "checkpoint.npz")


def test_it_learns_and_ends_with_its_best_weights():
    from companion.evaluation import evaluate

    model, validation = small_model(), text_ids(2000)[1500:]
    before = evaluate(model, validation).nats_per_token
    history = fit(model, text_ids(), validation, SMALL, progress=False)
    after = evaluate(model, validation).nats_per_token
    assert after < before - 0.2
    assert after == pytest.approx(history.best["validation_loss"], abs=1e-5)
    assert history.column("epoch") == pytest.approx(
        [0.5, 1, 1.5, 2], abs=0.02
    )  # half an epoch is rounded to whole steps
    assert history.column("tokens")[-1] == history.rows[-1]["step"] * 4 * 8
    rates = history.column("learning_rate")
    assert rates.max() <= 1e-2 and rates[-1] == pytest.approx(1e-4, rel=0.2)
    assert (np.diff(rates) < 0).all()  # warm-up is over before the first validation


def test_the_validation_text_never_reaches_the_weights():
    first, second = small_model(), small_model()
    one_epoch = TrainingConfig(epochs=1, batch_size=4, window=8)
    fit(first, text_ids(), text_ids(300), one_epoch, progress=False)
    fit(second, text_ids(), text_ids(300)[::-1].copy(), one_epoch, progress=False)
    for a, b in zip(first.get_weights(), second.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_same_seed_gives_the_same_model(whole, tmp_path):
    """Whether or not there is a checkpoint, and however often it is written."""
    assert_same(whole, train_small(None))
    assert_same(whole, train_small(tmp_path / "checkpoint.npz", checkpoint_seconds=0))


# -- resuming ----------------------------------------------------------------------------------------------------------


class Disturbed(Alone):
    """A worker for which something happens at the nth look of the loop."""

    def __init__(self, look: int, happens: Callable[[], object]) -> None:
        self.left, self.happens = look, happens

    def from_chief(self, data: bytes) -> bytes:
        self.left -= 1
        if not self.left:
            self.happens()
        return data


def train_small(checkpoint: Path | None, **more) -> list[np.ndarray]:
    """Losses and weights at the end."""
    model = small_model()
    history = fit(model, text_ids(), text_ids(300), SMALL, checkpoint=checkpoint, progress=False, **more)
    losses = [history.column(name) for name in ("training_loss", "validation_loss")]
    return [*losses, *(v.numpy() for v in model.trainable_variables)]


def assert_same(run, other):
    for a, b in zip(run, other, strict=True):
        np.testing.assert_array_equal(a, b)


def step_of(checkpoint: Path) -> int:
    """The step at which a checkpoint was written."""
    with np.load(checkpoint) as arrays:
        return int(re.search(r'"step": (\d+)', str(arrays["about"]))[1])


KILLED = """
    import os, signal, sys
    from tests.test_training import Disturbed, train_small

    killed = Disturbed(3, lambda: os.kill(os.getpid(), signal.SIGKILL))
    train_small(sys.argv[1], team=killed, checkpoint_seconds=0)
"""


def test_killed_and_resumed_it_ends_as_if_it_had_never_stopped(tmp_path, whole):
    """After kill -9 in the middle of an epoch, the same run continues from the last checkpoint."""
    checkpoint = tmp_path / "killed.checkpoint.npz"
    command = [sys.executable, "-c", textwrap.dedent(KILLED), str(checkpoint)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL
    assert 0 < step_of(checkpoint) < 18, "before the first validation"
    assert_same(whole, train_small(checkpoint))


@pytest.mark.parametrize(("number", "look"), [(signal.SIGINT, 2), (signal.SIGTERM, 5)])
def test_a_signal_is_obeyed_when_the_state_is_saved(tmp_path, whole, number, look):
    checkpoint = tmp_path / "stopped.npz"
    before = signal.getsignal(number)
    with pytest.raises(TrainingInterrupted) as stopped:
        train_small(checkpoint, team=Disturbed(look, lambda: signal.raise_signal(number)))
    assert signal.getsignal(number) is before
    step = step_of(checkpoint)
    assert str(stopped.value) == (
        f"The training was interrupted after step {step} of 74. Its state is in {checkpoint}: the same command "
        "continues from there."
    )
    assert exit_code(stopped.value) == 128 + number
    assert_same(whole, train_small(checkpoint))


def test_without_a_checkpoint_ctrl_c_ends_training_at_once():
    with pytest.raises(KeyboardInterrupt) as stopped:
        train_small(None, team=Disturbed(2, lambda: signal.raise_signal(signal.SIGINT)))
    assert not isinstance(stopped.value, TrainingInterrupted)


def test_checkpoints_are_written_between_validations(tmp_path):
    """By time, so that a long epoch isn't lost, but not at every look, which would cost time."""

    def written_by_then(**more) -> bool:
        checkpoint, found = tmp_path / f"{len(more)}.npz", []
        train_small(checkpoint, team=Disturbed(3, lambda: found.append(checkpoint.exists())), **more)
        assert checkpoint.exists()
        return found[0]

    assert written_by_then(checkpoint_seconds=0)
    assert not written_by_then()


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    one = TrainingConfig(epochs=1, batch_size=4, window=8)
    again = {"checkpoint": tmp_path / "c.npz", "progress": False}
    fit(small_model(), text_ids(), text_ids(300), one, **again)
    other_dropout = language_model(6, embedding_dim=4, units=8, dropout=0.3)
    for model, ids, validation_ids, config, differs in [
        (small_model(), text_ids(900), text_ids(300), one, "the data differ"),
        (small_model(), text_ids(), text_ids(299), one, "the data differ"),
        (other_dropout, text_ids(), text_ids(300), one, "the model differs"),
        (small_model(), text_ids(), text_ids(300), dataclasses.replace(one, seed=1), "seed is 0 there and 1 here"),
    ]:
        with pytest.raises(CheckpointError, match=f"from another training run: {differs}. Delete it"):
            fit(model, ids, validation_ids, config, **again)


def test_a_damaged_checkpoint_is_reported_and_changes_nothing(tmp_path):
    checkpoint = tmp_path / "c.npz"
    config = TrainingConfig(epochs=1, batch_size=4, window=8)
    fit(small_model(), text_ids(), text_ids(300), config, checkpoint, progress=False)
    good = checkpoint.read_bytes()
    with np.load(checkpoint) as file:
        arrays = dict(file)
    np.savez_compressed(checkpoint, **arrays)
    compressed = checkpoint.read_bytes()
    np.savez(checkpoint, **{**arrays, "state_0": arrays["state_0"][1:]})
    narrower = checkpoint.read_bytes()
    del arrays["best_0"]
    np.savez(checkpoint, **arrays)
    incomplete = checkpoint.read_bytes()
    flipped = bytearray(good)
    flipped[good.index(arrays["variable_0"].tobytes())] ^= 1
    for content in (b"", b"PK not an archive", good[: len(good) // 2], flipped, compressed, narrower, incomplete):
        checkpoint.write_bytes(content)
        model = small_model()
        before = model.get_weights()
        with pytest.raises(CheckpointError, match=rf"The checkpoint {re.escape(str(checkpoint))} is damaged \(\w+\)"):
            fit(model, text_ids(), text_ids(300), config, checkpoint, progress=False)
        assert_same(before, model.get_weights())
        assert checkpoint.read_bytes() == content
    checkpoint.unlink()
    checkpoint.mkdir()
    with pytest.raises(UserError, match="can't be read"):
        fit(small_model(), text_ids(), text_ids(300), config, checkpoint, progress=False)


@pytest.mark.parametrize("other", [{"num_heads": 1}, {"context": 4}, {"dropout": 0.2}])
def test_a_checkpoint_of_another_transformer_is_refused(tmp_path_factory, transformer_checkpoint, other):
    """Even though its weights would fit."""
    sizes, again = transformer_checkpoint
    with pytest.raises(CheckpointError, match="another training run: the model differs"):
        fit(transformer_model(**sizes | other), **again)


@pytest.fixture(scope="module")
def transformer_checkpoint(tmp_path_factory):
    """Sizes of a Transformer, and the arguments with which it was trained."""
    sizes = {"vocab_size": 6, "hidden_dim": 4, "num_layers": 1, "num_heads": 2, "context": 3, "dropout": 0.1}
    again = {
        "train_ids": text_ids(70),
        "validation_ids": text_ids(30),
        "config": TrainingConfig(epochs=1, batch_size=4, window=8),
        "checkpoint": tmp_path_factory.mktemp("transformer") / "c.npz",
        "progress": False,
    }
    fit(transformer_model(**sizes), **again)
    fit(transformer_model(**sizes), **again)
    return sizes, again


# -- the step ----------------------------------------------------------------------------------------------------------


def test_gradients_are_clipped():
    """With a limit close to 0 nothing can move; otherwise Adam's scaling would make steps of the learning rate."""
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
    """Even for the embedding, whose gradient is sparse and has several rows for a token that was read twice."""
    import keras
    import tensorflow as tf

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
            gradients = clipped(gradients, squares, limit)
        optimizer = keras.optimizers.SGD(1.0, global_clipnorm=None if ours else limit)
        optimizer.apply_gradients(zip(gradients, variables, strict=True))
        return model.get_weights()

    for limit in (1e-2, 1e3):
        for a, b in zip(step(limit, ours=True), step(limit, ours=False), strict=True):
            np.testing.assert_array_equal(a, b)


def test_single_steps_can_be_taken():
    """As benchmarks do; uncompiled and compiled steps are the same."""
    updated = []
    for name in ("update", "compiled_update"):
        model = small_model()
        task = TextTask(model, text_ids(), text_ids(300), SMALL)
        assert task.steps_per_epoch == [len(windows(text_ids(), SMALL, epoch)[0]) for epoch in (0, 1)]
        trainer = Trainer(task, SMALL)
        loss, states = getattr(trainer, name)(next(iter(task.batches(0))), trainer.states)
        assert float(loss) == pytest.approx(np.log(6), abs=0.3) and states[0].shape == (4, 8)
        updated.append(model.get_weights())
    for a, b in zip(*updated, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


# -- runs that fail ----------------------------------------------------------------------------------------------------

ONE_LONG_EPOCH = TrainingConfig(epochs=1, batch_size=2, window=2)  # 299 steps, one validation


@pytest.mark.parametrize(
    ("every", "says"),
    [
        (300.0, "The training loss is no longer a finite number"),
        (0.0, "The largest weight is no longer a finite number"),
    ],
)
def test_a_loss_that_explodes_is_noticed_soon_and_the_good_checkpoint_kept(tmp_path, every, says):
    """Every weight may still be finite when the loss no longer is, and vice versa."""
    checkpoint, model, kept = tmp_path / "c.npz", small_model(), []

    def explode() -> None:
        kept.append(checkpoint.read_bytes() if checkpoint.exists() else None)
        model.trainable_variables[0].assign(np.full((6, 4), np.nan))

    team = Disturbed(4, explode)
    with pytest.raises(UserError, match=rf"{says} at step \d+ of 299: .* learning_rate \(it is 0.002") as told:
        fit(model, text_ids(), text_ids(300), ONE_LONG_EPOCH, checkpoint, False, team, checkpoint_seconds=every)
    assert int(re.search(r"at step (\d+)", str(told.value))[1]) <= 2 + 3 * 25
    assert [checkpoint.read_bytes() if checkpoint.exists() else None] == kept


def test_a_diverging_run_is_reported():
    config = dataclasses.replace(ONE_LONG_EPOCH, learning_rate=1e6)
    with pytest.raises(
        UserError, match=r"has diverged: .* a blind guess costs 1.8. Lower learning_rate \(it is 1e\+06"
    ):
        fit(small_model(), text_ids(), text_ids(300), config, progress=False)


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"batch_size": 1.5}, "batch_size is 1.5"),
        ({"window": 0}, "window is 0"),
        ({"evaluations": True}, "evaluations is True"),
        ({"warmup_steps": -5}, "warmup_steps is -5; .* at least 0"),
        ({"learning_rate": 0}, "learning_rate is 0 and clip_norm 1.0; both"),
        ({"learning_rate": "0.1"}, "learning_rate is 0.1; it should be a finite number"),
        ({"learning_rate": float("inf")}, "learning_rate is inf"),
        ({"clip_norm": -1}, "clip_norm -1"),
        ({"clip_norm": float("nan")}, "clip_norm is nan"),
        ({"average": 1.0}, "average is 1.0; it should be at least 0"),
        ({"average": None}, "average is None"),
        ({"final_rate": 1.5}, "final_rate is 1.5; it should be from 0 to 1"),
        ({"fresh_starts": -0.1}, "fresh_starts is -0.1; it should be from 0 to 1"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_bad_settings_are_reported(settings, says):
    with pytest.raises(UserError, match=says):
        TrainingConfig(**settings)


def test_settings_may_be_numpy_s_numbers(tmp_path):
    config = TrainingConfig(epochs=np.int64(1), batch_size=np.int32(4), window=8, learning_rate=np.float32(0.5))
    assert config == TrainingConfig(epochs=1, batch_size=4, window=8, learning_rate=0.5)
    assert [type(value) for value in dataclasses.astuple(config)] == [int] * 3 + [float, int] + [float] * 4 + [int] * 2


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ([0, 6] * 50, "The training ids go from 0 to 6, but the model has 6 tokens"),
        ([0, -1] * 50, "The training ids go from -1 to 0"),
        ([0.5] * 100, "The training ids are of type float64"),
        ([], "The training ids have shape"),
        (np.zeros((10, 10), int), "The training ids have shape"),
        ([0] * 9, "The training text has 9 tokens"),
    ],
)
def test_bad_ids_are_reported_before_training(ids, says):
    with pytest.raises(UserError, match=says):
        fit(small_model(), np.array(ids), text_ids(300), SMALL)
    if len(ids) != 9:
        with pytest.raises(UserError, match=says.replace("training", "validation")):
            fit(small_model(), text_ids(), np.array(ids), SMALL)


def test_a_model_of_another_kind_is_reported():
    with pytest.raises(UserError, match="one answer for a whole window"):
        fit(article_model(6, 4, 4), text_ids(), text_ids(300), SMALL)
    with pytest.raises(UserError, match="can't be scored on a text"):
        fit(encoder_decoder(9, 9, 4, 4), text_ids(), text_ids(300), SMALL)
    with pytest.raises(UserError, match="doesn't read pairs"):
        fit_pairs(small_model(), Pairs([[4]], [[5]]), Pairs([[4]], [[5]]))


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (Pairs([], []), "There are no pairs to {}; give at least one"),
        (
            Pairs([[4, 9]], [[5]]),
            "The source of pair 0 of the pairs to {} has ids from 4 to 9, but the model knows only 9",
        ),
        (Pairs([[4]], [[5, 9]]), "The target of pair 0 of the pairs to {} has ids from 5 to 9"),
    ],
)
def test_bad_pairs_are_reported_before_training(pairs, says):
    good, model = Pairs([[4]], [[5]]), encoder_decoder(9, 9, 4, 4)
    with pytest.raises(UserError, match=says.format("train on")):
        fit_pairs(model, pairs, good)
    with pytest.raises(UserError, match=says.format("validate with")):
        fit_pairs(model, good, pairs)


@pytest.mark.parametrize("seconds", [-1, float("nan"), "5"])
def test_a_bad_time_between_checkpoints_is_reported(seconds):
    with pytest.raises(UserError, match=f"checkpoint_seconds is {seconds}"):
        fit(small_model(), text_ids(), text_ids(300), SMALL, checkpoint_seconds=seconds)


@pytest.mark.parametrize(("workers", "worker"), [(0, 0), (2, 2), (2, -1), (1.5, 0)])
def test_bad_shares_are_reported(workers, worker):
    with pytest.raises(UserError, match="worker"):
        share(6, workers, worker)


@pytest.mark.parametrize("seed", [-1, 2**32, 1.5, "1", None])
def test_a_bad_seed_is_reported(seed):
    with pytest.raises(UserError, match=f"The seed is {seed}; it should be a whole number from 0"):
        set_seed(seed, tensorflow=False)


def test_a_generator_is_numpy_s():
    for seed in (3, [3, 1], 2**40):
        assert generator(seed).random() == np.random.default_rng(seed).random()
    for wrong in (-1, 1.5, [1, -1]):
        with pytest.raises(UserError):
            generator(wrong)


# -- settings and history ----------------------------------------------------------------------------------------------


def test_the_default_batch_is_the_same_for_any_number_of_workers():
    """Two, three and four workers can share the batch that one would choose, unless the text is short."""
    for tokens in (10**9, 200_000, 25_000):
        batch = default_config(tokens, tokens).batch_size
        assert [share(batch, workers, 0).stop * workers for workers in (1, 2, 3, 4)] == [batch] * 4


@given(tokens=st.integers(1, 10**7), window=st.integers(1, 300))
def test_the_default_batch_leaves_32_updates_an_epoch(tokens, window):
    config = default_config(tokens, tokens, window=window)
    assert config.batch_size == 1 or tokens // (config.batch_size * window) >= 32
    assert 1 <= config.epochs <= 30


def test_given_settings_replace_the_defaults():
    config = default_config(10_000, 10_000, epochs=3, batch_size=7, window=20, learning_rate=0.1, seed=5)
    assert config == TrainingConfig(epochs=3, batch_size=7, window=20, learning_rate=0.1, seed=5)
    with pytest.raises(UserError, match="epochs is 0"):
        default_config(10_000, 10_000, epochs=0)
    with pytest.raises(UserError, match="window is 0"):
        default_config(10_000, 10_000, window=0)


def test_the_best_row_has_the_lowest_validation_loss():
    history = History([{"validation_loss": 2.0, "step": 1}, {"validation_loss": 1.0, "step": 2}])
    assert history.best["step"] == 2
    assert history.column("step").tolist() == [1, 2]
    with pytest.raises(UserError, match="no column 'loss'; it has validation_loss, step"):
        history.column("loss")
    with pytest.raises(UserError, match="empty"):
        _ = History().best


# -- progress ----------------------------------------------------------------------------------------------------------


class Terminal:
    """A standard error that is a terminal."""

    def __init__(self) -> None:
        self.said = ""

    def write(self, text: str) -> int:
        self.said += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


LINE = r"step \d+ of 74, epoch \d\.\d\d: training \d\.\d{3}, validation \d\.\d{3} nats, \d+ s"


@pytest.mark.parametrize(
    ("variable", "progress", "lines"), [(None, None, 4), ("off", None, 0), ("off", True, 4), (None, False, 0)]
)
def test_without_a_terminal_each_validation_is_a_line(capsys, monkeypatch, variable, progress, lines):
    if variable:
        monkeypatch.setenv("GATE_BY_GATE_PROGRESS", variable)
    else:
        monkeypatch.delenv("GATE_BY_GATE_PROGRESS", raising=False)
    fit(small_model(), text_ids(), text_ids(300), SMALL, progress=progress)
    said = capsys.readouterr()
    assert said.out == "" and re.fullmatch(rf"({LINE}\n){{{lines}}}", said.err)


def test_in_a_terminal_there_is_a_bar(monkeypatch):
    terminal = Terminal()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", terminal)
        fit(small_model(), text_ids(), text_ids(300), SMALL, progress=True)
    *_, last = terminal.said.split("\r")
    assert "100%" in last and "74/74" in last and "validation" in last
    assert os.linesep not in terminal.said.rstrip()
