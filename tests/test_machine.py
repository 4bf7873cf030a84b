"""How rates and steps are measured, whatever machine measures them."""

from types import SimpleNamespace

import numpy as np
import pytest

from companion import models, set_seed
from companion.analysis import machine
from companion.analysis.machine import matmul_rate, read_rate, seconds, training_rate, training_step, writing_step
from companion.errors import UserError
from companion.models import language_model


@pytest.fixture
def clock(monkeypatch):
    """A processor's clock that moves only when a test adds to it."""
    hands = SimpleNamespace(seconds=0.0)
    monkeypatch.setattr(machine, "time", SimpleNamespace(process_time=lambda: hands.seconds))
    return hands


def test_seconds_are_those_of_one_call_in_the_shortest_try(clock):
    costs = iter([9.0, 0.5, 0.5, 0.1, 0.3, 2.0, 2.0])  # the first warms up, then three tries of two calls

    def run():
        clock.seconds += next(costs)

    assert seconds(run, at_least=0.2, repeats=2) == pytest.approx((0.1 + 0.3) / 2)
    assert next(costs, None) is None


def test_seconds_keeps_trying_for_as_long_as_asked(clock):
    calls = []

    def run():
        calls.append(1)
        clock.seconds += 0.01

    assert seconds(run, at_least=0.095) == pytest.approx(0.01)
    assert len(calls) == 1 + 10


@pytest.mark.parametrize(
    ("work", "measure"),
    [
        (2 * 3 * 4 * 5, lambda: matmul_rate(3, 4, 5)),
        (3 * 2 * 3 * 4 * 5 * 2, lambda: training_rate(3, 4, 5, at_once=2)),
        (4 * 250 * 250, lambda: read_rate(0.25)),
    ],
)
def test_a_rate_is_work_by_time(monkeypatch, work, measure):
    """benchmarks/compute.py measures how fast this machine is, and which products run faster."""
    run = []
    monkeypatch.setattr(machine, "seconds", lambda function, **_: run.append(function) or 0.5)
    assert measure() == pytest.approx(work / 0.5)
    run[0]()


def test_training_steps_learn():
    set_seed(0)
    model = language_model(5, embedding_dim=4, units=4)
    step = training_step(model, batch=4, window=6)
    losses = [float(step()) for _ in range(30)]
    assert losses[0] == pytest.approx(np.log(5), abs=0.2) and losses[-1] < losses[0]


def test_the_article_s_model_is_trained_on_one_answer_per_window():
    set_seed(0)
    step = training_step(models.article_model(20, 4, 4), batch=8, window=3)
    assert float(step()) == pytest.approx(np.log(20), abs=0.1)


def test_a_writing_step_gives_logits_for_each_text():
    model = models.transformer_model(7, hidden_dim=8, num_layers=1, num_heads=2, context=4)
    logits = writing_step(model, texts=3, read_before=4)()
    assert logits.shape == (3, 7)


def test_bad_input_gives_one_sentence():
    with pytest.raises(UserError, match="rows is 0"):
        matmul_rate(0, 2, 3)
    with pytest.raises(UserError, match="at_once is 0"):
        training_rate(1, 2, 3, at_once=0)
    with pytest.raises(UserError, match="0 megabytes"):
        read_rate(0)
