"""Ids of pairs: a vocabulary for each side, and batches of sources and targets, padded."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.storage import read_json, write_atomically

PAD, UNKNOWN, BEGIN, END = range(4)
SPECIALS = ("<pad>", "<unk>", "<begin>", "<end>")


# Ids and batches
class Vocabulary:
    """Tokens and their ids; the first four ids are special: padding 0, unknown 1, begin 2, end 3.

    What a token is (a character, a word) is the caller's choice: sequences of strings go in and come out.

    Attributes
    ----------
    tokens
        What each id stands for, the special ones among them.

    Examples
    --------
    >>> words = Vocabulary.train([["two", "plus", "two"], ["two"]])
    >>> words.tokens
    ['<pad>', '<unk>', '<begin>', '<end>', 'two', 'plus']
    >>> words.encode(["two", "and", "two"]).tolist()
    [4, 1, 4]
    >>> words.decode([2, 4, 1, 3, 0])
    ['two', '<unk>']

    With copying, the unknown words of a source get ids of their own, above the vocabulary, for this source alone:

    >>> ids, unknown = words.encode_source(["and", "two", "or", "and"])
    >>> ids.tolist(), unknown
    ([6, 4, 7, 6], ['and', 'or'])
    >>> words.encode_target(["or", "else"], unknown).tolist()
    [7, 1]
    >>> words.decode([7, 1], unknown)
    ['or', '<unk>']
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = [*SPECIALS, *tokens]
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            raise UserError("A vocabulary's tokens should differ, from each other and from the special ones.")

    @classmethod
    def train(cls, sequences: Iterable[Sequence[str]], size: int | None = None, min_count: int = 1) -> "Vocabulary":
        """The tokens of some sequences, the most frequent first.

        Parameters
        ----------
        sequences
            The training sources, or targets, or both.
        size
            At most so many tokens, the four special ones counted.
        min_count
            Rarer tokens are left out.
        """
        counts = Counter(token for sequence in sequences for token in sequence)
        kept = sorted((token for token, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))
        return cls(kept[: None if size is None else max(0, size - len(SPECIALS))])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Ids ``(tokens,)``, int32; what is not in the vocabulary is unknown."""
        return np.array([self._ids.get(token, UNKNOWN) for token in tokens], dtype=np.int32)

    def encode_source(self, tokens: Iterable[str]) -> tuple[np.ndarray, list[str]]:
        """Ids in which the unknown words are numbered on from the vocabulary's size, and these words in order."""
        tokens = list(tokens)
        unknown = list(dict.fromkeys(token for token in tokens if token not in self._ids))
        return self.encode_target(tokens, unknown), unknown

    def encode_target(self, tokens: Iterable[str], unknown: Sequence[str]) -> np.ndarray:
        """Ids in which the source's unknown words have the numbers that ``encode_source`` gave them."""
        extended = {word: len(self) + number for number, word in enumerate(unknown)}
        return np.array([self._ids.get(t, extended.get(t, UNKNOWN)) for t in tokens], dtype=np.int32)

    def decode(self, ids: Iterable[int], unknown: Sequence[str] = ()) -> list[str]:
        """The tokens of ids, without padding, begin and end."""
        names = [*self.tokens, *unknown]
        return [names[i] for i in ids if i not in (PAD, BEGIN, END)]


@dataclass(frozen=True)
class PairVocabulary:
    """The two vocabularies of an encoder-decoder (one and the same where it copies), saved as one file."""

    source: Vocabulary
    target: Vocabulary

    def save(self, path: str | Path) -> None:
        """Write both as JSON."""
        content = {"kind": "pairs"} | {
            name: getattr(self, name).tokens[len(SPECIALS) :] for name in ("source", "target")
        }
        write_atomically(path, json.dumps(content, indent=1) + "\n")


def load_pair_vocabulary(path: str | Path) -> PairVocabulary:
    """Read what ``PairVocabulary.save`` wrote.

    Raises
    ------
    UserError
        The file is missing or something else.
    """
    content = read_json(path, "two vocabularies")
    if not isinstance(content, dict) or content.get("kind") != "pairs":
        raise UserError(f"{path} holds no two vocabularies; it should be written by PairVocabulary.save.")
    return PairVocabulary(Vocabulary(content["source"]), Vocabulary(content["target"]))


def padded(sequences: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
    """Sequences of ids side by side, ``(batch, longest)`` int32; the shorter ones end in padding.

    >>> padded([[5, 6, 7], [8]]).tolist()
    [[5, 6, 7], [8, 0, 0]]
    """
    table = np.full((len(sequences), max((len(s) for s in sequences), default=0)), PAD, dtype=np.int32)
    for row, sequence in zip(table, sequences, strict=True):
        row[: len(sequence)] = sequence
    return table


@dataclass
class Pairs:
    """Sources and their targets, as ids, and how they are cut into batches.

    Attributes
    ----------
    sources, targets
        Sequences of ids, without begin and end tokens; equally many.
    """

    sources: Sequence[Sequence[int] | np.ndarray]
    targets: Sequence[Sequence[int] | np.ndarray]

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.targets):
            raise UserError(
                f"There are {len(self.sources)} sources and {len(self.targets)} targets; give one for each."
            )
        if any(len(source) == 0 for source in self.sources):
            raise UserError("A source is empty; leave such pairs out.")

    def __len__(self) -> int:
        return len(self.sources)

    def plan(self, batch_size: int, seed: Any = None, pool: int = 32) -> list[np.ndarray]:
        """Which pairs go together: arrays of at most ``batch_size`` places, pairs of similar length in each.

        Parameters
        ----------
        batch_size
            Pairs of a batch.
        seed
            Of the order. ``None`` sorts all pairs by length; with a seed they are shuffled, pools of ``pool``
            batches are sorted each, and the batches shuffled again: another order each epoch, and little padding.
        """
        lengths = np.array([(len(s), len(t)) for s, t in zip(self.sources, self.targets, strict=True)]).reshape(-1, 2)
        rng = None if seed is None else np.random.default_rng(seed)
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
