"""Summaries without a network, and how any summary is scored.

Sentences are chosen by where they stand, by how central their words are, or by a language model's surprisal; ROUGE
compares what was chosen, or written, with what a person wrote. Chapter: *summarisation*.
"""

import functools
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from companion.docstrings import is_english, sentences, words
from companion.errors import UserError
from companion.ngrams import NGramModel

ROUGE = ("rouge1", "rouge2", "rougeL")
SHORTEST = 3  # sentences from which there is something to choose


# ----------------------------------------------------------------------------------------------------------------------
# Scores


class Interval(NamedTuple):
    """A mean and the interval that holds it with 95 % probability, as far as the items are a fair sample."""

    mean: float
    low: float
    high: float


def rouge(predictions: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """ROUGE-1, ROUGE-2 and ROUGE-L of each prediction, F1 from 0 to 1, shape ``(items, 3)``.

    Computed by the package rouge-score with Porter's stemmer, so that *returns* matches *return*. Source: Lin 2004.

    Raises
    ------
    UserError
        There are not as many predictions as references.
    """
    if len(predictions) != len(references):
        raise UserError(f"There are {len(predictions)} predictions for {len(references)} references; give one for each.")
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE), use_stemmer=True)
    scores = [scorer.score(*pair) for pair in zip(references, predictions, strict=True)]
    return np.array([[score[kind].fmeasure for kind in ROUGE] for score in scores]).reshape(-1, len(ROUGE))


def bootstrap(values: np.ndarray, seed: int = 0, draws: int = 2000) -> Interval:
    """The mean over items with its 95 % percentile bootstrap interval.

    Parameters
    ----------
    values
        One number an item, shape ``(items,)``. For two systems on the same items, their differences.
    seed, draws
        How the items are drawn again, with replacement. Source: Efron 1979.
    """
    values = np.asarray(values, dtype=float)
    rows = np.random.default_rng(seed).integers(len(values), size=(draws, len(values)))
    low, high = np.percentile(values[rows].mean(axis=1), [2.5, 97.5])
    return Interval(float(values.mean()), float(low), float(high))


# ----------------------------------------------------------------------------------------------------------------------
# Choosing a sentence


def lead(text: str) -> str:
    """The first sentence."""
    return sentences(text)[0]


class Centrality:
    """The most central sentence: the one whose weighted words point most nearly where the whole text points.

    Parameters
    ----------
    texts
        A word that is in many of these counts little (inverse document frequency, by scikit-learn).
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer = TfidfVectorizer(tokenizer=words, token_pattern=None, lowercase=False, sublinear_tf=True)
        self._texts = self._vectorizer.fit_transform(texts)

    def scores(self, text: str) -> np.ndarray:
        """The cosine between each sentence and the text, shape ``(sentences,)``."""
        rows = self._vectorizer.transform([text, *sentences(text)])
        return np.asarray((rows[1:] @ rows[0].T).todense()).ravel()

    def __call__(self, text: str) -> str:
        """The sentence with the highest score."""
        return sentences(text)[int(self.scores(text).argmax())]

    def nearest(self, texts: Sequence[str]) -> np.ndarray:
        """For each text, which of the texts it was made from is most like it, shape ``(len(texts),)``."""
        return np.asarray((self._vectorizer.transform(texts) @ self._texts.T).todense()).argmax(axis=1)


# ----------------------------------------------------------------------------------------------------------------------
# Choosing by surprisal


class Reader:
    """A word trigram model that also remembers the words of a few sentences it was shown first.

    The probability of a word is ``(1 - MEMORY) * p(word | two words before) + MEMORY * share``, where share is how
    large a part of the sentences shown first the word makes up. Without any, it is the trigram's alone. Source of the
    mixture: Kuhn & De Mori 1990, a cache.

    Parameters
    ----------
    text
        What the trigrams are counted in. Words that occur once stand for all unknown ones, each equally probable.
    """

    MEMORY = 0.2

    def __init__(self, text: str) -> None:
        tokens = words(text)
        counts = Counter(tokens)
        self._id_of = {word: n for n, word in enumerate((w for w in counts if counts[w] > 1), start=1)}
        self._rare = sum(count == 1 for count in counts.values()) or 1
        self._model = NGramModel(3, vocab_size=len(self._id_of) + 1).fit(self._ids(tokens))

    def _ids(self, tokens: Sequence[str]) -> np.ndarray:
        return np.array([self._id_of.get(token, 0) for token in tokens], dtype=np.int64)

    def probabilities(self, tokens: Sequence[str]) -> np.ndarray:
        """What the trigrams alone give each token, shape ``(tokens,)``."""
        ids = self._ids(tokens)
        p = np.exp(self._model.log_probabilities(ids))
        return np.where(ids == 0, p / self._rare, p)

    def bits(self, tokens: Sequence[str], shown: Sequence[str] = ()) -> np.ndarray:
        """What each token costs, in bits, after some tokens were shown, shape ``(tokens,)``."""
        p = self.probabilities(tokens)
        if shown:
            counts = Counter(shown)
            share = np.array([counts[token] / len(shown) for token in tokens])
            p = (1 - self.MEMORY) * p + self.MEMORY * share
        return -np.log2(p)
