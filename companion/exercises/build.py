"""Checks of the pieces of *Build it yourself*. Their signatures are those that `companion.chapters.build` calls."""

import functools
from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show
from companion.exercises.build_network import Mistakes, hint_for, is_like, quiet

ALPHABET = "\N{REPLACEMENT CHARACTER} abn"
DRAWS = 2000


@exercise("build-tokenizer", asks="a pair of functions: encode of (text, alphabet) and decode of (ids, alphabet)")
def tokenizer(answer: Any) -> str:
    if not isinstance(answer, tuple | list) or len(answer) != 2:
        raise Wrong(f"two functions are expected, but this is {show(answer)}", hint="check the pair (encode, decode)")
    encode, decode = answer
    unknown = "a character that isn't in the alphabet gets the id 0"
    for text, ids in [("ban", [3, 2, 4]), ("a nab", [2, 1, 4, 2, 3]), ("añb", [2, 0, 3]), ("", [])]:
        try:
            got = call(encode, text, ALPHABET)
        except Wrong as wrong:
            if isinstance(wrong.__cause__, KeyError | ValueError | IndexError) and 0 in ids:
                raise Wrong(wrong.problem, hint=unknown) from None
            raise
        if not is_like(got, ids):
            slips: Mistakes = [
                ([number + 1 for number in ids], "an id is the character's place in the alphabet, counted from 0"),
                ([ord(character) for character in text], "an id is the character's place in this alphabet"),
                (
                    [number or -1 for number in ids],
                    "-1 would be the alphabet's last character; what isn't in it gets 0",
                ),
                (
                    [number for number in ids if number],
                    "leave no character out: what isn't in the alphabet gets the id 0",
                ),
            ]
            hint = hint_for(got, slips, unknown if 0 in ids else "look each character's place up in the alphabet")
            raise Wrong(f"encode makes {show(got)} of {text!r}", hint=hint)
    for ids, text in [([3, 2, 4], "ban"), ([2, 1, 4, 2, 3], "a nab"), ([0], ALPHABET[0]), ([], "")]:
        got = call(decode, np.array(ids, dtype=int), ALPHABET)
        if got != text:
            hint = "alphabet[i] is the character of the id i; join them with nothing in between"
            raise Wrong(f"decode makes {show(got)} of the ids {show(ids)}", hint=hint)
    return "text becomes ids, and ids become the text again, as far as the alphabet knows it"


@exercise(
    "build-counts", asks="a function of (ids, V, order, strength) that gives an array with `order` axes of size V"
)
def count(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for order, V, strength, length in [(1, 3, 1, 8), (2, 3, 1, 8), (2, 4, 4, 30), (3, 4, 2, 30)]:
        ids = rng.integers(V, size=length)
        with quiet():
            got, given = call(answer, ids, V, order, strength), f"for {length} ids, V {V} and order {order}"
        shape, expected = (V,) * order, counted(ids, V, order, strength)
        if np.shape(got) != shape:
            hint = f"order {order} is a table with one axis for each of {order} characters, the next one last"
            raise Wrong(f"{given} it has the shape {np.shape(got)}", hint=hint)
        if is_like(got, expected):
            continue
        if not np.isfinite(got).all():
            hint = (
                "after a context that never occurs, strength times the shorter context's probabilities is all there is"
            )
            raise Wrong(f"{given} some probabilities are no numbers", hint=hint)
        with quiet():
            unsmoothed = counted(ids, V, order, 0)
        slips: Mistakes = [
            (counted(ids, V, order, strength, shorter=False), "share the strength out as the shorter context says"),
            (expected.T, "the last axis is the next character, those before it are the context, in the text's order"),
            (counted(ids[:-1], V, order, strength), "the n-gram at the very end of the text counts too"),
            (unsmoothed, "add strength times the shorter context's probabilities, so that nothing is impossible"),
            (np.full(shape, 1 / V), "count the n-grams of every order from 1 up to `order` itself"),
        ]
        otherwise = "(counts + strength * P of the shorter context) / (their sum + strength)"
        hint, total = hint_for(got, slips, otherwise), np.sum(got, axis=-1).flat[0]
        if hint == otherwise and not np.isclose(total, 1):
            hint = "after each context the probabilities add up to 1: divide by the context's own total plus strength"
            raise Wrong(f"{given} the probabilities after a context add up to {show(total)}", hint=hint)
        raise Wrong(f"{given} it gives {show(np.asarray(got))}", hint=hint)
    return "a table of counts predicts what comes next, and falls back on shorter contexts"


def counted(ids: np.ndarray, V: int, order: int, strength: float, shorter: bool = True) -> np.ndarray:
    """The table; or one whose strength is always shared out evenly."""
    P = np.full(V, 1 / V)
    for n in range(1, order + 1):
        table = np.zeros((V,) * n)
        np.add.at(table, tuple(ids[k : len(ids) - n + 1 + k] for k in range(n)), 1)
        P = (table + strength * (P if shorter else 1 / V)) / (table.sum(axis=-1, keepdims=True) + strength)
    return P


class _Learn:
    """Writes down what it is given, and gives a loss and a state with a number; a deep copy of it is itself."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, Any]] = []

    def __call__(self, x: Any, y: Any, state: Any) -> tuple[float, Any]:
        self.calls.append((np.array(x), np.array(y), state))
        number = float(len(self.calls))
        return number, (np.full((2, 1), number), np.full((2, 1), number))

    def __deepcopy__(self, memo: dict[int, Any]) -> "_Learn":
        return self  # so that its notes can be read afterwards


@exercise("build-loop", asks="a function of (ids, learn, start, batch, window, updates) that yields a loss per update")
def loop(answer: Callable[..., Any]) -> str:
    for length, batch, window, updates in [(25, 2, 4, 3), (50, 3, 4, 9), (36, 5, 7, 2), (23, 2, 5, 5)]:
        ids, learn, start = np.arange(length), _Learn(), (np.zeros((2, 1)), np.zeros((2, 1)))
        given = f"for {length} ids, a batch of {batch}, a window of {window} and {updates} updates"
        losses = call(_listed(answer, updates), ids, learn, start, batch, window, updates)
        if not isinstance(losses, list):
            raise Wrong(f"{given} it gives {show(losses)}", hint="yield the loss of each update")
        stream = (length - 1) // batch
        first = stream * np.arange(batch)
        places = range(0, stream - window + 1, window)
        for n, (x, y, state) in enumerate(learn.calls[:updates]):
            number = f"{given} update {n + 1}"
            x_right = first + places[n % len(places)] + np.arange(window)[:, None]
            if x.shape != (window, batch) or not (x == x_right).all():
                raise Wrong(f"{number} reads x = {show(x)}", hint=_loop_slip(x, x_right, n, batch, window))
            if not is_like(y, x + 1):
                hint = "each character's target is the one after it in the text"
                raise Wrong(f"{number} has x = {show(x)} and y = {show(y)}", hint=hint)
            expected, got = n if n % len(places) else 0, _number(state)
            if got != expected:
                hint = (
                    "a new pass is at the streams' beginnings, so it begins with the start state"
                    if not expected
                    else "hand on the state that learn gives back, because this window continues the one before"
                )
                told = "the start state" if got == 0 else "another state than it should"
                raise Wrong(f"{number} begins with {told}", hint=hint)
        if losses != [float(n + 1) for n in range(updates)]:
            raise Wrong(f"{given} it yields {show(losses)}", hint="learn once an update, and yield the loss it gives")
    return "streams side by side, window after window, and the state is handed on"


def _listed(answer: Any, most: int) -> Any:
    """The answer's losses as a list, even if it never stops."""
    if not callable(answer):
        return answer

    @functools.wraps(answer)
    def losses(*arguments: Any) -> Any:
        given = answer(*arguments)
        return list(islice(given, most + 1)) if hasattr(given, "__iter__") and not isinstance(given, str) else given

    return losses


def _number(state: Any) -> float:
    """The number in a state that `_Learn` gave; -1 if it isn't one."""
    try:
        return float(np.asarray(state[0]).flat[0])
    except (TypeError, IndexError, ValueError, KeyError):
        return -1.0


def _loop_slip(x: np.ndarray, right: np.ndarray, n: int, batch: int, window: int) -> str:
    if x.shape == (batch, window) != (window, batch) or is_like(x, right.T):
        return "time comes first: x has the shape (window, batch)"
    if x.ndim == 2 and x.shape[1] == batch and len(x) < window:
        return "leave out the end of a stream that doesn't fill a window, and begin again"
    if x.shape != (window, batch):
        return f"x should have the shape (window, batch), here {(window, batch)}"
    if n == 0 and batch > 1 and is_like(x, np.arange(window * batch).reshape(window, batch)):
        return "neighbours in the text belong in one stream, below each other, not side by side"
    if n and is_like(x[0], right[0] - window + 1):
        return "the next window begins where this one ends: go on by a whole window"
    return "cut the text into long streams, (len(ids) - 1) // batch each, and read one window of each at every update"


@exercise("build-sampler", asks="a function of (logits, temperature, rng) that gives an id, a whole number")
def sampler(answer: Callable[..., Any]) -> str:
    cases = [([1.0, 0.0, -1.0], 1.0), ([1.0, 0.0, -1.0], 0.5), ([0.0, 2.0, 1.0], 2.0)]
    cases += [([1000.0, 999.0, 0.0], 1.0), ([0.5, -np.inf, 0.0], 1.0)]
    for given, temperature in cases:
        logits = np.array(given)
        says = f"for the logits {show(logits)} and temperature {temperature:g}"
        with quiet():
            ids = [call(_drawn(answer, DRAWS), logits, temperature), call(_drawn(answer, 20), logits, temperature)]
        for drawn in ids[0] if isinstance(ids[0], list) else [ids[0]]:
            if isinstance(drawn, bool) or not isinstance(drawn, int | np.integer) or not 0 <= drawn < len(logits):
                raise Wrong(f"{says} it gives {show(drawn)}", hint=f"give one whole number from 0 to {len(logits) - 1}")
        if ids[0][:20] != ids[1]:
            hint = "draw with the rng that you are given, so that the same seed writes the same text"
            raise Wrong(f"{says} the same seed gives other ids the second time", hint=hint)
        shares = np.bincount(ids[0], minlength=len(logits)) / DRAWS
        if np.abs(shares - _softmax(logits / temperature)).max() < 0.05:
            continue
        slips = [
            (np.eye(len(logits))[logits.argmax()], "the most probable id isn't always taken: draw"),
            (_softmax(logits * temperature), "divide by the temperature: a low one makes the likely ids likelier"),
            (_softmax(logits), "divide the logits by the temperature first"),
            (
                np.full(len(logits), 1 / len(logits)),
                "likelier ids are drawn more often: make probabilities of the logits",
            ),
        ]
        otherwise = "softmax of logits / temperature gives the probabilities, and each id owns that much of the line"
        hint = next((hint for slip, hint in slips if np.abs(shares - slip).max() < 0.05), otherwise)
        if logits.max() > 100:
            hint = "subtract the largest logit before np.exp, which overflows at 1000"
        raise Wrong(f"{says} the ids' shares are {show(shares)}", hint=hint)
    return "ids are drawn as often as their probabilities say"


def _drawn(answer: Any, times: int) -> Any:
    """Many draws of the answer as one function; the first that isn't written ends them."""
    if not callable(answer):
        return answer

    @functools.wraps(answer)
    def draws(logits: np.ndarray, temperature: float) -> Any:
        rng = np.random.default_rng(5)
        first = answer(logits, temperature, rng)
        if first is None or first is Ellipsis:
            return first
        return [first, *(answer(logits, temperature, rng) for _ in range(times - 1))]

    return draws


def _softmax(logits: np.ndarray) -> np.ndarray:
    odds = np.exp(logits - logits.max())
    result: np.ndarray = odds / odds.sum()
    return result
