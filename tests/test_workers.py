"""Workers that train together end where one worker does; failures give one sentence and leave no process running.

These tests start real workers, each of which loads TensorFlow; `test_meeting`, `test_team`, `test_crew` and
`test_ending` hold the parts.
"""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from worker import MODELS, train

from companion.cli import main
from companion.recipes import load_model
from companion.training import EXIT_LOST, Alone, Cluster, free_ports

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = (
    "--units 12 --embedding-dim 6 --batch-size 8 --window 16 --epochs 4 --learning-rate 0.02 --dropout 0.2 --quiet"
)
NOWHERE = "http://127.0.0.1:9"  # a proxy that doesn't answer
PROXIES = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"), NOWHERE)


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "my.txt"
    path.write_text("The cat sat on the mat. A dog is in the fog.\n" * 150, encoding="utf-8")
    return path


def command(text: Path, name: str, *more: str) -> list[str]:
    return ["train", str(text), "--out", str(text.with_name(name)), *SETTINGS.split(), *more]


def run(*arguments: str, **more) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | more.pop("env", {})
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def companion(*arguments: str, **more) -> subprocess.Popen[str]:
    return run("-m", "companion", *arguments, **more)


def hosts(number: int = 2) -> str:
    return ",".join(f"127.0.0.1:{port}" for port in free_ports(number))


# -- the same as one ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """The results of two workers for the runs in `worker`, and their output."""
    folder, addresses = tmp_path_factory.mktemp("workers"), hosts()
    both = [run(str(ROOT / "tests" / "worker.py"), str(n), addresses, str(folder)) for n in (0, 1)]
    said = []
    for process in both:
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err
        assert err == "", "no log of TensorFlow reaches the reader"
        said.append(out.strip())
    with np.load(folder / "found.npz") as arrays:
        runs: dict[str, list] = {}
        for key in arrays.files:
            runs.setdefault(key.rpartition("_")[0], []).append(arrays[key])
    return runs, said


@pytest.mark.parametrize("name", MODELS)
def test_two_workers_have_the_losses_and_the_weights_of_one(found, name):
    """Dropout, clipping, averages and the carried states included."""
    one, two = train(name, Alone()), found[0][name]
    assert one[0][-1] < one[0][0] - 0.05, "it learned"
    for a, b in zip(one[:2], two[:2], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4)
    for a, b in zip(one[2:], two[2:], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-3)


def test_interrupted_two_workers_continue_as_if_nothing_had_happened(found):
    """One of them gets a signal and asks the chief, and all stop at the same step with the state saved."""
    runs, (chief, other) = found
    same = r"The training was interrupted after step (\d+) of 74\. "
    told = re.match(same + r"Its state is in .*checkpoint\.npz", chief)
    assert told and re.match(same + "Worker 0 keeps its state", other)[1] == told[1]
    assert 0 < int(told[1]) < 74
    for a, b in zip(runs["lstm"], runs["resumed"], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_command_trains_with_two_workers_whatever_the_proxy(text):
    process = companion(*command(text, "two", "--workers", "2"), env=PROXIES)
    out, err = process.communicate(timeout=600)
    assert process.returncode == 0, err
    assert err == "" and "2 workers" not in out and "Written to" in out
    assert not text.with_name("two.checkpoint.npz").exists()
    assert main(command(text, "one")) == 0
    one, two = (load_model(text.with_name(name)) for name in ("one", "two"))
    for name in ("step", "tokens", "learning_rate"):
        np.testing.assert_array_equal(one.history.column(name), two.history.column(name))
    np.testing.assert_allclose(one.history.column("training_loss"), two.history.column("training_loss"), atol=1e-4)


# -- what ends too early -----------------------------------------------------------------------------------------------


def has_begun(process: subprocess.Popen, checkpoint: Path) -> None:
    """Wait until the first checkpoint is there."""
    deadline = time.monotonic() + 600
    while not checkpoint.exists() and time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.05)


def test_a_worker_started_by_hand_ends_with_code_3_when_it_loses_the_other(text):
    """A shell loop can start such a worker again, but not one with bad input (code 2)."""
    addresses = tuple(hosts().split(","))
    longer = [*command(text, "lost"), "--epochs", "500"]
    left, lost = (companion(*longer, env={"TF_CONFIG": Cluster(addresses, n).tf_config()}) for n in (0, 1))
    try:
        has_begun(left, text.with_name("lost.checkpoint.npz"))
        lost.kill()
        _, err = left.communicate(timeout=120)
    finally:
        for process in (left, lost):
            process.kill()
            process.communicate()
    assert left.returncode == EXIT_LOST == 3
    assert re.fullmatch(r"[\w-]+: Worker 1 \(127.0.0.1:\d+\) is gone, so the training stopped. .*\n", err)
    assert not text.with_name("lost").exists()


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
def test_ctrl_c_saves_the_state_and_leaves_no_process(text):
    checkpoint = text.with_name("ended.checkpoint.npz")
    loud = [word for word in command(text, "ended", "--workers", "2", "--epochs", "500") if word != "--quiet"]
    # A shell has background jobs ignore SIGINT, but the launcher should behave as if typed.
    launcher = companion(*loud, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    pids = [int(pid) for pid in re.findall(r"\d+", launcher.stdout.readline().partition("processes")[2])]
    assert len(pids) == 2 and all(map(is_running, pids))
    has_begun(launcher, checkpoint)
    checkpoint.unlink()
    launcher.send_signal(signal.SIGINT)
    out, err = launcher.communicate(timeout=120)
    assert launcher.returncode == 130
    assert "Traceback" not in out + err
    assert checkpoint.exists(), "what was done since is saved"
    assert not any(map(is_running, pids))


# -- bad input ---------------------------------------------------------------------------------------------------------


def told(capsys, *arguments: str) -> str:
    """The sentence with which a command ends."""
    code = main(list(arguments))
    said = capsys.readouterr()
    assert code == 2 and re.match(r"[\w-]+: ", said.err) and said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize("worker", ["0", "1"])
def test_a_port_in_use_is_reported(capsys, text, worker):
    addresses = hosts()
    with socket.create_server(("127.0.0.1", int(addresses.split(",")[int(worker)].rpartition(":")[2]))):
        said = told(capsys, *command(text, "port", "--worker", worker, "--hosts", addresses, "--timeout", "5"))
    assert f"Worker {worker} can't use port" in said and "choose another port" in said


def test_a_missing_worker_is_reported_by_the_command(capsys, text):
    said = told(capsys, *command(text, "alone", "--worker", "0", "--hosts", hosts(), "--timeout", "0.5"))
    assert "Worker 1" in said and "did not come within 0.5 seconds" in said
    assert not text.with_name("alone").exists()


def test_different_settings_are_reported_by_both_commands(text):
    addresses = hosts()
    both = [
        companion(*command(text, "other", "--worker", str(n), "--hosts", addresses, "--seed", str(n))) for n in (0, 1)
    ]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 2 and err.count("\n") == 1
        assert "Worker 1 would train something else: seed is 1 there and 0 on worker 0" in err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--workers", "0"], "--workers is 0"),
        (["--worker", "1"], "goes together with --hosts"),
        (["--workers", "2", "--timeout", "0"], "--timeout is 0"),
        (["--workers", "2", "--worker", "0", "--hosts", "a:1,b:1"], "--workers and --worker don't go together"),
        (["--worker", "2", "--hosts", "a:1,b:1"], "There is no worker 2"),
        (["--worker", "0", "--hosts", "a,b:1"], "isn't the address of a worker"),
        (["--worker", "0", "--hosts", "a:1,a:1"], "the same address"),
        (["--worker", "0", "--hosts", "a:1,b:1", "--batch-size", "7"], "multiple of 2, such as 6 or 8"),
    ],
)
def test_bad_options_are_reported(capsys, text, more, says):
    assert says in told(capsys, *command(text, "bad", *more))


def test_a_batch_that_can_t_be_divided_is_reported_once(text):
    process = companion(*command(text, "uneven", "--workers", "2", "--batch-size", "7"))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2 and err.count("\n") == 1 and "multiple of 2" in err


def test_a_bad_tf_config_is_reported(capsys, text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}')
    assert "TF_CONFIG can't be read" in told(capsys, *command(text, "config"))


@pytest.mark.parametrize("content", ["{}", '{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 0}}'])
def test_a_tf_config_of_one_worker_doesn_t_prevent_training(text, monkeypatch, content):
    monkeypatch.setenv("TF_CONFIG", content)
    assert main(command(text, f"own-{len(content)}", "--epochs", "1", "--units", "4")) == 0
