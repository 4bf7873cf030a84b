"""Three ways to turn text into numbers and back: by character, by word, and by pieces learnt from the text.

All three have the same four methods: the class method ``train(text, vocab_size)``, ``encode(text)``,
``decode(ids)`` and ``save(path)``; ``load_tokenizer(path)`` reads any of them back.

>>> tokenizer = BPETokenizer.train("low lower lowest", vocab_size=259)
>>> tokenizer.encode("low").tolist()
[257]
>>> tokenizer.decode([257])
'low'

Explained in the book's chapter *What does it read?* (``book/tokens.md``).
"""

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import regex

from companion.errors import UserError
from companion.storage import write_atomically

FORMAT = "gate-by-gate tokenizer"
VERSION = 1

UNKNOWN_ID = 0
UNKNOWN_NAME = "<unk>"  # what tokens[0] is called where tokens are listed
UNKNOWN_TEXT = "\N{REPLACEMENT CHARACTER}"  # what it decodes to

# GPT-2's cut of a text into pieces (Radford et al. 2019, encoder.py): English clitics; a run of letters, of
# digits or of other signs, each with at most one space before it; white space, of which the last space goes
# to the next piece. Every character falls into exactly one piece, so the pieces put together are the text
# again.
PIECE = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

# Two surrogates that JSON would read back as one character; in a string made by decoding text there are none.
NOT_IN_JSON = regex.compile("[\ud800-\udbff][\udc00-\udfff]")


def split_pieces(text: str) -> list[str]:
    """Cut a text into words, numbers, punctuation and white space, losing nothing.

    >>> split_pieces("I'll read 2 books, now.")
    ['I', "'ll", ' read', ' 2', ' books', ',', ' now', '.']
    """
    return PIECE.findall(text)


class Tokenizer(ABC):
    """What the three tokenizers share.

    Attributes
    ----------
    tokens
        What each id stands for, in the order of the ids (BPE: its bytes, each as one printable character).
    """

    kind: ClassVar[str]
    tokens: list[str]

    @property
    def vocab_size(self) -> int:
        """How many different ids there are: 0 to ``vocab_size - 1``."""
        return len(self.tokens)

    @classmethod
    @abstractmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Learn a vocabulary of at most ``vocab_size`` tokens from a text."""

    @abstractmethod
    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """The ids of a text: an int32 array of shape ``(tokens,)``."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids stand for."""

    def tokenize(self, text: str) -> list[str]:
        """What a text is cut into, for people to look at; an unknown token is ``<unk>``.

        >>> WordTokenizer.train("to be or not to be").tokenize("to be seen")
        ['to', ' be', '<unk>']
        """
        return [self.tokens[i] for i in self.encode(text)]

    @abstractmethod
    def _content(self) -> dict[str, Any]:
        """What ``save`` has to write so that ``_from_content`` can make the same tokenizer."""

    @classmethod
    @abstractmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        """The tokenizer that ``_content`` describes, or a UserError that says what about it is wrong."""

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to a JSON file, whole or not at all; ``load_tokenizer`` reads it."""
        content = {"format": FORMAT, "version": VERSION, "kind": self.kind, **self._content()}
        write_atomically(path, json.dumps(content, indent=1) + "\n")

    def _checked(self, ids: Iterable[int]) -> list[int]:
        """The ids as a list of ints, all of them in the vocabulary."""
        array = np.asarray(ids if isinstance(ids, np.ndarray | Sequence) else list(ids))
        if not array.size:
            return []
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise UserError("Expected ids as a flat sequence of whole numbers; decode the texts of a batch one by one.")
        if not 0 <= array.min() <= array.max() < self.vocab_size:
            wrong = array[(array < 0) | (array >= self.vocab_size)][0]
            raise UserError(
                f"{wrong} is no id of this tokenizer: its ids are 0 to {self.vocab_size - 1}. "
                "Decode with the tokenizer that encoded."
            )
        return array.tolist()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size})"


def require_text(text: str) -> None:
    if not text:
        raise UserError("The training text is empty; a tokenizer needs some text to learn from.")


def most_frequent(counts: Counter[str], vocab_size: int | None) -> list[str]:
    """The most frequent keys, as many as leave an id for the unknown; of equals, the first seen."""
    if vocab_size is not None and vocab_size < 2:
        raise UserError(f"vocab_size={vocab_size} is too small: the unknown token takes one id. Give 2 or more.")
    return [key for key, _ in counts.most_common(None if vocab_size is None else vocab_size - 1)]


def unknown(what: str, found: Iterable[str]) -> UserError:
    """The error for a strict ``encode``: it names the first ten different unknowns."""
    distinct = list(dict.fromkeys(found))
    named = ", ".join(map(repr, distinct[:10]))
    more = f" and {len(distinct) - 10} more" if len(distinct) > 10 else ""
    return UserError(
        f"The text has {what} that the tokenizer does not know: {named}{more}. "
        "Remove or replace them, or encode with strict=False."
    )
