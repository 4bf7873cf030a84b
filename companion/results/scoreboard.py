"""The scoreboard: every model of the book, scored on the same three held-out plays, in bits per character.

A chapter that makes a model records its score here. The rows are kept in ``companion/data/scoreboard.json``, so that
any chapter can show the whole board without training what the others trained; ``record`` checks that today's code
still gives the score on file, so the board can't go stale. ``make scores`` (that is, ``GATE_BY_GATE_RECORD=1``) writes
the file again.

The functions ``record``, ``rows``, ``table`` and ``chart`` are those of the book's own `Board`.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from companion import plotting
from companion.errors import UserError
from companion.evaluation import Score
from companion.plotting import FAINT, SERIES, axes
from companion.storage import locked, read_json, write_atomically

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.figure import Figure

FILE = Path(__file__).parents[1] / "data" / "scoreboard.json"
RECORD_VARIABLE = "GATE_BY_GATE_RECORD"
TOLERANCE = 0.03  # bits per character; other processors add in a different order, and training magnifies the difference

# The order of the chapters: a row belongs to the chapter that makes it, and a board grows chapter by chapter.
CHAPTERS = ("concepts", "counting", "article-model", "language-model", "transformers")


@dataclass(frozen=True)
class Row:
    """One model on the board.

    Attributes
    ----------
    name, label, chapter
        A key, the words on the figure, and the chapter that makes it.
    bits_per_character
        On the test plays of the corpus ``shakespeare``.
    parameters
        Numbers the model keeps (for n-grams: counts), or None.
    seconds
        Rounded training time on the machine that recorded it, or None.
    """

    name: str
    label: str
    chapter: str
    bits_per_character: float
    parameters: int | None = None
    seconds: int | None = None


@dataclass(frozen=True)
class Board:
    """A file of rows.

    Attributes
    ----------
    file
        Where the rows are kept, as JSON.
    recording
        Whether `record` writes a row, or checks it; None: what the environment variable GATE_BY_GATE_RECORD says.
    """

    file: Path
    recording: bool | None = None

    def record(
        self,
        name: str,
        label: str,
        chapter: str,
        score: Score,
        parameters: int | None = None,
        seconds: float | None = None,
    ) -> Row:
        """Put a model on the board, or check that it is still where the board says.

        Parameters
        ----------
        name, label, chapter, parameters, seconds
            See `Row`.
        score
            On the test plays.

        Raises
        ------
        UserError
            The board doesn't have that chapter, or the score is not within 0.03 bits per character of the one on file.
        """
        _check(chapter)
        bits = round(score.bits_per_character, 4)
        row = Row(name, label, chapter, bits, parameters, None if seconds is None else round(seconds))
        if bool(os.environ.get(RECORD_VARIABLE)) if self.recording is None else self.recording:
            with locked(self.file):  # chapters are executed side by side
                self._write([*(other for other in self._read() if other.name != name), row])
            return row
        rows = {row.name: row for row in self._read()}
        if name not in rows:
            raise UserError(f"The scoreboard has no row {name!r} yet: run make scores once to add it.")
        if abs(rows[name].bits_per_character - bits) > TOLERANCE:
            raise UserError(
                f"The scoreboard says {rows[name].bits_per_character} bits per character for {name}, and this run "
                f"gives {bits}: if the change is intended, run make scores to record it."
            )
        return row

    def rows(self, until: str | None = None) -> list[Row]:
        """The rows of the board, worst first; with ``until``, only those of the chapters up to that one.

        Raises
        ------
        UserError
            The board doesn't have that chapter.
        """
        if until is not None:
            _check(until)
        last = CHAPTERS.index(until) if until else len(CHAPTERS)
        kept = [row for row in self._read() if CHAPTERS.index(row.chapter) <= last]
        return sorted(kept, key=lambda row: (-row.bits_per_character, row.name))

    def table(self, until: str | None = None) -> "HTML":
        """The board as a table for a notebook; see `rows`."""
        lines = [
            (
                row.label,
                f"{row.bits_per_character:.2f}",
                f"{row.parameters:,}" if row.parameters else "–",
                _time(row.seconds),
            )
            for row in self.rows(until)
        ]
        head = ["model", "bits per character", "numbers kept", "training time"]
        return plotting.table(head, lines, "The scoreboard: models on the three test plays")

    def chart(self, until: str | None = None, highlight: Iterable[str] = ()) -> "Figure":
        """The board as bars, worst on top.

        Parameters
        ----------
        until
            Only the rows of the chapters up to this one.
        highlight
            Names of the rows to set in colour; by default the rows of the chapter ``until``.
        """
        shown = self.rows(until)
        lit = set(highlight) or {row.name for row in shown if row.chapter == until}
        figure, ax = axes(6.4, 0.6 + 0.32 * len(shown))
        places = range(len(shown), 0, -1)
        colours = [SERIES[1] if row.name in lit else FAINT for row in shown]
        ax.barh(places, [row.bits_per_character for row in shown], color=colours, height=0.62)
        for place, row in zip(places, shown, strict=True):
            ax.text(row.bits_per_character + 0.06, place, f"{row.bits_per_character:.2f}", va="center", fontsize=10)
        ax.set_yticks(list(places), [row.label for row in shown])
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("bits per character on three plays\nnever seen in training (lower is better)")
        ax.set_xlim(0, max((row.bits_per_character for row in shown), default=1) * 1.08)
        return figure

    def _read(self) -> list[Row]:
        if not self.file.exists():
            return []
        return [Row(**row) for row in read_json(self.file, "the scoreboard")]

    def _write(self, rows: list[Row]) -> None:
        ordered = sorted(rows, key=lambda row: (CHAPTERS.index(row.chapter), -row.bits_per_character, row.name))
        write_atomically(self.file, json.dumps([asdict(row) for row in ordered], indent=1, ensure_ascii=False) + "\n")


def _check(chapter: str) -> None:
    if chapter not in CHAPTERS:
        raise UserError(f"The scoreboard has no chapter {chapter!r}; it has {', '.join(CHAPTERS)}.")


def _time(seconds: int | None) -> str:
    if seconds is None:
        return "–"
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"


_BOOK = Board(FILE)
record, rows, table, chart = _BOOK.record, _BOOK.rows, _BOOK.table, _BOOK.chart
