"""What every tokenizer can do, and the pieces that a text is cut into first.

A tokenizer learns from a text (``train``), turns text into ids and back (``encode``, ``decode``) and is kept in a file
(``save``; `companion.tokenizers.load_tokenizer` reads it). There are three: by character, by word, and by pieces learnt
from the text. They keep one promise: ``decode(encode(text, strict=True))`` is the text, or ``encode`` says what it
doesn't know.

Chapter: *tokens*.
"""

import functools
import json
import numbers
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from companion.errors import UserError, check_text
from companion.storage import write_atomically

FORMAT = "gate-by-gate tokenizer"
VERSION = 1

UNKNOWN_NAME = "<unk>"  # what an unknown token is called where tokens are listed
UNKNOWN_TEXT = "\N{REPLACEMENT CHARACTER}"  # what it decodes to

# How GPT-2 cuts a text into pieces (Radford et al. 2019, encoder.py): English clitics; a run of letters, of
# digits or of other signs, each with at most one space before it; white space, of which the last space goes
# to the next piece. Every character is in exactly one piece, so the pieces joined are the text.
PIECE = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

# Halves of characters in UTF-16. A Python string can hold them, but no text in UTF-8 can, so they count as unknown.
SURROGATE = re.compile("[\ud800-\udfff]")


def split_pieces(text: str) -> list[str]:
    """Cut a text into words, numbers, punctuation and white space, losing nothing.

    >>> split_pieces("I'll read 2 books, now.")
    ['I', "'ll", ' read', ' 2', ' books', ',', ' now', '.']

    Raises
    ------
    UserError
        It isn't text.
    """
    check_text(text)
    return _cutter()(text)


@functools.cache
def _cutter() -> Callable[[str], list[str]]:
    import regex  # here, because it has no version for the browser, where exercises run that cut no text

    return regex.compile(PIECE).findall


class UnknownTextError(UserError):
    """A text holds something that its tokenizer has no token for.

    Attributes
    ----------
    unknown : list of str
        The unknown characters or words, each once, in the order of the text.
    """

    def __init__(self, message: str, unknown: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.unknown = list(unknown)


class Tokenizer(ABC):
    """What the three tokenizers share.

    Attributes
    ----------
    tokens : list of str
        What each id stands for, in the order of the ids (BPE: its bytes, each as one printable character).
    unknown_id : int or None
        The id that stands for everything the tokenizer doesn't know; None for BPE, which knows every text.
    """

    kind: ClassVar[str]
    unknown_id: ClassVar[int | None]
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
        """The ids of a text: an int32 array of shape ``(tokens,)``.

        Parameters
        ----------
        text
            Any string.
        strict
            Refuse a text that ``decode`` wouldn't give back, instead of putting a stand-in for unknown parts.

        Raises
        ------
        UserError
            It isn't text.
        UnknownTextError
            With ``strict``: the text has unknown parts; the error names them.
        """

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids stand for. It can always be printed and written as UTF-8.

        Raises
        ------
        UserError
            Something isn't an id of this tokenizer.
        """

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of ids, piece by piece, each as soon as it is certain; joined, the pieces are ``decode(ids)``.

        No piece ends inside a character. Ids are requested one at a time, so they may come from a model that is still
        writing.
        """
        for i in ids:
            if piece := self.decode([i]):
                yield piece

    def tokenize(self, text: str) -> list[str]:
        """What a text is cut into, for people to look at; an unknown token is ``<unk>``.

        >>> from companion.tokenizers import WordTokenizer
        >>> WordTokenizer.train("to be or not to be").tokenize("to be seen")
        ['to', ' be', '<unk>']
        """
        return [self.tokens[i] for i in self.encode(text)]

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to a JSON file, whole or not at all; ``load_tokenizer`` reads it."""
        content = {"format": FORMAT, "version": VERSION, "kind": self.kind, **self._content()}
        write_atomically(path, json.dumps(content, indent=1) + "\n")

    @abstractmethod
    def _content(self) -> dict[str, Any]:
        """What ``save`` has to write so that ``_from_content`` can make the same tokenizer."""

    @classmethod
    @abstractmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        """The tokenizer that ``_content`` describes, or a UserError that says what is wrong with it."""

    def _checked(self, ids: Iterable[int]) -> list[int]:
        """The ids as a list of ints, all of them in the vocabulary."""
        try:
            array = np.asarray(ids if isinstance(ids, np.ndarray | Sequence) else list(ids))
        except (TypeError, ValueError):  # nothing to iterate over, or rows of different lengths
            array = np.zeros((0, 0))
        if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
            raise UserError("Expected ids as a flat sequence of whole numbers; decode the texts of a batch one by one.")
        if array.size and not 0 <= array.min() <= array.max() < self.vocab_size:
            wrong = array[(array < 0) | (array >= self.vocab_size)][0]
            raise UserError(
                f"{wrong} isn't an id of this tokenizer; its ids are 0 to {self.vocab_size - 1}. "
                "Decode with the tokenizer that encoded."
            )
        return array.tolist()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size})"


# ------------------------------------------------------------------------------------------------------------
# Checks that the tokenizers share


def check_training(text: str, vocab_size: int | None, least: int, why: str) -> None:
    """Raise a `UserError` unless there is text to learn from and room for what is always in the vocabulary."""
    check_text(text)
    if not text:
        raise UserError("The training text is empty; a tokenizer needs some text to learn from.")
    if vocab_size is None:
        return
    if not isinstance(vocab_size, numbers.Integral) or isinstance(vocab_size, bool) or vocab_size < least:
        raise UserError(f"vocab_size is {vocab_size!r}; it should be a whole number from {least}, because {why}.")


def most_frequent(counts: Counter[str], vocab_size: int | None) -> list[str]:
    """The most frequent keys, leaving one id for the unknown; ties go to the key seen first."""
    return [key for key, _ in counts.most_common(None if vocab_size is None else vocab_size - 1)]


def refuse_unknown(what: str, found: Iterable[str]) -> None:
    """Raise the error of a strict ``encode``, which names the first ten different unknowns, if there are any."""
    if distinct := list(dict.fromkeys(found)):
        named = ", ".join(map(repr, distinct[:10]))
        more = f" and {len(distinct) - 10} more" if len(distinct) > 10 else ""
        raise UnknownTextError(
            f"The text has {what} that the tokenizer doesn't know: {named}{more}. "
            "Leave them out, or use a model whose training text has them.",
            distinct,
        )


def distinct_strings(values: Any, name: str = "tokens") -> list[str]:
    """The values as a list, or a UserError unless they are different strings."""
    values = list(values) if isinstance(values, Iterable) and not isinstance(values, dict) else None
    if values is None or not all(isinstance(value, str) for value in values):
        raise UserError(f"The {name} should be a list of strings.")
    if twice := [value for value, count in Counter(values).items() if count > 1]:
        raise UserError(f"{twice[0]!r} occurs twice among the {name}.")
    return values


def listed(content: dict[str, Any], required: str, *optional: str) -> list[Any]:
    """The lists of a saved tokenizer by their keys, an empty one for an optional key that is missing."""
    if required not in content:
        raise UserError(f"{required!r} is missing.")
    if unexpected := content.keys() - {"format", "version", "kind", required, *optional}:
        raise UserError(f"{min(unexpected)!r} doesn't belong there.")
    found = [content.get(key, []) for key in (required, *optional)]
    for key, value in zip((required, *optional), found, strict=True):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise UserError(f"{key!r} should be a list of strings.")
    return found
