"""How a process becomes one of several workers: they meet, load TensorFlow, and start its servers together."""

import contextlib
import functools
import math
import numbers
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from companion.errors import UserError
from companion.seeding import quiet_tensorflow
from companion.training.ending import end_process, ended_after
from companion.training.meeting import Cluster, meet
from companion.training.team import Team

if TYPE_CHECKING:
    import tensorflow as tf

LONGEST_TIMEOUT = 86_400.0  # a day
NO_PROXY = ("no_proxy", "NO_PROXY", "no_grpc_proxy")


@contextlib.contextmanager
def join(
    cluster: Cluster,
    plan: Mapping[str, Any],
    timeout: float = 60.0,
    report_file: str | None = None,
) -> Iterator[Team]:
    """Become one of the workers for the duration of the block. Call this before anything else uses TensorFlow.

    Parameters
    ----------
    cluster
        The workers.
    plan
        What this worker is about to do, as plain values; all workers need the same.
    timeout
        Seconds to wait for the others, and after which a silent worker counts as lost.
    report_file
        Where to write why this process ends if another worker ends too early; by default it is printed. The process
        then ends at once, since TensorFlow may be waiting in a step that will never finish.

    Raises
    ------
    UserError
        The timeout can't be used, the port is taken, a worker doesn't come in time, or one has a different plan.
    """
    check_timeout(timeout)
    bypass_proxies(cluster)
    lines = meet(cluster, plan, timeout)
    with Team(cluster, lines, timeout, functools.partial(end_process, report_file=report_file)) as team:
        # While TensorFlow's servers wait for each other, no Python thread runs, so none could send a message or notice
        # that a worker is gone. So all load TensorFlow first, which takes seconds, and start the servers together.
        quiet_tensorflow()
        team.assemble()
        slow = (
            f"TensorFlow's servers of {', '.join(cluster.hosts)} didn't find each other within {timeout:g} seconds. "
            "Check that nothing between them (a firewall, a proxy) closes the connections, or raise --timeout."
        )
        with ended_after(timeout, slow, report_file):
            team.strategy = started(cluster)
        yield team


def check_timeout(timeout: float) -> None:
    """Raise a `UserError` unless this is a number of seconds above 0 and at most a day."""
    if not isinstance(timeout, numbers.Real) or not math.isfinite(timeout) or not 0 < timeout <= LONGEST_TIMEOUT:
        raise UserError(f"timeout is {timeout}; it should be more than 0 seconds and at most {LONGEST_TIMEOUT:,.0f}.")


def bypass_proxies(cluster: Cluster) -> None:
    """Let TensorFlow reach the workers directly, whatever proxy the environment has for other hosts.

    Its servers read ``http_proxy`` and similar variables, and would ask a proxy even for ``127.0.0.1``.
    """
    hosts = [cluster.address(worker)[0] for worker in range(len(cluster.hosts))]
    for variable in NO_PROXY:
        known = [name for name in os.environ.get(variable, "").split(",") if name]
        os.environ[variable] = ",".join(dict.fromkeys([*known, *hosts]))


def started(cluster: Cluster) -> "tf.distribute.MultiWorkerMirroredStrategy":
    """TensorFlow's strategy, once its servers are connected.

    Raises
    ------
    UserError
        The servers can't start.
    """
    import tensorflow as tf

    os.environ["TF_CONFIG"] = cluster.tf_config()
    on_main_thread = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGTERM)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except (RuntimeError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UserError(
            f"Worker {cluster.index} can't start TensorFlow's server at {cluster.hosts[cluster.index]} ({reason}). "
            "Choose another port, and don't use TensorFlow before the workers meet."
        ) from error
    finally:
        if on_main_thread and before is not None:
            signal.signal(signal.SIGTERM, before)  # TensorFlow installs a handler that would only note the signal
