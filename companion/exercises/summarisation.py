"""Checkers of the chapter *Can it say that in a line?*"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


def _number(given: Any, says: str) -> float:
    try:
        return float(given)
    except (TypeError, ValueError):
        raise Wrong(says, hint="give one number from 0 to 1") from None


@exercise("summarisation-rouge", asks="a function of (written, reference), two lists of words, that gives a number")
def rouge_1(answer: Callable[..., Any]) -> str:
    cases = [
        ("to be or not to be that is", "to do is to be"),
        ("return the sum", "return the mean of the values"),
        ("the the the the", "the cat and the dog"),
        ("count the words in the file", "the words"),
        ("nothing in common", "entirely different words"),
        ("the end", "the end"),
    ]
    for line, other in cases:
        written, reference = line.split(), other.split()
        given = call(answer, written, reference)
        says = f"for {line!r} and {other!r} it gives {show(given)}"
        got = _number(given, says)
        shared = (Counter(written) & Counter(reference)).total()
        precision, recall = shared / len(written), shared / len(reference)
        expected = 2 * shared / (len(written) + len(reference))
        if np.isclose(got, expected, atol=1e-6):
            continue
        if not np.isfinite(got):
            raise Wrong(says, hint="if no word is shared, the score is 0: don't divide 0 by 0")
        if not shared:
            raise Wrong(says, hint="if no word is shared, the score is 0")
        if np.isclose(got, recall, atol=1e-6) or np.isclose(got, precision, atol=1e-6):
            side = "recall" if np.isclose(got, recall, atol=1e-6) else "precision"
            raise Wrong(says, hint=f"that is the {side} alone; combine precision and recall as 2 P R / (P + R)")
        if np.isclose(got, (precision + recall) / 2, atol=1e-6):
            raise Wrong(says, hint="that is the plain mean of precision and recall; F1 is 2 P R / (P + R)")
        raise Wrong(says, hint="a shared word counts as often as the smaller of its two counts")
    return "a word counts as often as both have it, and sharing nothing scores 0"


@exercise(
    "summarisation-copy",
    asks="a function of (p_vocabulary, weights, source, gate) that gives the array of probabilities",
)
def copy_mixture(answer: Callable[..., Any]) -> str:
    cases = [
        ([0.5, 0.3, 0.2], [0.25, 0.75], [1, 2], 0.6),
        ([0.5, 0.3, 0.2], [0.25, 0.5, 0.25], [0, 1, 0], 0.5),
        ([0.7, 0.2, 0.1], [0.1, 0.2, 0.7], [3, 0, 4], 0.8),
        ([0.6, 0.4], [0.5, 0.5], [2, 2], 0.25),
        ([0.6, 0.4], [1.0], [0], 1.0),
    ]
    for p, attention, ids, gate in cases:
        p_vocabulary, weights, source = np.array(p), np.array(attention), np.array(ids)
        given = call(answer, p_vocabulary, weights, source, gate)
        says = (
            f"for {show(p_vocabulary)}, weights {show(weights)}, source {ids} and gate {gate:g} it gives {show(given)}"
        )
        size = max(len(p), max(ids) + 1)
        try:
            got = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            got = np.zeros(())
        if got.shape != (size,):
            raise Wrong(
                says, hint=f"there are {size} ids here, those of the vocabulary and the source's own above them"
            )
        expected = np.zeros(size)
        expected[: len(p)] = gate * p_vocabulary
        np.add.at(expected, source, (1 - gate) * weights)
        if np.allclose(got, expected, atol=1e-6):
            continue
        swapped = np.zeros(size)
        swapped[: len(p)] = (1 - gate) * p_vocabulary
        np.add.at(swapped, source, gate * weights)
        if np.allclose(got, swapped, atol=1e-6):
            raise Wrong(says, hint="the gate is the vocabulary's share; the rest goes to copying")
        if not np.isclose(got.sum(), 1):
            raise Wrong(
                f"{says}, which sums to {got.sum():.4g}",
                hint="a word that the source has twice gets the weights of both places; `+=` with a list of ids adds "
                "only once, np.add.at each time",
            )
        raise Wrong(says, hint="add gate times p_vocabulary, and for each place 1 - gate times its weight")
    return "both ways are added up, even for words that only the source has"


@exercise("summarisation-lexrank", asks="a function of (similarity, damping) that gives the array of scores")
def lexrank(answer: Callable[..., Any]) -> str:
    cases = [
        ([[1, 0.5, 0.5], [0.5, 1, 0], [0.5, 0, 1]], 0.85),
        ([[1, 0.2, 0.6, 0.1], [0.2, 1, 0.3, 0.4], [0.6, 0.3, 1, 0.2], [0.1, 0.4, 0.2, 1]], 0.85),
        ([[1, 0.9, 0], [0.9, 1, 0], [0, 0, 1]], 0.5),
    ]
    for rows, damping in cases:
        similarity = np.array(rows)
        given = call(answer, similarity, damping)
        says = f"for the similarities {show(similarity)} and damping {damping:g} it gives {show(given)}"
        try:
            got = np.asarray(given, dtype=float)
        except (TypeError, ValueError):
            got = np.zeros(())
        n = len(similarity)
        if got.shape != (n,):
            raise Wrong(says, hint=f"give one score for each of the {n} sentences")
        steps = similarity / similarity.sum(axis=1, keepdims=True)
        expected = np.linalg.solve(np.eye(n) - damping * steps.T, np.full(n, (1 - damping) / n))
        if np.allclose(got, expected, atol=1e-3):
            continue
        if not np.isclose(got.sum(), 1, atol=1e-3):
            raise Wrong(
                f"{says}, which sums to {got.sum():.4g}",
                hint="divide each row of the similarities by its sum, so that a walker's probabilities sum to 1",
            )
        if np.allclose(got, 1 / n, atol=1e-3):
            raise Wrong(says, hint="every score is the same: a walker arrives by the columns, so use the transpose")
        raise Wrong(says, hint="repeat score = (1 - damping) / n + damping * steps.T @ score until nothing changes")
    return "a sentence is central if central sentences are similar to it"
