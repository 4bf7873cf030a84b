"""Shapes of the Keras models, the twin whose states are visible, and dropout that workers share."""

import gc
import weakref

import numpy as np
import pytest

from companion import set_seed
from companion.errors import UserError
from companion.models import (
    all_layers,
    article_model,
    language_model,
    once_per_model,
    transformer_model,
    with_states,
    zero_states,
)
from companion.models.dropout import SharedDropout
from companion.models.encoder_decoder import encoder_decoder


def test_the_article_model_is_the_articles():
    import keras

    model = article_model()
    assert [type(layer) for layer in model.layers] == [keras.layers.Embedding, keras.layers.LSTM, keras.layers.Dense]
    assert model.count_params() == 10_000 * 128 + 4 * 64 * (128 + 64 + 1) + 10_000 * (64 + 1)
    assert model.loss == "categorical_crossentropy"
    assert isinstance(model.optimizer, keras.optimizers.Adam)
    small = article_model(vocab_size=7, embedding_dim=3, hidden_units=2)
    probabilities = small(np.zeros((2, 5), dtype=np.int32)).numpy()
    assert probabilities.shape == (2, 7)
    assert np.allclose(probabilities.sum(axis=1), 1)


@pytest.mark.parametrize("cell", ["lstm", "gru", "rnn"])
@pytest.mark.parametrize("layers", [1, 2])
def test_the_twin_reads_a_text_in_parts_as_the_model_reads_it_whole(cell, layers):
    import tensorflow as tf

    set_seed(1)
    model = language_model(11, embedding_dim=4, units=5, num_layers=layers, dropout=0.5, cell=cell)
    ids = np.random.default_rng(0).integers(0, 11, (3, 12)).astype(np.int32)
    whole = model(ids).numpy()
    assert whole.shape == (3, 12, 11)
    twin, states = with_states(model), zero_states(model, 3)
    parts = []
    for part in (ids[:, :5], ids[:, 5:6], ids[:, 6:]):
        logits, *states = twin([tf.constant(part), *states])
        parts.append(logits.numpy())
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)
    assert len(states) == layers * (2 if cell == "lstm" else 1)
    assert twin.trainable_variables[0] is model.trainable_variables[0]
    assert with_states(model) is twin, "built once"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"units": 0}, "units is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"cell": "gpt"}, "no cell 'gpt'"),
        ({"vocab_size": -1}, "vocab_size is -1"),
        ({"embedding_dim": 1.5}, "embedding_dim is 1.5"),
        ({"num_layers": True}, "num_layers is True"),
    ],
)
def test_bad_sizes_are_reported(settings, says):
    with pytest.raises(UserError, match=says):
        language_model(**{"vocab_size": 5, **settings})


def test_bad_sizes_of_the_article_s_model_are_reported():
    with pytest.raises(UserError, match="hidden_units is 0"):
        article_model(hidden_units=0)


# -- layers ------------------------------------------------------------------------------------------------------------


def test_all_layers_are_found_even_inside_others():
    model = transformer_model(5, hidden_dim=4, num_layers=1, num_heads=2, context=3, dropout=0.1)
    names = [type(layer).__name__ for layer in all_layers(model)]
    assert names[:4] == ["InputLayer", "Embedding", "SharedDropout", "TransformerBlock"]
    assert sorted(names[4:-2]) == [
        "CausalSelfAttention",
        "Dense",
        "Dense",
        "LayerNormalization",
        "LayerNormalization",
        "SharedDropout",
    ]
    assert names[-2:] == ["LayerNormalization", "Dense"]


def test_all_layers_are_found_once():
    """A bidirectional layer holds two others, which hold their cells; a shared embedding is one layer."""
    layers = all_layers(encoder_decoder(9, 9, 4, 4, copy=True))
    assert len({id(layer) for layer in layers}) == len(layers)
    names = [type(layer).__name__ for layer in layers]
    assert (names.count("LSTM"), names.count("LSTMCell"), names.count("Embedding")) == (3, 3, 1)


def test_a_layer_in_a_list_or_a_dictionary_is_found():
    import keras

    class Holder(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.kept = [keras.layers.Dense(1, name="in_a_list")]
            self.named = {"a": keras.layers.Dense(1, name="in_a_dictionary")}

        def call(self, x):
            return self.named["a"](self.kept[0](x))

    model = keras.Sequential([keras.Input((2,)), keras.Sequential([Holder()])])
    assert {"in_a_list", "in_a_dictionary"} <= {layer.name for layer in all_layers(model)}


def test_a_result_per_model_is_made_once_and_freed_with_it():
    made = []

    @once_per_model
    def make(model):
        made.append(model.name)
        return len(made)

    model, other = language_model(5, 4, 4), language_model(5, 4, 4)
    assert [make(model), make(other), make(model)] == [1, 2, 1]
    with_states(model)
    reference = weakref.ref(model)
    del model
    gc.collect()
    assert reference() is None


# -- dropout -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [2, 3])
@pytest.mark.parametrize("shape", [(6, 5), (6, 4, 5)])
def test_workers_together_drop_what_one_would_drop(workers, shape):
    """Step after step, even if the number of rows isn't known when the step is compiled."""
    import keras
    import tensorflow as tf

    x = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    one, keras_s = SharedDropout(0.4, seed=7), keras.layers.Dropout(0.4, seed=7)
    shares = [SharedDropout(0.4, seed=7) for _ in range(workers)]
    compiled = []
    for worker, layer in enumerate(shares):
        layer.workers, layer.worker = workers, worker
        signature = [tf.TensorSpec((None, *shape[1:]))]
        compiled.append(tf.function(lambda x, layer=layer: layer(x, training=True), input_signature=signature))
    for _ in range(3):
        whole = one(x, training=True).numpy()
        np.testing.assert_array_equal(keras_s(x, training=True).numpy(), whole)
        parts = [read(part).numpy() for read, part in zip(compiled, np.split(x, workers), strict=True)]
        np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-6)
        assert 0 < (whole == 0).mean() < 1
    np.testing.assert_array_equal(shares[0](x, training=False), x)


def test_shared_dropout_can_be_saved(tmp_path):
    """Like Keras's own; the workers that share it aren't part of the model."""
    import keras

    model = language_model(5, 4, 4, dropout=0.3)
    for layer in all_layers(model):
        if isinstance(layer, SharedDropout):
            layer.workers, layer.worker = 2, 1
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    found = [layer for layer in all_layers(loaded) if isinstance(layer, SharedDropout)]
    assert [(layer.rate, layer.workers, layer.worker) for layer in found] == [(0.3, 1, 0)] * 2

    ids = np.arange(10).reshape(2, 5) % 5
    np.testing.assert_array_equal(model(ids), loaded(ids))
