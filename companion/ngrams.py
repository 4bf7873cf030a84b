"""Language models that count: n-grams with interpolated, modified Kneser-Ney smoothing.

A text's n-grams are kept as a trie, one sorted array of integers per order. An n-gram is its context (the n-1
tokens before) and its last token, so its key is ``context_number * vocab_size + token``: a single integer, however
long the n-gram, and the n-grams that share a context lie side by side. Counting is then sorting, and looking up is
bisecting, a million at a time.

Sources: R. Kneser and H. Ney, "Improved backing-off for m-gram language modeling", ICASSP 1995;
S. F. Chen and J. Goodman, "An empirical study of smoothing techniques for language modeling", Computer Speech &
Language 13 (1999), section 3 (interpolation and the three discounts). The chapter *How far does counting go?*
builds the method step by step.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
import numpy.typing as npt

from companion.errors import UserError, check_sizes
from companion.keys import IntArray, distinct, places, tally

Ids = npt.NDArray[np.integer] | Sequence[int]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Level:
    """The distinct n-grams of one order, sorted by key: first by context, then by last token."""

    keys: IntArray  # context number * vocab_size + last token
    counts: IntArray  # how often each occurs in the text
    continuations: IntArray  # how many different tokens occur before it


@dataclass(frozen=True)
class _Estimate:
    """One step of the interpolation: p(token | context) = seen + left_over * p(token | context less one token).

    Both arrays have one more element than there are n-grams (contexts): index -1 means "never seen", which has
    no probability of its own and leaves everything to the shorter context.
    """

    seen: FloatArray  # by n-gram: (count - discount) / count of the context
    left_over: FloatArray  # by context: what the discounts took away, / count of the context


class Table(NamedTuple):
    """The distinct n-grams of one order, and what their estimates are made of."""

    contexts: IntArray  # ``(n_grams,)``, the number of each one's context: its place in the table of one order less
    tokens: IntArray  # ``(n_grams,)``, each one's last token; sorted by context, then by token
    counts: IntArray  # ``(n_grams,)``, how often each occurs; below the highest order, after how many different tokens
    discounts: FloatArray  # ``(4,)``, what is taken off a count of 0, 1, 2, and 3 or more


class Counts(NamedTuple):
    """What was counted for each token of a text: int64 arrays of shape ``(tokens,)``, 0 where nothing was."""

    ngram: IntArray  # how often the n-gram that ends here occurred
    context: IntArray  # how often its context, the n-gram without its last token, occurred with something after it
    followers: IntArray  # how many different tokens came after the context


def discounts(counts: IntArray) -> FloatArray:
    """What modified Kneser-Ney takes off an n-gram seen 0, 1, 2, and 3 or more times.

    Parameters
    ----------
    counts
        How often each distinct n-gram of one order occurs, shape ``(n_grams,)``.

    Returns
    -------
    numpy.ndarray
        Shape ``(4,)``, the first element 0. Chen and Goodman (1999), equation 17: with n_k n-grams seen k times
        and Y = n_1 / (n_1 + 2 n_2), D_k = k - (k + 1) Y n_{k+1} / n_k. Where the text is too small for that (an n_k
        is 0, or a discount would not lie between 0 and k) it is k / 2, so that something is always left over.

    Raises
    ------
    UserError
        The counts aren't whole numbers of at least 0.
    """
    counts = _as_ids(counts)
    if counts.size and counts.min() < 0:
        raise UserError(f"A count is {counts.min()}; it should be at least 0.")
    n = tally(np.minimum(counts, 5), size=6).astype(float)
    result = np.array([0.0, 0.5, 1.0, 1.5])
    for k in (1, 2, 3):
        if n[1] and n[k]:
            discount = k - (k + 1) * n[1] / (n[1] + 2 * n[2]) * n[k + 1] / n[k]
            if 0 < discount < k:
                result[k] = discount
    return result


class NextModel(Protocol):
    """What can play Shannon's game: it gives every token's probability of coming next."""

    def next_distribution(self, context: Any) -> npt.NDArray[np.float64]:
        """Shape ``(vocab_size,)``."""


class NGramModel:
    """An n-gram language model with interpolated, modified Kneser-Ney smoothing.

    Parameters
    ----------
    order
        The n in n-gram: a token is predicted from the ``order - 1`` tokens before it.
    vocab_size
        How many token ids there are. By default, one more than the largest id of the text it is fitted on.

    Examples
    --------
    >>> model = NGramModel(order=2).fit([0, 1, 0, 1, 0, 2])
    >>> model.next_distribution([0]).round(2)  # 1 came after 0 twice, 2 once
    array([0.17, 0.45, 0.38])

    Raises
    ------
    UserError
        The order or the vocabulary size isn't a whole number of at least 1.
    """

    def __init__(self, order: int, vocab_size: int | None = None) -> None:
        check_sizes(order=order)
        if vocab_size is not None:
            check_sizes(vocab_size=vocab_size)
        self.order = order
        self._given_vocab_size = vocab_size
        self._levels: list[_Level] = []
        self._estimates: list[_Estimate] = []

    def fit(self, ids: Ids) -> Self:
        """Count the n-grams of a text of orders 1 to ``order``, and estimate their probabilities.

        Parameters
        ----------
        ids
            The text's token ids, shape ``(tokens,)``.

        Raises
        ------
        UserError
            The text is empty, has ids outside the vocabulary, or ids so large that n-grams can't be numbered.
        """
        tokens = _as_ids(ids)
        if not len(tokens):
            raise UserError("An n-gram model can't be fitted on an empty text: there is nothing to count.")
        vocab_size = int(self._given_vocab_size or max(int(tokens.max()), 0) + 1)
        _check(tokens, vocab_size)
        if vocab_size * (len(tokens) + 1) >= 2**63:
            raise UserError(f"{vocab_size} different ids are too many to count by; encode the text with a tokenizer.")
        self._vocab_size = vocab_size

        keys_of: list[IntArray] = []
        counts_of: list[IntArray] = []
        continuations_of: list[IntArray] = []
        # numbers[i]: which n-gram (by its place in keys) ends at token i + n - 1. The empty n-gram is everywhere.
        numbers = np.zeros(len(tokens) + 1, dtype=np.int64)
        for n in range(1, self.order + 1):
            shorter, contexts, last = numbers, numbers[:-1], tokens[n - 1 :]
            keys, place, numbers, counts = distinct(contexts * self._vocab_size + last)
            if n > 1:
                # Each distinct n-gram adds a token that occurs before its last n-1; the text's start counts as one too.
                continuations = tally(shorter[place + 1], size=len(keys_of[-1]))
                continuations[shorter[:1]] += 1
                continuations_of.append(continuations)
            keys_of.append(keys)
            counts_of.append(counts)
        continuations_of.append(np.zeros_like(counts_of[-1]))  # of the highest order: never used
        self._levels = [_Level(*arrays) for arrays in zip(keys_of, counts_of, continuations_of, strict=True)]
        self._estimate()
        return self

    def with_order(self, order: int) -> "NGramModel":
        """The model of a lower order that fitting it on the same text would give, without counting again.

        Raises
        ------
        UserError
            The order is higher than this model's.
        """
        levels = self._levels_up_to(order)
        lower = NGramModel(order, self._given_vocab_size)
        lower._vocab_size = self._vocab_size
        lower._levels = levels
        lower._estimate()
        return lower

    def _estimate(self) -> None:
        """Turn counts into probabilities: the highest order from how often, the others from after how many tokens."""
        self._estimates = []
        size = 1  # contexts: n-grams of one order less
        for contexts, _, counts, discount in self.tables:
            total = tally(contexts, weights=counts, size=size)
            taken = discount[np.minimum(counts, 3)]
            left_over = np.divide(tally(contexts, weights=taken, size=size), total, out=np.ones(size), where=total > 0)
            seen = (counts - taken) / total[contexts]
            self._estimates.append(_Estimate(np.append(seen, 0.0), np.append(left_over, 1.0)))
            size = len(counts)

    @property
    def vocab_size(self) -> int:
        """How many token ids there are; each has a probability above 0 in every context."""
        self._fitted()
        return self._vocab_size

    @property
    def distinct(self) -> list[int]:
        """How many different n-grams of each order, from 1 up, the text holds."""
        return [len(level.keys) for level in self._fitted()]

    @property
    def nbytes(self) -> int:
        """The memory its counts and probabilities take, in bytes."""
        levels = sum(x.keys.nbytes + x.counts.nbytes + x.continuations.nbytes for x in self._fitted())
        return levels + sum(x.seen.nbytes + x.left_over.nbytes for x in self._estimates)

    @property
    def tables(self) -> list[Table]:
        """All that was counted, a table for each order from 1 up: enough to compute every probability again."""
        tables = []
        for n, level in enumerate(self._fitted(), start=1):
            counts = level.counts if n == self.order else level.continuations
            tables.append(Table(*np.divmod(level.keys, self._vocab_size), counts, discounts(counts)))
        return tables

    def next_distribution(self, context: Ids) -> FloatArray:
        """The probability that each token comes next.

        Parameters
        ----------
        context
            The ids of the text so far, shape ``(tokens,)``, any length; only the last ``order - 1`` matter.

        Returns
        -------
        numpy.ndarray
            float64, shape ``(vocab_size,)``. All above 0; they sum to 1.

        Raises
        ------
        UserError
            The model is not fitted, or an id is outside the vocabulary.
        """
        self._fitted()
        tokens = _as_ids(context)
        tokens = _check(tokens[max(0, len(tokens) - self.order + 1) :], self._vocab_size)
        p = np.full(self._vocab_size, 1 / self._vocab_size)
        numbers = self._numbers(tokens)
        for n in range(1, min(self.order, len(tokens) + 1) + 1):
            keys, estimate = self._levels[n - 1].keys, self._estimates[n - 1]
            context_number = numbers[n - 1][-1]
            p *= estimate.left_over[context_number]
            first_key = context_number * self._vocab_size
            start, stop = np.searchsorted(keys, (first_key, first_key + self._vocab_size))
            p[keys[start:stop] % self._vocab_size] += estimate.seen[start:stop]
        return p

    def log_probabilities(self, ids: Ids) -> FloatArray:
        """The log probability of each token of a text, given the tokens before it.

        Parameters
        ----------
        ids
            Shape ``(tokens,)``. The first tokens are given the shorter context that they have.

        Returns
        -------
        numpy.ndarray
            In nats, float64, shape ``(tokens,)``: element t is
            ``log(next_distribution(ids[:t])[ids[t]])``, but for all of them at once.

        Raises
        ------
        UserError
            The model is not fitted, or an id is outside the vocabulary.
        """
        self._fitted()
        tokens = _check(_as_ids(ids), self._vocab_size)
        p = np.full(len(tokens), 1 / self._vocab_size)
        numbers = self._numbers(tokens)
        for n in range(1, min(self.order, len(tokens)) + 1):
            estimate = self._estimates[n - 1]
            p[n - 1 :] = estimate.seen[numbers[n]] + estimate.left_over[numbers[n - 1][:-1]] * p[n - 1 :]
        return np.log(p)

    def cross_entropy(self, ids: Ids) -> float:
        """The mean nats per token of a text; every token counts once.

        Raises
        ------
        UserError
            The model is not fitted, the text is empty, or an id is outside the vocabulary.
        """
        log_p = self.log_probabilities(ids)
        if not len(log_p):
            raise UserError("An empty text has no cross-entropy: give at least one token.")
        return -float(log_p.mean())

    def counts(self, ids: Ids, order: int | None = None) -> "Counts":
        """How often the n-gram that ends at each token of a text was counted, and how often its context was.

        The raw material of every counting model: ``counts.ngram / counts.context`` is the relative frequency.

        Parameters
        ----------
        ids
            Shape ``(tokens,)``.
        order
            The n of the n-grams; by default the model's order. The first n - 1 tokens have shorter n-grams.

        Raises
        ------
        UserError
            The model is not fitted, the order is higher than its own, or an id is outside the vocabulary.
        """
        levels = self._levels_up_to(self.order if order is None else order)
        tokens = _check(_as_ids(ids), self._vocab_size)
        numbers = self._numbers(tokens, len(levels))
        counts = Counts(*np.zeros((3, len(tokens)), dtype=np.int64))
        contexts = 1
        for n, level in enumerate(levels[: len(tokens)], start=1):
            # One more element than there are n-grams: index -1 is one that was never seen, and counts 0.
            context_of = level.keys // self._vocab_size
            counts.ngram[n - 1 :] = np.append(level.counts, 0)[numbers[n]]
            before = numbers[n - 1][:-1]
            counts.context[n - 1 :] = tally(context_of, weights=level.counts, size=contexts + 1)[before]
            counts.followers[n - 1 :] = tally(context_of, size=contexts + 1)[before]
            contexts = len(level.keys)
        return counts

    def longest_match(self, ids: Ids) -> IntArray:
        """The length of the longest counted n-gram that ends at each token: from 0 (a new token) to ``order``.

        It takes ids of shape ``(tokens,)`` and gives int64 of the same shape.

        Raises
        ------
        UserError
            The model is not fitted, or an id is outside the vocabulary.
        """
        self._fitted()
        tokens = _check(_as_ids(ids), self._vocab_size)
        longest = np.zeros(len(tokens), dtype=np.int64)
        for n, numbers in enumerate(self._numbers(tokens)[1:], start=1):
            longest[n - 1 :][numbers >= 0] = n
        return longest

    def _numbers(self, tokens: IntArray, order: int | None = None) -> list[IntArray]:
        """For n = 0 to ``order``, by default the model's: which n-gram ends at each token from the n-th on, by number.

        It is -1 if never seen. The list ends early where the text is shorter than n tokens.
        """
        numbers = [np.zeros(len(tokens) + 1, dtype=np.int64)]
        for n, level in enumerate(self._levels[:order][: len(tokens)], start=1):
            # A context never seen has number -1, so its key is negative and is not found either.
            numbers.append(places(level.keys, numbers[-1][:-1] * self._vocab_size + tokens[n - 1 :]))
        return numbers

    def _fitted(self) -> list[_Level]:
        if not self._levels:
            raise UserError("This n-gram model hasn't counted anything yet: call fit(ids) first.")
        return self._levels

    def _levels_up_to(self, order: int) -> list[_Level]:
        check_sizes(order=order)
        if order > len(self._fitted()):
            raise UserError(f"This model counted n-grams of orders 1 to {self.order}; for {order}, fit another one.")
        return self._levels[:order]


def _as_ids(ids: Ids) -> IntArray:
    try:
        array = np.asarray(ids)
    except ValueError:  # rows of different lengths
        array = np.zeros((0, 0))
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UserError(
            f"Token ids are integers in one dimension, but these are {array.dtype} of shape {array.shape}; "
            "give the array a tokenizer's encode returns."
        )
    if array.dtype == np.uint64:  # an id that no int64 can hold stays too large
        array = np.minimum(array, np.uint64(2**63 - 1))
    return array.astype(np.int64)


def _check(tokens: IntArray, vocab_size: int) -> IntArray:
    if len(tokens) and tokens.min() < 0:
        raise UserError(f"Token id {tokens.min()} is below 0; ids are counted from 0.")
    if len(tokens) and tokens.max() >= vocab_size:
        raise UserError(
            f"Token id {tokens.max()} is outside the model's vocabulary, 0 to {vocab_size - 1}; "
            "encode the text with the tokenizer the model was fitted with, or give vocab_size."
        )
    return tokens
