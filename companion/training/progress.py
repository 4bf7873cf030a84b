"""How a reader sees how far training is: a bar in a terminal, elsewhere a line for each validation."""

import os
import sys
from types import TracebackType

from tqdm import tqdm

from companion.training.settings import PROGRESS_VARIABLE


class Progress:
    """What is shown on standard error while a model is trained; use it in a ``with`` block.

    Parameters
    ----------
    total, done
        Steps altogether, and those of an earlier run that this one continues.
    shown
        Whether anything is shown. None: unless the environment variable ``GATE_BY_GATE_PROGRESS`` is ``off``.
    """

    def __init__(self, total: int, done: int = 0, shown: bool | None = None) -> None:
        self.total = total
        self._shown = os.environ.get(PROGRESS_VARIABLE) != "off" if shown is None else shown
        in_terminal = bool(sys.stderr) and sys.stderr.isatty()
        self._bar = tqdm(total=total, initial=done, unit=" steps") if self._shown and in_terminal else None

    def step(self, done: int) -> None:
        """So many steps are done."""
        if self._bar is not None:
            self._bar.update(done - self._bar.n)

    def row(self, row: dict[str, float]) -> None:
        """The validation text was scored; the row is one of `History`."""
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
