"""What it costs to spell what a tokenizer calls unknown."""

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.tokenizers.base import UNKNOWN_ID, Tokenizer, split_pieces
from companion.tokenizers.characters import CODE_POINTS, CharTokenizer
from companion.tokenizers.words import WordTokenizer

if TYPE_CHECKING:
    from companion.ngrams import NGramModel


# What unknown tokens cost
def unknown_nats(tokenizer: Tokenizer, text: str, training_text: str | Sequence[str], order: int = 5) -> float:
    """The nats it takes to spell what the tokenizer calls unknown in a text.

    A model that predicts "unknown word" has not yet said which word. Add this to its loss on the text, and
    its bits per character count every character: it can be compared with a model whose tokenizer knows no
    unknowns.

    An unknown character costs the logarithm of the number of code points it may be. Unknown words are spelt,
    one after the other, by a character n-gram model fitted on the words of the training text that are unknown
    too (on the known ones, where there are none), each with an end sign.

    Parameters
    ----------
    tokenizer
        Any of the three; for BPE the answer is 0.
    text
        The text that is scored.
    training_text
        The text that the tokenizer and the model were trained on; or its `unknown_pieces`, which are all that is
        needed of it.
    order
        Of the n-gram model.

    Returns
    -------
    Nats for the whole text.

    Examples
    --------
    >>> unknown_nats(CharTokenizer.train("abc"), "abcd", "abc") == math.log(CODE_POINTS - 3)
    True
    """
    if isinstance(tokenizer, CharTokenizer):
        missing = np.count_nonzero(tokenizer.encode(text) == UNKNOWN_ID)
        return float(missing * math.log(CODE_POINTS - (tokenizer.vocab_size - 1)))
    if not isinstance(tokenizer, WordTokenizer):
        return 0.0
    unknown = unknown_pieces(tokenizer, text)
    if not unknown:
        return 0.0
    learnt_from = training_text if isinstance(training_text, str) else tuple(training_text)
    characters, model = _speller(tokenizer, learnt_from, order)
    ids = _spelt(unknown, characters)
    return model.cross_entropy(ids) * len(ids) + unknown_nats(characters, "".join(unknown), "")


@functools.lru_cache(maxsize=2)
def _speller(
    tokenizer: WordTokenizer, learnt_from: str | tuple[str, ...], order: int
) -> "tuple[CharTokenizer, NGramModel]":
    """A character model of the training text's unknown words, each with an end sign."""
    from companion.ngrams import NGramModel

    pieces = unknown_pieces(tokenizer, learnt_from) if isinstance(learnt_from, str) else [*learnt_from]
    examples = pieces or tokenizer.tokens[1:]
    characters = CharTokenizer.train("".join(examples))
    return characters, NGramModel(order, vocab_size=characters.vocab_size + 1).fit(_spelt(examples, characters))


def _spelt(pieces: list[str], characters: CharTokenizer) -> np.ndarray:
    """The ids of the pieces' characters; the id after the last one ends each piece."""
    end = characters.vocab_size
    return np.concatenate([[*characters.encode(piece), end] for piece in pieces]).astype(np.int32)


def unknown_pieces(tokenizer: Tokenizer, text: str) -> list[str]:
    """The words of a text that a `WordTokenizer` doesn't know, in order; other tokenizers have none.

    >>> unknown_pieces(WordTokenizer.train("to be or not to be"), "to be seen to be heard")
    [' seen', ' heard']
    """
    if not isinstance(tokenizer, WordTokenizer):
        return []
    return [piece for piece, i in zip(split_pieces(text), tokenizer.encode(text), strict=True) if i == UNKNOWN_ID]
