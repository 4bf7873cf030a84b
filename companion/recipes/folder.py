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
from pathlib import Path
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.evaluation import Score
from companion.recipes.trained import ENCODER_DECODER, LANGUAGE_MODEL, TRANSFORMER, Trained, parameters
from companion.storage import directory_atomically, read_json, sha256
from companion.tokenizers import load_tokenizer
from companion.training import History

FORMAT = "gate-by-gate model"
VERSION = 1


def save_model(folder: str | Path, trained: Trained, half_precision: bool = False, replace: bool = True) -> None:
    """Write a trained model as a folder, all of it or nothing.

    Parameters
    ----------
    folder
        Created; one that is there is replaced when the new one is complete.
    trained
        The model and what goes with it.
    half_precision
        Store the weights in 16 bits: half the size, and a loss that differs in the fourth digit or later.
    replace
        Whether a model that is there may be replaced; see `companion.storage.directory_atomically`.
    """
    with directory_atomically(folder, replace) as new:
        dtype = np.float16 if half_precision else np.float32
        buffer = io.BytesIO()
        arrays = {f"weight_{n:02d}": v.numpy().astype(dtype) for n, v in enumerate(parameters(trained.model))}
        np.savez_compressed(buffer, **arrays)
        (new / "weights.npz").write_bytes(buffer.getvalue())
        trained.tokenizer.save(new / "tokenizer.json")
        content = {
            "format": FORMAT,
            "version": VERSION,
            "kind": trained.kind,
            "model": trained.sizes,
            "files": {name: sha256(new / name) for name in ("tokenizer.json", "weights.npz")},
            "score": vars(trained.score) if trained.score else None,
            "history": trained.history.rows,
            "about": trained.about,
        }
        content["checksum"] = _checksum(content)
        (new / "model.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load_model(folder: str | Path) -> Trained:
    """Read what `save_model` wrote, and check it.

    Raises
    ------
    UserError
        The folder is missing, incomplete, changed since it was saved, or written by another version.
    """
    folder = Path(folder)
    content = _checked_content(folder)
    kind = content.get("kind", LANGUAGE_MODEL)
    model, tokenizer, fits = _built(kind, folder, content["model"])
    variables = parameters(model)
    with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
        stored = [arrays[f"weight_{n:02d}"] for n in range(len(arrays.files))]
    if [a.shape for a in stored] != [tuple(v.shape) for v in variables] or not fits:
        raise UserError(_not_a_model(folder, "its files do not belong together"))
    for variable, array in zip(variables, stored, strict=True):
        variable.assign(array.astype(np.float32))
    score = Score(**content["score"]) if content["score"] else None
    return Trained(model, tokenizer, content["model"], History(content["history"]), score, content["about"], kind)


def _built(kind: str, folder: Path, sizes: dict[str, Any]) -> tuple[Any, Any, bool]:
    """A new model of these sizes, what turns text into its ids, and whether the two belong together."""
    if kind in (LANGUAGE_MODEL, TRANSFORMER):
        from companion.models import language_model, transformer_model

        tokenizer = load_tokenizer(folder / "tokenizer.json")
        model = (language_model if kind == LANGUAGE_MODEL else transformer_model)(**sizes)
        return model, tokenizer, tokenizer.vocab_size == sizes["vocab_size"]
    if kind == ENCODER_DECODER:
        from companion.models.encoder_decoder import encoder_decoder
        from companion.tokenizers import load_pair_vocabulary

        both = load_pair_vocabulary(folder / "tokenizer.json")
        fits = (len(both.source), len(both.target)) == (sizes["source_vocab"], sizes["target_vocab"])
        return encoder_decoder(**sizes), both, fits
    raise UserError(_not_a_model(folder, f"it is of an unknown kind, {kind!r}"))


def _checked_content(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise UserError(
            f"There is no model folder {folder}; train one with: python -m companion train TEXT --out {folder}"
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
