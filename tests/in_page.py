"""What the tests of exercises need of pytest, so that they run in the page too: see test_playground.py.

This text, a test file's text and `report` are run as one cell. So each wrong answer is checked by the Python that a
reader's browser has, and the hints have one source.
"""

import json
import sys
import types
from collections.abc import Callable, Sequence
from typing import Any

from companion import exercises

hints: dict[str, int] = {}  # how many answers to each exercise got one
rights: dict[str, int] = {}
really = exercises.outcome


class mark:
    """`pytest.mark`, as far as these tests use it."""

    @staticmethod
    def parametrize(names: str | Sequence[str], rows: Sequence[Any], **options: Any) -> Callable:
        def note(test: Callable) -> Callable:
            single = isinstance(names, str)
            cases = [{names: row} if single else dict(zip(names, row, strict=True)) for row in rows]
            test.cases = [old | new for old in getattr(test, "cases", [{}]) for new in cases]  # type: ignore[attr-defined]
            return test

        return note

    @staticmethod
    def filterwarnings(*options: str) -> Callable:
        return lambda test: test


def outcome(name: str, answer: Any) -> exercises.Outcome:
    """`companion.exercises.outcome`, which counts the hints that it gives."""
    found = really(name, answer)
    counted = rights if found else hints if "Hint: " in found.line else {}
    counted[name] = counted.get(name, 0) + 1
    return found


def report(names: dict[str, Any]) -> str:
    """Run the tests; tell how many answers to each exercise were right, how many got a hint, and which tests failed."""
    failed = []
    for name, test in list(names.items()):
        for case in getattr(test, "cases", [{}]) if name.startswith("test_") else ():
            try:
                test(**case)
            except ModuleNotFoundError as error:  # a test that needs more than the page has
                failed += [] if error.name in ("keras", "tensorflow") else [f"{name}: {error}"]
            except Exception as error:
                failed.append(f"{name} {sorted(case)}: {type(error).__name__}: {error}"[:300])
    exercises.outcome = really
    return json.dumps({"rights": rights, "hints": hints, "failed": failed})


exercises.outcome = outcome
sys.modules["pytest"] = types.SimpleNamespace(mark=mark)  # type: ignore[assignment]
