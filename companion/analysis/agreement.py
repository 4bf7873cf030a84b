"""Does a model know how many? Subjects and their verbs in sentences of `companion.grammar`, as arrays.

The test is that of Linzen, Dupoux & Goldberg (2016): a verb agrees with its subject, whatever nouns come between, so a
model that gives the right form more probability has kept the subject's number. Chapter: *gates*.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from companion.errors import UserError, check_sizes
from companion.grammar import NOUNS, VERBS, VOCABULARY, parse, sample
from companion.ngrams import NextModel

Array = np.ndarray

FULL_STOP = VOCABULARY.index(".")
SINGULAR_NOUNS = [VOCABULARY.index(noun) for noun in NOUNS]
PLURAL_NOUNS = [VOCABULARY.index(noun + "s") for noun in NOUNS]
SINGULAR_VERBS = [VOCABULARY.index(verb + "s") for verb in VERBS]
PLURAL_VERBS = [VOCABULARY.index(verb) for verb in VERBS]


class Verbs(NamedTuple):
    """The verbs of a batch of sentences, one entry for each verb; each array is ``(verbs,)``.

    Attributes
    ----------
    time, sentence
        The verb's place in the arrays of `batch`; what is known before it is at ``time - 1``.
    number
        Its subject's number: +1 for plural, -1 for singular.
    depth
        How many clauses it is nested in: 0 for the main verb.
    subject
        Its subject's place in time.
    last_noun
        The number of the last noun before it, which may or may not be the subject.
    """

    time: Array
    sentence: Array
    number: Array
    depth: Array
    subject: Array
    last_noun: Array


def sentences(seed: int, tokens: int) -> list[list[int]]:
    """The complete sentences of a random text: lists of ids of the grammar, each with its full stop.

    Parameters
    ----------
    seed, tokens
        The text's seed and length; see `companion.grammar.sample`.
    """
    ids = sample(seed, tokens)
    ends = np.flatnonzero(ids == FULL_STOP) + 1
    return [part.tolist() for part in np.split(ids, ends)[:-1]]


def batch(texts: Sequence[Sequence[int]]) -> tuple[Array, Array]:
    """Sentences as one array, each with a full stop before it, as in a text.

    Returns
    -------
    ids, mask
        ``(time, sentences)``: the ids, padded with full stops, and true where a sentence hasn't ended yet.

    Raises
    ------
    UserError
        There are no sentences.

    Examples
    --------
    >>> ids, mask = batch([[0, 16, 10, 1], [0, 4]])
    >>> ids.T.tolist()
    [[1, 0, 16, 10, 1], [1, 0, 4, 1, 1]]
    >>> mask.T.astype(int).tolist()
    [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    """
    if not len(texts):
        raise UserError("There are no sentences; give at least one.")
    lengths = np.array([len(text) + 1 for text in texts])
    ids = np.full((lengths.max(), len(texts)), FULL_STOP, dtype=np.int32)
    for column, text in enumerate(texts):
        ids[1 : lengths[column], column] = text
    return ids, np.arange(len(ids))[:, None] < lengths


def verbs(texts: Sequence[Sequence[int]]) -> Verbs:
    """Every verb of the sentences, with its subject.

    Raises
    ------
    UserError
        A text isn't in the language of the grammar.
    """
    number_of = dict.fromkeys(SINGULAR_NOUNS, -1) | dict.fromkeys(PLURAL_NOUNS, 1)
    rows = []
    for column, text in enumerate(texts):
        last = 0
        for place, token in enumerate(parse(text)):
            last = number_of.get(text[place], last)
            if token.subject is not None:
                number = number_of[text[token.subject]]
                rows.append((place + 1, column, number, token.depth, token.subject + 1, last))
    return Verbs(*np.array(rows, dtype=int).reshape(-1, len(Verbs._fields)).T)


def plural_share(p: Array) -> Array:
    """The part of the verbs' probability that a model gives to plural verbs, ``(...)``.

    Parameters
    ----------
    p
        The probability that each word of the grammar comes next, ``(..., words)``.
    """
    plural = p[..., PLURAL_VERBS].sum(-1)
    return plural / (plural + p[..., SINGULAR_VERBS].sum(-1))


def ask(model: NextModel, texts: Sequence[Sequence[int]], which: Verbs, context: int) -> Array:
    """The `plural_share` before each verb, by a model that sees the last ``context`` words of the sentence.

    Parameters
    ----------
    model
        A model over ids of the grammar; for example a `companion.ngrams.NGramModel`.
    texts, which
        Sentences, and their `verbs`.
    context
        How many words before the verb the model is given, counting the full stop before the sentence.

    Raises
    ------
    UserError
        The context is below 1.
    """
    check_sizes(context=context)
    before = [[FULL_STOP, *texts[s][: t - 1]][-context:] for s, t in zip(which.sentence, which.time, strict=True)]
    return np.array([plural_share(model.next_distribution(words)) for words in before])


def other_number(text: Sequence[int], place: int) -> list[int]:
    """The text with the noun at that place in its other number.

    >>> other_number([0, 16, 10, 1], 1)
    [0, 4, 10, 1]

    Raises
    ------
    UserError
        There is no noun at that place.
    """
    other = dict(zip(SINGULAR_NOUNS + PLURAL_NOUNS, PLURAL_NOUNS + SINGULAR_NOUNS, strict=True))
    if not 0 <= place < len(text) or text[place] not in other:
        raise UserError(f"There is no noun at place {place} of {list(text)}.")
    return [*text[:place], other[text[place]], *text[place + 1 :]]
