"""Texts that a reader gives: files and the standard input."""

import sys
from pathlib import Path

from companion.errors import UserError


# What they share
def read_text(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    UserError
        It is missing, a folder, empty, not UTF-8, or can't be read.
    """
    try:
        return _decoded(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; give the path of a text file.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; give the path of a text file.") from None
    except PermissionError:
        raise UserError(f"{path} may not be read; check its permissions.") from None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}); give the path of a text file.") from None


def standard_input() -> str:
    """What is piped or typed in."""
    return _decoded(sys.stdin.buffer.read(), "the standard input")


def _decoded(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{name} is not UTF-8 text (byte {error.start:,} fits no character): save it as UTF-8 and try again."
        ) from None
    if not text.strip():
        raise UserError(f"{name} is empty; give a file with text in it.")
    return text.replace("\r\n", "\n")
