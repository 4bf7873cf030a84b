"""A trained model as a folder of plain files: what it is, its tokenizer, its weights as arrays.

::

    mymodel/
        model.json       kind and sizes of the model, how it was trained and scored, hashes of the other files
        tokenizer.json   the tokenizer
        weights.npz      one array for each weight

Nothing is pickled, and loading runs no code from the folder: `model.json` only chooses sizes for a network that
this package builds. What was changed since it was saved is refused.
"""

import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.evaluation import Score
from companion.storage import directory_atomically, read_json, sha256
from companion.tokenizers import Tokenizer, load_tokenizer
from companion.training import History

FORMAT = "gate-by-gate model"
VERSION = 1


@dataclass
class Trained:
    """A trained model with everything that goes with it.

    Attributes
    ----------
    model
        A Keras language model.
    tokenizer
        What turns text into its ids.
    sizes
        The arguments of `companion.models.language_model` that build it.
    history
        How the training went; see `companion.training.History`.
    score
        On its held-out text.
    about
        Anything else worth keeping: seeds, seconds, versions.
    """

    model: Any
    tokenizer: Tokenizer
    sizes: dict[str, Any]
    history: History = field(default_factory=History)
    score: Score | None = None
    about: dict[str, Any] = field(default_factory=dict)


def save_model(folder: str | Path, trained: Trained, half_precision: bool = False) -> None:
    """Write a trained model as a folder, all of it or nothing.

    Parameters
    ----------
    folder
        Created; one that is there is replaced when the new one is complete.
    trained
        The model and what goes with it.
    half_precision
        Store the weights in 16 bits: half the size, and a loss that differs in the fourth digit or later.
    """
    with directory_atomically(folder) as new:
        dtype = np.float16 if half_precision else np.float32
        buffer = io.BytesIO()
        arrays = {f"weight_{n:02d}": v.numpy().astype(dtype) for n, v in enumerate(parameters(trained.model))}
        np.savez_compressed(buffer, **arrays)
        (new / "weights.npz").write_bytes(buffer.getvalue())
        trained.tokenizer.save(new / "tokenizer.json")
        content = {
            "format": FORMAT,
            "version": VERSION,
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
    from companion.models import language_model

    folder = Path(folder)
    content = _checked_content(folder)
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    model = language_model(**content["model"])
    variables = parameters(model)
    with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
        stored = [arrays[name] for name in sorted(arrays.files)]
    if [a.shape for a in stored] != [tuple(v.shape) for v in variables] or tokenizer.vocab_size != content["model"][
        "vocab_size"
    ]:
        raise UserError(_not_a_model(folder, "its files do not belong together"))
    for variable, array in zip(variables, stored, strict=True):
        variable.assign(array.astype(np.float32))
    score = Score(**content["score"]) if content["score"] else None
    return Trained(model, tokenizer, content["model"], History(content["history"]), score, content["about"])


def parameters(model: Any) -> list[Any]:
    """The variables that training changes, in a fixed order; a dropout layer's random state is not among them."""
    return list(model.trainable_variables)


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
