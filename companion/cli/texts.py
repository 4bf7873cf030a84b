"""Texts that a reader gives: files and standard input, in UTF-8 or the encoding that their mark says."""

import codecs
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from companion.errors import UserError

STANDARD_INPUT = "the standard input"

# The marks with which a text states its encoding; UTF-32's mark begins with UTF-16's, so it comes first.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def read_text(name: str) -> str:
    """The text of a file, or of the standard input for ``-``.

    All line endings become line feeds, and byte order marks are left out.

    Raises
    ------
    UserError
        The file is missing, a folder, empty or unreadable, isn't text, or is in another encoding without a mark.
    """
    if name == "-":
        return standard_input()
    if not name:
        raise UserError("The name of the text file is empty; give the path of a text file.")
    try:
        return decoded(Path(name).read_bytes(), name)
    except FileNotFoundError:
        raise UserError(f"There is no file {name}; give the path of a text file.") from None
    except IsADirectoryError:
        raise UserError(f"{name} is a folder; give the path of a text file.") from None
    except PermissionError:
        raise UserError(f"{name} may not be read; check its permissions.") from None
    except OSError as error:
        raise UserError(f"{name} can't be read ({error.strerror}); give the path of a text file.") from None
    except MemoryError:
        raise UserError(f"{name} doesn't fit into memory; give a smaller text.") from None


def standard_input() -> str:
    """The text that is piped or typed in; see `read_text`."""
    return decoded(_standard_input("Type a text; end it with Ctrl-D on a line of its own.").read(), STANDARD_INPUT)


def lines_of_standard_input() -> Iterator[str]:
    """The text that is piped or typed in, line by line as it comes.

    Raises
    ------
    UserError
        A line isn't text or isn't UTF-8; raised when it is reached.
    """
    stream = _standard_input("Type a story and questions; end with Ctrl-D on a line of its own.")
    for number, line in enumerate(stream, start=1):
        if number == 1 and _encoding(line) != "utf-8-sig":
            yield from decoded(line + stream.read(), STANDARD_INPUT).splitlines(keepends=True)
            return
        yield _plain(_as_utf8(line, f"Line {number:,} of {STANDARD_INPUT}"), STANDARD_INPUT)


def decoded(data: bytes, name: str) -> str:
    """The text that bytes stand for; ``name`` is what messages call it.

    Raises
    ------
    UserError
        As in `read_text`.
    """
    encoding = _encoding(data)
    if encoding == "utf-8-sig":
        text = _as_utf8(data, name)
    else:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            raise UserError(
                f"{name} begins as {encoding.upper()} text, but isn't; save it as UTF-8 and try again."
            ) from None
    text = _plain(text, name)
    if not text.strip():
        raise UserError(f"{name} is empty; give a file with text in it.")
    return text


def _encoding(data: bytes) -> str:
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8-sig")


def _as_utf8(data: bytes, name: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if b"\0" in data:
            raise UserError(_binary(name)) from None
        raise UserError(
            f"{name} isn't UTF-8 text (byte {error.start:,} isn't part of a character); save it as UTF-8 and try "
            "again, for instance with: iconv -f WINDOWS-1252 -t UTF-8 OLD > NEW"
        ) from None


def _plain(text: str, name: str) -> str:
    if "\0" in text:
        raise UserError(_binary(name))
    # Concatenated files have marks in the middle too.
    return text.replace("\ufeff", "").replace("\r\n", "\n").replace("\r", "\n")


def _binary(name: str) -> str:
    return (
        f"{name} has zero bytes in it, so it isn't plain text, or it is UTF-16 without a mark; save it as UTF-8 and "
        "try again, for instance with: iconv -f UTF-16LE -t UTF-8 OLD > NEW"
    )


def _standard_input(invitation: str) -> BinaryIO:
    if sys.stdin is None:
        raise UserError("The standard input is closed; give a file, or pipe a text in.")
    if sys.stdin.isatty():
        print(invitation, file=sys.stderr)
    return sys.stdin.buffer
