"""Translation with two networks: dates and numbers into Chinese or ISO 8601, Chinese sentences into English.

A date or a number has one right translation, which a rule can give too, so the network's is compared with it. For a
sentence the right one isn't known; the network can only say how probable it finds its own. Chapter: *translation*.
"""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from companion.corpora.date_reading import EXAMPLES, read_phrase
from companion.corpora.dates import english_tokens, source_tokens
from companion.corpora.sentences import Sentence
from companion.errors import UserError, check_text, shown

if TYPE_CHECKING:
    from companion.recipes import Trained
    from companion.tokenizers import PairVocabulary, Vocabulary

CHINESE = re.compile(r"[\u3400-\u9fff]")
SENTENCE_EXAMPLE = "他是我的老师。"  # of the training sentences: He is my teacher.
LONGEST_TRANSLATION = 60  # tokens
SURE = 0.7  # mean probability of a piece; two in three training sentences above this are right, 1 in 50 below


class Translation(NamedTuple):
    """A network's translation, and what a reader should know about it.

    Attributes
    ----------
    text
        The translation.
    remarks
        How the input was read, and whether the result is wrong or uncertain, as sentences; may be empty.
    """

    text: str
    remarks: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------------------
# Dates and numbers


def date_source(text: str, vocabulary: "Vocabulary", to: str) -> tuple[np.ndarray, list[str]]:
    """Ids of a date or a number, for the recipe ``dates``, and an empty list of unknown tokens.

    Raises
    ------
    UserError
        The text is empty, Chinese, or not a date or number that the network has learnt to read.
    """
    check_text(text)
    if CHINESE.search(text):
        raise UserError(
            f"{shown(text)} is Chinese, but dates are read in English, such as {EXAMPLES}; for Chinese sentences use "
            "the option --sentences."
        )
    return vocabulary.encode(source_tokens(read_phrase(text).english, to)), []


def translate_phrase(text: str, to: str = "zh", trained: "Trained | None" = None) -> Translation:
    """A date or a number, translated by the network and compared with the rule.

    Parameters
    ----------
    text
        What `companion.corpora.date_reading.read_phrase` can read.
    to
        ``"zh"`` or ``"iso"``.
    trained
        The recipe ``dates``, which is the default, or one like it.

    Raises
    ------
    UserError
        As in `date_source`.
    """
    from companion.generation import decode
    from companion.recipes import load_recipe

    trained = trained or load_recipe("dates")
    vocabularies = trained.vocabularies
    source, _ = date_source(text, vocabularies.source, to)
    phrase = read_phrase(text)
    (ids,) = decode(trained.model, [source], LONGEST_TRANSLATION)
    written, right = "".join(vocabularies.target.decode(ids)), getattr(phrase, to)
    remarks = []
    if english_tokens(phrase.english) != english_tokens(text):
        remarks.append(f"read as {phrase.english!r}")
    if written != right:
        remarks.append(f"the network is wrong here: by rule it is {right}")
    return Translation(written, tuple(remarks))


# ------------------------------------------------------------------------------------------------------------
# Sentences


def english(vocabulary: "PairVocabulary", ids: Sequence[int]) -> str:
    """The sentence that pieces make."""
    return "".join(vocabulary.target.decode(ids)).strip()


def chinese_source(text: str, vocabulary: "Vocabulary", _to: str = "en") -> tuple[np.ndarray, list[str]]:
    """Ids of a Chinese sentence, for the recipe ``sentences``, and its unknown characters.

    Raises
    ------
    UserError
        The text is empty, isn't Chinese, or has no known Chinese character.
    """
    check_text(text)
    characters = list("".join(text.split()))
    if not characters:
        raise UserError(f"There is nothing to translate; give a Chinese sentence, such as {SENTENCE_EXAMPLE!r}.")
    if not CHINESE.search(text):
        raise UserError(
            f"{shown(text)} isn't Chinese; give a sentence in Chinese characters, such as {SENTENCE_EXAMPLE!r}."
        )
    unknown = [c for c in dict.fromkeys(characters) if c not in vocabulary]
    if not any(CHINESE.match(c) for c in characters if c in vocabulary):
        raise UserError(
            f"No character of {shown(text)} occurs in the sentences that this network has learnt; try "
            f"{SENTENCE_EXAMPLE!r}."
        )
    return vocabulary.encode(characters), unknown


def translate_sentence(text: str, trained: "Trained | None" = None) -> Translation:
    """A Chinese sentence, translated into English by the network, with a warning if it isn't sure.

    Parameters
    ----------
    text
        One sentence.
    trained
        The recipe ``sentences``, which is the default, or one like it.

    Raises
    ------
    UserError
        As in `chinese_source`.
    """
    from companion.generation import decode, log_softmax
    from companion.recipes import load_recipe
    from companion.tokenizers import Pairs

    trained = trained or load_recipe("sentences")
    vocabularies = trained.vocabularies
    source, unknown = chinese_source(text, vocabularies.source)
    (ids,) = decode(trained.model, [source], LONGEST_TRANSLATION)
    read, written, target = Pairs([source], [ids]).batch([0])
    log_p = log_softmax(np.asarray(trained.network([read, written]), dtype=np.float64)[0])
    probability = float(np.exp(log_p[np.arange(target.size), target[0]].mean()))  # the end is a piece too
    remarks = [] if len(ids) else ["the network wrote nothing"]
    if unknown:
        remarks.append(f"never seen in training, so read as unknown: {' '.join(unknown)}")
    if probability < SURE:
        remarks.append(
            f"don't trust this: the network gave each piece a probability of {probability:.0%} on average, and it has "
            "read only a few thousand sentences"
        )
    return Translation(english(vocabularies, ids), tuple(remarks))


# ------------------------------------------------------------------------------------------------------------
# A baseline


def nearest(training: Sequence[Sentence], chinese: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The most similar training sentence of each sentence, and how similar it is, from 0 to 1.

    Similarity is the cosine of tf-idf weights over characters and pairs of characters. The training sentence's
    translation is the baseline.

    Raises
    ------
    UserError
        There are no training sentences.
    """
    if not training:
        raise UserError("There are no training sentences to search; give at least one.")
    from sklearn.feature_extraction.text import TfidfVectorizer

    weigh = TfidfVectorizer(analyzer="char", ngram_range=(1, 2), sublinear_tf=True)
    known = weigh.fit_transform([pair.zh for pair in training])
    likeness = (weigh.transform(chinese) @ known.T).toarray()
    return likeness.argmax(axis=1), likeness.max(axis=1)
