"""What the tests of the command line share."""

import shlex
from pathlib import Path

from companion.cli import main
from companion.cli.program import program

QUICK = ["--units", "8", "--epochs", "1", "--quiet"]
CATS = "The cat sat on the mat. A dog is in the fog.\n"


def run(capsys, *arguments) -> tuple[int, str, str]:
    """A command's exit code and output."""
    code = main([str(argument) for argument in arguments])
    said = capsys.readouterr()
    return code, said.out, said.err


def refused(capsys, *arguments) -> str:
    """The one sentence of a command that prints nothing else and ends with code 2."""
    code, out, err = run(capsys, *arguments)
    assert (code, out) == (2, ""), (code, out, err)
    assert err.startswith("gate-by-gate: ") and err.count("\n") == 1 and "Traceback" not in err, err
    return err


def suggestion(out: str) -> list[str]:
    """The arguments of the command that comes after "Try:", as a shell would split it."""
    words = shlex.split(out.partition("Try: ")[2])
    called = shlex.split(program())
    assert words[: len(called)] == called
    return words[len(called) :]


def trained(folder: Path, text: str, *more: str) -> Path:
    """A small model of a text."""
    path = folder / "my.txt"
    path.write_text(text, encoding="utf-8")
    assert main(["train", str(path), "--out", str(folder / "model"), *QUICK, *more]) == 0
    return folder / "model"
