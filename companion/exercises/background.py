"""Checks of the exercises of *What is a language model?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.chapters.background import guess_numbers
from companion.exercises import Wrong, call, exercise, show
from companion.ngrams import NGramModel


@exercise("background-recover", asks="a function of (model, numbers) that gives the list of token ids")
def recover(answer: Callable[..., Any]) -> str:
    for letters, order in [("banana", 1), ("abracadabra", 2), ("mississippi", 3)]:
        alphabet = sorted(set(letters))
        ids = [alphabet.index(letter) for letter in letters]
        model = NGramModel(order).fit(ids[::-1])  # so that it isn't right at once everywhere
        numbers = guess_numbers(model, np.array(ids), range(len(ids))).tolist()
        got = call(answer, model, numbers)
        found = f"for the guess numbers {show(numbers)}"
        if not hasattr(got, "__len__") or len(got) != len(ids):
            raise Wrong(f"{found} it gives {show(got)}", hint=f"each number gives one token, so {len(ids)} in all")
        got = [int(token) for token in got]
        if got != ids:
            raise Wrong(f"{found} it gives {got} where the text was {ids}", hint=_advice(model, numbers, got))
    return "the guess numbers and the model hold the whole text"


def _advice(model: NGramModel, numbers: list[int], got: list[int]) -> str:
    """The likely mistake: try the usual slips and see which of them gives the same."""
    if _slip(model, numbers, shift=1) == got:
        return "guess 1 is the most probable token, and the first element of a list has index 0"
    if _slip(model, numbers, falling=False) == got:
        return "the most probable token is guessed first, the least probable last"
    if _slip(model, numbers, blind=True) == got:
        return "each token is guessed after the ones already recovered: ask the model with them as context"
    return "rank the tokens by the model's probability, take the one at the guess number, append it, continue"


def _slip(
    model: NGramModel, numbers: list[int], shift: int = 0, falling: bool = True, blind: bool = False
) -> list[int]:
    ids: list[int] = []
    for number in numbers:
        p = model.next_distribution([] if blind else ids)
        ranking = np.argsort(-p if falling else p, kind="stable")
        ids.append(int(ranking[(number - 1 + shift) % len(ranking)]))
    return ids
