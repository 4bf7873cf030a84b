"""Running a reader's cell in the page: what it prints, what its check says, and errors in three lines of its own.

This module is sent to the reader's browser, where Python is `playground_files.PYTHON`.
"""

import ast
import io
import linecache
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import CodeType
from typing import Any

import numpy as np

from companion.exercises import Outcome, check

CELL = "your answer"  # the file name of the reader's code
SECONDS = 10.0  # that it may take
LONGEST = 20_000  # characters that it may print
LONGEST_MESSAGE = 300  # characters of an error's message


class OutOfTime(BaseException):
    """The cell runs for too long. It isn't an `Exception`, so that no ``except Exception`` goes on regardless."""


class Printed(io.TextIOBase):
    """What is printed, up to a length."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.room = LONGEST
        self.is_cut = False

    def write(self, text: str) -> int:
        self.parts.append(text[: self.room])
        self.is_cut = self.is_cut or len(text) > self.room
        self.room -= len(self.parts[-1])
        return len(text)

    def __str__(self) -> str:
        return "".join(self.parts) + ("\n… The rest isn't shown: it's too long.\n" if self.is_cut else "")


def run(code: str, prelude: str = "", seconds: float = SECONDS) -> dict[str, Any]:
    """Run a cell, as a notebook would, and tell what comes of it.

    Parameters
    ----------
    code
        The reader's.
    prelude
        Earlier lines of the chapter that it needs.
    seconds
        How long it may take. Only a loop or a call in the cell itself is stopped, and only from Python 3.12 on.

    Returns
    -------
    dict
        ``output``, what was printed, with the value of the last line; ``error``, a few lines, ``""`` if there was
        none; ``checked``, whether it made a check; ``passed``, whether it made one and passed all.
    """
    names: dict[str, Any] = {"__name__": "__main__", "np": np, "check": check}
    exec(compile(prelude, "<earlier in the chapter>", "exec"), names)
    linecache.cache[CELL] = (len(code), None, code.splitlines(keepends=True), CELL)
    printed, values, error = Printed(), [], ""  # type: tuple[Printed, list[Any], str]
    hook, sys.displayhook = sys.displayhook, values.append
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            body = ast.parse(code, CELL).body
            with stopped_after(seconds):
                for statement in body:
                    exec(compile(ast.Interactive([statement]), CELL, "single"), names)
            if body and isinstance(body[-1], ast.Expr) and not isinstance(values[-1], Outcome | None):
                print(repr(values[-1]))
    except OutOfTime:
        error = f"Stopped after {seconds:g} seconds. Is there a loop that never ends?"
    except BaseException as stopped:
        error = told(stopped)
    finally:
        sys.displayhook = hook
    outcomes = [value for value in values if isinstance(value, Outcome)]
    error = error or "\n".join(told(outcome.cause) for outcome in outcomes if outcome.cause)
    checked = bool(outcomes)
    return {"output": str(printed), "error": error, "checked": checked, "passed": checked and all(outcomes)}


@contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raise `OutOfTime` in the reader's code, at the next turn of a loop or call of a function, once time is up."""
    monitoring = getattr(sys, "monitoring", None)
    if monitoring is None:  # before Python 3.12
        yield
        return
    tool, events = monitoring.DEBUGGER_ID, monitoring.events
    end = time.monotonic() + seconds

    def look(code: CodeType, *where: int) -> Any:
        if code.co_filename != CELL:
            return monitoring.DISABLE
        if time.monotonic() > end:
            raise OutOfTime
        return None

    monitoring.use_tool_id(tool, "playground")
    try:
        for event in (events.JUMP, events.PY_START):
            monitoring.register_callback(tool, event, look)
        monitoring.set_events(tool, events.JUMP | events.PY_START)
        yield
    finally:
        monitoring.set_events(tool, events.NO_EVENTS)
        monitoring.free_tool_id(tool)


def told(error: BaseException) -> str:
    """An error in three lines: where in the reader's code, the line itself, what is wrong."""
    message = traceback.format_exception_only(error)[-1].strip()
    if len(message) > LONGEST_MESSAGE:
        message = f"{message[:LONGEST_MESSAGE]} …"
    if isinstance(error, SyntaxError) and error.filename == CELL:
        return f"Line {error.lineno}:\n    {(error.text or '').strip()}\n{message}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == CELL]
    if not frames:
        return message
    place = f"Line {frames[-1].lineno}" + (f", in {frames[-1].name}" if frames[-1].name != "<module>" else "")
    if isinstance(error, NameError):
        message += " (here only this cell has run, not the chapter above it)"
    return f"{place}:\n    {frames[-1].line}\n{message}"
