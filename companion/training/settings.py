"""How to train, what happened, and what can go wrong with a checkpoint."""

import dataclasses
import math
import numbers
from dataclasses import dataclass

import numpy as np

from companion.errors import UserError, check_sizes
from companion.seeding import check_seed

PROGRESS_VARIABLE = "GATE_BY_GATE_PROGRESS"

READING = 4_000_000  # characters that the default number of epochs makes a model read, up to 30 epochs
UPDATES = 32  # per epoch, at least, with the default batch size, even for a short text
BATCH_SIZES = (48, 24, 12, 6, 4, 2, 1)  # defaults to choose from; many numbers of workers divide the large ones


class CheckpointError(UserError):
    """A checkpoint is damaged or from another training run, so training can't continue from it."""


@dataclass(frozen=True)
class TrainingConfig:
    """How to train; every number with its reason.

    Attributes
    ----------
    epochs
        Passes over the training text.
    batch_size
        Streams (or pairs) read side by side: more make a step cheaper per token but leave fewer steps.
    window
        Tokens of each stream between two updates, and how far back a gradient can reach. Pairs ignore it.
    learning_rate, warmup_steps, final_rate
        Adam's step size climbs to ``learning_rate`` in ``warmup_steps`` updates (its averages are rough at first)
        and then falls along a cosine to ``final_rate`` times that (small steps settle into a minimum).
    clip_norm
        A gradient longer than this is shortened to it, so that one bad window can't wreck the weights.
    average
        Decay of a running average of the weights (0: none). The average is what is validated and kept.
    fresh_starts
        Share of a stream's windows that are read from a zero state, as a text begins, instead of from the state
        carried so far. Without them a model has hardly seen a text begin, and may write nonsense after a short prompt.
    evaluations
        How many times per epoch the validation text is scored and a checkpoint written.
    seed
        Of the shifts of the windows, or of the order of the pairs. It doesn't affect the weights' initial values.

    Raises
    ------
    UserError
        A number can't be used.
    """

    epochs: int = 1
    batch_size: int = 64
    window: int = 128
    learning_rate: float = 2e-3
    warmup_steps: int = 100
    final_rate: float = 0.01
    clip_norm: float = 1.0
    average: float = 0.0
    fresh_starts: float = 0.0
    evaluations: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        check_sizes(**{name: getattr(self, name) for name in ("epochs", "batch_size", "window", "evaluations")})
        check_sizes(0, warmup_steps=self.warmup_steps)
        check_seed(self.seed)
        for name in ("learning_rate", "clip_norm", "average", "final_rate", "fresh_starts"):
            value = getattr(self, name)
            if not isinstance(value, numbers.Real) or isinstance(value, bool) or not math.isfinite(value):
                raise UserError(f"{name} is {value}; it should be a finite number.")
        if self.learning_rate <= 0 or self.clip_norm <= 0:
            raise UserError(
                f"learning_rate is {self.learning_rate} and clip_norm {self.clip_norm}; both should be above 0."
            )
        if not 0 <= self.average < 1:
            raise UserError(f"average is {self.average}; it should be at least 0 and below 1.")
        for name in ("final_rate", "fresh_starts"):
            if not 0 <= getattr(self, name) <= 1:
                raise UserError(f"{name} is {getattr(self, name)}; it should be from 0 to 1.")
        for field in dataclasses.fields(self):  # NumPy's numbers become Python's, which JSON can hold
            kind: type[int] | type[float] = type(field.default)  # type: ignore[assignment]
            object.__setattr__(self, field.name, kind(getattr(self, field.name)))


def default_config(
    tokens: int,
    characters: int,
    epochs: int | None = None,
    batch_size: int | None = None,
    window: int = 64,
    learning_rate: float = 3e-3,
    seed: int = 0,
) -> TrainingConfig:
    """How to train on a reader's own text: what isn't given depends on the text's length alone.

    So it is the same for one worker and for several. The default batch of a long text can be divided evenly among 2,
    3, 4, 6, 8, 12, 16, 24 or 48 workers.

    Parameters
    ----------
    tokens
        Tokens of the training part.
    characters
        Characters of the whole text.
    epochs
        By default as many as make the model read `READING` characters, but at most 30.
    batch_size
        By default the largest of `BATCH_SIZES` that leaves at least `UPDATES` updates an epoch.
    window, learning_rate, seed
        As in `TrainingConfig`.

    Examples
    --------
    >>> default_config(tokens=900_000, characters=1_000_000)  # doctest: +ELLIPSIS
    TrainingConfig(epochs=4, batch_size=48, window=64, learning_rate=0.003, ...)
    >>> default_config(tokens=9_000, characters=10_000)  # doctest: +ELLIPSIS
    TrainingConfig(epochs=30, batch_size=4, window=64, learning_rate=0.003, ...)

    Raises
    ------
    UserError
        A number can't be used.
    """
    check_sizes(tokens=tokens, characters=characters, window=window)
    most = max(1, tokens // (UPDATES * window))
    return TrainingConfig(
        epochs=min(30, math.ceil(READING / characters)) if epochs is None else epochs,
        batch_size=next(size for size in BATCH_SIZES if size <= most) if batch_size is None else batch_size,
        window=window,
        learning_rate=learning_rate,
        seed=seed,
    )


@dataclass
class History:
    """The record of a training run: a row for each validation.

    Attributes
    ----------
    rows
        Dictionaries with ``step``, ``epoch``, ``tokens`` (seen in training so far), ``training_loss`` and
        ``validation_loss`` (nats per token), ``learning_rate``, and ``seconds`` of training and validation so far.
    """

    rows: list[dict[str, float]] = dataclasses.field(default_factory=list)

    def column(self, name: str) -> np.ndarray:
        """One column of the rows, as an array.

        Raises
        ------
        UserError
            There is no such column.
        """
        if any(name not in row for row in self.rows):
            known = ", ".join(self.rows[0])
            raise UserError(f"A history has no column {name!r}; it has {known}.")
        return np.array([row[name] for row in self.rows])

    @property
    def best(self) -> dict[str, float]:
        """The row with the lowest validation loss: the weights the model ended with.

        Raises
        ------
        UserError
            There are no rows.
        """
        if not self.rows:
            raise UserError("This history is empty: nothing has been validated yet.")
        return min(self.rows, key=lambda row: row["validation_loss"])
