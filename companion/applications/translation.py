"""Chinese sentences and their English: pairs, a split in which nothing is nearly repeated, a baseline, and scores.

The sentences are those of *hsk-sentences-audio* 1.0.0 (CC BY-SA 4.0): 4,000 short ones, graded for learners. The
command ``python -m companion translate`` is here too. Chapter: *translation*.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.corpora import dates
from companion.corpora.sentences import Sentence
from companion.errors import UserError

if TYPE_CHECKING:
    from companion.tokenizers import PairVocabulary, Vocabulary

# The command
EXAMPLES = "'3 March 2021' or 'forty-two thousand and seventeen'"


def english(vocabulary: "PairVocabulary", ids: Sequence[int]) -> str:
    """The sentence that pieces make."""
    return "".join(vocabulary.target.decode(ids)).strip()


# ------------------------------------------------------------------------------------------------------------
# A baseline, and scores


def nearest(training: Sequence[Sentence], chinese: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The most similar training sentence of each sentence, and how similar it is, from 0 to 1.

    By the cosine of tf-idf weights over characters and pairs of characters. Its translation is the baseline.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    known = weigh.fit_transform([pair.zh for pair in training])
    likeness = (weigh.transform(chinese) @ known.T).toarray()
    return likeness.argmax(axis=1), likeness.max(axis=1)


CHINESE = re.compile(r"[\u3400-\u9fff]")


def date_source(text: str, vocabulary: "Vocabulary", to: str) -> tuple[np.ndarray, list[str]]:
    """Ids of a date or a number, for the recipe ``dates``.

    Raises
    ------
    UserError
        The text is empty, Chinese, or has a word that no date and no number has.
    """
    tokens = dates.source_tokens(text, to)
    if len(tokens) == 1:
        raise UserError(f"There is nothing to translate; give a date or a number in English, such as {EXAMPLES}.")
    if CHINESE.search(text):
        raise UserError(f"{text!r} is Chinese, and dates are read in English, such as {EXAMPLES}; or add --sentences.")
    if unknown := [token for token in tokens if token not in vocabulary]:
        raise UserError(
            f"{', '.join(map(repr, dict.fromkeys(unknown)))} occurs in none of the dates and numbers that this network "
            f"has learnt; write in English, such as {EXAMPLES}."
        )
    return vocabulary.encode(tokens), []


def chinese_source(text: str, vocabulary: "Vocabulary", _to: str = "en") -> tuple[np.ndarray, list[str]]:
    """Ids of a Chinese sentence, for the recipe ``sentences``, and its characters that are unknown.

    Raises
    ------
    UserError
        The text is empty, or no Chinese, or all unknown.
    """
    characters = list("".join(text.split()))
    if not characters:
        raise UserError("There is nothing to translate; give a Chinese sentence, such as '我在家。'.")
    if not CHINESE.search(text):
        raise UserError(f"{text!r} is not Chinese; give a sentence in Chinese characters, such as '我在家。'.")
    unknown = [c for c in dict.fromkeys(characters) if c not in vocabulary]
    if not any(CHINESE.match(c) for c in characters if c in vocabulary):
        raise UserError(
            f"No character of {text!r} occurs in the sentences that this network has learnt; try '我在家。'."
        )
    return vocabulary.encode(characters), unknown
