"""Several workers that train one model together: each reads its part of every batch, and they average their gradients.

A worker is a process, on this machine or on another. `companion.training.join` makes a process one of them: the workers
meet on the port of worker 0 (the *chief*), compare what they are about to do, and only then start TensorFlow's
``tf.distribute.MultiWorkerMirroredStrategy``, which sums their gradients. The connections of the meeting stay
open: over them the chief hands out the initial state, and through them every worker notices at once that another one is
gone. `companion.training.Crew` starts all workers on this machine and watches them. Chapter: *scaling-out*.
"""

import contextlib
import json
import math
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from companion.errors import UserError, check_sizes
from companion.training.ending import EXIT_BAD_INPUT, EXIT_LOST, WorkerLostError  # noqa: F401  (the command's)

LOOPBACK = "127.0.0.1"
HELLO = "gate-by-gate worker"
KNOCK = 5.0  # seconds after which a port counts as closed
LONGEST_HELLO = 2**16  # bytes; a plan is far shorter


@dataclass(frozen=True)
class Cluster:
    """The workers, and which of them this process is.

    Attributes
    ----------
    hosts
        Each worker's address, ``name:port``, the same list on every worker. The first is the chief's.
    index
        This worker's place in the list.
    """

    hosts: tuple[str, ...]
    index: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "hosts", tuple(self.hosts))
        check_sizes(0, index=self.index)
        for host in self.hosts:
            name, _, port = host.rpartition(":")
            if not name or not port.isdecimal() or not 0 < int(port) < 65536:
                raise UserError(f"{host!r} isn't the address of a worker; give name:port, such as 192.168.0.7:5000.")
        if len(set(self.hosts)) < len(self.hosts):
            raise UserError(f"Two workers have the same address in {', '.join(self.hosts)}; give each its own port.")
        if self.index >= len(self.hosts):
            raise UserError(
                f"There is no worker {self.index} among {len(self.hosts)} addresses; the first one is worker 0."
            )

    def address(self, index: int) -> tuple[str, int]:
        """A worker's name and port."""
        name, _, port = self.hosts[index].rpartition(":")
        return name, int(port)

    def tf_config(self) -> str:
        """What TensorFlow reads from the environment variable ``TF_CONFIG``.

        >>> Cluster(("a:5000", "b:5000"), 1).tf_config()
        '{"cluster": {"worker": ["a:5000", "b:5000"]}, "task": {"type": "worker", "index": 1}}'
        """
        task = {"type": "worker", "index": self.index}
        return json.dumps({"cluster": {"worker": list(self.hosts)}, "task": task})

    @classmethod
    def from_tf_config(cls, text: str) -> "Cluster | None":
        """The cluster that a ``TF_CONFIG`` describes; None if it describes no cluster, as ``{}`` does.

        A separate job "chief" is worker 0.

        >>> Cluster.from_tf_config('{"cluster": {"chief": ["a:1"], "worker": ["b:1"]}, "task": {"type": "chief"}}')
        Cluster(hosts=('a:1', 'b:1'), index=0)

        Raises
        ------
        UserError
            It isn't JSON of that form, or names jobs other than a chief and workers.
        """
        try:
            content = json.loads(text)
            jobs, task = content.get("cluster") or {}, content.get("task") or {}
            if not jobs:
                return None
            chiefs, workers = (list(map(str, jobs.get(job, []))) for job in ("chief", "worker"))
            first = {"chief": 0, "worker": len(chiefs)}[task["type"]]
            if set(jobs) - {"chief", "worker"} or len(chiefs) > 1:
                raise KeyError("job")
            return cls((*chiefs, *workers), first + int(task.get("index", 0)))
        except UserError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            example = cls(("a:5000", "b:5000"), 0).tf_config()
            raise UserError(f"TF_CONFIG can't be read; it should look like {example}") from None


# ----------------------------------------------------------------------------------------------------------------------
# The meeting, before TensorFlow starts: all workers are there and have the same plan


class Line:
    """A connection between the chief and another worker; a message has a kind and some bytes."""

    def __init__(self, connection: socket.socket, worker: int, timeout: float) -> None:
        self.worker = worker
        self._connection = connection
        self.wait_at_most(timeout)
        with contextlib.suppress(OSError):  # send short messages at once; a local socket pair doesn't have this option
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reading = connection.makefile("rb")
        self._lock = threading.Lock()

    def wait_at_most(self, seconds: float) -> None:
        """Set how long receiving or sending a message may take."""
        self._connection.settimeout(seconds)

    def send(self, kind: str, data: bytes = b"") -> None:
        """Send a message; OSError if the other end is gone."""
        with self._lock:
            self._connection.sendall(json.dumps([kind, len(data)]).encode() + b"\n" + data)

    def receive(self, longest: float = math.inf) -> tuple[str, bytes]:
        """The next message; OSError or ValueError if the connection has ended, or what came isn't a message."""
        match json.loads(self._reading.readline(200)):
            case [str(kind), int(length)] if 0 <= length <= longest:
                pass
            case other:
                raise ValueError(f"not a message: {other!r}")
        data = self._reading.read(length)
        if len(data) < length:
            raise OSError("the connection ended")
        return kind, data

    def close(self) -> None:
        """End the connection; the other end notices."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # otherwise a thread that reads from it keeps it open
        for part in (self._reading, self._connection):
            with contextlib.suppress(OSError):
                part.close()


def _own_port(cluster: Cluster) -> socket.socket:
    """A socket that holds this worker's port, until TensorFlow takes it over."""
    name, port = cluster.address(cluster.index)
    holder = socket.socket()
    holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        holder.bind((LOOPBACK if name in (LOOPBACK, "localhost") else "", port))
        holder.listen()
    except OSError as error:
        holder.close()
        raise UserError(
            f"Worker {cluster.index} can't use port {port} ({error.strerror}): another program has it, perhaps a "
            "worker of a run that hasn't ended. End that program, or choose another port."
        ) from None
    return holder


def meet(cluster: Cluster, plan: Mapping[str, Any], timeout: float) -> list[Line]:
    """Connect the chief to every other worker, and make sure that all have the same plan."""
    plan = {"hosts": ",".join(cluster.hosts), **plan}
    with _own_port(cluster) as door:
        deadline = time.monotonic() + timeout
        if cluster.index:
            return [_visit(cluster, plan, deadline, timeout)]
        return _receive_all(cluster, plan, door, deadline, timeout)


def _receive_all(
    cluster: Cluster, plan: Mapping[str, Any], door: socket.socket, deadline: float, timeout: float
) -> list[Line]:
    lines: dict[int, Line] = {}
    try:
        while len(lines) < len(cluster.hosts) - 1:
            door.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                connection, _ = door.accept()
            except TimeoutError:
                missing = [n for n in range(1, len(cluster.hosts)) if n not in lines]
                raise UserError(_missing(cluster, missing, timeout)) from None
            line = Line(connection, 0, min(5.0, timeout))
            told = _hello(line, cluster)
            if told is None:  # another program connected to this port
                line.close()
                continue
            lines[told["index"]] = _checked(line, told, plan, lines)
        for worker, line in lines.items():
            line.worker = worker
            _reach(cluster, worker)
        if len(lines) > 1:
            _let_them_knock(lines)
        for line in lines.values():
            with contextlib.suppress(OSError):  # the team will notice a worker that is already gone
                line.send("go")
        return list(lines.values())
    except UserError as error:
        for line in lines.values():
            with contextlib.suppress(OSError):
                line.send("error", str(error).encode())
        raise


def _hello(line: Line, cluster: Cluster) -> dict[str, Any] | None:
    """A worker's introduction, or None if it isn't one of our workers."""
    try:
        said, data = line.receive(LONGEST_HELLO)
        told = json.loads(data)
    except (OSError, ValueError, RecursionError):
        return None
    match told:
        case {"index": int(index), "plan": {"hosts": str(hosts)}} if said == HELLO and index >= 0:
            found: dict[str, Any] = told
            return found if index < len(cluster.hosts) or hosts != ",".join(cluster.hosts) else None
    return None


def _reach(cluster: Cluster, worker: int) -> None:
    """Connect to a worker's port: TensorFlow will need it, and would wait in silence behind a firewall."""
    try:
        socket.create_connection(cluster.address(worker), timeout=KNOCK).close()
    except OSError as error:
        raise UserError(
            f"Worker {worker} came, but worker {cluster.index} can't reach it at {cluster.hosts[worker]} ({error}): "
            "check the address, and open that port in its firewall."
        ) from None


def _let_them_knock(lines: Mapping[int, Line]) -> None:
    """Ask all workers to connect to each other's ports, since in a ring they don't talk to the chief alone."""
    problems = []
    for line in lines.values():
        line.wait_at_most(2 * KNOCK)
        with contextlib.suppress(OSError):  # a worker that is gone won't answer either
            line.send("knock")
    for worker, line in lines.items():  # read all answers: closing a line earlier would lose its last message
        try:
            kind, data = line.receive()
        except (OSError, ValueError):
            kind, data = "error", f"Worker {worker} ended before the training began; start all workers again.".encode()
        if kind == "error":
            problems.append(data.decode())
    if problems:
        raise UserError(problems[0])


def _knock(cluster: Cluster, line: Line) -> None:
    """Tell the chief whether this worker reaches all others; it has reached the chief already."""
    try:
        for worker in range(1, len(cluster.hosts)):
            if worker != cluster.index:
                _reach(cluster, worker)
    except UserError as error:
        line.send("error", str(error).encode())
    else:
        line.send("reached")


def _checked(line: Line, told: Mapping[str, Any], plan: Mapping[str, Any], lines: Mapping[int, Line]) -> Line:
    problem = ""
    if told["index"] in (0, *lines):
        problem = f"Two workers say that they are worker {told['index']}: give each its own --worker."
    elif differences := [
        f"{name} is {told['plan'].get(name)} there and {plan.get(name)} on worker 0"
        for name in {**plan, **told["plan"]}
        if told["plan"].get(name) != plan.get(name)
    ]:
        problem = (
            f"Worker {told['index']} would train something else: {'; '.join(differences[:3])}. "
            "Start all workers with the same text and the same command, except --worker."
        )
    if problem:
        with contextlib.suppress(OSError):
            line.send("error", problem.encode())
        raise UserError(problem)
    return line


def _visit(cluster: Cluster, plan: Mapping[str, Any], deadline: float, timeout: float) -> Line:
    hello = json.dumps({"index": cluster.index, "plan": plan}).encode()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise UserError(
                f"Worker {cluster.index} got no answer from worker 0 at {cluster.hosts[0]} within {timeout:g} seconds. "
                "Start worker 0 too, check its address and any firewall, or raise --timeout."
            )
        line: Line | None = None
        try:
            # Once connected, this worker waits for the chief to say when it has waited long enough for the others.
            line = Line(socket.create_connection(cluster.address(0), timeout=left), 0, timeout + 10)
            line.send(HELLO, hello)
            kind, data = line.receive()
            if kind == "knock":
                _knock(cluster, line)
                kind, data = line.receive()
        except (OSError, ValueError):  # not there yet, or not one of our workers
            if line:
                line.close()
            time.sleep(0.2)
            continue
        if kind == "error":
            raise UserError(data.decode())
        return line


def _missing(cluster: Cluster, missing: Sequence[int], timeout: float) -> str:
    who = " and ".join(f"worker {n} ({cluster.hosts[n]})" for n in missing)
    return (
        f"{who[0].upper()}{who[1:]} did not come within {timeout:g} seconds. Start it with the same command and "
        f"its own --worker, check that it can reach {cluster.hosts[0]} (firewall?), or raise --timeout."
    )
