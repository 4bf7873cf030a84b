"""Checkers of the chapter *How does it translate?*"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("translation-weights", asks="a function of (scores, mask) that gives the array of weights")
def weights(answer: Callable[..., Any]) -> str:
    cases = [
        ([1.0, 2.0, 3.0], [True, True, True]),
        ([0.0, 0.0, 5.0], [True, True, False]),
        ([1.0, 4.0, 2.0, 0.0], [True, False, True, True]),
        ([800.0, 801.0, -5.0], [True, True, True]),
    ]
    for scores, mask in ((np.array(s), np.array(m)) for s, m in cases):
        given = call(answer, scores, mask)
        says = f"for scores {show(scores)} and mask {show(mask)} it gives {show(given)}"
        got = np.asarray(given, dtype=float) if isinstance(given, np.ndarray | list | tuple) else np.zeros(())
        if got.shape != scores.shape:
            raise Wrong(says, hint=f"give one weight for each of the {len(scores)} places, 0 where the mask is False")
        if not np.isfinite(got).all():
            raise Wrong(says, hint="the exponential of a large score is infinite; subtract the largest score first")
        expected = np.where(mask, np.exp(scores - scores[mask].max()), 0)
        expected = expected / expected.sum()
        if np.allclose(got, expected, atol=1e-6):
            if (got[~mask] != 0).any():
                raise Wrong(says, hint="a masked place gets exactly 0, not nearly 0")
            continue
        zeroed = np.exp(scores * mask - (scores * mask).max())
        if np.allclose(got, zeroed / zeroed.sum(), atol=1e-6) and not mask.all():
            raise Wrong(says, hint="a score of 0 is a score like any other; masking has to act on the weight")
        if (got[~mask] > 1e-9).any():
            raise Wrong(says, hint="where the mask is False nothing was read, so the weight is 0")
        if not np.isclose(got.sum(), 1):
            raise Wrong(
                f"{says}, which sums to {got.sum():.4g}", hint="mask first, then divide by the sum of what is left"
            )
        raise Wrong(says, hint="weights are proportional to the exponentials of the scores")
    return "the places that were read share all the weight, and padding has none"


@exercise("translation-precision", asks="a function of (hypothesis, reference, n) that gives a number from 0 to 1")
def precision(answer: Callable[..., Any]) -> str:
    cases = [
        ("the cat sat", "the cat sat down", 1),
        ("the the the the", "the cat is on the mat", 1),
        ("on the mat the cat", "the cat is on the mat", 2),
        ("a b a b", "a b c a b", 2),
        ("hello", "hello there", 2),
    ]
    for hypothesis, reference, n in cases:
        words, true = hypothesis.split(), reference.split()
        given = call(answer, words, true, n)
        says = f"for {hypothesis!r}, {reference!r} and n = {n} it gives {show(given)}"
        if not isinstance(given, int | float | np.number):
            raise Wrong(says, hint="give one number")
        mine, theirs = (Counter(zip(*(w[i:] for i in range(n)), strict=False)) for w in (words, true))
        total = sum(mine.values())
        clipped = sum(min(count, theirs[gram]) for gram, count in mine.items())
        if np.isclose(given, clipped / total if total else 0):
            continue
        if total and np.isclose(given, sum(count for gram, count in mine.items() if gram in theirs) / total):
            raise Wrong(says, hint="an n-gram counts at most as often as the reference has it")
        if total and np.isclose(given, sum(1 for gram in mine if gram in theirs) / len(mine)):
            raise Wrong(says, hint="repeated n-grams count again, up to their number in the reference")
        if sum(theirs.values()) and np.isclose(given, clipped / sum(theirs.values())):
            raise Wrong(
                says, hint="that is the share of the reference that was found; divide by the hypothesis's n-grams"
            )
        raise Wrong(says, hint="count runs of n words in both, and divide the matched ones by those of the hypothesis")
    return "saying a word again doesn't pay"
