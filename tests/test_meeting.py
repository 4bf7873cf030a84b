"""Workers meet before they train: all of them, all with the same plan, each within reach of each other."""

import contextlib
import json
import re
import socket
import struct
import threading
import time

import numpy as np
import pytest

from companion.errors import UserError
from companion.training import Cluster, free_ports, meeting, share

PLAN = {"seed": 0, "batch_size": 8}


def meet(plans: list[dict], timeout: float = 20, cluster=Cluster) -> list:
    """Let workers meet in threads, one per plan (None: it doesn't come); return each one's lines or error."""
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
def test_a_different_plan_is_reported_to_all(name, value):
    for error in meet([PLAN, PLAN | {name: value}]):
        assert isinstance(error, UserError)
        assert f"Worker 1 would train something else: {name} is {value} there and {PLAN.get(name)} on" in str(error)


def test_a_worker_that_never_comes_is_reported():
    chief, other, missing = meet([PLAN, PLAN, None], timeout=1)
    assert missing is None
    for error in (chief, other):
        assert re.match(r"Worker 2 \(127.0.0.1:\d+\) did not come within 1 seconds", str(error))


def test_a_chief_that_never_comes_is_reported():
    _, error = meet([None, PLAN], timeout=0.5)
    assert "got no answer from worker 0" in str(error)


def test_different_addresses_are_reported():
    """The chief expects two workers, but the one that comes expects three."""
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


class Severed(Cluster):
    """Nobody listens where worker 1 looks for worker 2."""

    looks, finds = 1, 2

    def address(self, index: int) -> tuple[str, int]:
        nowhere = (self.index, index) == (self.looks, self.finds)
        return ("127.0.0.1", free_ports(1)[0]) if nowhere else super().address(index)


class Firewalled(Severed):
    """Nobody listens where the chief looks for worker 1, though worker 1 has reached the chief."""

    looks, finds = 0, 1


def test_workers_that_can_t_reach_each_other_are_reported():
    """The chief reaches both, so only they can notice."""
    for error in meet([PLAN] * 3, cluster=Severed):
        assert re.match(r"Worker 2 came, but worker 1 can't reach it at 127.0.0.1:\d+ ", str(error))


def test_a_worker_behind_a_firewall_is_reported():
    for error in meet([PLAN] * 2, cluster=Firewalled):
        assert re.match(r"Worker 1 came, but worker 0 can't reach it at 127.0.0.1:\d+ ", str(error))


def hello(content: str, length: int | None = None) -> bytes:
    return json.dumps([meeting.HELLO, len(content) if length is None else length]).encode() + b"\n" + content.encode()


def connected(address: tuple[str, int]) -> socket.socket:
    """A connection to an address, once a worker listens there."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return socket.create_connection(address)
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


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
    with connected(Cluster(hosts, 0).address(0)) as stranger:
        stranger.sendall(says)
        (line,) = meeting.meet(Cluster(hosts, 1), PLAN, 30)
    chief.join(30)
    assert [each.worker for each in got[0]] == [1]
    for each in (line, *got[0]):
        each.close()


def test_two_workers_of_the_same_number_are_reported():
    hosts = tuple(f"127.0.0.1:{port}" for port in free_ports(3))
    got = []

    def chief() -> None:
        with pytest.raises(UserError, match="Two workers say that they are worker 1"):
            meeting.meet(Cluster(hosts, 0), PLAN, 30)
        got.append("told")

    thread = threading.Thread(target=chief)
    thread.start()
    says = hello(json.dumps({"index": 1, "plan": {"hosts": ",".join(hosts), **PLAN}}))
    with contextlib.ExitStack() as stack:
        both = [stack.enter_context(connected(Cluster(hosts, 0).address(0))) for _ in range(2)]
        for each in both:
            each.sendall(says)
        thread.join(30)
        assert got == ["told"]
        for each in both:
            assert each.recv(7) == b'["error'


def test_a_worker_that_ends_during_the_meeting_is_reported(monkeypatch):
    """It has introduced itself, and its connection breaks before the chief answers."""
    monkeypatch.setattr(meeting, "KNOCK", 1.0)  # so long the other worker's answer is waited for
    hosts = tuple(f"127.0.0.1:{port}" for port in free_ports(3))
    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(socket.create_server(Cluster(hosts, 0).address(worker))) for worker in (1, 2)]
        got = []

        def chief() -> None:
            with pytest.raises(UserError, match="Worker 1 ended before the training began; start all workers again"):
                meeting.meet(Cluster(hosts, 0), PLAN, 30)
            got.append("told")

        thread = threading.Thread(target=chief)
        thread.start()
        lines = [stack.enter_context(connected(Cluster(hosts, 0).address(0))) for _ in ports]
        for worker, line in enumerate(lines, start=1):
            line.sendall(hello(json.dumps({"index": worker, "plan": {"hosts": ",".join(hosts), **PLAN}})))
        ports[0].accept()[0].close()  # the chief knocks, since both have come
        lines[0].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # close it at once
        lines[0].close()
        thread.join(30)
        assert got == ["told"]


# -- who they are ------------------------------------------------------------------------------------------------------


def test_tf_config_says_what_the_cluster_is():
    cluster = Cluster(("a:5000", "b:5001"), 1)
    assert Cluster.from_tf_config(cluster.tf_config()) == cluster
    assert json.loads(cluster.tf_config())["task"] == {"type": "worker", "index": 1}


def test_a_chief_of_tensorflow_s_is_worker_0():
    jobs = {"chief": ["a:1"], "worker": ["b:1", "c:1"]}
    for kind, index, ours in [("chief", 0, 0), ("worker", 0, 1), ("worker", 1, 2)]:
        text = json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}})
        assert Cluster.from_tf_config(text) == Cluster(("a:1", "b:1", "c:1"), ours)


@pytest.mark.parametrize(
    "text", ["{}", '{"cluster": {}}', '{"cluster": null, "task": null}', '{"environment": "cloud"}']
)
def test_a_tf_config_without_a_cluster_is_none(text):
    assert Cluster.from_tf_config(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "5",
        "[" * 100_000,
        '{"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"chief": ["a:1", "b:1"]}, "task": {"type": "chief", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": "first"}}',
    ],
)
def test_a_bad_tf_config_is_reported(text):
    with pytest.raises(UserError, match="TF_CONFIG can't be read; it should look like"):
        Cluster.from_tf_config(text)


@pytest.mark.parametrize(
    ("hosts", "index", "says"),
    [
        (["a:1", "b:1"], 2, "no worker 2 among 2"),
        (["a:1", "b:1"], -1, "index is -1"),
        (["a:1", "b:1"], "1", "index is 1"),
        (["a", "b:1"], 0, "'a' isn't the address of a worker"),
        (["a:99999"], 0, "'a:99999' isn't"),
        (["a:1", "a:1"], 0, "the same address"),
    ],
)
def test_bad_clusters_are_reported(hosts, index, says):
    with pytest.raises(UserError, match=says):
        Cluster(hosts, index)


def test_the_shares_are_the_batch():
    rows = np.arange(12)
    assert np.concatenate([rows[share(12, 4, n)] for n in range(4)]).tolist() == rows.tolist()
    with pytest.raises(UserError, match="such as 4"):
        share(3, 4, 0)
