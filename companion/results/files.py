"""Benchmark results: written by a script, read by a chapter, never typed in.

A script in ``benchmarks/`` is run once by hand and writes ``companion/data/results/NAME.json``: what was measured, over
several seeds, with the machine and the versions. The chapter shows these next to its own run, with intervals
(`companion.evaluation.intervals`). Chapters: *translation* and the other applications.
"""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from companion.errors import UserError
from companion.storage import read_json, write_atomically

PACKAGE = Path(__file__).resolve().parents[1]
FOLDER = PACKAGE / "data" / "results"


def write_results(
    name: str,
    content: dict[str, Any],
    packages: Sequence[str] = ("keras", "numpy", "tensorflow"),
    folder: str | Path | None = None,
) -> Path:
    """Write what a benchmark found, with the machine and the versions it ran on.

    Parameters
    ----------
    name
        The file is ``NAME.json``.
    content
        What was found, in types that JSON has. It is written with ``machine`` and ``versions``.
    packages
        Whose versions matter, besides Python's.
    folder
        Where the file goes; by default to the book's own results, which only a checkout of the book has.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    UserError
        No folder is given and the package is installed, or the file can't be written.
    """
    if folder is None and not (PACKAGE.parent / "pyproject.toml").exists():
        raise UserError(
            "The companion is installed, so its results can't be changed; give a folder, or run the script in a "
            "checkout of the book."
        )
    about = {
        "machine": {
            "processor": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("TF_NUM_INTRAOP_THREADS", "all"),
        },
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
    }
    path = Path(folder or FOLDER) / f"{name}.json"
    write_atomically(path, json.dumps(content | about, indent=1, ensure_ascii=False) + "\n")
    return path


def read_results(name: str, folder: str | Path | None = None, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """What `write_results` wrote.

    Parameters
    ----------
    name, folder
        As for `write_results`; the book's own results can be read wherever the package is.
    missing
        What to return if there is no such file, for a script that continues what it has begun. A damaged file is
        still an error, and isn't overwritten.

    Raises
    ------
    UserError
        There is no such file (its benchmark was never run) and no ``missing``, or the file is damaged.
    """
    path = Path(folder or FOLDER) / f"{name}.json"
    if missing is not None and not path.exists():
        return missing
    found: dict[str, Any] = read_json(path, f"the results of benchmarks/{name.replace('-', '_')}.py")
    return found
