"""What the book adds to Sphinx: an execution cache that does not lie, MathJax and notebooks in the pages."""

import functools
import hashlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path

import nbformat
from execution import ENVIRONMENT, execute
from jupyter_cache import get_cache
from jupyter_cache.base import CacheBundleIn
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from nbformat import NotebookNode
from notebooks import Chapter
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

ROOT = Path(__file__).resolve().parents[2]
logger = logging.getLogger(__name__)

# Of MathJax's 24 MB: what renders TeX, the TeX packages it loads when a formula asks for one, English speech.
MATHJAX = [
    "tex-chtml.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "input/tex/extensions/*.js",
    "a11y/*.js",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
]


def hash_of(paths: Iterable[Path], *more: str) -> str:
    """A short hash of the files among some paths, by name and content."""
    digest = hashlib.sha256(repr(more).encode())
    for path in sorted(path for path in paths if path.is_file() and "__pycache__" not in path.parts):
        digest.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def place_cache(app: Sphinx, config: Config) -> None:
    """Keep executed notebooks under a key of all that an output depends on beside the cells, which is their own key.

    That is the companion, the benchmarks' results, the pinned versions and Python's own. The place is part of the
    configuration, so that Sphinx reads every page anew when it changes; so it does for the table of contents and the
    static files.
    """
    read = [*(ROOT / "companion").rglob("*"), *(ROOT / "benchmarks" / "results").rglob("*")]
    key = hash_of([ROOT / "requirements.lock", *read], sys.version, str(ENVIRONMENT))
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache" / key)
    config.book_settings = hash_of([ROOT / "book" / "_toc.yml", *(ROOT / "book" / "_static").rglob("*")])


def is_notebook(app: Sphinx, page: str) -> bool:
    """Whether the page holds cells."""
    return "kernelspec" in app.env.metadata.get(page, {})


def offer_notebook(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Put the executed notebook into the page's download menu."""
    if is_notebook(app, pagename):
        context["ipynb_source"] = f"{pagename}.ipynb"


def notebook_of(env: BuildEnvironment, page: str) -> NotebookNode | None:
    """A page's cells, without outputs; none if the page is plain Markdown."""
    text = Path(env.doc2path(page)).read_text(encoding="utf-8")
    if not is_myst_markdown_notebook(text):
        return None
    return read_myst_markdown_notebook(text, env.myst_config, add_source_map=False)  # type: ignore[attr-defined]


def executed_notebook(env: BuildEnvironment, page: str) -> NotebookNode | None:
    """A page's notebook with every output of its execution; none if a cell failed, or the page changed since.

    What myst-nb itself leaves lacks the glued outputs and, where it took them from the cache, all of them.
    """
    notebook = notebook_of(env, page)
    if notebook is None:
        return None
    try:
        return get_cache(env.config.nb_execution_cache_path).merge_match_into_notebook(notebook, cell_meta=())[1]
    except KeyError:
        return None


def execute_side_by_side(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Fill the cache before the pages are read: myst-nb would execute them one after the other.

    A notebook with a cell that fails is not kept; myst-nb comes upon it when it reads the page, and reports it.
    """
    cache = get_cache(app.config.nb_execution_cache_path)
    missing = []
    for page in pages:
        notebook = notebook_of(env, page)
        if notebook is not None and executed_notebook(env, page) is None:
            missing.append((Path(env.doc2path(page)), notebook))
    if len(missing) < 2:
        return
    for path, result in execute(missing, app.config.nb_execution_timeout):
        if result.err is None:
            bundle = CacheBundleIn(result.nb, str(path), data={"execution_seconds": result.time})
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        logger.info("%s: %s in %.0f seconds", path.stem, "failed" if result.err else "executed", result.time)


def write_notebooks(app: Sphinx) -> None:
    """Keep the executed notebooks in jupyter_execute, for nbval, and offer them with the pages in plain Markdown."""
    folders = Path(app.outdir).parent / "jupyter_execute", Path(app.outdir) / "_sources"
    for folder in folders:
        for stale in folder.glob("*.ipynb"):
            stale.unlink()
    for page in sorted(filter(functools.partial(is_notebook, app), app.env.found_docs)):
        executed = executed_notebook(app.env, page)
        if executed is None:
            logger.warning("%s has no executed notebook: a cell failed, or it changed during the build", page)
            continue
        for folder, notebook in zip(folders, [executed, Chapter(page, executed).write()], strict=True):
            path = folder / f"{page}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, path)


def copy_mathjax(app: Sphinx) -> None:
    """Copy what the pages need of MathJax."""
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    assert package and package.origin, "sphinx-mathjax-offline is pinned in requirements.lock"
    source = Path(package.origin).parent / "static" / "mathjax"
    for pattern in MATHJAX:
        for file in source.glob(pattern):
            target = Path(app.outdir) / "_static" / "mathjax" / file.relative_to(source)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def finish(app: Sphinx, error: Exception | None) -> None:
    """What is left to do when the pages are written."""
    if not error and app.builder.format == "html":
        write_notebooks(app)
        copy_mathjax(app)


def setup(app: Sphinx) -> dict:
    os.environ.update(ENVIRONMENT)
    app.add_config_value("comments_config", {}, "")  # jupyter-book sets it, for an extension we do without
    app.add_config_value("book_settings", "", "env")
    app.connect("config-inited", place_cache)
    app.connect("env-before-read-docs", execute_side_by_side)
    app.connect("html-page-context", offer_notebook)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
