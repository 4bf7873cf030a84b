"""Files on disk: where they are kept, and how they are written so that none is ever half there.

A command that will write a folder after hours of work calls `check_writable` first, holds the folder with `locked`
while it works, and writes it with `directory_atomically`.
"""

from companion.errors import disk_errors
from companion.storage.cache import CACHE_VARIABLE, cache_dir, sha256
from companion.storage.files import LARGEST_JSON, read_json, write_atomically
from companion.storage.folders import PlaceTakenError, beside, check_writable, directory_atomically
from companion.storage.locks import locked

__all__ = [
    "CACHE_VARIABLE",
    "LARGEST_JSON",
    "PlaceTakenError",
    "beside",
    "cache_dir",
    "check_writable",
    "directory_atomically",
    "disk_errors",
    "locked",
    "read_json",
    "sha256",
    "write_atomically",
]
