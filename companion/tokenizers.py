"""Three ways to turn text into numbers and back: by character, by word, and by pieces learnt from the text.

All three have the same four methods: the class method ``train(text, vocab_size)``, ``encode(text)``,
``decode(ids)`` and ``save(path)``; ``load_tokenizer(path)`` reads any of them back.

>>> tokenizer = BPETokenizer.train("low lower lowest", vocab_size=259)
>>> tokenizer.encode("low").tolist()
[257]
>>> tokenizer.decode([257])
'low'

Explained in the book's chapter *What does it read?* (``book/tokens.md``).
"""

import functools
import heapq
import json
import math
from abc import ABC, abstractmethod
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import regex

from companion.errors import UserError
from companion.storage import read_json, write_atomically

if TYPE_CHECKING:
    from companion.ngrams import NGramModel

FORMAT = "gate-by-gate tokenizer"
VERSION = 1

UNKNOWN_ID = 0
UNKNOWN_NAME = "<unk>"  # what tokens[0] is called where tokens are listed
UNKNOWN_TEXT = "\N{REPLACEMENT CHARACTER}"  # what it decodes to
CODE_POINTS = 0x110000  # everything a Python string can hold in one place

# GPT-2's cut of a text into pieces (Radford et al. 2019, encoder.py): English clitics; a run of letters, of
# digits or of other signs, each with at most one space before it; white space, of which the last space goes
# to the next piece. Every character falls into exactly one piece, so the pieces put together are the text
# again.
PIECE = regex.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+")

# Two surrogates that JSON would read back as one character; in a string made by decoding text there are none.
_NOT_IN_JSON = regex.compile("[\ud800-\udbff][\udc00-\udfff]")


def split_pieces(text: str) -> list[str]:
    """Cut a text into words, numbers, punctuation and white space, losing nothing.

    >>> split_pieces("I'll read 2 books, now.")
    ['I', "'ll", ' read', ' 2', ' books', ',', ' now', '.']
    """
    return PIECE.findall(text)


class Tokenizer(ABC):
    """What the three tokenizers share.

    Attributes
    ----------
    tokens
        What each id stands for, in the order of the ids (BPE: its bytes, each as one printable character).
    """

    kind: ClassVar[str]
    tokens: list[str]

    @property
    def vocab_size(self) -> int:
        """How many different ids there are: 0 to ``vocab_size - 1``."""
        return len(self.tokens)

    @classmethod
    @abstractmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Learn a vocabulary of at most ``vocab_size`` tokens from a text."""

    @abstractmethod
    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """The ids of a text: an int32 array of shape ``(tokens,)``."""

    @abstractmethod
    def decode(self, ids: Iterable[int]) -> str:
        """The text that ids stand for."""

    def tokenize(self, text: str) -> list[str]:
        """What a text is cut into, for people to look at; an unknown token is ``<unk>``.

        >>> WordTokenizer.train("to be or not to be").tokenize("to be seen")
        ['to', ' be', '<unk>']
        """
        return [self.tokens[i] for i in self.encode(text)]

    @abstractmethod
    def _content(self) -> dict[str, Any]:
        """What ``save`` has to write so that ``_from_content`` can make the same tokenizer."""

    @classmethod
    @abstractmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        """The tokenizer that ``_content`` describes, or a UserError that says what about it is wrong."""

    def save(self, path: str | Path) -> None:
        """Write the tokenizer to a JSON file, whole or not at all; ``load_tokenizer`` reads it."""
        content = {"format": FORMAT, "version": VERSION, "kind": self.kind, **self._content()}
        write_atomically(path, json.dumps(content, indent=1) + "\n")

    def _checked(self, ids: Iterable[int]) -> list[int]:
        """The ids as a list of ints, all of them in the vocabulary."""
        array = np.asarray(ids if isinstance(ids, np.ndarray | Sequence) else list(ids))
        if not array.size:
            return []
        if array.ndim != 1 or array.dtype.kind not in "iu":
            raise UserError("Expected ids as a flat sequence of whole numbers; decode the texts of a batch one by one.")
        if not 0 <= array.min() <= array.max() < self.vocab_size:
            wrong = array[(array < 0) | (array >= self.vocab_size)][0]
            raise UserError(
                f"{wrong} is no id of this tokenizer: its ids are 0 to {self.vocab_size - 1}. "
                "Decode with the tokenizer that encoded."
            )
        return array.tolist()

    def __repr__(self) -> str:
        return f"{type(self).__name__}(vocab_size={self.vocab_size})"


class CharTokenizer(Tokenizer):
    """One token a character.

    Id 0 stands for every character the training text did not have; it decodes to U+FFFD, the replacement
    character. The known characters follow in the order of their code points.

    >>> tokenizer = CharTokenizer.train("hello")
    >>> tokenizer.tokens
    ['<unk>', 'e', 'h', 'l', 'o']
    >>> tokenizer.encode("hole").tolist()
    [2, 4, 3, 1]
    >>> tokenizer.encode("help").tolist()
    [2, 1, 3, 0]
    """

    kind = "char"

    def __init__(self, characters: Iterable[str]) -> None:
        known = sorted(characters)
        self.tokens = [UNKNOWN_NAME, *known]
        self._id_of_code_point = np.zeros(ord(known[-1]) + 2 if known else 1, dtype=np.int32)
        for i, character in enumerate(known, start=1):
            self._id_of_code_point[ord(character)] = i

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Know all the text's characters, or as many of the most frequent as leave an id for the unknown.

        Raises
        ------
        UserError
            The text is empty, or ``vocab_size`` leaves no room for a character.
        """
        _require_text(text)
        return cls(_most_frequent(Counter(text), vocab_size))

    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """One id for each character.

        Parameters
        ----------
        text
            Any string.
        strict
            Raise an error for unknown characters, where otherwise they become id 0.

        Returns
        -------
        int32 array of shape ``(len(text),)``

        Raises
        ------
        UserError
            ``strict``, and the text has unknown characters: the message names them.
        """
        code_points = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype=np.uint32)
        last = len(self._id_of_code_point) - 1  # an entry of zero, for every code point beyond the table
        ids = self._id_of_code_point[np.minimum(code_points, last)]
        if strict and not ids.all():
            raise _unknown("characters", (text[i] for i in np.flatnonzero(ids == UNKNOWN_ID)))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The characters of the ids, put together.

        >>> CharTokenizer.train("hello").decode([2, 1, 3, 0])
        'hel\ufffd'
        """
        return "".join(self.tokens[i] if i else UNKNOWN_TEXT for i in self._checked(ids))

    def _content(self) -> dict[str, Any]:
        return {"tokens": self.tokens[1:]}

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        tokens = _distinct_strings(content)
        if wrong := [t for t in tokens if len(t) != 1]:
            raise UserError(f"its token {wrong[0]!r} is not one character")
        return cls(tokens)


class WordTokenizer(Tokenizer):
    """One token a word, number or run of punctuation, together with the space before it.

    Id 0 stands for every piece that is not in the vocabulary; it decodes to U+FFFD, the replacement
    character. The known pieces follow, the most frequent first. A text without unknown pieces is decoded
    exactly.

    >>> tokenizer = WordTokenizer.train("the cat and the bird and the cat", vocab_size=5)
    >>> tokenizer.tokens
    ['<unk>', ' cat', ' and', ' the', 'the']
    >>> tokenizer.encode("the cat and the bird").tolist()
    [4, 1, 2, 3, 0]
    """

    kind = "word"

    def __init__(self, pieces: Iterable[str]) -> None:
        self.tokens = [UNKNOWN_NAME, *pieces]
        self._id_of = {piece: i for i, piece in enumerate(self.tokens) if i}

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Know all the text's pieces, or as many of the most frequent as leave an id for the unknown.

        Raises
        ------
        UserError
            The text is empty, or ``vocab_size`` leaves no room for a piece.
        """
        _require_text(text)
        pieces = Counter(piece for piece in split_pieces(text) if not _NOT_IN_JSON.search(piece))
        return cls(_most_frequent(pieces, vocab_size))

    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """One id for each piece of ``split_pieces(text)``.

        Parameters
        ----------
        text
            Any string.
        strict
            Raise an error for unknown pieces, where otherwise they become id 0.

        Returns
        -------
        int32 array of shape ``(tokens,)``

        Raises
        ------
        UserError
            ``strict``, and the text has unknown pieces: the message names them.
        """
        pieces = split_pieces(text)
        ids = np.fromiter((self._id_of.get(piece, UNKNOWN_ID) for piece in pieces), np.int32, len(pieces))
        if strict and not ids.all():
            raise _unknown("words", (pieces[i] for i in np.flatnonzero(ids == UNKNOWN_ID)))
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """The pieces of the ids, put together."""
        return "".join(self.tokens[i] if i else UNKNOWN_TEXT for i in self._checked(ids))

    def _content(self) -> dict[str, Any]:
        return {"tokens": self.tokens[1:]}

    @classmethod
    def _from_content(cls, content: dict[str, Any]) -> Self:
        tokens = _distinct_strings(content)
        if wrong := [t for t in tokens if split_pieces(t) != [t]]:
            raise UserError(f"its token {wrong[0]!r} is not one piece as this package cuts text")
        return cls(tokens)


# ------------------------------------------------------------------------------------------------------------
# Byte-pair encoding


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
_GAP = -1  # no id: a place without a token in a linked list


def _byte_ids(piece: str) -> list[int]:
    """The ids of a piece's UTF-8 bytes; a lone surrogate becomes the three bytes UTF-8 would give it."""
    return [_ID_OF_BYTE[byte] for byte in piece.encode("utf-8", "surrogatepass")]


class BPETokenizer(Tokenizer):
    """Byte-level byte-pair encoding: any text can be written, frequent pieces are short.

    Ids 0 to 255 are the 256 bytes, in GPT-2's order; id 256 + k is what the k-th merge makes. No text is
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
        A merge uses a token that is not there yet, or makes one that is.

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

    def __init__(self, merges: Iterable[tuple[str, str]]) -> None:
        self.merges = [(left, right) for left, right in merges]
        self.tokens = list(_ALPHABET.values())
        self.token_bytes = [bytes([byte]) for byte in _ALPHABET]
        self._merged: dict[tuple[int, int], int] = {}  # (id, id) -> id of the two together
        id_of = {token: i for i, token in enumerate(self.tokens)}
        for left, right in self.merges:
            if left not in id_of or right not in id_of:
                missing = left if left not in id_of else right
                raise UserError(f"its merge of {left!r} and {right!r} uses {missing!r}, which no earlier merge makes")
            if left + right in id_of:
                raise UserError(f"its merge of {left!r} and {right!r} makes a token that is there already")
            pair = id_of[left], id_of[right]
            self._merged[pair] = id_of[left + right] = len(self.tokens)
            self.tokens.append(left + right)
            self.token_bytes.append(self.token_bytes[pair[0]] + self.token_bytes[pair[1]])
        self._ids_of = _Remembering(self._encode_piece)

    @classmethod
    def train(cls, text: str, vocab_size: int | None = None) -> Self:
        """Learn merges: again and again the most frequent pair of neighbours becomes one token.

        A tie goes to the pair whose first token has the smaller id, then to the one whose second has. That is
        how the library ``tokenizers`` decides it too, so the merges are the same.

        Parameters
        ----------
        text
            What to learn from; pairs are counted inside the pieces of ``split_pieces``, never across them.
        vocab_size
            256 bytes and the merges, so at least 256. There will be fewer tokens if no pair is left to merge.
            Without it, 2,000 merges.

        Raises
        ------
        UserError
            The text is empty or ``vocab_size`` is below 256.

        Examples
        --------
        >>> BPETokenizer.train("low lower lowest", vocab_size=260).merges
        [('l', 'o'), ('lo', 'w'), ('Ġ', 'low'), ('Ġlow', 'e')]
        """
        _require_text(text)
        vocab_size = 2256 if vocab_size is None else vocab_size
        if vocab_size < 256:
            raise UserError(f"vocab_size={vocab_size} is too small: the 256 bytes come first. Give 256 or more.")
        pieces = Counter(split_pieces(text))
        words = [_byte_ids(piece) for piece in pieces]
        tokens = list(_ALPHABET.values())
        merges = []
        for left, right in _learn_merges(words, list(pieces.values()), vocab_size):
            merges.append((tokens[left], tokens[right]))
            tokens.append(tokens[left] + tokens[right])
        return cls(merges)

    def encode(self, text: str, strict: bool = False) -> np.ndarray:
        """The ids of a text. No text has unknown tokens, so ``strict`` changes nothing.

        Returns
        -------
        int32 array of shape ``(tokens,)``
        """
        pieces = split_pieces(text)
        return np.fromiter(chain.from_iterable(map(self._ids_of.__getitem__, pieces)), np.int32)

    def decode(self, ids: Iterable[int]) -> str:
        """The text of the ids.

        Any ids can be decoded. Those that no text encodes to, as a model may well write, can end in the
        middle of a character: bytes that make none become U+FFFD, the replacement character.

        >>> tokenizer = BPETokenizer([])
        >>> tokenizer.decode(tokenizer.encode("é")), tokenizer.decode(tokenizer.encode("é")[:1])
        ('é', '\ufffd')
        """
        data = b"".join([self.token_bytes[i] for i in self._checked(ids)])
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            return data.decode("utf-8", "replace")

    def tokenize(self, text: str) -> list[str]:
        """What a text is cut into, for people to look at; bytes that are no whole characters, as hexadecimal.

        >>> BPETokenizer([("Ġ", "a")]).tokenize("a a字")
        ['a', ' a', 'E5', 'AD', '97']
        """
        return [_readable(self.token_bytes[i]) for i in self.encode(text)]

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
        pairs = [tuple(merge.split(" ")) for merge in _distinct_strings(content, "merges")]
        if wrong := [pair for pair in pairs if len(pair) != 2]:
            raise UserError(f"its merge {' '.join(wrong[0])!r} is not two tokens with a space between them")
        return cls((left, right) for left, right in pairs)


def _readable(token: bytes) -> str:
    try:
        return token.decode("utf-8")
    except UnicodeDecodeError:
        return token.hex().upper()


class _Remembering(dict[str, list[int]]):
    """A dictionary that computes what it does not hold yet: most of a text is words it has seen before.

    It forgets everything when it holds 100,000 pieces, and does not keep pieces of over 100 characters.
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

    ``words[n]`` is the n-th distinct piece as ids and occurs ``counts[n]`` times. All words lie in one list
    with a gap after each, linked to both sides, and ``places`` remembers where each pair was seen. So a merge
    costs as many steps as the pair has places, whatever the size of the text (Sennrich et al. 2016 keep such
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


# ------------------------------------------------------------------------------------------------------------
# What unknown tokens cost


def unknown_nats(tokenizer: Tokenizer, text: str, training_text: str, order: int = 5) -> float:
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
        The text that the tokenizer and the model were trained on.
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
    unknown = _unknown_pieces(tokenizer, text)
    if not unknown:
        return 0.0
    characters, model = _speller(tokenizer, training_text, order)
    ids = _spelt(unknown, characters)
    return model.cross_entropy(ids) * len(ids) + unknown_nats(characters, "".join(unknown), "")


@functools.lru_cache(maxsize=2)
def _speller(tokenizer: WordTokenizer, training_text: str, order: int) -> "tuple[CharTokenizer, NGramModel]":
    """A character model of the training text's unknown words, each with an end sign."""
    from companion.ngrams import NGramModel

    examples = _unknown_pieces(tokenizer, training_text) or tokenizer.tokens[1:]
    characters = CharTokenizer.train("".join(examples))
    return characters, NGramModel(order, vocab_size=characters.vocab_size + 1).fit(_spelt(examples, characters))


def _spelt(pieces: list[str], characters: CharTokenizer) -> np.ndarray:
    """The ids of the pieces' characters; the id after the last one ends each piece."""
    end = characters.vocab_size
    return np.concatenate([[*characters.encode(piece), end] for piece in pieces]).astype(np.int32)


def _unknown_pieces(tokenizer: WordTokenizer, text: str) -> list[str]:
    return [piece for piece, i in zip(split_pieces(text), tokenizer.encode(text), strict=True) if i == UNKNOWN_ID]


# ------------------------------------------------------------------------------------------------------------
# Reading back, and checks


def load_tokenizer(path: str | Path) -> Tokenizer:
    """The tokenizer that ``save`` wrote to a file.

    Raises
    ------
    UserError
        The file is missing, not a tokenizer of this package or of another version, or what it says makes no
        sense: something missing or of the wrong kind, a token twice, a merge of tokens that are not there.
    """
    content = read_json(path, "a tokenizer")
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{path} is no tokenizer saved by this package; give a file that a tokenizer's save() wrote.")
    if content.get("version") != VERSION:
        raise UserError(
            f"{path} is a tokenizer of format version {content.get('version')!r}; "
            f"this package reads version {VERSION}. Train and save it again."
        )
    kinds: dict[Any, type[Tokenizer]] = {kind.kind: kind for kind in (CharTokenizer, WordTokenizer, BPETokenizer)}
    kind = content.get("kind")
    if not isinstance(kind, str) or kind not in kinds:
        raise UserError(f"{path} holds a tokenizer of kind {kind!r}; expected {', '.join(kinds)}. Save it again.")
    try:
        return kinds[kind]._from_content(content)
    except UserError as error:
        raise UserError(f"{path} is no {kind} tokenizer as this package saves it: {error}. Save it again.") from None


def _distinct_strings(content: dict[str, Any], key: str = "tokens") -> list[str]:
    """``content[key]``, which must be a list of different strings, and all there is but for the heading."""
    if key not in content:
        raise UserError(f"{key!r} is missing")
    if unexpected := content.keys() - {"format", "version", "kind", key}:
        raise UserError(f"{min(unexpected)!r} does not belong there")
    values = content[key]
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise UserError(f"{key!r} should be a list of strings")
    if twice := [value for value, count in Counter(values).items() if count > 1]:
        raise UserError(f"{twice[0]!r} is there twice in {key!r}")
    return values


def _require_text(text: str) -> None:
    if not text:
        raise UserError("The training text is empty; a tokenizer needs some text to learn from.")


def _most_frequent(counts: Counter[str], vocab_size: int | None) -> list[str]:
    """The most frequent keys, as many as leave an id for the unknown; of equals, the first seen."""
    if vocab_size is not None and vocab_size < 2:
        raise UserError(f"vocab_size={vocab_size} is too small: the unknown token takes one id. Give 2 or more.")
    return [key for key, _ in counts.most_common(None if vocab_size is None else vocab_size - 1)]


def _unknown(what: str, found: Iterable[str]) -> UserError:
    """The error for a strict ``encode``: it names the first ten different unknowns."""
    distinct = list(dict.fromkeys(found))
    named = ", ".join(map(repr, distinct[:10]))
    more = f" and {len(distinct) - 10} more" if len(distinct) > 10 else ""
    return UserError(
        f"The text has {what} that the tokenizer does not know: {named}{more}. "
        "Remove or replace them, or encode with strict=False."
    )
