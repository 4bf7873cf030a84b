"""A token for each character."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from companion.errors import UserError
from companion.tokenizers.base import (
    UNKNOWN_ID,
    UNKNOWN_NAME,
    UNKNOWN_TEXT,
    Tokenizer,
    most_frequent,
    require_text,
    unknown,
)
from companion.tokenizers.bpe import distinct_strings

CODE_POINTS = 0x110000  # everything a Python string can hold in one place


class CharTokenizer(Tokenizer):
    """One token a character.

    Id 0 stands for every character the training text did not have; it decodes to U+FFFD, the replacement
    character. The known characters follow in the order of their code points.

    >>> tokenizer = CharTokenizer.train("hello")
    >>> tokenizer.tokens
    ['<unk>', 'e', 'h', 'l', 'o']
    >>> tokenizer.encode("hole").tolist()
    [2, 4, 3, 1]
    >>> tokenizer.encode("help").tolist()
    [2, 1, 3, 0]
    """

    kind = "char"

    def __init__(self, characters: Iterable[str]) -> None:
        known = sorted(characters)
        self.tokens = [UNKNOWN_NAME, *known]
        self._id_of_code_point = np.zeros(ord(known[-1]) + 2 if known else 1, dtype=np.int32)
        for i, character in enumerate(known, start=1):
            self._id_of_code_point[ord(character)] = i

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Know all the text's characters, or as many of the most frequent as leave an id for the unknown.

        Raises
        ------
        UserError
            The text is empty, or ``vocab_size`` leaves no room for a character.
        """
        require_text(text)
        return cls(most_frequent(Counter(text), vocab_size))

    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """One id for each character.

        Parameters
        ----------
        text
            Any string.
        strict
            Raise an error for unknown characters, where otherwise they become id 0.

        Returns
        -------
        int32 array of shape ``(len(text),)``

        Raises
        ------
        UserError
            ``strict``, and the text has unknown characters: the message names them.
        """
        code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        last = len(self._id_of_code_point) - 1  # an entry of zero, for every code point beyond the table
        ids = self._id_of_code_point[np.minimum(code_points, last)]
        if strict and not ids.all():
            raise unknown("characters", (text[i] for i in np.flatnonzero(ids == UNKNOWN_ID)))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The characters of the ids, put together.

        >>> CharTokenizer.train("hello").decode([2, 1, 3, 0])
        'hel\ufffd'
        """
        return "".join(self.tokens[i] if i else UNKNOWN_TEXT for i in self._checked(ids))

    def _content(self) -> dict[str, Any]:
        return {"tokens": self.tokens[1:]}

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        tokens = distinct_strings(content)
        if wrong := [t for t in tokens if len(t) != 1]:
            raise UserError(f"its token {wrong[0]!r} is not one character")
        return cls(tokens)
