"""An exercise in the page has the earlier lines of its chapter that it needs, and no others."""

import doctest

import prelude
import pytest
from prelude import answer, exercises

CELLS = [
    "import math\nimport keras\nfrom companion import grammar, plotting\nfrom companion.corpora import load_corpus",
    "text = load_corpus('shakespeare').text\nsize = 3\nwidth = size + 1\nlayers = keras.layers",
    "size = 5",
    "def half(x):\n    local = size\n    return x / 2 + local",
    "from companion.exercises import check\n\ndef f(x):\n    return ...\n\ncheck('one-half', f)",
    "def f(x):\n    return half(x) + math.pi\n\ncheck('one-half', f)\nprint(text, grammar.encode)",
]


def test_the_example_in_the_docstring():
    assert doctest.testmod(prelude).failed == 0


def test_what_is_needed_is_taken_as_it_was_last_defined():
    (only,) = exercises(CELLS)
    assert only.prelude.splitlines() == [
        "import math",
        "from companion import grammar",
        "size = 5",
        "def half(x):",
        "    local = size",
        "    return x / 2 + local",
    ]
    assert (only.name, only.stub, only.solution) == ("one-half", CELLS[4], CELLS[5])


@pytest.mark.parametrize("needed", ["text", "layers", "load_corpus", "keras", "nothing_like_that"])
def test_what_the_page_lacks_is_left_out(needed):
    assert prelude.prelude(CELLS[:4], [f"print({needed})"]) == ""


def test_a_later_definition_replaces_an_earlier_one_unless_it_reads_it():
    assert prelude.prelude(["x = 1", "x = 2\nx += 1"], ["print(x)"]) == "x = 2\nx += 1"


def test_the_answer_ends_with_its_check():
    (only,) = exercises(CELLS)
    assert answer(only) == CELLS[5].rpartition("\n")[0]


def test_cells_that_are_not_python_are_passed_over():
    assert prelude.prelude(["%%bash\nls", "x = 1"], ["print(x)"]) == "x = 1"
