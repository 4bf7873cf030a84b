"""Summaries made of a text's own sentences, without a network.

A sentence is chosen because it comes first, because its words are central, or because a language model finds it
surprising. Chapter: *summarisation*.
"""

import functools
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from companion.corpora.docstrings import split_sentences, tokens_of
from companion.errors import UserError
from companion.ngrams import NGramModel

_SENTENCE = re.compile(r"[.!?…][\"'”’)\]]*$")  # ends like a sentence


# ----------------------------------------------------------------------------------------------------------------------
# Choosing a sentence


def lead(text: str) -> str:
    """The first sentence.

    Raises
    ------
    UserError
        The text is empty.
    """
    return _sentences(text)[0]


def cut(text: str, count: int = 10) -> str:
    """The first words of the first sentence."""
    return " ".join(lead(text).split()[:count])


def _sentences(text: str) -> list[str]:
    if found := split_sentences(text):
        return found
    raise UserError("The text is empty, so there is nothing to sum up; give at least one sentence.")


class Centrality:
    """The most central sentence: the one whose vector of weighted words is nearest to that of the whole text.

    Parameters
    ----------
    texts
        The source of the weights: a word that is in many of these texts counts little (inverse document frequency).

    Raises
    ------
    UserError
        There are no texts, or no words in them.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        if not any(tokens_of(text) for text in texts):
            raise UserError("There are no words to weigh; give at least one text with words in it.")
        self._vectorizer = TfidfVectorizer(tokenizer=tokens_of, token_pattern=None, lowercase=False, sublinear_tf=True)
        self._texts = self._vectorizer.fit_transform(texts)

    def scores(self, text: str) -> np.ndarray:
        """The cosine between each sentence and the text, shape ``(sentences,)``."""
        rows = self._vectorizer.transform([text, *split_sentences(text)])
        return np.asarray((rows[1:] @ rows[0].T).todense()).ravel()

    def __call__(self, text: str) -> str:
        """The sentence with the highest score."""
        return _sentences(text)[int(self.scores(text).argmax())]

    def nearest(self, texts: Sequence[str]) -> np.ndarray:
        """For each text, the place of the most similar of the texts given at first, shape ``(len(texts),)``."""
        return np.asarray((self._vectorizer.transform(texts) @ self._texts.T).todense()).argmax(axis=1)


# ----------------------------------------------------------------------------------------------------------------------
# Choosing by surprisal


class TrigramReader:
    """A word trigram model that says how many bits each word of a text costs.

    Parameters
    ----------
    text
        The text to read. Words that occur once share their probability with all unknown ones.

    Examples
    --------
    >>> reader = TrigramReader("the cat sat and the cat ran and the dog sat")
    >>> bool(reader.bits(["the", "cat"]).sum() < reader.bits(["cat", "the"]).sum())
    True
    """

    def __init__(self, text: str) -> None:
        tokens = tokens_of(text)
        counts = Counter(tokens)
        self._id_of = {word: n for n, word in enumerate((w for w in counts if counts[w] > 1), start=1)}
        self._rare = sum(count == 1 for count in counts.values()) or 1
        self._model = NGramModel(3, vocab_size=len(self._id_of) + 1).fit(self._ids(tokens))

    def _ids(self, tokens: Sequence[str]) -> np.ndarray:
        return np.array([self._id_of.get(token, 0) for token in tokens], dtype=np.int64)

    def bits(self, tokens: Sequence[str]) -> np.ndarray:
        """The surprisal of each token after the two before it, shape ``(tokens,)``."""
        ids = self._ids(tokens)
        nats = -self._model.log_probabilities(ids) + np.where(ids == 0, np.log(self._rare), 0.0)
        return nats / np.log(2)

    def scores(self, text: str) -> np.ndarray:
        """The mean bits per token of each sentence, shape ``(sentences,)``; 0 for a sentence without tokens."""
        bits = (self.bits(tokens_of(sentence)) for sentence in split_sentences(text))
        return np.array([costs.mean() if costs.size else 0.0 for costs in bits])

    def __call__(self, text: str) -> str:
        """The most surprising sentence."""
        return _sentences(text)[int(self.scores(text).argmax())]


@functools.lru_cache(maxsize=1)
def manual_reader() -> TrigramReader:
    """The reader of Python's help topics, which come with every Python."""
    from companion.corpora import load_corpus

    return TrigramReader(load_corpus("python-docs").text)


def choose(text: str, scores: np.ndarray, count: int = 3) -> list[str]:
    """The sentences with the highest scores, in the order of the text.

    Headings and other parts that don't end like a sentence are never chosen. Sentences of six tokens or fewer are
    chosen only if there are too few longer ones, and of sentences with the same words only the first is.

    Parameters
    ----------
    text, scores
        A text, and a score for each of its parts from `companion.corpora.docstrings.split_sentences`.
    count
        How many sentences; fewer if the text has fewer.
    """
    parts = split_sentences(text)
    numbers = sentences_to_choose(parts)
    best = sorted(numbers, key=lambda i: (not _is_full(parts[i]), -scores[i]))[:count]
    return [parts[i] for i in sorted(best)]


def sentences_to_choose(parts: Sequence[str]) -> list[int]:
    """The numbers of the parts that are sentences, each different from those before it.

    >>> sentences_to_choose(["On cats", "A cat sleeps.", "It purrs!", "a cat sleeps."])
    [1, 2]
    """
    first: dict[tuple[str, ...], int] = {}
    for number, part in enumerate(parts):
        words = tuple(word for word in tokens_of(part) if word[0].isalnum())
        if words and _SENTENCE.search(part):
            first.setdefault(words, number)
    return list(first.values())


def _is_full(sentence: str) -> bool:
    return len(tokens_of(sentence)) > 6
