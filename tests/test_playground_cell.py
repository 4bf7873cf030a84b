"""What the page makes of a reader's cell: output, verdict, errors in three lines. In a browser: test_playground.py."""

import sys

import pytest
from playground_cell import LONGEST, run

BITS = "def bits(log_p, characters):\n    return {}\n\ncheck('concepts-bits', bits)\n"


def test_a_right_answer_passes():
    told = run(BITS.format("-log_p.sum() / np.log(2) / characters"))
    assert told["passed"] and told["error"] == "" and told["output"].startswith("✓ Right: ")


def test_a_wrong_answer_gets_its_hint():
    told = run(BITS.format("-log_p.sum() / characters"))
    assert not told["passed"] and told["error"] == "" and "Hint: these are nats" in told["output"]


def test_a_cell_passes_only_if_all_its_checks_do():
    right, wrong = BITS.format("-log_p.sum() / np.log(2) / characters"), BITS.format("...")
    assert not run(right + wrong)["passed"] and not run(wrong + right)["passed"]
    assert not run("print('✓ Right: I say so.')")["passed"] and not run("")["passed"]


def test_the_value_of_the_last_line_is_shown():
    assert run("1 + 1\nnp.arange(3)")["output"] == "array([0, 1, 2])\n"
    assert run("x = 1\nNone")["output"] == ""


def test_the_prelude_is_there_and_nothing_of_the_run_before():
    assert run("print(size)", "size = 3")["output"] == "3\n"
    assert "NameError: name 'size' is not defined (here only this cell" in run("print(size)")["error"]


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (
            "def share(k, n):\n    return k / n\n\nshare(1, 0)",
            "Line 2, in share:\n    return k / n\nZeroDivisionError: division by zero",
        ),
        ("x = 1\nx.y", "Line 2:\n    x.y\nAttributeError: 'int' object has no attribute 'y'"),
        ("if True\n    pass", "Line 1:\n    if True\nSyntaxError: expected ':'"),
        ("np.ones(2) @ np.ones(3)", "Line 1:\n    np.ones(2) @ np.ones(3)\nValueError: "),
        ("raise KeyboardInterrupt", "Line 1:\n    raise KeyboardInterrupt\nKeyboardInterrupt"),
        ("from companion.exercises import check\ncheck('concept-bits', 1)", "did you mean"),
    ],
)
def test_an_error_is_told_in_three_lines_of_the_reader_s_own(code, error):
    told = run(code)
    assert error in told["error"] and told["error"].count("\n") == 2 and not told["passed"]


def test_an_error_during_the_check_is_told_with_its_line():
    told = run(BITS.format("log_p.total() / characters"))
    assert told["output"].startswith("✗ Calling bits([") and "stops with AttributeError" in told["output"]
    error = "Line 2, in bits:\n    return log_p.total() / characters\nAttributeError: "
    assert told["error"].startswith(error) and told["checked"] and not told["passed"]


def test_what_was_printed_before_an_error_is_kept():
    told = run("print('so far')\n1 / 0")
    assert told["output"] == "so far\n" and "ZeroDivisionError" in told["error"]


def test_long_output_is_cut():
    told = run("for n in range(10):\n    print('x' * 5000)")["output"]
    assert len(told) < LONGEST + 100 and told.endswith("… The rest isn't shown: it's too long.\n")


@pytest.mark.skipif(sys.version_info < (3, 12), reason="sys.monitoring is new in Python 3.12, which the page has")
def test_an_endless_loop_is_stopped():
    told = run("while True:\n    try:\n        pass\n    except Exception:\n        pass", seconds=0.2)
    assert told["error"] == "Stopped after 0.2 seconds. Is there a loop that never ends?"
    assert run("1 + 1")["output"] == "2\n"


def test_the_display_hook_is_put_back():
    before = sys.displayhook
    run("1 / 0")
    assert sys.displayhook is before
