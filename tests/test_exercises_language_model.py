"""The exercises of the chapter language-model: right answers pass, plausible wrong ones get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


def clip(gradients, longest):
    length = np.sqrt(sum((array**2).sum() for array in gradients))
    return [min(1, longest / max(length, 1e-12)) * array for array in gradients]


def length(gradients):
    return np.sqrt(sum((array**2).sum() for array in gradients))


def with_division_by_zero(gradients, longest):
    with np.errstate(all="ignore"):
        return [array * np.float64(longest) / length(gradients) for array in gradients]


def always_scaled(gradients, longest):
    return [longest / max(length(gradients), 1e-12) * array for array in gradients]


def zero_by_zero(gradients, longest):
    with np.errstate(all="ignore"):
        return [min(1, longest / length(gradients)) * array if length(gradients) else array / 0 for array in gradients]


def test_clipping_by_the_length_of_all_arrays_passes():
    assert outcome("language-model-clip", clip)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda g, c: [np.clip(a, -c, c) for a in g], "changes the direction"),
        (lambda g, c: [a * min(1, c / max(length([a]), 1e-12)) for a in g], "one length for all arrays"),
        (always_scaled, "short enough stays"),
        (with_division_by_zero, "short enough stays"),
        (zero_by_zero, "length 0"),
        (lambda g, c: g, "which is too long"),
        (lambda g, c: [min(1, c / max(length(g) ** 2, 1e-12)) * a for a in g], "square root"),
        (lambda g, c: np.concatenate([a.ravel() for a in clip(g, c)]), "one array for each"),
        (lambda g, c: [a.ravel() for a in clip(g, c)], "an array's shape"),
        (lambda g, c: [a / 2 for a in g], "divided by the actual length"),
    ],
)
def test_a_wrong_clipping_gets_its_hint(wrong, hint):
    result = outcome("language-model-clip", wrong)
    assert not result and hint in result.line, result.line


def copy(ids, n):
    ids, followed = ids.tolist(), {}
    guesses = np.full(len(ids), -1)
    for t in range(n, len(ids)):
        before = tuple(ids[t - n : t])
        guesses[t] = followed.get(before, -1)
        followed[before] = ids[t]
    return guesses


def peeking(ids, n):
    followed, guesses = {}, np.full(len(ids), -1)
    for t in range(n, len(ids)):
        followed[tuple(ids[t - n : t])] = ids[t]
        guesses[t] = followed[tuple(ids[t - n : t])]
    return guesses


def of_the_whole_text(ids, n):
    followed = {tuple(ids[t - n : t]): ids[t] for t in range(n, len(ids))}
    return [followed.get(tuple(ids[max(0, t - n) : t]), -1) for t in range(len(ids))]


def the_first_time(ids, n):
    followed, guesses = {}, np.full(len(ids), -1)
    for t in range(n, len(ids)):
        guesses[t] = followed.get(tuple(ids[t - n : t]), -1)
        followed.setdefault(tuple(ids[t - n : t]), ids[t])
    return guesses


@pytest.mark.parametrize("right", [copy, lambda ids, n: copy(ids, n).tolist()])
def test_copying_what_followed_last_passes(right):
    assert outcome("language-model-copy", right)


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (peeking, "after you have guessed"),
        (of_the_whole_text, "after you have guessed"),
        (the_first_time, "the last time counts"),
        (lambda ids, n: np.roll(copy(ids, n), -1), "made from the n ids before it"),
        (lambda ids, n: np.maximum(copy(ids, n), 0), "0 is an id too"),
        (lambda ids, n: copy(ids, n)[n:], "one guess for each id"),
        (lambda ids, n: np.full(len(ids), -1), "look up what followed"),
    ],
)
def test_a_wrong_copy_gets_its_hint(wrong, hint):
    result = outcome("language-model-copy", wrong)
    assert not result and hint in result.line, result.line
