"""The glossary, and a quiet link to it from the first use of each term on every page.

``book/glossary.yml`` holds the entries and says how they are written; the page ``book/glossary.md`` shows them with
the directives ``{terms}`` (by the English name) and ``{terms-by-pinyin}``. The links are made while a page is read,
in running text only: never in headings, captions, tables, quotations, formulas, code, exercises or other links. In the
chapter that explains a term, the link is where the term is in italics or bold; elsewhere, or without that, it is at the
first use. Exercises come last. In a Chinese edition the Chinese names are looked for as well, in the translated
text. ``{term}`` works too, with either name.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.domains.std import StandardDomain, make_glossary_term
from sphinx.environment import BuildEnvironment
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective
from sphinx.util.nodes import make_refnode

logger = logging.getLogger(__name__)

KEYS = {"term": str, "zh": str, "pinyin": str, "meaning": str}
MORE_KEYS = {"chapter": str, "also": list, "zh_also": list, "emphasised": bool | list, "pages": list}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
# Blocks whose text isn't running text. Headings and captions aren't paragraphs, so they need no mention.
ASIDE = (nodes.block_quote, nodes.table, nodes.topic, nodes.footnote, addnodes.glossary)
EXERCISES = {"exercise_node", "exercise_enumerable_node", "exercise_unenumerable_node", "solution_node"}
WORDS = {"en": ("Explained in ", "; first used in ", "."), "zh": ("讲解：", "；首次出现：", "。")}


@dataclass(frozen=True)
class Entry:
    """A term; ``also`` and ``zh_also`` are other forms that the text may have, ``pages`` the only pages to look at.

    ``emphasised`` says whether the term counts only in italics or bold, or lists the forms for which this holds.
    """

    term: str
    zh: str
    pinyin: str
    meaning: str
    chapter: str = ""
    also: tuple[str, ...] = ()
    zh_also: tuple[str, ...] = ()
    emphasised: bool | tuple[str, ...] = False
    pages: tuple[str, ...] = ()

    def forms(self, chinese: bool) -> list[str]:
        """What to look for in a text: the term without its bracket, and the other forms."""
        names = [self.term, *self.also, *([self.zh, *self.zh_also] if chinese else [])]
        return [re.sub(r"\s*[(（].*[)）]$", "", name) for name in names]

    def needs_emphasis(self, form: str) -> bool:
        return form in self.emphasised if isinstance(self.emphasised, tuple) else self.emphasised

    def sort_key(self, chinese: bool) -> str:
        """By the English name, or by pinyin without tones."""
        name = self.pinyin if chinese else self.term
        return unicodedata.normalize("NFD", name).encode("ascii", "ignore").decode().casefold()


# -- the entries ---------------------------------------------------------------------------------------------


def problem(raw: Any) -> str:
    """What is wrong with an entry of the file; empty if nothing is."""
    if not isinstance(raw, dict):
        return "an entry is a mapping with term, zh, pinyin and meaning"
    allowed: dict[str, Any] = KEYS | MORE_KEYS
    if unknown := raw.keys() - allowed.keys():
        return f"it has the unknown key {min(map(str, unknown))!r}; there are {', '.join(allowed)}"
    if missing := [key for key in KEYS if not raw.get(key)]:
        return f"{missing[0]!r} is missing"
    if wrong := [key for key in raw if not isinstance(raw[key], allowed[key])]:
        return f"{wrong[0]!r} should be a {getattr(allowed[wrong[0]], '__name__', 'bool or list')}"
    if isinstance(only := raw.get("emphasised"), list) and (strange := set(only) - {raw["term"], *raw.get("also", [])}):
        return f"'emphasised' has {min(strange)!r}, which is neither the term nor under 'also'"
    if not CHINESE.search(raw["zh"]):
        return f"'zh' has no Chinese character: {raw['zh']!r}"
    if not raw["meaning"].rstrip().endswith("."):
        return "'meaning' should be sentences and end with a full stop"
    return ""


def entries_of(raws: Iterable[Any]) -> tuple[list[Entry], list[str]]:
    """The valid entries of a glossary, and a sentence about each of the others."""
    entries: list[Entry] = []
    problems: list[str] = []
    taken: set[str] = set()
    claimed: set[tuple[str, str]] = set()
    for number, raw in enumerate(raws, 1):
        name = f"entry {number}" + (f" ({raw.get('term')})" if isinstance(raw, dict) else "")
        if trouble := problem(raw):
            problems.append(f"{name}: {trouble}")
            continue
        values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
        entry = Entry(**values)
        names = {entry.term.casefold(), entry.zh}
        claims = {(form.casefold(), page) for form in entry.forms(True) for page in entry.pages or ("",)}
        if names & taken:
            problems.append(f"{name}: another entry already has the name {min(names & taken)!r}")
        elif claims & claimed:
            form, page = min(claims & claimed)
            problems.append(f"{name}: another entry already has the form {form!r}{page and f' on page {page!r}'}")
        else:
            entries.append(entry)
            taken |= names
            claimed |= claims
    return entries, problems


def read_entries(app: Sphinx, config: Config) -> None:
    """Make the entries part of the configuration, so that Sphinx reads every page again when they change."""
    path = Path(app.srcdir) / "glossary.yml"
    raws = yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else []
    config.glossary_entries = raws or []


def check_entries(app: Sphinx) -> None:
    """Warn about invalid entries."""
    for text in entries_of(app.config.glossary_entries)[1]:
        logger.warning("glossary.yml: %s", text, type="glossary")


def is_chinese(config: Config) -> bool:
    return (config.language or "").startswith("zh")


# -- finding first uses --------------------------------------------------------------------------------------


class Finder:
    """Finds the terms on one page."""

    def __init__(self, entries: Iterable[Entry], page: str, chinese: bool = False):
        forms: dict[str, Entry | None] = {}
        for entry in sorted(entries, key=lambda entry: bool(entry.pages)):  # an entry that names the page wins
            is_here = page in (entry.pages or (page,))
            forms |= {form: entry if is_here else forms.get(form) for form in entry.forms(chinese)}
        self.forms = {form: forms[form] for form in sorted(forms, key=lambda form: (-len(form), form))}
        self.any_form = any_of(tuple(self.forms))

    def _form(self, found: str) -> str:
        return next(form for form in self.forms if any_of((form,)).fullmatch(found))

    def whole(self, text: str) -> Entry | None:
        """The entry that an emphasised text names, perhaps with an article or a full stop."""
        name = re.sub(r"^(an?|the) ", "", text.strip(" .:"), flags=re.IGNORECASE)
        return self.forms[self._form(name)] if self.any_form.fullmatch(name) else None

    def within(self, text: str) -> Iterator[tuple[int, int, Entry]]:
        """The places of terms in a text that need no emphasis; of overlapping terms the longest."""
        for match in self.any_form.finditer(text):
            form = self._form(match[0])
            if (entry := self.forms[form]) and not entry.needs_emphasis(form):
                yield match.start(), match.end(), entry


@functools.cache
def any_of(forms: tuple[str, ...]) -> re.Pattern[str]:
    """A pattern that finds any of some forms, earlier ones first; Chinese has no gaps between words.

    Each alternative begins with a letter, so that most of them cost nothing at most places.
    """
    english = "|".join(pattern(form) for form in forms if not CHINESE.search(form)) or "(?!)"
    chinese = "|".join(re.escape(form) for form in forms if CHINESE.search(form)) or "(?!)"
    return re.compile(rf"(?<![A-Za-z0-9-])(?:{english})(?![A-Za-z0-9-])|{chinese}")


def pattern(form: str) -> str:
    """A form and its plural, over line breaks and hyphens, perhaps at the beginning of a sentence."""
    words = r"[\s-]+".join(re.escape(word) for word in re.split(r"[\s-]+", form)).replace("'", "['’]")
    words = f"[{form[0]}{form[0].upper()}]{words[1:]}" if form[0].islower() else words
    return f"{words[:-1]}(?:y|ies)" if re.search("[^aeiou]y$", form) else f"{words}(?:s|es)?"


def running_text(doctree: nodes.document, exercises: bool = False) -> Iterator[nodes.Text]:
    """The pieces of running text of a page (or of its exercises): plain ones, and those emphasised as a whole."""
    for paragraph in doctree.findall(nodes.paragraph):
        above, aside, exercise = paragraph.parent, False, False
        while above is not None and not aside:
            aside = isinstance(above, ASIDE)
            exercise = exercise or type(above).__name__ in EXERCISES
            above = above.parent
        if not aside and exercise == exercises:
            join_lines(paragraph)
            for child in list(paragraph.children):
                if is_emphasis(child):
                    join_lines(child)
                if isinstance(child, nodes.Text):
                    yield child
                elif is_emphasis(child) and len(child.children) == 1 and isinstance(child[0], nodes.Text):
                    yield child[0]


def join_lines(element: nodes.Element) -> None:
    """Join adjacent texts into one, because a line break may be within a term."""
    children: list[nodes.Node] = []
    for child in element.children:
        if children and isinstance(child, nodes.Text) and isinstance(children[-1], nodes.Text):
            child = nodes.Text(children.pop() + child)
        children.append(child)
    element[:] = children


def is_emphasis(node: nodes.Node) -> bool:
    return isinstance(node, nodes.emphasis | nodes.strong)


def link_node(entry: Entry, page: str, content: nodes.TextElement) -> addnodes.pending_xref:
    """A placeholder that ``resolve`` turns into a link when all pages are read."""
    options = {"refdomain": "", "reftype": "glossary-term", "reftarget": entry.term, "refdoc": page}
    return addnodes.pending_xref("", content, refexplicit=False, refwarn=False, **options)


def link_page(doctree: nodes.document, entries: Iterable[Entry], page: str, chinese: bool = False) -> list[str]:
    """Link the first use of each term on a page; return the linked terms."""
    finder, linked = Finder(entries, page, chinese), set()
    texts, exercises = list(running_text(doctree)), list(running_text(doctree, exercises=True))
    # First the definitions: in the chapter that explains a term, where it is in italics or bold. Exercises come last.
    for definitions, there in ((True, texts), (False, texts), (True, exercises)):
        for text in there:
            if is_emphasis(emphasis := text.parent):
                entry = finder.whole(text.astext())
                if entry and entry.term not in linked and (not definitions or page == entry.chapter):
                    linked.add(entry.term)
                    emphasis.parent.replace(emphasis, link_node(entry, page, emphasis.deepcopy()))
            elif not definitions:
                link_within(text, finder, page, linked)
    return sorted(linked)


def link_within(text: nodes.Text, finder: Finder, page: str, linked: set[str]) -> None:
    """Link the terms of a plain text that haven't been linked yet."""
    string, end, pieces = text.astext(), 0, []
    for start, stop, entry in finder.within(string):
        if entry.term not in linked:
            linked.add(entry.term)
            pieces += [nodes.Text(string[end:start]), link_node(entry, page, nodes.inline("", string[start:stop]))]
            end = stop
    if pieces:
        text.parent.replace(text, [piece for piece in [*pieces, nodes.Text(string[end:])] if piece.astext()])


# -- the page ------------------------------------------------------------------------------------------------


def name_nodes(entry: Entry, chinese: bool) -> list[nodes.Node]:
    """Both names, that of the edition's language first; the Chinese one is marked as Chinese."""
    others = f" ({'、'.join(entry.zh_also)})" if entry.zh_also else ""
    zh = nodes.inline("", entry.zh + others, classes=["language-zh", "glossary-zh"])
    return [zh, nodes.Text(f" {entry.term}")] if chinese else [nodes.Text(f"{entry.term} "), zh]


class Terms(SphinxDirective):
    """The entries, each with its meaning and the chapters in which it occurs."""

    def run(self) -> list[nodes.Node]:
        chinese, env = is_chinese(self.config), self.env
        env.glossary_page = env.docname  # type: ignore[attr-defined]
        std = cast(StandardDomain, env.get_domain("std"))
        items = nodes.definition_list(classes=["glossary", "simple"])
        source, line = self.get_source_info()
        entries = entries_of(self.config.glossary_entries)[0]
        firsts: dict[str, str] = {}
        for entry in sorted(entries, key=lambda entry: entry.sort_key(chinese)):
            term = make_glossary_term(env, [nodes.Text(entry.term)], None, source, line, None, self.state.document)
            std.note_object("term", entry.zh, term["ids"][0], location=term)
            term.source = None  # nothing here to translate
            term[:1] = name_nodes(entry, chinese)
            meaning = nodes.definition("")
            self.state.nested_parse([entry.meaning], self.content_offset, meaning)
            meaning[0]["classes"].append("glossary-meaning")
            meaning[0]["term"] = entry.term
            meaning += nodes.paragraph("", "", classes=["glossary-where"], term=entry.term, chapter=entry.chapter)
            letter = entry.sort_key(chinese)[:1].upper()
            firsts.setdefault(letter, term["ids"][0])
            items += nodes.definition_list_item("", term, meaning)
        return [letters(firsts), addnodes.glossary("", items, sorted=False)]


def letters(firsts: dict[str, str]) -> nodes.paragraph:
    """A row of letters, each a link to the first term that begins with it."""
    row = nodes.paragraph(classes=["glossary-letters"])
    for letter, anchor in firsts.items():
        row += [nodes.reference("", letter, refid=anchor), nodes.Text(" ")]
    return row


class TermsByPinyin(SphinxDirective):
    """A table of Chinese names in the order of a Chinese dictionary, with the English ones."""

    def run(self) -> list[nodes.Node]:
        group = nodes.tgroup("", *[nodes.colspec(colwidth=1) for _ in range(3)], cols=3)
        body = nodes.tbody()
        for entry in sorted(entries_of(self.config.glossary_entries)[0], key=lambda entry: entry.sort_key(True)):
            link = link_node(entry, self.env.docname, nodes.inline("", entry.term))
            cells = [nodes.inline("", entry.zh, classes=["language-zh"]), nodes.Text(entry.pinyin), link]
            body += nodes.row("", *[nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells])
        heads = ["中文", "pīnyīn", "English"]
        cells = [nodes.inline("", heads[0], classes=["language-zh"]), *map(nodes.Text, heads[1:])]
        head = nodes.row("", *[nodes.entry("", nodes.paragraph("", "", cell)) for cell in cells])
        group += [nodes.thead("", head), body]
        return [nodes.table("", group, classes=["glossary-pinyin", "colwidths-auto"])]


# -- what happens when ---------------------------------------------------------------------------------------


def begin(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Read the glossary again when any page is, because it says where each term is used."""
    page = getattr(env, "glossary_page", None)
    if pages and page in env.found_docs and page not in pages:
        pages.append(page)


def uses(env: BuildEnvironment) -> dict[str, list[str]]:
    """The terms linked on each page, by page."""
    return env.__dict__.setdefault("glossary_uses", {})


def forget(app: Sphinx, env: BuildEnvironment, page: str) -> None:
    uses(env).pop(page, None)


def merge(app: Sphinx, env: BuildEnvironment, pages: list[str], other: BuildEnvironment) -> None:
    """Take over the results of a process that read some pages in parallel."""
    uses(env).update({page: uses(other)[page] for page in pages if page in uses(other)})
    if getattr(other, "glossary_page", None) in pages:
        vars(env).update({name: vars(other)[name] for name in ("glossary_page", "glossary_meanings")})


def link_first_uses(app: Sphinx, doctree: nodes.document) -> None:
    """Put the links into a page that was read; from the glossary page, take the meanings, which may be translated."""
    page = app.env.docname
    if next(iter(doctree.findall(addnodes.glossary)), None):
        meanings = doctree.findall(lambda node: isinstance(node, nodes.paragraph) and "term" in node)
        app.env.glossary_meanings = {  # type: ignore[attr-defined]
            node["term"]: " ".join(node.astext().split()) for node in meanings if node.astext()
        }
    elif entries := entries_of(app.config.glossary_entries)[0]:
        uses(app.env)[page] = link_page(doctree, entries, page, is_chinese(app.config))


def resolve(app: Sphinx, env: BuildEnvironment, node: addnodes.pending_xref, content: nodes.TextElement) -> Any:
    """Make a link out of what ``link_node`` left, or plain text if the book has no glossary."""
    if node.get("reftype") != "glossary-term":
        return None
    std = cast(StandardDomain, env.get_domain("std"))
    page, anchor = std.objects.get(("term", node["reftarget"]), (None, None))
    if page is None or app.builder.format not in ("html", "latex"):
        return content
    link = make_refnode(app.builder, node["refdoc"], page, anchor, content)
    if page != node["refdoc"]:
        link["classes"].append("glossary-term")
        link["reftitle"] = getattr(env, "glossary_meanings", {}).get(node["reftarget"], "")
    return link


def say_where(app: Sphinx, doctree: nodes.document, page: str) -> None:
    """Write under each entry the chapter that explains it, and the first in the book's order that links to it."""
    if page != getattr(app.env, "glossary_page", None):
        return
    order = list(app.env.collect_relations())
    explained, first_used, end = WORDS["zh" if is_chinese(app.config) else "en"]
    for line in doctree.findall(lambda node: isinstance(node, nodes.paragraph) and "chapter" in node):
        first = next((other for other in order if line["term"] in uses(app.env).get(other, [])), None)
        chapter = line["chapter"] if line["chapter"] in order else None
        for text, target in [(explained, chapter), (first_used, first if first != chapter else None)]:
            if target:
                words = text if line.children else text.lstrip("; ；").capitalize()
                title = nodes.emphasis("", app.env.titles[target].astext())
                line += [nodes.Text(words), make_refnode(app.builder, page, target, "", title)]
        if line.children:
            line += nodes.Text(end)
        else:
            line.parent.remove(line)


def setup(app: Sphinx) -> dict:
    app.add_config_value("glossary_entries", [], "env")
    app.add_directive("terms", Terms)
    app.add_directive("terms-by-pinyin", TermsByPinyin)
    app.connect("config-inited", read_entries)
    app.connect("builder-inited", check_entries)
    app.connect("env-before-read-docs", begin)
    app.connect("env-purge-doc", forget)
    app.connect("env-merge-info", merge)
    app.connect("doctree-read", link_first_uses)
    app.connect("missing-reference", resolve)
    app.connect("doctree-resolved", say_where)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
