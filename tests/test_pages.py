"""The built pages, and the audit that looks at them."""

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import nbformat
import pytest
from bs4 import BeautifulSoup
from conftest import built_pages
from drawings import faint, faults
from IPython.core.inputtransformer2 import TransformerManager
from matplotlib.figure import Figure
from page_audit import audit

GOOD = """<!DOCTYPE html>
<html lang="en"><head><title>A page</title>
<link rel="stylesheet" href="_static/a.css"><script src="_static/a.js"></script></head>
<body><button class="search-button-field">Search</button>
<a href="_sources/index.ipynb">notebook</a> <a href="https://example.org/">elsewhere</a>
<article><h1 id="top">One</h1><h2>Two</h2><p>Text, <a href="#top">a link</a> and <code>{ref}`this`</code>.</p>
<img src="_static/a.svg" alt="A line that rises">
<div class="cell"><div class="cell_input"><pre>x</pre></div>
<div class="cell_output"><div class="output"><pre>1
2</pre></div></div></div></article></body></html>
"""
EXECUTED = {"cells": [{"cell_type": "code", "execution_count": 1}, {"cell_type": "markdown"}]}


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """A tiny book without faults."""
    (tmp_path / "_static").mkdir()
    (tmp_path / "_sources").mkdir()
    (tmp_path / "index.html").write_text(GOOD)
    (tmp_path / "_static" / "a.css").write_text("p { background: url(a.svg) }")
    (tmp_path / "_static" / "a.js").write_text("// see https://example.org\nconst ns = 'http://www.w3.org/2000/svg';")
    (tmp_path / "_static" / "a.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (tmp_path / "_sources" / "index.ipynb").write_text(json.dumps(EXECUTED))
    return tmp_path


def test_a_good_book_has_no_findings(book: Path) -> None:
    assert audit(book) == []


@pytest.mark.parametrize(
    "attributes",
    [
        'src="data:image/png;base64,//8A"',
        'src="_static/a.svg" srcset="data:image/png;base64,//8A 2x, _static/a.svg"',
        'src="_static/a.svg" srcset="_static/a.svg, data:image/png;base64,//8A 2x"',
    ],
)
def test_an_image_in_the_page_itself_is_not_from_another_host(book: Path, attributes: str) -> None:
    (book / "index.html").write_text(GOOD.replace('src="_static/a.svg"', attributes))
    assert audit(book) == []


def test_no_pages_is_a_finding(tmp_path: Path) -> None:
    assert audit(tmp_path) == ["no pages"]


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("_static/a.js", "https://cdn.example/a.js", "loads from another host: https://cdn.example/a.js"),
        ("_static/a.js", "//cdn.example/a.js", "loads from another host: //cdn.example/a.js"),
        ("_static/a.css", "http://cdn.example/a.css", "loads from another host: http://cdn.example/a.css"),
        ('rel="stylesheet" href="_static/a.css"', 'rel="preconnect" href="https://f.example"', "another host"),
        ('src="_static/a.svg"', 'src="_static/a.svg" srcset="https://i.example/a.png 2x"', "another host"),
        ('src="_static/a.svg"', 'src="_static/a.svg" srcset="data:,x 1x, //i.example/a.png 2x"', "i.example"),
        ('href="#top"', 'href="#top" ping="#top https://p.example/"', "loads from another host: https://p.example/"),
        ("</article>", '<iframe src="https://www.example/v"></iframe></article>', "another host"),
        ("<p>", '<p style="background: url(//i.example/a.png)">', "a style asks another host"),
        ("</head>", "<style>@import 'https://f.example/f.css';</style></head>", "a style asks another host"),
        ("</head>", "<script>fetch('https://t.example/hit')</script></head>", "a script asks another host"),
        ("</head>", "<script>import x from 'https://m.example/x.js'</script></head>", "a script asks another"),
        ("</head>", "<script>const THEBE_URL = 'https://u.example/t.js'</script></head>", "a script asks another"),
        ("</head>", '<meta http-equiv="refresh" content="0; url=https://x.example"></head>', "another host"),
        ("</head>", '<base href="https://x.example/"></head>', "a base tag"),
        (' alt="A line that rises"', "", "image without alt text"),
        ("A line that rises", " ", "image without alt text"),
        ("A line that rises", "_images/04f4e5a.png", "alt text is a file name"),
        ("A line that rises", "a", "alt text is a file name"),
        ("#top", "other.html", "broken link: other.html"),
        ("#top", "/index.html", "link that breaks"),
        ("#top", "file:///home/x.html", "link to one machine's file"),
        ("#top", "../index.html", "broken link"),
        ("#top", "#nowhere", "link to a missing anchor: #nowhere"),
        ("#top", "index.html#nowhere", "link to a missing anchor"),
        ("_static/a.svg", "_static/b.svg", "broken link: _static/b.svg"),
        ("_static/a.js", "_static/b.js", "broken link: _static/b.js"),
        ('class="output"', 'class="output stderr"', "a cell shows its stderr"),
        ('class="output"', 'class="output traceback"', "a cell shows a traceback"),
        ("1\n2", "Traceback (most recent call last): ...", "a cell shows a traceback"),
        ("1\n2", "x\n" * 50, "a cell output of 50 lines"),
        ("<p>", "<p title='" + 3_500_000 * "x" + "'>", "page of 3,500,"),
        ("<body>", '<body><button class="search-button-field"></button>', "2 search boxes"),
        ("search-button-field", "search", "0 search boxes"),
        ("<body>", '<body><header class="bd-header">Bar</header>', "a header bar"),
        ("_sources/index.ipynb", "#top", "does not offer its notebook"),
        ("_sources/index.ipynb", "_sources/other.ipynb", "broken link: _sources/other.ipynb"),
        ("<h2>", "<h3>", "heading level 1 is followed by 3"),
        ("<h2>", "<h1>", "2 first-level headings"),
        ('lang="en"', "", "no language given"),
        ("A page", "", "no title"),
        ("<h2>", '<h2 id="top">', "the anchor top occurs 2 times"),
        ("Text,", "The {glue:text}`score` was", "markup that was not rendered"),
        ("Text,", "```{note} x", "markup that was not rendered"),
        ("Text,", "$$ x^2 $$", "markup that was not rendered"),
    ],
)
def test_the_audit_finds(book: Path, old: str, new: str, finding: str) -> None:
    page = book / "index.html"
    assert old in GOOD
    page.write_text(GOOD.replace(old, new, 1))
    found = audit(book)
    assert any(finding in line for line in found), found


@pytest.mark.parametrize(
    ("file", "content", "finding"),
    [
        ("_static/a.css", "@font-face { src: url('https://fonts.example/f.woff2') }", "a style asks another host"),
        ("_static/a.js", "s = document.createElement('script'); s.src = 'https://c.example/x.js'", "another host"),
        ("_static/a.js", "document.write('<script src=\\'https://c.example/x.js\\'>')", "another host"),
        ("_static/a.js", "new WebSocket('wss://c.example')", "another host"),
        ("_sources/index.ipynb", json.dumps({"cells": [{"cell_type": "code"}]}), "was not executed"),
        ("_static/a.svg", "x" * 3_000_001, "page of 3,00"),
    ],
)
def test_the_audit_looks_into_files(book: Path, file: str, content: str, finding: str) -> None:
    (book / file).write_text(content)
    found = audit(book)
    assert any(finding in line for line in found), found


def test_links_out_of_the_book_are_found(book: Path) -> None:
    inner = book / "inner"
    inner.mkdir()
    for item in ["_static", "_sources"]:
        shutil.copytree(book / item, inner / item)
    (inner / "index.html").write_text(GOOD.replace("#top", "../index.html"))
    assert audit(inner) == ["index.html: link out of the book: ../index.html"]


def test_the_book_has_no_findings(html: Path) -> None:
    assert audit(html) == []


def test_search_and_notebooks_are_there(html: Path) -> None:
    assert (html / "searchindex.js").stat().st_size > 100
    executed = {path.stem for path in (html.parent / "jupyter_execute").glob("*.ipynb")}
    offered = {path.stem for path in (html / "_sources").glob("*.ipynb")}
    assert executed == offered, "nbval runs other notebooks than the pages offer"


# -- Figures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_no_word_of_a_figure_is_struck(html: Path, name: str) -> None:
    """By a line, by a mark, or by another word."""
    page = BeautifulSoup((html / name).read_text(encoding="utf-8"), "html.parser")
    found = {}
    for image in page.select("article img.only-light"):
        struck = faults(((html / name).parent / str(image["src"])).read_text(encoding="utf-8"))
        if struck:
            found[str(image["alt"])[:60]] = struck
    assert found == {}


@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_the_words_of_figures_can_be_read_in_both_themes(html: Path, name: str) -> None:
    page = BeautifulSoup((html / name).read_text(encoding="utf-8"), "html.parser")
    found = {}
    for theme, ground in (("light", "#ffffff"), ("dark", "#121212")):
        for image in page.select(f"article img.only-{theme}"):
            words = faint(((html / name).parent / str(image["src"])).read_text(encoding="utf-8"), ground)
            if words:
                found[f"{theme}: {str(image['alt'])[:60]}"] = words
    assert found == {}


@pytest.mark.parametrize(
    ("x", "y", "struck"),
    [
        (0.5, 0.5, "'word' is struck by line2d"),
        (0.5, 0.8, "'other' lies on 'word'"),
        (0.2, 0.25, "'word' lies on a mark"),
    ],
)
def test_a_word_that_is_struck_is_seen(x: float, y: float, struck: str) -> None:
    figure, ax = plt.subplots(figsize=(5, 4))
    ax.plot([0, 1], [0.5, 0.5], clip_on=False)
    ax.plot([0.2], [0.25], "o")
    ax.text(0.5, 0.8, "other", ha="center", va="center")
    ax.text(x, y, "word", ha="center", va="center")
    ax.text(0.8, 0.1, "apart")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    assert [line[: len(struck)] for line in faults(written(figure))] == [struck]


def written(figure: Figure) -> str:
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "colour", "alpha", "contrast"),
    [("grey", "#999999", 1, 2.8), ("two\nlines", "#999999", 1, 2.8), ("pale", "#000000", 0.4, 2.8)],
)
def test_a_faint_word_is_seen(text: str, colour: str, alpha: float, contrast: float) -> None:
    figure, ax = plt.subplots(figsize=(5, 4))
    ax.text(0.1, 0.5, "dark enough", color="#424b57")
    ax.text(0.6, 0.5, text, color=colour, alpha=alpha)
    assert faint(written(figure), "#ffffff") == [f"{text.replace(chr(10), ' ')!r} has a contrast of {contrast}"]


def test_a_word_on_a_ground_of_its_own_is_compared_with_that() -> None:
    figure, ax = plt.subplots(figsize=(5, 4))
    ax.barh([0], [1], color="#4b3fae")
    ax.text(0.5, 0, "white", color="#ffffff", ha="center", va="center")
    ax.text(0.2, 0, "dark", color="#424b57", ha="center", va="center")
    drawn = written(figure)
    assert [line.split()[0] for line in faint(drawn, "#ffffff")] == ["'dark'"]


def test_each_colour_of_a_word_counts() -> None:
    """A label's second line in a colour of its own, as only an edited drawing has it."""
    figure, ax = plt.subplots(figsize=(5, 4))
    ax.text(0.1, 0.5, "first\nsecond", color="#424b57")
    drawn = written(figure)
    assert faint(drawn, "#ffffff") == []
    first, second = drawn.split("<!-- second -->")
    assert len(faint(f"{first}<!-- second -->{second.replace('#424b57', '#bbbbbb', 1)}", "#ffffff")) == 1


# -- Code --------------------------------------------------------------------------------------------------------------


def undefined(notebook: nbformat.NotebookNode) -> list[str]:
    """The names that a reader who copies a page's code, open and folded, would miss."""
    seen = [
        cell.source
        for cell in notebook.cells
        if cell.cell_type == "code" and not {"remove-cell", "remove-input"} & {*cell.metadata.get("tags", [])}
    ]
    code = "\n".join(map(TransformerManager().transform_cell, seen))
    rule = ["--isolated", "--select", "F821", "--config", "builtins=['get_ipython']", "--output-format", "json", "-"]
    found = subprocess.run([sys.executable, "-m", "ruff", "check", *rule], input=code, capture_output=True, text=True)
    return [fault["message"] for fault in json.loads(found.stdout)]


def test_the_code_that_a_page_shows_defines_what_it_uses(html: Path) -> None:
    executed = sorted((html.parent / "jupyter_execute").glob("*.ipynb"))
    found = {path.stem: undefined(nbformat.read(path, as_version=4)) for path in executed}
    assert {page: names for page, names in found.items() if names} == {}


def test_a_name_that_only_a_removed_cell_defines_is_missed() -> None:
    cells = [("a = 1", []), ("b = 2", ["remove-cell"]), ("%matplotlib inline\nprint(a, b)", ["hide-input"])]
    code = [nbformat.v4.new_code_cell(source, metadata={"tags": tags}) for source, tags in cells]
    assert undefined(nbformat.v4.new_notebook(cells=code)) == ["Undefined name `b`"]


LONGEST_OPEN_CELL = 15  # lines


@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_code_that_stays_open_is_short(html: Path, name: str) -> None:
    page = BeautifulSoup((html / name).read_text(encoding="utf-8"), "html.parser")
    cells = [
        cell.get_text().strip("\n") for cell in page.select("article .cell_input") if not cell.find_parent("details")
    ]
    assert [cell[:60] for cell in cells if cell.count("\n") >= LONGEST_OPEN_CELL] == []
