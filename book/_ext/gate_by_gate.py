"""What the book adds to Sphinx: an execution cache that does not lie, MathJax and notebooks in the pages."""

import hashlib
import importlib.util
import shutil
import sys
from pathlib import Path

from jupyter_cache.cache.main import JupyterCacheBase
from sphinx.application import Sphinx
from sphinx.config import Config

ROOT = Path(__file__).resolve().parents[2]

# Of MathJax's 24 MB: what renders TeX, the TeX packages it loads when a formula asks for one, English speech.
MATHJAX = [
    "tex-chtml.js",
    "output/chtml/fonts/woff-v2/*.woff",
    "input/tex/extensions/*.js",
    "a11y/*.js",
    "sre/mathmaps/base.json",
    "sre/mathmaps/en.json",
]


def execution_key(root: Path = ROOT) -> str:
    """A hash of everything a cell's output depends on, beside the cells of its own page.

    That is the companion's files, the pinned versions and Python's own.
    """
    digest = hashlib.sha256(repr(sys.version_info[:3]).encode())
    files = [root / "requirements.lock", *(root / "companion").rglob("*")]
    for path in sorted(path for path in files if path.is_file() and "__pycache__" not in path.parts):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def place_cache(app: Sphinx, config: Config) -> None:
    """Keep executed notebooks under the key; jupyter-cache itself looks at the cells only.

    The place is part of the configuration, so that Sphinx reads every page anew when it changes.
    """
    config.nb_execution_cache_path = str(Path(app.outdir).parent / ".jupyter_cache" / execution_key())


def keep_metadata() -> None:
    """Take outputs from jupyter-cache, but not cell metadata: a changed alt text or tag would be lost."""
    merge = JupyterCacheBase.merge_match_into_notebook

    def merge_outputs(self, nb, **options):
        return merge(self, nb, **{"cell_meta": (), **options})

    JupyterCacheBase.merge_match_into_notebook = merge_outputs


def is_notebook(app: Sphinx, page: str) -> bool:
    """Whether the page holds cells."""
    return "kernelspec" in app.env.metadata.get(page, {})


def offer_notebook(app: Sphinx, pagename: str, templatename: str, context: dict, doctree) -> None:
    """Put the executed notebook into the page's download menu."""
    if is_notebook(app, pagename):
        context["ipynb_source"] = f"{pagename}.ipynb"


def copy_files(app: Sphinx, error: Exception | None) -> None:
    """Copy the executed notebooks and MathJax into the pages."""
    if error or app.builder.format != "html":
        return
    out = Path(app.outdir)
    executed = out.parent / "jupyter_execute"
    for page in app.env.found_docs:
        if is_notebook(app, page):
            target = out / "_sources" / f"{page}.ipynb"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(executed / f"{page}.ipynb", target)

    package = importlib.util.find_spec("sphinx-mathjax-offline")
    assert package and package.origin, "sphinx-mathjax-offline is pinned in requirements.lock"
    source = Path(package.origin).parent / "static" / "mathjax"
    for pattern in MATHJAX:
        for file in source.glob(pattern):
            target = out / "_static" / "mathjax" / file.relative_to(source)
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)


def setup(app: Sphinx) -> dict:
    app.add_config_value("comments_config", {}, "")  # jupyter-book sets it, for an extension we do without
    keep_metadata()
    app.connect("config-inited", place_cache)
    app.connect("html-page-context", offer_notebook)
    app.connect("build-finished", copy_files)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
