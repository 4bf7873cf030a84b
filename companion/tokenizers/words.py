"""A token for each word, with the space before it."""

from collections import Counter
from collections.abc import Iterable
from itertools import islice, repeat
from typing import Any, Self

import numpy as np

from companion.errors import UserError
from companion.tokenizers.base import (
    SURROGATE,
    UNKNOWN_NAME,
    UNKNOWN_TEXT,
    Tokenizer,
    check_training,
    distinct_strings,
    listed,
    most_frequent,
    refuse_unknown,
    split_pieces,
)

EXAMPLES = 100_000  # unknown pieces that are kept; more of them wouldn't make a better speller


class WordTokenizer(Tokenizer):
    """One token per word, number or run of punctuation, together with the space before it.

    Id 0 stands for every piece that isn't in the vocabulary; it decodes to U+FFFD, the replacement
    character. The known pieces follow, the most frequent first. A text without unknown pieces is decoded
    exactly.

    Parameters
    ----------
    pieces
        The known pieces: different strings that `split_pieces` leaves whole.
    unknown_examples
        Unknown pieces of the training text, every occurrence in order. `companion.tokenizers.unknown_nats` learns
        from them how unknown words are spelt.

    Attributes
    ----------
    unknown_examples : list of str
        As given. ``train`` keeps the first 100,000.

    Raises
    ------
    UserError
        One of the strings isn't a single piece, or a known one occurs twice.

    Examples
    --------
    >>> tokenizer = WordTokenizer.train("the cat and the bird and the cat", vocab_size=5)
    >>> tokenizer.tokens, tokenizer.unknown_examples
    (['<unk>', ' cat', ' and', ' the', 'the'], [' bird'])
    >>> tokenizer.encode("the cat and the bird").tolist()
    [4, 1, 2, 3, 0]
    """

    kind = "word"
    unknown_id = 0

    def __init__(self, pieces: Iterable[str], unknown_examples: Iterable[str] = ()) -> None:
        known = distinct_strings(pieces, "words")
        self.unknown_examples = list(unknown_examples)
        for words in (known, dict.fromkeys(self.unknown_examples)):
            if wrong := [word for word in words if SURROGATE.search(word) or split_pieces(word) != [word]]:
                raise UserError(f"{wrong[0]!r} isn't one piece as this package cuts text.")
        self.tokens = [UNKNOWN_NAME, *known]
        self._id_of = {piece: i for i, piece in enumerate(known, start=1)}

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Learn all the text's pieces, or the ``vocab_size - 1`` most frequent.

        Raises
        ------
        UserError
            The text is empty, or ``vocab_size`` leaves no room for a piece.
        """
        check_training(text, vocab_size, 2, "the unknown token takes one id")
        pieces = split_pieces(text)
        if SURROGATE.search(text):  # rare, and it takes longer to look at each piece than to cut the text
            pieces = [piece for piece in pieces if not SURROGATE.search(piece)]
        known = most_frequent(Counter(pieces), vocab_size)
        kept = set(known)
        return cls(known, islice((piece for piece in pieces if piece not in kept), EXAMPLES))

    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """One id for each piece of ``split_pieces(text)``, int32, ``(pieces,)``; an unknown piece is id 0.

        Raises
        ------
        UserError
            It isn't text.
        UnknownTextError
            With ``strict``: the text has unknown pieces.
        """
        pieces = split_pieces(text)
        ids = np.fromiter(map(self._id_of.get, pieces, repeat(self.unknown_id)), np.int32, len(pieces))
        if strict:
            refuse_unknown("words", (pieces[i] for i in np.flatnonzero(ids == self.unknown_id)))
        return ids

    def unknown_pieces(self, text: str) -> list[str]:
        """The pieces of a text that aren't in the vocabulary, every occurrence in order.

        >>> WordTokenizer(["a", " b"]).unknown_pieces("a b c a")
        [' c', ' a']

        Raises
        ------
        UserError
            It isn't text.
        """
        return [piece for piece in split_pieces(text) if piece not in self._id_of]

    def decode(self, ids: Iterable[int]) -> str:
        """The pieces of the ids, put together."""
        return "".join(self.tokens[i] if i else UNKNOWN_TEXT for i in self._checked(ids))

    def _content(self) -> dict[str, Any]:
        examples = {"unknown_examples": self.unknown_examples} if self.unknown_examples else {}
        return {"tokens": self.tokens[1:], **examples}

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        return cls(*listed(content, "tokens", "unknown_examples"))
