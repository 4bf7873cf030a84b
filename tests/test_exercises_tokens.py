"""The checked exercises of *What does it read?*: plausible wrong answers get a fitting hint."""

from itertools import pairwise

import numpy as np
import pytest

from companion.exercises import outcome

# ---------------------------------------------------------------------------------------------------------------
# tokens-decode


def decode(ids, token_bytes):
    return b"".join(token_bytes[i] for i in ids).decode("utf-8", errors="replace")


def decodes_each_token(ids, token_bytes):
    return "".join(token_bytes[i].decode() for i in ids)


def decodes_each_token_and_replaces(ids, token_bytes):
    return "".join(token_bytes[i].decode(errors="replace") for i in ids)


def fails_at_broken_characters(ids, token_bytes):
    return b"".join(token_bytes[i] for i in ids).decode()


def drops_broken_characters(ids, token_bytes):
    return b"".join(token_bytes[i] for i in ids).decode(errors="ignore")


def gives_bytes(ids, token_bytes):
    return b"".join(token_bytes[i] for i in ids)


def decodes_as_latin(ids, token_bytes):
    return b"".join(token_bytes[i] for i in ids).decode("latin-1")


def puts_spaces_between(ids, token_bytes):
    return b" ".join(token_bytes[i] for i in ids).decode(errors="replace")


# ---------------------------------------------------------------------------------------------------------------
# tokens-encode


def encode(ids, merged):
    while pairs := [pair for pair in pairwise(ids) if pair in merged]:
        pair = min(pairs, key=merged.get)
        i = list(pairwise(ids)).index(pair)
        ids = [*ids[:i], merged[pair], *ids[i + 2 :]]
    return ids


def takes_the_first_pair_from_the_left(ids, merged):
    while pairs := [pair for pair in pairwise(ids) if pair in merged]:
        i = list(pairwise(ids)).index(pairs[0])
        ids = [*ids[:i], merged[pairs[0]], *ids[i + 2 :]]
    return ids


def takes_the_dictionary_in_its_order(ids, merged):
    for pair, new in merged.items():
        while pair in pairwise(ids):
            i = list(pairwise(ids)).index(pair)
            ids = [*ids[:i], new, *ids[i + 2 :]]
    return ids


def takes_the_newest_merge(ids, merged):
    while pairs := [pair for pair in pairwise(ids) if pair in merged]:
        pair = max(pairs, key=merged.get)
        i = list(pairwise(ids)).index(pair)
        ids = [*ids[:i], merged[pair], *ids[i + 2 :]]
    return ids


def merges_once(ids, merged):
    result, i = [], 0
    while i < len(ids):
        pair = tuple(ids[i : i + 2])
        result.append(merged.get(pair, ids[i]))
        i += 2 if pair in merged else 1
    return result


def uses_a_token_twice(ids, merged):
    while any(pair in merged for pair in pairwise(ids)):
        ids = [merged.get(pair, pair[0]) for pair in pairwise(ids)]
    return ids


def loses_the_last(ids, merged):
    return [merged.get(pair, pair[0]) for pair in pairwise(ids) if pair in merged] or ids[:-1]


def min_of_nothing(ids, merged):
    while True:
        pair = min(pairwise(ids), key=lambda pair: merged.get(pair, 10**9))
        if pair not in merged:
            return ids
        i = list(pairwise(ids)).index(pair)
        ids = [*ids[:i], merged[pair], *ids[i + 2 :]]


def merges_from_the_right(ids, merged):
    while pairs := [pair for pair in pairwise(ids) if pair in merged]:
        pair = min(pairs, key=merged.get)
        i = max(i for i, p in enumerate(pairwise(ids)) if p == pair)
        ids = [*ids[:i], merged[pair], *ids[i + 2 :]]
    return ids


@pytest.mark.parametrize(
    ("name", "right", "line"),
    [
        ("tokens-decode", decode, "even if a character is spread over several"),
        ("tokens-encode", encode, "the oldest first"),
        ("tokens-encode", lambda ids, merged: np.array(encode(ids, merged)), "the oldest first"),
    ],
)
def test_a_right_answer_passes(name, right, line):
    result = outcome(name, right)
    assert result, result.line
    assert line in result.line


@pytest.mark.parametrize(
    ("name", "wrong", "hint"),
    [
        ("tokens-decode", decodes_each_token, "may end inside a character"),
        ("tokens-decode", decodes_each_token_and_replaces, "may end inside a character"),
        ("tokens-decode", decodes_as_latin, "may end inside a character"),
        ("tokens-decode", fails_at_broken_characters, 'errors="replace"'),
        ("tokens-decode", drops_broken_characters, 'errors="replace"'),
        ("tokens-decode", gives_bytes, "return a string"),
        ("tokens-decode", puts_spaces_between, "what the id i stands for"),
        ("tokens-encode", takes_the_first_pair_from_the_left, "smallest new id"),
        ("tokens-encode", takes_the_dictionary_in_its_order, "smallest new id"),
        ("tokens-encode", takes_the_newest_merge, "smallest new id"),
        ("tokens-encode", merges_once, "new tokens merge too"),
        ("tokens-encode", uses_a_token_twice, "stay as they are"),
        ("tokens-encode", loses_the_last, "stay as they are"),
        ("tokens-encode", min_of_nothing, "min() of nothing"),
        ("tokens-encode", merges_from_the_right, "merge from the left"),
    ],
)
def test_plausible_wrong_answers_get_a_fitting_hint(name, wrong, hint):
    result = outcome(name, wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1], result.line


@pytest.mark.parametrize(
    ("name", "stub"), [("tokens-decode", lambda ids, token_bytes: ...), ("tokens-encode", lambda ids, merged: ...)]
)
def test_the_untouched_stub_fails_kindly(name, stub):
    assert outcome(name, stub).line.startswith("✗ Not written yet: your answer should be a function of (ids, ")
