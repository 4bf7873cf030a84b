"""A crew starts workers, watches them and ends them; here the workers are small programs that don't train."""

import os
import re
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from companion.errors import UserError
from companion.training import Crew, TrainingInterrupted, WorkerLostError, free_ports

WORKER = """
import json, os, signal, sys, time
from pathlib import Path

given = sys.argv[1:]
worker = int(given[given.index("--worker") + 1])
report = Path(given[given.index("--report") + 1])

def say(code, sentence):
    report.write_text(json.dumps([code, sentence]))

def kill_myself():
    os.kill(os.getpid(), signal.SIGKILL)

exec(given[worker])
"""
WAIT = "time.sleep(100)"


def crew(*actions: str, **more) -> Crew:
    """A worker for each piece of code."""
    return Crew(actions, len(actions), program=[sys.executable, "-S", "-c", WORKER], **more)


def test_it_returns_when_all_have_succeeded(tmp_path):
    with (tmp_path / "output").open("wb") as output, crew("print('done')", "print('unseen')", output=output) as both:
        both.wait()
    assert (tmp_path / "output").read_text() == "done\n"
    assert [process.returncode for process in both.processes] == [0, 0]


@pytest.mark.parametrize(
    ("actions", "kind", "says"),
    [
        ([WAIT, "kill_myself()"], WorkerLostError, r"Worker 1 was killed \(SIGKILL\). .* the same command again"),
        ([WAIT, "sys.exit(1)"], WorkerLostError, r"Worker 1 failed \(exit code 1\); its error is above"),
        (["say(2, 'Too short.'); sys.exit(2)", WAIT], UserError, "Too short."),
        (["say(3, 'Worker 1 is gone.'); sys.exit(3)", WAIT], WorkerLostError, "Worker 1 is gone."),
        (["say(3, 'Worker 1 is gone.'); sys.exit(3)", "kill_myself()"], WorkerLostError, "Worker 1 was killed"),
        (
            ["say(3, 'Worker 1 is gone.'); sys.exit(3)", "say(2, 'The disk is full.'); sys.exit(2)"],
            UserError,
            "The disk is full.",
        ),
        (["say(2, 'It took too long.'); kill_myself()", WAIT], UserError, "It took too long."),
        (["say(143, 'Its state is kept.'); sys.exit(143)", WAIT], TrainingInterrupted, "Its state is kept."),
    ],
)
def test_a_worker_that_ends_too_early_ends_all(actions, kind, says):
    with crew(*actions) as both:
        with pytest.raises(kind, match=says) as told:
            both.wait()
        assert type(told.value) is kind
        assert all(process.poll() is not None for process in both.processes)


def test_workers_that_don_t_listen_are_killed(tmp_path):
    deaf = f"signal.signal(signal.SIGTERM, signal.SIG_IGN); Path({str(tmp_path / 'ready')!r}).touch(); {WAIT}"
    with crew(deaf, WAIT) as both:
        wait_for(tmp_path / "ready")
        both.stop(patience=0.2)
    assert [process.returncode for process in both.processes] == [-signal.SIGKILL, -signal.SIGTERM]


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert path.exists()


SAVES = """
def save(*_):
    say(143, f"The state is in {worker}.npz.")
    sys.exit(143)

signal.signal(signal.SIGTERM, save)
Path(FOLDER, str(worker)).touch()
time.sleep(100)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_it_waits_for_the_chief_s_report(tmp_path, number):
    def interrupt() -> None:
        for worker in ("0", "1"):
            wait_for(tmp_path / worker)
        os.kill(os.getpid(), number)

    saves = SAVES.replace("FOLDER", repr(str(tmp_path)))
    with crew(saves, saves) as both:
        threading.Thread(target=interrupt).start()
        with pytest.raises(TrainingInterrupted, match=r"The state is in 0.npz\.") as told:
            both.wait()
        assert told.value.number == number
        assert [process.returncode for process in both.processes] == [143, 143]


def test_however_the_block_ends_the_workers_do():
    with pytest.raises(ZeroDivisionError), crew(WAIT, WAIT) as both:
        _ = 1 / 0
    assert all(process.returncode for process in both.processes)


def test_each_worker_is_told_who_it_is(tmp_path):
    with (tmp_path / "output").open("wb") as output, crew("print(*given[3:])", WAIT, WAIT, output=output) as three:
        three.processes[0].wait()
    options = (tmp_path / "output").read_text()
    address = r"127.0.0.1:\d+"
    assert re.fullmatch(
        rf"--workers 1 --worker 0 --hosts {address},{address},{address} --report \S+worker-0\n", options
    )
    assert len(set(free_ports(5))) == 5


def test_a_crew_without_workers_is_refused():
    with pytest.raises(UserError, match="workers is 0"):
        Crew([], 0)
