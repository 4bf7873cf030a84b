"""A token for each character."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Self

import numpy as np

from companion.errors import UserError, check_text
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
)


class CharTokenizer(Tokenizer):
    """One token per character.

    Id 0 stands for every character that isn't known; it decodes to U+FFFD, the replacement
    character. The known characters follow in the order of their code points.

    Parameters
    ----------
    characters
        The known characters: different strings of length 1.

    Raises
    ------
    UserError
        One of them isn't a single character, or occurs twice.

    Examples
    --------
    >>> tokenizer = CharTokenizer.train("hello")
    >>> tokenizer.tokens
    ['<unk>', 'e', 'h', 'l', 'o']
    >>> tokenizer.encode("hole").tolist()
    [2, 4, 3, 1]
    >>> tokenizer.encode("help").tolist()
    [2, 1, 3, 0]
    """

    kind = "char"
    unknown_id = 0

    def __init__(self, characters: Iterable[str]) -> None:
        known = sorted(distinct_strings(characters, "characters"))
        if wrong := [c for c in known if len(c) != 1 or SURROGATE.match(c)]:
            raise UserError(f"{wrong[0]!r} isn't one character.")
        self.tokens = [UNKNOWN_NAME, *known]
        self._id_of_code_point = np.zeros(ord(known[-1]) + 2 if known else 1, dtype=np.int32)
        for i, character in enumerate(known, start=1):
            self._id_of_code_point[ord(character)] = i

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Learn all the text's characters, or the ``vocab_size - 1`` most frequent.

        Raises
        ------
        UserError
            The text is empty, or ``vocab_size`` leaves no room for a character.
        """
        check_training(text, vocab_size, 2, "the unknown token takes one id")
        counts = Counter(text)
        return cls(most_frequent(Counter({c: n for c, n in counts.items() if not SURROGATE.match(c)}), vocab_size))

    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """One id for each character, int32, ``(len(text),)``; an unknown character is id 0.

        Raises
        ------
        UserError
            It isn't text.
        UnknownTextError
            With ``strict``: the text has unknown characters.
        """
        check_text(text)
        code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        last = len(self._id_of_code_point) - 1  # an entry of 0, which serves every code point beyond the table
        ids = self._id_of_code_point[np.minimum(code_points, last)]
        if strict:
            refuse_unknown("characters", (text[i] for i in np.flatnonzero(ids == self.unknown_id)))
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
        (characters,) = listed(content, "tokens")
        return cls(characters)
