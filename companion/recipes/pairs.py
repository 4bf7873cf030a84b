"""Pairs of ids for the encoder-decoders: each function returns vocabularies, and what trains, validates and tests.

A `companion.recipes.PairRecipe` names its function by its key in `PAIR_DATA`.
"""

import functools
import itertools
from collections.abc import Callable, Iterable, Sequence

from companion.corpora.dates import PARTS, TRAINING_PHRASES, draw, held_out_phrases, token_pairs
from companion.corpora.docstrings import Documented, load_documented, tokens_of
from companion.corpora.sentences import load_sentences
from companion.tokenizers import BPETokenizer, Pairs, PairVocabulary, Vocabulary

PIECES = 1_000  # of English; with more, most would be too rare to be learnt


# Pairs of ids
def english_pieces(texts: Sequence[str], vocab_size: int = PIECES) -> Callable[[str], list[str]]:
    """A function that cuts an English sentence into pieces, learnt from some sentences by byte-pair encoding.

    Joined, the pieces are the sentence with a space before it. Tokens that only together make a character are one
    piece.
    """
    tokenizer = BPETokenizer.train("\n".join(f" {text}" for text in texts), vocab_size)
    return lambda text: list(tokenizer.decode_stream(tokenizer.encode(f" {text}")))


@functools.cache
def sentence_pairs() -> tuple[PairVocabulary, Pairs, Pairs, Pairs]:
    """Vocabularies, and the pairs that train, validate and test; the recipe ``sentences`` is made of them.

    Sources are Chinese characters. One that occurs once in training is left out of the vocabulary, so that the network
    learns what to do about an unknown one. Targets are pieces of English.
    """
    parts = load_sentences()
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


def docstring_vocabulary(pairs: Iterable[Documented], min_count: int = 8) -> Vocabulary:
    """The tokens that occur in bodies and summaries often enough to learn something about them."""
    return Vocabulary.train(
        (tokens_of(text) for pair in pairs for text in (pair.body, pair.summary)), min_count=min_count
    )


def encode_docstrings(pairs: Iterable[Documented], known: Vocabulary, copy: bool = True) -> Pairs:
    """Bodies and summaries as ids.

    Parameters
    ----------
    copy
        Whether a body's own unknown words get ids above the vocabulary, so that they can be copied.
    """
    sources, targets = [], []
    for pair in pairs:
        body, summary = tokens_of(pair.body), tokens_of(pair.summary)
        ids, unknown = known.encode_source(body)
        sources.append(ids if copy else known.encode(body))
        targets.append(known.encode_target(summary, unknown if copy else ()))
    return Pairs(sources, targets)


@functools.cache
def docstring_pairs(copy: bool = True) -> tuple[PairVocabulary, Pairs, Pairs, Pairs]:
    """What the recipe ``docstring-summaries`` learns from: vocabulary, training, validation and test pairs."""
    parts = load_documented()
    known = docstring_vocabulary(parts[0])
    training, validation, test = (encode_docstrings(part, known, copy) for part in parts)
    return PairVocabulary(known, known), training, validation, test


def docstring_pairs_without_copying() -> tuple[PairVocabulary, Pairs, Pairs, Pairs]:
    """The same for a network that can't copy: a body's unknown words all get the same id."""
    return docstring_pairs(copy=False)


@functools.cache
def date_pairs(seed: int = 0, n: int | None = None) -> tuple[PairVocabulary, Pairs, Pairs, Pairs]:
    """Vocabularies, and the pairs that train, validate and test; the recipe ``dates`` is made of them.

    Every word of the task occurs in the first few thousand training pairs, so the vocabulary is the same for any seed.
    """
    parts = [token_pairs(itertools.islice(draw(seed), n or TRAINING_PHRASES))]
    parts += [token_pairs(held_out_phrases(part)) for part in PARTS[1:]]
    sources, targets = ({token for pair in parts[0] for token in pair[side]} for side in (0, 1))
    both = PairVocabulary(Vocabulary(sorted(sources)), Vocabulary(sorted(targets)))
    encoded = [Pairs([both.source.encode(s) for s, _ in p], [both.target.encode(t) for _, t in p]) for p in parts]
    return both, encoded[0], encoded[1], encoded[2]


def short_date_pairs() -> tuple[PairVocabulary, Pairs, Pairs, Pairs]:
    """A quarter of the training pairs: what the chapter itself trains on, in less than half a minute."""
    return date_pairs(n=TRAINING_PHRASES // 4)


PAIR_DATA: dict[str, Callable[[], tuple[PairVocabulary, Pairs, Pairs, Pairs]]] = {
    "dates": date_pairs,
    "short dates": short_date_pairs,
    "sentences": sentence_pairs,
    "docstrings": docstring_pairs,
    "docstrings without copying": docstring_pairs_without_copying,
}
