"""The tokenizers: no text is lost, the library ``tokenizers`` agrees, files are checked, unknowns are paid for."""

import doctest
import importlib
import json
import math
import pickle
import pkgutil
import re
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
import tokenizers as library
from hypothesis import given, settings
from hypothesis import strategies as st

import companion.tokenizers
from companion import UserError
from companion.corpora import load_corpus
from companion.ngrams import NGramModel
from companion.tokenizers import (
    CODE_POINTS,
    TOKENIZERS,
    UNKNOWN_NAME,
    UNKNOWN_TEXT,
    BPETokenizer,
    CharTokenizer,
    Tokenizer,
    UnknownTextError,
    WordTokenizer,
    load_tokenizer,
    split_pieces,
    unknown_nats,
)

ENGLISH = (
    "It was the best of times, it was the worst of times, it was the age of wisdom, it was the age of "
    "foolishness.\n\n  'Tis 1859; we'll say they'd said: \"I'm here!\"  \n\tAnd so, aaaaaaa, on...\r\n"
)
MANY_SCRIPTS = (
    "世界很大，字很多。Grüße! Ελληνικά, 日本語 – ½ naïve "
    "👩‍👩‍👧 कखग עברית\u3000全角　１２３ e\u0301\x00\x1c\x85\ufffd\U0010ffff"
)
TEXT = ENGLISH * 3 + MANY_SCRIPTS
BPE = BPETokenizer.train(TEXT, vocab_size=400)
ALL: dict[str, Tokenizer] = {
    "char": CharTokenizer.train(TEXT),
    "word": WordTokenizer.train(TEXT),
    "bpe": BPE,
}
KINDS = sorted(ALL)

any_string = st.text(st.characters(exclude_categories=()))  # lone surrogates too
# Characters that every Unicode version here knows: the package regex, the library and Python have one each,
# which only agree on whether a code point is a letter if it is assigned.
any_text = st.text(st.characters(exclude_categories=("Cs", "Cn")))
ties = st.text("ab ", min_size=1, max_size=60)  # few letters: many pairs equally frequent, many runs


def library_tokenizer(merges: list[tuple[str, str]]) -> library.Tokenizer:
    """The library's byte-level BPE with our merges and our ids."""
    ids = {token: i for i, token in enumerate(BPETokenizer(merges).tokens)}
    result = library.Tokenizer(library.models.BPE(vocab=ids, merges=list(merges)))
    result.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = library.decoders.ByteLevel()
    return result


def library_merges(text: str, vocab_size: int) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """What the library learns from a text: its merges, and its id of each token."""
    result = library.Tokenizer(library.models.BPE())
    result.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, show_progress=False)
    result.train_from_iterator([text], trainer)
    model = json.loads(result.to_str())["model"]
    return [tuple(merge) for merge in model["merges"]], model["vocab"]


@pytest.fixture(scope="module")
def python_docs() -> str:
    return load_corpus("python-docs").text


# ------------------------------------------------------------------------------------------------------------
# Nothing is lost


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", "t", " ", ENGLISH, MANY_SCRIPTS, TEXT])
def test_round_trip(kind: str, text: str) -> None:
    tokenizer = ALL[kind]
    if kind == "word" and text not in ("", TEXT):
        tokenizer = WordTokenizer.train(text)
    ids = tokenizer.encode(text)
    assert ids.dtype == np.int32 and ids.ndim == 1
    assert tokenizer.decode(ids) == text
    assert tokenizer.decode(ids.tolist()) == text
    assert tokenizer.decode(iter(ids.tolist())) == text


def as_text(string: str) -> str:
    """The string with U+FFFD in place of lone surrogates."""
    return re.sub("[\ud800-\udfff]", UNKNOWN_TEXT, string)


@given(any_string)
@settings(max_examples=500, deadline=None)
def test_bpe_round_trips_every_text(string: str) -> None:
    assert BPE.decode(BPE.encode(string)) == as_text(string)


@pytest.mark.parametrize("kind", KINDS)
@given(string=any_string | st.lists(st.sampled_from(ALL["word"].tokens[1:])).map("".join))
@settings(deadline=None)
def test_strict_gives_the_text_back_or_says_what_is_unknown(kind: str, string: str) -> None:
    try:
        ids = ALL[kind].encode(string, strict=True)
    except UnknownTextError as error:
        assert error.unknown and all(part in string for part in error.unknown)
        assert len(set(error.unknown)) == len(error.unknown)
        str(error).encode()  # the message itself can be printed
    else:
        assert ALL[kind].decode(ids) == string == as_text(string)
        assert np.array_equal(ids, ALL[kind].encode(string))


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_any_ids_are_text_that_can_be_printed_and_streamed(kind: str, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, ALL[kind].vocab_size - 1)))
    text = ALL[kind].decode(ids)
    assert text.encode("utf-8").decode("utf-8") == text
    pieces = list(ALL[kind].decode_stream(iter(ids)))
    assert "".join(pieces) == text and all(pieces)


# Bytes that begin, continue and end characters of one to four bytes, and some that only seem to: of a surrogate
# (ED A0 80), beyond the last code point (F4 90), overlong (C0, E0 80).
TELLING = bytes.fromhex("41 C0 C3 A9 80 E0 E4 B8 96 ED A0 F0 9F 8E AD F4 90 FF")


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_stream_of_bytes_is_their_text_however_they_are_broken(length: int) -> None:
    plain = BPETokenizer([])
    id_of = {byte[0]: i for i, byte in enumerate(plain.token_bytes)}
    for some in product(TELLING, repeat=length):
        expected = bytes(some).decode("utf-8", "replace")
        ids = [id_of[byte] for byte in some]
        assert plain.decode(ids) == "".join(plain.decode_stream(ids)) == expected
        for tail in ("é", "🎭"):
            more = [*ids, *plain.encode(tail)]
            assert "".join(plain.decode_stream(more)) == plain.decode(more)


def test_no_piece_is_half_a_character_and_none_waits_longer_than_it_must() -> None:
    plain = BPETokenizer([])
    ids = plain.encode("aé🎭").tolist()
    asked: list[int] = []
    stream = plain.decode_stream(asked.append(i) or i for i in ids)  # type: ignore[func-returns-value]
    seen = [(piece, len(asked)) for piece in stream]
    assert seen == [("a", 1), ("é", 3), ("🎭", 7)]
    assert list(plain.decode_stream(ids[:-1])) == ["a", "é", UNKNOWN_TEXT]  # the rest is marked at the end


def test_lone_surrogates_are_unknown_to_all() -> None:
    string = "\ud83d\ude00 \U0001f600 \udfff"  # two surrogates, then the character the two would make
    assert BPE.decode(BPE.encode(string)) == "\ufffd\ufffd \U0001f600 \ufffd"
    for kind in (CharTokenizer, WordTokenizer, BPETokenizer):
        tokenizer = kind.train(string)
        assert tokenizer.decode(tokenizer.encode(string)).count(UNKNOWN_TEXT) >= 2
        with pytest.raises(UnknownTextError) as error:
            tokenizer.encode(string, strict=True)
        assert "\ud83d" in error.value.unknown[0]
    for build in (lambda: CharTokenizer("a\ud83d"), lambda: WordTokenizer(["a", "\ud83d\ude00"])):
        with pytest.raises(UserError, match="ud83d"):
            build()


@given(st.text(st.sampled_from(sorted(set(TEXT)))))
@settings(deadline=None)
def test_char_round_trips_its_alphabet(text: str) -> None:
    assert ALL["char"].decode(ALL["char"].encode(text, strict=True)) == text


@given(any_string)
@settings(deadline=None)
def test_char_marks_each_unknown_character(text: str) -> None:
    tokenizer = ALL["char"]
    ids = tokenizer.encode(text)
    assert len(ids) == len(text)
    assert [i == tokenizer.unknown_id for i in ids] == [c not in set(TEXT) for c in text]
    assert tokenizer.decode(ids) == "".join(c if c in set(TEXT) else UNKNOWN_TEXT for c in text)


@given(st.lists(st.sampled_from(ALL["word"].tokens[1:])).map("".join) | any_string)
@settings(deadline=None)
def test_word_is_exact_if_nothing_is_unknown(text: str) -> None:
    tokenizer = ALL["word"]
    ids = tokenizer.encode(text)
    pieces = [p if p in tokenizer.tokens[1:] else UNKNOWN_TEXT for p in split_pieces(text)]
    assert tokenizer.decode(ids) == "".join(pieces)
    if tokenizer.unknown_id not in ids:
        assert tokenizer.decode(ids) == text


@given(any_string)
@settings(deadline=None)
def test_pieces_put_together_are_the_text(text: str) -> None:
    pieces = split_pieces(text)
    assert "".join(pieces) == text
    assert all(split_pieces(piece) == [piece] for piece in pieces)


@pytest.mark.parametrize(("kind", "what"), [("char", "characters"), ("word", "words")])
def test_strict_names_the_unknown(kind: str, what: str) -> None:
    with pytest.raises(UnknownTextError, match=rf"{what}.*'Q'.*'%'") as error:
        ALL[kind].encode("Q%Q", strict=True)
    assert error.value.unknown == (["Q", "%"] if kind == "char" else ["Q", "%", "Q"][:2])
    assert pickle.loads(pickle.dumps(error.value)).unknown == error.value.unknown
    many = CharTokenizer.train("a")
    with pytest.raises(UnknownTextError, match=r"'b', 'c'.* and 2 more") as error:
        many.encode("abcdefghijklm", strict=True)
    assert error.value.unknown == list("bcdefghijklm")


def test_text_that_looks_like_the_unknown_token_is_text() -> None:
    text = f"a {UNKNOWN_NAME} b"
    for kind in (CharTokenizer, WordTokenizer, BPETokenizer):
        tokenizer = kind.train(text)
        ids = tokenizer.encode(text, strict=True)
        assert tokenizer.unknown_id not in ids and tokenizer.decode(ids) == text
    with pytest.raises(UserError, match="isn't one piece"):
        WordTokenizer([UNKNOWN_NAME])


def test_unknown_text_has_an_id_unless_all_text_is_known() -> None:
    for tokenizer in ALL.values():
        if tokenizer.unknown_id is None:
            assert not isinstance(tokenizer, CharTokenizer | WordTokenizer)
        else:
            assert tokenizer.tokens[tokenizer.unknown_id] == UNKNOWN_NAME
            assert tokenizer.decode([tokenizer.unknown_id]) == UNKNOWN_TEXT
    assert [(name, kind.kind) for name, kind in TOKENIZERS.items()] == [
        (kind, kind) for kind in ("char", "word", "bpe")
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "ids", [[-1], [0, 10**6], np.array([3, -2]), [2**70], ["a"], [1.5], [[1, 2], [3, 4]], [[1], [2, 3]], None, 3, "ab"]
)
def test_decode_refuses_what_is_not_an_id(kind: str, ids: Any) -> None:
    with pytest.raises(UserError, match="ids"):
        ALL[kind].decode(ids)
    if isinstance(ids, list) and not isinstance(ids[-1], list):
        with pytest.raises(UserError, match="ids"):
            list(ALL[kind].decode_stream(ids))


@pytest.mark.parametrize("value", [None, 3, b"text", ["text"], 2.5])
def test_input_that_is_not_text_is_reported(value: Any) -> None:
    uses: list[Callable[[], object]] = [lambda: split_pieces(value), lambda: unknown_nats(BPE, value)]
    for tokenizer in ALL.values():
        uses += [lambda t=tokenizer: t.encode(value), lambda t=tokenizer: t.tokenize(value)]
        uses += [lambda t=tokenizer: type(t).train(value)]
    for use in uses:
        with pytest.raises(UserError, match=f"is of type {type(value).__name__}; it should be a string"):
            use()


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: CharTokenizer(["ab"]), "'ab' isn't one character"),
        (lambda: CharTokenizer("abab"), "'a' occurs twice"),
        (lambda: CharTokenizer([1, 2]), "list of strings"),  # type: ignore[list-item]
        (lambda: CharTokenizer(None), "list of strings"),  # type: ignore[arg-type]
        (lambda: WordTokenizer(["two words"]), "isn't one piece"),
        (lambda: WordTokenizer([" a", " a"]), "' a' occurs twice"),
        (lambda: WordTokenizer(["a"], ["b c"]), "'b c' isn't one piece"),
        (lambda: BPETokenizer(None), "pairs of tokens"),  # type: ignore[arg-type]
        (lambda: BPETokenizer([("a",)]), "pairs of tokens"),  # type: ignore[list-item]
        (lambda: BPETokenizer([(1, 2)]), "pairs of tokens"),  # type: ignore[list-item]
        (lambda: BPETokenizer([("ab", "c")]), "^The merge of 'ab' and 'c' uses 'ab', which no earlier merge makes.$"),
    ],
)
def test_bad_vocabularies_are_refused(build: Callable[[], Tokenizer], says: str) -> None:
    with pytest.raises(UserError, match=says):
        build()


@pytest.mark.parametrize("kind", KINDS)
def test_tokens_to_look_at(kind: str) -> None:
    assert "".join(ALL[kind].tokenize(ENGLISH)) == ENGLISH or kind == "word"
    assert len(ALL[kind].tokenize(TEXT)) == len(ALL[kind].encode(TEXT))
    assert (
        ALL[kind].tokenize("aaa\u0394")
        == {
            "char": ["a", "a", "a", "<unk>"],
            "word": ["<unk>"],
            "bpe": ["aaa", "CE", "94"],
        }[kind]
    )


# ------------------------------------------------------------------------------------------------------------
# Training


def test_vocabularies() -> None:
    assert ALL["char"].tokens[1:] == sorted(set(TEXT))
    pieces = Counter(split_pieces(TEXT))
    by_frequency = [pieces[token] for token in ALL["word"].tokens[1:]]
    assert by_frequency == sorted(pieces.values(), reverse=True)
    assert CharTokenizer.train("aabbbc", vocab_size=3).tokens == ["<unk>", "a", "b"]
    assert WordTokenizer.train("a b b", vocab_size=2).tokens == ["<unk>", " b"]
    for tokenizer in ALL.values():
        assert tokenizer.vocab_size == len(tokenizer.tokens) == int(repr(tokenizer).split("=")[1][:-1])
    assert BPE.vocab_size == 400
    assert BPETokenizer.train("abc", vocab_size=10_000).vocab_size == 256 + 2  # no pair is left to merge
    assert BPETokenizer.train("aaa", vocab_size=10_000).merges == [("a", "a"), ("aa", "a")]
    assert BPETokenizer.train("a" * 9).vocab_size == 256 + 4


@pytest.mark.parametrize("kind", [CharTokenizer, WordTokenizer, BPETokenizer])
def test_training_refuses_what_it_cannot_learn_from(kind: type[Tokenizer]) -> None:
    with pytest.raises(UserError, match="empty"):
        kind.train("")
    for vocab_size in (1, 0, -3, 2.5, "300", True, float("nan")):
        with pytest.raises(UserError, match="vocab_size is .* whole number from"):
            kind.train("text", vocab_size=vocab_size)  # type: ignore[arg-type]


def plain_merges(text: str, vocab_size: int) -> list[tuple[bytes, bytes]]:
    """Byte-pair encoding as defined: count all pairs, merge the most frequent everywhere, begin again."""
    order = {token: i for i, token in enumerate(BPETokenizer([]).token_bytes)}
    words = Counter(tuple(bytes([b]) for b in piece.encode()) for piece in split_pieces(as_text(text)))
    merges = []
    while len(order) < vocab_size:
        pairs: Counter[tuple[bytes, bytes]] = Counter()
        for word, count in words.items():
            for pair in pairwise(word):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], order[pair[0]], order[pair[1]]))
        merges.append(best)
        order[best[0] + best[1]] = len(order)
        words = Counter({merged(word, best): count for word, count in words.items()})
    return merges


def merged(word: tuple[bytes, ...], pair: tuple[bytes, bytes]) -> tuple[bytes, ...]:
    result: list[bytes] = []
    i = 0
    while i < len(word):
        both = word[i : i + 2] == pair
        result.append(word[i] + word[i + 1] if both else word[i])
        i += 2 if both else 1
    return tuple(result)


def as_bytes(tokenizer: BPETokenizer) -> list[tuple[bytes, bytes]]:
    of = dict(zip(tokenizer.tokens, tokenizer.token_bytes, strict=True))
    return [(of[left], of[right]) for left, right in tokenizer.merges]


@given(ties | any_string.filter(bool))
@settings(deadline=None)
def test_incremental_counts_learn_the_same_merges_as_recounting(text: str) -> None:
    assert as_bytes(BPETokenizer.train(text, vocab_size=280)) == plain_merges(text, 280)


def test_incremental_counts_on_real_text(python_docs: str) -> None:
    text = python_docs[:30_000]
    assert as_bytes(BPETokenizer.train(text, vocab_size=400)) == plain_merges(text, 400)


@given(ties)
@settings(deadline=None)
def test_encoding_applies_merges_in_the_order_learnt(text: str) -> None:
    tokenizer = BPETokenizer.train("abba ab baab aab abab aaabbb", vocab_size=270)
    expected: list[bytes] = []
    for piece in split_pieces(text):
        word = tuple(bytes([b]) for b in piece.encode())
        for pair in as_bytes(tokenizer):
            word = merged(word, pair)
        expected.extend(word)
    assert [tokenizer.token_bytes[i] for i in tokenizer.encode(text)] == expected


# ------------------------------------------------------------------------------------------------------------
# The library agrees


@given(any_text, st.sampled_from([ENGLISH, MANY_SCRIPTS, TEXT]))
@settings(max_examples=400, deadline=None)
def test_ids_equal_the_library_s_given_the_same_merges(text: str, trained_on: str) -> None:
    ours = BPETokenizer.train(trained_on, vocab_size=450)
    theirs = library_tokenizer(ours.merges)
    # add text around every text, so that merges can cross its edges
    for sample in (text, trained_on[:40] + text + trained_on[-40:]):
        assert ours.encode(sample).tolist() == theirs.encode(sample).ids
        assert ours.decode(theirs.encode(sample).ids) == sample


@given(ties, ties)
@settings(deadline=None)
def test_ids_equal_the_library_s_when_merges_compete(trained_on: str, text: str) -> None:
    ours = BPETokenizer.train(trained_on, vocab_size=290)
    assert ours.encode(text).tolist() == library_tokenizer(ours.merges).encode(text).ids


@given(ties | any_text.filter(bool))
@settings(max_examples=300, deadline=None)
def test_merges_and_ids_are_those_the_library_learns_ties_included(text: str) -> None:
    ours = BPETokenizer.train(text, vocab_size=300)
    merges, ids = library_merges(text, 300)
    assert ours.merges == merges
    assert {token: i for i, token in enumerate(ours.tokens)} == ids


def test_the_library_agrees_on_real_text(python_docs: str) -> None:
    ours = BPETokenizer.train(python_docs, vocab_size=2256)
    merges, _ = library_merges(python_docs, 2256)
    assert ours.merges == merges
    assert ours.encode(python_docs).tolist() == library_tokenizer(merges).encode(python_docs).ids


def test_ties_go_to_the_smaller_ids() -> None:
    # Both pairs of each text are equally frequent: the first part's id decides, then the second's.
    assert BPETokenizer.train("cd ab", vocab_size=258).merges == [("a", "b"), ("c", "d")]
    assert BPETokenizer.train("ac ab", vocab_size=258).merges == [("a", "b"), ("a", "c")]
    # Ids are in GPT-2's order, so a visible byte comes before a space: a space is not "smaller" as in ASCII.
    assert BPETokenizer.train("!! !", vocab_size=257).merges == [("!", "!")]


def test_every_assigned_character_is_cut_as_the_library_cuts() -> None:
    known = [chr(c) for c in range(CODE_POINTS) if unicodedata.category(chr(c)) not in ("Cn", "Cs", "Co")] + [
        "\ue000",
        "\U0010ffff",
    ]
    text = "".join(f"a{c}1{c}!{c} {c}x\n" for c in known)
    theirs = library.pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str(text)
    assert [text[start:end] for _, (start, end) in theirs] == split_pieces(text)


# ------------------------------------------------------------------------------------------------------------
# Files


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_read_back(kind: str, tmp_path) -> None:
    path = tmp_path / "deep" / "tokenizer.json"
    ALL[kind].save(path)
    again = load_tokenizer(str(path))
    assert type(again) is type(ALL[kind])
    assert again.tokens == ALL[kind].tokens
    assert np.array_equal(again.encode(TEXT), ALL[kind].encode(TEXT))
    again.save(tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert [p.name for p in path.parent.iterdir()] == ["tokenizer.json"]


@given(any_string.filter(bool))
@settings(max_examples=50, deadline=None)
def test_any_training_text_survives_the_file(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "any.json"
    for kind in (CharTokenizer, WordTokenizer, BPETokenizer):
        tokenizer = kind.train(text)
        tokenizer.save(path)
        assert load_tokenizer(path).tokens == tokenizer.tokens


def test_two_surrogates_that_json_would_join_are_not_a_word(tmp_path) -> None:
    tokenizer = WordTokenizer.train("a \ud83d\ude00")
    tokenizer.save(tmp_path / "word.json")
    assert load_tokenizer(tmp_path / "word.json").tokens == tokenizer.tokens == ["<unk>", "a"]


SOUND = {
    "char": {"tokens": ["a", "b"]},
    "word": {"tokens": [" a", "b"]},
    "bpe": {"merges": ["a b", "ab c"]},
}


def write(path, kind: object, **changed: object) -> None:
    heading = {"format": "gate-by-gate tokenizer", "version": 1, "kind": kind}
    content = heading | (SOUND.get(kind, {}) if isinstance(kind, str) else {}) | changed
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not Ellipsis}), encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_a_sound_file_is_read(kind: str, tmp_path) -> None:
    write(tmp_path / "t.json", kind)
    assert load_tokenizer(tmp_path / "t.json").vocab_size == {"char": 3, "word": 3, "bpe": 258}[kind]


@pytest.mark.parametrize(
    ("kind", "changed", "says"),
    [
        ("char", {"format": "another"}, "isn't a tokenizer saved by this package"),
        ("char", {"format": ...}, "isn't a tokenizer saved by this package"),
        ("char", {"version": 2}, "version 2"),
        ("char", {"version": ...}, "version None"),
        ("bpe", {"kind": "wordpiece"}, "'wordpiece'.*char, word, bpe"),
        ("bpe", {"kind": ["bpe"]}, "expected char, word, bpe"),
        ("bpe", {"kind": ...}, "None"),
        ("char", {"tokens": ...}, "'tokens' is missing"),
        ("word", {"tokens": ...}, "'tokens' is missing"),
        ("bpe", {"merges": ...}, "'merges' is missing"),
        ("bpe", {"tokens": []}, "'tokens' doesn't belong"),
        ("char", {"tokens": "ab"}, "list of strings"),
        ("word", {"tokens": {"a": 1}}, "list of strings"),
        ("char", {"tokens": ["a", 1]}, "list of strings"),
        ("bpe", {"merges": [["a", "b"]]}, "list of strings"),
        ("char", {"tokens": ["a", "b", "a"]}, "'a' occurs twice"),
        ("word", {"tokens": [" a", " a"]}, "' a' occurs twice"),
        ("bpe", {"merges": ["a b", "a b"]}, "'a b' occurs twice"),
        ("char", {"tokens": ["\ud800"]}, "isn't one character"),
        ("word", {"unknown_examples": "abc"}, "'unknown_examples' should be a list"),
        ("word", {"unknown_examples": ["a b"]}, "'a b' isn't one piece"),
        ("bpe", {"unknown_examples": []}, "'unknown_examples' doesn't belong"),
        ("char", {"tokens": ["ab"]}, "'ab' isn't one character"),
        ("char", {"tokens": [""]}, "'' isn't one character"),
        ("word", {"tokens": ["two words"]}, "'two words' isn't one piece"),
        ("word", {"tokens": [""]}, "'' isn't one piece"),
        ("bpe", {"merges": ["ab"]}, "'ab' isn't two tokens"),
        ("bpe", {"merges": ["a b c"]}, "'a b c' isn't two tokens"),
        ("bpe", {"merges": ["ab c", "a b"]}, "uses 'ab', which no earlier merge makes"),
        ("bpe", {"merges": ["a 字"]}, "uses '字', which no earlier merge makes"),
        ("bpe", {"merges": [" a"]}, "uses '', which"),
        ("bpe", {"merges": ["a b", "b c", "ab c", "a bc"]}, "makes a token that already exists"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused(kind: str, changed: dict, says: str, tmp_path) -> None:
    write(tmp_path / "t.json", changed.pop("kind", kind), **changed)
    with pytest.raises(UserError, match=says) as error:
        load_tokenizer(tmp_path / "t.json")
    assert "t.json" in str(error.value) and str(error.value).endswith(".")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b'"char"', b"null", b"\xff\xfe", b"\x80\x04K\x01."])
def test_a_file_that_is_not_a_tokenizer_is_refused(content: bytes, tmp_path) -> None:
    (tmp_path / "t.json").write_bytes(content)
    with pytest.raises(UserError, match=r"t\.json"):
        load_tokenizer(tmp_path / "t.json")
    with pytest.raises(UserError, match=r"nowhere\.json"):
        load_tokenizer(tmp_path / "nowhere.json")


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch) -> None:
    path = tmp_path / "t.json"
    ALL["char"].save(path)
    before = path.read_bytes()

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(KeyboardInterrupt):
        BPE.save(path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["t.json"]


# ------------------------------------------------------------------------------------------------------------
# To and from the library's own file


@given(st.lists(any_text, min_size=1, max_size=4), st.sampled_from([ENGLISH, MANY_SCRIPTS, TEXT]))
@settings(max_examples=400, deadline=None)
def test_the_library_reads_our_file_and_gives_our_ids(tmp_path_factory, texts: list[str], trained_on: str) -> None:
    ours = BPETokenizer.train(trained_on, vocab_size=400)
    path = tmp_path_factory.getbasetemp() / "tokenizer.json"
    ours.to_huggingface(path)
    theirs = library.Tokenizer.from_file(str(path))
    assert theirs.get_vocab() == {token: i for i, token in enumerate(ours.tokens)}
    for text in (*texts, "".join(texts), "  \t\n 字\n\n🎭🎭   end "):
        assert theirs.encode(text).ids == ours.encode(text).tolist()
        assert theirs.decode(ours.encode(text).tolist()) == text
    again = BPETokenizer.from_huggingface(path)
    assert again.merges == ours.merges and again.tokens == ours.tokens


def library_trained(text: str) -> library.Tokenizer:
    result = library.Tokenizer(library.models.BPE())
    result.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = library.decoders.ByteLevel()
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    result.train_from_iterator(
        [text], library.trainers.BpeTrainer(vocab_size=400, initial_alphabet=alphabet, show_progress=False)
    )
    return result


@given(any_text)
@settings(deadline=None)
def test_what_the_library_learnt_is_read_with_its_ids(tmp_path_factory, text: str) -> None:
    path = tmp_path_factory.getbasetemp() / "theirs.json"
    if not path.exists():
        library_trained(TEXT).save(str(path))
    ours, theirs = BPETokenizer.from_huggingface(path), library.Tokenizer.from_file(str(path))
    for sample in (text, TEXT[:60] + text):
        assert ours.encode(sample).tolist() == theirs.encode(sample).ids


def test_added_tokens_are_left_out_only_if_asked(tmp_path) -> None:
    """As in GPT-2's file: the end of a text is one more id, above the merges, in the vocabulary and among the added."""
    theirs = library_trained(TEXT)
    theirs.add_special_tokens(["<|endoftext|>"])
    theirs.post_processor = library.processors.ByteLevel(trim_offsets=False)
    content = json.loads(theirs.to_str())
    content["model"]["vocab"]["<|endoftext|>"] = 400
    content["model"]["merges"] = [" ".join(merge) for merge in content["model"]["merges"]]  # as older files have them
    (tmp_path / "gpt2.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match="added tokens, '<|endoftext|>'; .*ignore_added_tokens=True"):
        BPETokenizer.from_huggingface(tmp_path / "gpt2.json")
    ours = BPETokenizer.from_huggingface(tmp_path / "gpt2.json", ignore_added_tokens=True)
    assert ours.vocab_size == 400 and ours.encode(TEXT).tolist() == theirs.encode(TEXT).ids
    assert ours.decode(ours.encode("<|endoftext|>", strict=True)) == "<|endoftext|>"
    assert theirs.encode("<|endoftext|>").ids == [400] != ours.encode("<|endoftext|>").tolist()


def changed(content: dict[str, Any], where: str, value: object) -> None:
    *path, last = where.split(".")
    for key in path:
        content = content[key]
    content[last] = value


@pytest.mark.parametrize(
    ("where", "value", "says"),
    [
        ("normalizer", {"type": "NFC"}, "it has a normalizer"),
        ("truncation", {"max_length": 9}, "it has a truncation"),
        ("padding", {"strategy": {"Fixed": 9}}, "it has a padding"),
        ("pre_tokenizer", None, "pre_tokenizer's type is None; expected 'ByteLevel'"),
        ("pre_tokenizer", {"type": "Whitespace"}, "pre_tokenizer's type is 'Whitespace'"),
        ("pre_tokenizer.add_prefix_space", True, "add_prefix_space is True"),
        ("pre_tokenizer.use_regex", False, "use_regex is False"),
        ("post_processor", {"type": "TemplateProcessing"}, "post_processor is 'TemplateProcessing'"),
        ("decoder", {"type": "WordPiece"}, "decoder is 'WordPiece'"),
        ("model.type", "WordPiece", "model's type is 'WordPiece'"),
        ("model.dropout", 0.1, "dropout is 0.1"),
        ("model.ignore_merges", True, "ignore_merges is True"),
        ("model.end_of_word_suffix", "</w>", "end_of_word_suffix is '</w>'"),
        ("added_tokens", 3, "its added_tokens aren't a list"),
        ("added_tokens", ["<s>"], "its added_tokens aren't a list"),
        ("model.merges", [["a", "b", "c"]], "isn't two tokens"),
        ("model.merges", [["ab", "c"]], "uses 'ab', which no earlier merge makes"),
        ("model.merges", [], "its ids aren't"),
        ("model.merges", None, 'no "model" with "vocab" and "merges"'),
        ("model.vocab", [], 'no "model" with "vocab" and "merges"'),
        ("model.vocab", {"a": 0}, "its ids aren't"),
        ("model", None, 'no "model"'),
    ],
)
def test_a_file_that_means_other_ids_is_refused(where: str, value: object, says: str, tmp_path) -> None:
    BPE.to_huggingface(tmp_path / "t.json")
    content = json.loads((tmp_path / "t.json").read_text("utf-8"))
    changed(content, where, value)
    (tmp_path / "t.json").write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(UserError, match=rf"t\.json.*{re.escape(says)}"):
        BPETokenizer.from_huggingface(tmp_path / "t.json")


def test_ids_in_another_order_are_refused(tmp_path) -> None:
    """When the library learns with a special token, that takes id 0, and all others move up."""
    theirs = library.Tokenizer(library.models.BPE())
    theirs.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = library.pre_tokenizers.ByteLevel.alphabet()
    trainer = library.trainers.BpeTrainer(
        vocab_size=300, initial_alphabet=alphabet, special_tokens=["<s>"], show_progress=False
    )
    theirs.train_from_iterator([TEXT], trainer)
    theirs.save(str(tmp_path / "t.json"))
    with pytest.raises(UserError, match="its ids aren't the 256 bytes"):
        BPETokenizer.from_huggingface(tmp_path / "t.json", ignore_added_tokens=True)


def test_the_two_kinds_of_file_are_told_apart(tmp_path) -> None:
    BPE.save(tmp_path / "ours.json")
    BPE.to_huggingface(tmp_path / "theirs.json")
    with pytest.raises(UserError, match="load_tokenizer reads"):
        BPETokenizer.from_huggingface(tmp_path / "ours.json")
    with pytest.raises(UserError, match="read it with BPETokenizer.from_huggingface"):
        load_tokenizer(tmp_path / "theirs.json")
    with pytest.raises(UserError, match="There is no file"):
        BPETokenizer.from_huggingface(tmp_path / "nowhere.json")
    (tmp_path / "text.json").write_text("no JSON")
    with pytest.raises(UserError, match="isn't a JSON file"):
        BPETokenizer.from_huggingface(tmp_path / "text.json")


# ------------------------------------------------------------------------------------------------------------
# What unknowns cost


def test_unknown_characters_cost_one_code_point_of_those_left() -> None:
    tokenizer = CharTokenizer.train("abc")
    assert unknown_nats(tokenizer, "cab", "abc") == 0
    assert unknown_nats(tokenizer, "cabx\U0001f600", "abc") == pytest.approx(2 * math.log(CODE_POINTS - 3))


def test_the_price_needs_no_training_text_and_survives_the_file(tmp_path) -> None:
    training, text = "the the the cat cot cut", "the cut the dot"
    for tokenizer in (CharTokenizer.train(training, 6), WordTokenizer.train(training, 3), BPETokenizer.train(training)):
        tokenizer.save(tmp_path / "t.json")
        expected = unknown_nats(tokenizer, text, training)
        assert unknown_nats(tokenizer, text) == unknown_nats(load_tokenizer(tmp_path / "t.json"), text) == expected
    write(tmp_path / "old.json", "word", tokens=[" the", "the"])  # saved before examples were kept
    assert 0 < unknown_nats(load_tokenizer(tmp_path / "old.json"), text) < math.inf


def test_a_tokenizer_that_knows_nothing_can_still_spell() -> None:
    assert unknown_nats(CharTokenizer([]), "ab") == pytest.approx(2 * math.log(CODE_POINTS))
    assert 2 * math.log(CODE_POINTS) < unknown_nats(WordTokenizer([]), "ab") < math.inf


def test_the_number_of_examples_is_limited() -> None:
    tokenizer = WordTokenizer.train(" a" * 5 + " b" * 150_000, vocab_size=2)
    assert tokenizer.tokens[1:] == [" b"] and tokenizer.unknown_examples == [" a"] * 5
    tokenizer = WordTokenizer.train(" a" * 150_001 + " b" * 150_000, vocab_size=2)
    assert tokenizer.unknown_examples == [" b"] * 100_000


@pytest.mark.parametrize("order", [0, 2.5, None])
def test_a_bad_order_is_refused(order: Any) -> None:
    with pytest.raises(UserError, match="order is"):
        unknown_nats(BPE, "text", "text", order)


def test_bpe_pays_nothing_for_unknown_text() -> None:
    assert unknown_nats(BPE, "字 and words it never saw", TEXT) == 0


def test_unknown_words_are_spelt_by_what_training_left_unknown() -> None:
    training = "the the the cat cot cut"
    tokenizer = WordTokenizer.train(training, vocab_size=3)  # knows " the" and "the"
    assert tokenizer.tokens[1:] == [" the", "the"]
    # alphabet of the unknown training words, after the unknown character: " acotu" = 1..6; 7 ends a word
    fitted = NGramModel(5, vocab_size=8).fit([1, 3, 2, 5, 7, 1, 3, 4, 5, 7, 1, 3, 6, 5, 7])
    spelt = [1, 3, 6, 5, 7, 1, 0, 4, 5, 7]  # " cut", " dot" with its unknown d
    expected = fitted.cross_entropy(spelt) * len(spelt) + math.log(CODE_POINTS - 6)
    assert unknown_nats(tokenizer, "the cut the dot", training) == pytest.approx(expected)


def test_unknown_words_when_training_knows_all_its_words() -> None:
    tokenizer = WordTokenizer.train("a cat")
    assert unknown_nats(tokenizer, "a cat", "a cat") == 0
    cheap, costly = unknown_nats(tokenizer, " cats", "a cat"), unknown_nats(tokenizer, " zzz", "a cat")
    assert 0 < cheap < costly < math.inf


def test_calling_words_unknown_gains_nothing(python_docs: str) -> None:
    """The fewer words a model knows, the better it predicts "unknown"; once it must spell them, the worse."""
    training, test = python_docs[:200_000], python_docs[200_000:250_000]
    without, with_spelling = [], []
    for vocab_size in (2, 2000):
        tokenizer = WordTokenizer.train(training, vocab_size)
        model = NGramModel(2, tokenizer.vocab_size).fit(tokenizer.encode(training))
        ids = tokenizer.encode(test)
        nats = model.cross_entropy(ids) * len(ids)
        without.append(nats)
        with_spelling.append(nats + unknown_nats(tokenizer, test, training))
    assert without[0] < without[1]
    assert with_spelling[0] > with_spelling[1]


# ------------------------------------------------------------------------------------------------------------
# Speed, in processor time: run with `pytest -m speed`; benchmarks/speed.py compares it with the library's


@pytest.mark.speed
def test_speed() -> None:
    text = load_corpus("shakespeare").text
    begin = time.process_time()
    tokenizer = BPETokenizer.train(text[:1_000_000], vocab_size=2256)
    trained = time.process_time()
    tokenizer.encode(text)
    encoded = time.process_time()
    assert tokenizer.vocab_size == 2256
    assert trained - begin < 20
    assert len(text.encode()) / 1e6 / (encoded - trained) > 1


@pytest.mark.speed
@pytest.mark.parametrize("text", ["a" * 300_000, "abcdefghij" * 30_000, "字" * 100_000, " " * 300_000])
def test_a_text_without_words_does_not_take_quadratic_time(text: str) -> None:
    begin = time.process_time()
    tokenizer = BPETokenizer.train(text[:30_000], vocab_size=300)
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(companion.tokenizers.__path__)])
def test_examples_in_the_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"companion.tokenizers.{name}")).failed == 0
