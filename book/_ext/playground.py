"""Exercises that run in the page: where their cells are, what these need, and the Python that runs them.

Each checked exercise gets an element with its name and its prelude before its cell; ``book/_static/playground.js``
makes an editor of both. Python itself is copied next to the pages (`playground_files`), and loaded by the first *Run*.
Without it the pages are as they would be without this extension.
"""

import functools
import html
from collections.abc import Iterator
from pathlib import Path

import gate_by_gate
import playground_files
import prelude
from docutils import nodes
from folding import code
from IPython.core.inputtransformer2 import TransformerManager
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from companion.closure import PACKAGE, closure
from companion.errors import UserError

FOLDER = "_static/pyodide"  # below the pages
RUNNERS = [Path(__file__).with_name(name) for name in ("playground_cell.py", "playground_train.py")]
logger = logging.getLogger(__name__)


@functools.cache
def obtained() -> dict[str, bytes]:
    """The files of other people, read once a build."""
    return playground_files.obtain()


def find_files(app: Sphinx, config: Config) -> None:
    """Find out whether Python can be had, once the configuration is known; if not, say so."""
    try:
        config.playground = bool(obtained())
    except UserError as error:
        logger.info("Exercises won't run in the pages, only in notebooks. %s", error)


def exercises(env: BuildEnvironment, page: str) -> Iterator[prelude.Exercise]:
    """The checked exercises of a page; a check of another page's exercise only shows how that is done."""
    if (notebook := gate_by_gate.notebook_of(env, page)) is not None:
        transform = TransformerManager().transform_cell
        cells = [transform(cell.source) for cell in notebook.cells if cell.cell_type == "code"]
        yield from (found for found in prelude.exercises(cells) if found.name.startswith(f"{page}-"))


def mark(app: Sphinx, doctree: nodes.document) -> None:
    """Put an element with an exercise's name and prelude before the cell of its stub."""
    if not app.config.playground:
        return
    cells = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "cell_code"]
    for exercise in exercises(app.env, app.env.docname):
        cell = next(cell for cell in cells if exercise.name in prelude.CHECK.findall(code(cell)))
        data = f'data-exercise="{exercise.name}" data-prelude="{html.escape(exercise.prelude)}"'
        cell.parent.insert(cell.parent.index(cell), nodes.raw("", f"<div hidden {data}></div>", format="html"))


def modules() -> list[Path]:
    """The files of Python that the page needs: what runs a cell, what trains a model, and `companion` as far as these
    and the exercises import it.
    """
    chapters = (path.stem for path in (PACKAGE / "exercises").glob("*.py"))
    exercises = (f"companion.exercises.{name}" for name in chapters if name != "__init__")
    files = closure(*exercises, "companion.chapters.build")
    return [*RUNNERS, *(path for path in files if path.suffix == ".py")]


def copy_files(app: Sphinx, error: Exception | None) -> None:
    """Put Python, the editor and the modules next to the pages."""
    if not error and app.builder.format == "html" and app.config.playground:
        ours = {playground_files.COMPANION: playground_files.packed(modules())}
        playground_files.write(Path(app.outdir) / FOLDER, obtained() | ours)


def setup(app: Sphinx) -> dict:
    app.add_config_value("playground", False, "env")
    app.connect("config-inited", find_files)
    app.connect("doctree-read", mark)
    app.connect("build-finished", copy_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
