"""All workers on one machine: started, watched and ended together."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO

from companion.errors import UserError, check_sizes
from companion.seeding import cores
from companion.training.ending import (
    EXIT_BAD_INPUT,
    EXIT_LOST,
    EXIT_SIGNAL,
    TrainingInterrupted,
    WorkerLostError,
    noted_signals,
)
from companion.training.meeting import LOOPBACK

PROGRAM = (sys.executable, "-m", "companion")
PATIENCE = 20.0  # seconds that workers get to write a checkpoint before they are killed
AGAIN = "The training stopped. Run the same command again: it continues from the last checkpoint."


class Crew:
    """A command run as several worker processes on this machine; leaving the ``with`` block ends all of them.

    The processes end with this one, however it ends (see `companion.training.end_with_parent`), and with the thread
    that started them.

    Parameters
    ----------
    command
        The program's arguments; each worker also gets its own ``--workers``, ``--worker``, ``--hosts`` and
        ``--report``.
    workers
        How many processes.
    output
        Where the chief's standard output goes, as for `subprocess.Popen`.
    program
        What is run; by default ``python -m companion``.

    Attributes
    ----------
    processes
        One `subprocess.Popen` per worker.
    """

    def __init__(
        self,
        command: Sequence[str],
        workers: int,
        output: int | IO[bytes] | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        check_sizes(workers=workers)
        self._folder = tempfile.TemporaryDirectory(prefix="companion-workers-")
        hosts = ",".join(f"{LOOPBACK}:{port}" for port in free_ports(workers))
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
        defaults = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": str(max(1, cores() // workers))}
        self.processes: list[subprocess.Popen[bytes]] = []
        for worker in range(workers):
            own = ["--workers", "1", "--worker", str(worker), "--hosts", hosts, "--report", str(self._report(worker))]
            self.processes.append(
                subprocess.Popen(
                    [*program, *command, *own],
                    env=defaults | os.environ | {"PYTHONPATH": path},
                    stdin=subprocess.PIPE,
                    stdout=output if worker == 0 else subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C reaches this process only, which then ends the workers
                )
            )

    def _report(self, worker: int) -> Path:
        return Path(self._folder.name) / f"worker-{worker}"

    def _said(self, worker: int) -> tuple[int, str] | None:
        """Exit code and sentence of a worker that has said why it ended."""
        try:
            code, sentence = json.loads(self._report(worker).read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return int(code), str(sentence)

    def wait(self) -> None:
        """Return when all workers have succeeded.

        Raises
        ------
        UserError
            A worker couldn't begin; the message is its own.
        WorkerLostError
            A worker ended too early.
        TrainingInterrupted
            Ctrl-C or SIGTERM reached this process or one of the workers. They had `PATIENCE` seconds to write a
            checkpoint; a second Ctrl-C doesn't wait.
        """
        with noted_signals() as signals:
            while not signals and any(process.poll() is None for process in self.processes):
                if any(process.poll() for process in self.processes):
                    break
                time.sleep(0.1)
        if signals:
            self.stop(PATIENCE)
            said = self._said(0)
            sentence = said[1] if said else "The training was interrupted; its last checkpoint, if it has one, is kept."
            raise TrainingInterrupted(sentence, signals[0])
        if any(process.poll() for process in self.processes):
            time.sleep(0.5)  # the worker that failed first may not be the first one noticed
            codes = [process.poll() for process in self.processes]
            self.stop()
            raise self._verdict(codes)

    def _verdict(self, codes: Sequence[int | None]) -> UserError | TrainingInterrupted:
        """The error to raise for these exit codes, None for a worker that was still running."""
        failed = [worker for worker, code in enumerate(codes) if code]
        said = {worker: told for worker in failed if (told := self._said(worker))}
        silent = [worker for worker in failed if worker not in said]
        for worker in sorted(silent, key=lambda worker: (codes[worker] or 0) >= 0):
            code = codes[worker] or 0
            if code < 0:
                return WorkerLostError(f"Worker {worker} was killed ({signal.Signals(-code).name}). {AGAIN}")
            return WorkerLostError(f"Worker {worker} failed (exit code {code}); its error is above. {AGAIN}")
        # A report that another worker was lost is the least informative.
        code, sentence = min(said.values(), key=lambda told: told[0] == EXIT_LOST)
        if code > EXIT_SIGNAL:
            return TrainingInterrupted(sentence, code - EXIT_SIGNAL)
        return WorkerLostError(sentence) if code != EXIT_BAD_INPUT else UserError(sentence)

    def stop(self, patience: float = 5.0) -> None:
        """End all processes that still run: ask them to, and kill those still running after ``patience`` seconds."""
        try:
            for process in self.processes:
                if process.poll() is None:
                    process.terminate()
            until = time.monotonic() + patience
            for process in self.processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, until - time.monotonic()))
        finally:
            for process in self.processes:
                if process.poll() is None:
                    process.kill()
                    process.wait()
                if process.stdin:
                    process.stdin.close()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        self._folder.cleanup()


def free_ports(number: int) -> list[int]:
    """Ports of this machine that are free now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]
