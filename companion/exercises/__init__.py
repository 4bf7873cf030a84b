"""Exercises that check themselves: ``check("generation-top-k", my_top_k)`` prints one line.

The line says what is wrong for which input, and gives a hint, but never the answer.

How to add an exercise
----------------------
1. Its name is the chapter's file name, a hyphen and a word or two: ``tokens-merge``, ``language-model-clip``.
   The checker lives in the module of that chapter, ``companion/exercises/tokens.py`` or
   ``companion/exercises/language_model.py``, which is loaded when such a name is first checked::

       from companion.exercises import Wrong, call, exercise, show

       @exercise("tokens-merge", asks="a function of (ids, pair, new_id) that gives the shorter list of ids")
       def merge(answer):
           for ids, pair, expected in [([1, 2, 1], (1, 2), [9, 1]), ([1, 1, 1], (1, 1), [9, 1])]:
               got = call(answer, ids, pair, 9)
               if got != expected:
                   raise Wrong(
                       f"for ids {show(ids)} and pair {show(pair)} it gives {show(got)}",
                       hint="after a merge, continue after both tokens of the pair",
                   )
           return "pairs are merged from the left, and no token twice"

   ``asks`` says what kind of answer is expected. ``call`` runs the reader's function and turns its errors into a
   sentence. A checker raises ``Wrong(problem, hint=...)`` or returns what the reader has now shown.
   Use several inputs that include the edge cases. Problem and hint are one plain phrase each, without a capital or a
   full stop. An answer that is a value rather than a function is checked directly.
2. On the page, the exercise (label = the name) holds a stub that returns ``...`` and ``check(name, stub)``; the
   solution repeats ``check`` on the solved function. ``tests/test_exercises.py`` checks that pages and registry agree.
3. ``tests/test_exercises_<chapter>.py`` shows that at least two plausible wrong answers fail with a fitting hint and
   that the right one passes; ``companion.exercises.outcome`` gives the result without printing.
4. Stub, solution and these tests run in the built page too, in the browser's own Python, which has NumPy and this
   package but neither Keras nor texts. What they need from earlier cells is found by itself (``book/_ext/prelude.py``);
   the tests use nothing of pytest but ``mark.parametrize`` (``tests/in_page.py``). Import what the browser lacks
   inside functions. Integers have 32 bits there unless you ask for ``np.int64``.
"""

import copy
import difflib
import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from companion.errors import UserError

__all__ = ["Outcome", "Wrong", "call", "check", "exercise", "list_exercises", "outcome", "show"]


class Wrong(Exception):
    """The answer is wrong; the error has the problem, with its input, and a hint."""

    def __init__(self, problem: str, *, hint: str):
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


class NotWritten(Exception):
    """The answer is still the stub."""


@dataclass(frozen=True)
class Exercise:
    """A registered exercise: its name, what kind of answer it asks for, and its checker."""

    name: str
    asks: str
    checker: Callable[[Any], str]


class Outcome:
    """What ``check`` found; true if the answer is right. A notebook doesn't display it, since its line is printed.

    Attributes
    ----------
    passed
        Whether the answer is right.
    line
        What is printed.
    cause
        The error that the reader's own function raised, if it raised one.
    """

    def __init__(self, passed: bool, line: str, cause: BaseException | None = None):
        self.passed = passed
        self.line = line
        self.cause = cause

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        return "passed" if self.passed else "not yet"

    def _ipython_display_(self) -> None:
        """Show nothing if ``check(...)`` ends a cell, because the line is already printed."""


REGISTRY: dict[str, Exercise] = {}


def exercise(name: str, *, asks: str) -> Callable[[Callable[[Any], str]], Callable[[Any], str]]:
    """Register a checker: a function of the answer that raises ``Wrong`` or returns what the answer shows.

    Parameters
    ----------
    name
        Chapter, hyphen, exercise: ``tokens-merge``.
    asks
        The kind of answer expected, to follow "it should be": ``"a function of (p, k) that gives an array"``.
    """

    def register(checker: Callable[[Any], str]) -> Callable[[Any], str]:
        REGISTRY[name] = Exercise(name, asks, checker)
        return checker

    return register


def check(name: str, answer: Any) -> Outcome:
    """Check a reader's answer and print the verdict, one line.

    Parameters
    ----------
    name
        The exercise's name, as its page gives it.
    answer
        The reader's function or value.

    Raises
    ------
    UserError
        No exercise has that name.
    """
    result = outcome(name, answer)
    print(result.line)
    return result


def outcome(name: str, answer: Any) -> Outcome:
    """What ``check`` finds, without printing it."""
    task = _find(name)
    try:
        if _is_blank(answer):
            raise NotWritten
        shown = task.checker(answer)
    except NotWritten:
        return Outcome(False, _one_line(f"✗ Not written yet: your answer should be {task.asks}."))
    except Wrong as wrong:
        problem = wrong.problem[:1].upper() + wrong.problem[1:]
        return Outcome(False, _one_line(f"✗ {problem}. Hint: {wrong.hint}."), wrong.__cause__)
    except Exception as error:
        line = f"✗ Your answer can't be checked ({_sentence(error)}). Hint: it should be {task.asks}."
        return Outcome(False, _one_line(line))
    return Outcome(True, _one_line(f"✓ Right: {shown}."))


def call(function: Any, *arguments: Any) -> Any:
    """The result of the reader's function for some arguments, which are passed as copies.

    Raises
    ------
    Wrong
        It isn't a function, or it raised an error; the message names the input.
    NotWritten
        It returned ``None`` or ``...``, or raised ``NotImplementedError``.
    """
    if not callable(function):
        raise Wrong(
            f"a function is expected, but this is {show(function)}",
            hint="give the function's name without brackets after it",
        )
    given = ", ".join(show(argument) for argument in arguments)
    try:
        result = function(*copy.deepcopy(arguments))
    except NotImplementedError:
        raise NotWritten from None
    except Exception as error:
        name = getattr(function, "__name__", "your function")
        raise Wrong(
            f"calling {name}({given}) stops with {_sentence(error)}", hint="run it on that input alone"
        ) from error
    if _is_blank(result):
        raise NotWritten
    return result


def show(value: Any) -> str:
    """A value in a few characters, the same on every run: ``[0.5, 0.25, 0.25]``."""
    if isinstance(value, np.ndarray) and value.ndim:
        text = np.array2string(value, precision=4, separator=", ", threshold=12, edgeitems=4)
    elif isinstance(value, float | np.floating):
        text = f"{value:.4g}"
    elif isinstance(value, np.generic | np.ndarray):
        text = repr(value.item())
    elif isinstance(value, list | tuple):
        inside = ", ".join(show(item) for item in value)
        comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
        text = f"[{inside}]" if isinstance(value, list) else f"({inside}{comma})"
    elif callable(value):
        text = f"the function {getattr(value, '__name__', 'without a name')}"
    else:
        text = repr(value)
    text = " ".join(text.split())
    return text if len(text) <= 80 else text[:77] + "..."


def list_exercises() -> list[str]:
    """The names of all exercises that check themselves."""
    for chapter in _chapters():
        importlib.import_module(f"{__name__}.{chapter}")
    return sorted(REGISTRY)


def _chapters() -> list[str]:
    """The modules of this package: one per chapter."""
    return [module.name for module in pkgutil.iter_modules(__path__)]


def _find(name: str) -> Exercise:
    if name not in REGISTRY:
        for chapter in _chapters():
            if name.startswith(chapter.replace("_", "-") + "-"):
                importlib.import_module(f"{__name__}.{chapter}")
    if name not in REGISTRY:
        near = difflib.get_close_matches(name, list_exercises(), n=3, cutoff=0.4)
        offer = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(list_exercises())}."
        raise UserError(f"There is no exercise {name!r}; {offer}")
    return REGISTRY[name]


def _is_blank(value: Any) -> bool:
    return value is None or value is Ellipsis or value is NotImplemented


def _sentence(error: Exception) -> str:
    message = str(error).strip().rstrip(".")
    message = message if len(message) <= 120 else message[:117] + "..."
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _one_line(text: str) -> str:
    return " ".join(text.split())
