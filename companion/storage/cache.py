"""The cache folder, and the hash by which its files are identified."""

import hashlib
import os
from pathlib import Path

from companion.errors import UserError

CACHE_VARIABLE = "GATE_BY_GATE_CACHE"


def cache_dir() -> Path:
    """The folder where corpora and trained recipes are kept.

    This is ``$GATE_BY_GATE_CACHE`` if that is set (a leading ``~`` is the home folder), else the operating system's
    cache folder of the user. A relative path is refused, since it would mean a different cache in each folder.

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
        raise UserError(
            f"The cache folder {chosen} begins with an unknown user; set {CACHE_VARIABLE} to a whole path."
        ) from None
    if not folder.is_absolute():
        raise UserError(
            f"The cache folder {chosen} is a relative path, which means a different folder wherever you are; set "
            f"{CACHE_VARIABLE} to a whole path, such as {folder.absolute()}."
        )
    if folder.is_file():
        raise UserError(f"The cache folder {chosen} is a file; set {CACHE_VARIABLE} to the path of a folder.")
    return folder


def sha256(data: bytes | Path) -> str:
    """The SHA-256 of some bytes, or of a file's content, in hexadecimal."""
    return hashlib.sha256(data.read_bytes() if isinstance(data, Path) else data).hexdigest()
