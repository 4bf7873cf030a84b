"""Text to ids and back: tokenizers, and the vocabularies and batches of pairs."""

from companion.tokenizers.base import (
    FORMAT,
    PIECE,
    UNKNOWN_ID,
    UNKNOWN_NAME,
    UNKNOWN_TEXT,
    VERSION,
    Tokenizer,
    split_pieces,
)
from companion.tokenizers.bpe import (
    BPETokenizer,
)
from companion.tokenizers.characters import (
    CODE_POINTS,
    CharTokenizer,
)
from companion.tokenizers.files import (
    load_tokenizer,
)
from companion.tokenizers.pairs import (
    BEGIN,
    END,
    PAD,
    SPECIALS,
    UNKNOWN,
    Pairs,
    PairVocabulary,
    Vocabulary,
    load_pair_vocabulary,
    padded,
)
from companion.tokenizers.spelling import (
    unknown_nats,
    unknown_pieces,
)
from companion.tokenizers.words import (
    WordTokenizer,
)

__all__ = [
    "BEGIN",
    "CODE_POINTS",
    "END",
    "FORMAT",
    "PAD",
    "PIECE",
    "SPECIALS",
    "UNKNOWN",
    "UNKNOWN_ID",
    "UNKNOWN_NAME",
    "UNKNOWN_TEXT",
    "VERSION",
    "BPETokenizer",
    "CharTokenizer",
    "PairVocabulary",
    "Pairs",
    "Tokenizer",
    "Vocabulary",
    "WordTokenizer",
    "load_pair_vocabulary",
    "load_tokenizer",
    "padded",
    "split_pieces",
    "unknown_nats",
    "unknown_pieces",
]
