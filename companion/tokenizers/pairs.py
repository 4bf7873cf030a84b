"""Ids of pairs: a vocabulary for each side, and batches of sources and targets, padded.

Chapters: *translation*, *summarisation*.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from companion.errors import UserError, check_sizes
from companion.seeding import generator
from companion.storage import read_json, write_atomically
from companion.tokenizers.base import SURROGATE, UNKNOWN_TEXT, distinct_strings, listed

PAD, UNKNOWN, BEGIN, END = range(4)
SPECIALS = ("<pad>", "<unk>", "<begin>", "<end>")

Ids = Sequence[int] | np.ndarray


class Vocabulary:
    """Tokens and their ids; the first four ids are special: padding 0, unknown 1, begin 2, end 3.

    The caller chooses what a token is (a character, a word): sequences of strings go in and come out. A token of a text
    that reads like the name of a special one, such as ``<pad>``, is unknown.

    Attributes
    ----------
    tokens : list of str
        What each id stands for, the names of the special ones among them.

    Raises
    ------
    UserError
        Two tokens are equal, or one has the name of a special one.

    Examples
    --------
    >>> words = Vocabulary.train([["two", "plus", "two"], ["two"]])
    >>> words.tokens
    ['<pad>', '<unk>', '<begin>', '<end>', 'two', 'plus']
    >>> words.encode(["two", "and", "two"]).tolist()
    [4, 1, 4]
    >>> words.decode([2, 4, 1, 3, 0])
    ['two', '<unk>']

    With copying, the unknown words of a source get ids above the vocabulary, for this source alone:

    >>> ids, unknown = words.encode_source(["and", "two", "or", "and"])
    >>> ids.tolist(), unknown
    ([6, 4, 7, 6], ['and', 'or'])
    >>> words.encode_target(["or", "else"], unknown).tolist()
    [7, 1]
    >>> words.decode([7, 1], unknown)
    ['or', '<unk>']
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        own = distinct_strings(tokens)
        if taken := [token for token in own if token in SPECIALS]:
            raise UserError(f"The token {taken[0]!r} has the name of a special one; leave it out of the vocabulary.")
        if broken := [token for token in own if SURROGATE.search(token)]:
            raise UserError(f"{broken[0]!r} isn't text that can be written; leave it out of the vocabulary.")
        self.tokens = [*SPECIALS, *own]
        self._ids = {token: number for number, token in enumerate(own, len(SPECIALS))}

    @classmethod
    def train(cls, sequences: Iterable[Sequence[str]], size: int | None = None, min_count: int = 1) -> Self:
        """The tokens of some sequences, the most frequent first.

        Parameters
        ----------
        sequences
            The training sources, or targets, or both.
        size
            The most tokens to keep, including the four special ones.
        min_count
            Rarer tokens are left out.

        Raises
        ------
        UserError
            The size is below 4, ``min_count`` below 1, or the sequences aren't made of strings.
        """
        check_sizes(min_count=min_count)
        if size is not None:
            check_sizes(len(SPECIALS), size=size)
        counts = Counter(token for sequence in sequences for token in _tokens(sequence) if token not in SPECIALS)
        kept = sorted((token for token, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))
        return cls(kept[: None if size is None else size - len(SPECIALS)])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        """Whether a text's token is known; the special ones aren't tokens of a text."""
        return token in self._ids

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Ids ``(tokens,)``, int32; those that aren't in the vocabulary become `UNKNOWN`."""
        return np.array([self._ids.get(token, UNKNOWN) for token in _tokens(tokens)], dtype=np.int32)

    def encode_source(self, tokens: Iterable[str]) -> tuple[np.ndarray, list[str]]:
        """Ids in which the unknown words are numbered from the vocabulary's size up, and these words in order."""
        tokens = _tokens(tokens)
        unknown = list(dict.fromkeys(token for token in tokens if token not in self))
        return self.encode_target(tokens, unknown), unknown

    def encode_target(self, tokens: Iterable[str], unknown: Sequence[str]) -> np.ndarray:
        """Ids in which the source's unknown words have the numbers that ``encode_source`` gave them."""
        extended = {word: len(self) + number for number, word in enumerate(unknown)}
        return np.array([self._ids.get(t, extended.get(t, UNKNOWN)) for t in _tokens(tokens)], dtype=np.int32)

    def decode(self, ids: Iterable[int], unknown: Sequence[str] = ()) -> list[str]:
        """The tokens of ids, without padding, begin and end.

        Parameters
        ----------
        ids
            What a network wrote or read.
        unknown
            The unknown words of the source, from ``encode_source``.

        Raises
        ------
        UserError
            An id is outside both the vocabulary and the unknown words.
        """
        names = [*self.tokens, *unknown]
        numbers = list(_ids(ids, "decode"))
        if wrong := [i for i in numbers if not 0 <= i < len(names)]:
            raise UserError(
                f"{wrong[0]} isn't an id of this vocabulary; its ids are 0 to {len(names) - 1}. Decode with the "
                "vocabulary that encoded, and with the unknown words of the source if they were copied."
            )
        return [names[i] for i in numbers if i not in (PAD, BEGIN, END)]


def _tokens(tokens: Iterable[str]) -> list[str]:
    """The tokens as a list, all of them strings; U+FFFD for a lone surrogate, which no text can hold."""
    found = list(tokens) if isinstance(tokens, Iterable) else [None]
    if not all(isinstance(token, str) for token in found):
        raise UserError("A vocabulary encodes a sequence of tokens, each a string; cut the text into tokens first.")
    if SURROGATE.search("".join(found)):
        found = [SURROGATE.sub(UNKNOWN_TEXT, token) for token in found]
    return found


def _ids(ids: Iterable[int], what: str) -> np.ndarray:
    """The ids as a one-dimensional array of whole numbers."""
    try:
        row = np.asarray(ids if isinstance(ids, np.ndarray | Sequence) else list(ids))
    except (TypeError, ValueError):
        row = np.zeros((0, 0))
    if row.ndim != 1 or (row.size and row.dtype.kind not in "iu"):
        raise UserError(f"Expected ids to {what} as one row of whole numbers, such as a vocabulary's encode gives.")
    return row


@dataclass(frozen=True)
class PairVocabulary:
    """The two vocabularies of an encoder-decoder (the same one twice if it copies), saved as one file."""

    source: Vocabulary
    target: Vocabulary

    def save(self, path: str | Path) -> None:
        """Write both as JSON; `load_pair_vocabulary` reads the file."""
        content = {"kind": "pairs"} | {
            name: getattr(self, name).tokens[len(SPECIALS) :] for name in ("source", "target")
        }
        write_atomically(path, json.dumps(content, indent=1) + "\n")


def load_pair_vocabulary(path: str | Path) -> PairVocabulary:
    """Read what ``PairVocabulary.save`` wrote.

    Raises
    ------
    UserError
        The file is missing or doesn't hold two vocabularies.
    """
    content = read_json(path, "two vocabularies")
    if not isinstance(content, dict) or content.get("kind") != "pairs":
        raise UserError(f"{path} doesn't hold two vocabularies; give a file that PairVocabulary.save wrote.")
    try:
        source, target = (listed({key: content[key]} if key in content else {}, key)[0] for key in ("source", "target"))
        return PairVocabulary(Vocabulary(source), Vocabulary(target))
    except UserError as error:
        raise UserError(f"{path} doesn't hold two vocabularies. {error} Save them again.") from None


def padded(sequences: Sequence[Ids]) -> np.ndarray:
    """Sequences of ids as one array, ``(batch, longest)`` int32; the shorter ones end in padding.

    >>> padded([[5, 6, 7], [8]]).tolist()
    [[5, 6, 7], [8, 0, 0]]
    """
    table = np.full((len(sequences), max((len(s) for s in sequences), default=0)), PAD, dtype=np.int32)
    for row, sequence in zip(table, sequences, strict=True):
        row[: len(sequence)] = sequence
    return table


def _joined(sequences: Sequence[Ids]) -> np.ndarray:
    """All ids one after the other; an array of two dimensions if they can't be joined."""
    try:
        return np.concatenate([np.zeros(0, np.int32), *(sequence for sequence in sequences if len(sequence))])
    except (TypeError, ValueError):
        return np.zeros((0, 0))


@dataclass
class Pairs:
    """Sources and their targets, as ids, and how they are cut into batches.

    Attributes
    ----------
    sources, targets
        Sequences of ids, without begin and end tokens; as many of one as of the other.

    Raises
    ------
    UserError
        The numbers of sources and targets differ, a source is empty, or the ids aren't whole numbers of at least 0.
    """

    sources: Sequence[Ids]
    targets: Sequence[Ids]

    def __post_init__(self) -> None:
        every = [_joined(side) for side in (self.sources, self.targets)]
        if any(ids.ndim != 1 or ids.dtype.kind not in "iu" or (ids.size and ids.min() < 0) for ids in every):
            raise UserError("Sources and targets should be sequences of ids, which are whole numbers from 0.")
        if len(self.sources) != len(self.targets):
            raise UserError(
                f"There are {len(self.sources)} sources and {len(self.targets)} targets; give one for each."
            )
        if any(len(source) == 0 for source in self.sources):
            raise UserError("A source is empty; leave such pairs out.")

    def __len__(self) -> int:
        return len(self.sources)

    def plan(self, batch_size: int, seed: int | Sequence[int] | None = None, pool: int = 32) -> list[np.ndarray]:
        """Which pairs make each batch: arrays of at most ``batch_size`` places, with pairs of similar length in each.

        Parameters
        ----------
        batch_size
            Pairs per batch.
        seed
            Seed of the order. ``None`` sorts all pairs by length. With a seed the pairs are shuffled, each pool of
            ``pool`` batches is sorted, and the batches are shuffled again, so that there is little padding.

        Raises
        ------
        UserError
            The batch size or the pool isn't a whole number of at least 1, or the seed isn't one.
        """
        check_sizes(batch_size=batch_size, pool=pool)
        lengths = np.array([(len(s), len(t)) for s, t in zip(self.sources, self.targets, strict=True)]).reshape(-1, 2)
        rng = None if seed is None else generator(seed)
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        span = len(self) if rng is None else batch_size * pool
        batches = []
        for start in range(0, len(self), max(span, 1)):
            part = order[start : start + span]
            part = part[np.lexsort((lengths[part, 1], lengths[part, 0]))]
            batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
        return batches if rng is None else [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, places: Iterable[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source, decoder input and decoder target of some pairs, padded, ``(batch, time)``.

        The decoder reads the begin token and the target, and should write the target and the end token.

        >>> source, written, target = Pairs([[5, 6]], [[7, 8, 9]]).batch([0])
        >>> written.tolist(), target.tolist()
        ([[2, 7, 8, 9]], [[7, 8, 9, 3]])
        """
        places = list(places)
        targets = [self.targets[i] for i in places]
        return (
            padded([self.sources[i] for i in places]),
            padded([[BEGIN, *target] for target in targets]),
            padded([[*target, END] for target in targets]),
        )

    def digest(self) -> str:
        """A hash of all ids."""
        digest = hashlib.sha256()
        for sequence in (*self.sources, *self.targets):
            digest.update(np.asarray([len(sequence), *sequence], dtype=np.int32).tobytes())
        return digest.hexdigest()
