"""Chinese sentences and their English: pairs, a split in which nothing is nearly repeated, a baseline, and scores.

The sentences are those of *hsk-sentences-audio* 1.0.0 (CC BY-SA 4.0): 4,000 short ones, graded for learners. The
command ``python -m companion translate`` is here too. Chapter: *translation*.
"""

import re
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from companion import dates
from companion.errors import UserError
from companion.results import Interval

if TYPE_CHECKING:
    import argparse

    from companion.seq2seq import Pairs, PairVocabulary, Vocabulary

# Two sentences are near-duplicates if they share so much: of their Chinese characters and pairs of characters, or of
# their English words (Jaccard index: what they share, divided by what they have together).
SHARED_CHINESE, SHARED_ENGLISH = 0.5, 0.6
TEST_SHARE, VALIDATION_SHARE = 0.1, 0.05
PIECES = 1_000  # of English; with more, most of them are too rare to be learnt


class Sentence(NamedTuple):
    """A sentence in Chinese and in English."""

    zh: str
    en: str


# ------------------------------------------------------------------------------------------------------------
# The sentences and their split


def sentences() -> dict[str, list[Sentence]]:
    """The sentences of each part: ``training``, ``validation``, ``test``."""
    from companion.corpora import load_corpus

    corpus = load_corpus("hsk-sentences")
    parts = zip(dates.PARTS, corpus.split(), strict=True)
    return {part: [Sentence(*line.split("\t")) for line in text.splitlines()] for part, text in parts}


def near_duplicates(pairs: Sequence[Sentence]) -> np.ndarray:
    """A group number for each sentence, ``(sentences,)``: near-duplicates of near-duplicates are in one group.

    >>> home, hunger = Sentence("他在家。", "He is at home."), Sentence("我饿。", "I am hungry.")
    >>> near_duplicates([home, hunger, Sentence("他在家。", "He's in.")]).tolist()
    [0, 1, 0]
    """
    from scipy.sparse.csgraph import connected_components

    chinese = _overlaps([re.sub(r"\W", "", pair.zh) for pair in pairs], analyzer="char", ngram_range=(1, 2))
    english = _overlaps([pair.en.lower() for pair in pairs], token_pattern=r"[\w']+")
    near = (chinese >= SHARED_CHINESE) | (english >= SHARED_ENGLISH)
    return connected_components(near, directed=False)[1]


def _overlaps(texts: Sequence[str], **how: Any) -> np.ndarray:
    """The Jaccard index of any two texts' features, ``(texts, texts)``."""
    from sklearn.feature_extraction.text import CountVectorizer

    has = CountVectorizer(binary=True, **how).fit_transform(texts).astype(np.float32)
    sizes = np.asarray(has.sum(axis=1)).ravel()
    shared = (has @ has.T).toarray()
    overlap: np.ndarray = shared / np.maximum(sizes[:, None] + sizes[None, :] - shared, 1)
    return overlap


def held_out(pairs: Sequence[Sentence]) -> tuple[np.ndarray, np.ndarray]:
    """Which sentences validate and which test: whole groups of `near_duplicates`, drawn once and for all."""
    groups = near_duplicates(pairs)
    order = np.random.default_rng(0).permutation(groups.max() + 1)
    before = np.cumsum(np.bincount(groups)[order]) / len(groups)
    validation = order[before <= VALIDATION_SHARE]
    test = order[(before > VALIDATION_SHARE) & (before <= VALIDATION_SHARE + TEST_SHARE)]
    return np.flatnonzero(np.isin(groups, validation)), np.flatnonzero(np.isin(groups, test))


# ------------------------------------------------------------------------------------------------------------
# Pairs of ids


def english_pieces(texts: Sequence[str], vocab_size: int = PIECES) -> Any:
    """A function that cuts an English sentence into pieces, learnt from some sentences by byte-pair encoding.

    The pieces put together are the sentence again, with a space before it.
    """
    from companion.tokenizers import BPETokenizer

    tokenizer = BPETokenizer.train("\n".join(f" {text}" for text in texts), vocab_size)
    return lambda text: [tokenizer.decode([i]) for i in tokenizer.encode(f" {text}")]


def pairs() -> "tuple[PairVocabulary, Pairs, Pairs, Pairs]":
    """Vocabularies, and the pairs that train, validate and test; the recipe ``sentences`` is made of them.

    Sources are Chinese characters. One that occurs once in training is left out of the vocabulary, so that the network
    learns what to do about an unknown one. Targets are pieces of English.
    """
    from companion.seq2seq import Pairs, PairVocabulary, Vocabulary

    parts = sentences()
    cut = english_pieces([pair.en for pair in parts["training"]])
    tokens = {part: [(list(zh), cut(en)) for zh, en in found] for part, found in parts.items()}
    both = PairVocabulary(
        Vocabulary.train([zh for zh, _ in tokens["training"]], min_count=2),
        Vocabulary.train([en for _, en in tokens["training"]]),
    )
    encoded = [
        Pairs([both.source.encode(zh) for zh, _ in found], [both.target.encode(en) for _, en in found])
        for found in tokens.values()
    ]
    return both, encoded[0], encoded[1], encoded[2]


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


def chrf(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """chrF of a whole test set, from 0 to 100: shared runs of 1 to 6 characters (Popović 2015; sacrebleu's)."""
    from sacrebleu import corpus_chrf

    return float(corpus_chrf(list(hypotheses), [list(references)]).score)


def chrf_interval(hypotheses: Sequence[str], references: Sequence[str], resamples: int = 1000) -> Interval:
    """chrF and its 95 % bootstrap interval over the sentences, as sacrebleu draws it."""
    from sacrebleu.metrics import CHRF

    found = CHRF().corpus_score(list(hypotheses), [list(references)], n_bootstrap=resamples)
    return Interval(float(found.score), float(found._mean - found._ci), float(found._mean + found._ci))


def bleu(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """BLEU of a whole test set, from 0 to 100: shared runs of 1 to 4 words (Papineni et al. 2002; sacrebleu's)."""
    from sacrebleu import corpus_bleu

    return float(corpus_bleu(list(hypotheses), [list(references)]).score)


def sentence_chrf(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """chrF of each sentence alone, ``(sentences,)``."""
    return np.array([chrf([h], [r]) for h, r in zip(hypotheses, references, strict=True)])


# ------------------------------------------------------------------------------------------------------------
# The command


EXAMPLES = "'3 March 2021' or 'forty-two thousand and seventeen'"
CHINESE = re.compile(r"[\u3400-\u9fff]")


def add_command(command: Callable[..., "argparse.ArgumentParser"]) -> None:
    """``python -m companion translate``; ``command`` makes a subparser."""
    sub = command(
        "translate",
        translate,
        "Translate a date or a number in English words into Chinese or ISO 8601; or a Chinese sentence into English.",
        'python -m companion translate "Wednesday, March 3, 2021" --to zh',
    )
    sub.add_argument("text", metavar="TEXT", help="a date from 1900 to 2099, a number up to 99,999, or a sentence")
    sub.add_argument("--to", choices=dates.TO, default="zh", help="Chinese or ISO 8601 (default: zh)")
    sub.add_argument("--sentences", action="store_true", help="TEXT is a Chinese sentence, translated into English")


def translate(options: "argparse.Namespace") -> None:
    """Print a translation as it is written."""
    from companion.recipes import load_recipe
    from companion.seq2seq import stream

    read = chinese_source if options.sentences else date_source
    trained = load_recipe("sentences" if options.sentences else "dates")
    source, unknown = read(options.text, trained.tokenizer.source, options.to)
    if unknown:
        print(f"companion: never seen in training, so read as unknown: {' '.join(unknown)}", file=sys.stderr)
    for number, token in enumerate(stream(trained.model, source, max_tokens=60)):
        (piece,) = trained.tokenizer.target.decode([token])
        print(piece if number else piece.lstrip(), end="", flush=True)
    print()


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
