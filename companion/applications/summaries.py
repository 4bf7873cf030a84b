"""Summaries without a network, and how any summary is scored.

Sentences are chosen by where they stand, by how central their words are, or by a language model's surprisal; ROUGE
compares what was chosen, or written, with what a person wrote. Chapter: *summarisation*.
"""

import functools
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from companion.corpora.docstrings import (
    BODY_TOKENS,
    BODY_WORDS,
    FUNCTION_WORDS,
    is_english,
    plain,
    split_sentences,
    tokens_of,
)
from companion.errors import UserError
from companion.ngrams import NGramModel

if TYPE_CHECKING:
    from companion.recipes import Trained

LONGEST_LINE = 20  # tokens
SIDE_BY_SIDE = 128  # texts of like length, written on together
NEVER = -1e9


# ----------------------------------------------------------------------------------------------------------------------
# Choosing a sentence


def lead(text: str) -> str:
    """The first sentence."""
    return split_sentences(text)[0]


def cut(text: str, count: int = 10) -> str:
    """The first words of the first sentence."""
    return " ".join(lead(text).split()[:count])


class Centrality:
    """The most central sentence: the one whose weighted words point most nearly where the whole text points.

    Parameters
    ----------
    texts
        A word that is in many of these counts little (inverse document frequency, by scikit-learn).
    """

    def __init__(self, texts: Sequence[str]) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer = TfidfVectorizer(tokenizer=tokens_of, token_pattern=None, lowercase=False, sublinear_tf=True)
        self._texts = self._vectorizer.fit_transform(texts)

    def scores(self, text: str) -> np.ndarray:
        """The cosine between each sentence and the text, shape ``(sentences,)``."""
        rows = self._vectorizer.transform([text, *split_sentences(text)])
        return np.asarray((rows[1:] @ rows[0].T).todense()).ravel()

    def __call__(self, text: str) -> str:
        """The sentence with the highest score."""
        return split_sentences(text)[int(self.scores(text).argmax())]

    def nearest(self, texts: Sequence[str]) -> np.ndarray:
        """For each text, which of the texts it was made from is most like it, shape ``(len(texts),)``."""
        return np.asarray((self._vectorizer.transform(texts) @ self._texts.T).todense()).argmax(axis=1)


# ----------------------------------------------------------------------------------------------------------------------
# Choosing by surprisal


class TrigramReader:
    """A word trigram model that says how many bits each word of a text costs.

    Parameters
    ----------
    text
        What it has read. Words that occur once stand for all unknown ones, and each of these is equally probable.

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
        """The mean bits per token of each sentence, shape ``(sentences,)``."""
        return np.array([self.bits(tokens_of(sentence)).mean() for sentence in split_sentences(text)])

    def __call__(self, text: str) -> str:
        """The most surprising sentence."""
        return split_sentences(text)[int(self.scores(text).argmax())]


@functools.lru_cache(maxsize=1)
def manual_reader() -> TrigramReader:
    """The reader of Python's help topics, which come with every Python."""
    from companion.corpora import load_corpus

    return TrigramReader(load_corpus("python-docs").text)


def choose(text: str, scores: np.ndarray, count: int = 3) -> list[str]:
    """The sentences with the highest scores, in the order of the text.

    Parameters
    ----------
    text, scores
        A text, and one number for each of its ``sentences``.
    count
        How many. What does not end like a sentence, or has fewer than six words, is left out: headings, asides.
    """
    parts = split_sentences(text)
    full = [i for i, part in enumerate(parts) if part[-1] in ".!?" and len(tokens_of(part)) > 6]
    best = sorted(full, key=lambda i: -scores[i])[:count]
    return [parts[i] for i in sorted(best)]


# ----------------------------------------------------------------------------------------------------------------------
# Writing


class NoWordTwice:
    """A stepper (see `companion.generation`) that writes each token once at most, but for a few.

    Parameters
    ----------
    stepping
        The stepper it stands before.
    free
        Ids that may come again: of small words and punctuation.

    References
    ----------
    A decoder's habit to repeat itself is described, and mended in training, by See, Liu & Manning 2017, section 2.3;
    this mends it in decoding, as Paulus, Xiong & Socher 2018 do with sequences of three words.
    """

    def __init__(self, stepping: Any, free: Sequence[int]) -> None:
        self._stepping, self._free = stepping, list(free)
        self.vocab_size = stepping.vocab_size

    def start(self, batch: int) -> list[np.ndarray]:
        """The states of the stepper behind it, and which tokens each text has, none."""
        return [*self._stepping.start(batch), np.zeros((batch, self.vocab_size), dtype=bool)]

    def step(self, ids: np.ndarray, state: list[np.ndarray]) -> tuple[np.ndarray, list[np.ndarray]]:
        """Read one id of each text; logits of the next, those of tokens that the text has out of reach."""
        *inner, seen = state
        logits, inner = self._stepping.step(ids, inner)
        seen = seen.copy()
        seen[np.arange(len(seen)), ids] = True
        seen[:, self._free] = False
        return np.where(seen, NEVER, logits), [*inner, seen]


def write_lines(trained: "Trained", texts: Sequence[str], repeat: bool = False) -> list[str]:
    """What a network writes on short texts, greedily: tokens with spaces between, in lower case, as it learnt them.

    Parameters
    ----------
    trained
        The recipe ``docstring-summaries`` or one like it.
    texts
        Of each, the first ``BODY_TOKENS`` tokens are read.
    repeat
        Whether a word may come twice in a line; small words and punctuation always may.
    """
    from companion.generation import NEVER_WRITTEN, Sampler, SourceStepper, write_until
    from companion.tokenizers import BEGIN, END, UNKNOWN

    vocabulary = trained.vocabularies.source
    free = vocabulary.encode([*FUNCTION_WORDS.split(), *".,()'\"/-:;"]).tolist()
    encoded = [vocabulary.encode_source(tokens_of(text)[:BODY_TOKENS]) for text in texts]
    if not trained.sizes["copy"]:
        encoded = [(np.where(ids < len(vocabulary), ids, UNKNOWN), []) for ids, _ in encoded]
    lines = [""] * len(texts)
    order = sorted(range(len(texts)), key=lambda i: len(encoded[i][0]))
    for start in range(0, len(order), SIDE_BY_SIDE):
        places = order[start : start + SIDE_BY_SIDE]
        stepping: Any = SourceStepper(trained.model, [encoded[i][0] for i in places])
        if not repeat:
            stepping = NoWordTwice(stepping, free)
        written = write_until(
            stepping, [BEGIN], END, LONGEST_LINE, Sampler(greedy=True), samples=len(places), banned=NEVER_WRITTEN
        )
        for place, ids in zip(places, written, strict=True):
            lines[place] = " ".join(vocabulary.decode(ids, encoded[place][1]))
    return lines


def sureness(trained: "Trained", texts: Sequence[str], lines: Sequence[str]) -> np.ndarray:
    """The mean log-probability of a line's tokens, its end among them, in nats, shape ``(lines,)``.

    Parameters
    ----------
    trained
        A network that can copy.
    texts, lines
        A line for each text, as `write_lines` gives them.
    """
    from companion.evaluation import pair_losses
    from companion.tokenizers import Pairs

    vocabulary, sources, targets = trained.vocabularies.source, [], []
    for text, line in zip(texts, lines, strict=True):
        source, unknown = vocabulary.encode_source(tokens_of(text)[:BODY_TOKENS])
        sources.append(source)
        targets.append(vocabulary.encode_target(line.split(), unknown))
    pairs, losses = Pairs(sources, targets), pair_losses(trained.model)
    nats = np.zeros(len(lines))
    for places in pairs.plan(SIDE_BY_SIDE):
        nats[places] = losses(*pairs.batch(places)).numpy()
    return -nats / [len(target) + 1 for target in targets]


class Trace(NamedTuple):
    """How each token of a line came about, its end among them.

    Attributes
    ----------
    generated, copied
        The two parts of the token's probability: by way of the vocabulary, and by way of the text. ``(T + 1,)``.
    weights
        Where the decoder looked, ``(T + 1, tokens of the text)``.
    """

    generated: np.ndarray
    copied: np.ndarray
    weights: np.ndarray


def trace(trained: "Trained", text: str, line: str) -> Trace:
    """What a network with a copy mechanism does while it writes a line on a text.

    Parameters
    ----------
    trained, text
        As in `write_lines`.
    line
        Tokens with spaces between, as `write_lines` gives them; the network's own or any other.
    """
    from keras import Model

    from companion.generation import softmax
    from companion.tokenizers import BEGIN, END, padded

    vocabulary, model = trained.vocabularies.source, trained.network
    source, unknown = vocabulary.encode_source(tokens_of(text)[:BODY_TOKENS])
    target = [*vocabulary.encode_target(line.split(), unknown), END]
    layers = [model.get_layer(name).output for name in ("logits", "gate", "attention")]
    logits, gate, (_, weights) = Model(model.inputs, layers)([padded([source]), padded([[BEGIN, *target[:-1]]])])
    write = 1 / (1 + np.exp(-np.asarray(gate[0, :, 0], dtype=float)))
    p, weights = softmax(np.asarray(logits[0], dtype=float)), np.asarray(weights[0], dtype=float)
    inside = [p[t, token] if token < len(vocabulary) else 0.0 for t, token in enumerate(target)]
    pointed = [weights[t, source == token].sum() for t, token in enumerate(target)]
    return Trace(write * inside, (1 - write) * pointed, weights)


def as_sentence(tokens: Sequence[str], text: str) -> str:
    """Tokens as a sentence, spelt with the capitals that the text uses for them.

    >>> as_sentence(["return", "the", "ndarray", "of", "a", "fourier", "series", "."], "A Fourier series has terms.")
    'Return the ndarray of a Fourier series.'
    """
    inside = re.findall(r"(?<=[\w,] )[A-Za-z_][\w.'-]*\w", text)
    spelling = {name.lower(): name for name in inside}
    line = " ".join(spelling.get(token, token) for token in tokens)
    line = re.sub(r" (?=[.,;:!?)])|(?<=[(]) ", "", line)
    return line[:1].upper() + line[1:]


def summarise(text: str, count: int | None = None) -> Iterator[str]:
    """A reader's own text, summed up: the lines of the answer.

    A text that the network can read whole gets one line of its own words. A longer one gets its most surprising
    sentences, as the trigram reader of Python's manual finds them.

    Parameters
    ----------
    text
        English prose.
    count
        How many sentences to choose; with None, the network writes a line if the text is short, and 3 are chosen if
        it is not.

    Raises
    ------
    UserError
        The text is empty, too short to sum up, or not English.
    """
    text = "\n\n".join(plain(paragraph) for paragraph in re.split(r"\n\s*\n", text)).strip()
    if not text:
        raise UserError("There is nothing to sum up: the text is empty.")
    if not is_english(text):
        raise UserError(
            "This does not look like English prose, and nothing else was learnt: too few of its words are 'the', 'of', "
            "'is' and the like. Give an English text."
        )
    length, parts = len(tokens_of(text)), split_sentences(text)
    if length < BODY_WORDS:
        raise UserError(f"The text has {length} words, too few to sum up; give at least {BODY_WORDS}.")
    if count is None and length <= BODY_TOKENS:
        from companion.recipes import load_recipe

        (line,) = write_lines(load_recipe("docstring-summaries"), [text])
        yield as_sentence(line.split(), text)
        return
    count = 3 if count is None else count
    if count < 1:
        raise UserError(f"The number of sentences is {count}; it should be at least 1.")
    if len(parts) <= count:
        raise UserError(f"The text has {len(parts)} sentences, so there are not {count} to choose from; ask for fewer.")
    yield from choose(text, manual_reader().scores(text), count)
