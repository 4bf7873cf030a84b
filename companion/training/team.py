"""The workers of a training run, as one of them sees them: alone, or one of several that share each batch."""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from companion.errors import UserError
from companion.training.batches import share
from companion.training.ending import EXIT_BAD_INPUT, EXIT_LOST, TrainingInterrupted, end_process
from companion.training.meeting import Cluster, Line

if TYPE_CHECKING:
    import keras
    import tensorflow as tf


class Alone:
    """The single-worker case, and the interface that `Team` implements: what a training run asks of its workers.

    Attributes
    ----------
    size, index
        How many workers there are, and which of them this one is.
    stop_asked
        Whether another worker has asked the chief to stop.
    """

    size, index = 1, 0
    stop_asked = False

    def rows(self, batch_size: int) -> slice:
        """The streams of the batch that this worker reads."""
        return share(batch_size, self.size, self.index)

    def run(self, step: Callable[..., Any], *arguments: Any) -> Any:
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

    def ask_to_stop(self) -> None:
        """Ask the chief to stop all workers once the state is saved."""


class Team(Alone):
    """Several workers, as one of them sees them; `companion.training.join` makes it.

    The gradients go through ``strategy.run`` and one all-reduce per step, and so do the states when they are saved.
    What the chief hands out goes through the connections of the meeting, by which each worker also notices at once that
    another one is gone. Use it in a ``with`` block, as `join` does: its end tells the others how this worker ended.

    Parameters
    ----------
    cluster
        The workers.
    lines
        The connections: the chief's to all others, another worker's to the chief.
    timeout
        Seconds after which a silent worker counts as lost.
    end
        Called in another thread with a sentence and an exit code if another worker ends too early. By default it ends
        this process at once, because TensorFlow may be waiting in a step that will never finish.

    Attributes
    ----------
    strategy
        TensorFlow's strategy, once it has started.
    """

    def __init__(
        self, cluster: Cluster, lines: list[Line], timeout: float, end: Callable[[str, int], object] = end_process
    ) -> None:
        self.cluster, self.size, self.index = cluster, len(cluster.hosts), cluster.index
        self.strategy: tf.distribute.Strategy | None = None
        self._lines, self._timeout, self._end = lines, timeout, end
        self._inbox: queue.Queue[bytes] = queue.Queue()
        self._ready = threading.Semaphore(0)
        self._leaving = threading.Event()
        for line in lines:
            line.wait_at_most(timeout)
            name = f"from worker {line.worker}"
            threading.Thread(target=self._listen, args=(line,), name=name, daemon=True).start()
        threading.Thread(target=self._beat, args=(timeout / 4,), daemon=True).start()

    def _listen(self, line: Line) -> None:
        """Receive what another worker sends, and notice when it is gone."""
        finished = False
        while True:
            try:
                kind, data = line.receive()
            except TimeoutError:
                reason = f"has said nothing for {self._timeout:g} seconds"
                break
            except (OSError, ValueError):
                reason = "is gone"
                break
            if kind == "data":
                self._inbox.put(data)
            elif kind == "ready":
                self._ready.release()
            elif kind == "stop":
                self.stop_asked = True
            elif kind == "error" and not self._leaving.is_set():  # otherwise this worker has its own reason to end
                self._end(data.decode(), EXIT_BAD_INPUT)
            finished = finished or kind in ("done", "error")
        if not finished and not self._leaving.is_set():
            who = f"Worker {line.worker} ({self.cluster.hosts[line.worker]})"
            self._end(
                f"{who} {reason}, so the training stopped. Start all workers again with the same command: "
                "they continue from the last checkpoint.",
                EXIT_LOST,
            )

    def _beat(self, every: float) -> None:
        while not self._leaving.wait(every):
            self._send("beat")

    def _send(self, kind: str, data: bytes = b"") -> None:
        for line in self._lines:
            with contextlib.suppress(OSError):  # the thread that listens to that line will notice
                line.send(kind, data)

    def assemble(self) -> None:
        """Return when all workers have reached this point: each tells the chief, and then the chief tells all of them.

        Raises
        ------
        UserError
            A worker doesn't reach it within the timeout.
        """
        if self.index:
            self._send("ready")
        until = time.monotonic() + self._timeout + (10 if self.index else 0)  # the chief reports first
        for _ in self._lines:
            if not self._ready.acquire(timeout=max(0.0, until - time.monotonic())):
                raise UserError(
                    f"Not all workers have loaded TensorFlow within {self._timeout:g} seconds. Raise --timeout."
                )
        if not self.index:
            self._send("ready")

    def run(self, step: Callable[..., Any], *arguments: Any) -> Any:
        assert self.strategy is not None, "TensorFlow hasn't started"
        return self.strategy.run(step, arguments)

    def mean(self, loss: Any, gradients: list[Any]) -> tuple[Any, list[Any], list[Any]]:
        """All numbers go through one all-reduce as one row, because every message costs time, however short."""
        import tensorflow as tf
        from keras import ops

        # An embedding's gradient is sparse, and its squares are taken before its rows are summed (see `clipped`).
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
        """Each worker pads its rows with zeros to the whole batch; the sum over all workers is the whole."""
        import tensorflow as tf

        def rows(state: Any) -> Any:
            own = len(state)
            around = [own * self.index, own * (self.size - 1 - self.index)]
            padded = tf.pad(state, [around, *[[0, 0]] * (len(state.shape) - 1)])
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, padded)

        return [self.run(rows, state) for state in states]

    def from_chief(self, data: bytes) -> bytes:
        if self.index:
            return self._inbox.get()
        self._send("data", data)
        return data

    def ask_to_stop(self) -> None:
        self._send("stop")

    def leave(self, error: str = "") -> None:
        """End this worker's part: the others may end too, and are sent the error if there is one."""
        self._leaving.set()
        self._send("error" if error else "done", error.encode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, TrainingInterrupted):  # in these cases all leave together
            self.leave()
        elif isinstance(error, UserError):
            self.leave(str(error))
        elif isinstance(error, Exception) and _broken_exchange(error):
            time.sleep(self._timeout)  # the thread that notices a lost worker says so and ends this process


def _broken_exchange(error: Exception) -> bool:
    """Whether TensorFlow was the first to notice that a worker is gone."""
    import tensorflow as tf

    return isinstance(error, (tf.errors.UnavailableError, tf.errors.AbortedError, tf.errors.CancelledError))


def share_dropout(model: "keras.Model", team: Alone) -> None:
    """Tell a model's dropout layers which workers share the batch, so that together they drop what one alone would.

    Raises
    ------
    UserError
        There are several workers, and the model has a dropout layer that can't be shared.
    """
    from keras.layers import Dropout

    from companion.models import all_layers
    from companion.models.dropout import SharedDropout

    for layer in all_layers(model):
        if isinstance(layer, SharedDropout):
            layer.workers, layer.worker = team.size, team.index
        elif isinstance(layer, Dropout) and layer.rate and team.size > 1:
            raise UserError(
                f"The layer {layer.name} would drop the same units on all {team.size} workers; build the model with "
                "companion.models.dropout.SharedDropout instead."
            )
