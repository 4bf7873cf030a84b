"""A model folder holds three plain files, loads as it was saved, and anything wrong with it gets a sentence."""

import hashlib
import json
import os
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from companion import set_seed
from companion.errors import UserError
from companion.evaluation import Score
from companion.models import language_model, transformer_model
from companion.models.encoder_decoder import encoder_decoder
from companion.recipes import (
    ANSWERER,
    BUILDERS,
    ENCODER_DECODER,
    LANGUAGE_MODEL,
    TRANSFORMER,
    Trained,
    load_model,
    save_model,
)
from companion.recipes.sizes import count_weights
from companion.storage import sha256
from companion.tokenizers import CharTokenizer, PairVocabulary, StoryReader, Vocabulary
from companion.training import History

SIZES = {"vocab_size": 4, "embedding_dim": 3, "units": 5, "num_layers": 2, "dropout": 0.1, "cell": "lstm"}
FILES = ["model.json", "model.safetensors", "tokenizer.json"]


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


def rewrite(folder, change=None, **entries):
    """Change the description and its checksum."""
    content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    for name in content["files"]:
        if (folder / name).is_file():
            content["files"][name] = sha256(folder / name)
    content |= entries
    if change:
        change(content)
    content.pop("checksum", None)
    content["checksum"] = hashlib.sha256(json.dumps(content, sort_keys=True).encode("utf-8")).hexdigest()
    (folder / "model.json").write_text(json.dumps(content), encoding="utf-8")


def same(first, second) -> bool:
    weights = zip(first.model.get_weights(), second.model.get_weights(), strict=True)
    return all(np.array_equal(a, b) for a, b in weights)


# ----------------------------------------------------------------------------------------------------------------------
# Writing


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


def test_the_weights_are_plain_arrays_under_their_names(trained, folder):
    assert sorted(path.name for path in folder.iterdir()) == FILES
    stored = load_file(folder / "model.safetensors")
    layers = {f"lstm_{n}/{name}" for n in (1, 2) for name in ("kernel", "recurrent_kernel", "bias")}
    assert stored.keys() == {"embedding/embeddings", "logits/kernel", "logits/bias", *layers}
    layer = trained.model.get_layer("lstm_2")
    np.testing.assert_array_equal(stored["lstm_2/recurrent_kernel"], layer.cell.recurrent_kernel.numpy())
    assert all(array.dtype == np.float32 for array in stored.values())


def test_weights_of_equal_shapes_are_told_apart_by_their_names(tmp_path):
    sizes = {"vocab_size": 4, "hidden_dim": 4, "num_layers": 9, "num_heads": 1, "context": 2}
    deep = transformer_model(**sizes)
    for n, variable in enumerate(deep.trainable_variables):
        variable.assign(np.full(variable.shape, n))
    save_model(tmp_path / "deep", Trained(deep, CharTokenizer("abc"), sizes, kind=TRANSFORMER))
    loaded = load_model(tmp_path / "deep").model.trainable_variables
    assert [float(np.unique(v).item()) for v in loaded] == list(range(113))


def test_half_precision_is_half_as_large_and_nearly_the_same(trained, tmp_path):
    save_model(tmp_path / "half", trained, bits=16)
    assert {array.dtype for array in load_file(tmp_path / "half" / "model.safetensors").values()} == {np.dtype("f2")}
    ids = np.array([[1, 2, 3, 1]], dtype=np.int32)
    np.testing.assert_allclose(load_model(tmp_path / "half").model(ids), trained.model(ids), atol=1e-3)


def test_in_8_bits_each_column_of_a_matrix_has_its_own_scale(trained, tmp_path):
    matrix = trained.model.get_layer("lstm_1").cell.kernel
    matrix.assign(matrix * np.linspace(0, 50, matrix.shape[1], dtype=np.float32))  # the first column is 0
    save_model(tmp_path / "eight", trained, bits=8)
    stored = load_file(tmp_path / "eight" / "model.safetensors")
    assert {name: array.dtype for name, array in stored.items() if name.startswith("lstm_1/kernel")} == {
        "lstm_1/kernel": np.dtype("i1"),
        "lstm_1/kernel.scale": np.dtype("f4"),
    }
    assert {array.dtype for name, array in stored.items() if name.endswith("bias")} == {np.dtype("f2")}
    loaded = load_model(tmp_path / "eight").model
    for before, after in zip(trained.model.get_weights(), loaded.get_weights(), strict=True):
        step = np.abs(before).max(axis=0) / 127 if before.ndim > 1 else 1e-3
        assert (np.abs(after - before) <= step / 2 + 1e-6).all()


@pytest.mark.parametrize("bits", [4, 64, None, "8"])
def test_there_are_no_other_numbers_of_bits(trained, tmp_path, bits):
    with pytest.raises(UserError, match="32, 16, 8"):
        save_model(tmp_path / "m", trained, bits=bits)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", [lambda scale: None, lambda scale: scale[:-1], lambda scale: scale.astype("f2")])
def test_numbers_of_8_bits_without_their_scale_are_refused(trained, tmp_path, change):
    save_model(tmp_path / "m", trained, bits=8)
    arrays = load_file(tmp_path / "m" / "model.safetensors")
    scale = change(arrays.pop("logits/kernel.scale"))
    save_file(arrays | ({} if scale is None else {"logits/kernel.scale": scale}), tmp_path / "m" / "model.safetensors")
    rewrite(tmp_path / "m")
    with pytest.raises(UserError, match="logits/kernel have no scale that fits"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize(
    ("number", "bits", "said"),
    [(65_505.0, 16, "logits/bias have a number of 65,505"), (np.inf, 32, "infinite"), (np.nan, 8, "nan")],
)
def test_weights_that_could_not_be_loaded_again_are_refused(tmp_path, number, bits, said):
    model = language_model(**SIZES)
    model.get_layer("logits").bias.assign([0, number, 0, 0])
    trained = Trained(model, CharTokenizer("abc"), SIZES)
    with pytest.raises(UserError, match=said):
        save_model(tmp_path / "m", trained, bits=bits)
    assert not list(tmp_path.iterdir())
    model.get_layer("logits").bias.assign([0, 65_504.0, 0, 0])
    save_model(tmp_path / "m", trained, bits=16)
    assert same(load_model(tmp_path / "m"), load_model(tmp_path / "m"))


def test_a_description_that_json_does_not_know_does_not_lose_the_model(trained, tmp_path):
    score = Score(1e4, float("inf"), 1e4, 10, 10)
    history = History([{"step": np.int64(3), "validation_loss": float("inf")}])
    about = {"seed": np.int64(3), "rate": np.float32(0.5), "loss": float("nan"), "where": tmp_path, 3: (1, {2})}
    save_model(tmp_path / "m", Trained(trained.model, trained.tokenizer, SIZES, history, score, about))
    loaded = load_model(tmp_path / "m")
    assert loaded.score == score
    assert loaded.about == {"seed": 3, "rate": 0.5, "loss": None, "where": str(tmp_path), "3": [1, [2]]}
    assert loaded.history.rows[0]["step"] == 3 and np.isnan(loaded.history.rows[0]["validation_loss"])


def test_an_existing_folder_is_kept_unless_it_may_be_replaced(trained, folder):
    before = (folder / "model.json").read_bytes()
    with pytest.raises(UserError, match="Something else is at"):
        save_model(folder, Trained(trained.model, trained.tokenizer, SIZES), replace=False)
    assert (folder / "model.json").read_bytes() == before


# ----------------------------------------------------------------------------------------------------------------------
# Damage, and worse


@pytest.mark.parametrize("name", FILES)
def test_an_incomplete_folder_is_reported(folder, name):
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_reported(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[-20] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(UserError, match=f"{name} (was changed|can't be read)"):
        load_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_a_special_file_is_reported_at_once(folder, name):
    (folder / name).unlink()
    os.mkfifo(folder / name)  # opening it would wait for ever
    with pytest.raises(UserError, match=f"{name} is missing"):
        load_model(folder)


@pytest.mark.parametrize("name", FILES)
def test_nothing_outside_the_folder_is_opened(folder, name, tmp_path):
    shutil.move(folder / name, tmp_path / name)
    (folder / name).symlink_to(tmp_path / name)
    with pytest.raises(UserError, match=f"{name} is a link to a place outside"):
        load_model(folder)


def test_links_that_stay_inside_are_followed(trained, folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    (folder / "tokenizer.json").rename(folder / "blob")
    (folder / "tokenizer.json").symlink_to("blob")
    assert same(load_model(tmp_path / "link"), trained)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": "gate-by-gate model", "version": 99}', "not json"])
def test_another_version_or_another_file_is_reported(folder, content):
    (folder / "model.json").write_text(content)
    with pytest.raises(UserError, match="version 99|isn't a description|can't be read"):
        load_model(folder)


def test_endless_brackets_are_reported(folder):
    (folder / "model.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="nested too deeply|can't be read"):
        load_model(folder)


def test_a_description_that_is_too_large_is_not_read(folder):
    with open(folder / "model.json", "r+b") as file:
        file.truncate(2**40)  # a sparse file, which takes no space on the disk
    with pytest.raises(UserError, match="more than 16 MB"):
        load_model(folder)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"tokenizer.json": "0" * 64},
        {"tokenizer.json": "0" * 64, "model.safetensors": "0" * 64, "/etc/passwd": "0" * 64},
        {"tokenizer.json": "0" * 64, "../model.safetensors": "0" * 64},
        ["tokenizer.json", "model.safetensors"],
        None,
    ],
)
def test_the_description_has_the_hashes_of_the_two_files_and_no_others(folder, files):
    rewrite(folder, files=files)
    with pytest.raises(UserError, match=r"should have the hashes of model.safetensors and tokenizer.json"):
        load_model(folder)


def test_files_of_two_models_do_not_mix(trained, folder, tmp_path):
    sizes = {**SIZES, "units": 6}
    save_model(tmp_path / "other", Trained(language_model(**sizes), trained.tokenizer, sizes))
    shutil.copy(tmp_path / "other" / "model.safetensors", folder)
    with pytest.raises(UserError, match="sizes in model.json are not those"):
        load_model(folder)
    save_model(tmp_path / "other", Trained(language_model(**SIZES), CharTokenizer("abcd"), SIZES))
    shutil.copy(tmp_path / "other" / "tokenizer.json", folder)
    shutil.copy(tmp_path / "other" / "model.safetensors", folder)
    with pytest.raises(UserError, match="was changed"):
        load_model(folder)
    rewrite(folder)
    with pytest.raises(UserError, match="another number of tokens"):
        load_model(folder)


@pytest.mark.parametrize(
    "sizes", [{"units": 10**9}, {"num_layers": 10**9}, {"vocab_size": 2**31 - 1}, {"embedding_dim": 7}]
)
def test_sizes_that_are_not_those_of_the_weights_are_refused_before_anything_is_built(folder, sizes):
    rewrite(folder, model={**SIZES, **sizes})
    with pytest.raises(UserError, match="not those of model.safetensors"):
        load_model(folder)  # building such a network would take all memory


@pytest.mark.parametrize("model", [{**SIZES, "context": 3}, {"units": 5}, {**SIZES, "units": True}, [], None])
def test_bad_sizes_are_reported(folder, model):
    rewrite(folder, model=model)
    with pytest.raises(UserError, match="sizes of its network|no sizes|units of its network is True"):
        load_model(folder)


@pytest.mark.parametrize(
    "arrays",
    [
        lambda w: {**w, "logits/bias": np.array([0, 1, np.nan, 0], np.float32)},
        lambda w: {**w, "logits/bias": np.array([0, 1, np.inf, 0], np.float16)},
        lambda w: {**w, "logits/bias": w["logits/bias"].reshape(2, 2)},
        lambda w: {**w, "logits/bias": w["logits/bias"].astype(np.float64)},
        lambda w: {("logits/gate" if name == "logits/bias" else name): array for name, array in w.items()},
        lambda w: {**w, "lstm_1/bias": w["logits/bias"], "logits/bias": w["lstm_1/bias"]},
        lambda w: {**w, "further": np.zeros(3, np.float32)},
        lambda w: {name: array for name, array in w.items() if name != "logits/bias"},
    ],
)
def test_weights_of_another_network_are_reported_although_their_hash_fits(folder, arrays):
    path = folder / "model.safetensors"
    save_file(arrays(load_file(path)), path)
    rewrite(folder)
    with pytest.raises(UserError, match=r"can't be loaded as a model: (its weights|the sizes|the header)"):
        load_model(folder)


def header(folder, change) -> None:
    """Write the weights' file with another header."""
    path = folder / "model.safetensors"
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    entries = json.loads(data[8 : 8 + length])
    text = change(entries)
    text = text if isinstance(text, bytes) else json.dumps(text).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data[8 + length :])
    rewrite(folder)


@pytest.mark.parametrize(
    "change",
    [
        lambda e: b"not json",
        lambda e: b"[" * 100_000,
        lambda e: [],
        lambda e: {**e, "logits/bias": None},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "shape": [10**12]}},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "shape": [-2, -2]}},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "shape": [True, 4]}},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "shape": 4}},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "dtype": "I64"}},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "dtype": ["F32"]}},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "data_offsets": [0, 16]}},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "data_offsets": [0]}},
        lambda e: {**e, "logits/bias": {**e["logits/bias"], "data_offsets": [0, 10**18]}},
        lambda e: {name: entry for name, entry in e.items() if name != "logits/bias"},
    ],
)
def test_a_false_header_is_reported(folder, change):
    header(folder, change)
    with pytest.raises(UserError, match=r"model.safetensors"):
        load_model(folder)


@pytest.mark.parametrize("data", [b"", b"short", (2**62).to_bytes(8, "little") + b"{}", b"\0" * 8])
def test_weights_without_a_header_are_reported(folder, data):
    (folder / "model.safetensors").write_bytes(data)
    rewrite(folder)
    with pytest.raises(UserError, match=r"model.safetensors"):
        load_model(folder)


NUMBERS = [-1, 0, 10**30, 1.5, -0.0, 1e308]
OTHERS = [None, True, *NUMBERS, "", "x", "\ud800", [], [[]], {}, {"a": {"b": None}}, [{"step": "x"}]]


def places(value, path=()):
    yield path
    for key, item in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(item, (*path, key))


def put(content, path, value):
    for key in path[:-1]:
        content = content[key]
    content[path[-1]] = value


def test_any_value_in_the_description_gives_a_model_or_a_sentence(trained, folder):
    original = (folder / "model.json").read_text(encoding="utf-8")
    loaded = refused = 0
    for path in [path for path in places(json.loads(original)) if path and path[0] != "checksum"]:
        for other in [*OTHERS, "gone"]:
            (folder / "model.json").write_text(original, encoding="utf-8")

            def change(content, path=path, other=other):
                put(content, path, other)
                if other == "gone":
                    holder = content
                    for key in path[:-1]:
                        holder = holder[key]
                    del holder[path[-1]]

            rewrite(folder, change)
            try:
                assert same(load_model(folder), trained)
                loaded += 1
            except UserError as error:
                assert len(str(error)) < 1000 and "\n" not in str(error)
                refused += 1
    assert refused > 300 and loaded > 20  # what the description says about the model may be anything


def test_a_missing_folder_is_reported(tmp_path):
    with pytest.raises(UserError, match="There is no model folder"):
        load_model(tmp_path / "none")


# ----------------------------------------------------------------------------------------------------------------------
# Sizes, and version 1


@pytest.mark.parametrize(
    ("kind", "sizes"),
    [
        *(
            ("language model", {**SIZES, "cell": cell, "num_layers": n})
            for cell in ("lstm", "gru", "rnn")
            for n in (1, 3)
        ),
        ("language model", {"vocab_size": 7}),
        (
            "transformer",
            {"vocab_size": 5, "hidden_dim": 4, "num_layers": 3, "num_heads": 2, "context": 6, "dropout": 0.2},
        ),
        *(
            ("encoder-decoder", {"source_vocab": 9, "target_vocab": 8, "units": 6, "attention": attention})
            for attention in ("additive", "multiplicative", "uniform")
        ),
        ("encoder-decoder", {"source_vocab": 9, "target_vocab": 9, "embedding_dim": 3, "copy": True, "dropout": 0.1}),
        *(("answerer", {"vocab_size": 9, "attention": attention, "units": 5}) for attention in ("latest", "softmax")),
    ],
)
def test_the_weights_are_counted_without_building_the_network(kind, sizes):
    built = BUILDERS[kind](**sizes)
    assert count_weights(kind, sizes) == sum(int(np.prod(v.shape)) for v in built.trainable_variables)


def as_version_1(folder, trained, precision=np.float32, change=lambda arrays: arrays):
    """The folder in version 1 of the format."""
    arrays = {f"weight_{n:02d}": v.numpy().astype(precision) for n, v in enumerate(trained.model.trainable_variables)}
    np.savez_compressed(folder / "weights.npz", **change(arrays))
    (folder / "model.safetensors").unlink()
    rewrite(folder, version=1, files={name: sha256(folder / name) for name in ("tokenizer.json", "weights.npz")})


@pytest.mark.parametrize("precision", [np.float16, np.float32])
def test_a_model_of_version_1_is_read(trained, folder, precision):
    as_version_1(folder, trained, precision)
    loaded = load_model(folder)
    for variable, kept in zip(loaded.model.trainable_variables, trained.model.trainable_variables, strict=True):
        np.testing.assert_array_equal(variable.numpy(), kept.numpy().astype(precision))
    assert loaded.score == trained.score
    rewrite(folder, lambda content: content.pop("kind"))  # like the first such folders
    assert load_model(folder).kind == "language model"


@pytest.mark.parametrize(
    ("build", "sizes", "earlier"),
    [
        (language_model, {"num_layers": 2}, {"layers": 2}),
        (transformer_model, {"hidden_dim": 4, "num_layers": 2, "num_heads": 2}, {"width": 4, "layers": 2, "heads": 2}),
    ],
)
def test_a_model_whose_sizes_have_their_earlier_names_is_read(tmp_path, build, sizes, earlier):
    rest = {"vocab_size": 4, "dropout": 0.1}
    kind = TRANSFORMER if build is transformer_model else LANGUAGE_MODEL
    trained = Trained(build(**rest, **sizes), CharTokenizer("abc"), rest | sizes, kind=kind)
    trained.save(tmp_path / "m")
    rewrite(tmp_path / "m", model=rest | earlier)
    loaded = load_model(tmp_path / "m")
    assert loaded.sizes == rest | sizes and same(loaded, trained)
    loaded.save(tmp_path / "m")
    assert json.loads((tmp_path / "m" / "model.json").read_text(encoding="utf-8"))["model"] == rest | sizes


@pytest.mark.parametrize(
    "change",
    [
        lambda a: {**a, "weight_00": a["weight_00"].T},
        lambda a: {**a, "weight_00": a["weight_00"].astype(float)},
        lambda a: {**a, "weight_00": np.array([None])},
        lambda a: {name: array for name, array in a.items() if name != "weight_00"},
        lambda a: {name.replace("weight_00", "other"): array for name, array in a.items()},
        lambda a: {**a, "weight_09": np.zeros(2**20, np.float32)},
        lambda a: {**a, "weight_00": a["weight_00"] * np.nan},
    ],
)
def test_a_bad_model_of_version_1_is_reported(trained, folder, change):
    as_version_1(folder, trained, change=change)
    with pytest.raises(UserError, match="can't be loaded as a model"):
        load_model(folder)
    (folder / "weights.npz").write_bytes(b"PK no archive")
    rewrite(folder)
    with pytest.raises(UserError, match=r"weights.npz can't be read"):
        load_model(folder)


def test_an_encoder_decoder_comes_back_with_its_vocabularies(tmp_path):
    sizes = {"source_vocab": 7, "target_vocab": 7, "embedding_dim": 3, "units": 4, "dropout": 0.1, "copy": True}
    vocabulary = Vocabulary("abc")
    trained = Trained(encoder_decoder(**sizes), PairVocabulary(vocabulary, vocabulary), sizes, kind=ENCODER_DECODER)
    trained.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert same(loaded, trained) and loaded.vocabularies.target.tokens == vocabulary.tokens
    PairVocabulary(vocabulary, Vocabulary("abcd")).save(tmp_path / "m" / "tokenizer.json")
    rewrite(tmp_path / "m")
    with pytest.raises(UserError, match="another number of tokens"):
        load_model(tmp_path / "m")


@pytest.mark.parametrize("attention", ["latest", "softmax"])
def test_an_answerer_comes_back_with_its_reader(tmp_path, attention):
    reader = StoryReader()
    sizes = {"vocab_size": reader.vocab_size, "attention": attention, "units": 4}
    trained = Trained(BUILDERS[ANSWERER](**sizes), reader, sizes, kind=ANSWERER)
    trained.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert same(loaded, trained) and loaded.story_reader.words == reader.words
    named = load_file(tmp_path / "m" / "model.safetensors")
    assert {"bias", "facts/kernel", "look_1/W", "update_3/bias"} <= named.keys()
    StoryReader("words").save(tmp_path / "m" / "tokenizer.json")
    rewrite(tmp_path / "m")
    with pytest.raises(UserError, match="another number of tokens"):
        load_model(tmp_path / "m")
