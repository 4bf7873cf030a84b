"""Files on disk: where they are kept, and how they are written so that nothing is ever half there.

A command that will write a folder after hours of work calls `check_writable` before them, holds the folder with
`locked` meanwhile, and writes it with `directory_atomically`.
"""

import contextlib
import errno
import hashlib
import itertools
import json
import math
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import filelock

from companion.errors import UserError, disk_errors

CACHE_VARIABLE = "GATE_BY_GATE_CACHE"
LARGEST_JSON = 256 * 2**20  # bytes; the largest JSON file of this package has about 2 MB


def cache_dir() -> Path:
    """The folder where corpora and trained recipes are kept.

    This is ``$GATE_BY_GATE_CACHE`` if that is set (a leading ``~`` is the home folder), else the operating system's
    cache folder of the user. A relative path is refused, since it would be another cache in each folder.

    Raises
    ------
    UserError
        The path is relative, is a file, or begins with the ``~`` of an unknown user.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    if not chosen:
        import platformdirs

        chosen = platformdirs.user_cache_dir("gate-by-gate")
    try:
        folder = Path(chosen).expanduser()
    except RuntimeError:
        raise UserError(f"The cache folder {chosen} begins with an unknown user; set {CACHE_VARIABLE}.") from None
    if not folder.is_absolute():
        raise UserError(
            f"The cache folder {chosen} is a relative path, which means another folder wherever you are; set "
            f"{CACHE_VARIABLE} to a whole path, such as {folder.absolute()}."
        )
    if folder.is_file():
        raise UserError(f"The cache folder {chosen} is a file; set {CACHE_VARIABLE} to the path of a folder.")
    return folder


def sha256(data: bytes | Path) -> str:
    """The SHA-256 of some bytes, or of a file's content, in hexadecimal."""
    return hashlib.sha256(data.read_bytes() if isinstance(data, Path) else data).hexdigest()


# ----------------------------------------------------------------------------------------------------------------------
# One at a time


@contextlib.contextmanager
def locked(
    path: str | Path,
    wait: float = math.inf,
    doing: str = "writing",
    on_wait: Callable[[str], object] | None = None,
) -> Iterator[None]:
    """Hold a path against every other thread and process that asks for it here.

    The operating system lets go of it when the process ends, however it ends. The same thread may hold it twice.
    Whoever waited should look again whether there is still something to do.

    The lock is a file in the cache folder (or else in the system's folder for temporary files), so nothing is left in
    the reader's own folders. Processes with different cache folders don't see each other, nor do any where the disk
    has no locks: the work is then done twice, but nothing is lost; see `directory_atomically`.

    Parameters
    ----------
    path
        A file or folder, which need not exist.
    wait
        How many seconds to wait for another holder; 0 refuses at once.
    doing
        What it is held for, for the messages: "training into".
    on_wait
        Called once with a sentence, for instance ``print``, if there is somebody to wait for.

    Raises
    ------
    UserError
        Somebody else still holds it.
    """
    busy = f"Another process is already {doing} {path}"
    with _exclusive(Path(os.path.realpath(path)), "use", wait, busy, on_wait):
        yield


@contextlib.contextmanager
def _exclusive(
    target: Path,
    purpose: str = "replace",
    wait: float = math.inf,
    busy: str = "",
    on_wait: Callable[[str], object] | None = None,
) -> Iterator[None]:
    name = sha256(f"{purpose} {target}".encode("utf-8", "surrogateescape"))[:32] + ".lock"
    held: filelock.BaseFileLock | None = None
    for folder in _lock_folders():
        # One object for a file: the same thread may hold it twice, another one waits.
        lock = filelock.FileLock(folder / name, is_singleton=True, fallback_to_soft=False)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except filelock.Timeout:
            if on_wait and wait > 0:
                on_wait(f"{busy}; waiting for it to finish.")
            try:
                # Not less than a moment: the holder may be letting go of it right now.
                lock.acquire(timeout=-1 if math.isinf(wait) else max(wait, 0.2))
            except filelock.Timeout:
                raise UserError(f"{busy}; wait for it to finish, or choose another folder.") from None
        except OSError:  # this folder can't be written to, or its disk has no locks
            continue
        held = lock
        break
    try:
        yield
    finally:
        if held:
            if held.lock_counter == 1:
                # Whoever waits for this file notices that it is gone, since filelock looks, and makes a new one.
                with contextlib.suppress(OSError):
                    os.unlink(held.lock_file)
            held.release()


def _lock_folders() -> Iterator[Path]:
    with contextlib.suppress(UserError):  # a bad cache folder is told by what needs it
        yield cache_dir() / "locks"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path(tempfile.gettempdir()) / f"gate-by-gate-{user}"


# ----------------------------------------------------------------------------------------------------------------------
# Whole or not at all


def write_atomically(path: str | Path, content: bytes | str) -> None:
    """Write a whole file or nothing: to a temporary file beside it, then rename.

    A crash in the middle leaves the old file as it was. A symbolic link stays one: the file it names is written.

    Raises
    ------
    UserError
        The system refuses: the disk is full, the folder may not be written to, the path is that of a folder, ...
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with disk_errors(str(path)):
        target = _target(path)
        if target.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if target.exists() and not target.is_file():
            raise UserError(f"{path} isn't a file with content of its own; choose another name.")
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary = _temporary(target)
        # Not by tempfile: its files are for their maker alone, where the system's own rules (umask) should hold.
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


@contextlib.contextmanager
def directory_atomically(path: str | Path, replace: bool = True, last: str = "model.json") -> Iterator[Path]:
    """Give a temporary folder that takes the place of ``path`` only when the block ends well.

    The old folder is renamed aside, the new one takes its place, the old one is deleted; for an instant neither is
    there. If the new one can't take its place, the old one is put back. A symbolic link stays a link: the folder that
    it names is replaced. A folder that can't be renamed (because it is mounted, is the current one, or lies in one
    that can't be written to) stays, and so do its files, except those that the new one replaces.

    If something is there that may not be replaced, the new folder gets the next free name, such as ``mymodel-2``.

    Parameters
    ----------
    path
        The folder.
    replace
        Whether an older version of the folder may be replaced, whole. A folder without a single file of the same name
        as one of the new ones isn't an older version. An empty folder may always be replaced.
    last
        The file without which nobody reads the others. Where files are replaced one by one, this one is removed first
        and comes last.

    Raises
    ------
    UserError
        The system refuses to write; or something was at ``path`` that may not be replaced, and the message names the
        folder that has the result.
    """
    with disk_errors(str(path)):
        target = _target(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        new = _new_folder(target)
        try:
            yield new
            _flush(new)
            with _exclusive(target):
                if not _replace_folder(new, target, replace, last):
                    kept = _keep(new, target)
                    raise UserError(
                        f"Something else is at {path} by now (has another run finished first?), so it was left as it "
                        f"was: this result is in {kept}."
                    )
        finally:
            shutil.rmtree(new, ignore_errors=True)


def beside(folder: str | Path, suffix: str) -> Path:
    """The path of a file that goes with a folder, such as ``mymodel.checkpoint.npz``.

    This is beside the folder; or in it, as ``checkpoint.npz``, if the folder is mounted, is the current one, or lies in
    one that can't be written to.
    """
    with disk_errors(str(folder)):
        target = _target(folder)
        if _stays(target):
            return target / suffix.lstrip(".")
        given = Path(folder)
        shown = target if given.name in ("", "..") or given.is_symlink() else given
        return shown.with_name(shown.name + suffix)


def check_writable(folder: str | Path, *suffixes: str) -> None:
    """Find out now, not after hours of training, whether `directory_atomically` will be able to write a folder.

    This really makes a folder and files there and removes them again. Missing folders above it are made, and stay.

    Parameters
    ----------
    folder
        The folder to be written; it may be there already.
    suffixes
        Of the files to be written `beside` it, such as ``".checkpoint.npz"``: their names have to fit too.

    Raises
    ------
    UserError
        The path is empty, the root, a file, below a file, too long, or in a place that can't be written to.
    """
    with disk_errors(str(folder)):
        target = _target(folder)
        if target.exists() and not target.is_dir():
            raise UserError(f"{folder} is a file; choose another name for the folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with _exclusive(target):
            if target.exists():
                os.listdir(target)
            else:
                target.mkdir()
                target.rmdir()
            trial = _new_folder(target)
            try:
                write_atomically(trial / "trial", b"0")
            finally:
                shutil.rmtree(trial, ignore_errors=True)
            for path in [beside(folder, suffix) for suffix in suffixes]:
                if not os.path.lexists(path):
                    path.touch()
                    path.unlink()


def _target(path: str | Path) -> Path:
    """The absolute path of what will be written: where links lead. Raises a `UserError` if nothing can be there."""
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


def _stays(target: Path) -> bool:
    """Whether this folder is there and shouldn't or can't be renamed, as far as can be seen beforehand."""
    if not target.is_dir():
        return False
    here = Path.cwd()
    return os.path.ismount(target) or here.is_relative_to(target) or not os.access(target.parent, os.W_OK | os.X_OK)


def _new_folder(target: Path) -> Path:
    """An empty folder on the same disk as a target: beside it, or in it."""
    temporary = _temporary(target / target.name if _stays(target) else target)
    temporary.mkdir()
    return temporary


def _temporary(target: Path, ending: str = "") -> Path:
    """A hidden path beside a target that nobody else has, with a name that is not too long."""
    return target.with_name(f".{target.name[:20]}.{secrets.token_hex(6)}{ending}")


def _flush(folder: Path) -> None:
    """Wait until the files are on the disk: a rename may get there before what it names."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())


_IN_THE_WAY = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}
_CAN_T_BE_RENAMED = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM}


def _replace_folder(new: Path, target: Path, replace: bool, last: str) -> bool:
    """Put a folder in its place; False if there is something that may not be replaced."""
    if new.parent == target:
        return _replace_files(new, target, replace, last)
    for attempt in itertools.count():
        try:
            old = set(os.listdir(target))
        except FileNotFoundError:
            old = set()
        except NotADirectoryError:
            return False
        if old and not (replace and old & set(os.listdir(new))):
            return False
        try:
            _swap(new, target) if old else os.replace(new, target)
            break
        except OSError as error:
            if error.errno in _CAN_T_BE_RENAMED and target.is_dir():
                return _replace_files(new, target, replace, last)
            # Somebody who sees no lock of ours may have been faster; but not for ever.
            if error.errno not in _IN_THE_WAY or attempt == 100:
                raise
    return True


def _swap(new: Path, target: Path) -> None:
    aside = _temporary(target, ".old")
    try:
        with contextlib.suppress(FileNotFoundError):
            os.replace(target, aside)
        os.replace(new, target)
    except BaseException:
        if aside.exists() and not target.exists():
            try:
                os.replace(aside, target)
            except OSError:
                raise UserError(
                    f"{target} could be neither replaced nor put back: its content is in {aside}; rename that."
                ) from None
        raise
    finally:
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _replace_files(new: Path, target: Path, replace: bool, last: str) -> bool:
    """The same where the target can't be renamed: by its files, all of them or none."""
    names = sorted(os.listdir(new), key=lambda name: (name == last, name))
    old = [name for name in names if os.path.lexists(target / name)]
    if old and not replace:
        return False
    staged, aside = (_temporary(target / target.name, ending) for ending in (".new", ".old"))
    moves = [(target / name, aside / name) for name in reversed(old)]
    moves += [(staged / name, target / name) for name in names]
    begun = []
    try:
        shutil.move(new, staged)  # a copy, if it was made on another disk
        _flush(staged)
        aside.mkdir()
        for move in moves:
            begun.append(move)
            os.replace(*move)
        shutil.rmtree(aside, ignore_errors=True)
    except BaseException:
        for source, destination in reversed(begun):
            if os.path.lexists(destination) and not os.path.lexists(source):
                os.replace(destination, source)
        raise
    finally:
        shutil.rmtree(staged, ignore_errors=True)
        with contextlib.suppress(OSError):
            aside.rmdir()  # empty, unless something couldn't be put back
    return True


def _keep(new: Path, target: Path) -> Path:
    """Rename what can't go to its place to the first free name after that one's."""
    name = target.name if len(os.fsencode(target.name)) < 240 else target.name[:40]
    for number in itertools.count(2):
        kept = new.with_name(f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            kept.mkdir()
            os.replace(new, kept)
            return kept
    raise AssertionError("there is always a next number")


# ----------------------------------------------------------------------------------------------------------------------
# Reading


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
        The file is missing, may not be read, or isn't JSON (NaN and infinite numbers are not) of at most 256 MB.
    """
    path = Path(path)
    try:
        found = path.stat()
        if stat.S_ISDIR(found.st_mode):
            raise UserError(f"{path} is a folder; expected {what} in a file saved by this package.")
        if not stat.S_ISREG(found.st_mode):
            raise ValueError("not a file with content of its own")
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
        raise ValueError(f"{text[:20]} is not a number of JSON")
    return value


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return f"byte {error.start:,} is not UTF-8"
    if isinstance(error, RecursionError):
        return "brackets are nested too deeply"
    if isinstance(error, json.JSONDecodeError):
        return f"line {error.lineno:,}: {error.msg}"
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
