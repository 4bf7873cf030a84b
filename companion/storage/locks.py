"""Locks: a path held against other threads and processes."""

import contextlib
import math
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from companion.errors import UserError
from companion.storage.cache import cache_dir, sha256


@contextlib.contextmanager
def locked(
    path: str | Path,
    wait: float = math.inf,
    doing: str = "writing",
    on_wait: Callable[[str], object] | None = None,
) -> Iterator[None]:
    """Hold a path against every other thread and process that asks for it here.

    The operating system releases it when the process ends, however it ends. The same thread may hold it twice.
    A caller that waited should check whether there is still something to do.

    The lock is a file in the cache folder (or else in the system's folder for temporary files), so nothing is left in
    the reader's own folders. Processes don't see each other if their cache folders differ or the disk has no
    locks: the work is then done twice, but nothing is lost; see `directory_atomically`.

    Parameters
    ----------
    path
        A file or folder, which need not exist.
    wait
        How many seconds to wait for another holder; 0 refuses at once.
    doing
        What it is held for, for the messages: "training into".
    on_wait
        Called once with a sentence if there is another holder to wait for, for instance ``print``.

    Raises
    ------
    UserError
        Another thread or process still holds it.
    """
    busy = f"Another process is already {doing} {path}"
    with exclusive(Path(os.path.realpath(path)), "use", wait, busy, on_wait):
        yield


@contextlib.contextmanager
def exclusive(
    target: Path,
    purpose: str = "replace",
    wait: float = math.inf,
    busy: str = "",
    on_wait: Callable[[str], object] | None = None,
) -> Iterator[None]:
    import filelock  # here, because it has no version for the browser, where nothing is locked

    name = sha256(f"{purpose} {target}".encode("utf-8", "surrogateescape"))[:32] + ".lock"
    held: filelock.BaseFileLock | None = None
    for folder in _lock_folders():
        # One object per file: the same thread may hold it twice, another one waits.
        lock = filelock.FileLock(folder / name, is_singleton=True, fallback_to_soft=False)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except filelock.Timeout:
            if on_wait and wait > 0:
                on_wait(f"{busy}; waiting for it to finish.")
            try:
                # At least a moment: the holder may be releasing it right now.
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
                # A process that waits for this file notices that it's gone (filelock checks) and makes a new one.
                with contextlib.suppress(OSError):
                    os.unlink(held.lock_file)
            held.release()


def _lock_folders() -> Iterator[Path]:
    with contextlib.suppress(UserError):  # what needs the cache folder reports a bad one
        yield cache_dir() / "locks"
    user = os.getuid() if hasattr(os, "getuid") else "user"
    yield Path(tempfile.gettempdir()) / f"gate-by-gate-{user}"
