"""Checks of the exercises of *Can it answer?*"""

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from companion.corpora.stories import PEOPLE, PLACES, THINGS, Event, Question, World, simulate
from companion.exercises import Wrong, call, exercise, show


@exercise("question-answering-stick", asks="a function of an array of gates that gives the weights and what is left")
def stick(answer: Callable[..., Any]) -> str:
    rng = np.random.default_rng(0)
    for gates in [np.array([0.5]), np.array([0.5, 0.25]), np.array([0.3, 0.0, 1.0, 0.2]), rng.uniform(size=6)]:
        got = call(answer, gates)
        expected = _stick(gates)
        if np.shape(got) != np.shape(expected):
            raise Wrong(
                f"for gates {show(gates)} it gives {show(got)}",
                hint="one weight per gate, and one more entry for what is left over",
            )
        if not np.allclose(got, expected):
            raise Wrong(f"for gates {show(gates)} it gives {show(np.asarray(got))}", hint=_slip(gates, np.asarray(got)))
    return "the later facts take first, and what none takes is left"


def _stick(gates: np.ndarray) -> np.ndarray:
    left = np.append(np.cumprod((1 - gates)[::-1])[::-1], 1.0)
    return np.append(gates * left[1:], left[0])


def _slip(gates: np.ndarray, got: np.ndarray) -> str:
    if np.allclose(got, np.append(_stick(gates[::-1])[:-1][::-1], _stick(gates)[-1])):
        return "the last fact takes first: start from the end"
    if np.allclose(got[:-1], gates / gates.sum()):
        return "don't divide by the sum: each fact takes its share of what the later ones left"
    if np.allclose(got[:-1], _stick(gates)[:-1]):
        return "the last entry is what is left after all facts took theirs"
    return "go from the last fact to the first, and keep what is left in a variable"


@exercise("question-answering-where", asks="a function of (events, thing) that gives a place or None")
def where(answer: Callable[..., Any]) -> str:
    cast = PEOPLE[0][:3], PLACES[0][:4], THINGS[0][:3]
    told = [simulate(random.Random(seed), 4 + seed, cast) for seed in range(25)]
    for events in [*_BY_HAND, *told]:
        for thing in cast[2]:
            expected = World(events).answer(Question("two facts", thing))[0]
            got = call(answer, events, thing) if expected is not None else _call_for_none(answer, events, thing)
            if got != expected:
                raise Wrong(_problem(events, thing, got, expected), hint=_hint(events, thing, got, expected))
    return "it follows things through hands and places as the simulator does"


_TAKES = [Event("Ada", "go", "hall"), Event("Ada", "take", "ball")]
_BY_HAND = [
    _TAKES,
    [*_TAKES, Event("Ada", "go", "office")],
    [
        Event("Ada", "go", "hall"),
        Event("Ada", "take", "ball"),
        Event("Ada", "drop", "ball"),
        Event("Ada", "go", "cellar"),
    ],
    [
        Event("Ada", "go", "hall"),
        Event("Ben", "go", "cellar"),
        Event("Ada", "take", "ball"),
        Event("Ben", "go", "office"),
    ],
    [Event("Ada", "take", "ball")],
]


def _call_for_none(answer: Callable[..., Any], events: list[Event], thing: str) -> Any:
    """Call the answer where None is right, which `call` would take for a stub."""
    return answer(list(events), thing)


def _problem(events: list[Event], thing: str, got: Any, expected: str | None) -> str:
    tale = "; ".join(f"{e.person} {e.action} {e.target}" for e in events[-4:])
    before = f"{len(events) - 4} more, then " if len(events) > 4 else ""
    right = "in an unknown place" if expected is None else "somewhere else"
    return f"after {before}{tale}, the {thing} is {right}, not {show(got)}"


def _hint(events: list[Event], thing: str, got: Any, expected: str | None) -> str:
    if expected is None:
        return "return None if nobody touched the thing, or if the place of that person isn't known"
    if got is None:
        return "somebody did touch it: remember who, and where everybody is"
    last = next(e for e in reversed(events) if e.target == thing)
    if last.action == "drop":
        return "a thing that was put down stays where it is when the person leaves"
    return "a thing that is carried goes where its holder goes, and nobody else moves it"
