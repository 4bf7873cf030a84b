"""How this program was called, so that the commands it suggests work when pasted."""

import os
import shlex
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

NAME = "gate-by-gate"


def program() -> str:
    """The words that start this program again, quoted for a shell: ``gate-by-gate``, or ``python -m companion``."""
    return shlex.join(_words())


def suggested(arguments: Sequence[str], called: str | None = None) -> str:
    """A command of this program, quoted for a shell.

    Parameters
    ----------
    arguments
        The arguments after the program's name.
    called
        The program's words; by default those of `program`.
    """
    return f"{called or program()} {shlex.join(arguments)}"


def as_argument(path: str) -> str:
    """A path in a form that isn't taken for an option.

    >>> as_argument("-m"), as_argument("m")
    ('./-m', 'm')
    """
    return os.path.join(os.curdir, path) if path.startswith("-") else path


def remark(sentence: str) -> None:
    """Print something on standard error that isn't part of the result."""
    print(f"{NAME}: {sentence}", file=sys.stderr, flush=True)


def _words() -> list[str]:
    called = sys.argv[0] if sys.argv else ""
    if Path(called).stem == NAME:
        found = shutil.which(NAME)
        return [NAME if found and os.path.abspath(found) == os.path.abspath(called) else called]
    if Path(called).name == "__main__.py":
        return [_interpreter(), "-m", "companion"]
    return [NAME] if shutil.which(NAME) else [_interpreter(), "-m", "companion"]


def _interpreter() -> str:
    """The Python that runs this, by the name it was called by if that still leads to it."""
    called = sys.orig_argv[0] if sys.orig_argv else ""
    found = shutil.which(called) if called else None
    if found and sys.executable and os.path.abspath(found) == os.path.abspath(sys.executable):
        return called
    return sys.executable or "python"
