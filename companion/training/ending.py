"""How a training run ends early: exit codes, reports, and signals that wait until the state is saved.

A process that trains may be interrupted (Ctrl-C, SIGTERM), may lose another worker, or may lose the process that
started it. Whatever happens, it ends with one sentence and an exit code that says what to do next.
"""

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from companion.errors import UserError
from companion.storage import write_atomically
from companion.training import guard

EXIT_BAD_INPUT, EXIT_LOST, EXIT_SIGNAL = 2, 3, 128
SET_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of Linux's prctl


class WorkerLostError(UserError):
    """A worker ended before the training did; the same command continues from the last checkpoint."""


class TrainingInterrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM ended a training run; the message says where its state is.

    Parameters
    ----------
    message
        One or two sentences.
    number
        The signal's number.
    """

    def __init__(self, message: str, number: int = signal.SIGINT) -> None:
        super().__init__(message)
        self.number = number


def exit_code(error: BaseException) -> int:
    """The exit code of a process that ends with this error.

    >>> exit_code(UserError("The text is too short.")), exit_code(WorkerLostError("Worker 1 is gone."))
    (2, 3)
    >>> exit_code(KeyboardInterrupt()), exit_code(TrainingInterrupted("Stopped.", signal.SIGTERM))
    (130, 143)
    """
    if isinstance(error, KeyboardInterrupt):
        return EXIT_SIGNAL + getattr(error, "number", signal.SIGINT)
    return EXIT_LOST if isinstance(error, WorkerLostError) else EXIT_BAD_INPUT


def report(path: str | Path | None, sentence: str, code: int) -> None:
    """Say why this process ends: through a file to the one that started it, otherwise on standard error."""
    if path:
        write_atomically(path, json.dumps([code, sentence]))
    else:
        print(f"gate-by-gate: {sentence}", file=sys.stderr, flush=True)


def end_process(sentence: str, code: int, report_file: str | Path | None = None) -> NoReturn:
    """End this process now, from any thread, even while TensorFlow waits in a step that will never finish."""
    try:
        report(report_file, sentence, code)
    finally:
        os._exit(code)


@contextlib.contextmanager
def noted_signals(wanted: bool = True) -> Iterator[list[int]]:
    """Note Ctrl-C and SIGTERM instead of ending at once, so that the block can finish its work first.

    The yielded list is empty until a signal arrives. A second one ends the process as usual. Ignored signals stay
    ignored. Outside the main thread, the only one in which Python handles signals, nothing changes.
    """
    noted: list[int] = []
    before: dict[int, object] = {}

    def note(number: int, _: object) -> None:
        noted.append(number)
        restore()

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        before.clear()

    if wanted and threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            if (handler := signal.getsignal(number)) not in (signal.SIG_IGN, None):
                before[number] = handler
                signal.signal(number, note)
    try:
        yield noted
    finally:
        restore()


@contextlib.contextmanager
def ended_after(seconds: float, sentence: str, report_file: str | Path | None = None) -> Iterator[None]:
    """End this process with a sentence if the block takes longer than ``seconds``.

    A small second process watches, because a thread of this one may not be able to: C code can hold Python's lock for
    as long as it waits. During the block, Ctrl-C in a terminal ends the process too. (On Windows nothing watches.)
    """
    if os.name != "posix":
        yield
        return
    content = json.dumps([EXIT_BAD_INPUT, sentence]) if report_file else f"gate-by-gate: {sentence}\n"
    command = [sys.executable, "-S", "-E", guard.__file__, str(os.getpid()), str(seconds), content]
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # the watching process inherits this
    try:
        watching = subprocess.Popen([*command, *([str(report_file)] if report_file else [])], stdin=subprocess.PIPE)
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        watching.kill()
        watching.communicate()


def end_with_parent() -> None:
    """End this process as soon as its parent, the process that started it, is gone.

    On Linux the kernel kills it then, whatever it is doing. On other systems, or if the parent is gone already, a
    thread notices that the other end of standard input, a pipe, has been closed.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(SET_DEATH_SIGNAL, signal.SIGKILL)

    def watch(standard_input: int) -> None:
        while os.read(standard_input, 1):
            pass
        os._exit(EXIT_LOST)

    threading.Thread(target=watch, args=(sys.stdin.fileno(),), daemon=True).start()
