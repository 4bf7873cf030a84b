"""The progress of training: a bar in a terminal, elsewhere a line for each validation."""

import os
import sys
from types import TracebackType

from tqdm import tqdm

from companion.training.settings import PROGRESS_VARIABLE


class Progress:
    """Progress on standard error while a model is trained; use it in a ``with`` block.

    Parameters
    ----------
    total, done
        The number of steps, and how many of them an earlier run has done that this one continues.
    shown
        Whether to show progress; None shows it unless the environment variable ``GATE_BY_GATE_PROGRESS`` is ``off``.
    """

    def __init__(self, total: int, done: int = 0, shown: bool | None = None) -> None:
        self.total = total
        self._shown = os.environ.get(PROGRESS_VARIABLE) != "off" if shown is None else shown
        in_terminal = bool(sys.stderr) and sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=done, unit=" steps") if self._shown and in_terminal else None

    def step(self, done: int) -> None:
        """Show that ``done`` steps are done."""
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def row(self, row: dict[str, float]) -> None:
        """Show the losses of a validation; ``row`` is a row of `History`."""
        losses = f"training {row['training_loss']:.3f}, validation {row['validation_loss']:.3f} nats"
        if self._bar is not None:
            self._bar.set_postfix_str(losses)
        elif self._shown and sys.stderr:
            print(
                f"step {row['step']:,} of {self.total:,}, epoch {row['epoch']:.2f}: {losses}, {row['seconds']:,.0f} s",
                file=sys.stderr,
                flush=True,
            )

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
