"""Training: one loop for every network of the book.

``fit`` trains a language model. The text is cut into ``batch_size`` streams that are read side by side, one window
after the other; the recurrent state is carried from each window to the next, so no position is ever read as if
nothing came before it. Gradients stop at the window's edge (truncated backpropagation through time).

``fit_pairs`` trains an encoder-decoder on pairs of a source and a target, every pair from a fresh state.

What the two share is the loop (`Trainer`); what they differ in is what a batch is and what it costs (`TextTask`,
`PairsTask`). Its step is the same for one worker (`Alone`) and for many (`companion.training.Team`). Chapters:
*language-model*, *article-model*, *translation*, *scaling-out*.
"""

import io
import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.storage import write_atomically
from companion.training.settings import PROGRESS_VARIABLE, CheckpointError, History, TrainingConfig, settings
from companion.training.tasks import PairsTask, TextTask
from companion.training.team import Alone


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
        The workers that train together, `companion.training.join`; by default this process trains alone. Each reads
        its part of the ``batch_size`` streams, all end with the same weights and history, and only worker 0 reads
        and writes the checkpoint, which is the same file as one worker's.

    Raises
    ------
    UserError
        The text is too short, the loss is no number any more, the checkpoint is of another training, or the batch
        can't be dealt out evenly.
    """
    config, team = config or TrainingConfig(), team or Alone()
    return _fit(TextTask(model, train_ids, validation_ids, config, team), config, checkpoint, progress, team)


def fit_pairs(
    model: Any,
    train_pairs: Any,
    validation_pairs: Any,
    config: TrainingConfig | None = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
) -> History:
    """Train a `companion.models.encoder_decoder` by teacher forcing; it ends with its best weights.

    Parameters
    ----------
    model
        Source ids and ids written so far to logits ``(batch, T, vocab)``.
    train_pairs, validation_pairs
        `companion.tokenizers.Pairs`. The loss is in nats per target token, its end token among them, padding never.
    config, checkpoint, progress
        As in `fit`; ``batch_size`` counts pairs.

    Raises
    ------
    UserError
        There are no pairs, the loss is no number any more, or the checkpoint is of another training.
    """
    config = config or TrainingConfig()
    return _fit(PairsTask(model, train_pairs, validation_pairs, config), config, checkpoint, progress, Alone())


def _fit(
    task: "TextTask | PairsTask",
    config: TrainingConfig,
    checkpoint: str | Path | None,
    progress: bool | None,
    team: Alone,
) -> History:
    trainer = Trainer(task, config, team)
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


def _bar(progress: bool | None, trainer: "Trainer") -> Any:
    from tqdm import tqdm

    if progress is None:
        progress = os.environ.get(PROGRESS_VARIABLE) != "off"
    bar = tqdm(total=trainer.total, initial=trainer.step, unit=" steps", disable=not progress)
    trainer.on_step = lambda: bar.update(trainer.step - bar.n)
    return bar


class Trainer:
    """The state of one training: weights, optimizer, average, carried states, where in the task it is."""

    def __init__(self, task: TextTask | PairsTask, config: TrainingConfig, team: Alone) -> None:
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
            "layers": [settings(layer) for layer in self.model._flatten_layers()],
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


def _clipped(gradients: list[Any], squares: list[Any], limit: float) -> list[Any]:
    """The gradients, shortened together to the limit if they are longer; their length is given as sums of squares.

    It is what Keras's ``global_clipnorm`` does, to the bit. There, and so here, the embedding's gradient is measured
    before the parts of a token that was read more than once are added up.
    """
    from keras import ops

    norm = ops.sqrt(ops.sum(ops.stack(squares)))
    scale = limit * ops.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)  # a norm that is no number stays one
    return [gradient * scale for gradient in gradients]
