"""Texts that a reader gives: files and standard input, in UTF-8 or the encoding that their mark says."""

import codecs
import re
import sys
from collections.abc import Iterator
from typing import BinaryIO

from companion.errors import UserError

STANDARD_INPUT = "the standard input"
LARGEST_TEXT = 10**9  # bytes of a text; special files such as /dev/zero, and some pipes, have no end

SURROGATE = re.compile(r"[\ud800-\udfff]")  # how Python represents bytes that aren't UTF-8

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
        The file is missing, a folder, empty, unreadable or larger than 1 GB, isn't text, or is in another encoding
        without a mark.
    """
    if name == "-":
        return standard_input()
    if not name:
        raise UserError("The name of the text file is empty; give the path of a text file.")
    try:
        with open(name, "rb") as file:
            return decoded(_all_of(file, name), name)
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
    stream = _standard_input("Type a text; end it with Ctrl-D on a line of its own.")
    return decoded(_all_of(stream, STANDARD_INPUT), STANDARD_INPUT)


def lines_of_standard_input() -> Iterator[str]:
    """The text that is piped or typed in, line by line as it comes.

    Raises
    ------
    UserError
        A line isn't text, isn't UTF-8, or is longer than 1 GB; raised when it is reached.
    """
    stream = _standard_input("Type a story and questions; end with Ctrl-D on a line of its own.")
    for number, line in enumerate(iter(lambda: stream.readline(LARGEST_TEXT + 1), b""), start=1):
        if len(line) > LARGEST_TEXT:
            raise UserError(_too_large(STANDARD_INPUT))
        if number == 1 and _encoding(line) != "utf-8-sig":
            yield from decoded(line + _all_of(stream, STANDARD_INPUT), STANDARD_INPUT).splitlines(keepends=True)
            return
        yield _plain(_as_utf8(line, f"Line {number:,} of {STANDARD_INPUT}"), STANDARD_INPUT)


def check_typed(text: str, what: str) -> None:
    """Refuse an argument whose bytes aren't UTF-8, which Python passes on as surrogates.

    Raises
    ------
    UserError
        The argument, called ``what`` in the message, has such bytes.
    """
    if SURROGATE.search(text):
        raise UserError(f"{what} isn't text in UTF-8; type it in a terminal that is set to UTF-8.")


def decoded(data: bytes | bytearray, name: str) -> str:
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


def _all_of(stream: BinaryIO, name: str) -> bytearray:
    data, at_once = bytearray(), 2**20
    while True:
        part = stream.read(at_once)
        data += part
        if len(data) > LARGEST_TEXT:
            raise UserError(_too_large(name))
        if len(part) < at_once:  # the end; a terminal that is asked again needs a second Ctrl-D
            return data


def _too_large(name: str) -> str:
    return f"{name} is larger than {LARGEST_TEXT / 1e9:g} GB, or endless; give a file with part of the text."


def _encoding(data: bytes | bytearray) -> str:
    return next((encoding for mark, encoding in _MARKS if data.startswith(mark)), "utf-8-sig")


def _as_utf8(data: bytes | bytearray, name: str) -> str:
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
