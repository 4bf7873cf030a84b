"""A trained model as a folder of three plain files: what it is, its tokenizer, its weights.

::

    mymodel/
        model.json         kind and sizes of the model, how it was trained and scored, hashes of the other files
        tokenizer.json     what turns text into its ids
        model.safetensors  an array for each weight, named like lstm_1/kernel

Nothing is pickled, and loading runs no code from the folder: ``model.json`` only chooses sizes for a network that this
package builds, and before it is built they are compared with the header of the weights' file. Only these three files
are opened. Damage and mix-ups are found by hash. The hashes don't protect against a folder made to deceive: it can hold
any weights, but only in the shapes of such a network.

Models of version 1 of the format, with ``weights.npz``, and of version 2, without numbers of 8 bits, can be read too.
"""

import dataclasses
import hashlib
import json
import math
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.errors import UserError
from companion.evaluation import Score
from companion.recipes.builders import ANSWERER, BUILDERS, ENCODER_DECODER, LANGUAGE_MODEL, TRANSFORMER
from companion.recipes.npz import read_npz
from companion.recipes.sizes import check_sizes_of, count_weights
from companion.recipes.weights import count_stored, named_weights, packed, read_header, unpacked
from companion.seeding import DeviceError
from companion.storage import directory_atomically, read_json, sha256
from companion.tokenizers import (
    PairVocabulary,
    StoryReader,
    Tokenizer,
    load_pair_vocabulary,
    load_story_reader,
    load_tokenizer,
)

if TYPE_CHECKING:
    import keras

Encoder = Tokenizer | PairVocabulary | StoryReader
"""What turns a text, a pair or a story into the ids that a network reads."""

FORMAT = "gate-by-gate model"
VERSION = 3
DESCRIPTION, TOKENIZER = "model.json", "tokenizer.json"
SAFETENSORS = "model.safetensors"
WEIGHTS = {1: "weights.npz", 2: SAFETENSORS, 3: SAFETENSORS}  # by version; 3 may hold numbers of 8 bits
RENAMED = {"width": "hidden_dim", "layers": "num_layers", "heads": "num_heads"}
"""Old names of a network's sizes, in folders of earlier versions of this package, and today's."""
LARGEST = {DESCRIPTION: 2**24, TOKENIZER: 2**28}  # bytes; thousands of times what the models here need


# ----------------------------------------------------------------------------------------------------------------------
# Writing


def write_folder(
    folder: str | Path,
    model: "keras.Model",
    tokenizer: Encoder,
    content: Mapping[str, Any],
    bits: int = 32,
    replace: bool = True,
) -> None:
    """Write a network, its tokenizer and its description; see `companion.recipes.save_model`."""
    arrays = {name: variable.numpy() for name, variable in named_weights(model).items()}
    weights = packed(arrays, bits)
    with directory_atomically(folder, replace) as new:
        (new / SAFETENSORS).write_bytes(weights)
        tokenizer.save(new / TOKENIZER)
        files = {name: sha256(new / name) for name in (TOKENIZER, SAFETENSORS)}
        plain = {"format": FORMAT, "version": VERSION, **_plain(content), "files": files}
        plain["checksum"] = _checksum(plain)
        (new / DESCRIPTION).write_text(json.dumps(plain, indent=1) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    """A value in types that JSON has, so that no odd value prevents saving the model."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _checksum(content: Mapping[str, Any]) -> str:
    kept = {key: value for key, value in content.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode("utf-8")).hexdigest()


# ----------------------------------------------------------------------------------------------------------------------
# Reading


def read_folder(folder: str | Path) -> tuple["keras.Model", Encoder, dict[str, Any]]:
    """Read what `write_folder` wrote, and check it; see `companion.recipes.load_model`."""
    folder = Path(folder)
    try:
        if folder.is_dir():
            return _read(folder)
    except DeviceError:  # not the model's fault
        raise
    except (UserError, OSError) as error:
        reason = str(error) if isinstance(error, UserError) else f"{error.filename}: {error.strerror}"
        raise UserError(
            f"{folder} can't be loaded as a model: {reason.rstrip('.')}. Restore the folder as it was saved, or train "
            "it again."
        ) from None
    if folder.suffix == ".keras" and folder.is_file():
        raise UserError(
            f"{folder} is a Keras file, but a folder is expected here. Load it with keras.models.load_model, after "
            "import companion.models.registered."
        )
    if folder.is_file():
        raise UserError(f"{folder} is a file, but a model is a folder, such as the one that this file is in.")
    raise UserError(
        f"There is no model folder {folder}; train one with: gate-by-gate train TEXT --out {shlex.quote(str(folder))}"
    )


def _read(folder: Path) -> tuple["keras.Model", Encoder, dict[str, Any]]:
    content = _description(folder)
    kind, sizes, name = content["kind"], content["model"], WEIGHTS[content["version"]]
    path, count = _file(folder, name), count_weights(kind, sizes)
    if name == SAFETENSORS and count_stored(read_header(path)) != count:
        raise UserError(f"the sizes in {DESCRIPTION} are not those of {name}")
    _check_files(folder, content)
    tokenizer = _tokenizer(kind, folder / TOKENIZER, sizes)
    arrays = unpacked(path.read_bytes()) if name == SAFETENSORS else read_npz(path, count)
    model = BUILDERS[kind](**sizes)
    _assign(model, arrays)
    return model, tokenizer, content


def read_description(folder: Path) -> dict[str, Any]:
    """The content of ``model.json``; no network is built.

    Raises
    ------
    UserError
        It isn't a description of a model, or a file of the folder is missing or not as it was saved.
    """
    content = _description(folder)
    _check_files(folder, content)
    return content


def _check_files(folder: Path, content: Mapping[str, Any]) -> None:
    for file in (TOKENIZER, WEIGHTS[content["version"]]):
        if sha256(_file(folder, file)) != content["files"][file]:
            raise UserError(f"{file} was changed after it was saved")


def _file(folder: Path, name: str) -> Path:
    """One of the files; a link out of the folder isn't followed."""
    path = folder / name
    if not path.is_file():
        raise UserError(f"{name} is missing")
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{name} is a link to a place outside the folder")
    if path.stat().st_size > LARGEST.get(name, math.inf):
        raise UserError(f"{name} has more than {LARGEST[name] / 2**20:,.0f} MB")
    return path


def _description(folder: Path) -> dict[str, Any]:
    """The content of ``model.json``, with everything in it that is read."""
    content = read_json(_file(folder, DESCRIPTION), "a model's description")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{DESCRIPTION} isn't a description of a model")
    version = content.get("version")
    if type(version) is not int or version not in WEIGHTS:
        raise UserError(
            f"it was written in version {version!r} of the format, but this package reads versions up to {VERSION}: "
            "use the version of the package it was made with"
        )
    try:
        is_unchanged = content.get("checksum") == _checksum(content)
    except (RecursionError, UnicodeEncodeError):
        is_unchanged = False
    if not is_unchanged:
        raise UserError(f"{DESCRIPTION} was changed after it was saved")
    content.setdefault("kind", LANGUAGE_MODEL)  # the first models of version 1 are all of this kind
    if content["kind"] in (LANGUAGE_MODEL, TRANSFORMER) and isinstance(content.get("model"), dict):
        content["model"] = {RENAMED.get(name, name): size for name, size in content["model"].items()}
    _check(content)
    return content


def _check(content: Mapping[str, Any]) -> None:
    kind, sizes, files = content["kind"], content.get("model"), content.get("files")
    if not isinstance(kind, str) or kind not in BUILDERS:
        raise UserError(f"its kind is unknown, {kind!r}"[:200])
    if not isinstance(sizes, dict):
        raise UserError(f"{DESCRIPTION} has no sizes of its network")
    check_sizes_of(kind, sizes)
    names = {TOKENIZER, WEIGHTS[content["version"]]}
    if not isinstance(files, dict) or files.keys() != names:
        raise UserError(f"{DESCRIPTION} should have the hashes of {' and '.join(sorted(names))}, and no others")
    if content.get("score", ()) is not None and not _is_score(content.get("score")):
        raise UserError(f"the score in {DESCRIPTION} isn't one")
    rows = content.get("history")
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise UserError(f"the history in {DESCRIPTION} isn't a list of rows of numbers")
    if not isinstance(content.get("about"), dict):
        raise UserError(f"{DESCRIPTION} has nothing about the model")


def _is_score(value: Any) -> bool:
    names = {field.name for field in dataclasses.fields(Score)}
    whole = ("tokens", "characters")
    return (
        isinstance(value, dict)
        and value.keys() == names
        and all(map(_is_number, value.values()))
        and all(type(value[name]) is int and value[name] > 0 for name in whole)
    )


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_number, value.values()))


def _is_number(value: Any) -> bool:
    """Whether this is a number of JSON, or null, which stands for infinity or nan."""
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def _tokenizer(kind: str, path: Path, sizes: Mapping[str, Any]) -> Encoder:
    """What turns text into ids, checked to have as many tokens as the network."""
    if kind == ENCODER_DECODER:
        both = load_pair_vocabulary(path)
        if (len(both.source), len(both.target)) == (sizes["source_vocab"], sizes["target_vocab"]):
            return both
    else:
        one = load_story_reader(path) if kind == ANSWERER else load_tokenizer(path)
        if one.vocab_size == sizes["vocab_size"]:
            return one
    raise UserError(f"{TOKENIZER} has another number of tokens than the network")


def _assign(model: "keras.Model", arrays: dict[str, np.ndarray] | list[np.ndarray]) -> None:
    variables = named_weights(model)
    named = arrays if isinstance(arrays, dict) else dict(zip(variables, arrays, strict=False))
    if len(named) != len(arrays) or named.keys() != variables.keys():
        raise UserError("its weights are those of another network")
    for name, variable in variables.items():
        if named[name].shape != tuple(variable.shape):
            raise UserError(f"its weights {name} have the shape of another network")
        array = named[name].astype(np.float32)
        if not np.isfinite(array).all():
            raise UserError(f"its weights {name} have a number that is infinite or nan")
        variable.assign(array)
