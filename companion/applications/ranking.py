"""Which of many replies goes with a message: rankings by shared words or a language model, and how good they are.

To rank is to score every candidate reply for every message, an array ``(messages, replies)``. A network that was
trained to do this is in `companion.applications.dual_encoder`. Chapter: *text-generation*.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.corpora.conversations import Exchange, spoken
from companion.errors import UserError, check_sizes

if TYPE_CHECKING:
    from sklearn.feature_extraction.text import TfidfVectorizer


def candidates(pairs: Sequence[Exchange]) -> tuple[list[str], list[str], np.ndarray]:
    """The distinct messages and replies of some pairs, and which reply belongs to which message.

    Returns
    -------
    messages, replies : lists of str
    true : bool array ``(messages, replies)``

    Examples
    --------
    >>> candidates([Exchange("Hi", "Hello"), Exchange("Hi", "Hey"), Exchange("Bye", "Hey")])
    (['Hi', 'Bye'], ['Hello', 'Hey'], array([[ True,  True],
           [False,  True]]))
    """
    messages = list(dict.fromkeys(pair.message for pair in pairs))
    replies = list(dict.fromkeys(pair.reply for pair in pairs))
    true = np.zeros((len(messages), len(replies)), bool)
    for pair in pairs:
        true[messages.index(pair.message), replies.index(pair.reply)] = True
    return messages, replies, true


def recall_at(scores: np.ndarray, true: np.ndarray, k: int) -> np.ndarray:
    """Recall@k: the share of each message's true replies that have fewer than k wrong ones above them.

    Parameters
    ----------
    scores, true
        ``(messages, replies)``; every message has a true reply. A tie counts as half a place above.
    k
        How many replies a reader looks at.

    Returns
    -------
    np.ndarray
        ``(messages,)``, from 0 to 1. The mean over messages is the recall of a ranking.

    Raises
    ------
    UserError
        The arrays differ in shape, a message has no true reply, or ``k`` isn't a whole number of at least 1.

    Examples
    --------
    >>> recall_at(np.array([[3.0, 2.0, 1.0]]), np.array([[False, True, True]]), k=2)
    array([1.])
    >>> recall_at(np.array([[3.0, 2.0, 1.0]]), np.array([[False, True, True]]), k=1)
    array([0.])
    """
    check_sizes(k=k)
    scores, true = np.asarray(scores), np.asarray(true, dtype=bool)
    if scores.ndim != 2 or scores.shape != true.shape:
        raise UserError(
            f"The scores have shape {scores.shape} and true has {true.shape}; both should be (messages, replies)."
        )
    if not true.any(axis=1).all():
        raise UserError(f"Message {int((~true.any(axis=1)).argmax())} has no true reply; leave such messages out.")
    return np.array([np.mean(_wrong_above(row, at) < k) for row, at in zip(scores, true, strict=True)])


def _wrong_above(scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """How many wrong replies are above each true one."""
    wrong = np.sort(scores[~true])
    right = scores[true]
    lower, not_higher = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return len(wrong) - not_higher + (not_higher - lower) / 2


def overlap_scores(messages: Sequence[str], replies: Sequence[str], known: Sequence[Exchange]) -> np.ndarray:
    """Shared words, rare ones weighted more: cosines of TF-IDF vectors, ``(messages, replies)``.

    ``known`` are the pairs whose words are counted.
    """
    vectors = _tf_idf(known)
    return np.asarray((vectors.transform(messages) @ vectors.transform(replies).T).toarray())


def nearest_scores(messages: Sequence[str], replies: Sequence[str], known: Sequence[Exchange]) -> np.ndarray:
    """How similar each reply is to what was said to similar messages, ``(messages, replies)``.

    It is the sum of a reply's similarities to the known replies, weighted by the cubed similarity of the message to
    each known message, so that the nearest messages decide.
    """
    vectors = _tf_idf(known)
    asked, said = (vectors.transform([pair[side] for pair in known]) for side in (0, 1))
    weights = (vectors.transform(messages) @ asked.T).power(3)
    return np.asarray((weights @ (said @ vectors.transform(replies).T)).toarray())


def _tf_idf(known: Sequence[Exchange]) -> "TfidfVectorizer":
    from sklearn.feature_extraction.text import TfidfVectorizer

    if not any(spoken(text) for pair in known for text in pair):
        raise UserError("There are no known pairs, or no words in them; give at least one pair to compare with.")
    vectors = TfidfVectorizer(tokenizer=spoken, lowercase=False, token_pattern=None, sublinear_tf=True)
    return vectors.fit([text for pair in known for text in pair])


def prior(log_p: np.ndarray) -> np.ndarray:
    """ln p(reply), ``(replies,)``, from ln p(reply | message) ``(messages, replies)``: the mean of p over messages."""
    return np.asarray(np.logaddexp.reduce(log_p, axis=0) - np.log(len(log_p)))


def mutual_information(log_p: np.ndarray) -> np.ndarray:
    """Pointwise mutual information ln p(reply | message) - ln p(reply), ``(messages, replies)`` [1]_.

    Examples
    --------
    >>> mutual_information(np.log([[0.5, 0.4], [0.5, 0.1]])).round(2)
    array([[ 0.  ,  0.47],
           [ 0.  , -0.92]])

    References
    ----------
    .. [1] Li et al. 2016, *A Diversity-Promoting Objective Function for Neural Conversation Models*, section 4.1.
    """
    return log_p - prior(log_p)
