"""Replies to short messages: ranked in several ways, and written by a language model.

A pair is a message and what was said next. To rank is to score every candidate reply for every message, an array
``(messages, replies)``; what differs is the score: shared words, a language model's log-probability, pointwise
mutual information, or a dual encoder that was trained to tell a message's reply from other replies. Chapter:
*text-generation*.
"""

import functools
import hashlib
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import companion
from companion.corpora.conversations import Exchange, load_exchanges, spoken
from companion.errors import UserError
from companion.seeding import set_seed
from companion.storage import cache_dir
from companion.tokenizers import split_pieces

if TYPE_CHECKING:
    from companion.recipes import Trained

PASSES = 50  # how often the writer reads the pairs


# ---------------------------------------------------------------------------------------------------------------
# Ranking


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
    """Recall@k: which share of each message's true replies has fewer than k wrong ones above it.

    Parameters
    ----------
    scores, true
        ``(messages, replies)``; every message has a true reply. A tie counts as half above.
    k
        How many replies one is willing to read.

    Returns
    -------
    np.ndarray
        ``(messages,)``, from 0 to 1. The mean over messages is the recall of a ranking.

    Examples
    --------
    >>> recall_at(np.array([[3.0, 2.0, 1.0]]), np.array([[False, True, True]]), k=2)
    array([1.])
    >>> recall_at(np.array([[3.0, 2.0, 1.0]]), np.array([[False, True, True]]), k=1)
    array([0.])
    """
    return np.array([np.mean(_wrong_above(row, at) < k) for row, at in zip(scores, true, strict=True)])


def _wrong_above(scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """How many wrong replies stand above each true one."""
    wrong = np.sort(scores[~true])
    right = scores[true]
    left, behind = np.searchsorted(wrong, right, "left"), np.searchsorted(wrong, right, "right")
    return len(wrong) - behind + (behind - left) / 2


def overlap_scores(messages: Sequence[str], replies: Sequence[str], known: Sequence[Exchange]) -> np.ndarray:
    """Shared words, rare ones worth more: cosine of TF-IDF vectors of message and reply, ``(messages, replies)``."""
    vectors = _tf_idf(known)
    return np.asarray((vectors.transform(messages) @ vectors.transform(replies).T).toarray())


def nearest_scores(messages: Sequence[str], replies: Sequence[str], known: Sequence[Exchange]) -> np.ndarray:
    """How like what was said to similar messages: ``(messages, replies)``.

    A reply's likeness to each known reply, weighted by how like the message is to that reply's message; the weights
    are cubed, so that the nearest messages have the say.
    """
    vectors = _tf_idf(known)
    asked, said = (vectors.transform([pair[side] for pair in known]) for side in (0, 1))
    weights = (vectors.transform(messages) @ asked.T).power(3)
    return np.asarray((weights @ (said @ vectors.transform(replies).T)).toarray())


def _tf_idf(known: Sequence[Exchange]) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(tokenizer=spoken, lowercase=False, token_pattern=None, sublinear_tf=True)
    return vectors.fit([text for pair in known for text in pair])


# ---------------------------------------------------------------------------------------------------------------
# A language model of pairs


def prompt_of(message: str, tokenizer: Any = None) -> str:
    """What the language model reads before it replies: the message's words, and a tab.

    Parameters
    ----------
    message
        Any text.
    tokenizer
        If given, words that it does not know are left out.

    Examples
    --------
    >>> prompt_of("What is AI?")
    '\\n what is ai\\t'
    """
    asked = "".join(f" {word}" for word in spoken(message))
    if tokenizer is not None:
        known = set(tokenizer.tokens)
        asked = "".join(piece for piece in split_pieces(asked) if piece in known)
    return f"\n{asked}\t"


def reply_text(reply: str) -> str:
    """What it should write then: the reply in small letters, and a line break.

    >>> reply_text("Sort of.")
    ' sort of.\\n'
    """
    return f" {reply.lower()}\n"


def as_text(pairs: Sequence[Exchange], passes: int = 1, seed: int = 0) -> str:
    """Pairs as one text to train a language model on: a line a pair, in a new order on every pass."""
    rng = np.random.default_rng(seed)
    lines = [prompt_of(message)[1:] + reply_text(reply) for message, reply in pairs]
    return "\n" + "".join(lines[i] for _ in range(passes) for i in rng.permutation(len(lines)))


def train_writer(
    pairs: Sequence[Exchange], passes: int = PASSES, seed: int = 0, progress: bool | None = None
) -> "Trained":
    """A language model of words that has read the pairs until it knows them by heart.

    Parameters
    ----------
    pairs
        What to read.
    passes
        How often.
    seed
        Of the weights' first values and of the order of the pairs.
    progress
        See `companion.training.fit`.

    Returns
    -------
    Trained
        Model and word tokenizer. What fit keeps are the weights that predict the *training* pairs best: held-out
        pairs would stop it as soon as it begins to learn single replies.
    """
    from companion.models import language_model
    from companion.recipes import Trained
    from companion.tokenizers import WordTokenizer
    from companion.training import TrainingConfig, fit

    tokenizer = WordTokenizer.train(as_text(pairs))
    sizes: dict[str, Any] = {"vocab_size": tokenizer.vocab_size, "embedding_dim": 64, "units": 128}
    set_seed(seed)
    model = language_model(**sizes)
    config = TrainingConfig(
        epochs=1,  # the passes are in the text
        batch_size=16,  # small: it is updates that the few pairs need
        window=32,  # about two pairs
        learning_rate=2e-2,  # long steps, as there are only a thousand of them,
        average=0.9,  # whose noise the average takes out again
        evaluations=5,
    )
    ids = tokenizer.encode(as_text(pairs, passes, seed))
    history = fit(model, ids, tokenizer.encode(as_text(pairs, seed=seed + 1)), config, progress=progress)
    return Trained(model, tokenizer, sizes, history, about={"pairs": len(pairs), "passes": passes, "seed": seed})


def load_writer(progress: bool | None = None) -> "Trained":
    """The chapter's writer: trained on the training pairs the first time, then read from the cache folder."""
    return _load_writer(cache_dir(), progress)


@functools.lru_cache(maxsize=1)
def _load_writer(cache: Path, progress: bool | None) -> "Trained":
    from companion.recipes import load_model, save_model

    pairs = load_exchanges()[0]
    digest = hashlib.sha256(as_text(pairs).encode("utf-8"))
    for file in sorted(Path(companion.__file__).parent.rglob("*.py")):
        digest.update(file.read_bytes())
    folder = cache / "recipes" / f"replies-{digest.hexdigest()[:16]}"
    try:
        return load_model(folder)
    except UserError:  # missing or damaged
        trained = train_writer(pairs, progress=progress)
        save_model(folder, trained)
        return trained


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


# ---------------------------------------------------------------------------------------------------------------
# A dual encoder


class DualEncoder:
    """Two texts, two vectors, one number: how well a reply goes with a message [1]_.

    A text's vector is the mean of its words' vectors, which messages and replies share; a message's is multiplied by
    a matrix, because what answers a word is not the word itself. The score is the cosine of the two. Training takes
    pairs a batch at a time: each message should give its own reply the highest score of all the replies of the batch.

    Parameters
    ----------
    pairs
        What to learn from.
    dim
        Numbers in a vector.
    passes, batch_size, learning_rate
        How to train, with Adam.
    dropout
        Part of the words left out in training, so that no single word decides.
    seed
        Of the first values, the order and the dropout.

    References
    ----------
    .. [1] Henderson et al. 2017, *Efficient Natural Language Response Suggestion for Smart Reply*, sections 3 and 4.
    """

    def __init__(
        self,
        pairs: Sequence[Exchange],
        dim: int = 64,
        passes: int = 40,
        batch_size: int = 100,
        learning_rate: float = 3e-3,
        dropout: float = 0.5,
        seed: int = 0,
    ) -> None:
        self._place = {
            word: i for i, word in enumerate(sorted({w for pair in pairs for text in pair for w in spoken(text)}))
        }
        set_seed(seed)
        import keras
        import tensorflow as tf

        asked, said = (self._bags([pair[side] for pair in pairs]) for side in (0, 1))
        same = np.unique([pair.message for pair in pairs], return_inverse=True)[1]
        vectors = tf.Variable(keras.initializers.GlorotUniform(seed)((len(self._place), dim)))
        turn, sharpness = tf.Variable(tf.eye(dim)), tf.Variable(10.0)
        variables = [vectors, turn, sharpness]
        optimizer = keras.optimizers.Adam(learning_rate)
        optimizer.build(variables)

        @tf.function(reduce_retracing=True)
        def update(messages: Any, replies: Any, same: Any) -> None:
            with tf.GradientTape() as tape:
                left, right = tf.nn.dropout(messages, dropout), tf.nn.dropout(replies, dropout)
                cosines = _cosines(tf, left @ vectors @ turn, right @ vectors)
                # Another reply to the same message is no wrong reply.
                others = (same[:, None] == same[None]) & ~tf.eye(len(same), dtype=tf.bool)
                scores = tf.where(others, -1e9, sharpness * cosines)
                loss = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.range(len(same)), scores)
            optimizer.apply_gradients(zip(tape.gradient(loss, variables), variables, strict=True))

        rng = np.random.default_rng(seed)
        for _ in range(passes):
            order = rng.permutation(len(pairs))
            for start in range(0, max(1, len(pairs) - batch_size + 1), batch_size):
                batch = order[start : start + batch_size]
                update(asked[batch], said[batch], same[batch])
        self.word_vectors, self.turn = vectors.numpy(), turn.numpy()

    def knows(self, word: str) -> bool:
        """Whether a word was in the training pairs."""
        return word in self._place

    def _bags(self, texts: Sequence[str]) -> np.ndarray:
        """Each text's known words as a row of 0s and 1s, ``(texts, vocabulary)``."""
        bags = np.zeros((len(texts), len(self._place)), np.float32)
        for bag, text in zip(bags, texts, strict=True):
            bag[[self._place[word] for word in spoken(text) if word in self._place]] = 1
        return bags

    def scores(self, messages: Sequence[str], replies: Sequence[str]) -> np.ndarray:
        """Cosines ``(messages, replies)``; 0 for a text none of whose words is known."""
        left = self._bags(messages) @ self.word_vectors @ self.turn
        right = self._bags(replies) @ self.word_vectors
        lengths = [np.maximum(np.linalg.norm(side, axis=1, keepdims=True), 1e-9) for side in (left, right)]
        return np.asarray((left / lengths[0]) @ (right / lengths[1]).T)


def _cosines(tf: Any, left: Any, right: Any) -> Any:
    return tf.math.l2_normalize(left, axis=1) @ tf.transpose(tf.math.l2_normalize(right, axis=1))


# ---------------------------------------------------------------------------------------------------------------
# How sure, and how right


def is_factual(pair: Exchange) -> bool:
    """Whether a pair is a question of fact with a short answer: it has a question word and at most three words.

    >>> is_factual(Exchange("What currency is used in South Africa?", "Rand"))
    True
    >>> is_factual(Exchange("How are you?", "Fine"))
    False
    """
    asks = re.match(r"(in |on )?(who|what|which|where|when|how many)\b.{20,}", pair.message.lower())
    return bool(asks) and len(spoken(pair.reply)) <= 3


# Questions that the writer has read, and the same with one thing changed so that the answer is another.
TWINS = [
    ("Who was the first female Prime Minister of Great Britain?", "Great Britain", "India", "Indira Gandhi"),
    ("What currency is used in South Africa?", "Africa", "Korea", "Won"),
    ("What is the softest mineral in the world?", "softest", "hardest", "Diamond"),
    ("What is the loudest animal on Earth?", "loudest", "tallest", "The giraffe"),
    ("What is the largest planet in our solar system?", "largest", "smallest", "Mercury"),
    ("What particle in an atom has a positive charge?", "positive", "negative", "Electron"),
    ("Who was the 37th President of the United States?", "37th", "16th", "Abraham Lincoln"),
    ('Which U.S. state has "Garden State" as its nickname?', "Garden", "Sunshine", "Florida"),
    ("In which European city would you find Orly airport?", "Orly", "Heathrow", "London"),
    ("How many red stripes are there on the American flag?", "red", "white", "Six"),
]


def greedy_reply(message: str, writer: "Trained", longest: int = 20) -> tuple[str, float]:
    """The reply that the writer finds word by word as the most probable, and its probability as a whole."""
    from companion.generation import log_softmax, read, stepper

    network, tokenizer = stepper(writer.model), writer.text_tokenizer
    logits, state = read(network, tokenizer.encode(prompt_of(message, tokenizer)))
    ids, total = [], 0.0
    for _ in range(longest):
        log_p = log_softmax(logits[0].astype(float))
        best = int(log_p[1:].argmax()) + 1  # id 0 is the unknown word, which nobody can say
        total += float(log_p[best])
        if tokenizer.tokens[best] == "\n":
            break
        ids.append(best)
        logits, state = network.step(np.array([best]), state)
    return tokenizer.decode(ids).strip(), float(np.exp(total))


def certainty(pair: Exchange, writer: "Trained") -> tuple[str, float, bool]:
    """What the writer replies, with what probability, and whether it is the pair's reply, punctuation set aside."""
    reply, p = greedy_reply(pair.message, writer)
    return reply, p, spoken(reply) == spoken(pair.reply)


# ---------------------------------------------------------------------------------------------------------------
# For a reader's own message


def unknown_words(message: str, encoder: DualEncoder) -> list[str]:
    """The words of a message that the encoder has never seen.

    Raises
    ------
    UserError
        The message has no words, is written in another script, or has hardly a word that is known.
    """
    asked = list(dict.fromkeys(spoken(message)))
    if not asked:
        raise UserError('The message has no words; give one in English, for example "Are you a robot?".')
    letters = [c for c in message if c.isalpha()]
    if sum("LATIN" in unicodedata.name(c, "") for c in letters) < len(letters) / 2:
        raise UserError("The message is not in Latin letters, and all that was learnt is English; write it in English.")
    unknown = [word for word in asked if not encoder.knows(word)]
    if 2 * len(unknown) > len(asked):
        raise UserError(
            f"Of the words of this message, {', '.join(unknown[:5])} occur nowhere in the training messages; is it "
            "English? Use everyday words."
        )
    return unknown


def suggest(message: str, encoder: DualEncoder, replies: Sequence[str], k: int = 3) -> list[tuple[str, float]]:
    """The k replies that go best with a message, and their scores."""
    scores = encoder.scores([message], replies)[0]
    return [(replies[i], float(scores[i])) for i in np.argsort(-scores, kind="stable")[:k]]


def write(message: str, writer: "Trained", longest: int = 40, **settings: Any) -> Iterator[str]:
    """A reply in the writer's own words, piece by piece.

    Parameters
    ----------
    message
        What to reply to.
    writer
        See `load_writer`.
    longest
        Stop after so many tokens, if it doesn't stop itself.
    settings
        As in `companion.generation.generate`: ``temperature``, ``top_k``, ``top_p``, ``seed``, ``greedy``.
    """
    from companion.generation import stream

    prompt = prompt_of(message, writer.tokenizer)
    if not prompt.strip():
        prompt = "\t"  # of a message without a known word nothing is left but its end
    begun = False
    for piece in stream(writer.model, writer.text_tokenizer, prompt, longest, **settings):
        if "\n" in piece or "\t" in piece:  # the end of the line, or of what it takes for a message
            return
        yield piece if begun else piece.lstrip()
        begun = True
