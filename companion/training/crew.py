"""All workers on one machine: started, watched and ended together."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from companion.errors import UserError
from companion.storage import write_atomically
from companion.training.meeting import EXIT_LOST, LOOPBACK, WorkerLostError


# All workers on one machine: started, watched, and ended together
class Crew:
    """A command run as several worker processes on this machine; leaving the ``with`` block ends all of them.

    The processes notice the end of this one, however it ends, by the pipe that is their standard input.

    Parameters
    ----------
    command
        What follows ``python -m companion``; each worker gets its own ``--worker``, ``--hosts`` and ``--report``.
    workers
        How many.
    output
        Where the chief's standard output goes, as for `subprocess.Popen`.

    Attributes
    ----------
    processes
        One `subprocess.Popen` a worker.
    """

    def __init__(self, command: Sequence[str], workers: int, output: Any = None):
        self._folder = tempfile.TemporaryDirectory(prefix="companion-workers-")
        hosts = ",".join(f"{LOOPBACK}:{port}" for port in free_ports(workers))
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH")]))
        defaults = {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_NUM_INTRAOP_THREADS": str(max(1, cores // workers))}
        self.processes: list[subprocess.Popen[bytes]] = []
        for worker in range(workers):
            own = ["--workers", "1", "--worker", str(worker), "--hosts", hosts, "--report", str(self._report(worker))]
            self.processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "companion", *command, *own],
                    env=defaults | os.environ | {"PYTHONPATH": path},
                    stdin=subprocess.PIPE,
                    stdout=output if worker == 0 else subprocess.DEVNULL,
                    start_new_session=True,  # Ctrl-C is for this process, which then ends them
                )
            )

    def _report(self, worker: int) -> Path:
        return Path(self._folder.name) / f"worker-{worker}"

    def wait(self) -> None:
        """Return when all workers have ended well.

        Raises
        ------
        UserError
            What the first worker that could not begin says.
        WorkerLostError
            A worker ended too early.
        """
        while any(process.poll() is None for process in self.processes):
            if any(process.poll() for process in self.processes):
                break
            time.sleep(0.1)
        if any(process.poll() for process in self.processes):
            time.sleep(0.5)  # the one that failed first may not be the first to be seen
            error = self._verdict([process.poll() for process in self.processes])
            self.stop()
            raise error

    def _verdict(self, codes: Sequence[int | None]) -> UserError:
        again = "The training stopped. Run the same command again: it goes on from the last checkpoint."
        for worker, code in enumerate(codes):
            if code is not None and code < 0:
                return WorkerLostError(f"Worker {worker} was killed ({signal.Signals(-code).name}). {again}")
        for worker, code in enumerate(codes):
            if code and not self._report(worker).exists():
                return WorkerLostError(f"Worker {worker} failed (exit code {code}); its error is above. {again}")
        reports = [json.loads(self._report(n).read_text("utf-8")) for n, code in enumerate(codes) if code]
        code, sentence = min(reports, key=lambda report: report[0] == EXIT_LOST)
        return WorkerLostError(sentence) if code == EXIT_LOST else UserError(sentence)

    def stop(self) -> None:
        """End all processes that still run."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdin:
                process.stdin.close()

    def __enter__(self) -> "Crew":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._folder.cleanup()


def free_ports(number: int) -> list[int]:
    """Ports of this machine that nobody uses now."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(number)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [each.getsockname()[1] for each in sockets]


def end_with_parent() -> None:
    """End this process as soon as the one that started it is gone: its end of our standard input closes."""

    def watch(standard_input: int) -> None:
        while os.read(standard_input, 1):
            pass
        os._exit(EXIT_LOST)

    threading.Thread(target=watch, args=(sys.stdin.fileno(),), daemon=True).start()


def report(path: str | None, sentence: str, code: int) -> None:
    """Say why this worker ends: to who started it, by a file, or else to the reader."""
    if path:
        write_atomically(path, json.dumps([code, sentence]))
    else:
        print(f"companion: {sentence}", file=sys.stderr, flush=True)
