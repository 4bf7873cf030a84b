"""How to train, what happened, and what can go wrong with a checkpoint."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from companion.errors import UserError, check_sizes
from companion.seeding import check_seed

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


def settings(layer: Any) -> list[Any]:
    """What a layer does that the shapes of its weights don't show, as plain values."""
    found = {name: getattr(layer, name, None) for name in ("rate", "dropout", "heads", "context")}
    return [type(layer).__name__, {name: value for name, value in found.items() if isinstance(value, int | float)}]
