"""Several workers that train one model together: each reads its part of every batch, and they average their gradients.

A worker is a process, on this machine or on another. `join` makes one of it: the workers meet on the port of worker 0
(the *chief*), compare what they are about to do, and only then start TensorFlow's
``tf.distribute.MultiWorkerMirroredStrategy``, which sums their gradients. The connections of the meeting stay open:
over them the chief hands out the state to start from, and by them every worker notices at once that another one is
gone. `launch` starts all workers on this machine and watches them. Chapter: *scaling-out*.
"""

import contextlib
import json
import math
import os
import queue
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from companion.errors import UserError
from companion.storage import write_atomically
from companion.training import Alone

EXIT_BAD_INPUT, EXIT_LOST = 2, 3
LOOPBACK = "127.0.0.1"
HELLO = "gate-by-gate worker"
KNOCK = 5.0  # seconds until a port counts as closed
LONGEST_HELLO = 2**16  # bytes; a plan is far shorter


class WorkerLostError(UserError):
    """A worker ended before the training did; the same command goes on from the last checkpoint."""


@dataclass(frozen=True)
class Cluster:
    """Which workers there are, and which of them this process is.

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
        for host in self.hosts:
            name, _, port = host.rpartition(":")
            if not name or not port.isdecimal() or not 0 < int(port) < 65536:
                raise UserError(f"{host!r} is no address of a worker; give name:port, such as 192.168.0.7:5000.")
        if len(set(self.hosts)) < len(self.hosts):
            raise UserError(f"Two workers have the same address in {', '.join(self.hosts)}; give each its own port.")
        if not 0 <= self.index < len(self.hosts):
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
    def from_tf_config(cls, text: str) -> "Cluster":
        """The cluster that a ``TF_CONFIG`` describes.

        Raises
        ------
        UserError
            It is no JSON of that form, or names other jobs than workers.
        """
        try:
            content = json.loads(text)
            task, jobs = content["task"], content["cluster"]
            if set(jobs) != {"worker"} or task["type"] != "worker":
                raise KeyError("worker")
            return cls(tuple(map(str, jobs["worker"])), int(task["index"]))
        except UserError:
            raise
        except (ValueError, KeyError, TypeError):
            example = cls(("a:5000", "b:5000"), 0).tf_config()
            raise UserError(f"TF_CONFIG can't be read; it should look like {example}") from None


# ----------------------------------------------------------------------------------------------------------------------
# The meeting: before TensorFlow starts, all workers are there and want the same


class _Line:
    """A connection between the chief and another worker: messages of a kind, each with some bytes."""

    def __init__(self, connection: socket.socket, worker: int, timeout: float) -> None:
        connection.settimeout(timeout)
        self.worker = worker
        self.done = False
        self._connection = connection
        self._reading = connection.makefile("rb")
        self._lock = threading.Lock()

    def send(self, kind: str, data: bytes = b"") -> None:
        with self._lock:
            self._connection.sendall(json.dumps([kind, len(data)]).encode() + b"\n" + data)

    def receive(self, longest: float = math.inf) -> tuple[str, bytes]:
        """The next message; OSError or ValueError when there won't be one, or when what came is none of ours."""
        match json.loads(self._reading.readline(200)):
            case [str(kind), int(length)] if 0 <= length <= longest:
                pass
            case other:
                raise ValueError(f"no message: {other!r}")
        data = self._reading.read(length)
        if len(data) < length:
            raise OSError("the connection ended")
        return kind, data

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)  # else who reads from it keeps it from closing
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
            f"Worker {cluster.index} can't have port {port} ({error.strerror}): another program uses it, perhaps a "
            "worker of a run that has not ended. End that, or choose another port."
        ) from None
    return holder


def _meet(cluster: Cluster, plan: Mapping[str, Any], timeout: float) -> list[_Line]:
    """Connect the chief with every other worker, and make sure that all have the same plan."""
    plan = {"hosts": ",".join(cluster.hosts), **plan}
    with _own_port(cluster) as door:
        deadline = time.monotonic() + timeout
        if cluster.index:
            return [_visit(cluster, plan, deadline, timeout)]
        return _receive_all(cluster, plan, door, deadline, timeout)


def _receive_all(
    cluster: Cluster, plan: Mapping[str, Any], door: socket.socket, deadline: float, timeout: float
) -> list[_Line]:
    lines: dict[int, _Line] = {}
    try:
        while len(lines) < len(cluster.hosts) - 1:
            door.settimeout(max(0.01, deadline - time.monotonic()))
            try:
                connection, _ = door.accept()
            except TimeoutError:
                missing = [n for n in range(1, len(cluster.hosts)) if n not in lines]
                raise UserError(_missing(cluster, missing, timeout)) from None
            line = _Line(connection, 0, min(5.0, timeout))
            told = _hello(line, cluster)
            if told is None:  # somebody else who knocked on this port
                line.close()
                continue
            lines[told["index"]] = _checked(line, told, plan, lines)
        for worker, line in lines.items():
            line.worker = worker
            _reach(cluster, worker)
        if len(lines) > 1:
            _let_them_knock(lines)
        for line in lines.values():
            line.send("go")
        return list(lines.values())
    except UserError as error:
        for line in lines.values():
            with contextlib.suppress(OSError):
                line.send("error", str(error).encode())
        raise


def _hello(line: _Line, cluster: Cluster) -> dict[str, Any] | None:
    """What a worker says of itself when it comes, or None if it is no worker of ours."""
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
    """Knock on a worker's port: TensorFlow will need it, and would wait in silence if a firewall is between."""
    try:
        socket.create_connection(cluster.address(worker), timeout=KNOCK).close()
    except OSError as error:
        raise UserError(
            f"Worker {worker} came, but worker {cluster.index} can't reach it at {cluster.hosts[worker]} ({error}): "
            "see that the address is right, and open that port in its firewall."
        ) from None


def _let_them_knock(lines: Mapping[int, _Line]) -> None:
    """Ask all workers to knock on each other's ports; in a ring they talk to each other, not to the chief alone."""
    problems = []
    for line in lines.values():
        line._connection.settimeout(2 * KNOCK)
        line.send("knock")
    for worker, line in lines.items():  # all answers are read: a line closed before would take its last message along
        try:
            kind, data = line.receive()
        except (OSError, ValueError):
            kind, data = "error", f"Worker {worker} went away before the training began; start all again.".encode()
        if kind == "error":
            problems.append(data.decode())
    if problems:
        raise UserError(problems[0])


def _knock(cluster: Cluster, line: _Line) -> None:
    """Tell the chief whether this worker reaches all others but the chief, whom it has reached."""
    try:
        for worker in range(1, len(cluster.hosts)):
            if worker != cluster.index:
                _reach(cluster, worker)
    except UserError as error:
        line.send("error", str(error).encode())
    else:
        line.send("reached")


def _checked(line: _Line, told: Mapping[str, Any], plan: Mapping[str, Any], lines: Mapping[int, _Line]) -> _Line:
    problem = ""
    if told["index"] in (0, *lines):
        problem = f"Two workers say that they are worker {told['index']}: give each another --worker."
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


def _visit(cluster: Cluster, plan: Mapping[str, Any], deadline: float, timeout: float) -> _Line:
    hello = json.dumps({"index": cluster.index, "plan": plan}).encode()
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise UserError(
                f"Worker {cluster.index} got no answer from worker 0 at {cluster.hosts[0]} within {timeout:g} seconds. "
                "Start it too, see that the address is right and that no firewall is between, or give more --timeout."
            )
        try:
            # Once it answers, the chief itself says when it has waited long enough for the others.
            line = _Line(socket.create_connection(cluster.address(0), timeout=left), 0, timeout + 10)
            line.send(HELLO, hello)
            kind, data = line.receive()
            if kind == "knock":
                _knock(cluster, line)
                kind, data = line.receive()
        except (OSError, ValueError):  # not there yet, or not a worker of ours
            time.sleep(0.2)
            continue
        if kind == "error":
            raise UserError(data.decode())
        return line


def _missing(cluster: Cluster, missing: Sequence[int], timeout: float) -> str:
    who = " and ".join(f"worker {n} ({cluster.hosts[n]})" for n in missing)
    return (
        f"{who[0].upper()}{who[1:]} did not come within {timeout:g} seconds. Start it with the same command and "
        f"its own --worker, see that it can reach {cluster.hosts[0]} (firewall?), or give more --timeout."
    )


# ----------------------------------------------------------------------------------------------------------------------
# The team: what a training asks of its workers


class Team(Alone):
    """The workers as one of them sees them; `join` makes it.

    The gradients go through ``strategy.run`` and one all-reduce a step, so do the states where they are saved, and
    what the chief hands out goes through the connections of the meeting.
    """

    def __init__(self, cluster: Cluster, lines: list[_Line], timeout: float, report_file: str | None):
        self.cluster, self.size, self.index = cluster, len(cluster.hosts), cluster.index
        self._lines, self._report_file = lines, report_file
        self._inbox: queue.Queue[bytes] = queue.Queue()
        self._ready = threading.Semaphore(0)
        self._leaving = threading.Event()
        for line in lines:
            line._connection.settimeout(timeout)
            threading.Thread(target=self._listen, args=(line, timeout), daemon=True).start()
        threading.Thread(target=self._beat, args=(timeout / 4,), daemon=True).start()
        self.strategy: Any = None

    def _listen(self, line: _Line, timeout: float) -> None:
        """Take in what another worker sends, and notice when it is gone."""
        while True:
            try:
                kind, data = line.receive()
            except TimeoutError:
                reason = f"has said nothing for {timeout:g} seconds"
                break
            except (OSError, ValueError):
                reason = "is gone"
                break
            if kind == "data":
                self._inbox.put(data)
            elif kind == "ready":
                self._ready.release()
            elif kind == "error" and not self._leaving.is_set():  # else this worker has its own reason to end
                self._stop(data.decode(), EXIT_BAD_INPUT)
            elif kind == "done":
                line.done = True
        if not line.done and not self._leaving.is_set():
            who = f"Worker {line.worker} ({self.cluster.hosts[line.worker]})"
            self._stop(
                f"{who} {reason}, so the training stopped. Start all workers again with the same command: "
                "they go on from the last checkpoint.",
                EXIT_LOST,
            )

    def _stop(self, sentence: str, code: int) -> NoReturn:
        try:
            report(self._report_file, sentence, code)
        finally:
            os._exit(code)

    def _beat(self, every: float) -> None:
        while not self._leaving.wait(every):
            self._send("beat")

    def _send(self, kind: str, data: bytes = b"") -> None:
        for line in self._lines:
            with contextlib.suppress(OSError):  # who listens to that line will notice
                line.send(kind, data)

    def assemble(self) -> None:
        """Return when all workers have come so far: each tells the chief, and then the chief all of them."""
        if self.index:
            self._send("ready")
        for _ in self._lines:
            self._ready.acquire()
        if not self.index:
            self._send("ready")

    def run(self, step: Any, *arguments: Any) -> Any:
        return self.strategy.run(step, arguments)

    def mean(self, loss: Any, gradients: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        """All numbers go as one row through one all-reduce: a message costs time, however short."""
        import tensorflow as tf
        from keras import ops

        # An embedding's gradient is sparse, and its squares are of its parts (see `companion.training._clipped`).
        sparse = [n for n, gradient in enumerate(gradients) if isinstance(gradient, tf.IndexedSlices)]
        early = [ops.sum(ops.square(gradients[n])) / self.size for n in sparse]
        parts = [loss, *early, *(tf.convert_to_tensor(gradient) for gradient in gradients)]
        row = tf.concat([tf.reshape(part, [-1]) for part in parts], axis=0)
        context = tf.distribute.get_replica_context()
        row = context.all_reduce(tf.distribute.ReduceOp.SUM, row) / self.size
        pieces = tf.split(row, [part.shape.num_elements() for part in parts])
        loss, *pieces = [tf.reshape(piece, part.shape) for piece, part in zip(pieces, parts, strict=True)]
        early, means = pieces[: len(sparse)], pieces[len(sparse) :]
        squares = [ops.sum(ops.square(mean)) for mean in means]
        for n, square in zip(sparse, early, strict=True):
            squares[n] = square
        return loss, means, squares

    def gather(self, states: list[Any]) -> list[Any]:
        """Each worker adds its rows to zeros of the whole batch: the sum of all workers' is the whole."""
        import tensorflow as tf

        def rows(state: Any) -> Any:
            own = len(state)
            around = [own * self.index, own * (self.size - 1 - self.index)]
            padded = tf.pad(state, [around, *[[0, 0]] * (len(state.shape) - 1)])
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, padded)

        return [self.strategy.run(rows, (state,)) for state in states]

    def from_chief(self, data: bytes) -> bytes:
        if self.index:
            return self._inbox.get()
        self._send("data", data)
        return data

    def leave(self, error: str = "") -> None:
        """The end of the training: from now on the others may go; with an error they are told it."""
        self._leaving.set()
        self._send("error" if error else "done", error.encode())


def share_dropout(model: Any, team: Alone) -> None:
    """Let dropout draw the mask of the whole batch and keep this worker's rows: what one worker alone would drop.

    Without this all workers, seeded alike, would drop the same units of their different streams.
    """
    import keras
    import tensorflow as tf

    def shared(layer: Any, inputs: Any, training: bool = False) -> Any:
        if not training or not layer.rate:
            return inputs
        own, *rest = tf.unstack(tf.shape(inputs))
        seed = layer.seed_generator.next()
        mask = tf.nn.experimental.stateless_dropout(tf.ones([own * team.size, *rest]), layer.rate, seed)
        return inputs * mask[own * team.index : own * (team.index + 1)]

    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.Dropout) and team.size > 1:
            layer.call = shared.__get__(layer)


def _strategy(cluster: Cluster) -> Any:
    os.environ["TF_CONFIG"] = cluster.tf_config()
    import tensorflow as tf

    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"Worker {cluster.index} can't start TensorFlow's server at {cluster.hosts[cluster.index]} ({reason}). "
            "Choose another port, and run nothing of TensorFlow before the workers meet."
        ) from error


@contextlib.contextmanager
def join(
    cluster: Cluster,
    plan: Mapping[str, Any],
    timeout: float = 60.0,
    report_file: str | None = None,
) -> Iterator[Team]:
    """Become one of the workers, for as long as the block lasts; before anything else of TensorFlow runs.

    Parameters
    ----------
    cluster
        Who they are.
    plan
        What this worker is about to do, as plain values; all have to have the same.
    timeout
        Seconds to wait for the others, and after which one that says nothing counts as lost.
    report_file
        Where to write why this process ends, when another worker ends too early; by default it is printed. The process
        ends at once then, since TensorFlow may be waiting in a step that will never finish.

    Raises
    ------
    UserError
        The port is taken, a worker does not come in time, or one has another plan.
    """
    from companion.seeding import quiet_tensorflow

    lines = _meet(cluster, plan, timeout)
    team = Team(cluster, lines, timeout, report_file)
    try:
        # While TensorFlow's servers wait for each other, no other thread of Python runs: nobody would say a word or
        # notice that a worker is gone. So all load it first, which takes seconds, and start the servers together.
        quiet_tensorflow()
        team.assemble()
        team.strategy = _strategy(cluster)
        yield team
    except UserError as error:
        team.leave(str(error))
        raise
    except Exception as error:
        if _broken_exchange(error):
            time.sleep(timeout)  # whoever listens to the lost worker says so and ends this process, mostly at once
        raise
    team.leave()


def _broken_exchange(error: Exception) -> bool:
    """Whether TensorFlow noticed before we did that a worker is gone."""
    import tensorflow as tf

    return isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError))


# ----------------------------------------------------------------------------------------------------------------------
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
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
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
