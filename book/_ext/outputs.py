"""Where a chapter's outputs are kept: in a folder whose name is a hash of all that they depend on.

jupyter-cache identifies an executed notebook by its cells. The code that they import and the files that they read may
change as well, so each chapter has one cache for each state of these: ``_build/.jupyter_cache/CHAPTER/KEY``. A change
in a module makes new keys only for the chapters that depend on it; back in the old state, their outputs are found
again.
"""

import os
import secrets
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

from execution import ENVIRONMENT
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn, JupyterCacheAbstract
from jupyter_cache.executors.utils import ExecutionResult
from nbformat import NotebookNode
from sqlalchemy.exc import SQLAlchemyError

from companion.closure import closure_of_code, fingerprint

ROOT = Path(__file__).resolve().parents[2]
STATES = 3  # kept for each chapter, with as many executed notebooks in each
# A build that records the scoreboard changes what chapters depend on, so it has keys that are never found again.
RECORD = secrets.token_hex(8) if os.environ.get("GATE_BY_GATE_RECORD") else ""


def code(notebook: NotebookNode) -> str:
    """The cells of a notebook as Python, without IPython's own syntax."""
    transform = TransformerManager().transform_cell
    return "\n".join(transform(cell.source) for cell in notebook.cells if cell.cell_type == "code")


def key(notebook: NotebookNode) -> str:
    """A hash of what a notebook's outputs depend on apart from its cells, which jupyter-cache compares itself.

    That is the code that the cells import, the data that this code reads, the pinned versions and Python's version.
    """
    if RECORD:
        return RECORD
    files = closure_of_code(code(notebook), ROOT / "companion")
    return fingerprint([*files, ROOT / "requirements.lock"], sys.version, str(ENVIRONMENT), base=ROOT)


def find(cache: Path, notebook: NotebookNode) -> NotebookNode | None:
    """A notebook with the outputs that a cache has for it; None if it has none.

    A cache that can't be read, for example because a build was stopped while writing it, is removed.
    """
    if not cache.exists():
        return None
    records = get_cache(cache)
    try:
        records.match_cache_notebook(notebook)
    except KeyError:
        return None
    except SQLAlchemyError:
        pass
    try:
        return records.merge_match_into_notebook(notebook, cell_meta=())[1]
    except (KeyError, ValueError, OSError, SQLAlchemyError):
        shutil.rmtree(cache)
        return None


def make(cache: Path) -> JupyterCacheAbstract:
    """A cache that keeps only the newest few notebooks."""
    records = get_cache(cache)
    records.change_cache_limit(STATES)
    return records


def keep(cache: Path, result: ExecutionResult, path: Path) -> None:
    """Put an executed notebook into a cache."""
    bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
    make(cache).cache_notebook_bundle(bundle, check_validity=False, overwrite=True)


def tidy(folder: Path, used: Iterable[Path]) -> None:
    """Remove the oldest caches of each chapter, and all caches of former chapters."""
    chapters = {cache.parent for cache in used}
    for cache in used:
        if cache.exists():
            os.utime(cache)
    for chapter in folder.iterdir() if folder.exists() else []:
        states = sorted(chapter.iterdir(), key=lambda state: state.stat().st_mtime) if chapter.is_dir() else []
        if chapter not in chapters:
            shutil.rmtree(chapter, ignore_errors=True)
        for state in states[:-STATES]:
            shutil.rmtree(state, ignore_errors=True)
