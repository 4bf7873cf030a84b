"""A model folder holds plain files, comes back the same, and what is wrong with it is told."""

import json
import shutil

import numpy as np
import pytest

from companion import set_seed
from companion.errors import UserError
from companion.evaluation import Score
from companion.models import language_model, transformer_model
from companion.recipes import TRANSFORMER, Trained, load_model, save_model
from companion.tokenizers import CharTokenizer
from companion.training import History

SIZES = {"vocab_size": 4, "embedding_dim": 3, "units": 5, "layers": 2, "dropout": 0.1, "cell": "lstm"}


@pytest.fixture(scope="module")
def trained():
    set_seed(2)
    history = History([{"step": 1, "validation_loss": 1.5}])
    score = Score(1.0, 2.7, 1.44, 10, 10)
    return Trained(language_model(**SIZES), CharTokenizer("abc"), SIZES, history, score, {"seed": 2})


@pytest.fixture
def folder(trained, tmp_path):
    save_model(tmp_path / "model", trained)
    return tmp_path / "model"


def test_what_is_loaded_is_what_was_saved(trained, folder):
    loaded = load_model(folder)
    ids = np.array([[1, 2, 3, 1]], dtype=np.int32)
    np.testing.assert_array_equal(loaded.model(ids), trained.model(ids))
    assert loaded.tokenizer.encode("cab").tolist() == trained.tokenizer.encode("cab").tolist()
    assert (loaded.sizes, loaded.history.rows, loaded.score, loaded.about) == (
        trained.sizes,
        trained.history.rows,
        trained.score,
        trained.about,
    )


def test_more_than_a_hundred_weights_come_back_in_their_order(tmp_path):
    sizes = {"vocab_size": 4, "width": 4, "layers": 9, "heads": 1, "context": 2}
    deep = transformer_model(**sizes)
    for n, variable in enumerate(deep.trainable_variables):
        variable.assign(np.full(variable.shape, n))
    save_model(tmp_path / "deep", Trained(deep, CharTokenizer("abc"), sizes, kind=TRANSFORMER))
    loaded = load_model(tmp_path / "deep").model.trainable_variables
    assert [float(np.unique(v).item()) for v in loaded] == list(range(113))


def test_half_precision_is_half_as_large_and_nearly_the_same(trained, tmp_path, folder):
    save_model(tmp_path / "half", trained, half_precision=True)
    with np.load(tmp_path / "half" / "weights.npz") as half:
        assert {half[name].dtype for name in half.files} == {np.dtype(np.float16)}
    ids = np.array([[1, 2, 3, 1]], dtype=np.int32)
    np.testing.assert_allclose(load_model(tmp_path / "half").model(ids), trained.model(ids), atol=1e-3)


def test_nothing_is_pickled(folder):
    for name in ("weights.npz",):
        with np.load(folder / name, allow_pickle=False) as arrays:  # raises if an array needs pickle
            assert all(arrays[key].dtype == np.float32 for key in arrays.files)
    assert sorted(path.name for path in folder.iterdir()) == ["model.json", "tokenizer.json", "weights.npz"]


@pytest.mark.parametrize("name", ["model.json", "tokenizer.json", "weights.npz"])
def test_an_incomplete_folder_is_told(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_model(folder)


@pytest.mark.parametrize("name", ["tokenizer.json", "weights.npz"])
def test_a_changed_file_is_told(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name} was changed"):
        load_model(folder)


def test_a_changed_description_is_told(folder):
    content = json.loads((folder / "model.json").read_text())
    content["model"]["units"] = 10**9  # would fill the memory if it were believed
    (folder / "model.json").write_text(json.dumps(content))
    with pytest.raises(UserError, match=r"model.json was changed"):
        load_model(folder)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": "gate-by-gate model", "version": 99}', "not json"])
def test_another_version_or_another_file_is_told(folder, content):
    (folder / "model.json").write_text(content)
    with pytest.raises(UserError, match="version 99|not a description|can't be read"):
        load_model(folder)


def test_files_of_two_models_do_not_mix(trained, folder, tmp_path):
    sizes = {**SIZES, "units": 6}
    save_model(tmp_path / "other", Trained(language_model(**sizes), trained.tokenizer, sizes))
    shutil.copy(tmp_path / "other" / "weights.npz", folder / "weights.npz")
    with pytest.raises(UserError, match="was changed"):
        load_model(folder)


def test_a_missing_folder_is_told(tmp_path):
    with pytest.raises(UserError, match="There is no model folder"):
        load_model(tmp_path / "none")
