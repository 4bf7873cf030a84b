"""Checks of the exercises of *What does it read?*"""

import random
from collections.abc import Callable
from typing import Any

from companion.exercises import Wrong, call, exercise, show

# Six tokens that are bytes or runs of bytes; 字 is the three bytes E5 AD 97.
_TOKEN_BYTES = [b"a", b"\xe5", b"\xad", b"\x97", b"\xad\x97 ", b" b"]


@exercise("tokens-decode", asks="a function of (ids, token_bytes) that gives the text")
def decode(answer: Callable[..., Any]) -> str:
    together = "a token may end inside a character: put the bytes of all tokens together first, then decode once"
    for ids, text, hint in [
        ([0, 5, 0], "a ba", "token_bytes[i] is what the id i stands for"),
        ([0, 1, 2, 3, 5], "a字 b", together),
        ([1, 4, 0], "字 a", together),
        ([], "", "no tokens make an empty text"),
        (
            [0, 1, 2],
            "a\ufffd",
            'bytes that don\'t make a character should be visible: bytes.decode has errors="replace"',
        ),
        ([3, 0], "\ufffda", 'bytes that don\'t make a character should be visible: bytes.decode has errors="replace"'),
    ]:
        try:
            got = call(answer, ids, _TOKEN_BYTES)
        except Wrong as wrong:
            if not isinstance(wrong.__cause__, UnicodeDecodeError):
                raise
            raise Wrong(f"for the ids {show(ids)} bytes can't be decoded", hint=hint) from None
        if not isinstance(got, str):
            raise Wrong(f"for the ids {show(ids)} it gives {show(got)}", hint="return a string; bytes.decode makes one")
        if got != text:
            raise Wrong(f"for the ids {show(ids)} it gives {show(got)}, not {show(text)}", hint=hint)
    return "tokens become text, even if a character is spread over several, or broken"


def _reference(ids: list[int], merged: dict[tuple[int, int], int]) -> list[int]:
    """The ids after all merges, in the order learnt."""
    for (a, b), new in sorted(merged.items(), key=lambda item: item[1]):
        result: list[int] = []
        i = 0
        while i < len(ids):
            both = ids[i : i + 2] == [a, b]
            result.append(new if both else ids[i])
            i += 2 if both else 1
        ids = result
    return ids


def _random_cases() -> list[tuple[list[int], dict[tuple[int, int], int]]]:
    """Texts of two letters with merges that compete; the same ones every time."""
    dice = random.Random(0)
    cases = []
    for _ in range(30):
        merged: dict[tuple[int, int], int] = {}
        for new in range(10, 16):
            known = [1, 2, *merged.values()]
            free = [(a, b) for a in known for b in known if (a, b) not in merged]
            merged[dice.choice(free)] = new
        shuffled = dict(dice.sample(list(merged.items()), len(merged)))
        cases.append(([dice.choice((1, 2)) for _ in range(12)], shuffled))
    return cases


@exercise("tokens-encode", asks="a function of (ids, merged) that gives the list of ids after all merges")
def encode(answer: Callable[..., Any]) -> str:
    first = "do the merge that was learnt first, the one with the smallest new id, wherever it is in the text"
    nothing_left = "a single token, or none, has no pair: min() of nothing is an error"
    for ids, merged, hint in [
        ([1, 2], {(1, 2): 10}, "where two neighbours are a key of merged, its value takes their place"),
        ([3, 1, 2, 3], {(1, 2): 10}, "tokens that no merge touches stay as they are, at both ends of the text too"),
        ([5, 6, 7], {(1, 2): 10}, "stop when no pair of neighbours is in merged"),
        ([1, 2, 1, 2], {(1, 2): 10, (10, 10): 11}, "continue until nothing is left to merge: new tokens merge too"),
        (
            [1, 1, 1],
            {(1, 1): 10},
            "merge from the left; a token that has been merged can't be merged again with the next",
        ),
        ([1, 2, 3], {(1, 2): 11, (2, 3): 10}, first),
        ([1, 2, 3, 1, 2], {(2, 3): 11, (1, 2): 12, (3, 1): 10}, first),
        ([1], {(1, 2): 10}, nothing_left),
        ([], {(1, 2): 10}, nothing_left),
        *((ids, merged, first) for ids, merged in _random_cases()),
    ]:
        given = f"for ids {show(ids)} and merged {show(merged)}"
        try:
            got = [int(i) for i in call(answer, ids, merged)]
        except Wrong as wrong:
            if isinstance(wrong.__cause__, ValueError):
                raise Wrong(wrong.problem, hint=nothing_left) from None
            raise
        if got != _reference(ids, merged):
            raise Wrong(f"{given} it gives {show(got)}", hint=hint)
    return "text is cut as the merges were learnt, the oldest first"
