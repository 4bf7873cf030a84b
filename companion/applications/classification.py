"""Telling two kinds of text apart: passages of plays, Bayes' rule on language models, and an LSTM.

Both ways of the chapter *Generative or discriminative?* are here. A generative classifier is a language
model for each class, inverted by Bayes' rule; a discriminative one goes from the text to the class and models
nothing else. Passages of one play are similar, so whole plays are held out, and whole plays are drawn for intervals
(`companion.evaluation.group_bootstrap`).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from companion.corpora import load_corpus
from companion.errors import UserError, check_sizes
from companion.ngrams import NGramModel
from companion.seeding import quiet_tensorflow

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

# As divided and ordered in the First Folio's catalogue (1623). Troilus and Cressida, Pericles and Edward III aren't in
# it, and its histories are left out.
COMEDIES = (
    "the-tempest",
    "two-gentlemen-of-verona",
    "the-merry-wives-of-windsor",
    "measure-for-measure",
    "the-comedy-of-errors",
    "much-ado-about-nothing",
    "love-s-labours-lost",
    "a-midsummer-night-s-dream",
    "the-merchant-of-venice",
    "as-you-like-it",
    "the-taming-of-the-shrew",
    "all-s-well-that-ends-well",
    "twelfth-night",
    "a-winter-s-tale",
)
TRAGEDIES = (
    "coriolanus",
    "titus-andronicus",
    "romeo-and-juliet",
    "timon-of-athens",
    "julius-caesar",
    "macbeth",
    "hamlet",
    "king-lear",
    "othello",
    "antony-and-cleopatra",
    "cymbeline",
)
COMEDY, TRAGEDY = 0, 1


def spoken(text: str) -> str:
    """What is said in a play: no headings, speakers' names or stage directions, and one space between words.

    >>> spoken("## ACT I\\n\\n_Thunder_\\n\\n**First Witch**  \\nWhen shall we three\\nmeet again")
    'When shall we three meet again'
    """
    text = re.sub(r"^(#|\*\*).*$", "", text, flags=re.MULTILINE)
    # A direction ends in its paragraph. The edition lacks some underscores, which mustn't cost a scene.
    text = re.sub(r"(?:_+|^)\\?\[[^\]_\n]*[\]_]_?", "", text, flags=re.MULTILINE)
    text = re.sub(r"_+(?:[^_\n]|\n(?!\n))*_+", "", text)
    return printed(text.replace("_", ""))


def printed(text: str) -> str:
    """Everything that is printed, including names and stage directions, with one space between words."""
    return " ".join(text.replace("\\", "").replace("&amp;", "&").split())


def passages(text: str, words: int = 50) -> list[str]:
    """A text cut into passages of ``words`` words; a shorter rest is dropped.

    >>> passages("to be or not to be that", words=3)
    ['to be or', 'not to be']
    """
    if words < 1:
        raise UserError(f"A passage of {words} words can't be cut; words should be at least 1.")
    every = text.split()
    return [" ".join(every[i : i + words]) for i in range(0, len(every) - words + 1, words)]


@dataclass(frozen=True)
class Passages:
    """Labelled passages and the play that each is from.

    Attributes
    ----------
    texts
        The passages, ``(n,)``.
    label
        ``COMEDY`` or ``TRAGEDY``, int64 ``(n,)``.
    play
        The play that each is from, as a place in ``COMEDIES + TRAGEDIES``, int64 ``(n,)``.
    """

    texts: list[str]
    label: IntArray
    play: IntArray


def folio_passages(words: int = 50, cut: Callable[[str], str] = spoken) -> Passages:
    """Passages of the First Folio's 14 comedies and 11 tragedies, play by play.

    Parameters
    ----------
    words
        Length of a passage.
    cut
        `spoken` or `printed`: which part of a play is kept.
    """
    corpus = load_corpus("shakespeare")
    by_play = [passages(cut(corpus.document(title).text), words) for title in COMEDIES + TRAGEDIES]
    play = np.repeat(np.arange(len(by_play)), [len(texts) for texts in by_play])
    return Passages(list(chain.from_iterable(by_play)), (play >= len(COMEDIES)).astype(np.int64), play)


def log_posterior(log_likelihoods: npt.ArrayLike, log_prior: npt.ArrayLike) -> FloatArray:
    """Bayes' rule in logarithms: log p(class | text) from log p(text | class) and log p(class).

    Parameters
    ----------
    log_likelihoods
        In nats, ``(..., classes)``. They may be hundreds of nats below 0, so probabilities are never computed.
    log_prior
        In nats, ``(classes,)``.

    Examples
    --------
    >>> np.exp(log_posterior([-400.0, -401.0], np.log([0.5, 0.5]))).round(2)
    array([0.73, 0.27])
    """
    joint = np.asarray(log_likelihoods, dtype=float) + np.asarray(log_prior, dtype=float)
    return joint - np.logaddexp.reduce(joint, axis=-1, keepdims=True)


class BayesClassifier:
    """An n-gram language model for each class, and Bayes' rule. Of order 1 it is *naive Bayes*.

    Parameters
    ----------
    order
        Order of the models; see `companion.ngrams.NGramModel`.
    vocab_size
        How many token ids there are.
    """

    def __init__(self, order: int, vocab_size: int) -> None:
        self.order = order
        self.vocab_size = vocab_size
        self.models: list[NGramModel] = []
        self.log_prior: FloatArray = np.zeros(0)

    def fit(self, ids: Sequence[npt.NDArray[np.integer]], label: npt.ArrayLike) -> Self:
        """Count the passages of each class.

        Parameters
        ----------
        ids
            Token ids of each passage, ``(n,)`` arrays.
        label
            Class of each passage, 0, 1, ..., ``(n,)``.

        Raises
        ------
        UserError
            The numbers of passages and labels differ, a label isn't a whole number from 0, or a class has no passage.
        """
        label = _labels(ids, label)
        sizes = np.bincount(label)
        if not len(sizes) or not sizes.all():
            raise UserError("A class has no passages to learn from: give at least one passage of every class.")
        self.log_prior = np.log(sizes / len(label))
        self.models = []
        for k in range(len(sizes)):
            text = np.concatenate([passage for passage, its in zip(ids, label, strict=True) if its == k])
            self.models.append(NGramModel(self.order, self.vocab_size).fit(text))
        return self

    def log_likelihoods(self, ids: Sequence[npt.NDArray[np.integer]]) -> FloatArray:
        """log p(passage | class) in nats, ``(passages, classes)``.

        The passages are read as one text, so that the first tokens of each have a context too.

        Raises
        ------
        UserError
            The classifier isn't fitted, or a passage is empty.
        """
        if not self.models:
            raise UserError("This classifier hasn't counted anything yet: call fit(ids, label) first.")
        lengths = np.array([len(i) for i in ids])
        if not len(lengths) or not lengths.all():
            raise UserError("There are no passages, or one is empty; give at least one token for each.")
        starts = np.cumsum(lengths) - lengths
        text = np.concatenate(ids)
        return np.stack([np.add.reduceat(m.log_probabilities(text), starts) for m in self.models], axis=1)

    def log_posterior(self, ids: Sequence[npt.NDArray[np.integer]]) -> FloatArray:
        """log p(class | passage) in nats, ``(passages, classes)``."""
        return log_posterior(self.log_likelihoods(ids), self.log_prior)


def _labels(ids: Sequence[npt.NDArray[np.integer]], label: npt.ArrayLike) -> IntArray:
    """The labels as an array; raise a `UserError` unless there is one whole number from 0 for each passage."""
    label = np.asarray(label)
    if label.shape != (len(ids),):
        raise UserError(f"There are {len(ids)} passages and {label.size} labels; give one label for each passage.")
    whole = label.astype(np.int64)
    if (whole != label).any() or (whole < 0).any():
        raise UserError(f"The labels go from {label.min()} to {label.max()}; expected whole numbers: 0, 1, ...")
    return whole


def word_counts(ids: Sequence[npt.NDArray[np.integer]], vocab_size: int) -> "csr_matrix":
    """How often each token occurs in each passage: a sparse matrix ``(passages, vocab_size)``."""
    from scipy.sparse import csr_matrix

    rows = np.repeat(np.arange(len(ids)), [len(i) for i in ids])
    return csr_matrix((np.ones(len(rows)), (rows, np.concatenate(ids))), shape=(len(ids), vocab_size))


class LSTMClassifier:
    """A small LSTM that reads a passage and returns the log-odds of class 1. Each call of `fit` starts from scratch.

    Parameters
    ----------
    vocab_size
        How many token ids there are.
    length
        How many tokens of a passage are read; shorter passages are padded at the front.
    units
        Width of the embedding and of the LSTM.
    """

    def __init__(self, vocab_size: int, length: int = 64, units: int = 16) -> None:
        check_sizes(vocab_size=vocab_size, length=length, units=units)
        quiet_tensorflow()
        import keras

        self.length = length
        layers = keras.layers
        self.model: keras.Model = keras.Sequential(
            [
                keras.Input((length,), dtype="int32"),
                layers.Embedding(vocab_size + 1, units),  # one more row, for padding
                layers.Dropout(0.5, seed=0),
                layers.LSTM(units, return_sequences=True),
                layers.GlobalAveragePooling1D(),
                layers.Dropout(0.5, seed=1),
                layers.Dense(1),
            ]
        )
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        self.model.compile(keras.optimizers.Adam(3e-3), loss, steps_per_execution=25)  # the same updates, but faster
        self.model.optimizer.build(self.model.trainable_variables)
        self._variables = [*self.model.variables, *self.model.optimizer.variables]
        self._start = [variable.numpy() for variable in self._variables]

    def fit(self, ids: Sequence[npt.NDArray[np.integer]], label: npt.ArrayLike, updates: int = 250) -> Self:
        """Train on passages in random order (NumPy's global generator), 64 per update.

        Parameters
        ----------
        ids, label
            Token ids of each passage and its class, 0 or 1, ``(n,)``.
        updates
            How many steps of Adam.

        Raises
        ------
        UserError
            There are no passages, the numbers of passages and labels differ, or a label isn't 0 or 1.
        """
        check_sizes(updates=updates)
        label = _labels(ids, label)
        if not len(label) or label.max() > 1:
            raise UserError(
                "This classifier learns from passages labelled 0 or 1; give at least one, and no other labels."
            )
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)
        rounds = -(-64 * updates // len(ids))
        order = np.concatenate([np.random.permutation(len(ids)) for _ in range(rounds)])[: 64 * updates]
        filled, target = self._fill(ids), label.astype(np.float32)
        self.model.fit(filled[order], target[order], batch_size=64, shuffle=False, verbose=0)
        return self

    def log_odds(self, ids: Sequence[npt.NDArray[np.integer]]) -> FloatArray:
        """log p(1 | passage) - log p(0 | passage) in nats, ``(passages,)``."""
        return self.model.predict(self._fill(ids), batch_size=512, verbose=0)[:, 0].astype(float)

    def _fill(self, ids: Sequence[npt.NDArray[np.integer]]) -> npt.NDArray[np.int32]:
        filled = np.zeros((len(ids), self.length), dtype=np.int32)
        for row, passage in zip(filled, ids, strict=True):
            kept = passage[: self.length]
            row[self.length - len(kept) :] = kept + 1
        return filled
