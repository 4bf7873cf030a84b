"""Shapes of the Keras models, and the twin whose states are visible."""

import numpy as np
import pytest

from companion import set_seed
from companion.errors import UserError
from companion.models import article_model, language_model, with_states, zero_states


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
def test_the_twin_reads_a_cut_text_as_if_it_had_not_been_cut(cell, layers):
    import tensorflow as tf

    set_seed(1)
    model = language_model(11, embedding_dim=4, units=5, layers=layers, dropout=0.5, cell=cell)
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
    assert with_states(model).trainable_variables[0] is model.trainable_variables[0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"units": 0}, "units is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
        ({"cell": "gpt"}, "no cell 'gpt'"),
        ({"vocab_size": -1}, "vocab_size is -1"),
        ({"embedding_dim": 1.5}, "embedding_dim is 1.5"),
        ({"layers": True}, "layers is True"),
    ],
)
def test_bad_sizes_are_told(settings, says):
    with pytest.raises(UserError, match=says):
        language_model(**{"vocab_size": 5, **settings})


def test_bad_sizes_of_the_article_s_model_are_told():
    with pytest.raises(UserError, match="hidden_units is 0"):
        article_model(hidden_units=0)
