"""A worker's view of the others: it receives what they send, and notices when they are gone."""

import os
import socket
import threading
import time
from types import SimpleNamespace

import pytest
import tensorflow as tf

from companion import set_seed
from companion.errors import UserError
from companion.models import language_model
from companion.training import (
    EXIT_BAD_INPUT,
    EXIT_LOST,
    Alone,
    Cluster,
    Team,
    TrainingInterrupted,
    check_timeout,
    free_ports,
    join,
    meeting,
    share_dropout,
)
from companion.training.joining import bypass_proxies

TWO = ("a:5000", "b:5000")


@pytest.fixture
def two():
    """Two teams joined by a socket, without TensorFlow's strategy, and what would have ended their processes."""
    sockets, lines, ended = socket.socketpair(), [], []

    def team(index: int, timeout: float = 30) -> Team:
        lines.append(meeting.Line(sockets[index], 1 - index, timeout))
        end = lambda sentence, code: ended.append((index, sentence, code))  # noqa: E731
        return Team(Cluster(TWO, index), lines[-1:], timeout, end)

    def close(index: int) -> None:
        lines[index].close()

    yield SimpleNamespace(team=team, close=close, ended=ended)
    for line in lines:
        line.close()
    for each in sockets:
        each.close()
    for thread in listeners():
        thread.join(20)


def listeners(worker: int | None = None) -> list[threading.Thread]:
    """The threads that listen to a worker, or to any."""
    names = [f"from worker {n}" for n in ((0, 1) if worker is None else (worker,))]
    return [thread for thread in threading.enumerate() if thread.name in names]


def heard_all(worker: int) -> None:
    """Return when no thread listens to a worker any longer."""
    for thread in listeners(worker):
        thread.join(20)


def test_the_others_get_what_the_chief_has(two):
    chief, other = two.team(0), two.team(1)
    assert chief.from_chief(b"state" * 1000) == b"state" * 1000 == other.from_chief(b"its own")
    chief.leave()
    other.leave()
    assert two.ended == []


def test_no_worker_continues_before_all_are_ready(two):
    chief, other, went_on = two.team(0), two.team(1), []

    def go(team: Team) -> None:
        team.assemble()
        went_on.append(team.index)

    thread = threading.Thread(target=go, args=(chief,))
    thread.start()
    went_on.append("the other comes")
    go(other)
    thread.join(20)
    assert went_on[0] == "the other comes" and set(went_on[1:]) == {0, 1}
    assert two.ended == []


def test_a_worker_that_is_never_ready_is_reported(two):
    """It is alive, but its main thread is stuck."""
    chief = two.team(0, timeout=0.5)
    two.team(1, timeout=0.5)
    with pytest.raises(UserError, match="Not all workers have loaded TensorFlow within 0.5 seconds"):
        chief.assemble()
    assert two.ended == []


def test_a_silent_worker_counts_as_lost(two):
    two.team(0, timeout=0.3)  # no heartbeat comes from the other end
    heard_all(1)
    ((index, sentence, code),) = two.ended
    assert (index, code) == (0, EXIT_LOST)
    assert sentence.startswith("Worker 1 (b:5000) has said nothing for 0.3 seconds")


def test_a_worker_that_has_finished_may_go(two):
    two.team(0)
    two.team(1).leave()
    two.close(1)
    heard_all(1)
    assert two.ended == []


def test_a_worker_that_dies_is_noticed_at_once(two):
    two.team(0)
    two.team(1)
    two.close(1)
    heard_all(1)
    assert "Worker 1 (b:5000) is gone, so the training stopped" in {index: said for index, said, _ in two.ended}[0]
    assert {code for _, _, code in two.ended} == {EXIT_LOST}


def test_an_error_is_sent_to_the_others(two):
    two.team(0)
    with pytest.raises(UserError), two.team(1):
        raise UserError("The disk is full.")
    two.close(1)
    heard_all(1)
    assert (0, "The disk is full.", EXIT_BAD_INPUT) in two.ended
    assert len(two.ended) == 1


def test_a_worker_keeps_its_own_error(two):
    with pytest.raises(UserError), two.team(0):
        raise UserError("The text is too short.")
    two.team(1).leave("The disk is full.")
    two.close(1)
    heard_all(1)
    assert (0, "The disk is full.", EXIT_BAD_INPUT) not in two.ended


def test_interrupted_all_leave_together(two):
    """None of them reports the others as lost."""
    for index in (0, 1):
        with pytest.raises(TrainingInterrupted), two.team(index):
            raise TrainingInterrupted("Its state is kept.")
    two.close(1)
    heard_all(1)
    assert two.ended == []


def test_another_worker_can_ask_the_chief_to_stop(two):
    chief, other = two.team(0), two.team(1)
    assert not chief.stop_asked
    other.ask_to_stop()
    other.leave()
    two.close(1)
    heard_all(1)
    assert chief.stop_asked and not other.stop_asked


@pytest.mark.parametrize(("error", "told"), [(tf.errors.AbortedError, True), (tf.errors.InvalidArgumentError, False)])
def test_an_exchange_that_breaks_waits_for_the_reason(two, error, told):
    """TensorFlow may notice a lost worker first; errors of other kinds don't wait."""
    two.team(1)
    start = time.monotonic()
    with pytest.raises(error), two.team(0, timeout=1):
        two.close(0)  # the other end
        raise error(None, None, "broken")
    assert (time.monotonic() - start >= 1) == told
    assert (0, EXIT_LOST) in [(index, code) for index, _, code in two.ended] or not told


# -- joining -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0, -1, float("inf"), float("nan"), 1e9, "60", None])
def test_a_bad_timeout_is_reported(timeout):
    with pytest.raises(UserError, match=rf"timeout is {timeout}; it should be more than 0 seconds and at most 86,400"):
        check_timeout(timeout)
    with pytest.raises(UserError, match="timeout is"), join(Cluster(TWO, 0), {}, timeout=timeout):
        pass


def test_the_workers_are_reached_without_a_proxy(monkeypatch):
    for variable in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("no_proxy", "example.org,b")
    bypass_proxies(Cluster(("a:1", "b:1", "b:2"), 0))
    assert os.environ["no_proxy"] == "example.org,b,a"
    assert [os.environ[variable] for variable in ("NO_PROXY", "no_grpc_proxy")] == ["a,b"] * 2


def test_a_worker_that_never_answers_is_reported_by_join():
    hosts = tuple(f"127.0.0.1:{port}" for port in free_ports(2))
    for index, says in [(0, "Worker 1 .* did not come within 0.3 seconds"), (1, "got no answer from worker 0")]:
        with pytest.raises(UserError, match=says), join(Cluster(hosts, index), {}, timeout=0.3):
            pass


# -- dropout -----------------------------------------------------------------------------------------------------------


def test_dropout_that_can_t_be_shared_is_reported():
    import keras

    set_seed(0)
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Dropout(0.5, name="careless")(keras.layers.Embedding(5, 4)(ids))
    model = keras.Model(ids, keras.layers.Dense(5)(x))
    share_dropout(model, Alone())
    several = SimpleNamespace(size=2, index=0)
    with pytest.raises(UserError, match="The layer careless would drop the same units on all 2 workers"):
        share_dropout(model, several)
    share_dropout(language_model(5, 4, 4, dropout=0.5), several)
