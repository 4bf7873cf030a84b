"""Benchmark results: written by a script, read by a chapter, never typed in.

A script in ``benchmarks/`` runs once by hand and writes ``benchmarks/results/NAME.json``: what was measured, over
several seeds, with the machine and the versions. The chapter shows these beside its own run. Intervals say how sure
they are: `interval` over seeds, `bootstrap` over the items of one test set. Chapters: *translation* and the other
applications.
"""

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from companion.storage import read_json, write_atomically

FOLDER = Path(__file__).resolve().parents[1] / "data" / "results"


def write_results(
    name: str, content: dict[str, Any], packages: Sequence[str] = ("keras", "numpy", "tensorflow")
) -> Path:
    """Write what a benchmark found, with the machine and the versions it ran on; give the file."""
    about = {
        "machine": {
            "processor": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("TF_NUM_INTRAOP_THREADS", "all"),
        },
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
    }
    path = FOLDER / f"{name}.json"
    write_atomically(path, json.dumps(content | about, indent=1, ensure_ascii=False) + "\n")
    return path


def read_results(name: str) -> dict[str, Any]:
    """What ``write_results`` wrote.

    Raises
    ------
    UserError
        There is no such file: its benchmark was never run.
    """
    found: dict[str, Any] = read_json(FOLDER / f"{name}.json", f"the results of benchmarks/{name}.py")
    return found
