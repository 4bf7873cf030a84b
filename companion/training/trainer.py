"""The state of one training run and its step, the same for a text and for pairs, for one worker and for many."""

import json
import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.errors import UserError
from companion.models import all_layers
from companion.storage import write_atomically
from companion.training.checkpoints import content_of, damaged, packed, unpacked
from companion.training.settings import CheckpointError, History, TrainingConfig
from companion.training.tasks import PairsTask, TextTask
from companion.training.team import Alone, share_dropout

if TYPE_CHECKING:
    import keras

LOOK_STEPS, LOOK_SECONDS = 25, 1.0  # after this many steps or seconds, the loop looks at its losses and for signals
SAVE, STOP = "save", "stop"
FORMAT = 2  # of checkpoints


class Trainer:
    """The state of one training run: weights, optimizer, average, carried states, position in the task.

    `fit` and `fit_pairs` make one and run it. A benchmark can also take single steps, with `update` or the compiled
    ``compiled_update``.

    Parameters
    ----------
    task
        What is learnt; its ``model`` is trained.
    config
        How to train.
    team
        The workers that train together; by default this process trains alone.

    Attributes
    ----------
    step, total
        Updates made so far, and in the whole run.
    states
        The states carried from batch to batch, for the streams that this worker reads.
    compiled_update
        `update` as a ``tf.function``.
    """

    def __init__(self, task: TextTask | PairsTask, config: TrainingConfig, team: Alone | None = None) -> None:
        import keras
        import tensorflow as tf

        self.task, self.config, self.team = task, config, team or Alone()
        self.model = model = task.model
        share_dropout(model, self.team)
        self.steps_per_epoch = task.steps_per_epoch
        self.total = sum(self.steps_per_epoch)
        self.step = 0
        self.seconds = 0.0
        self.losses: list[float] = []  # of the steps since the last validation
        self.first_loss = math.nan
        self.pace = 1  # steps until the next look
        self._step_seconds = math.inf
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
        self.compiled_update = tf.function(self.update, input_signature=task.signature, reduce_retracing=True)

    def gradients(self, batch: Any, states: list[Any]) -> tuple[Any, list[Any], list[Any], list[Any]]:
        """Loss and gradients of the whole batch, their sums of squares, and the states of this worker's streams."""
        import tensorflow as tf

        with tf.GradientTape() as tape:
            loss, states = self.task.loss(batch, states)
        return *self.team.mean(loss, tape.gradient(loss, self.model.trainable_variables)), states

    def update(self, batch: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """One step: gradients, their mean over all workers, clipping, Adam. Returns the loss and the states."""
        import tensorflow as tf

        variables = self.model.trainable_variables
        loss, gradients, squares, states = self.team.run(self.gradients, batch, states)
        gradients = clipped(gradients, squares, self.config.clip_norm)
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        if self.averages:
            # Early on the average follows closely, so that it forgets the random start.
            done = tf.cast(self.optimizer.iterations, tf.float32)
            decay = tf.minimum(self.config.average, (1.0 + done) / (10.0 + done))
            for mean, variable in zip(self.averages, variables, strict=True):
                mean.assign(decay * mean + (1.0 - decay) * variable)
        return loss, [tf.cast(state, tf.float32) for state in states]

    def run(self) -> Iterator[bool]:
        """Train to the end; every few steps, yield whether it's time to validate.

        Raises
        ------
        UserError
            A loss isn't finite. This is noticed within `LOOK_STEPS` steps.
        """
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

    def _run_epoch(self, epoch: int, done: int, stops: set[int]) -> Iterator[bool]:
        losses: list[Any] = []
        start = time.perf_counter()
        for batch in self.task.batches(epoch, done):
            loss, self.states = self.compiled_update(batch, self.task.carried(self.states, self.step))
            losses.append(loss)
            self.step += 1
            if self.step in stops or len(losses) >= self.pace:
                self._note([float(loss) for loss in losses])
                seconds = time.perf_counter() - start
                self.seconds += seconds
                self._step_seconds = seconds / len(losses)
                yield self.step in stops
                losses, start = [], time.perf_counter()

    def _note(self, losses: list[float]) -> None:
        for number, loss in enumerate(losses, start=self.step - len(losses) + 1):
            if not math.isfinite(loss):
                raise self._exploded("training loss", number)
        if self.step == len(losses):
            self.first_loss = losses[0]
        self.losses += losses

    def _exploded(self, what: str, step: int) -> UserError:
        return UserError(
            f"The {what} is no longer a finite number at step {step:,} of {self.total:,}: the steps are too long. "
            f"Lower learning_rate (it is {self.config.learning_rate:g}) or clip_norm ({self.config.clip_norm:g}) and "
            "start again. The last checkpoint, if there is one, is from before."
        )

    def agree(self, order: str) -> str:
        """The chief's order for all workers: nothing, `SAVE` or `STOP`. It also sets when they look again."""
        pace = max(1, min(LOOK_STEPS, int(LOOK_SECONDS / max(self._step_seconds, 1e-6))))
        order, self.pace = json.loads(self.team.from_chief(json.dumps([order, pace]).encode()))
        return order

    def evaluate(self) -> dict[str, float]:
        """Score the (averaged) weights on the validation data, and remember them if they are the best.

        Returns
        -------
        dict
            A row of `History`.

        Raises
        ------
        UserError
            The loss isn't finite, or the training has diverged.
        """
        start = time.perf_counter()
        variables = self.model.trainable_variables
        current = [v.numpy() for v in variables]
        for variable, mean in zip(variables, self.averages, strict=False):
            variable.assign(mean)
        try:
            loss = self.task.validate()
            if loss < self.best_loss:
                self.best, self.best_loss = [v.numpy() for v in variables], loss
        finally:
            for variable, value in zip(variables, current, strict=True):
                variable.assign(value)
        self.seconds += time.perf_counter() - start
        training_loss, self.losses = float(np.mean(self.losses)), []
        if not math.isfinite(loss):
            raise self._exploded("validation loss", self.step)
        guess = math.log(self.task.outcomes)
        if training_loss > 2 * max(guess, self.first_loss):
            raise UserError(
                f"The training has diverged: up to step {self.step:,} of {self.total:,} a token cost "
                f"{training_loss:,.1f} nats on average, but a blind guess costs {guess:.1f}. Lower learning_rate (it "
                f"is {self.config.learning_rate:g}) and start again. The last checkpoint, if there is one, is from "
                "before."
            )
        return {
            "step": self.step,
            "epoch": self._epochs_done(),
            "tokens": self.task.tokens(self.step),
            "training_loss": training_loss,
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

    # ------------------------------------------------------------------------------------------------------------------
    # The state, on disk and for the other workers

    def begin(self, checkpoint: Path | None) -> History:
        """Continue from a checkpoint, if there is one; all workers start from the chief's state.

        Raises
        ------
        CheckpointError
            The checkpoint is from another training run, or damaged.
        """
        states = self.team.gather(self.states)
        data = content_of(checkpoint)
        history = self._restore(data, str(checkpoint)) if data is not None else History()
        return self._shared(data or self._packed(history, states)) if self.team.size > 1 else history

    def finish(self, history: History) -> History:
        """Give the model its best weights, on every worker."""
        if self.team.size > 1:
            history = self._shared(self._packed(history, self.team.gather(self.states)))
        for variable, value in zip(self.model.trainable_variables, self.best, strict=True):
            variable.assign(value)
        return history

    def save(self, path: Path, history: History, states: list[Any]) -> None:
        """Write all that training needs to continue to one file, atomically; ``states`` are those of all streams.

        Raises
        ------
        UserError
            A weight isn't finite, and the file stays as it was; or the file can't be written.
        """
        if not all(np.isfinite(variable).all() for variable in (*self.model.trainable_variables, *self.averages)):
            raise self._exploded("largest weight", self.step)
        write_atomically(path, self._packed(history, states))

    def _shared(self, data: bytes) -> History:
        return self._restore(self.team.from_chief(data), "of worker 0")

    def _variables(self) -> list[Any]:
        return [*self.model.variables, *self.optimizer.variables, *self.averages]

    def _identity(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "settings": asdict(self.config),
            "data": self.task.digests(),
            "shapes": [list(v.shape) for v in self._variables()],
            "layers": [_traits(layer) for layer in all_layers(self.model)],
        }

    def _packed(self, history: History, states: list[Any]) -> bytes:
        about = {
            "identity": self._identity(),
            "step": self.step,
            "seconds": self.seconds,
            "best_loss": self.best_loss,
            "losses": self.losses,
            "first_loss": self.first_loss,
            "rows": history.rows,
        }
        arrays: dict[str, Any] = {f"variable_{n}": v for n, v in enumerate(self._variables())}
        arrays |= {f"state_{n}": s for n, s in enumerate(states)}
        arrays |= {f"best_{n}": b for n, b in enumerate(self.best)}
        return packed(about, arrays)

    def _restore(self, data: bytes, name: str) -> History:
        import tensorflow as tf

        about, arrays = unpacked(data, name)
        identity = about.get("identity")
        if identity != self._identity():
            raise CheckpointError(
                f"The checkpoint {name} is from another training run{_differing(identity, self._identity())}. Delete "
                "it to start from the beginning, or train with the settings, data and model it was made with."
            )
        rows = self.team.rows(self.config.batch_size)
        variables = self._variables()
        try:
            values = [arrays[f"variable_{n}"] for n in range(len(variables))]
            states = [arrays[f"state_{n}"] for n in range(len(self.states))]
            best = [arrays[f"best_{n}"] for n in range(len(self.best))]
            own = [(v.shape, value.shape) for v, value in zip(variables, values, strict=True)]
            own += [(a.shape, b.shape) for a, b in zip(self.best, best, strict=True)]
            own += [((self.config.batch_size, *a.shape[1:]), b.shape) for a, b in zip(self.states, states, strict=True)]
            if any(tuple(expected) != found for expected, found in own):
                raise ValueError("shapes")
            self.step, self.seconds, self.best_loss = about["step"], about["seconds"], about["best_loss"]
            self.losses, self.first_loss = about["losses"], about["first_loss"]
            history = History(about["rows"])
        except (KeyError, ValueError) as error:
            raise damaged(name, type(error).__name__) from error
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        self.states, self.best = [tf.constant(state[rows]) for state in states], best
        return history


def _traits(layer: "keras.layers.Layer") -> list[Any]:
    """What a layer does that the shapes of its weights don't show, as plain values."""
    found = {name: getattr(layer, name, None) for name in ("rate", "dropout", "num_heads", "context")}
    return [type(layer).__name__, {name: value for name, value in found.items() if isinstance(value, int | float)}]


def _differing(theirs: Any, ours: dict[str, Any]) -> str:
    """How two identities differ, for the message."""
    if not isinstance(theirs, dict) or theirs.get("format") != ours["format"]:
        return ", or from another version of this package"
    parts = []
    for name, mine in ours["settings"].items():
        if (other := theirs["settings"].get(name)) != mine:
            parts.append(f"{name} is {other} there and {mine} here")
    parts += ["the data differ"] * (theirs["data"] != ours["data"])
    parts += ["the model differs"] * ((theirs["shapes"], theirs["layers"]) != (ours["shapes"], ours["layers"]))
    return f": {'; '.join(parts)}"


def clipped(gradients: list[Any], squares: list[Any], limit: float) -> list[Any]:
    """The gradients, scaled down together to the norm ``limit`` if longer; ``squares`` are their sums of squares.

    Bit for bit Keras's ``global_clipnorm``: the norm of a sparse embedding gradient is taken before repeated rows are
    summed.
    """
    from keras import ops

    norm = ops.sqrt(ops.sum(ops.stack(squares)))
    scale = limit * ops.minimum(1.0 / norm, 1.0 / limit) + (norm - norm)  # norm - norm keeps nan, which minimum hides
    return [gradient * scale for gradient in gradients]
