"""A score counts every token once, with the state carried, and agrees with the definition."""

import gc
import math
import weakref

import numpy as np
import pytest

from companion import set_seed
from companion.errors import UserError
from companion.evaluation import (
    Score,
    evaluate,
    evaluate_pairs,
    losses,
    losses_by_context,
    pair_losses,
    score,
    token_losses,
)
from companion.models import article_model, language_model, transformer_model
from companion.models.encoder_decoder import encoder_decoder
from companion.ngrams import NGramModel
from companion.tokenizers import Pairs


@pytest.fixture(scope="module")
def model():
    set_seed(3)
    built = language_model(20, embedding_dim=8, units=16, num_layers=2, dropout=0.3)
    for weight in built.trainable_variables:
        weight.assign(weight * 1.3)  # far enough from uniform that a mistake shows
    return built


def plain_losses(model, ids):
    """The definition: read the whole text once, without cuts."""
    import tensorflow as tf

    logits = tf.function(model)(tf.constant(ids[None, :-1])).numpy()[0].astype(np.float64)
    log_p = logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))
    return np.concatenate([[math.log(20)], -log_p[np.arange(len(ids) - 1), ids[1:]]])


@pytest.mark.parametrize("length", [1, 2, 3, 31, 32, 33, 34, 400, 500, 513, 1200, 2001])
def test_cutting_a_text_into_streams_changes_nothing(model, length):
    """Every length: no token is skipped or counted twice at a window's or a stream's edge."""
    ids = np.random.default_rng(length).integers(0, 20, length).astype(np.int32)
    found = token_losses(model, ids, warm_up=128, window=32)
    assert found.shape == (length,)
    if length > 1:
        np.testing.assert_allclose(found, plain_losses(model, ids), atol=1e-4)


def test_one_stream_forgets_nothing():
    """With a cell that never forgets, text read long before counts, and only a single stream has read it."""
    model = language_model(20, embedding_dim=4, units=6)
    kernel, recurrent, bias = model.get_layer("lstm_1").get_weights()
    bias[6:12] = 12.0  # the forget gate is open
    model.get_layer("lstm_1").set_weights([3 * kernel, recurrent, bias])
    ids = np.random.default_rng(0).integers(0, 20, 600).astype(np.int32)
    ids[:100] = 7
    exact = plain_losses(model, ids)
    np.testing.assert_allclose(token_losses(model, ids, streams=1, warm_up=64, window=32), exact, atol=1e-3)
    assert np.abs(token_losses(model, ids, streams=2, warm_up=64, window=32) - exact).max() > 0.01
    assert evaluate(model, ids, streams=1).nats_per_token == pytest.approx(exact.mean(), abs=1e-4)


@pytest.mark.parametrize(
    "make", [lambda: language_model(50, embedding_dim=4, units=6), lambda: article_model(50, 4, 6)]
)
def test_smaller_pieces_change_nothing(make, monkeypatch):
    set_seed(0)
    model, ids = make(), np.random.default_rng(0).integers(50, size=5_000)
    whole = token_losses(model, ids, context=8)
    monkeypatch.setattr(losses, "LOGITS", 20 * 50)
    np.testing.assert_allclose(token_losses(model, ids, context=8), whole, atol=1e-5)


def test_the_state_is_carried(model):
    """With almost no warm-up the losses differ, so the check above would notice if the state weren't carried."""
    ids = np.random.default_rng(5).integers(0, 20, 640).astype(np.int32)
    assert np.abs(token_losses(model, ids, warm_up=1, window=10) - plain_losses(model, ids)).max() > 1e-3


def test_a_window_model_is_given_its_window_and_nothing_more():
    set_seed(0)
    model = article_model(12, 4, 3)
    ids = np.random.default_rng(1).integers(0, 12, 60).astype(np.int32)
    found = token_losses(model, ids, context=5)
    for t in (1, 3, 5, 6, 30, 59):
        expected = -math.log(model(ids[None, max(0, t - 5) : t]).numpy()[0, ids[t]])
        assert found[t] == pytest.approx(expected, abs=1e-5)
    assert found[0] == pytest.approx(math.log(12))


def test_an_ngram_model_is_scored_by_its_own_probabilities():
    ids = np.random.default_rng(1).integers(0, 5, 400)
    model = NGramModel(3, vocab_size=5).fit(ids)
    assert evaluate(model, ids).nats_per_token == pytest.approx(model.cross_entropy(ids))


def test_bits_per_character_of_known_numbers():
    result = score(total_nats=30 * math.log(8), tokens=30, characters=90)
    assert result.perplexity == pytest.approx(8)
    assert result.bits_per_character == pytest.approx(1)
    assert str(result) == "1.000 bits per character (perplexity 8.00 per token)"


@pytest.mark.parametrize(
    ("nats", "says"),
    [
        (7.7319, "11.155 bits per character (perplexity 2,279.93 per token)"),
        (20.0, "28.854 bits per character (perplexity 485,165,195.41 per token)"),
        (36.4, "52.514 bits per character (perplexity 6.43e+15 per token)"),
        (1e5, "144269.504 bits per character (perplexity inf per token)"),
        (math.inf, "inf bits per character (perplexity inf per token)"),
    ],
)
def test_a_score_of_any_size_can_be_read(nats, says):
    assert str(score(3 * nats, tokens=3)) == says


def test_a_score_needs_tokens_and_characters():
    with pytest.raises(UserError, match="tokens is 0"):
        score(1.0, tokens=0)
    with pytest.raises(UserError, match="characters is 0"):
        score(1.0, tokens=3, characters=0)


# -- compiled once -----------------------------------------------------------------------------------------------------


def traced(model):
    """A model with the logits of another one, and a list that grows whenever it is traced."""
    import keras

    traces = []

    class Traced(keras.layers.Layer):
        def call(self, x):
            traces.append(1)
            return x

    inputs = model.inputs if len(model.inputs) > 1 else model.inputs[0]
    return keras.Model(inputs, Traced()(model.outputs[0])), traces


@pytest.mark.parametrize(
    ("make", "use"),
    [
        (lambda: language_model(7, 4, 4, dropout=0.1), lambda model, ids: evaluate(model, ids)),
        (lambda: transformer_model(7, 4, 1, 2, 4), lambda model, ids: evaluate(model, ids)),
        (lambda: article_model(7, 4, 4), lambda model, ids: evaluate(model, ids, context=4)),
        (lambda: language_model(7, 4, 4), lambda model, ids: losses_by_context(model, ids, len(ids) // 2 - 1)),
        (
            lambda: encoder_decoder(7, 7, 4, 4),
            lambda model, ids: evaluate_pairs(model, Pairs([ids[:3]], [ids[: len(ids) // 20]])),
        ),
    ],
)
def test_a_model_is_traced_once_and_then_scores_texts_of_any_length(make, use):
    model, traces = traced(make())
    for number, length in enumerate((2100, 60, 60, 50)):  # a long one first: it also has warm-ups
        before = len(traces)
        use(model, np.random.default_rng(length).integers(4, 7, length).astype(np.int32))
        assert number == 0 or len(traces) == before
    assert traces


def test_a_model_that_was_scored_is_freed():
    ids = np.arange(60) % 7
    models = [language_model(7, 4, 4), article_model(7, 4, 4), encoder_decoder(7, 7, 4, 4)]
    evaluate(models[0], ids)
    losses_by_context(models[0], ids, 20)
    evaluate(models[1], ids)
    pair_losses(models[2])(ids[None, :3], ids[None, :3], ids[None, :3])
    references = [weakref.ref(model) for model in models]
    del models
    gc.collect()
    assert [reference() for reference in references] == [None] * 3


def test_what_is_compiled_follows_the_weights(model):
    ids = np.random.default_rng(0).integers(0, 20, 50)
    other = language_model(20, embedding_dim=8, units=16, num_layers=2, dropout=0.3)
    first = evaluate(other, ids)
    other.set_weights(model.get_weights())
    assert evaluate(other, ids) == evaluate(model, ids) != first


# -- losses of windows -------------------------------------------------------------------------------------------------


def test_nats_paid_outside_the_model_count(model):
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


@pytest.mark.parametrize(
    ("ids", "says"),
    [
        ([], "at least one token"),
        ([[1]], "shape"),
        ([25], "20 tokens"),
        ([-1], "from -1 to -1, but the model has 20"),
        ([0.5], "of type float64; expected integers"),
        ("text", "shape"),
        ([[1, 2], [3]], "different lengths"),
    ],
)
def test_bad_ids_are_reported(model, ids, says):
    for use in (evaluate, losses_by_context):
        with pytest.raises(UserError, match=says):
            use(model, ids)


@pytest.mark.parametrize(
    ("settings", "says"),
    [({"streams": 0}, "streams is 0"), ({"context": 0}, "context is 0"), ({"characters": 0}, "characters is 0")],
)
def test_bad_settings_are_reported(model, settings, says):
    with pytest.raises(UserError, match=says):
        evaluate(model, np.zeros(5, np.int32), **settings)


def test_models_that_can_t_be_scored_are_refused():
    with pytest.raises(UserError, match="This str can't be scored"):
        evaluate("shakespeare-chars", np.zeros(5, np.int32))
    with pytest.raises(UserError, match="This Functional can't be scored on a text"):
        evaluate(encoder_decoder(9, 9, 4, 4), np.zeros(5, np.int32))
    with pytest.raises(UserError, match="doesn't read pairs"):
        evaluate_pairs(language_model(9, 4, 4), Pairs([[4]], [[5]]))


@pytest.mark.parametrize(
    ("pairs", "says"),
    [
        (Pairs([], []), "There are no pairs"),
        (
            Pairs([[4], [9]], [[5], [5]]),
            "The source of pair 1 of the pairs has ids from 9 to 9, but the model knows only 9",
        ),
        (Pairs([[4]], [[5, 12]]), "The target of pair 0 .* from 5 to 12, but the model knows only 10"),
    ],
)
def test_bad_pairs_are_reported(pairs, says):
    with pytest.raises(UserError, match=says):
        evaluate_pairs(encoder_decoder(9, 10, 4, 4), pairs)


def test_a_model_that_copies_knows_the_words_of_its_source():
    model = encoder_decoder(9, 9, 4, 4, copy=True)
    assert isinstance(evaluate_pairs(model, Pairs([[4, 9, 10]], [[10, 5]])), Score)
    with pytest.raises(UserError, match="The target of pair 0"):
        evaluate_pairs(model, Pairs([[4, 9]], [[10]]))
