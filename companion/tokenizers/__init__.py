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
from companion.tokenizers.stories import (
    LONGEST,
    LOOKS,
    NOT_TOLD,
    PADDING,
    SHARED_WORDS,
    SLOTS,
    STORY_NAMES,
    EncodedStories,
    StoryReader,
    load_story_reader,
)
from companion.tokenizers.words import WordTokenizer

__all__ = [
    "BEGIN",
    "CODE_POINTS",
    "END",
    "LONGEST",
    "LOOKS",
    "NOT_TOLD",
    "PAD",
    "PADDING",
    "SHARED_WORDS",
    "SLOTS",
    "SPECIALS",
    "STORY_NAMES",
    "TOKENIZERS",
    "UNKNOWN",
    "UNKNOWN_NAME",
    "UNKNOWN_TEXT",
    "BPETokenizer",
    "CharTokenizer",
    "EncodedStories",
    "Ids",
    "PairVocabulary",
    "Pairs",
    "StoryReader",
    "Tokenizer",
    "UnknownTextError",
    "Vocabulary",
    "WordTokenizer",
    "load_pair_vocabulary",
    "load_story_reader",
    "load_tokenizer",
    "padded",
    "split_pieces",
    "unknown_nats",
]
