"""The book's LSTM layer computes what Keras's does: outputs, states, gradients, at padding and backwards too."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from companion.errors import UserError
from companion.models import lstm
from companion.models.lstm import LSTM


@pytest.fixture(autouse=True)
def float32(monkeypatch):
    """Whatever the processor has; the tests of bfloat16 ask for it."""
    monkeypatch.setenv(lstm.PRODUCTS_VARIABLE, "float32")


def twins(width: int, units: int, rng: np.random.Generator, **settings) -> tuple[keras.layers.Layer, LSTM]:
    """Keras's layer and ours with the same random weights."""
    theirs = keras.layers.LSTM(units, return_sequences=True, return_state=True, **settings)
    ours = LSTM(units, return_sequences=True, return_state=True, **settings)
    weights = [rng.normal(0, 0.5, shape) for shape in ((width, 4 * units), (units, 4 * units), (4 * units,))]
    for layer in (theirs, ours):
        layer.build((None, None, width))
        layer.set_weights(weights)
    return theirs, ours


def results(layer, x, states, mask, towards, training=True):
    """Outputs, states, and the gradients of a weighted sum of them for input, states and weights."""
    x, *states = (tf.constant(value) for value in (x, *states))
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        found = layer(x, initial_state=states, mask=mask, training=training)
        total = sum(tf.reduce_sum(one * weight) for one, weight in zip(found, towards, strict=True))
    return [*found, *tape.gradient(total, [x, *states, *layer.trainable_weights])]


def case(seed: int, masked: bool, width: int = 3, **settings):
    """A random case: two layers, and what `results` takes."""
    rng = np.random.default_rng(seed)
    time, batch, units = rng.integers(1, 9), rng.choice([1, 2, 5, 32, 33, 40]), rng.integers(1, 7)
    layers = twins(width, units, rng, **settings)
    x = rng.normal(size=(batch, time, width)).astype(np.float32)
    states = rng.normal(size=(2, batch, units)).astype(np.float32)
    mask = rng.random((batch, time)) < 0.6 if masked else None
    towards = [rng.normal(size=shape).astype(np.float32) for shape in ((batch, time, units), *2 * [(batch, units)])]
    return layers, x, states, mask, towards


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("settings", [{}, {"go_backwards": True}, {"zero_output_for_mask": True}], ids=str)
@pytest.mark.parametrize("seed", range(6))
def test_outputs_states_and_gradients_are_those_of_keras(seed, settings, masked):
    (theirs, ours), *inputs = case(seed, masked, **settings)
    for training in (True, False):
        expected, found = (results(layer, *inputs, training) for layer in (theirs, ours))
        for number, (one, other) in enumerate(zip(expected, found, strict=True)):
            scale = max(1.0, float(np.abs(one).max()))
            np.testing.assert_allclose(other, one, atol=(1e-5 if number < 3 else 1e-4) * scale)


@pytest.mark.parametrize("two_cores", [False, True])
@pytest.mark.parametrize("compiled", [False, True])
def test_a_batch_is_read_in_halves_or_whole_compiled_or_not(monkeypatch, two_cores, compiled):
    monkeypatch.setattr(lstm, "has_two_cores", lambda: two_cores)
    (theirs, ours), *inputs = case(3, masked=True)
    read = [tf.function(layer) if compiled else layer for layer in (theirs, ours)]
    x, (h, c), mask, _ = inputs
    expected, found = (layer(x, initial_state=[h, c], mask=mask, training=True) for layer in read)
    for one, other in zip(expected, found, strict=True):
        np.testing.assert_allclose(other, one, atol=1e-5)


def test_the_shape_of_its_output_is_known_before_it_runs():
    _, ours = twins(2, 3, np.random.default_rng(0))
    y, h, c = tf.function(lambda x: ours(x, training=True)).get_concrete_function(tf.TensorSpec((40, 5, 2))).outputs
    assert (y.shape, h.shape, c.shape) == ((40, 5, 3), (40, 3), (40, 3))


def test_one_graph_reads_batches_and_texts_of_any_size():
    _, ours = twins(2, 3, np.random.default_rng(0))

    @tf.function(input_signature=[tf.TensorSpec((None, None, 2))], reduce_retracing=True)
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y, *_ = ours(x, training=True)
        return y, tape.gradient(y, x)

    rng = np.random.default_rng(1)
    for shape in ((1, 1, 2), (7, 3, 2), (40, 5, 2)):
        x = rng.normal(size=shape).astype(np.float32)
        y, dx = gradient(x)
        theirs, _ = twins(2, 3, np.random.default_rng(0))
        np.testing.assert_allclose(y, theirs(x)[0], atol=1e-5)
        assert dx.shape == shape and np.isfinite(dx).all() and np.any(dx)


@pytest.mark.parametrize("settings", [{"activation": "relu"}, {"use_bias": False}, {"recurrent_dropout": 0.5}], ids=str)
def test_what_it_is_not_written_for_is_left_to_keras(settings):
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)
    theirs, ours = (kind(4, return_sequences=True, **settings) for kind in (keras.layers.LSTM, LSTM))
    ours.build(x.shape)
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_array_equal(ours(x), theirs(x))


def test_bfloat16_is_close_and_only_for_training(monkeypatch):
    (theirs, ours), *inputs = case(3, masked=True)
    expected = results(theirs, *inputs)
    monkeypatch.setenv(lstm.PRODUCTS_VARIABLE, "bfloat16")
    found = results(ours, *inputs)
    differences = [float(np.abs(one - other).max()) for one, other in zip(expected, found, strict=True)]
    assert 1e-4 < max(differences[:3]) < 0.05, "8 binary digits"
    for one, other in zip(results(theirs, *inputs, False), results(ours, *inputs, False), strict=True):
        np.testing.assert_allclose(other, one, atol=1e-4)
    monkeypatch.setenv(lstm.PRODUCTS_VARIABLE, "float16")
    with pytest.raises(UserError, match="GATE_BY_GATE_PRODUCTS is 'float16'; it should be float32 or bfloat16"):
        lstm.products()


def test_products_are_in_bfloat16_where_the_processor_has_it(monkeypatch):
    monkeypatch.delenv(lstm.PRODUCTS_VARIABLE)
    for has, kind in ((True, "bfloat16"), (False, "float32")):
        monkeypatch.setattr(lstm, "multiplies_bfloat16", lambda has=has: has)
        assert lstm.products() == kind


@pytest.mark.parametrize(("asked", "halved"), [("1", False), ("2", True), ("", True), ("many", True)])
def test_a_batch_is_halved_where_two_operations_may_run_at_a_time(monkeypatch, asked, halved):
    monkeypatch.setattr(lstm, "cores", lambda: 2)
    monkeypatch.setattr(tf.config.threading, "get_inter_op_parallelism_threads", lambda: 0)  # nothing was set
    monkeypatch.setenv("TF_NUM_INTEROP_THREADS", asked)
    assert lstm.has_two_cores() is halved
