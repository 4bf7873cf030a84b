"""How pages are called and found, and what they load.

A chapter's heading is a question; its title in the table of contents (``_toc.yml``) adds the topic, and its place there
gives it a number. This longer title is shown wherever a page is chosen from others: in the sidebar, in search results,
in the links to the pages before and after it, in the browser's tab.
"""

import html
import re
from pathlib import Path
from typing import Any

import preview
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

LONGEST = 200  # characters of a page's description
FONT_AWESOME = re.compile(r"\s*(?:<!--[^>]*custom icons[^>]*-->\s*)?<script[^>]*fontawesome\.js[^>]*></script>")
BLOCKING = re.compile(r'<script (src="[^"]*(?:searchtools|language_data|searchindex)\.js[^"]*")>')
# Of the bibliography: deprecated, or a list whose entries aren't its items.
ROLES = re.compile(r' role="doc-biblioentry"| role="list"(?= class="citation-list")')
# What marks the pages that need a script or style of ours; jupyter-book would have every page load all of them.
PARTS = {
    "gate-explorer": 'class="gate-explorer',
    "playground": "data-exercise=",
    "questions": 'class="questions"',
    "tinted": 'class="tinted"',
    "train-here": 'class="train-here"',
}
DOWNLOADS = {
    "download-notebook-button": "Notebook with its outputs (.ipynb)",
    "download-source-button": "Text and code (.md)",
    "download-pdf-button": "Print, or save as PDF",
}
SPACE_AFTER_SIGN = re.compile(r"(?<=±)\s(?=\d|\Z)")


def chapters(config: Config) -> dict[str, int]:
    """The number of each chapter: its place in the table of contents, without the last part."""
    site = config.external_site_map
    parts = [part.files() for part in site.root.subtrees]
    return {page: number for number, page in enumerate((page for part in parts[:-1] for page in part), start=1)}


def titles(app: Sphinx) -> dict[str, str]:
    """What each page is called where it is chosen from others."""
    site = app.config.external_site_map
    return {page: site[page].title for page in site if site[page].title}


def number_chapters(app: Sphinx, config: Config) -> None:
    """Write the numbers before the titles."""
    for page, number in chapters(config).items():
        document = config.external_site_map[page]
        document.title = f"{number}\N{EN SPACE}{document.title}"


def name_pages(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: nodes.document | None) -> None:
    """Give a page and its neighbours their titles, and the page its description."""
    names = titles(app)
    if pagename == app.config.root_doc:
        context["title"], context["docstitle"] = app.config.promise, ""
    else:
        context["title"] = names.get(pagename, context.get("title", ""))
    relations = app.builder.relations.get(pagename, (None, None, None))  # type: ignore[attr-defined]
    for link, neighbour in zip(("prev", "next"), relations[1:], strict=True):
        if context.get(link) and neighbour in names:
            context[link] = context[link] | {"title": names[neighbour]}
    if number := chapters(app.config).get(pagename):
        context["body"] = f'<p class="chapter-number">Chapter {number}</p>\n{context["body"]}'
    if "body" in context:
        context["body"] = ROLES.sub("", context["body"])
    if doctree is not None:
        file = f"_static/{preview.NAME}"  # with the book's address, if it is configured: many sites ask for it
        picture = f"{base}/{file}" if (base := app.config.html_baseurl.rstrip("/")) else context["pathto"](file, 1)
        context["metatags"] = context.get("metatags", "") + described(context["title"], description(doctree), picture)


def description(doctree: nodes.document) -> str:
    """The first sentences of a page, as plain text."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if len(text) > LONGEST // 3 and not paragraph.next_node(nodes.math):
            return text if len(text) <= LONGEST else text[:LONGEST].rpartition(" ")[0] + " …"
    return ""


def described(title: str, text: str, picture: str) -> str:
    """What search engines and the preview of a link show of a page."""
    names = {"og:type": "book", "og:title": title, "og:description": text, "og:image": picture}
    lines = [f'<meta name="description" content="{html.escape(text)}">'] if text else []
    lines += [f'<meta property="{name}" content="{html.escape(value)}">' for name, value in names.items() if value]
    return "\n".join(lines) + "\n"


def lighter(head: str) -> str:
    """A page's head without the script that draws icons (its font draws them too); the search index blocks nothing."""
    return BLOCKING.sub(r"<script defer \1>", FONT_AWESOME.sub("", head))


def name_downloads(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Say in words what each entry of the download menu gives."""
    for group in context["header_buttons"]:
        for button in group.get("buttons", []):
            button["text"] = button["tooltip"] = DOWNLOADS.get(button["label"], button["text"])


def leave_out_mathjax(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Have only pages with formulas of their own load MathJax; Sphinx counts those of the pages that they list too."""
    if not app.env.get_domain("math").data["has_equations"].get(pagename):
        context["script_files"] = [file for file in context["script_files"] if not is_mathjax(file)]


def leave_out_parts(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Have a page load only those of our scripts and styles that it needs."""
    unneeded = {name for name, mark in PARTS.items() if mark not in context.get("body", "")}
    for files in ("script_files", "css_files"):
        context[files] = [file for file in context[files] if Path(str(file.filename or "")).stem not in unneeded]


def is_mathjax(file: Any) -> bool:
    """Whether an entry of a page's scripts is MathJax or its settings."""
    return "mathjax" in f"{file.filename or ''}{file.attributes.get('body', '')}".lower()


def prepare(app: Sphinx) -> None:
    """Give templates the filter `lighter`, and the search index the pages' titles."""
    if app.builder.format != "html":
        return
    app.builder.templates.environment.filters["lighter"] = lighter
    index_page, names = app.builder.index_page, titles(app)  # type: ignore[attr-defined]

    def index(page: str, doctree: nodes.document, title: str) -> None:
        index_page(page, doctree, names.get(page, title))

    app.builder.index_page = index  # type: ignore[attr-defined]


def keep_together(app: Sphinx, doctree: nodes.document) -> None:
    """Let no line end between ± and its number, or between a formula and the mark after it."""
    for text in list(doctree.findall(nodes.Text)):
        if not isinstance(text.parent, nodes.literal | nodes.literal_block | nodes.raw) and "±" in text:
            text.parent.replace(text, nodes.Text(SPACE_AFTER_SIGN.sub("\N{NO-BREAK SPACE}", text)))
    for formula in list(doctree.findall(nodes.math)):
        after = formula.next_node(descend=False, siblings=True)
        if isinstance(after, nodes.Text) and (mark := re.match(r"[.,;:!?)’”]+", after)):
            rest = nodes.Text(after[mark.end() :])
            together = nodes.inline("", "", formula.deepcopy(), nodes.Text(mark[0]), classes=["together"])
            formula.parent.replace(after, rest)
            formula.replace_self(together)


def draw_preview(app: Sphinx, error: Exception | None) -> None:
    """Draw the picture that a link to the book shows."""
    if not error and app.builder.format == "html":
        title, _, promise = app.config.promise.partition(": ")
        preview.draw(Path(app.outdir) / "_static" / preview.NAME, title, promise)


def setup(app: Sphinx) -> dict:
    app.add_config_value("promise", "", "html")  # the title of the first page
    app.connect("config-inited", number_chapters, priority=950)  # after sphinx_external_toc has read the file
    app.connect("builder-inited", prepare)
    app.connect("doctree-read", keep_together)
    app.connect("html-page-context", name_pages)
    app.connect("build-finished", draw_preview)
    app.connect("html-page-context", name_downloads, priority=502)  # after the theme has made the buttons
    app.connect("html-page-context", leave_out_parts, priority=900)
    app.connect("html-page-context", leave_out_mathjax, priority=900)  # after sphinx.ext.mathjax has added it
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
