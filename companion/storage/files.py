"""A single file: written whole or not at all, read with care."""

import errno
import json
import math
import os
import secrets
import stat
from pathlib import Path
from typing import Any

from companion.errors import UserError, disk_errors

LARGEST_JSON = 256 * 2**20  # bytes; the largest JSON file of this package has about 2 MB


def write_atomically(path: str | Path, content: bytes | str) -> None:
    """Write a whole file or nothing: to a temporary file next to it, then rename.

    A crash in the middle leaves the old file as it was. A symbolic link stays a link: the file it points to is written.

    Raises
    ------
    UserError
        The system refuses: the disk is full, the folder may not be written to, the path is that of a folder, ...
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with disk_errors(str(path)):
        target = real_path(path)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if target.exists() and not target.is_file():
            raise UserError(f"{path} isn't a regular file; choose another name.")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = temporary_path(target)
        # Not tempfile: only their owner may read its files, and these should follow the umask.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def real_path(path: str | Path) -> Path:
    """The absolute path of what will be written, links followed. Raises a `UserError` if nothing can be there."""
    if not os.fspath(path):
        raise UserError("The path to write to is empty; give a name, such as mymodel.")
    target = Path(os.path.realpath(path))
    if not target.name:
        raise UserError(f"Can't write {path}: it is the root of the file system; choose a folder in it.")
    if any(part.is_symlink() for part in (target, *target.parents)):  # else they would have been followed
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    there = next(parent for parent in target.parents if parent.exists())
    if not there.is_dir():
        raise UserError(f"Can't write {path}: {there} is a file, not a folder; choose another path.")
    return target


def temporary_path(target: Path, ending: str = "") -> Path:
    """A hidden path next to a target that nobody else has, with a name that isn't too long."""
    return target.with_name(f".{target.name[:20]}.{secrets.token_hex(6)}{ending}")


def read_json(path: str | Path, what: str) -> Any:
    """The content of a JSON file.

    Parameters
    ----------
    path
        The file.
    what
        What the file should be, for the message ("a tokenizer").

    Raises
    ------
    UserError
        The file is missing, unreadable, larger than 256 MB, or isn't JSON (NaN and infinite numbers aren't).
    """
    path = Path(path)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise UserError(f"{path} is a folder; expected {what} in a file saved by this package.")
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("not a regular file")
        if found.st_size > LARGEST_JSON:
            raise ValueError(f"{found.st_size / 2**20:,.0f} MB, more than {LARGEST_JSON / 2**20:,.0f}")
        return json.loads(path.read_bytes().decode("utf-8"), parse_constant=_finite, parse_float=_finite)
    except UserError:
        raise
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no file {path}; expected {what} saved by this package.") from None
    except PermissionError:
        raise UserError(f"{path} may not be read; check its permissions and those of the folders above it.") from None
    except (OSError, ValueError, RecursionError, MemoryError) as error:
        why = f"{path} can't be read as {what} ({_reason(error)})"
        raise UserError(f"{why}; it should be JSON saved by this package. Save it again.") from None


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} isn't a JSON number")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start:,} is not UTF-8"
    if isinstance(error, RecursionError):
        return "brackets are nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno:,}: {error.msg}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
