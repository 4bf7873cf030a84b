"""Counterfactual data augmentation: the same text with the words of two groups exchanged [1]_ [2]_.

In a text and its copy together, both groups occur in the same contexts. Chapter: *bias*.

References
----------
.. [1] Lu, Mardziel, Wu, Amancharla & Datta 2020, *Gender Bias in Neural Natural Language Processing*.
.. [2] Zhao, Wang, Yatskar, Ordonez & Chang 2018, *Gender Bias in Coreference Resolution*.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from companion.errors import UserError

GENDERED = (
    ("he", "she"),
    ("himself", "herself"),
    ("man", "woman"),
    ("men", "women"),
    ("lord", "lady"),
    ("lords", "ladies"),
    ("lordship", "ladyship"),
    ("king", "queen"),
    ("kings", "queens"),
    ("prince", "princess"),
    ("duke", "duchess"),
    ("emperor", "empress"),
    ("sir", "madam"),
    ("master", "mistress"),
    ("gentleman", "gentlewoman"),
    ("gentlemen", "gentlewomen"),
    ("husband", "wife"),
    ("husbands", "wives"),
    ("father", "mother"),
    ("fathers", "mothers"),
    ("brother", "sister"),
    ("brothers", "sisters"),
    ("son", "daughter"),
    ("sons", "daughters"),
    ("uncle", "aunt"),
    ("nephew", "niece"),
    ("boy", "girl"),
    ("boys", "girls"),
    ("bridegroom", "bride"),
    ("widower", "widow"),
)
"""Pairs of words that differ in the gender of the person meant. `Swap` adds his, him, her, hers."""

_AMBIGUOUS = ("his", "him", "her", "hers")


@dataclass(frozen=True)
class Swap:
    """A function that exchanges the words of each pair in a text, keeping their case.

    "Her" corresponds to two words, *his* and *him*. The next word tells which one is meant: a noun or an adjective
    follows *his*, anything else *him*. `learn` finds in a text which words follow which.

    >>> Swap((("king", "queen"), ("he", "she")))("The King says he's no QUEEN's fool.")
    "The Queen says she's no KING's fool."

    Attributes
    ----------
    pairs
        Words in lower case. No word may occur in two pairs.
    after_him
        The words that follow *him* rather than *his*; None leaves his, him, her and hers alone.

    Raises
    ------
    UserError
        A pair isn't two different words in lower case, a word occurs in two pairs, or there is nothing to exchange.
    """

    pairs: tuple[tuple[str, str], ...] = GENDERED
    after_him: frozenset[str] | None = None
    _other: dict[str, str] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        words = [word for pair in self.pairs for word in pair]
        if not words and self.after_him is None:
            raise UserError("There is nothing to exchange; give at least one pair of words.")
        for pair in self.pairs:
            if len(pair) != 2 or not all(word.isalpha() and word.islower() for word in pair):
                raise UserError(f"{pair!r} can't be exchanged; expected a pair of words in lower-case letters.")
        if twice := [word for word, times in Counter(words).items() if times > 1]:
            raise UserError(f"{twice[0]!r} occurs twice in the pairs, so it could be swapped for two words; keep one.")
        if self.after_him is not None and (own := set(words) & set(_AMBIGUOUS)):
            raise UserError(f"{min(own)!r} is exchanged by the rule for pronouns; leave it out of the pairs.")
        object.__setattr__(self, "_other", {a: b for x, y in self.pairs for a, b in ((x, y), (y, x))})

    @classmethod
    def learn(cls, text: str, pairs: tuple[tuple[str, str], ...] = GENDERED) -> Self:
        """A swap that includes the four pronouns, by which words follow *him* more often than *his* in a text."""
        found = Counter((m[1].lower(), m[2].lower()) for m in re.finditer(r"\b(his|him)\b\s+([a-z]+)", text, re.I))
        followers = {word for _, word in found}
        return cls(pairs, frozenset(word for word in followers if found["him", word] > found["his", word]))

    def __call__(self, text: str) -> str:
        """The text with every word of a pair exchanged for the other one."""
        words = [*self._other, *(_AMBIGUOUS if self.after_him is not None else ())]
        pattern = re.compile(rf"\b({'|'.join(sorted(words, key=len, reverse=True))})\b(?=(\s+([a-z]+))?)", re.I)
        return pattern.sub(lambda m: _as_written(m[1], self._exchange(m[1].lower(), m[3])), text)

    def possessive(self, follower: str | None) -> bool:
        """Whether *her* before this word means *his*; None means that no word follows."""
        return follower is not None and follower.lower() not in (self.after_him or ())

    def _exchange(self, word: str, follower: str | None) -> str:
        if word in self._other:
            return self._other[word]
        if word == "her":
            return "his" if self.possessive(follower) else "him"
        if word == "his":
            return "her" if follower else "hers"
        return {"him": "her", "hers": "his"}[word]

    def told_apart(self, text: str) -> tuple[int, int]:
        """How many of a text's *his* and *him* the rule would restore if all were *her*, and how many there are."""
        found = [(m[1].lower(), m[3]) for m in re.finditer(r"\b(his|him)\b(?=(\s+([a-z]+))?)", text, re.I)]
        return sum((word == "his") == self.possessive(follower) for word, follower in found), len(found)


def _as_written(word: str, other: str) -> str:
    """The other word in the case of the first: all capitals, a capital, or none."""
    if word.isupper() and len(word) > 1:
        return other.upper()
    return other.capitalize() if word[0].isupper() else other
