"""Byte-pair encoding: the book's, the library ``tokenizers``, and minbpe; processor seconds of one core.

The library is written in Rust and would use every core; here it is limited to one, and called in its fastest way
(``encode_batch_fast``). minbpe, Andrej Karpathy's, is at https://github.com/karpathy/minbpe; it gets the same
pre-tokenizer as the others.
"""

import hashlib
import importlib
import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tokenizers as library

from companion.tokenizers import BPETokenizer
from companion.tokenizers.base import PIECE
from peers.serving import Run, serve

BYTES = 256
Texts = list[str]


class Ours:
    """The book's, with the calls that all contestants have here."""

    def __init__(self, text: str, merges: int) -> None:
        self.tokenizer = BPETokenizer.train(text, BYTES + merges)

    def encode(self, texts: Texts) -> list[list[int]]:
        """The ids of each text."""
        return [self.tokenizer.encode(text) for text in texts]  # type: ignore[misc]

    def decode(self, ids: Any) -> Texts:
        """The text of each."""
        return [self.tokenizer.decode(each) for each in ids]


class Library:
    """The library's byte-level BPE, trained like ours."""

    def __init__(self, text: str, merges: int) -> None:
        self.tokenizer = library.Tokenizer(library.models.BPE())
        self.tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
        self.tokenizer.decoder = library.decoders.ByteLevel()
        alphabet = library.pre_tokenizers.ByteLevel.alphabet()
        trainer = library.trainers.BpeTrainer(vocab_size=BYTES + merges, initial_alphabet=alphabet, show_progress=False)
        self.tokenizer.train_from_iterator([text], trainer)

    def encode(self, texts: Texts) -> list[Any]:
        """The library's encodings of each text; `decode` takes the ids out of them."""
        found: list[Any] = self.tokenizer.encode_batch_fast(texts)
        return found

    def decode(self, encodings: list[Any]) -> Texts:
        """The text of each."""
        found: Texts = self.tokenizer.decode_batch([encoding.ids for encoding in encodings])
        return found


class MinBPE:
    """minbpe's ``RegexTokenizer``."""

    def __init__(self, text: str, merges: int) -> None:
        self.tokenizer = importlib.import_module("minbpe.regex").RegexTokenizer(PIECE)
        self.tokenizer.train(text, BYTES + merges)

    def encode(self, texts: Texts) -> list[list[int]]:
        """The ids of each text."""
        return [self.tokenizer.encode_ordinary(text) for text in texts]

    def decode(self, ids: Any) -> Texts:
        """The text of each."""
        return [self.tokenizer.decode(each) for each in ids]


KINDS: dict[str, Callable[[str, int], Any]] = {"ours": Ours, "library": Library, "minbpe": MinBPE}


def find_minbpe(folder: str) -> None:
    """Make ``minbpe.regex`` importable, without minbpe's other modules, which need other packages."""
    inside = Path(folder) / "minbpe"
    package = types.ModuleType("minbpe")
    package.__path__ = [str(inside if inside.is_dir() else folder)]
    sys.modules["minbpe"] = package


def processor_seconds(function: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """The processor time of a call, and its result."""
    begin = time.process_time()
    result = function(*arguments)
    return time.process_time() - begin, result


def digest(encoded: list[Any]) -> str:
    """A hash of all ids."""
    rows = [[int(i) for i in getattr(each, "ids", each)] for each in encoded]
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def bpe(kind: str, texts: str, training_characters: int, characters: int, merges: int, minbpe: str = "") -> Run:
    """Learn merges from the beginning of the texts, then encode and decode the texts.

    "First sight" encodes with a new tokenizer that remembers no words yet, "again" the same texts once more.
    """
    if minbpe:
        find_minbpe(minbpe)
    documents = json.loads(Path(texts).read_text("utf-8"))
    whole = "".join(documents)
    sample = whole[:training_characters]
    read = [whole[:characters]] if characters < len(whole) else documents
    megabytes = sum(len(text.encode()) for text in read) / 1e6

    def run(seconds: float) -> dict[str, Any]:
        learnt, tokenizer = processor_seconds(KINDS[kind], sample, merges)
        first, encoded = processor_seconds(tokenizer.encode, read)
        again, _ = processor_seconds(tokenizer.encode, read)
        decoded, back = processor_seconds(tokenizer.decode, encoded)
        if back != read:
            raise ValueError("decoding doesn't give the text back")
        rates = {"encode_first": megabytes / first, "encode_again": megabytes / again, "decode": megabytes / decoded}
        return {"train_seconds": learnt, **rates, "digest": digest(encoded), "megabytes": megabytes}

    return run


def main() -> None:
    """Serve."""
    serve({"bpe": bpe}, ("tokenizers", "regex"))
