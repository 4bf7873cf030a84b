"""Every kind of model is written as a Keras file and loads again, here and in a process that knows only Keras."""

import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import companion
from companion.errors import UserError
from companion.models import all_layers, article_model, language_model, registered, transformer_model
from companion.models.answerer import LONGEST, Answerer, WholeStory
from companion.models.dropout import SharedDropout
from companion.models.encoder_decoder import encoder_decoder
from companion.models.plain import with_keras_layers
from companion.recipes import ANSWERER, ENCODER_DECODER, LANGUAGE_MODEL, TRANSFORMER, Trained, load_model
from companion.tokenizers import CharTokenizer

PLAIN = {"lstm", "gru", "rnn", "without dropout", "article"}  # of Keras's own layers, once they are exported
IDS = np.random.default_rng(0).integers(1, 9, (2, 7)).astype(np.int32)


def networks() -> dict:
    """A network of each kind: the kind, the network, and something for it to read."""
    story = {"facts": np.tile(IDS[:, None, :LONGEST], (1, 3, 1)), "question": IDS[:, :LONGEST]}
    pair = [IDS, IDS[:, :4]]
    cells = ("lstm", "gru", "rnn")
    return {
        **{cell: (LANGUAGE_MODEL, language_model(9, 3, 4, 2, 0.1, cell), IDS) for cell in cells},
        "without dropout": (LANGUAGE_MODEL, language_model(9, 3, 4), IDS),
        "article": (LANGUAGE_MODEL, article_model(9, 3, 4), IDS),
        "transformer": (TRANSFORMER, transformer_model(9, 4, 2, 2, 3, 0.1), IDS),
        "additive": (ENCODER_DECODER, encoder_decoder(9, 8, 3, 4, dropout=0.1), pair),
        "multiplicative": (ENCODER_DECODER, encoder_decoder(9, 8, 3, 4, "multiplicative"), pair),
        "uniform": (ENCODER_DECODER, encoder_decoder(9, 8, 3, 4, "uniform"), pair),
        "copying": (ENCODER_DECODER, encoder_decoder(9, 9, 3, 4, dropout=0.1, copy=True), [IDS + 2, IDS[:, :4]]),
        "latest": (ANSWERER, Answerer(9, "latest", 4), story),
        "softmax": (ANSWERER, Answerer(9, "softmax", 4), story),
        "whole story": (ANSWERER, WholeStory(9, 4), story),
    }


def output(model, inputs) -> np.ndarray:
    result = model(inputs)
    return np.asarray(result["answer"] if isinstance(result, dict) else result)


LOADS = """
import json, pathlib, sys
import keras
import numpy as np

def differences(paths):
    found = {}
    for path in paths:
        try:
            model = keras.models.load_model(path)
        except TypeError as error:
            found[path.stem] = str(error)
            continue
        with np.load(path.with_suffix(".npz")) as kept:
            arrays = {name: kept[name] for name in kept.files}
        expected = arrays.pop("output")
        inputs = arrays if "facts" in arrays else list(arrays.values())
        result = model(inputs[0] if len(inputs) == 1 else inputs)
        result = result["answer"] if isinstance(result, dict) else result
        found[path.stem] = float(np.abs(np.asarray(result) - expected).max())
    return found

paths = list(pathlib.Path(sys.argv[1]).glob("*.keras"))
alone = differences(paths)
assert not [name for name in sys.modules if name.startswith("companion")]
import companion.models.registered
imported = differences(path for path in paths if isinstance(alone[path.stem], str))
print(json.dumps([alone, imported]))
"""


def test_every_kind_of_model_loads_again_from_its_file_of_keras(tmp_path):
    """Recurrent language models in a process that imports nothing but Keras, all others after one import."""
    made = networks()
    for name, (kind, model, inputs) in made.items():
        expected = output(model, inputs)
        Trained(model, CharTokenizer("abc"), {}, kind=kind).export(tmp_path / f"{name}.keras")
        again = keras.models.load_model(tmp_path / f"{name}.keras")
        np.testing.assert_allclose(output(again, inputs), expected, atol=1e-6, err_msg=name)
        listed = inputs if isinstance(inputs, list) else [inputs]
        arrays = inputs if isinstance(inputs, dict) else {f"input_{n}": array for n, array in enumerate(listed)}
        np.savez(tmp_path / f"{name}.npz", output=expected, **arrays)
    env = {**os.environ, "PYTHONPATH": str(Path(companion.__file__).parents[1])}
    run = subprocess.run([sys.executable, "-c", LOADS, tmp_path], env=env, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    alone, imported = json.loads(run.stdout.splitlines()[-1])
    refused = {name: said for name, said in alone.items() if isinstance(said, str)}
    assert refused.keys() == imported.keys() == made.keys() - PLAIN
    assert all("Could not locate class" in said for said in refused.values())
    assert all(alone[name] <= 1e-6 for name in PLAIN) and all(each <= 1e-6 for each in imported.values())


@pytest.mark.parametrize("layers", [1, 3])
def test_an_exported_language_model_has_keras_dropout_and_the_model_keeps_its_own(tmp_path, layers):
    model = language_model(5, 4, 6, layers, dropout=0.3)
    Trained(model, CharTokenizer("abcd"), {}).export(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    assert [layer.name for layer in loaded.layers] == [layer.name for layer in model.layers]
    for layers_of, kind in ((loaded, keras.layers.Dropout), (model, SharedDropout)):
        dropped = [layer for layer in all_layers(layers_of) if isinstance(layer, keras.layers.Dropout)]
        assert [(type(layer), layer.rate) for layer in dropped] == [(kind, 0.3)] * (layers + 1)
    copied = with_keras_layers(model)
    copied.set_weights([0 * weight for weight in copied.get_weights()])
    assert all(np.array_equal(a, b) for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True))
    assert any(weight.any() for weight in model.get_weights())


def test_a_network_of_keras_layers_is_written_as_it_is():
    model = article_model(5, 4, 6)
    assert with_keras_layers(model) is model


def test_all_layers_are_registered_under_one_name_and_by_one_import():
    ours = {
        name: kind
        for name, kind in keras.saving.get_custom_objects().items()
        if getattr(kind, "__module__", "").startswith("companion.")
    }
    assert ours and all(name == f"gate_by_gate>{kind.__name__}" for name, kind in ours.items())
    modules = {getattr(registered, name).__name__ for name in registered.__all__}
    assert {kind.__module__ for kind in ours.values()} == modules


def test_a_file_of_keras_given_for_a_folder_says_how_it_is_loaded(tmp_path):
    path = tmp_path / "m.keras"
    Trained(language_model(5, 4, 6), CharTokenizer("abcd"), {}).export(path)
    for load in (companion.load, load_model):
        with pytest.raises(UserError, match=r"keras.models.load_model, after import companion.models.registered"):
            load(path)
