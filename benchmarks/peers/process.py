"""The outside of a contestant's process: start it on its cores, ask it, end it."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, Self

import companion

FOLDER = Path(__file__).resolve().parent
PATIENCE = 900.0  # seconds for one answer
# The cores are chosen before the framework is imported, because it counts them then.
LAUNCH = """
import importlib, os, sys
folder, module, cores = sys.argv[1:]
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {int(core) for core in cores.split(",")})
sys.path.append(folder)
importlib.import_module("peers." + module).main()
"""
# TensorFlow's threads inside an operation and between operations, by the number of cores. It chooses the first row by
# itself. For LSTMs the second is faster, for the book's (`companion.seeding.share_cores`) and for Keras's `fit`.
OWN, BETWEEN = "TensorFlow's own", "between operations"
TENSORFLOW_THREADS = {OWN: {1: (1, 1), 2: (2, 2)}, BETWEEN: {1: (1, 1), 2: (1, 2)}}
BLAS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class PeerError(Exception):
    """A contestant can't be measured; the message is a sentence that says why."""


def cores_available() -> list[int]:
    """The numbers of the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def environment(cores: int, threads: str = OWN) -> dict[str, str]:
    """The settings for threads, and the path of this companion, for a process on so many cores."""
    path = os.pathsep.join(filter(None, [str(Path(companion.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    inside, between = TENSORFLOW_THREADS[threads][min(cores, 2)]
    numbers = dict.fromkeys(BLAS, str(cores))
    numbers |= {"TF_NUM_INTRAOP_THREADS": str(inside), "TF_NUM_INTEROP_THREADS": str(between)}
    single = {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "GATE_BY_GATE_DEVICE": "cpu", "GATE_BY_GATE_PROGRESS": "off"}
    return {**os.environ, **numbers, **single, **quiet, "PYTHONPATH": path}


class Peer:
    """A long-lived process that runs one module of this folder.

    Parameters
    ----------
    module
        Such as ``"with_torch"``.
    cores
        How many cores it gets: the first ones of those that this process may use.
    python
        The interpreter; by default this one.
    threads
        A row of `TENSORFLOW_THREADS`.

    Raises
    ------
    PeerError
        It doesn't start, for example because a package is missing.
    """

    def __init__(self, module: str, cores: int, python: str | Path = sys.executable, threads: str = OWN) -> None:
        self.module = module
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115  (closed below)
        own = ",".join(str(core) for core in cores_available()[:cores])
        try:
            self._process = subprocess.Popen(
                [str(python), "-c", LAUNCH, str(FOLDER.parent), module, own],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                cwd=FOLDER,  # Python looks there first, and no file in it has a library's name
                env=environment(cores, threads),
            )
        except OSError as error:
            raise PeerError(f"{python} can't be started ({error.strerror}).") from None
        self.versions: dict[str, str] = self._read()["versions"]

    @property
    def running(self) -> bool:
        """Whether it can still answer."""
        return self._process.poll() is None

    def ask(self, do: str, **content: Any) -> dict[str, Any]:
        """Send a request and return the answer; see `peers.serving.serve`.

        Raises
        ------
        PeerError
            The job failed, or the process ended.
        """
        assert self._process.stdin
        try:
            self._process.stdin.write(json.dumps({"do": do, **content}) + "\n")
            self._process.stdin.flush()
        except OSError:
            raise self._ended() from None
        reply = self._read()
        if "error" in reply:
            raise PeerError(f"It failed with {reply['error']}")
        answer: dict[str, Any] = reply["answer"]
        return answer

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout
        watch = threading.Timer(PATIENCE, self._process.kill)
        watch.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watch.cancel()
        if not line:
            raise self._ended()
        try:
            found: dict[str, Any] = json.loads(line)
        except ValueError:
            self.close()
            raise PeerError(f"It answered {line[:80]!r}, which isn't an answer; is its Python one?") from None
        return found

    def _ended(self) -> PeerError:
        code = self._process.wait()
        self._errors.seek(0)
        said = [line.strip() for line in self._errors if line.strip()]
        self.close()
        return PeerError(f"Its process ended with exit code {code}: {said[-1] if said else 'it said nothing'}")

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe and not pipe.closed:
                with contextlib.suppress(OSError):  # it ended before it read everything
                    pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
