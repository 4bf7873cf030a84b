"""The file ``tokenizer.json`` of Hugging Face's library ``tokenizers``, if it holds byte-level BPE like ours.

Only what decides the ids matters here. The file may ask for much else (normalizers, truncation, tokens added by hand),
which the library does and `companion.tokenizers.BPETokenizer` doesn't, so such a file is refused with the reason.
The format is that of ``tokenizers.Tokenizer.to_str``.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from companion.errors import UserError

BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
# What changes a text before it is cut, or its ids afterwards.
ABSENT = ("normalizer", "truncation", "padding")
# Values of the model's settings with which the merges alone decide.
PLAIN_MODEL: dict[str, tuple[Any, ...]] = {
    "type": ("BPE",),
    "dropout": (None, 0),
    "continuing_subword_prefix": (None, ""),
    "end_of_word_suffix": (None, ""),
    "ignore_merges": (False, None),
}


class Learnt(NamedTuple):
    """What a ``tokenizer.json`` holds: merges, the id of each token, and tokens that were added by hand."""

    merges: list[tuple[str, str]]
    vocabulary: dict[str, int]
    added: list[str]


def content(tokens: Sequence[str], merges: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The content of a ``tokenizer.json`` for byte-level BPE: ``tokens`` in the order of ids, merges as learnt."""
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {token: i for i, token in enumerate(tokens)},
        "merges": [f"{left} {right}" for left, right in merges],  # all versions of the library read this form
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": BYTE_LEVEL,
        "post_processor": None,
        "decoder": BYTE_LEVEL,
        "model": model,
    }


def read(path: str | Path) -> Learnt:
    """What a ``tokenizer.json`` holds.

    Raises
    ------
    UserError
        The file is missing or isn't one, or something in it makes ids that its merges alone wouldn't.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; give a tokenizer.json of the library tokenizers.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise refused(path, f"it isn't a JSON file ({type(error).__name__})") from None
    model = _part(found, "model")
    merges, vocabulary = model.get("merges"), model.get("vocab")
    if not isinstance(merges, list) or not isinstance(vocabulary, dict):
        raise refused(
            path, 'it has no "model" with "vocab" and "merges" (what this package saves, load_tokenizer reads)'
        )
    if reason := _difference(found, model):
        raise refused(path, reason)
    pairs = [tuple(merge.split(" ") if isinstance(merge, str) else merge) for merge in merges]
    added = [token["content"] for token in found.get("added_tokens") or []]
    return Learnt([(left, right) for left, right in pairs], vocabulary, added)


def _difference(found: dict[str, Any], model: dict[str, Any]) -> str | None:
    """What in a file makes the library's ids differ from ours, or None."""
    for key in ABSENT:
        if found.get(key) is not None:
            return f"it has a {key}, and BPETokenizer has none"
    for key, plain in PLAIN_MODEL.items():
        if (value := model.get(key, plain[0])) not in plain:
            return f"its model's {key} is {value!r}; expected {plain[0]!r}"
    for key, default in {"type": None, "add_prefix_space": True, "use_regex": True}.items():
        if (value := _part(found, "pre_tokenizer").get(key, default)) != BYTE_LEVEL[key]:
            return f"its pre_tokenizer's {key} is {value!r}; expected {BYTE_LEVEL[key]!r}, which cuts as GPT-2 does"
    for key in ("post_processor", "decoder"):
        if found.get(key) is not None and (kind := _part(found, key).get("type")) != "ByteLevel":
            return f"its {key} is {kind!r}; expected 'ByteLevel' or none"
    added = found.get("added_tokens") or []
    named = isinstance(added, list) and all(isinstance(t, dict) and isinstance(t.get("content"), str) for t in added)
    if not named:
        return "its added_tokens aren't a list of tokens with their content"
    for merge in model["merges"]:
        parts = merge.split(" ") if isinstance(merge, str) else merge
        if not isinstance(parts, list) or [type(part) for part in parts] != [str, str]:
            return f"its merge {merge!r} isn't two tokens"
    return None


def _part(found: Any, key: str) -> dict[str, Any]:
    """The object under a key, or an empty one if something else is there."""
    part = found.get(key) if isinstance(found, dict) else None
    return part if isinstance(part, dict) else {}


def refused(path: str | Path, reason: str) -> UserError:
    """The error for a file that isn't byte-level BPE as `BPETokenizer` has it."""
    return UserError(f"{path} can't be read as byte-level BPE like GPT-2's: {reason}.")
