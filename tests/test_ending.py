"""How a training process ends: exit codes, signals that wait, and a process that can't end itself."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from companion.training.ending import end_process, ended_after, noted_signals, report

ROOT = Path(__file__).resolve().parents[1]
# C code that waits for ever and holds Python's lock, as TensorFlow does while its servers look for each other.
STUCK = "import ctypes; c = ctypes.PyDLL(None); m = bytes(64); c.pthread_mutex_lock(m); c.pthread_mutex_lock(m)"


def run(code: str, *arguments: str, **more) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


# -- signals -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_second_acts(number):
    acted = []
    before = signal.signal(number, lambda *_: acted.append(number))
    try:
        with noted_signals() as noted:
            assert noted == []
            signal.raise_signal(number)
            assert noted == [number] and acted == []
            signal.raise_signal(number)
            assert acted == [number]
        signal.raise_signal(number)
        assert (noted, acted) == ([number], [number] * 2)
    finally:
        signal.signal(number, before)


def test_a_signal_that_is_ignored_stays_ignored():
    """As in a shell's background job, or under nohup."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with noted_signals() as noted:
            signal.raise_signal(signal.SIGINT)
        assert noted == []
    finally:
        signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("wanted", [True, False])
def test_signals_are_not_noted_in_other_threads_or_if_not_wanted(wanted):
    handler, found = signal.getsignal(signal.SIGTERM), []

    def look() -> None:
        with noted_signals(wanted):
            found.append(signal.getsignal(signal.SIGTERM))

    if wanted:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    else:
        look()
    assert found == [handler]


# -- last words --------------------------------------------------------------------------------------------------------


def test_a_report_goes_to_a_file_or_to_standard_error(tmp_path, capsys):
    report(tmp_path / "report", "Worker 1 is gone.", 3)
    assert json.loads((tmp_path / "report").read_text()) == [3, "Worker 1 is gone."]
    assert capsys.readouterr().err == ""
    report(None, "Worker 1 is gone.", 3)
    assert capsys.readouterr().err == "gate-by-gate: Worker 1 is gone.\n"


def test_a_process_ends_even_if_its_report_can_t_be_written(monkeypatch, tmp_path):
    def leave(code: int) -> None:
        raise SystemExit(code)

    (tmp_path / "file").write_text("no folder")
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit) as ending:
        end_process("Worker 1 is gone.", 3, tmp_path / "file" / "report")
    assert ending.value.code == 3


WATCHED = f"""
import signal, sys
from companion.training.ending import ended_after

with ended_after(float(sys.argv[1]), "It took too long.", *sys.argv[2:]):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    print("begun", flush=True)
    {STUCK}
"""


def test_a_block_that_takes_too_long_ends_with_a_sentence(tmp_path):
    """Even though no thread of that process can do anything."""
    loud, quiet = run(WATCHED, "0.2"), run(WATCHED, "0.2", str(tmp_path / "report"))
    for process, says in ((loud, "gate-by-gate: It took too long.\n"), (quiet, "")):
        _, err = process.communicate(timeout=60)
        assert (process.returncode, err) == (-signal.SIGKILL, says)
    assert json.loads((tmp_path / "report").read_text()) == [2, "It took too long."]


def test_ctrl_c_ends_a_long_block():
    process = run(WATCHED, "100", start_new_session=True)
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == -signal.SIGKILL


def test_a_block_that_ends_in_time_is_left_alone(capfd):
    with ended_after(60, "It took too long."):
        pass
    assert capfd.readouterr() == ("", "")


PARENT = f"""
import subprocess, sys
child = "from companion.training import end_with_parent; end_with_parent(); print('ready', flush=True); {STUCK}"
child = subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
sys.stdin.read()
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="other systems don't end a process that is stuck")
def test_a_process_that_is_stuck_ends_with_its_parent():
    parent = run(PARENT, stdin=subprocess.PIPE)
    pid = int(parent.stdout.readline())
    assert is_running(pid)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + 60
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not is_running(pid)
