"""A folder of files: written whole or not at all."""

import contextlib
import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from companion.errors import UserError, disk_errors
from companion.storage.files import real_path, temporary_path, write_atomically
from companion.storage.locks import exclusive


class PlaceTakenError(UserError):
    """A folder couldn't get its name, which something else had by then; the message says what it is called now."""


@contextlib.contextmanager
def directory_atomically(path: str | Path, replace: bool = True, last: str = "model.json") -> Iterator[Path]:
    """Yield a temporary folder that takes the place of ``path`` only if the block succeeds.

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
        Whether an older version of the folder may be replaced, whole. A folder that shares no file name with the new
        one isn't an older version. An empty folder may always be replaced.
    last
        The file without which nobody reads the others. Where files are replaced one by one, this one is removed first
        and put in place last.

    Raises
    ------
    UserError
        The system refuses to write.
    PlaceTakenError
        Something was at ``path`` that may not be replaced; the message names the folder that has the result.
    """
    with disk_errors(str(path)):
        target = real_path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        new = _new_folder(target)
        try:
            yield new
            _flush(new)
            with exclusive(target):
                if not _replace_folder(new, target, replace, last):
                    kept = _keep(new, target)
                    raise PlaceTakenError(
                        f"Something else is at {path} by now (did another run finish first?) and was kept as it was; "
                        f"this result is in {kept}."
                    )
        finally:
            shutil.rmtree(new, ignore_errors=True)


def beside(folder: str | Path, suffix: str) -> Path:
    """The path of a file that goes with a folder, such as ``mymodel.checkpoint.npz``.

    This is next to the folder; or in it, as ``checkpoint.npz``, if the folder is mounted, is the current one, or lies
    in one that can't be written to.
    """
    with disk_errors(str(folder)):
        target = real_path(folder)
        if _stays(target):
            return target / suffix.lstrip(".")
        given = Path(folder)
        shown = target if given.name in ("", "..") or given.is_symlink() else given
        return shown.with_name(shown.name + suffix)


def check_writable(folder: str | Path, *suffixes: str) -> None:
    """Find out now, not after hours of training, whether `directory_atomically` will be able to write a folder.

    It makes a folder and files there and removes them again. Missing folders above it are made, and stay.

    Parameters
    ----------
    folder
        The folder to be written; it may be there already.
    suffixes
        The endings of files to be written `beside` it, such as ``".checkpoint.npz"``: their names have to fit too.

    Raises
    ------
    UserError
        The path is empty, the root, a file, below a file, too long, or in a place that can't be written to.
    """
    with disk_errors(str(folder)):
        target = real_path(folder)
        if target.exists() and not target.is_dir():
            raise UserError(f"{folder} is a file; choose another name for the folder.")
        target.parent.mkdir(parents=True, exist_ok=True)
        with exclusive(target):
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


def _stays(target: Path) -> bool:
    """Whether this folder exists and shouldn't or can't be renamed, as far as can be told beforehand."""
    if not target.is_dir():
        return False
    here = Path.cwd()
    return os.path.ismount(target) or here.is_relative_to(target) or not os.access(target.parent, os.W_OK | os.X_OK)


def _new_folder(target: Path) -> Path:
    """An empty folder on the same disk as a target: next to it, or in it."""
    temporary = temporary_path(target / target.name if _stays(target) else target)
    temporary.mkdir()
    return temporary


def _flush(folder: Path) -> None:
    """Wait until the files are on the disk: a rename may get there before the renamed content."""
    for path in folder.rglob("*"):
        if path.is_file():
            with open(path, "rb") as file:
                os.fsync(file.fileno())


_IN_THE_WAY = {errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR}
_CAN_T_BE_RENAMED = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM}


def _replace_folder(new: Path, target: Path, replace: bool, last: str) -> bool:
    """Put a folder in its place; return False if something there may not be replaced."""
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
            # A process that doesn't see our lock may have been faster; but not for ever.
            if error.errno not in _IN_THE_WAY or attempt == 100:
                raise
    return True


def _swap(new: Path, target: Path) -> None:
    aside = temporary_path(target, ".old")
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
                    f"{target} could be neither replaced nor put back: its content is in {aside}; rename it back."
                ) from None
        raise
    finally:
        if target.exists():
            shutil.rmtree(aside, ignore_errors=True)


def _replace_files(new: Path, target: Path, replace: bool, last: str) -> bool:
    """Replace the files of a target that can't be renamed: all of them or none."""
    names = sorted(os.listdir(new), key=lambda name: (name == last, name))
    old = [name for name in names if os.path.lexists(target / name)]
    if old and not replace:
        return False
    staged, aside = (temporary_path(target / target.name, ending) for ending in (".new", ".old"))
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
    """Rename a folder that can't take the target's place to the next free name, such as ``mymodel-2``."""
    name = target.name if len(os.fsencode(target.name)) < 240 else target.name[:40]
    for number in itertools.count(2):
        kept = new.with_name(f"{name}-{number}")
        with contextlib.suppress(FileExistsError):
            kept.mkdir()
            os.replace(new, kept)
            return kept
    raise AssertionError("there is always a next number")
