"""The self-checking exercises: what a reader sees, and that pages and registry agree."""

import re
from pathlib import Path

import numpy as np
import pytest

from companion import UserError, exercises
from companion.exercises import Wrong, call, check, exercise, list_exercises, outcome, show

BOOK = Path(__file__).parents[1] / "book"


@pytest.fixture(autouse=True)
def doubling(monkeypatch):
    """A registry with one more exercise: double a number."""
    list_exercises()
    monkeypatch.setattr(exercises, "REGISTRY", dict(exercises.REGISTRY))

    @exercise("test-double", asks="a function of a number that gives twice the number")
    def double(answer):
        for number in (0, 1, 3):
            got = call(answer, number)
            if got != 2 * number:
                raise Wrong(f"for {number} it gives {show(got)}", hint="add the number to itself")
        return "numbers are doubled"


def test_a_right_answer_prints_one_line_and_is_true(capsys):
    assert check("test-double", lambda number: 2 * number)
    assert capsys.readouterr().out == "✓ Right: numbers are doubled.\n"


def test_a_wrong_answer_names_the_input_and_hints(capsys):
    assert not check("test-double", lambda number: number)
    assert capsys.readouterr().out == "✗ For 1 it gives 1. Hint: add the number to itself.\n"


def not_implemented(number):
    raise NotImplementedError


@pytest.mark.parametrize("stub", [None, ..., lambda number: ..., lambda number: None, not_implemented])
def test_the_stub_fails_kindly(stub, capsys):
    assert not check("test-double", stub)
    line = "✗ Not written yet: your answer should be a function of a number that gives twice the number.\n"
    assert capsys.readouterr().out == line


def test_an_exception_in_the_answer_becomes_one_sentence():
    def inverse(number):
        return 1 / number

    found = outcome("test-double", inverse)
    assert found.line.startswith("✗ Calling inverse(0) stops with ZeroDivisionError: division by zero. Hint: ")
    assert isinstance(found.cause, ZeroDivisionError) and outcome("test-double", abs).cause is None


def test_an_answer_that_is_not_a_function():
    assert "a function is expected, but this is 8." in outcome("test-double", 8).line.lower()


def test_an_unexpected_answer_gives_no_traceback():
    line = outcome("test-double", lambda number: np.array([1, 2])).line
    assert line.startswith("✗ Your answer can't be checked (ValueError: ")
    assert "\n" not in line


def test_arguments_are_copies():
    given = [3, 1, 2]
    assert call(sorted, given) == [1, 2, 3]
    call(lambda items: items.sort() or items, given)
    assert given == [3, 1, 2]


def test_an_unknown_name_lists_near_ones():
    with pytest.raises(UserError, match="no exercise 'test-doubel'; did you mean test-double"):
        check("test-doubel", abs)
    with pytest.raises(UserError, match="there are .*test-double"):
        check("qqqq", abs)


def test_a_notebook_shows_nothing_but_the_line():
    assert outcome("test-double", abs)._ipython_display_() is None
    assert [repr(outcome("test-double", f)) for f in (abs, lambda number: 2 * number)] == [
        "not yet",
        "passed",
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (np.array([0.5, 0.25]), "[0.5 , 0.25]"),
        (np.float32(0.1), "0.1"),
        (np.int64(3), "3"),
        ([np.int32(1), 2.0], "[1, 2]"),
        ((1,), "(1,)"),
        (abs, "the function abs"),
        ("a\nb", r"'a\nb'"),
    ],
)
def test_values_are_shown_short(value, text):
    assert show(value) == text
    assert len(show([value] * 100)) <= 80


# ------------------------------------------------------------------------------------------------------------
# The pages


def blocks(page: str, kind: str) -> dict[str, str]:
    """The gated blocks of a page, label to source; ``kind`` is "exercise" or "solution"."""
    found = {}
    for block in re.split(rf"^`{{3,}}\{{{kind}-start\}}", page, flags=re.MULTILINE)[1:]:
        head, _, _ = block.partition("```")
        source, end, _ = block.partition(f"{{{kind}-end}}")
        assert end, f"a {kind}-start without its {kind}-end: {head.strip()}"
        label = head.split()[0] if kind == "solution" else re.search(r":label:\s*(\S+)", head)[1]
        found[label] = source
    return found


def checked_names(source: str) -> set[str]:
    return set(re.findall(r"\bcheck\(\s*[\"']([\w-]+)[\"']", source))


def chapters() -> list[Path]:
    return sorted(path for path in BOOK.glob("*.md") if "{exercise-start}" in path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", chapters(), ids=lambda path: path.stem)
def test_every_checked_exercise_of_a_page_has_a_solution_that_is_checked(path):
    page = path.read_text(encoding="utf-8")
    tasks, solutions = blocks(page, "exercise"), blocks(page, "solution")
    for label, source in tasks.items():
        assert label in solutions, f"{label} has no solution"
        assert checked_names(source) <= {label}, f"{label}: an exercise checks itself under its own label"
        assert checked_names(source) == checked_names(solutions[label]), f"{label}: check the solution too"
        assert ":class: dropdown" in solutions[label], f"the solution of {label} is not closed"
    assert checked_names(page) <= set(list_exercises())
    assert all(name.startswith(path.stem + "-") for name in checked_names(page))


def test_every_registered_exercise_is_on_a_page():
    pages = [path.read_text(encoding="utf-8") for path in chapters()]
    used = {name for page in pages for source in blocks(page, "exercise").values() for name in checked_names(source)}
    assert set(list_exercises()) - {"test-double"} <= used


@pytest.mark.parametrize("name", list_exercises())
def test_every_stub_fails_kindly(name):
    for stub in (None, ...):
        line = outcome(name, stub).line
        assert line.startswith("✗ Not written yet: your answer should be "), line
        assert "\n" not in line and len(line) < 200


@pytest.mark.parametrize("name", list_exercises())
def test_every_checker_survives_odd_answers(name):
    for odd in (-31.4, "text", [], {}, lambda *_: "text", lambda *_: np.zeros((2, 2)), lambda: 1):
        result = outcome(name, odd)
        assert not result and result.line.startswith("✗ ") and "\n" not in result.line
