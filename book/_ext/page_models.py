r"""Models that run in the pages: a directive for each widget, and the weights as scripts.

::

    ```{page-model} write-on
    :beginning: "**ROMEO**  \n"

    What a reader sees before the first click, and without JavaScript.
    ```

The widgets are plain JavaScript in ``book/_static/models/``. A page that has one loads ``page-models.js``, a few
kilobytes. The widget's code and the weights of its models are loaded at the reader's first click. They are scripts, and
not files to be fetched, so that they also work where pages are opened from a folder. A network's script has the bytes
of its ``model.safetensors`` as they are, in 8 or 16 bits a weight, so that a widget writes what the companion writes
with the same seed. They are in base64, which makes them a third larger.
"""

import base64
import hashlib
import html
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from companion.chapters.tokens import bilingual
from companion.closure import closure, fingerprint
from companion.corpora import load_corpus
from companion.ngrams import NGramModel
from companion.recipes import SHIPPED, load_recipe
from companion.recipes.weights import read_header
from companion.tokenizers import SPECIALS, UNKNOWN_NAME, BPETokenizer, CharTokenizer, WordTokenizer

FOLDER = "models"  # of the widgets' code, in book/_static, and of all they load, in the pages' _static
LOADER, STYLE = f"{FOLDER}/page-models.js", f"{FOLDER}/page-models.css"
COUNTS = "shakespeare-6gram"
WORDS, MERGES, CHINESE_MERGES = 10_000, 2_000, 150  # of the chapter *tokens*
LARGE = 255  # in the place of a count that doesn't fit into a byte

# -- the models as scripts ---------------------------------------------------------------------------------------------


def script(name: str, content: dict[str, Any]) -> str:
    """A script that registers a model with ``page-models.js``."""
    return f"pageModels.register({json.dumps(name)}, {json.dumps(content, separators=(',', ':'))});\n"


def network_script(name: str, folder: Path) -> str:
    """The script of a network: its kind, sizes and tokens, and its weights as they are in the folder."""
    description = json.loads((folder / "model.json").read_text("utf-8"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    path = folder / "model.safetensors"
    described = read_header(path)
    size = max(stored.end for stored in described.values())
    data = path.read_bytes()[-size:]
    content = {"kind": description["kind"], "sizes": description["model"]}
    if tokenizer["kind"] == "char":
        content["tokens"] = [UNKNOWN_NAME, *tokenizer["tokens"]]
    else:
        content |= {side: [*SPECIALS, *tokenizer[side]] for side in ("source", "target")}
    arrays = {array: [stored.dtype, stored.start, stored.end] for array, stored in described.items()}
    return script(name, content | {"arrays": arrays, "data": base64.b64encode(data).decode()})


def counts_script(name: str, model: NGramModel, tokens: Sequence[str]) -> str:
    """The script of an n-gram model: its counts, level by level, a byte each for token, count and followers."""
    tables, levels = model.tables, []
    for table, longer in zip(tables, [*tables[1:], None], strict=True):
        contexts = np.array([], int) if longer is None else longer.contexts
        followers = np.bincount(contexts, minlength=len(table.tokens) if longer else 0)
        large = table.counts[table.counts >= LARGE]
        arrays = {
            "tokens": table.tokens.astype(np.uint8),
            "counts": np.minimum(table.counts, LARGE).astype(np.uint8),
            "large": large.astype("<u4"),
            "followers": followers.astype(np.uint8),
        }
        packed = {key: base64.b64encode(array.tobytes()).decode() for key, array in arrays.items()}
        levels.append({**packed, "discounts": table.discounts.tolist()})
    sizes = {"order": model.order, "vocab_size": model.vocab_size}
    return script(name, {"kind": "n-gram model", "sizes": sizes, "tokens": list(tokens), "levels": levels})


def vocabularies_script() -> str:
    """The script of the tokenizers of the chapter *tokens*: characters and words, and the merges of both languages."""
    training, *_ = load_corpus("shakespeare").split()
    (_, chinese), _ = bilingual()
    learnt = {"32 plays": (training, MERGES), "18 Chinese sentences": (chinese, CHINESE_MERGES)}
    merges = {name: BPETokenizer.train(text, 256 + number).merges for name, (text, number) in learnt.items()}
    content = {
        "characters": CharTokenizer.train(training).tokens[1:],
        "words": WordTokenizer.train(training, WORDS).tokens[1:],
        "merges": {name: [" ".join(pair) for pair in pairs] for name, pairs in merges.items()},
    }
    return script("vocabularies", content)


def model_script(name: str) -> str:
    """The script of one of the book's models, or of its tokenizers."""
    if name == "vocabularies":
        return vocabularies_script()
    if name == COUNTS:
        counted = load_recipe(name)
        return counts_script(name, counted.model, counted.text_tokenizer.tokens)
    return network_script(name, SHIPPED / name)


def model_key(name: str) -> str:
    """A hash of all that a model's script depends on."""
    modules = {
        COUNTS: ["companion.recipes.loading"],
        "vocabularies": ["companion.corpora", "companion.tokenizers", "companion.chapters.tokens"],
    }
    files = closure(*modules[name]) if name in modules else (SHIPPED / name).iterdir()
    return fingerprint([*files, Path(__file__)], base=Path(__file__).resolve().parents[2])


# -- the widgets -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Widget:
    """What a kind of widget needs: scripts in ``book/_static/models/``, models, and the name of its button.

    ``options`` are those of the directive, and functions that check them.
    """

    button: str
    code: tuple[str, ...]
    models: tuple[str, ...]
    options: dict[str, Callable[[str], Any]]


BASICS = ("widgets.css", "controls.js")
READERS = ("arrays", "lstm", "tokenizers", "sampling")
WIDGETS = {
    "write-on": Widget(
        "Write in this page",
        (*READERS, "random", "write-on"),
        ("shakespeare-chars",),
        {"beginning": str, "temperature": float, "seed": directives.nonnegative_int},
    ),
    "three-readers": Widget(
        "Read my sentence",
        (*READERS, "transformer", "counts", "three-readers"),
        (COUNTS, "shakespeare-chars", "shakespeare-transformer"),
        {"sentence": str},
    ),
    "memory": Widget("Read my text", (*READERS, "memory"), ("shakespeare-chars",), {}),
    "cut": Widget("Cut my text", ("tokenizers", "cut"), ("vocabularies",), {"text": str}),
    "date": Widget("Translate my date", ("arrays", "lstm", "encoder-decoder", "date"), ("dates",), {"date": str}),
    "heads": Widget(
        "Look through its heads", (*READERS, "transformer", "heads"), ("shakespeare-transformer",), {"text": str}
    ),
}
MODELS = sorted({model for widget in WIDGETS.values() for model in widget.models})
ON_PAGE = "widgets"  # an entry in a page's metadata


class page_model(nodes.General, nodes.Element):
    """A widget; its children are what is seen before it is started."""


class PageModel(SphinxDirective):
    """``{page-model} KIND``, with the options of that kind of widget."""

    required_arguments = 1
    has_content = True
    option_spec = {key: check for widget in WIDGETS.values() for key, check in widget.options.items()}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Parse what is seen before the widget is started."""
        kind = self.arguments[0]
        if kind not in WIDGETS:
            raise self.error(f"There is no widget {kind!r}; there are {', '.join(WIDGETS)}.")
        if wrong := self.options.keys() - WIDGETS[kind].options.keys():
            raise self.error(f"The widget {kind} has no option {min(wrong)!r}.")
        node = page_model(kind=kind, options=self.options)
        self.env.metadata[self.env.docname].setdefault(ON_PAGE, []).append(kind)
        self.state.nested_parse(self.content, self.content_offset, node)
        return [node]


def element(kind: str, options: dict[str, Any], files: dict[str, tuple[str, int]]) -> tuple[str, str]:
    """The element of a widget, before and after what is seen until it is started.

    Parameters
    ----------
    kind, options
        Of the directive.
    files
        For each file that is loaded, a hash and the number of bytes.
    """
    widget = WIDGETS[kind]
    needed = [*BASICS, *(f"{name}.js" for name in (*widget.code, *widget.models))]
    versions = [f"{name}?v={files[name][0]}" for name in needed]
    size = f"{sum(files[name][1] for name in needed) / 1e6:.1f} MB"
    data = {"kind": kind, "files": json.dumps(versions), "options": json.dumps(options)}
    attributes = " ".join(f'data-{name}="{html.escape(value)}"' for name, value in data.items())
    return (
        f'<div class="page-model" {attributes}>\n<div class="still">\n',
        f'</div>\n<p class="offer"><button type="button" class="main">{widget.button}</button>\n'
        f'<span role="status">Loads {size}, once. What you type stays in your browser.</span></p>\n'
        '<p class="unscripted">It needs JavaScript.</p>\n</div>\n',
    )


def write_models(folder: Path, names: Iterable[str]) -> None:
    """Write the scripts of some models into a folder, those alone that it lacks or that have changed; remove others."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {name: folder / f"{name}-{model_key(name)}.js" for name in names}
    for stale in set(folder.iterdir()) - set(wanted.values()):
        stale.unlink()
    for name, path in wanted.items():
        if not path.exists():
            path.write_text(model_script(name), encoding="utf-8")


def described_files(code: Path, models: Path) -> dict[str, tuple[str, int]]:
    """For each file of the widgets' code and each model that `write_models` wrote, a hash and the number of bytes."""
    files = {path.name: path for path in code.iterdir()}
    files |= {f"{path.stem.rpartition('-')[0]}.js": path for path in models.glob("*.js")}
    contents = {name: path.read_bytes() for name, path in files.items()}
    return {name: (hashlib.sha256(data).hexdigest()[:8], len(data)) for name, data in contents.items()}


# -- Sphinx ------------------------------------------------------------------------------------------------------------


def models_folder(app: Sphinx) -> Path:
    """Where the scripts of the models are kept from build to build."""
    return Path(app.outdir).parent / ".page_models"


def keep_off_other_pages(app: Sphinx, config: Config) -> None:
    """Take what belongs to widgets out of the scripts and styles of all pages, where jupyter-book puts it."""
    for files in (config.html_js_files, config.html_css_files):
        files[:] = [file for file in files if not str(file).startswith(f"{FOLDER}/")]


def make_models(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Write the models of the pages' widgets; return the pages to be written, which name what has changed."""
    pages = {page: kinds for page in env.found_docs if (kinds := env.metadata.get(page, {}).get(ON_PAGE))}
    needed = {model for kinds in pages.values() for kind in kinds for model in WIDGETS[kind].models}
    write_models(models_folder(app), sorted(needed))
    before = getattr(env, "page_model_files", None)
    env.page_model_files = described_files(Path(app.srcdir) / "_static" / FOLDER, models_folder(app))  # type: ignore[attr-defined]
    return [] if env.page_model_files == before else list(pages)  # type: ignore[attr-defined]


def load_on_page(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Have the pages with widgets load what starts them."""
    if doctree is not None and doctree.next_node(page_model):
        app.add_js_file(LOADER, loading_method="defer")
        app.add_css_file(STYLE)


def copy_models(app: Sphinx, error: Exception | None) -> None:
    """Copy the models into the pages."""
    if not error and app.builder.format == "html":
        for path in models_folder(app).glob("*.js"):
            name = path.stem.rpartition("-")[0]
            shutil.copyfile(path, Path(app.outdir) / "_static" / FOLDER / f"{name}.js")


def visit(translator: Any, node: page_model) -> None:
    translator.body.append(element(node["kind"], node["options"], translator.builder.env.page_model_files)[0])


def depart(translator: Any, node: page_model) -> None:
    translator.body.append(element(node["kind"], node["options"], translator.builder.env.page_model_files)[1])


def setup(app: Sphinx) -> dict:
    app.add_node(page_model, html=(visit, depart))
    app.add_directive("page-model", PageModel)
    app.connect("config-inited", keep_off_other_pages, priority=100)  # before Sphinx converts these lists
    app.connect("env-updated", make_models)
    app.connect("html-page-context", load_on_page)
    app.connect("build-finished", copy_models)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
