"""What it costs to spell what a tokenizer calls unknown, so that scores of different tokenizers can be compared."""

import functools
import math
from collections.abc import Sequence

import numpy as np

from companion.errors import check_sizes, check_text
from companion.ngrams import NGramModel
from companion.tokenizers.base import Tokenizer
from companion.tokenizers.characters import CharTokenizer
from companion.tokenizers.words import WordTokenizer

CODE_POINTS = 0x110000  # everything a Python string can hold in one place


def unknown_nats(tokenizer: Tokenizer, text: str, training_text: str | None = None, order: int = 5) -> float:
    """The nats it takes to spell what the tokenizer calls unknown in a text.

    A model that predicts "unknown word" hasn't yet said which word. Add this to its loss on the text, and
    its bits per character cover every character, so that it can be compared with a model whose tokenizer knows
    every text.

    An unknown character costs the logarithm of the number of code points that it may be. Unknown words are spelt,
    one after the other, by a character n-gram model fitted on the unknown words of the training text (on the
    known ones, if there are none), each with an end sign.

    Parameters
    ----------
    tokenizer
        Any of the three; for BPE the answer is 0.
    text
        The text that is scored.
    training_text
        The text that the tokenizer and the model were trained on. By default, the examples of unknown
        words that a `WordTokenizer` keeps, also in its file.
    order
        Of the n-gram model.

    Returns
    -------
    float
        Nats for the whole text.

    Raises
    ------
    UserError
        The text isn't text, or the order isn't a whole number of at least 1.

    Examples
    --------
    >>> tokenizer = CharTokenizer.train("abc")
    >>> unknown_nats(tokenizer, "abcd") == math.log(CODE_POINTS - 3)
    True
    """
    check_text(text)
    check_sizes(order=order)
    if isinstance(tokenizer, CharTokenizer):
        return _character_nats(tokenizer, text)
    if not isinstance(tokenizer, WordTokenizer):
        return 0.0
    unknown = tokenizer.unknown_pieces(text)
    if not unknown:
        return 0.0
    characters, model = _speller(tokenizer, training_text, order)
    ids = _spelt(unknown, characters)
    return model.cross_entropy(ids) * len(ids) + _character_nats(characters, "".join(unknown))


def _character_nats(tokenizer: CharTokenizer, text: str) -> float:
    missing = np.count_nonzero(tokenizer.encode(text) == tokenizer.unknown_id)
    return float(missing * math.log(CODE_POINTS - (tokenizer.vocab_size - 1)))


@functools.lru_cache(maxsize=2)
def _speller(tokenizer: WordTokenizer, training_text: str | None, order: int) -> tuple[CharTokenizer, NGramModel]:
    """A character model of the training text's unknown words, each with an end sign."""
    kept = tokenizer.unknown_examples if training_text is None else tokenizer.unknown_pieces(training_text)
    examples = kept or tokenizer.tokens[1:] or [""]
    characters = CharTokenizer.train("".join(examples)) if any(examples) else CharTokenizer([])
    return characters, NGramModel(order, vocab_size=characters.vocab_size + 1).fit(_spelt(examples, characters))


def _spelt(pieces: Sequence[str], characters: CharTokenizer) -> np.ndarray:
    """The ids of the pieces' characters; the id after the last one ends each piece."""
    ends = np.cumsum([len(piece) for piece in pieces])
    return np.insert(characters.encode("".join(pieces)), ends, characters.vocab_size)
