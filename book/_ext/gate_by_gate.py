"""What the book adds to Sphinx: an execution cache that is never stale, MathJax, and notebooks in the pages."""

import functools
import importlib.util
import os
import shutil
from pathlib import Path

import nbformat
import outputs
from docutils import nodes
from execution import ENVIRONMENT, execute
from myst_nb.core.read import is_myst_markdown_notebook, read_myst_markdown_notebook
from nbformat import NotebookNode
from notebooks import Chapter
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from companion.closure import fingerprint

ROOT = Path(__file__).resolve().parents[2]
STATE = "outputs_depend_on"  # an entry in a page's metadata
FINISHED = "finished"  # a file that says that the last build wrote all its pages
logger = logging.getLogger(__name__)

# From MathJax's 24 MB: what renders TeX, the TeX packages that a formula may ask for, MathML for screen readers.
MATHJAX = [
    "startup.js",
    "core.js",
    "input/tex.js",
    "input/tex/extensions/*.js",
    "output/chtml.js",
    "output/chtml/fonts/tex.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "a11y/assistive-mml.js",
]


def note_settings(app: Sphinx, config: Config) -> None:
    """Make what all pages depend on a part of the configuration, so that a change has all of them read again."""
    book = ROOT / "book"
    code = [*(book / "_ext").glob("*.py"), *(book / "_templates").rglob("*")]
    files = [book / "_toc.yml", *(book / "_static").rglob("*"), *code]
    config.book_settings = fingerprint(filter(Path.is_file, files), base=ROOT)


def is_notebook(app: Sphinx, page: str) -> bool:
    """Whether the page holds cells."""
    return "kernelspec" in app.env.metadata.get(page, {})


def offer_notebook(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Put the executed notebook into the page's download menu."""
    if is_notebook(app, pagename):
        context["ipynb_source"] = f"{pagename}.ipynb"


def notebook_of(env: BuildEnvironment, page: str) -> NotebookNode | None:
    """A page's cells, without outputs; None if the page is plain Markdown."""
    text = Path(env.doc2path(page)).read_text(encoding="utf-8")
    if not is_myst_markdown_notebook(text):
        return None
    return read_myst_markdown_notebook(text, env.myst_config, add_source_map=False)  # type: ignore[attr-defined]


def key(env: BuildEnvironment, page: str) -> str | None:
    """What a page's outputs depend on, as it is now; None for a page without cells."""
    notebook = notebook_of(env, page)
    return None if notebook is None else outputs.key(notebook)


def cache(app: Sphinx, page: str, state: str | None = None) -> Path:
    """The folder of a page's outputs in a state; by default, the state in which the page was read."""
    chapter = page.replace("/", "-")
    return Path(app.outdir).parent / ".jupyter_cache" / chapter / (state or app.env.metadata[page][STATE])


def is_fresh(app: Sphinx, page: str) -> bool:
    """Whether a page shows what its cells would give now."""
    notebook = notebook_of(app.env, page)
    if notebook is None:
        return True
    is_same = app.env.metadata.get(page, {}).get(STATE) == key(app.env, page)
    return is_same and outputs.find(cache(app, page), notebook) is not None


def changed_pages(app: Sphinx, env: BuildEnvironment, added: set, changed: set, removed: set) -> list[str]:
    """The pages to read again although their text is the same: all of them if the last build was stopped.

    A page that was read before such a build was stopped counts as read, but perhaps was never written.
    """
    finished = Path(app.doctreedir) / FINISHED
    was_finished = finished.exists()
    finished.unlink(missing_ok=True)
    return [page for page in env.found_docs - added - changed if not (was_finished and is_fresh(app, page))]


def execute_side_by_side(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Fill the caches before the pages are read, because myst-nb would execute them one after the other.

    A notebook with a failing cell isn't kept; myst-nb finds it when it reads the page, and reports it.
    """
    missing, states = {}, {}
    for page in pages:
        notebook = notebook_of(env, page)
        if notebook is None:
            continue
        path = Path(env.doc2path(page))
        states[path] = page, outputs.key(notebook)
        if outputs.find(cache(app, *states[path]), notebook) is None:
            missing[path] = notebook
    if len(missing) < 2:
        return
    for path, result in execute(missing.items(), app.config.nb_execution_timeout):
        page, state = states[path]
        if result.err is None and key(env, page) == state:
            outputs.keep(cache(app, page, state), result, path)
        logger.info("%s: %s in %.0f seconds", path.stem, "failed" if result.err else "executed", result.time)


def choose_cache(app: Sphinx, page: str, content: list[str]) -> None:
    """Tell myst-nb, which is about to read a page, where its outputs are kept."""
    if (state := key(app.env, page)) is not None:
        app.env.metadata[page][STATE] = state
        place = cache(app, page)
        outputs.make(place)
        app.env.mystnb_config = app.env.mystnb_config.copy(execution_cache_path=str(place))  # type: ignore[attr-defined]


def check_cache(app: Sphinx, doctree: nodes.document) -> None:
    """Discard a page's outputs if something they depend on changed while the page was read and perhaps executed."""
    page = app.env.docname
    if STATE in app.env.metadata[page] and key(app.env, page) != app.env.metadata[page][STATE]:
        shutil.rmtree(cache(app, page), ignore_errors=True)


def executed_notebook(app: Sphinx, page: str) -> NotebookNode | None:
    """A page's notebook with every output of its execution; None if a cell failed, or the page has changed since.

    The notebook that myst-nb leaves lacks the glued outputs, or all outputs if they came from the cache.
    """
    notebook = notebook_of(app.env, page)
    return None if notebook is None else outputs.find(cache(app, page), notebook)


def write_notebooks(app: Sphinx) -> None:
    """Keep the executed notebooks in jupyter_execute, for nbval, and offer them with the pages in plain Markdown."""
    folders = Path(app.outdir).parent / "jupyter_execute", Path(app.outdir) / "_sources"
    for folder in folders:
        for stale in folder.glob("*.ipynb"):
            stale.unlink()
    pages = sorted(filter(functools.partial(is_notebook, app), app.env.found_docs))
    for page in pages:
        executed = executed_notebook(app, page)
        if executed is None:
            logger.warning("%s has no executed notebook: a cell failed, or it changed during the build", page)
            continue
        for folder, notebook in zip(folders, [executed, Chapter(page, executed).write()], strict=True):
            path = folder / f"{page}.ipynb"
            path.parent.mkdir(parents=True, exist_ok=True)
            nbformat.write(notebook, path)
    outputs.tidy(Path(app.outdir).parent / ".jupyter_cache", [cache(app, page) for page in pages])


def copy_mathjax(app: Sphinx) -> None:
    """Copy the parts of MathJax that the pages need."""
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
    """Write the notebooks and MathJax once the pages are written."""
    if not error and app.builder.format == "html":
        write_notebooks(app)
        copy_mathjax(app)
        (Path(app.doctreedir) / FINISHED).touch()


def setup(app: Sphinx) -> dict:
    os.environ.update(ENVIRONMENT)
    app.add_config_value("comments_config", {}, "")  # jupyter-book sets it for an extension that we don't use
    app.add_config_value("book_settings", "", "env")
    app.connect("config-inited", note_settings)
    app.connect("env-get-outdated", changed_pages)
    app.connect("env-before-read-docs", execute_side_by_side)
    app.connect("source-read", choose_cache)
    app.connect("doctree-read", check_cache)
    app.connect("html-page-context", offer_notebook)
    app.connect("build-finished", finish)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
