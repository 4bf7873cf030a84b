"""Samplers against their definitions, steppers against Keras, and what comes out as text."""

import doctest
import importlib
import itertools
import pkgutil
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

import companion.generation
from companion import UserError
from companion.generation import (
    Sampler,
    apply_temperature,
    beam_hypotheses,
    beam_search,
    draw,
    generate,
    keep_top_k,
    keep_top_p,
    layers,
    length_divisor,
    log_softmax,
    read,
    sample_ids,
    softmax,
    stepper,
    stream,
    stream_ids,
    write_until,
)
from companion.models import CELLS, article_model, language_model, with_states
from companion.ngrams import NGramModel
from companion.seeding import quiet_tensorflow
from companion.tokenizers import BPETokenizer, CharTokenizer, UnknownTextError, WordTokenizer

quiet_tensorflow()

LETTERS = CharTokenizer.train("abcd")  # with the unknown token: 5 ids
LOGITS = hnp.arrays(np.float64, st.integers(1, 12), elements=st.floats(-30, 30))
# A few repeated values, so that ties are common.
WEIGHTS = hnp.arrays(np.float64, st.integers(1, 12), elements=st.sampled_from([0.0, 0.25, 0.5, 1.0, 1.5, 3.0]))
PROBABILITIES = WEIGHTS.filter(lambda weights: weights.sum() > 0).map(lambda weights: weights / weights.sum())


# ------------------------------------------------------------------------------------------------------------
# Samplers


@given(LOGITS)
def test_softmax_is_its_definition(logits):
    expected = np.exp(logits) / np.exp(logits).sum()
    np.testing.assert_allclose(softmax(logits), expected, rtol=1e-12)
    np.testing.assert_allclose(log_softmax(logits), np.log(expected), rtol=1e-9, atol=1e-12)


def test_softmax_of_large_logits_and_of_impossible_tokens():
    np.testing.assert_array_equal(softmax(np.array([1e4, 1e4, -np.inf])), [0.5, 0.5, 0.0])
    np.testing.assert_array_equal(log_softmax(np.array([0.0, -np.inf])), [0.0, -np.inf])


@given(LOGITS, st.floats(0.05, 20))
def test_temperature_raises_probabilities_to_a_power(logits, temperature):
    powers = softmax(logits) ** (1 / temperature)
    if powers.sum() > 0:
        got = softmax(apply_temperature(logits, temperature))
        np.testing.assert_allclose(got, powers / powers.sum(), rtol=1e-6, atol=1e-9)


def test_the_limits_of_the_temperature():
    logits = np.log([0.5, 0.3, 0.2])
    np.testing.assert_allclose(softmax(apply_temperature(logits, 1)), [0.5, 0.3, 0.2])
    np.testing.assert_allclose(softmax(apply_temperature(logits, 1e-308)), [1, 0, 0])
    np.testing.assert_allclose(softmax(apply_temperature(logits, 1e308)), [1 / 3] * 3)


@pytest.mark.parametrize("temperature", [5e-324, 1e-310, 1e-300, np.float32(1e-38), 1e308])
def test_the_smallest_and_largest_temperatures_give_no_warnings(temperature):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        p = Sampler(temperature).probabilities(np.array([-np.inf, 3.0, 1.0, 3.0, -200.0]))
    assert p.sum() == pytest.approx(1) and p[1] == p[3] >= 0.25 and p[0] == 0


@given(PROBABILITIES, st.integers(1, 15))
def test_top_k_keeps_the_k_most_probable_and_their_proportions(probabilities, k):
    got = keep_top_k(probabilities, k)
    expected = sorted(range(len(probabilities)), key=lambda token: (-probabilities[token], token))[:k]
    kept = [token for token in expected if probabilities[token] > 0]
    assert np.flatnonzero(got).tolist() == sorted(kept)
    np.testing.assert_allclose(got[kept], probabilities[kept] / probabilities[kept].sum(), rtol=1e-12)


@given(PROBABILITIES, st.floats(0.01, 1))
def test_top_p_keeps_the_smallest_set_that_reaches_p(probabilities, p):
    got = keep_top_p(probabilities, p)
    kept = np.flatnonzero(got)
    mass = probabilities[kept].sum()
    assert mass >= p - 1e-9
    if p < 1:
        assert mass - probabilities[kept].min() < p  # one token fewer would be too few
        left_out = np.delete(probabilities, kept)
        assert left_out.size == 0 or left_out.max() <= probabilities[kept].min()  # and no smaller set would do
    np.testing.assert_allclose(got[kept], probabilities[kept] / mass, rtol=1e-12)


def test_top_p_with_rounded_sums():
    assert np.count_nonzero(keep_top_p(np.array([0.6, 0.3, 0.1]), 0.9)) == 2
    assert np.count_nonzero(keep_top_p(np.array([0.7, 0.1, 0.1, 0.1]), 0.8)) == 2
    assert np.count_nonzero(keep_top_p(np.array([0.7, 0.3]), 1e-300)) == 1
    assert np.count_nonzero(keep_top_p(np.array([1 - 1e-15, 1e-15]), 1)) == 2


def test_samplers_work_on_the_last_axis():
    rng = np.random.default_rng(1)
    batch = softmax(rng.normal(size=(2, 3, 7)))
    for function, setting in [(keep_top_k, 3), (keep_top_p, 0.7)]:
        one_by_one = [[function(row, setting) for row in rows] for rows in batch]
        np.testing.assert_array_equal(function(batch, setting), one_by_one)
    assert draw(batch, rng).shape == (2, 3)


@given(LOGITS, st.floats(0.2, 3), st.integers(1, 12), st.floats(0.05, 1))
def test_the_sampler_applies_temperature_then_top_k_then_top_p(logits, temperature, k, p):
    expected = keep_top_p(keep_top_k(softmax(logits / temperature), k), p)
    np.testing.assert_allclose(Sampler(temperature, k, p).probabilities(logits), expected, rtol=1e-9, atol=1e-15)


@given(LOGITS, st.floats(0.2, 3), st.integers(1, 12), st.floats(0.05, 1), st.integers(0, 9))
def test_probabilities_and_draws_are_to_the_last_bit_those_of_sorting_the_ids(logits, temperature, k, p, seed):
    def keep(probabilities, ids):
        kept = np.zeros_like(probabilities)
        kept[ids] = probabilities[ids]
        return kept / kept.sum()

    logits = np.round(logits)  # so that there are ties
    weights = np.exp((logits - logits.max()) / temperature)
    expected = weights / weights.sum()
    expected = keep(expected, np.argsort(-expected, kind="stable")[:k])
    if p < 1:
        order = np.argsort(-expected, kind="stable")
        before = np.cumsum(expected[order]) - expected[order]
        expected = keep(expected, order[(before < p - 1e-12) | (np.arange(len(order)) == 0)])
    sampler = Sampler(temperature, k, p)
    np.testing.assert_array_equal(sampler.probabilities(logits), expected)
    cumulative = np.cumsum(expected)
    drawn = np.sum(cumulative <= np.random.default_rng(seed).random() * cumulative[-1])
    assert sampler.choose(logits, np.random.default_rng(seed)) == drawn


def test_the_order_matters_and_is_the_stated_one():
    logits = np.log([0.4, 0.3, 0.2, 0.1])
    # top-k 3 leaves 4/9, 3/9, 2/9, of which the first two reach 0.75; of the whole, the nucleus of 0.75 has three.
    np.testing.assert_allclose(Sampler(top_k=3, top_p=0.75).probabilities(logits), [4 / 7, 3 / 7, 0, 0])
    # At temperature 0.5 the squares 16, 9, 4, 1 count: 16 + 9 of 30 reach 0.8.
    np.testing.assert_allclose(Sampler(temperature=0.5, top_p=0.8).probabilities(logits), [16 / 25, 9 / 25, 0, 0])


@given(LOGITS, st.floats(0.2, 3), st.integers(1, 12), st.floats(0.05, 1))
def test_greedy_takes_the_most_probable_whatever_else_is_set(logits, temperature, k, p):
    greedy = Sampler(temperature, k, p, greedy=True)
    best = int(np.argmax(logits))
    assert greedy.choose(logits, np.random.default_rng(0)) == best
    assert greedy.probabilities(logits).tolist() == np.eye(len(logits))[best].tolist()


@pytest.mark.parametrize(
    "sampler", [Sampler(), Sampler(0.7), Sampler(1.5, top_k=4), Sampler(top_p=0.8), Sampler(0.9, 5, 0.9)]
)
def test_frequencies_are_the_probabilities(sampler):
    logits = np.array([1.0, 0.2, -1.0, 2.0, 0.2, -3.0, 0.9])
    probabilities = sampler.probabilities(logits)
    drawn = sampler.choose(np.tile(logits, (20_000, 1)), np.random.default_rng(7))
    counts = np.bincount(drawn, minlength=len(logits))
    possible = probabilities > 0
    assert counts[~possible].sum() == 0
    assert stats.chisquare(counts[possible], 20_000 * probabilities[possible]).pvalue > 0.001


class Fixed:
    """A random number generator that always returns one number."""

    def __init__(self, number):
        self.number = number

    def random(self, shape):
        return np.full(shape, self.number)


@pytest.mark.parametrize(("number", "token"), [(0.0, 1), (0.249, 1), (0.25, 3), (0.999, 3), (np.nextafter(1, 0), 3)])
def test_draw_is_where_a_uniform_number_falls(number, token):
    assert draw(np.array([0.0, 0.25, 0.0, 0.75, 0.0]), Fixed(number)) == token


@given(PROBABILITIES, st.floats(0, 1, exclude_max=True))
def test_draw_never_gives_an_impossible_token(probabilities, number):
    assert probabilities[draw(probabilities, Fixed(number))] > 0


NAN, INF = float("nan"), float("inf")


@pytest.mark.parametrize("temperature", [0, -1, 0.0, NAN, INF, -INF, "warm", None, True, 1j, [1.0]])
def test_bad_temperatures_are_refused(temperature):
    for use in (lambda: Sampler(temperature=temperature), lambda: apply_temperature(np.zeros(3), temperature)):
        with pytest.raises(UserError, match="temperature should be a number above 0.*greedy"):
            use()


@pytest.mark.parametrize("k", [0, -3, 2.5, "two", True, NAN, INF, [2]])
def test_bad_top_ks_are_refused(k):
    for use in (lambda: Sampler(top_k=k), lambda: keep_top_k(np.full(3, 1 / 3), k)):
        with pytest.raises(UserError, match="top_k should be a whole number from 1"):
            use()


@pytest.mark.parametrize("p", [0, 1.01, -0.1, NAN, INF, "most", True])
def test_bad_top_ps_are_refused(p):
    for use in (lambda: Sampler(top_p=p), lambda: keep_top_p(np.full(3, 1 / 3), p)):
        with pytest.raises(UserError, match="top_p should be above 0 and at most 1"):
            use()


def test_settings_at_their_bounds():
    uniform = np.full(4, 0.25)
    assert keep_top_k(uniform, np.int64(1)).tolist() == [1, 0, 0, 0] and keep_top_k(uniform, 99).tolist() == [0.25] * 4
    assert keep_top_p(uniform, 1e-310).tolist() == [1, 0, 0, 0] and keep_top_p(uniform, np.float32(1)).sum() == 1
    assert keep_top_k([0.5, 0.5], 1).tolist() == [1, 0] and softmax([0, 0]).tolist() == [0.5, 0.5]
    with pytest.raises(UserError, match="greedy should be True or False"):
        Sampler(greedy="no")


@pytest.mark.parametrize("values", [None, 3.0, [], "abc", ["a"], np.zeros((2, 0)), [[None]], np.array([True])])
def test_values_that_are_not_logits_are_refused(values):
    rng = np.random.default_rng(0)
    uses = [softmax, log_softmax, lambda x: keep_top_k(x, 1), lambda x: keep_top_p(x, 0.5), lambda x: draw(x, rng)]
    uses += [lambda x: apply_temperature(x, 1.0), Sampler().probabilities, lambda x: Sampler().choose(x, rng)]
    for use in uses:
        with pytest.raises(UserError, match="Expected logits or probabilities"):
            use(values)


@pytest.mark.parametrize("logits", [[NAN, 1.0], [INF, 1.0], [-INF, -INF]])
@pytest.mark.parametrize("sampler", [Sampler(), Sampler(greedy=True), Sampler(0.5, 2, 0.5)])
def test_logits_without_a_finite_maximum_are_refused(sampler, logits):
    with pytest.raises(UserError, match="No token can be chosen.*nan"):
        sampler.choose(np.array([[0.0, 1.0], logits]), np.random.default_rng(0))


@pytest.mark.parametrize("probabilities", [[0.0, 0.0], [NAN, 1.0], [INF, 1.0], [-1.0, 0.0]])
def test_probabilities_that_sum_to_nothing_are_refused(probabilities):
    with pytest.raises(UserError, match="should sum to 1"):
        draw(np.array(probabilities), np.random.default_rng(0))


# ------------------------------------------------------------------------------------------------------------
# Steppers against Keras


def recurrent_model(cell="LSTM", layers=1, vocab=5, units=8, **settings):
    import keras

    keras.utils.set_random_seed(3)
    ids = x = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(vocab, 6, embeddings_initializer="random_normal")(x)
    for _ in range(layers):
        x = keras.layers.Dropout(0.3)(x)
        x = getattr(keras.layers, cell)(units, return_sequences=True, **settings)(x)
    x = keras.layers.Dropout(0.3)(x)
    model = keras.Model(ids, keras.layers.Dense(vocab)(x))
    rng = np.random.default_rng(4)  # weights large enough that states, gates and biases matter
    model.set_weights([w + rng.normal(0, 0.7, w.shape) for w in model.get_weights()])
    return model


VARIANTS = {
    "lstm": {},
    "two lstm": {"layers": 2},
    "lstm without bias": {"use_bias": False},
    "lstm of relu": {"activation": "relu"},
    "gru": {"cell": "GRU"},
    "gru, reset before": {"cell": "GRU", "reset_after": False, "layers": 2},
    "gru without bias": {"cell": "GRU", "use_bias": False},
    "simple rnn": {"cell": "SimpleRNN", "layers": 2},
}


@pytest.fixture(scope="module", params=VARIANTS)
def any_model(request):
    return recurrent_model(**VARIANTS[request.param])


@pytest.fixture(scope="module")
def model():
    return recurrent_model()


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("largest_table", [layers.LARGEST_TABLE, 0])
def test_steps_give_the_logits_that_rereading_gives(any_model, batch, largest_table, monkeypatch):
    monkeypatch.setattr(layers, "LARGEST_TABLE", largest_table)  # of 0: the embedding is multiplied at each step
    ids = np.random.default_rng(5).integers(0, 5, (batch, 30))
    expected = np.asarray(any_model(ids))
    stepping = stepper(any_model)
    assert stepping.vocab_size == 5
    state = stepping.start(batch)
    for t in range(30):
        logits, state = stepping.step(ids[:, t], state)
        assert logits.dtype == np.float32
        np.testing.assert_allclose(logits, expected[:, t], rtol=1e-4, atol=1e-4)


def test_greedy_ids_are_those_of_rereading_the_whole_text(model):
    ids = [1, 4, 2]
    for _ in range(30):
        ids.append(int(np.argmax(np.asarray(model(np.array([ids])))[0, -1])))
    assert sample_ids(model, [1, 4, 2], 30, Sampler(greedy=True)).tolist() == [ids[3:]]


def test_each_greedy_id_is_the_best_one_when_the_text_is_read_at_once(any_model):
    ids = [1, 4, 2, *sample_ids(any_model, [1, 4, 2], 100, Sampler(greedy=True))[0]]
    best = np.argmax(np.asarray(any_model(np.array([ids])))[0], axis=-1)
    assert best[2:-1].tolist() == ids[3:]


def test_a_step_leaves_the_old_state_alone(any_model):
    stepping = stepper(any_model)
    _, state = read(any_model, [1, 2, 3], batch=2)
    before = [array.copy() for array in state]
    first, _ = stepping.step(np.array([1, 2]), state)
    again, _ = stepping.step(np.array([1, 2]), state)
    np.testing.assert_array_equal(first, again)
    for array, copy in zip(state, before, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_articles_model_steps_to_the_same_probabilities():
    model = article_model(vocab_size=5, embedding_dim=6, hidden_units=4)
    model.set_weights([np.random.default_rng(2).normal(size=w.shape) for w in model.get_weights()])
    ids = [1, 2, 3, 4]
    np.testing.assert_allclose(softmax(read(model, ids)[0]), np.asarray(model(np.array([ids]))), atol=1e-5)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("dropout", [0.0, 0.2])
def test_the_books_language_models_step_too_and_so_do_their_twins(cell, dropout):
    model = language_model(vocab_size=5, embedding_dim=4, units=6, num_layers=2, dropout=dropout, cell=cell)
    model.set_weights([np.random.default_rng(2).normal(size=w.shape) for w in model.get_weights()])
    ids = [1, 2, 3, 4, 1]
    logits, _ = read(model, ids)
    np.testing.assert_allclose(logits, np.asarray(model(np.array([ids])))[:, -1], rtol=1e-4, atol=1e-4)
    with_states(model)
    np.testing.assert_array_equal(read(model, ids)[0], logits)


def test_models_that_can_not_be_stepped_are_refused():
    import keras

    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(5, 6)(ids)
    both = keras.layers.Bidirectional(keras.layers.LSTM(3, return_sequences=True))(x)
    with pytest.raises(UserError, match="Bidirectional.*can't be stepped"):
        stepper(keras.Model(ids, keras.layers.Dense(5)(both)))
    side = keras.layers.LSTM(3, return_sequences=True)(keras.layers.LSTM(6, return_sequences=True)(x))
    skipping = keras.layers.Dense(5)(keras.layers.LSTM(3, return_sequences=True)(x))
    with pytest.raises(UserError, match="doesn't read the layer before it"):
        stepper(keras.Model(ids, [skipping, side]))
    with pytest.raises(UserError, match="activation elu"):
        stepper(recurrent_model(activation="elu"))
    for wrong in ("shakespeare-chars", None, 3, LETTERS, keras.layers.LSTM(3)):
        with pytest.raises(UserError, match=f"A {type(wrong).__name__} can't generate text"):
            stepper(wrong)
    with pytest.raises(UserError, match="never been called"):
        stepper(keras.Sequential([keras.layers.Embedding(5, 6), keras.layers.Dense(5)]))
    with pytest.raises(UserError, match="no layers"):
        stepper(keras.Sequential([]))

    class LSTM(keras.layers.LSTM):
        """A reader's own layer with the name of a known one, which may do something else."""

    with pytest.raises(UserError, match="LSTM.*can't be stepped"):
        stepper(keras.Model(ids, keras.layers.Dense(5)(LSTM(3, return_sequences=True)(x))))
    for axes in (1, [1, 2]):
        fixed = keras.Input((4,), dtype="int32")
        normalised = keras.layers.LayerNormalization(axis=axes)(keras.layers.Embedding(5, 6)(fixed))
        with pytest.raises(UserError, match="normalise over the last axis alone"):
            stepper(keras.Model(fixed, keras.layers.Dense(5)(normalised)))


@pytest.mark.parametrize("settings", [{}, {"epsilon": 0.5}, {"scale": False}, {"center": False, "epsilon": 0.1}])
def test_a_normalisation_steps_with_its_own_settings(settings):
    import keras

    keras.utils.set_random_seed(3)
    ids = keras.Input((None,), dtype="int32")
    x = keras.layers.Embedding(5, 6)(ids)
    x = keras.layers.LayerNormalization(**settings)(x)
    model = keras.Model(ids, keras.layers.Dense(5)(x))
    np.testing.assert_allclose(read(model, [1, 2])[0][0], np.asarray(model(np.array([[1, 2]])))[0, -1], atol=1e-5)


def test_a_stepper_is_its_own_stepper(model):
    stepping = stepper(model)
    assert stepper(stepping) is stepping


@pytest.mark.parametrize("order", [1, 2, 4])
def test_an_ngram_model_steps_with_its_context(order):
    ids = np.random.default_rng(6).integers(0, 5, 400)
    counts = NGramModel(order, vocab_size=5).fit(ids)
    for length in (1, 2, 3, 6):
        logits, _ = read(counts, ids[:length], batch=2)
        expected = counts.next_distribution(ids[:length])
        np.testing.assert_allclose(np.exp(logits), [expected, expected], rtol=1e-12)


@pytest.mark.parametrize("ids", [[], [5], [1, -1], None, "ab", 3, [1.5], [[1, 2]], [[1], [1, 2]], [True]])
def test_a_prompt_of_ids_that_the_model_does_not_know_is_refused(model, ids):
    for use in (lambda: read(model, ids), lambda: sample_ids(model, ids, 3), lambda: write_until(model, ids, 1, 3)):
        with pytest.raises(UserError, match="prompt"):
            use()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"max_tokens": -1}, "max_tokens should be a whole number from 0, but it is -1"),
        ({"max_tokens": NAN}, "max_tokens"),
        ({"max_tokens": "5"}, "max_tokens"),
        ({"sampler": 0.8}, "should be a Sampler"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": "x"}, "seed is x"),
        ({"samples": 0}, "samples is 0"),
        ({"samples": 2.5}, "samples is 2.5"),
        ({"banned": [5]}, "list of banned ids has others"),
        ({"banned": ["a"]}, "list of banned ids should be"),
        ({"banned": range(5)}, "every token is banned"),
    ],
)
def test_bad_settings_of_sampling_are_refused(model, wrong, says):
    settings = {"max_tokens": 3} | wrong
    with pytest.raises(UserError, match=says):
        sample_ids(model, [1], **settings)
    with pytest.raises(UserError, match=says):
        write_until(model, [1], 2, **settings)
    if wrong != {"banned": range(5)}:
        with pytest.raises(UserError, match=says):
            stream_ids(model, [1], **settings)  # without requesting ids


@pytest.mark.parametrize("end", [-1, 5, None, 1.5, "a"])
def test_an_end_that_is_not_an_id_is_refused(model, end):
    with pytest.raises(UserError, match="ends a text should be from 0 to 4"):
        write_until(model, [1], end, 3)


@pytest.mark.parametrize("batch", [0, -1, 1.5])
def test_a_bad_batch_size_is_refused(model, batch):
    with pytest.raises(UserError, match="batch is"):
        read(model, [1], batch)


@pytest.mark.speed  # benchmarks/speed.py measures it too
def test_one_stream_of_256_units_makes_2000_characters_a_second():
    stepping = stepper(language_model(vocab_size=85, units=256))
    best = 0.0
    for _ in range(30):  # this thread's processor time, the best of several tries: other programs may be running
        start = time.thread_time()
        sample_ids(stepping, [1], 200, Sampler(0.8, 40, 0.95), seed=1)
        best = max(best, 200 / (time.thread_time() - start))
        if best > 2000:
            break
    assert best > 2000


# ------------------------------------------------------------------------------------------------------------
# Text


def test_the_same_seed_writes_the_same_text(model):
    texts = [generate(model, LETTERS, "ab", 60, temperature=1.2, seed=seed) for seed in (1, 1, 2)]
    assert texts[0] == texts[1] != texts[2]
    assert generate(model, LETTERS, "ab", 60) != generate(model, LETTERS, "ab", 60)


def test_new_text_only_and_as_many_tokens_as_asked(model):
    for number in (0, 1, 17):
        assert len(generate(model, LETTERS, "abcd", number, seed=1)) == number


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.6}, {"top_k": 2}, {"top_p": 0.5}, {"greedy": True}])
def test_the_stream_joined_is_the_text(model, settings):
    pieces = list(stream(model, LETTERS, "ab", 50, seed=3, **settings))
    assert len(pieces) == 50
    assert "".join(pieces) == generate(model, LETTERS, "ab", 50, seed=3, **settings)


def test_text_is_what_the_ids_say(model):
    ids = sample_ids(model, LETTERS.encode("ab"), 50, Sampler(0.9, top_k=3), seed=3, banned=[0])
    assert generate(model, LETTERS, "ab", 50, 0.9, top_k=3, seed=3) == LETTERS.decode(ids[0])


def test_top_k_of_1_is_greedy(model):
    assert generate(model, LETTERS, "a", 40, top_k=1, seed=9) == generate(model, LETTERS, "a", 40, greedy=True)


def test_samples_side_by_side_follow_the_models_distribution(model):
    drawn = sample_ids(model, [1, 2], 1, seed=8, samples=20_000)
    probabilities = softmax(read(model, [1, 2])[0][0].astype(float))
    assert drawn.shape == (20_000, 1) and drawn.dtype == np.int32
    assert stats.chisquare(np.bincount(drawn[:, 0], minlength=5), 20_000 * probabilities).pvalue > 0.001
    assert len({tuple(row) for row in sample_ids(model, [1, 2], 12, seed=8, samples=30).tolist()}) > 20


class Uniform:
    """Every token is as probable as any other."""

    def __init__(self, vocab_size):
        self.vocab_size = vocab_size

    def start(self, batch):
        return []

    def step(self, ids, state):
        return np.zeros((len(ids), self.vocab_size), np.float32), state


def test_the_unknown_token_is_never_written():
    assert "\ufffd" not in generate(Uniform(5), LETTERS, "a", 300, seed=1)
    words = WordTokenizer.train("to be or not to be", vocab_size=4)
    assert "\ufffd" not in generate(Uniform(4), words, "to", 100, seed=1)


class Script:
    """A model that writes given ids, one after the other."""

    def __init__(self, ids, vocab_size):
        self.ids, self.vocab_size = [*ids, 0], vocab_size

    def start(self, batch):
        return [np.zeros((batch, 1), dtype=int)]

    def step(self, ids, state):
        logits = np.full((len(ids), self.vocab_size), -np.inf)
        logits[:, self.ids[state[0][0, 0]]] = 0
        return logits, [state[0] + 1]


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=12), st.sampled_from([[], [("Ã", "©"), ("â", "Ĥ")]]))
def test_no_piece_of_a_stream_ends_inside_a_character(text, merges):
    tokenizer = BPETokenizer(merges)
    ids = tokenizer.encode(text)
    pieces = list(stream(Script(ids, tokenizer.vocab_size), tokenizer, "x", len(ids)))
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 255), max_size=12))
def test_bytes_that_are_not_text_come_out_marked_and_can_be_printed(ids):
    tokenizer = BPETokenizer([])
    data = bytes(tokenizer.token_bytes[i][0] for i in ids)
    pieces = list(stream(Script(ids, 256), tokenizer, "x", len(ids)))
    assert "".join(pieces) == generate(Script(ids, 256), tokenizer, "x", len(ids)) == data.decode("utf-8", "replace")
    assert all(piece.encode("utf-8") for piece in pieces)


def test_half_a_surrogate_pair_does_not_crash():
    tokenizer = BPETokenizer([])
    ids = [tokenizer.token_bytes.index(bytes([byte])) for byte in b"\xed\xa0\x80!"]
    assert generate(Script(ids, 256), tokenizer, "x", 4).encode() == "\ufffd\ufffd\ufffd!".encode()


def test_bad_requests_get_a_sentence_before_anything_is_written(model):
    for wrong, message in [
        ({"prompt": ""}, "prompt is empty"),
        ({"prompt": "abzß"}, "(?s)z.*ß"),
        ({"prompt": "a\ud800"}, "ud800"),
        ({"prompt": None}, "The prompt is of type"),
        ({"prompt": [1, 2]}, "The prompt is of type"),
        ({"tokenizer": None}, "isn't a tokenizer"),
        ({"model": None}, "can't generate text"),
        ({"max_tokens": -1}, "max_tokens should be a whole number from 0, but it is -1"),
        ({"max_tokens": 2.5}, "max_tokens"),
        ({"max_tokens": True}, "max_tokens"),
        ({"temperature": 0}, "greedy"),
        ({"top_k": 0}, "top_k"),
        ({"top_p": 0}, "top_p"),
        ({"tokenizer": CharTokenizer.train("ab")}, "5 tokens, but the tokenizer 3"),
    ]:
        request = {"model": model, "tokenizer": LETTERS, "prompt": "a", "max_tokens": 5} | wrong
        with pytest.raises(UserError, match=message):
            generate(**request)
        with pytest.raises(UserError, match=message):
            stream(**request)  # without requesting a piece
        if not wrong.keys() & {"temperature", "top_k", "top_p"}:
            with pytest.raises(UserError, match=message):
                beam_search(**request)


def test_the_error_has_the_unknown_parts_of_a_prompt(model):
    with pytest.raises(UnknownTextError) as error:
        generate(model, LETTERS, "a\nb€\n")
    assert error.value.unknown == ["\n", "€"]


def test_a_stream_is_lazy(model):
    pieces = stream(model, LETTERS, "a", 10**12, seed=1)
    assert len(list(itertools.islice(pieces, 5))) == 5


# ------------------------------------------------------------------------------------------------------------
# Beam search


def exhaustive(model, prompt_ids, max_tokens, penalty, end):
    """Every continuation up to the end token or max_tokens, with its log-probability and score."""
    found, open_ones = [], [((), 0.0)]
    for length in range(1, max_tokens + 1):
        extended = []
        for ids, total in open_ones:
            logits = read(model, [*prompt_ids, *ids])[0][0].astype(float)
            logits[0] = -np.inf  # the unknown token
            for token, log_p in enumerate(log_softmax(logits)):
                if token:
                    extended.append(((*ids, token), total + log_p))
        found += [pair for pair in extended if pair[0][-1] == end or length == max_tokens]
        open_ones = [pair for pair in extended if pair[0][-1] != end]
    scored = [(total / ((5 + len(ids)) / 6) ** penalty, ids) for ids, total in found]
    return sorted(scored, key=lambda pair: (-pair[0], pair[1]))


@pytest.mark.parametrize("penalty", [0.0, 0.6, 1.0, 3.0])
@pytest.mark.parametrize("end", [None, "b"])
def test_a_wide_beam_finds_what_an_exhaustive_search_finds(model, penalty, end):
    everything = exhaustive(model, LETTERS.encode("ac"), 4, penalty, end and int(LETTERS.encode(end)[0]))
    got = beam_hypotheses(model, LETTERS, "ac", 4, 256, penalty, end=end)
    assert len(got) == len(everything)
    np.testing.assert_allclose([h.score for h in got], [score for score, _ in everything], rtol=1e-4)
    assert {h.ids for h in got} == {ids for _, ids in everything}
    assert got[0].ids == everything[0][1]
    assert got[0].text == LETTERS.decode(got[0].ids) == beam_search(model, LETTERS, "ac", 4, 256, penalty, end=end)


@pytest.mark.parametrize("width", [1, 2, 3, 7])
@pytest.mark.parametrize("end", [None, "b"])
def test_what_a_narrow_beam_claims_is_true(model, width, end):
    truth = {ids: score for score, ids in exhaustive(model, LETTERS.encode("d"), 5, 0.6, 2 if end else None)}
    got = beam_hypotheses(model, LETTERS, "d", 5, width, 0.6, end=end)
    assert 1 <= len(got) <= width
    assert [h.score for h in got] == sorted((h.score for h in got), reverse=True)
    for h in got:
        assert h.score == pytest.approx(truth[h.ids], rel=1e-4)
        assert h.score == pytest.approx(h.log_probability / length_divisor(len(h.ids), 0.6))


def test_a_beam_of_one_is_greedy(any_model):
    assert beam_search(any_model, LETTERS, "ab", 30, 1) == generate(any_model, LETTERS, "ab", 30, greedy=True)


def test_a_beam_finds_what_greedy_misses():
    """The first step's best token leads to a worse text: 0.6 * 0.3 against 0.4 * 0.9."""

    class Garden:
        vocab_size = 5
        table = np.full((5, 5), 1e-9)
        table[1, [2, 3]] = 0.6, 0.4
        table[2, [1, 2, 3, 4]] = 0.3, 0.3, 0.2, 0.2
        table[3, [4, 1]] = 0.9, 0.1

        def start(self, batch):
            return []

        def step(self, ids, state):
            return np.log(self.table[ids]), state

    assert generate(Garden(), LETTERS, "a", 2, greedy=True) == "ba"
    best = beam_hypotheses(Garden(), LETTERS, "a", 2, 2)[0]
    assert best.text == "cd"
    assert np.exp(best.log_probability) == pytest.approx(0.36, rel=1e-6)


def test_the_divisor_is_the_formula_of_the_paper():
    assert length_divisor(10, 0.6) == pytest.approx((5 + 10) ** 0.6 / (5 + 1) ** 0.6)
    assert length_divisor(10, 0) == 1


def test_the_penalty_makes_longer_texts_win():
    class Hazard:
        """After any token: end (b) with probability 0.3, else a with 0.7."""

        vocab_size = 5

        def start(self, batch):
            return []

        def step(self, ids, state):
            return np.log(np.tile([1e-12, 0.7, 0.3, 1e-12, 1e-12], (len(ids), 1))), state

    lengths = [len(beam_search(Hazard(), LETTERS, "a", 20, 4, penalty, end="b")) for penalty in (0.0, 1.0, 2.0)]
    assert lengths == sorted(lengths) and lengths[0] < lengths[-1]


def test_no_tokens_is_the_empty_text(model):
    (only,) = beam_hypotheses(model, LETTERS, "a", 0, 3)
    assert (only.text, only.ids, only.log_probability) == ("", (), 0.0)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"beam_width": 0}, "beam_width should be a whole number from 1"),
        ({"beam_width": -2}, "beam_width"),
        ({"beam_width": 2.5}, "beam_width"),
        ({"beam_width": True}, "beam_width"),
        ({"beam_width": None}, "beam_width"),
        ({"beam_width": NAN}, "beam_width"),
        ({"length_penalty": -1}, "length_penalty should be a number from 0"),
        ({"length_penalty": NAN}, "length_penalty"),
        ({"length_penalty": INF}, "length_penalty"),
        ({"length_penalty": 1e308}, "length_penalty"),
        ({"length_penalty": "0.6"}, "length_penalty"),
        ({"end": ""}, "end should be the text of one token, but '' is 0"),
        ({"end": 3}, "is of type int"),
        ({"end": "ab"}, "end should be the text of one token, but 'ab' is 2"),
        ({"end": "z"}, "z"),
    ],
)
def test_bad_settings_of_beam_search_are_refused(model, wrong, message):
    with pytest.raises(UserError, match=message):
        beam_search(model, LETTERS, "a", 3, **wrong)


def test_a_penalty_and_a_length_as_large_as_allowed_overflow_nothing():
    assert 0 < length_divisor(10**12, 10) < INF
    for length, penalty in [(-1, 1), (2.5, 1), (3, NAN), (3, 1e308)]:
        with pytest.raises(UserError, match="length"):
            length_divisor(length, penalty)


def test_a_beam_over_logits_without_a_finite_maximum_is_refused():
    with pytest.raises(UserError, match="No token can be chosen"):
        beam_search(Script([0, 0], 5), LETTERS, "a", 2)  # id 0 is the unknown token, which is never written


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(companion.generation.__path__)])
def test_examples_in_the_docstrings(name):
    assert doctest.testmod(importlib.import_module(f"companion.generation.{name}")).failed == 0


def test_a_sampler_may_be_any_object_that_chooses():
    class Last:
        def choose(self, logits, rng):
            return np.full(len(logits), logits.shape[-1] - 1)

    model = NGramModel(2).fit([0, 1, 2, 1, 0])
    assert sample_ids(model, [0], 3, Last()).tolist() == [[2, 2, 2]]
