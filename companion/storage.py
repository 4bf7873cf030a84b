"""Files on disk: where they are kept, and how they are written so that nothing is ever half there."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from companion.errors import UserError

CACHE_VARIABLE = "GATE_BY_GATE_CACHE"


def cache_dir() -> Path:
    """The folder where corpora and trained recipes are kept.

    It is ``$GATE_BY_GATE_CACHE`` if that is set, else the operating system's cache folder of the user.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if chosen:
        return Path(chosen).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("gate-by-gate"))


def sha256(data: bytes | Path) -> str:
    """The SHA-256 of some bytes, or of a file's content, in hexadecimal."""
    return hashlib.sha256(data.read_bytes() if isinstance(data, Path) else data).hexdigest()


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn the operating system's refusals to write ``what`` into one sentence."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "the disk is full; make room",
            errno.EACCES: "this folder may not be written to; choose another",
            errno.EROFS: "this folder is read-only; choose another",
        }
        if error.errno not in reasons:
            raise
        raise UserError(f"Can't write {what}: {reasons[error.errno]} and try again.") from error


def write_atomically(path: str | Path, content: bytes | str) -> None:
    """Write a whole file or nothing: to a temporary file beside it, then rename.

    A crash in the middle leaves the old file as it was.

    Raises
    ------
    UserError
        The disk is full or the folder may not be written to.
    """
    path = Path(path)
    data = content.encode("utf-8") if isinstance(content, str) else content
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            _as_usual(temporary, 0o666)
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise


def _as_usual(path: str | Path, mode: int) -> None:
    """Give what `tempfile` made, for its maker alone, the permissions of whatever else the user makes."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(path, mode & ~umask)


@contextlib.contextmanager
def directory_atomically(path: str | Path) -> Iterator[Path]:
    """Give a temporary folder that takes the place of ``path`` only when the block ends well.

    What stood at ``path`` before is removed after the new folder is in place.
    """
    path = Path(path)
    with disk_errors(str(path)):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        try:
            yield temporary
            _as_usual(temporary, 0o777)
            old = temporary.with_name(temporary.name + ".old")
            if path.exists():
                os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


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
        The file is missing, unreadable or no JSON.
    """
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; expected {what} saved by this package.") from None
    except (OSError, ValueError) as error:
        reason = type(error).__name__
        raise UserError(
            f"{path} can't be read as {what} ({reason}); it should be JSON saved by this package. Save it again."
        ) from None
