"""Rates and steps are measured: what must hold on any machine."""

import numpy as np
import pytest

from companion import models, set_seed
from companion.errors import UserError
from companion.machine import matmul_rate, read_rate, seconds, training_rate, training_step, writing_step


def test_seconds_are_those_of_one_call():
    calls = []
    sorting = np.random.default_rng(0).random(200_000)

    def run():
        calls.append(1)
        np.sort(sorting)

    once = seconds(run, at_least=0.05)
    assert 1e-4 < once < 1 and len(calls) >= 4
    several = seconds(run, at_least=0.05, repeats=5)
    assert once / 3 < several < 3 * once


def test_large_products_run_faster_than_a_vector_through_a_matrix():
    assert matmul_rate(256, 512, 512) > 2 * matmul_rate(1, 4096, 4096)
    assert 1e8 < read_rate(16) < 1e13


def test_the_products_of_training_run_faster_for_many_rows():
    assert 1e13 > training_rate(256, 256, 256, at_once=2) > 2 * training_rate(1, 256, 256, at_once=2) > 1e6


def test_training_steps_learn():
    set_seed(0)
    model = models.language_model(5, embedding_dim=4, units=4)
    step = training_step(model, batch=4, window=6)
    losses = [float(step()) for _ in range(30)]
    assert losses[0] == pytest.approx(np.log(5), abs=0.2) and losses[-1] < losses[0]


def test_the_article_s_model_is_trained_on_one_answer_a_window():
    set_seed(0)
    step = training_step(models.article_model(20, 4, 4), batch=8, window=3)
    assert float(step()) == pytest.approx(np.log(20), abs=0.1)


def test_a_writing_step_gives_logits_for_each_text():
    model = models.transformer_model(7, width=8, layers=1, heads=2, context=4)
    logits, _ = writing_step(model, texts=3, read_before=4)()
    assert logits.shape == (3, 7)


def test_bad_input_is_one_sentence():
    with pytest.raises(UserError, match="rows is 0"):
        matmul_rate(0, 2, 3)
    with pytest.raises(UserError, match="at_once is 0"):
        training_rate(1, 2, 3, at_once=0)
    with pytest.raises(UserError, match="0 megabytes"):
        read_rate(0)
