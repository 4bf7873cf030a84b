"""The workers of a training as one of them sees them: alone, or one of several that share each batch."""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any, NoReturn

from companion.errors import UserError
from companion.training.batches import share
from companion.training.crew import report
from companion.training.meeting import EXIT_BAD_INPUT, EXIT_LOST, Cluster, Line, meet


class Alone:
    """One worker, which has nobody to share with: what a training asks of its workers, and one worker's answers.

    Attributes
    ----------
    size, index
        How many workers there are, and which of them this one is.
    """

    size, index = 1, 0

    def rows(self, batch_size: int) -> slice:
        """Which streams of the batch this worker reads."""
        return share(batch_size, self.size, self.index)

    def run(self, step: Any, *arguments: Any) -> Any:
        """Call a part of the training step in which the workers exchange tensors."""
        return step(*arguments)

    def mean(self, loss: Any, gradients: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        """Loss and gradients over the whole batch, and each gradient's sum of squares."""
        from keras import ops

        return loss, gradients, [ops.sum(ops.square(gradient)) for gradient in gradients]

    def gather(self, states: list[Any]) -> list[Any]:
        """The states ``(batch, units)`` of all streams, from each worker's own."""
        return states

    def from_chief(self, data: bytes) -> bytes:
        """The data of worker 0, the chief."""
        return data


# The team: what a training asks of its workers
class Team(Alone):
    """The workers as one of them sees them; `join` makes it.

    The gradients go through ``strategy.run`` and one all-reduce a step, so do the states where they are saved, and
    what the chief hands out goes through the connections of the meeting.
    """

    def __init__(self, cluster: Cluster, lines: list[Line], timeout: float, report_file: str | None):
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

    def _listen(self, line: Line, timeout: float) -> None:
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

    lines = meet(cluster, plan, timeout)
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
