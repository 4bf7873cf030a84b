"""A token for each word, with the space before it."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from companion.errors import UserError
from companion.tokenizers.base import (
    NOT_IN_JSON,
    UNKNOWN_ID,
    UNKNOWN_NAME,
    UNKNOWN_TEXT,
    Tokenizer,
    most_frequent,
    require_text,
    split_pieces,
    unknown,
)
from companion.tokenizers.bpe import distinct_strings


class WordTokenizer(Tokenizer):
    """One token a word, number or run of punctuation, together with the space before it.

    Id 0 stands for every piece that is not in the vocabulary; it decodes to U+FFFD, the replacement
    character. The known pieces follow, the most frequent first. A text without unknown pieces is decoded
    exactly.

    >>> tokenizer = WordTokenizer.train("the cat and the bird and the cat", vocab_size=5)
    >>> tokenizer.tokens
    ['<unk>', ' cat', ' and', ' the', 'the']
    >>> tokenizer.encode("the cat and the bird").tolist()
    [4, 1, 2, 3, 0]
    """

    kind = "word"

    def __init__(self, pieces: Iterable[str]) -> None:
        self.tokens = [UNKNOWN_NAME, *pieces]
        self._id_of = {piece: i for i, piece in enumerate(self.tokens) if i}

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Know all the text's pieces, or as many of the most frequent as leave an id for the unknown.

        Raises
        ------
        UserError
            The text is empty, or ``vocab_size`` leaves no room for a piece.
        """
        require_text(text)
        pieces = Counter(piece for piece in split_pieces(text) if not NOT_IN_JSON.search(piece))
        return cls(most_frequent(pieces, vocab_size))

    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """One id for each piece of ``split_pieces(text)``.

        Parameters
        ----------
        text
            Any string.
        strict
            Raise an error for unknown pieces, where otherwise they become id 0.

        Returns
        -------
        int32 array of shape ``(tokens,)``

        Raises
        ------
        UserError
            ``strict``, and the text has unknown pieces: the message names them.
        """
        pieces = split_pieces(text)
        ids = np.fromiter((self._id_of.get(piece, UNKNOWN_ID) for piece in pieces), np.int32, len(pieces))
        if strict and not ids.all():
            raise unknown("words", (pieces[i] for i in np.flatnonzero(ids == UNKNOWN_ID)))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The pieces of the ids, put together."""
        return "".join(self.tokens[i] if i else UNKNOWN_TEXT for i in self._checked(ids))

    def _content(self) -> dict[str, Any]:
        return {"tokens": self.tokens[1:]}

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        tokens = distinct_strings(content)
        if wrong := [t for t in tokens if split_pieces(t) != [t]]:
            raise UserError(f"its token {wrong[0]!r} is not one piece as this package cuts text")
        return cls(tokens)
