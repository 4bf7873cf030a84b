"""Shapes of the Keras models, and the twin whose states are visible."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import companion
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


def exported() -> dict:
    """A network of each kind, and something for it to read."""
    from companion.models import transformer_model
    from companion.models.answerer import LONGEST, Answerer, WholeStory
    from companion.models.encoder_decoder import encoder_decoder

    ids = np.random.default_rng(0).integers(1, 9, (2, 7)).astype(np.int32)
    story = {"facts": np.tile(ids[:, None, :LONGEST], (1, 3, 1)), "question": ids[:, :LONGEST]}
    pair = [ids, ids[:, :4]]
    recurrent = {cell: (language_model(9, 3, 4, 2, 0.1, cell), ids) for cell in ("lstm", "gru", "rnn")}
    return {
        **recurrent,
        "transformer": (transformer_model(9, 4, 2, 2, 3, 0.1), ids),
        "additive": (encoder_decoder(9, 8, 3, 4, dropout=0.1), pair),
        "multiplicative": (encoder_decoder(9, 8, 3, 4, "multiplicative"), pair),
        "uniform": (encoder_decoder(9, 8, 3, 4, "uniform"), pair),
        "copying": (encoder_decoder(9, 9, 3, 4, copy=True), [ids + 2, ids[:, :4]]),
        "latest": (Answerer(9, "latest", 4), story),
        "softmax": (Answerer(9, "softmax", 4), story),
        "whole story": (WholeStory(9, 4), story),
    }


def output(model, inputs) -> np.ndarray:
    result = model(inputs)
    return np.asarray(result["answer"] if isinstance(result, dict) else result)


LOADS = """
import sys, pathlib, numpy as np
from companion.seeding import quiet_tensorflow
quiet_tensorflow()
import keras
import companion.models.registered
for path in sorted(pathlib.Path(sys.argv[1]).glob("*.keras")):
    model = keras.models.load_model(path)
    with np.load(path.with_suffix(".npz")) as kept:
        arrays = {name: kept[name] for name in kept.files}
    expected = arrays.pop("output")
    inputs = arrays if "facts" in arrays else list(arrays.values())
    found = model(inputs[0] if len(inputs) == 1 else inputs)
    found = found["answer"] if isinstance(found, dict) else found
    print(path.stem, np.abs(np.asarray(found) - expected).max())
"""


def test_every_network_loads_again_from_a_file_of_keras_here_and_elsewhere(tmp_path):
    import keras

    made = exported()
    for name, (model, inputs) in made.items():
        expected = output(model, inputs)
        model.save(tmp_path / f"{name}.keras")
        again = keras.models.load_model(tmp_path / f"{name}.keras")
        np.testing.assert_allclose(output(again, inputs), expected, atol=1e-6, err_msg=name)
        listed = inputs if isinstance(inputs, list) else [inputs]
        arrays = inputs if isinstance(inputs, dict) else {f"input_{n}": array for n, array in enumerate(listed)}
        np.savez(tmp_path / f"{name}.npz", output=expected, **arrays)
    env = {**os.environ, "PYTHONPATH": str(Path(companion.__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", LOADS, tmp_path], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    differences = dict(line.rsplit(" ", 1) for line in run.stdout.splitlines())
    assert differences.keys() == made.keys()
    assert all(float(difference) <= 1e-6 for difference in differences.values())
