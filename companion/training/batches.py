"""A text as batches: streams read side by side, one window after the other; and their division among workers."""

from typing import TYPE_CHECKING

import numpy as np

from companion.errors import UserError, check_sizes
from companion.training.settings import TrainingConfig

if TYPE_CHECKING:
    import tensorflow as tf


def windows(ids: np.ndarray, config: TrainingConfig, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of one epoch, ``(steps, batch_size, window)`` each.

    The streams are contiguous, their windows don't overlap, and a target is the id after its input. Each epoch but
    the first starts a little later in the text (a random shift below one window), so the cuts are in different places.

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
    shift, steps = plan(len(ids), config, epoch)

    def cut(start: int) -> np.ndarray:
        streams = ids[start : start + steps * config.batch_size * config.window]
        streams = streams.reshape(config.batch_size, steps, config.window)
        return np.ascontiguousarray(streams.swapaxes(0, 1), dtype=np.int32)

    return cut(shift), cut(shift + 1)


def plan(tokens: int, config: TrainingConfig, epoch: int) -> tuple[int, int]:
    """Where in a text of ``tokens`` tokens an epoch starts, and how many steps it has.

    Raises
    ------
    UserError
        The text is too short for a single step.
    """
    check_sizes(0, epoch=epoch)
    span = config.batch_size * config.window
    spare = tokens - 1 - span
    if spare < 0:
        raise UserError(
            f"The training text has {tokens:,} tokens; batches of {config.batch_size} windows of {config.window} "
            f"need at least {span + 1:,}. Give more text, a smaller batch_size, or a shorter window."
        )
    shift = int(np.random.default_rng([config.seed, epoch]).integers(min(config.window, spare + 1))) if epoch else 0
    return shift, (tokens - 1 - shift) // span


def dataset(ids: np.ndarray, config: TrainingConfig, epoch: int, rows: slice = slice(None)) -> "tf.data.Dataset":
    """The windows of one epoch as a ``tf.data.Dataset`` of (inputs, targets), ``(batch_size, window)`` int32.

    Each of several workers reads only its rows of each batch; see `share`.
    """
    import tensorflow as tf

    x, y = windows(ids, config, epoch)
    return tf.data.Dataset.from_tensor_slices((x[:, rows], y[:, rows])).prefetch(2)


def share(batch_size: int, workers: int, worker: int) -> slice:
    """The rows of a batch that a worker reads; all workers read equally many.

    >>> share(64, workers=4, worker=1)
    slice(16, 32, None)

    Raises
    ------
    UserError
        The batch can't be divided evenly, or there is no such worker.
    """
    check_sizes(batch_size=batch_size, workers=workers)
    check_sizes(0, worker=worker)
    if worker >= workers:
        raise UserError(f"There is no worker {worker} among {workers}; the first one is worker 0.")
    own, left = divmod(batch_size, workers)
    if left:
        near = " or ".join(str(n * workers) for n in (own, own + 1) if n)
        raise UserError(
            f"A batch of {batch_size} streams can't be divided evenly among {workers} workers; "
            f"make batch_size a multiple of {workers}, such as {near}."
        )
    return slice(worker * own, (worker + 1) * own)
