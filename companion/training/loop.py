"""Training: one loop for every network of the book.

``fit`` trains a language model. The text is cut into ``batch_size`` streams that are read side by side, one window
after the other; the recurrent state is carried from each window to the next, so only the first
window of an epoch is read as if nothing came before it. Gradients stop at the window's edge (truncated backpropagation
through time).

``fit_pairs`` trains an encoder-decoder on pairs of a source and a target, every pair from a fresh state.

The two share the loop (`Trainer`) and differ in what a batch is and what it costs (`TextTask`, `PairsTask`). The
loop's step is the same for one worker (`Alone`) and for many (`companion.training.Team`). Chapters:
*language-model*, *article-model*, *translation*, *scaling-out*.
"""

import numbers
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from companion.errors import UserError
from companion.training.ending import TrainingInterrupted, noted_signals
from companion.training.progress import Progress
from companion.training.settings import History, TrainingConfig
from companion.training.tasks import PairsTask, TextTask
from companion.training.team import Alone
from companion.training.trainer import SAVE, STOP, Trainer

if TYPE_CHECKING:
    import keras

    from companion.tokenizers import Pairs

CHECKPOINT_SECONDS = 300.0


def fit(
    model: "keras.Model",
    train_ids: np.ndarray,
    validation_ids: np.ndarray,
    config: TrainingConfig | None = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
    team: Alone | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> History:
    """Train a `companion.models.language_model` or `transformer_model`; it ends with its best weights.

    Parameters
    ----------
    model
        Ids ``(batch, time)`` to logits ``(batch, time, vocab_size)``.
    train_ids, validation_ids
        Token ids ``(tokens,)``. The validation ids are only ever scored, never trained on.
    config
        See `TrainingConfig`.
    checkpoint
        A file for the whole state of training. If it exists, training continues from it and ends with the same weights
        and history as if it had never been interrupted. It is written at each validation, every
        ``checkpoint_seconds``, and when Ctrl-C or SIGTERM ends the training.
    progress
        Whether to show progress on standard error: a bar in a terminal, elsewhere a line for each validation. By
        default, progress is shown unless the environment variable ``GATE_BY_GATE_PROGRESS`` is ``off``.
    team
        The workers that train together, from `companion.training.join`; by default this process trains alone. Each
        reads its part of the ``batch_size`` streams, all end with the same weights and history, and only worker 0 reads
        and writes the checkpoint, which is the same file as one worker's.
    checkpoint_seconds
        Seconds between checkpoints; 0 writes one at every look of the loop (see `Trainer.run`).

    Raises
    ------
    UserError
        The text is too short, the model doesn't know an id, the loss is no longer finite or far worse than a guess, the
        checkpoint is from another training run, or the batch can't be divided evenly among the workers.
    TrainingInterrupted
        Ctrl-C or SIGTERM stopped the training, and the state is in the checkpoint. (Without a checkpoint, Ctrl-C ends
        the training at once, with a KeyboardInterrupt.)
    """
    config, team = config or TrainingConfig(), team or Alone()
    task = TextTask(model, train_ids, validation_ids, config, team)
    return _fit(Trainer(task, config, team), checkpoint, progress, checkpoint_seconds)


def fit_pairs(
    model: "keras.Model",
    train_pairs: "Pairs",
    validation_pairs: "Pairs",
    config: TrainingConfig | None = None,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
    checkpoint_seconds: float = CHECKPOINT_SECONDS,
) -> History:
    """Train a `companion.models.encoder_decoder` by teacher forcing; it ends with its best weights.

    Parameters
    ----------
    model
        Source ids and ids written so far to logits ``(batch, T, vocab)``.
    train_pairs, validation_pairs
        `companion.tokenizers.Pairs`. The loss is in nats per target token, end tokens included, padding excluded.
    config, checkpoint, progress, checkpoint_seconds
        As in `fit`; ``batch_size`` counts pairs.

    Raises
    ------
    UserError, TrainingInterrupted
        As in `fit`, or there are no pairs.
    """
    config = config or TrainingConfig()
    task = PairsTask(model, train_pairs, validation_pairs, config)
    return _fit(Trainer(task, config), checkpoint, progress, checkpoint_seconds)


def _fit(trainer: Trainer, checkpoint: str | Path | None, progress: bool | None, seconds: float) -> History:
    team = trainer.team
    chief = team.index == 0
    if not isinstance(seconds, numbers.Real) or not seconds >= 0:
        raise UserError(f"checkpoint_seconds is {seconds}; it should be a number of seconds, at least 0.")
    path = Path(checkpoint) if checkpoint and chief else None
    team.stop_asked = asked = False
    history = trainer.begin(path)
    with (
        noted_signals(wanted=bool(checkpoint)) as signals,
        Progress(trainer.total, trainer.step, progress if chief else False) as shown,
    ):
        saved = time.monotonic()
        for validate in trainer.run():
            order = ""
            if chief:
                shown.step(trainer.step)
                if validate:
                    history.rows.append(trainer.evaluate())
                    shown.row(history.rows[-1])
                if signals or team.stop_asked:
                    order = STOP
                elif path and (validate or time.monotonic() - saved >= seconds):
                    order = SAVE
            elif signals and not asked:
                team.ask_to_stop()
                asked = True
            order = trainer.agree(order)
            if order:
                states = team.gather(trainer.states)
                if path:
                    trainer.save(path, history, states)
                    saved = time.monotonic()
            if order == STOP:
                raise TrainingInterrupted(_interrupted(trainer, path), *signals[:1])
        if signals and team.size == 1:  # the signal came after the last look
            raise TrainingInterrupted(_interrupted(trainer, path), *signals[:1])
    return trainer.finish(history)


def _interrupted(trainer: Trainer, path: Path | None) -> str:
    kept = f"Its state is in {path}" if path else "Worker 0 keeps its state, if it was given a checkpoint"
    return (
        f"The training was interrupted after step {trainer.step:,} of {trainer.total:,}. {kept}: the same command "
        "continues from there."
    )
