"""A score counts every token once, with the state carried, and agrees with the definition."""

import math

import numpy as np
import pytest

from companion import evaluation, set_seed
from companion.errors import UserError
from companion.evaluation import evaluate, losses_by_context, score, token_losses
from companion.models import article_model, language_model
from companion.ngrams import NGramModel


@pytest.fixture(scope="module")
def model():
    set_seed(3)
    built = language_model(20, embedding_dim=8, units=16, layers=2, dropout=0.3)
    for weight in built.trainable_variables:
        weight.assign(weight * 1.3)  # far enough from uniform that a mistake shows
    return built


def plain_losses(model, ids):
    """The definition: read the whole text once, without any cut."""
    import tensorflow as tf

    logits = tf.function(model)(tf.constant(ids[None, :-1])).numpy()[0].astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return np.concatenate([[math.log(20)], -log_p[np.arange(len(ids) - 1), ids[1:]]])


@pytest.mark.parametrize("length", [1, 2, 3, 31, 32, 33, 34, 400, 500, 513, 1200, 2001])
def test_cutting_a_text_into_streams_changes_nothing(model, length, monkeypatch):
    """Every length: no token is skipped or counted twice at a window's or a stream's edge."""
    monkeypatch.setattr(evaluation, "WARM_UP", 128)
    monkeypatch.setattr(evaluation, "WINDOW", 32)
    ids = np.random.default_rng(length).integers(0, 20, length).astype(np.int32)
    losses = token_losses(model, ids)
    assert losses.shape == (length,)
    if length > 1:
        np.testing.assert_allclose(losses, plain_losses(model, ids), atol=1e-4)


def test_one_stream_reads_in_one_go_what_no_cut_may_forget(monkeypatch):
    """A cell that never forgets: what was read long before counts, and only one stream knows it."""
    monkeypatch.setattr(evaluation, "WARM_UP", 64)
    monkeypatch.setattr(evaluation, "WINDOW", 32)
    model = language_model(20, embedding_dim=4, units=6)
    kernel, recurrent, bias = model.get_layer("lstm_1").get_weights()
    bias[6:12] = 12.0  # the forget gate is open
    model.get_layer("lstm_1").set_weights([3 * kernel, recurrent, bias])
    ids = np.random.default_rng(0).integers(0, 20, 600).astype(np.int32)
    ids[:100] = 7
    exact = plain_losses(model, ids)
    np.testing.assert_allclose(token_losses(model, ids, streams=1), exact, atol=1e-3)
    assert np.abs(token_losses(model, ids, streams=2) - exact).max() > 0.01
    assert evaluate(model, ids, streams=1).nats_per_token == pytest.approx(exact.mean(), abs=1e-4)


@pytest.mark.parametrize(
    "make", [lambda: language_model(50, embedding_dim=4, units=6), lambda: article_model(50, 4, 6)]
)
def test_pieces_that_fit_a_cache_change_nothing(make, monkeypatch):
    set_seed(0)
    model, ids = make(), np.random.default_rng(0).integers(50, size=5_000)
    whole = token_losses(model, ids, context=8)
    monkeypatch.setattr(evaluation, "LOGITS", 20 * 50)
    np.testing.assert_allclose(token_losses(model, ids, context=8), whole, atol=1e-5)


def test_the_state_is_carried(model, monkeypatch):
    """With a warm-up of nothing the streams would start from zero, and the check above would notice."""
    ids = np.random.default_rng(5).integers(0, 20, 640).astype(np.int32)
    monkeypatch.setattr(evaluation, "WARM_UP", 1)
    monkeypatch.setattr(evaluation, "WINDOW", 10)
    assert np.abs(token_losses(model, ids) - plain_losses(model, ids)).max() > 1e-3


def test_a_window_model_is_given_its_window_and_nothing_more():
    set_seed(0)
    model = article_model(12, 4, 3)
    ids = np.random.default_rng(1).integers(0, 12, 60).astype(np.int32)
    losses = token_losses(model, ids, context=5)
    for t in (1, 3, 5, 6, 30, 59):
        expected = -math.log(model(ids[None, max(0, t - 5) : t]).numpy()[0, ids[t]])
        assert losses[t] == pytest.approx(expected, abs=1e-5)
    assert losses[0] == pytest.approx(math.log(12))


def test_an_ngram_model_is_scored_by_its_own_probabilities():
    ids = np.random.default_rng(1).integers(0, 5, 400)
    model = NGramModel(3, vocab_size=5).fit(ids)
    assert evaluate(model, ids).nats_per_token == pytest.approx(model.cross_entropy(ids))


def test_bits_per_character_of_known_numbers():
    result = score(total_nats=30 * math.log(8), tokens=30, characters=90)
    assert result.perplexity == pytest.approx(8)
    assert result.bits_per_character == pytest.approx(1)
    assert str(result) == "1.000 bits per character (perplexity 8.00 per token)"


def test_what_is_paid_outside_the_model_counts(model):
    ids = np.zeros(10, dtype=np.int32)
    plain, more = evaluate(model, ids), evaluate(model, ids, extra_nats=10 * math.log(2))
    assert more.bits_per_character - plain.bits_per_character == pytest.approx(1)


def test_losses_by_context_start_with_nothing_and_end_with_the_whole_window(model):
    ids = np.random.default_rng(3).integers(0, 12, 200)
    found = losses_by_context(model, ids, length=20)
    assert found.shape == (9, 20)
    for n, window in ((0, 0), (3, 4), (19, 8)):  # n + 1 tokens of context, read alone
        at = 20 * window
        logits = model(ids[None, at : at + n + 1].astype(np.int32)).numpy()[0, -1].astype(np.float64)
        expected = np.log(np.exp(logits).sum()) - logits[ids[at + n + 1]]
        assert found[window, n] == pytest.approx(expected, abs=1e-5)
    with pytest.raises(UserError, match="needs 201 or more"):
        losses_by_context(model, ids, length=200)
    with pytest.raises(UserError, match="length is 0"):
        losses_by_context(model, ids, length=0)
    with pytest.raises(UserError, match="the model has 20 tokens"):
        losses_by_context(model, ids + 10, length=20)


@pytest.mark.parametrize(("ids", "says"), [([], "at least one token"), ([[1]], "shape"), ([25], "20 tokens")])
def test_bad_ids_are_told(model, ids, says):
    with pytest.raises(UserError, match=says):
        evaluate(model, np.array(ids, dtype=np.int32))
