"""Byte-pair encoding: tokens learnt by joining the most frequent pair again and again, as in GPT-2.

Source: Sennrich, Haddow & Birch 2016; over bytes, Radford et al. 2019.
"""

import codecs
import heapq
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np

from companion.errors import UserError, check_text
from companion.storage import write_atomically
from companion.tokenizers import huggingface
from companion.tokenizers.base import (
    SURROGATE,
    UNKNOWN_TEXT,
    Tokenizer,
    check_training,
    distinct_strings,
    listed,
    refuse_unknown,
    split_pieces,
)


def _gpt2_alphabet() -> dict[int, str]:
    """One printable character for each of the 256 bytes, in GPT-2's order of ids (``bytes_to_unicode``).

    Bytes that are visible Latin-1 characters stand for themselves and come first; the others (white space,
    control characters) borrow the code points from 256 on: a space is shown as Ġ, a line break as Ċ.
    """
    visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    hidden = [byte for byte in range(256) if byte not in visible]
    return {byte: chr(byte) for byte in visible} | {byte: chr(256 + n) for n, byte in enumerate(hidden)}


_ALPHABET = _gpt2_alphabet()
_ID_OF_BYTE = {byte: i for i, byte in enumerate(_ALPHABET)}
_GAP = -1  # not an id: a place without a token in a linked list
MERGES = 2_000  # learnt unless a size is given


class BPETokenizer(Tokenizer):
    """Byte-level byte-pair encoding: any text can be written, and frequent pieces take few tokens.

    Ids 0 to 255 are the 256 bytes, in GPT-2's order; id 256 + k is what merge k makes, counted from 0. No text is
    unknown. With the same merges the ids are those of GPT-2's files and of the library ``tokenizers`` (its
    ``ByteLevel`` pre-tokenizer with ``add_prefix_space=False``).

    Parameters
    ----------
    merges
        Pairs of tokens in the order they are to be merged, written as in GPT-2's files: every byte as one
        printable character, a space as ``Ġ``. Both parts of a pair must be bytes or made by earlier merges.

    Attributes
    ----------
    merges : list of (str, str)
        As given.
    token_bytes : list of bytes
        What each id stands for; not always whole characters.

    Raises
    ------
    UserError
        A merge uses a token that doesn't exist yet, or makes one that already does.

    References
    ----------
    Gage (1994), "A new algorithm for data compression"; Sennrich, Haddow and Birch (2016), "Neural machine
    translation of rare words with subword units"; Radford et al. (2019), "Language models are unsupervised
    multitask learners", for bytes in place of characters.

    Examples
    --------
    >>> tokenizer = BPETokenizer([("l", "o"), ("lo", "w"), ("Ġ", "low")])
    >>> [tokenizer.tokens[i] for i in tokenizer.encode("low slow low")]
    ['low', 'Ġ', 's', 'low', 'Ġlow']
    >>> tokenizer.decode(tokenizer.encode("Grüße, 世界!"))
    'Grüße, 世界!'
    """

    kind = "bpe"
    unknown_id = None

    def __init__(self, merges: Iterable[tuple[str, str]]) -> None:
        try:
            self.merges = [(left + "", right + "") for left, right in merges]
        except (TypeError, ValueError):
            raise UserError("The merges should be pairs of tokens, such as ('t', 'h').") from None
        self.tokens = list(_ALPHABET.values())
        self.token_bytes = [bytes([byte]) for byte in _ALPHABET]
        self._merged: dict[tuple[int, int], int] = {}  # (id, id) -> id of the two together
        id_of = {token: i for i, token in enumerate(self.tokens)}
        for left, right in self.merges:
            if left not in id_of or right not in id_of:
                missing = left if left not in id_of else right
                raise UserError(f"The merge of {left!r} and {right!r} uses {missing!r}, which no earlier merge makes.")
            if left + right in id_of:
                raise UserError(f"The merge of {left!r} and {right!r} makes a token that already exists.")
            pair = id_of[left], id_of[right]
            self._merged[pair] = id_of[left + right] = len(self.tokens)
            self.tokens.append(left + right)
            self.token_bytes.append(self.token_bytes[pair[0]] + self.token_bytes[pair[1]])
        self._ids_of = _Remembering(self._encode_piece)

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Learn merges: again and again the most frequent pair of neighbours becomes one token.

        A tie goes to the pair whose first token has the smaller id, then to the one whose second token has. The
        library ``tokenizers`` breaks ties in the same way, so the merges are the same.

        Parameters
        ----------
        text
            What to learn from; pairs are counted inside the pieces of ``split_pieces``, never across them.
        vocab_size
            256 bytes and the merges, so at least 256. There are fewer tokens if no pair is left to merge.
            By default, 2,000 merges.

        Raises
        ------
        UserError
            The text is empty or ``vocab_size`` is below 256.

        Examples
        --------
        >>> BPETokenizer.train("low lower lowest", vocab_size=260).merges
        [('l', 'o'), ('lo', 'w'), ('Ġ', 'low'), ('Ġlow', 'e')]
        """
        check_training(text, vocab_size, 256, "the 256 bytes come first")
        vocab_size = 256 + MERGES if vocab_size is None else vocab_size
        pieces = Counter(split_pieces(_well_formed(text)))
        words = [_byte_ids(piece) for piece in pieces]
        tokens = list(_ALPHABET.values())
        merges = []
        for left, right in _learn_merges(words, list(pieces.values()), vocab_size):
            merges.append((tokens[left], tokens[right]))
            tokens.append(tokens[left] + tokens[right])
        return cls(merges)

    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """The ids of a text, int32, ``(tokens,)``.

        Every text has ids. A lone surrogate (half a character, which a Python string can hold and UTF-8 can't) is
        read as U+FFFD.

        Raises
        ------
        UserError
            It isn't text.
        UnknownTextError
            With ``strict``: the text has lone surrogates.
        """
        check_text(text)
        if strict:
            refuse_unknown("characters", SURROGATE.findall(text))
        pieces = split_pieces(_well_formed(text))
        return np.fromiter(chain.from_iterable(map(self._ids_of.__getitem__, pieces)), np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids.

        Any ids can be decoded. Those that no text encodes to, which a model may well write, can end in the middle
        of a character: bytes that don't make one become U+FFFD, the replacement character.

        >>> tokenizer = BPETokenizer([])
        >>> tokenizer.decode(tokenizer.encode("é")), tokenizer.decode(tokenizer.encode("é")[:1])
        ('é', '\ufffd')
        """
        return b"".join([self.token_bytes[i] for i in self._checked(ids)]).decode("utf-8", "replace")

    def decode_stream(self, ids: Iterable[int]) -> Iterator[str]:
        """The text of ids piece by piece; the bytes of a character are kept until all of them are there."""
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for i in ids:
            (known,) = self._checked([i])
            if piece := decoder.decode(self.token_bytes[known]):
                yield piece
        if rest := decoder.decode(b"", final=True):
            yield rest

    def tokenize(self, text: str) -> list[str]:
        """What a text is cut into, for people to look at; bytes that don't make whole characters are in hexadecimal.

        >>> BPETokenizer([("Ġ", "a")]).tokenize("a a字")
        ['a', ' a', 'E5', 'AD', '97']
        """
        return [_readable(self.token_bytes[i]) for i in self.encode(text)]

    def to_huggingface(self, path: str | Path) -> None:
        """Write the tokenizer as a ``tokenizer.json`` of the library ``tokenizers``, which gives the same ids.

        ``tokenizers.Tokenizer.from_file(path)`` reads the file, and so can every library that builds on it.
        """
        content = huggingface.content(self.tokens, self.merges)
        write_atomically(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    @classmethod
    def from_huggingface(cls, path: str | Path, ignore_added_tokens: bool = False) -> Self:
        """Read a ``tokenizer.json`` of the library ``tokenizers``, for instance GPT-2's.

        Parameters
        ----------
        path
            The file. It should hold byte-level BPE as GPT-2 has it: the bytes first, then a token for each merge.
        ignore_added_tokens
            Leave out tokens that were added to the learnt ones, such as ``<|endoftext|>``. They are then plain text,
            and the ids of all other text stay the same.

        Raises
        ------
        UserError
            The file can't be read, or the library would give different ids with it; the message says what differs.
        """
        learnt = huggingface.read(path)
        if learnt.added and not ignore_added_tokens:
            raise huggingface.refused(
                path,
                f"it has added tokens, {', '.join(map(repr, learnt.added[:3]))}{', ...' * (len(learnt.added) > 3)}; "
                "to read them as plain text, give ignore_added_tokens=True",
            )
        try:
            tokenizer = cls(learnt.merges)
        except UserError as error:
            raise huggingface.refused(path, str(error).removesuffix(".")) from None
        ours = {token: i for i, token in enumerate(tokenizer.tokens)}
        if {t: i for t, i in learnt.vocabulary.items() if t in ours or t not in learnt.added} != ours:
            raise huggingface.refused(
                path, "its ids aren't the 256 bytes in GPT-2's order and then a token for each merge, in order"
            )
        return tokenizer

    def _encode_piece(self, piece: str) -> list[int]:
        """Apply the merges to one piece: the earliest learnt first, and each from left to right.

        The ids form a linked list (a merge leaves a gap in the place of its right part), and a heap holds the
        merges that can be done. So a piece of n bytes takes time n log n, however long it is.
        """
        ids = _byte_ids(piece)
        n = len(ids)
        left, right = list(range(-1, n - 1)), list(range(1, n + 1))
        merged = self._merged.get
        heap = [(new, i) for i, pair in enumerate(pairwise(ids)) if (new := merged(pair)) is not None]
        heapq.heapify(heap)
        while heap:
            new, i = heapq.heappop(heap)
            j = right[i]
            if j == n or merged((ids[i], ids[j])) != new:
                continue  # an earlier merge took one of the two
            ids[i], ids[j] = new, _GAP
            h, k = left[i], right[j]
            right[i] = k
            if k < n:
                left[k] = i
                if (found := merged((new, ids[k]))) is not None:
                    heapq.heappush(heap, (found, i))
            if h >= 0 and (found := merged((ids[h], new))) is not None:
                heapq.heappush(heap, (found, h))
        return [i for i in ids if i != _GAP]

    def _content(self) -> dict[str, Any]:
        return {"merges": [f"{left} {right}" for left, right in self.merges]}

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        (merges,) = listed(content, "merges")
        pairs = [tuple(merge.split(" ")) for merge in distinct_strings(merges, "merges")]
        if wrong := [pair for pair in pairs if len(pair) != 2]:
            raise UserError(f"The merge {' '.join(wrong[0])!r} isn't two tokens with a space between them.")
        return cls((left, right) for left, right in pairs)


def _well_formed(text: str) -> str:
    return SURROGATE.sub(UNKNOWN_TEXT, text)


def _byte_ids(piece: str) -> list[int]:
    return [_ID_OF_BYTE[byte] for byte in piece.encode("utf-8")]


def _readable(token: bytes) -> str:
    try:
        return token.decode("utf-8")
    except UnicodeDecodeError:
        return token.hex().upper()


class _Remembering(dict[str, list[int]]):
    """A dictionary that computes what it doesn't hold yet: most of a text is words that it has seen before.

    It forgets everything when it holds 100,000 pieces, and doesn't keep pieces of over 100 characters.
    """

    def __init__(self, compute: Callable[[str], list[int]]) -> None:
        super().__init__()
        self._compute = compute

    def __missing__(self, piece: str) -> list[int]:
        ids = self._compute(piece)
        if len(self) >= 100_000:
            self.clear()
        if len(piece) <= 100:
            self[piece] = ids
        return ids


def _learn_merges(words: list[list[int]], counts: list[int], vocab_size: int) -> Iterator[tuple[int, int]]:
    """The pairs of ids to merge, in order, until there are ``vocab_size`` tokens or no pair is left.

    ``words[n]`` is the n-th distinct piece as ids and occurs ``counts[n]`` times. All words are in one list
    with a gap after each, linked in both directions, and ``places`` remembers where each pair was seen. So a merge
    takes as many steps as the pair has places, whatever the size of the text (Sennrich et al. 2016 keep such
    an index too).

    >>> list(_learn_merges([[1, 2, 1, 2], [2, 1]], counts=[1, 5], vocab_size=258))
    [(2, 1), (1, 256)]
    """
    ids = [i for word in words for i in (*word, _GAP)]
    count_at = [count for word, count in zip(words, counts, strict=True) for _ in range(len(word) + 1)]
    left, right = list(range(-1, len(ids) - 1)), list(range(1, len(ids) + 1))
    pair_counts: defaultdict[tuple[int, int], int] = defaultdict(int)
    places: defaultdict[tuple[int, int], list[int]] = defaultdict(list)

    def add(pair: tuple[int, int], place: int) -> None:
        pair_counts[pair] += count_at[place]
        places[pair].append(place)

    for place, pair in enumerate(pairwise(ids)):
        if _GAP not in pair:
            add(pair, place)
    heap = [(-count, pair) for pair, count in pair_counts.items()]
    heapq.heapify(heap)
    new = 256
    while heap and new < vocab_size:
        count, (a, b) = heapq.heappop(heap)
        if -count != pair_counts[a, b]:  # other merges took some of its places: back into the queue
            if pair_counts[a, b]:
                heapq.heappush(heap, (-pair_counts[a, b], (a, b)))
            continue
        yield a, b
        neighbours = set()
        for i in places.pop((a, b)):
            j = right[i]
            if ids[i] != a or ids[j] != b:
                continue  # taken by another merge, or by this one: "aaa" has two pairs but room for one merge
            h, k = left[i], right[j]
            ids[i], ids[j] = new, _GAP
            right[i], left[k] = k, i
            if ids[h] != _GAP:
                pair_counts[ids[h], a] -= count_at[i]
                add((ids[h], new), h)
                neighbours.add((ids[h], new))
            if ids[k] != _GAP:
                pair_counts[b, ids[k]] -= count_at[i]
                add((new, ids[k]), i)
                neighbours.add((new, ids[k]))
        for pair in neighbours:
            if pair_counts[pair]:
                heapq.heappush(heap, (-pair_counts[pair], pair))
        new += 1
