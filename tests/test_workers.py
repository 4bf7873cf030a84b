"""Workers that train together end where one worker does; what goes wrong is one sentence, and leaves nobody."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from companion.cli import main
from companion.errors import UserError
from companion.recipes import load_model
from companion.training import Cluster, Crew, Team, WorkerLostError, free_ports, join, meeting, share

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = (
    "--units 12 --embedding-dim 6 --batch-size 8 --window 16 --epochs 8 --learning-rate 0.01 --dropout 0.2 --quiet"
)
PLAN = {"seed": 0, "batch_size": 8}


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "my.txt"
    path.write_text("The cat sat on the mat. A dog is in the fog.\n" * 150, encoding="utf-8")
    return path


def command(text: Path, name: str, *more: str) -> list[str]:
    return ["train", str(text), "--out", str(text.with_name(name)), *SETTINGS.split(), *more]


def run(*arguments: str, **more) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "companion", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


def hosts(number: int = 2) -> str:
    return ",".join(f"127.0.0.1:{port}" for port in free_ports(number))


@pytest.fixture(scope="module")
def together(text):
    """What two workers trained, and what their command printed."""
    process = run(*command(text, "two", "--workers", "2"))
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert err == "", "no log of TensorFlow reaches the reader"
    assert "2 workers" not in out and "Written to" in out
    return load_model(text.with_name("two"))


def difference(a, b) -> float:
    pairs = zip(a.model.trainable_variables, b.model.trainable_variables, strict=True)
    return max(float(np.abs(v.numpy() - w.numpy()).max()) for v, w in pairs)


# -- the same as one ---------------------------------------------------------------------------------------------------


def test_two_workers_have_the_losses_and_the_weights_of_one(text, together):
    """Dropout, clipping and the carried states included."""
    assert main(command(text, "one")) == 0
    one = load_model(text.with_name("one"))
    for name in ("step", "tokens", "learning_rate"):
        np.testing.assert_array_equal(one.history.column(name), together.history.column(name))
    for name in ("training_loss", "validation_loss"):
        np.testing.assert_allclose(one.history.column(name), together.history.column(name), atol=2e-5)
    assert one.history.column("training_loss")[-1] < one.history.column("training_loss")[0] - 0.5, "it learned"
    assert difference(one, together) < 1e-3
    assert not text.with_name("two.checkpoint.npz").exists()


SLOW = """
import time
from companion import training

evaluate = training._Trainer.evaluate
training._Trainer.evaluate = lambda *given: (time.sleep(1), evaluate(*given))[1]
"""


def test_a_killed_worker_is_named_and_the_same_command_ends_as_if_nothing_had_been(
    text, together, tmp_path, monkeypatch
):
    checkpoint = text.with_name("killed.checkpoint.npz")
    (tmp_path / "sitecustomize.py").write_text(SLOW)  # Python runs it first: a brake, so that there is time to kill
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
        crew = Crew(command(text, "killed"), 2, output=subprocess.DEVNULL)
    with crew:
        while not checkpoint.exists() and all(process.poll() is None for process in crew.processes):
            time.sleep(0.01)
        assert crew.processes[1].poll() is None, "it ended before it could be killed"
        crew.processes[1].kill()
        with pytest.raises(WorkerLostError, match=r"Worker 1 was killed \(SIGKILL\).*same command"):
            crew.wait()
        assert all(process.poll() is not None for process in crew.processes)
    assert checkpoint.exists() and not text.with_name("killed").exists()
    process = run(*command(text, "killed", "--workers", "2"))
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "Going on from" in out
    killed = load_model(text.with_name("killed"))
    assert difference(killed, together) == 0
    for name in ("step", "training_loss", "validation_loss"):
        np.testing.assert_array_equal(killed.history.column(name), together.history.column(name))


def test_two_workers_train_the_transformer_of_one(text):
    own = ["--model", "transformer", "--layers", "2", "--heads", "2", "--context", "16", "--epochs", "2"]
    own += ["--learning-rate", "0.003"]
    assert main(command(text, "one-transformer", *own)) == 0
    process = run(*command(text, "two-transformers", *own, "--workers", "2"))
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    one, two = (load_model(text.with_name(name)) for name in ("one-transformer", "two-transformers"))
    losses = one.history.column("training_loss")
    np.testing.assert_allclose(losses, two.history.column("training_loss"), atol=1e-4)
    assert losses[-1] < losses[0] - 0.1, "it learned"
    assert difference(one, two) < 1e-3


def test_tf_config_starts_workers_too(text, together):
    addresses = tuple(hosts().split(","))
    configs = [Cluster(addresses, n).tf_config() for n in (0, 1)]
    both = [run(*command(text, "config"), env=os.environ | {"TF_CONFIG": each}) for each in configs]
    for process in both:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert difference(load_model(text.with_name("config")), together) == 0


def test_a_worker_started_by_hand_ends_with_code_3_when_it_loses_the_other(text):
    """A shell's loop starts such a worker again, and leaves one alone that was asked for what it can't do (code 2)."""
    addresses = hosts()
    longer = [*command(text, "lost"), "--epochs", "500", "--hosts", addresses]
    left, lost = (run(*longer, "--worker", str(n)) for n in (0, 1))
    deadline = time.monotonic() + 300
    try:
        while not text.with_name("lost.checkpoint.npz").exists() and time.monotonic() < deadline:
            assert left.poll() is None, left.communicate()[1]
            time.sleep(0.05)
        lost.kill()
        _, err = left.communicate(timeout=120)
    finally:
        for process in (left, lost):
            process.kill()
            process.communicate()
    assert left.returncode == meeting.EXIT_LOST == 3
    assert re.fullmatch(r"companion: Worker 1 \(127.0.0.1:\d+\) is gone, so the training stopped. .*\n", err)
    assert not text.with_name("lost").exists()


# -- nobody is left behind ---------------------------------------------------------------------------------------------


def is_running(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")")[-1].split()[0] != "Z"
    return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks processes up in /proc")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_when_the_launcher_ends_its_workers_do(text, how):
    loud = [word for word in command(text, "ended", "--workers", "2", "--epochs", "500") if word != "--quiet"]
    # A shell lets what it runs in the background ignore SIGINT; the launcher is to be as if typed.
    launcher = run(*loud, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))
    pids = [int(pid) for pid in re.findall(r"\d+", launcher.stdout.readline().partition("processes")[2])]
    assert len(pids) == 2 and all(map(is_running, pids))
    launcher.send_signal(how)
    out, err = launcher.communicate(timeout=60)
    assert launcher.returncode == (130 if how == signal.SIGINT else -how)
    assert "Traceback" not in out + err
    deadline = time.monotonic() + 60
    while any(map(is_running, pids)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_running, pids))


def test_a_worker_that_fails_ends_all(text):
    """Long before the first step: the other one would wait for it at the meeting."""
    with Crew(command(text, "broken"), 2, output=subprocess.DEVNULL) as crew:
        crew.processes[1].terminate()
        with pytest.raises(WorkerLostError, match=r"Worker 1 was killed \(SIGTERM\)"):
            crew.wait()
    assert all(process.poll() is not None for process in crew.processes)


# -- the meeting -------------------------------------------------------------------------------------------------------


def meet(plans: list[dict], timeout: float = 20, cluster=Cluster) -> list:
    """Let workers meet in threads, one a plan (None: it doesn't come); what each got, a list of lines or an error."""
    hosts = tuple(f"127.0.0.1:{port}" for port in free_ports(len(plans)))
    got: list = [None] * len(plans)

    def worker(n: int) -> None:
        try:
            got[n] = meeting.meet(cluster(hosts, n), plans[n], timeout)
        except UserError as error:
            got[n] = error

    threads = [threading.Thread(target=worker, args=(n,)) for n, plan in enumerate(plans) if plan is not None]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout + 15)
    for lines in got:
        for line in lines if isinstance(lines, list) else []:
            line.close()
    return got


def test_workers_with_the_same_plan_meet():
    chief, *others = meet([PLAN] * 3)
    assert sorted(line.worker for line in chief) == [1, 2]
    assert [[line.worker for line in lines] for lines in others] == [[0], [0]]


@pytest.mark.parametrize(("name", "value"), [("seed", 1), ("batch_size", 16), ("text", "0123456789ab")])
def test_another_plan_is_told_to_all(name, value):
    for error in meet([PLAN, PLAN | {name: value}]):
        assert isinstance(error, UserError)
        assert f"Worker 1 would train something else: {name} is {value} there and {PLAN.get(name)} on" in str(error)


def test_a_worker_that_never_comes_is_told():
    chief, other, missing = meet([PLAN, PLAN, None], timeout=1)
    assert missing is None
    for error in (chief, other):
        assert re.match(r"Worker 2 \(127.0.0.1:\d+\) did not come within 1 seconds", str(error))


def test_a_chief_that_never_comes_is_told():
    _, error = meet([None, PLAN], timeout=0.5)
    assert "got no answer from worker 0" in str(error)


def test_other_addresses_are_told():
    """The chief counts on two workers, the one that comes believes in three."""
    one, two, three = (f"127.0.0.1:{port}" for port in free_ports(3))
    got = []

    def chief() -> None:
        with pytest.raises(UserError, match="hosts is"):
            meeting.meet(Cluster((one, two), 0), PLAN, 20)
        got.append("told")

    thread = threading.Thread(target=chief)
    thread.start()
    with pytest.raises(UserError, match=f"Worker 1 would train something else: hosts is {one},{two},{three} there"):
        meeting.meet(Cluster((one, two, three), 1), PLAN, 20)
    thread.join(30)
    assert got == ["told"]


def test_a_worker_behind_a_firewall_is_told():
    with pytest.raises(UserError, match="Worker 1 came, but worker 0 can't reach it"):
        meeting._reach(Cluster(("127.0.0.1:5000", f"127.0.0.1:{free_ports(1)[0]}"), 0), 1)


class Severed(Cluster):
    """Nobody listens where worker 1 looks for worker 2."""

    def address(self, index: int) -> tuple[str, int]:
        return ("127.0.0.1", free_ports(1)[0]) if (self.index, index) == (1, 2) else super().address(index)


def test_workers_that_can_t_reach_each_other_are_told():
    """The chief reaches both, so only they can find it out."""
    for error in meet([PLAN] * 3, cluster=Severed):
        assert re.match(r"Worker 2 came, but worker 1 can't reach it at 127.0.0.1:\d+ ", str(error))


def hello(content: str, length: int | None = None) -> bytes:
    return json.dumps([meeting.HELLO, len(content) if length is None else length]).encode() + b"\n" + content.encode()


@pytest.mark.parametrize(
    "says",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"1\n",
        b"null\n",
        b'["x"]\n',
        b'{"a": 1, "b": 2}\n',
        b'["x", 0.5]\n',
        b"\xff\n",
        hello("{}"),
        hello("5"),
        hello("{}", -1),
        hello("{}", 10**18),
        hello("[" * 5000),
        hello('{"index": "1", "plan": {"hosts": ""}}'),
        hello('{"index": 1, "plan": {}}'),
        b'["go", 37]\n{"index": 1, "plan": {"hosts": "a:1"}}',
    ],
)
def test_a_stranger_at_the_door_is_sent_away(says):
    hosts = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    got = []
    chief = threading.Thread(target=lambda: got.append(meeting.meet(Cluster(hosts, 0), PLAN, 30)))
    chief.start()
    with contextlib.ExitStack() as stack:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(ConnectionRefusedError):
                stranger = stack.enter_context(socket.create_connection(Cluster(hosts, 0).address(0)))
                break
        stranger.sendall(says)
        (line,) = meeting.meet(Cluster(hosts, 1), PLAN, 30)
    chief.join(30)
    assert [each.worker for each in got[0]] == [1]
    for each in (line, *got[0]):
        each.close()


def test_two_that_say_they_are_the_same_worker_are_told():
    here, there = socket.socketpair()
    line, end = meeting.Line(here, 0, 5), meeting.Line(there, 0, 5)
    with pytest.raises(UserError, match="Two workers say that they are worker 1"):
        meeting._checked(line, {"index": 1, "plan": PLAN}, PLAN, {1: line})
    assert end.receive()[0] == "error"
    for each in (line, end):
        each.close()


# -- the team ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def ended(monkeypatch):
    """Where a team would end the process, it notes here who, why and with which exit code."""
    said: list = []

    def stop(self: Team, sentence: str, code: int) -> None:
        said.append((self.index, sentence, code))
        self._leaving.set()

    monkeypatch.setattr(Team, "_stop", stop)
    return said


@pytest.fixture
def pair(ended):
    """Two teams joined by a socket, without a strategy."""
    sockets, teams = socket.socketpair(), []

    def team(index: int, timeout: float) -> Team:
        line = meeting.Line(sockets[index], 1 - index, timeout)
        teams.append(Team(Cluster(("a:5000", "b:5000"), index), [line], timeout, None))
        return teams[-1]

    yield team, ended
    for each in teams:  # a thread that goes on listening would one day end the tests' process
        each._leaving.set()
    for each in teams:
        each._lines[0].close()
    for each in sockets:
        each.close()


def wait_for(ended: list, number: int = 1) -> None:
    deadline = time.monotonic() + 20
    while len(ended) < number and time.monotonic() < deadline:
        time.sleep(0.01)


def test_the_others_get_what_the_chief_has(pair):
    make, ended = pair
    chief, other = make(0, 30), make(1, 30)
    assert chief.from_chief(b"state" * 1000) == b"state" * 1000 == other.from_chief(b"its own")
    chief.leave()
    other.leave()
    assert ended == []


def test_nobody_goes_on_before_all_are_ready(pair):
    make, ended = pair
    gone_on = []

    def go(team: Team) -> None:
        team.assemble()
        gone_on.append(team.index)

    chief = threading.Thread(target=go, args=(make(0, 30),), daemon=True)
    chief.start()
    other = make(1, 30)
    time.sleep(0.2)
    assert gone_on == []
    go(other)
    chief.join(20)
    assert sorted(gone_on) == [0, 1] and ended == []


def test_a_worker_that_dies_before_all_are_ready_is_noticed(pair):
    make, ended = pair
    chief, other = make(0, 30), make(1, 30)
    threading.Thread(target=chief.assemble, daemon=True).start()
    other._lines[0].close()
    wait_for(ended, 2)
    assert (0, meeting.EXIT_LOST) in [(index, code) for index, _, code in ended]


def test_a_silent_worker_counts_as_lost(pair):
    make, ended = pair
    make(0, 0.3)  # nobody at the other end beats
    wait_for(ended)
    assert ended[0][0] == 0 and ended[0][2] == meeting.EXIT_LOST
    assert ended[0][1].startswith("Worker 1 (b:5000) has said nothing for 0.3 seconds")


def test_a_worker_that_has_finished_may_go(pair):
    make, ended = pair
    chief, other = make(0, 30), make(1, 30)
    other.leave()
    other._lines[0].close()
    time.sleep(0.1)
    assert ended == []
    chief.leave()


def test_a_worker_that_dies_is_noticed_at_once(pair):
    make, ended = pair
    make(0, 30)
    make(1, 30)._lines[0].close()
    wait_for(ended, 2)
    assert (0, meeting.EXIT_LOST) in [(index, code) for index, _, code in ended]
    assert "Worker 1 (b:5000) is gone, so the training stopped" in {index: said for index, said, _ in ended}[0]


def test_an_error_is_told_to_the_others(pair):
    make, ended = pair
    make(0, 30)
    make(1, 30).leave("The disk is full.")
    wait_for(ended)
    assert ended[0] == (0, "The disk is full.", meeting.EXIT_BAD_INPUT)


def test_who_has_an_error_of_its_own_keeps_to_it(pair):
    make, ended = pair
    chief, other = make(0, 30), make(1, 30)
    chief._leaving.set()
    other.leave("The disk is full.")
    time.sleep(0.2)
    assert ended == []


def test_a_report_that_can_t_be_written_keeps_no_worker_alive(monkeypatch, tmp_path):
    def leave(code: int) -> None:
        raise SystemExit(code)

    (tmp_path / "file").write_text("no folder")
    team = object.__new__(Team)
    team._report_file = str(tmp_path / "file" / "report")
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(SystemExit) as ending:
        team._stop("Worker 1 is gone.", meeting.EXIT_LOST)
    assert ending.value.code == meeting.EXIT_LOST


@pytest.mark.parametrize(("error", "told"), [(tf.errors.AbortedError, True), (tf.errors.InvalidArgumentError, False)])
def test_an_exchange_that_breaks_waits_for_the_reason(monkeypatch, ended, error, told):
    """TensorFlow may notice a lost worker first; its own errors are no reason to wait."""
    here, there = socket.socketpair()
    monkeypatch.setattr(workers, "_meet", lambda *given: [meeting.Line(here, 1, 30)])
    monkeypatch.setattr(workers, "_strategy", lambda cluster: None)
    monkeypatch.setattr(Team, "assemble", lambda team: None)
    with pytest.raises(error), join(Cluster(("a:5000", "b:5000"), 0), {}, timeout=2) as team:
        if told:
            there.close()
        raise error(None, None, "broken")
    assert [code for _, _, code in ended] == [meeting.EXIT_LOST] * told
    team._leaving.set()
    team._lines[0].close()
    there.close()


# -- bad input ---------------------------------------------------------------------------------------------------------


def told(capsys, *arguments: str) -> str:
    """The one sentence that a command ends with."""
    code = main(list(arguments))
    said = capsys.readouterr()
    assert code == 2 and said.err.startswith("companion: ") and said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize("worker", ["0", "1"])
def test_a_port_in_use_is_told(capsys, text, worker):
    addresses = hosts()
    with socket.create_server(("127.0.0.1", int(addresses.split(",")[int(worker)].rpartition(":")[2]))):
        said = told(capsys, *command(text, "port", "--worker", worker, "--hosts", addresses, "--timeout", "5"))
    assert f"Worker {worker} can't have port" in said and "choose another port" in said


def test_a_missing_worker_is_told_by_the_command(capsys, text):
    start = time.monotonic()
    said = told(capsys, *command(text, "alone", "--worker", "0", "--hosts", hosts(), "--timeout", "0.5"))
    assert "Worker 1" in said and "did not come within 0.5 seconds" in said
    assert time.monotonic() - start < 60
    assert not text.with_name("alone").exists()


def test_other_settings_are_told_by_both_commands(text):
    addresses = hosts()
    both = [run(*command(text, "other", "--worker", str(n), "--hosts", addresses, "--seed", str(n))) for n in (0, 1)]
    for process in both:
        _, err = process.communicate(timeout=120)
        assert process.returncode == 2 and err.count("\n") == 1
        assert "Worker 1 would train something else: seed is 1 there and 0 on worker 0" in err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--workers", "0"], "--workers is 0"),
        (["--worker", "1"], "go together"),
        (["--workers", "2", "--timeout", "0"], "--timeout is 0"),
        (["--workers", "2", "--worker", "0", "--hosts", "a:1,b:1"], "one or other"),
        (["--worker", "2", "--hosts", "a:1,b:1"], "There is no worker 2"),
        (["--worker", "0", "--hosts", "a,b:1"], "no address of a worker"),
        (["--worker", "0", "--hosts", "a:1,a:1"], "the same address"),
        (["--worker", "0", "--hosts", "a:1,b:1", "--batch-size", "7"], "multiple of 2, such as 6 or 8"),
    ],
)
def test_bad_options_are_told(capsys, text, more, says):
    assert says in told(capsys, *command(text, "bad", *more))


def test_a_batch_that_can_t_be_dealt_out_is_told_once(text):
    process = run(*command(text, "uneven", "--workers", "2", "--batch-size", "7"))
    _, err = process.communicate(timeout=120)
    assert process.returncode == 2 and err.count("\n") == 1 and "multiple of 2" in err


@pytest.mark.parametrize(
    "content", ["{", "[]", "{}", '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}']
)
def test_a_tf_config_that_can_t_be_read_is_told(capsys, text, monkeypatch, content):
    monkeypatch.setenv("TF_CONFIG", content)
    assert "TF_CONFIG can't be read" in told(capsys, *command(text, "config"))


def test_tf_config_says_what_the_options_say():
    cluster = Cluster(("a:5000", "b:5001"), 1)
    assert Cluster.from_tf_config(cluster.tf_config()) == cluster
    assert json.loads(cluster.tf_config())["task"] == {"type": "worker", "index": 1}


def test_the_shares_are_the_batch():
    rows = np.arange(12)
    assert np.concatenate([rows[share(12, 4, n)] for n in range(4)]).tolist() == rows.tolist()
    with pytest.raises(UserError, match="such as 4"):
        share(3, 4, 0)


def test_a_single_address_needs_nobody(monkeypatch):
    from companion.cli import _parser
    from companion.cli.train import _cluster

    options = _parser().parse_args(["train", "t", "--out", "m", "--worker", "0", "--hosts", "a:5000"])
    assert _cluster(options) is None
    assert "TF_CONFIG" not in os.environ
