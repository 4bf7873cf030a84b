"""Training: one loop for every network of the book.

``fit`` trains a language model. The text is cut into ``batch_size`` streams that are read side by side, one window
after the other; the recurrent state is carried from each window to the next, so no position is ever read as if
nothing came before it. Gradients stop at the window's edge (truncated backpropagation through time).

``fit_pairs`` trains an encoder-decoder on pairs of a source and a target, every pair from a fresh state.

What the two share is the loop (`_Trainer`); what they differ in is what a batch is and what it costs (`_Text`,
`_Pairs`). Its step is the same for one worker (`Alone`) and for many (`companion.workers.Team`). Chapters:
*language-model*, *article-model*, *translation*, *scaling-out*.
"""

import hashlib
import io
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from companion.errors import UserError, check_sizes
from companion.seeding import check_seed
from companion.storage import write_atomically

PROGRESS_VARIABLE = "GATE_BY_GATE_PROGRESS"


class CheckpointError(UserError):
    """A checkpoint is damaged or of another training: nothing can go on from it."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; every number with its reason.

    Attributes
    ----------
    epochs
        Passes over the training text.
    batch_size
        Streams (or pairs) read side by side: more make a step cheaper per token, but there are fewer steps.
    window
        Tokens between two updates, and how far back a gradient can reach. Pairs are read whole and ignore it.
    learning_rate, warmup_steps, final_rate
        Adam's step size climbs to ``learning_rate`` in ``warmup_steps`` updates (its averages are rough at first)
        and then falls along a cosine to ``final_rate`` times that (small steps settle into a minimum).
    clip_norm
        A gradient longer than this is shortened to it: one bad window can't throw the weights away.
    average
        Decay of a running average of the weights (0: none). The average is what is validated and kept.
    evaluations
        How often per epoch the validation text is scored and a checkpoint written.
    seed
        Of the shifts of the windows, or of the order of the pairs; the weights' first values are the model's own
        affair.
    """

    epochs: int = 1
    batch_size: int = 64
    window: int = 128
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    final_rate: float = 0.01
    clip_norm: float = 1.0
    average: float = 0.0
    evaluations: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_sizes(**{name: getattr(self, name) for name in ("epochs", "batch_size", "window", "evaluations")})
        check_sizes(0, warmup_steps=self.warmup_steps)
        check_seed(self.seed)
        if not self.learning_rate > 0 or not self.clip_norm > 0:
            raise UserError("learning_rate and clip_norm should be above 0.")
        if not 0 <= self.average < 1 or not 0 <= self.final_rate <= 1:
            raise UserError("average should be at least 0 and below 1, final_rate from 0 to 1.")


@dataclass
class History:
    """What happened: a row for each validation.

    Attributes
    ----------
    rows
        Dictionaries with ``step``, ``epoch``, ``tokens`` (seen in training so far), ``training_loss`` and
        ``validation_loss`` (nats per token), ``learning_rate`` and ``seconds`` so far, of training and of scoring
        the validation text.
    """

    rows: list[dict[str, float]] = field(default_factory=list)

    def column(self, name: str) -> np.ndarray:
        """One column of the rows, as an array."""
        return np.array([row[name] for row in self.rows])

    @property
    def best(self) -> dict[str, float]:
        """The row with the lowest validation loss: the weights the model ended with."""
        return min(self.rows, key=lambda row: row["validation_loss"])


def windows(ids: np.ndarray, config: TrainingConfig, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of one epoch, ``(steps, batch_size, window)`` each.

    The streams are contiguous, their windows do not overlap, and a target is the id after its input. Each epoch
    starts a little later in the text (a shift below one window, from the seed), so the cuts fall elsewhere.

    Examples
    --------
    >>> x, y = windows(np.arange(9), TrainingConfig(batch_size=2, window=2), epoch=0)
    >>> x.tolist()
    [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    >>> y.tolist()
    [[[1, 2], [5, 6]], [[3, 4], [7, 8]]]

    Raises
    ------
    UserError
        The text is too short for a single step.
    """
    span = config.batch_size * config.window
    spare = len(ids) - 1 - span
    if spare < 0:
        raise UserError(
            f"The training text has {len(ids):,} tokens; batches of {config.batch_size} windows of {config.window} "
            f"need at least {span + 1:,}. Give more text, or a smaller batch_size or window."
        )
    shift = int(np.random.default_rng([config.seed, epoch]).integers(min(config.window, spare + 1))) if epoch else 0
    steps = (len(ids) - 1 - shift) // span

    def cut(start: int) -> np.ndarray:
        streams = ids[start : start + steps * span].reshape(config.batch_size, steps, config.window)
        return np.ascontiguousarray(streams.swapaxes(0, 1), dtype=np.int32)

    return cut(shift), cut(shift + 1)


def dataset(ids: np.ndarray, config: TrainingConfig, epoch: int, rows: slice = slice(None)) -> Any:
    """The windows of one epoch as a ``tf.data.Dataset`` of (inputs, targets), ``(batch_size, window)`` int32.

    A worker of several reads only its rows of each batch; see `share`.
    """
    import tensorflow as tf

    x, y = windows(ids, config, epoch)
    return tf.data.Dataset.from_tensor_slices((x[:, rows], y[:, rows])).prefetch(2)


class Alone:
    """One worker, which has nobody to share with: what a training asks of its workers, and one worker's answers.

    Attributes
    ----------
    size, index
        How many workers there are, and which of them this one is.
    """

    size, index = 1, 0

    def rows(self, batch_size: int) -> slice:
        """Which streams of the batch this worker reads."""
        return share(batch_size, self.size, self.index)

    def run(self, step: Any, *arguments: Any) -> Any:
        """Call a part of the training step in which the workers exchange tensors."""
        return step(*arguments)

    def mean(self, loss: Any, gradients: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        """Loss and gradients over the whole batch, and each gradient's sum of squares."""
        from keras import ops

        return loss, gradients, [ops.sum(ops.square(gradient)) for gradient in gradients]

    def gather(self, states: list[Any]) -> list[Any]:
        """The states ``(batch, units)`` of all streams, from each worker's own."""
        return states

    def from_chief(self, data: bytes) -> bytes:
        """The data of worker 0, the chief."""
        return data


def share(batch_size: int, workers: int, worker: int) -> slice:
    """Which rows of a batch a worker reads: all workers read as many.

    >>> share(64, workers=4, worker=1)
    slice(16, 32, None)

    Raises
    ------
    UserError
        The batch can't be dealt out evenly.
    """
    own, left = divmod(batch_size, workers)
    if left:
        near = " or ".join(str(n * workers) for n in (own, own + 1) if n)
        raise UserError(
            f"A batch of {batch_size} streams can't be dealt out evenly to {workers} workers; "
            f"make batch_size a multiple of {workers}, such as {near}."
        )
    return slice(worker * own, (worker + 1) * own)


def fit(
    model: Any,
    train_ids: np.ndarray,
    validation_ids: np.ndarray,
    config: TrainingConfig | None = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
    team: Alone | None = None,
) -> History:
    """Train a `companion.models.language_model`; it ends with its best weights.

    Parameters
    ----------
    model
        Ids ``(batch, time)`` to logits ``(batch, time, vocab_size)``.
    train_ids, validation_ids
        Token ids ``(tokens,)``. The validation ids are only ever scored, never trained on.
    config
        See `TrainingConfig`.
    checkpoint
        A file to keep the whole state of training in. If it is there already, training goes on from it and ends
        with the same weights and history as if it had never been interrupted.
    progress
        Whether to show the progress bar; by default it is shown unless the environment variable
        ``GATE_BY_GATE_PROGRESS`` is ``off``.
    team
        The workers that train together, `companion.workers.join`; by default this process trains alone. Each reads
        its part of the ``batch_size`` streams, all end with the same weights and history, and only worker 0 reads
        and writes the checkpoint, which is the same file as one worker's.

    Raises
    ------
    UserError
        The text is too short, the loss is no number any more, the checkpoint is of another training, or the batch
        can't be dealt out evenly.
    """
    config, team = config or TrainingConfig(), team or Alone()
    return _fit(_Text(model, train_ids, validation_ids, config, team), config, checkpoint, progress, team)


def fit_pairs(
    model: Any,
    train_pairs: Any,
    validation_pairs: Any,
    config: TrainingConfig | None = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
) -> History:
    """Train a `companion.seq2seq.encoder_decoder` by teacher forcing; it ends with its best weights.

    Parameters
    ----------
    model
        Source ids and ids written so far to logits ``(batch, T, vocab)``.
    train_pairs, validation_pairs
        `companion.seq2seq.Pairs`. The loss is in nats per target token, its end token among them, padding never.
    config, checkpoint, progress
        As in `fit`; ``batch_size`` counts pairs.

    Raises
    ------
    UserError
        There are no pairs, the loss is no number any more, or the checkpoint is of another training.
    """
    config = config or TrainingConfig()
    return _fit(_Pairs(model, train_pairs, validation_pairs, config), config, checkpoint, progress, Alone())


def _fit(
    task: "_Text | _Pairs", config: TrainingConfig, checkpoint: str | Path | None, progress: bool | None, team: Alone
) -> History:
    trainer = _Trainer(task, config, team)
    chief = team.index == 0
    checkpoint = Path(checkpoint) if checkpoint and chief else None
    history = trainer.begin(checkpoint)
    with _bar(progress if chief else False, trainer) as bar:
        for losses in trainer.run():
            states = team.gather(trainer.states)
            if chief:
                row = trainer.evaluate(losses)
                history.rows.append(row)
                bar.set_postfix_str(_postfix(row))
                if checkpoint:
                    trainer.save(checkpoint, history, states)
            bar.update(trainer.step - bar.n)
    return trainer.finish(history)


def _postfix(row: dict[str, float]) -> str:
    return f"training {row['training_loss']:.3f}, validation {row['validation_loss']:.3f} nats"


def _bar(progress: bool | None, trainer: "_Trainer") -> Any:
    from tqdm import tqdm

    if progress is None:
        progress = os.environ.get(PROGRESS_VARIABLE) != "off"
    bar = tqdm(total=trainer.total, initial=trainer.step, unit=" steps", disable=not progress)
    trainer.on_step = lambda: bar.update(trainer.step - bar.n)
    return bar


class _Text:
    """A text to learn to predict: its batches, what one costs, how the model is validated."""

    signature = None  # all batches have one shape

    def __init__(
        self, model: Any, train_ids: np.ndarray, validation_ids: np.ndarray, config: TrainingConfig, team: Alone
    ) -> None:
        from companion.models import with_states

        self.model, self.ids, self.validation_ids, self.config = model, np.asarray(train_ids), validation_ids, config
        self.rows = team.rows(config.batch_size)
        self.steps_per_epoch = [len(windows(self.ids, config, epoch)[0]) for epoch in range(config.epochs)]
        self.twin = with_states(model)

    def batches(self, epoch: int, done: int) -> Any:
        """The batches of an epoch but the first ``done``."""
        return dataset(self.ids, self.config, epoch, self.rows).skip(done)

    def fresh_states(self) -> list[Any]:
        """What is carried from batch to batch, at the start of an epoch."""
        from companion.models import zero_states

        return zero_states(self.model, self.rows.stop - self.rows.start)

    def loss(self, batch: Any, states: list[Any]) -> Any:
        """Mean nats per token, and the states after the batch."""
        import tensorflow as tf

        x, y = batch
        logits, *states = self.twin([x, *states], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, tf.cast(logits, tf.float32))
        return tf.reduce_mean(losses), states

    def validate(self) -> float:
        """Nats per token of the validation text."""
        from companion.evaluation import evaluate

        return evaluate(self.model, self.validation_ids).nats_per_token

    def tokens(self, step: int) -> int:
        """How many tokens that many steps have read."""
        return step * self.config.batch_size * self.config.window

    def digests(self) -> list[str]:
        """A hash of the training text, and one of the validation text."""
        texts = (self.ids, np.asarray(self.validation_ids))
        return [hashlib.sha256(ids.astype(np.int32).tobytes()).hexdigest() for ids in texts]


class _Pairs:
    """Pairs to learn to turn the first into the second; the same methods as `_Text`, and no states to carry."""

    def __init__(self, model: Any, train_pairs: Any, validation_pairs: Any, config: TrainingConfig) -> None:
        import tensorflow as tf

        from companion.evaluation import pair_losses

        if not len(train_pairs) or not len(validation_pairs):
            raise UserError("There are no pairs to train on, or none to validate with; give at least one of each.")
        self.model, self.pairs, self.validation_pairs, self.config = model, train_pairs, validation_pairs, config
        self.plans = [train_pairs.plan(config.batch_size, [config.seed, epoch]) for epoch in range(config.epochs)]
        self.steps_per_epoch = [len(plan) for plan in self.plans]
        sizes = [sum(len(train_pairs.targets[i]) + 1 for i in batch) for plan in self.plans for batch in plan]
        self.read_by = np.cumsum([0, *sizes])
        ids = tf.TensorSpec((None, None), tf.int32)
        self.signature = [(ids, ids, ids), []]  # one graph for all lengths
        self.losses = pair_losses(model)

    def batches(self, epoch: int, done: int) -> Any:
        return (self.pairs.batch(indices) for indices in self.plans[epoch][done:])

    def fresh_states(self) -> list[Any]:
        return []

    def loss(self, batch: Any, states: list[Any]) -> Any:
        import tensorflow as tf

        source, written, target = batch
        logits = self.model([source, written], training=True)
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, tf.cast(logits, tf.float32))
        counted = tf.cast(target != 0, tf.float32)  # 0 is padding
        return tf.reduce_sum(losses * counted) / tf.reduce_sum(counted), states

    def validate(self) -> float:
        from companion.evaluation import evaluate_pairs

        return evaluate_pairs(self.model, self.validation_pairs, losses=self.losses).nats_per_token

    def tokens(self, step: int) -> int:
        return int(self.read_by[step])

    def digests(self) -> list[str]:
        return [self.pairs.digest(), self.validation_pairs.digest()]


class _Trainer:
    """The state of one training: weights, optimizer, average, carried states, where in the task it is."""

    def __init__(self, task: _Text | _Pairs, config: TrainingConfig, team: Alone) -> None:
        import keras
        import tensorflow as tf

        self.task, self.config, self.team = task, config, team
        self.model = model = task.model
        self.steps_per_epoch = task.steps_per_epoch
        self.total = sum(self.steps_per_epoch)
        self.step = 0
        self.on_step: Any = lambda: None
        self.seconds = 0.0
        self.states = task.fresh_states()
        schedule = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            warmup_target=config.learning_rate,
            warmup_steps=config.warmup_steps,
            decay_steps=max(1, self.total - config.warmup_steps),
            alpha=config.final_rate,
        )
        self.optimizer = keras.optimizers.Adam(schedule)
        self.optimizer.build(model.trainable_variables)
        self.averages = [tf.Variable(v) for v in model.trainable_variables] if config.average else []
        self.best: list[np.ndarray] = [v.numpy() for v in model.trainable_variables]
        self.best_loss = math.inf
        self._update = tf.function(self._update_eagerly, input_signature=task.signature, reduce_retracing=True)

    def _gradients(self, batch: Any, states: list[Any]) -> Any:
        """Loss and gradients of the whole batch, their squares, and the states of the streams this worker reads."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss, states = self.task.loss(batch, states)
        return *self.team.mean(loss, tape.gradient(loss, self.model.trainable_variables)), states

    def _update_eagerly(self, batch: Any, states: list[Any]) -> Any:
        import tensorflow as tf

        variables = self.model.trainable_variables
        loss, gradients, squares, states = self.team.run(self._gradients, batch, states)
        gradients = _clipped(gradients, squares, self.config.clip_norm)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        if self.averages:
            # Early on the average follows closely, so that it forgets the random start.
            done = tf.cast(self.optimizer.iterations, tf.float32)
            decay = tf.minimum(self.config.average, (1.0 + done) / (10.0 + done))
            for mean, variable in zip(self.averages, variables, strict=True):
                mean.assign(decay * mean + (1.0 - decay) * variable)
        return loss, [tf.cast(state, tf.float32) for state in states]

    def run(self) -> Iterator[list[float]]:
        """Train to the end; after each part of an epoch, give the losses of its steps."""
        first = 0
        for epoch, steps in enumerate(self.steps_per_epoch):
            stops = {
                first + round(steps * part / self.config.evaluations) for part in range(1, self.config.evaluations)
            }
            stops.add(first + steps)
            if self.step < first + steps:
                if self.step == first:
                    self.states = self.task.fresh_states()
                yield from self._run_epoch(epoch, self.step - first, stops)
            first += steps

    def _run_epoch(self, epoch: int, done: int, stops: set[int]) -> Iterator[list[float]]:
        losses: list[Any] = []
        start = time.perf_counter()
        for batch in self.task.batches(epoch, done):
            loss, self.states = self._update(batch, self.states)
            losses.append(loss)
            self.step += 1
            self.on_step()
            if self.step in stops:
                numbers = [float(loss) for loss in losses]
                self.seconds += time.perf_counter() - start
                if not np.isfinite(numbers).all():
                    raise UserError(
                        f"The training loss is no number any more (step {self.step}): the steps are too long. "
                        f"Lower learning_rate (it is {self.config.learning_rate}) or clip_norm."
                    )
                yield numbers
                losses, start = [], time.perf_counter()

    def evaluate(self, losses: list[float]) -> dict[str, float]:
        """Score the (averaged) weights on what is held out to validate, and remember them if they are the best."""
        start = time.perf_counter()
        variables = self.model.trainable_variables
        current = [v.numpy() for v in variables]
        for variable, mean in zip(variables, self.averages, strict=False):
            variable.assign(mean)
        loss = self.task.validate()
        if loss < self.best_loss:
            self.best, self.best_loss = [v.numpy() for v in variables], loss
        for variable, value in zip(variables, current, strict=True):
            variable.assign(value)
        self.seconds += time.perf_counter() - start
        return {
            "step": self.step,
            "epoch": self._epochs_done(),
            "tokens": self.task.tokens(self.step),
            "training_loss": float(np.mean(losses)),
            "validation_loss": loss,
            "learning_rate": float(self.optimizer.learning_rate),
            "seconds": round(self.seconds, 1),
        }

    def _epochs_done(self) -> float:
        left = self.step
        for epoch, steps in enumerate(self.steps_per_epoch):
            if left <= steps:
                return round(epoch + left / steps, 4)
            left -= steps
        return float(self.config.epochs)

    def begin(self, checkpoint: Path | None) -> History:
        """Go on from where `save` left off, if it did; all workers start from what the chief has."""
        states = self.team.gather(self.states)
        data = checkpoint.read_bytes() if checkpoint and checkpoint.exists() else None
        history = self._unpack(data, checkpoint) if data else History()
        return self._shared(data or self._packed(history, states)) if self.team.size > 1 else history

    def finish(self, history: History) -> History:
        """Give the model its best weights, on every worker."""
        if self.team.size > 1:
            history = self._shared(self._packed(history, self.team.gather(self.states)))
        for variable, value in zip(self.model.trainable_variables, self.best, strict=True):
            variable.assign(value)
        return history

    def _shared(self, data: bytes) -> History:
        return self._unpack(self.team.from_chief(data), None)

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.optimizer.variables, *self.averages]

    def _identity(self) -> dict[str, Any]:
        return {
            "config": asdict(self.config),
            "ids": self.task.digests(),
            "shapes": [list(v.shape) for v in self._variables()],
            "layers": [_settings(layer) for layer in self.model._flatten_layers()],
        }

    def save(self, path: Path, history: History, states: list[Any]) -> None:
        """Write everything that training needs to go on, in one file, atomically; the states are all streams'."""
        write_atomically(path, self._packed(history, states))

    def _packed(self, history: History, states: list[Any]) -> bytes:
        about = {
            "identity": self._identity(),
            "step": self.step,
            "seconds": self.seconds,
            "best_loss": self.best_loss,
            "rows": history.rows,
        }
        arrays: dict[str, Any] = {f"variable_{n}": np.asarray(v) for n, v in enumerate(self._variables())}
        arrays |= {f"state_{n}": np.asarray(s) for n, s in enumerate(states)}
        arrays |= {f"best_{n}": b for n, b in enumerate(self.best)}
        buffer = io.BytesIO()
        np.savez(buffer, about=np.array(json.dumps(about)), **arrays)
        return buffer.getvalue()

    def _unpack(self, data: bytes, path: Path | None) -> History:
        import tensorflow as tf

        rows = self.team.rows(self.config.batch_size)
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
                about = json.loads(str(arrays["about"]))
                if about["identity"] != self._identity():
                    raise CheckpointError(
                        f"The checkpoint {path or 'of the chief'} is of another training (other data, model or "
                        "settings). Delete it to start anew, or train with what it was made with."
                    )
                for n, variable in enumerate(self._variables()):
                    variable.assign(arrays[f"variable_{n}"])
                self.states = [tf.constant(arrays[f"state_{n}"][rows]) for n in range(len(self.states))]
                self.best = [arrays[f"best_{n}"] for n in range(len(self.best))]
        except CheckpointError:
            raise
        except Exception as error:  # whatever a damaged file makes of itself
            raise CheckpointError(
                f"The checkpoint {path} is damaged ({type(error).__name__}); delete it to start anew."
            ) from error
        self.step, self.seconds, self.best_loss = about["step"], about["seconds"], about["best_loss"]
        return History(about["rows"])


def _settings(layer: Any) -> list[Any]:
    """What a layer does that the shapes of its weights don't show, as plain values."""
    found = {name: getattr(layer, name, None) for name in ("rate", "dropout", "heads", "context")}
    return [type(layer).__name__, {name: value for name, value in found.items() if isinstance(value, int | float)}]


def _clipped(gradients: list[Any], squares: list[Any], limit: float) -> list[Any]:
    """The gradients, shortened together to the limit if they are longer; their length is given as sums of squares.

    It is what Keras's ``global_clipnorm`` does, to the bit. There, and so here, the embedding's gradient is measured
    before the parts of a token that was read more than once are added up.
    """
    from keras import ops

    norm = ops.sqrt(ops.sum(ops.stack(squares)))
    scale = limit * ops.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)  # a norm that is no number stays one
    return [gradient * scale for gradient in gradients]
