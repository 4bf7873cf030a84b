"""Text to ids and back: tokenizers, and the vocabularies and batches of pairs."""

from companion.tokenizers.base import UNKNOWN_NAME, UNKNOWN_TEXT, Tokenizer, UnknownTextError, split_pieces
from companion.tokenizers.bpe import BPETokenizer
from companion.tokenizers.characters import CharTokenizer
from companion.tokenizers.files import TOKENIZERS, load_tokenizer
from companion.tokenizers.pairs import (
    BEGIN,
    END,
    PAD,
    SPECIALS,
    UNKNOWN,
    Ids,
    Pairs,
    PairVocabulary,
    Vocabulary,
    load_pair_vocabulary,
    padded,
)
from companion.tokenizers.spelling import CODE_POINTS, unknown_nats
from companion.tokenizers.words import WordTokenizer

__all__ = [
    "BEGIN",
    "CODE_POINTS",
    "END",
    "PAD",
    "SPECIALS",
    "TOKENIZERS",
    "UNKNOWN",
    "UNKNOWN_NAME",
    "UNKNOWN_TEXT",
    "BPETokenizer",
    "CharTokenizer",
    "Ids",
    "PairVocabulary",
    "Pairs",
    "Tokenizer",
    "UnknownTextError",
    "Vocabulary",
    "WordTokenizer",
    "load_pair_vocabulary",
    "load_tokenizer",
    "padded",
    "split_pieces",
    "unknown_nats",
]
