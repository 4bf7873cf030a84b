"""A trained model as a folder of plain files: what it is, its tokenizer, its weights as arrays.

::

    mymodel/
        model.json       kind and sizes of the model, how it was trained and scored, hashes of the other files
        tokenizer.json   the tokenizer
        weights.npz      one array for each weight

There are three kinds: a recurrent language model or a Transformer with its tokenizer, and an encoder-decoder with its
two vocabularies (in ``tokenizer.json`` too). Nothing is pickled, and loading runs no code from the folder:
`model.json` only chooses sizes for a network that this package builds. What was changed since it was saved is refused.
"""

import hashlib
import io
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.errors import UserError
from companion.recipes.builders import BUILDERS, ENCODER_DECODER, LANGUAGE_MODEL
from companion.storage import directory_atomically, read_json, sha256
from companion.tokenizers import PairVocabulary, Tokenizer, load_pair_vocabulary, load_tokenizer

if TYPE_CHECKING:
    import keras

FORMAT = "gate-by-gate model"
VERSION = 1


def write_folder(
    folder: str | Path,
    model: "keras.Model",
    tokenizer: Tokenizer | PairVocabulary,
    content: dict[str, Any],
    half_precision: bool = False,
    replace: bool = True,
) -> None:
    """Write a network, its tokenizer and what is known of it; see `companion.recipes.save_model`."""
    with directory_atomically(folder, replace) as new:
        dtype = np.float16 if half_precision else np.float32
        buffer = io.BytesIO()
        arrays: Any = {f"weight_{n:02d}": v.numpy().astype(dtype) for n, v in enumerate(parameters(model))}
        np.savez_compressed(buffer, **arrays)
        (new / "weights.npz").write_bytes(buffer.getvalue())
        tokenizer.save(new / "tokenizer.json")
        files = {name: sha256(new / name) for name in ("tokenizer.json", "weights.npz")}
        content = {"format": FORMAT, "version": VERSION, **content, "files": files}
        content["checksum"] = _checksum(content)
        (new / "model.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_folder(folder: str | Path) -> tuple["keras.Model", Tokenizer | PairVocabulary, dict[str, Any]]:
    """Read what `write_folder` wrote, and check it; see `companion.recipes.load_model`."""
    folder = Path(folder)
    content = _checked_content(folder)
    content.setdefault("kind", LANGUAGE_MODEL)
    model, tokenizer, fits = _built(content["kind"], folder, content["model"])
    variables = parameters(model)
    with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
        stored = [arrays[f"weight_{n:02d}"] for n in range(len(arrays.files))]
    if [a.shape for a in stored] != [tuple(v.shape) for v in variables] or not fits:
        raise UserError(_not_a_model(folder, "its files do not belong together"))
    for variable, array in zip(variables, stored, strict=True):
        variable.assign(array.astype(np.float32))
    return model, tokenizer, content


def parameters(model: "keras.Model") -> list[Any]:
    """The variables that training changes, in a fixed order; a dropout layer's random state is not among them."""
    return list(model.trainable_variables)


def _built(kind: str, folder: Path, sizes: dict[str, Any]) -> tuple[Any, Any, bool]:
    """A new model of these sizes, what turns text into its ids, and whether the two belong together."""
    if kind not in BUILDERS:
        raise UserError(_not_a_model(folder, f"it is of an unknown kind, {kind!r}"))
    if kind == ENCODER_DECODER:
        both = load_pair_vocabulary(folder / "tokenizer.json")
        fits = (len(both.source), len(both.target)) == (sizes["source_vocab"], sizes["target_vocab"])
        return BUILDERS[kind](**sizes), both, fits
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    return BUILDERS[kind](**sizes), tokenizer, tokenizer.vocab_size == sizes["vocab_size"]


def _checked_content(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise UserError(
            f"There is no model folder {folder}; train one with: gate-by-gate train TEXT --out "
            f"{shlex.quote(str(folder))}"
        )
    for name in ("model.json", "tokenizer.json", "weights.npz"):
        if not (folder / name).is_file():
            raise UserError(_not_a_model(folder, f"{name} is missing"))
    content = read_json(folder / "model.json", "a model's description")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(_not_a_model(folder, "model.json is not a description of a model"))
    if content.get("version") != VERSION:
        raise UserError(
            f"The model in {folder} was written in version {content.get('version')} of the format; this package "
            f"reads version {VERSION}. Use the package it was made with, or train it again."
        )
    if content.get("checksum") != _checksum(content):
        raise UserError(_not_a_model(folder, "model.json was changed after it was saved"))
    for name, digest in content["files"].items():
        if sha256(folder / name) != digest:
            raise UserError(_not_a_model(folder, f"{name} was changed after it was saved"))
    return content


def _checksum(content: dict[str, Any]) -> str:
    kept = {key: value for key, value in content.items() if key != "checksum"}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode("utf-8")).hexdigest()


def _not_a_model(folder: Path, reason: str) -> str:
    return f"{folder} can't be loaded as a model: {reason}. Restore the folder as it was saved, or train it again."
