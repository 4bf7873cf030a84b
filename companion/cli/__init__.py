"""The command line: a reader's own text in, a model folder out, and text from the model.

``gate-by-gate COMMAND``, or ``python -m companion COMMAND``; ``--help`` lists the commands. Exit codes: 0 success,
1 an unexpected error, 2 bad input or no resources (one sentence says what), 3 one of several workers was lost (the same
command continues), 130 interrupted, 143 ended by SIGTERM.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import companion
from companion.cli import table
from companion.cli.options import in_flags, parse
from companion.cli.program import NAME
from companion.errors import UserError
from companion.training import EXIT_BAD_INPUT, exit_code, report

EXIT_UNEXPECTED = 1
DEBUG_VARIABLE = "GATE_BY_GATE_DEBUG"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:  # closed: nobody reads it
            _let_go_nowhere(number)
            setattr(sys, name, os.fdopen(number, "w", encoding="utf-8", closefd=False))
    with _any_character(sys.stdout), _any_character(sys.stderr):
        return _ended_well(sys.argv[1:] if arguments is None else list(arguments))


def _ended_well(arguments: list[str]) -> int:
    options: Any = None
    try:
        try:
            options = parse(table.COMMANDS, arguments, table.ABOUT, table.MORE, f"{NAME} {companion.__version__}")
            options.command = arguments
            options.chosen.run(options)
        except SystemExit:  # the help is printed
            pass
        sys.stdout.flush()
    except (UserError, KeyboardInterrupt) as error:
        sentence = in_flags(str(error), options.chosen) if options else str(error)
        if options and getattr(options, "report", None):
            report(options.report, sentence, exit_code(error))
        elif isinstance(error, KeyboardInterrupt):  # it may come in the middle of a line
            _say(sentence or "interrupted.", "\n")
        else:
            _say(sentence)
        return exit_code(error)
    except BrokenPipeError:  # the reader of the pipe has closed it
        _give_up_output()
    except MemoryError:
        _say("There isn't enough memory for this; give a smaller text or model, or end other programs.")
        return EXIT_BAD_INPUT
    except Exception as error:
        if os.environ.get(DEBUG_VARIABLE):
            raise
        return _unexpected(error)
    return 0


def _unexpected(error: Exception) -> int:
    """Report an error that has no message of its own in one line."""
    if isinstance(error, OSError) and error.strerror:
        if not error.filename and error.errno:  # the disk of the output may be full
            _give_up_output()
        about = f"{error.filename}: " if error.filename else ""
        _say(f"The operating system reports an error: {about}{error.strerror}.")
        return EXIT_BAD_INPUT
    if type(error).__name__ == "ResourceExhaustedError":
        _say(
            "There isn't enough memory for this; lower --units, --layers, --vocab-size, --batch-size, --window or, for "
            "a Transformer, --context."
        )
        return EXIT_BAD_INPUT
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace else ""
    first = next(iter(str(error).splitlines()), "")
    _say(f"An unexpected error, {type(error).__name__}: {first[:300]}{where}. To see more, set {DEBUG_VARIABLE}=1")
    return EXIT_UNEXPECTED


def _say(sentence: str, before: str = "") -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
    print(f"{before}{NAME}: {sentence}", file=sys.stderr, flush=True)


def _give_up_output() -> None:
    """Discard what is still to be printed, so that Python doesn't complain about it on exit."""
    with contextlib.suppress(OSError, ValueError):
        _let_go_nowhere(sys.stdout.fileno())


def _let_go_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    if nowhere != number:
        os.dup2(nowhere, number)
        os.close(nowhere)


@contextlib.contextmanager
def _any_character(stream: Any) -> Iterator[None]:
    r"""Print characters that a stream's encoding lacks as escapes (``\u4e8c``) instead of raising an error."""
    if not isinstance(stream, io.TextIOWrapper):
        yield
        return
    before = stream.errors
    stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):
            stream.reconfigure(errors=before)
