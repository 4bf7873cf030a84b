"""Exercises that run in the page, in a real browser with every other host blocked: each solution, each wrong answer."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import playground_files
import prelude
import pytest
import test_browser
from axe_playwright_python.sync_playwright import Axe
from bs4 import BeautifulSoup
from conftest import ROOT
from IPython.core.inputtransformer2 import TransformerManager
from myst_nb.core.read import read_myst_markdown_notebook
from myst_parser.config.main import MdParserConfig
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from test_browser import CHROMIUM, Reader

from companion.exercises import list_exercises

pytestmark = pytest.mark.skipif(
    CHROMIUM is None and "REQUIRE_BROWSER" not in os.environ,
    reason="no Chromium here (Debian, Ubuntu: apt install chromium)",
)
browser, site = test_browser.browser, test_browser.site  # fixtures
PATIENCE = 90_000  # ms until Python is there, on a busy machine
RIGHT = "def bits(log_p, characters):\n    return -log_p.sum() / np.log(2) / characters\n\ncheck('concepts-bits', bits)"
VALUE = "exercise => exercise.querySelector('.CodeMirror').CodeMirror.getValue()"
WRONG = RIGHT.replace(" / np.log(2)", "")


@pytest.fixture(scope="module")
def pages(html: Path) -> Path:
    """The built book, whose pages run Python; after `make test` it has to be there."""
    if not (html / "_static" / "pyodide" / "pyodide.asm.wasm").exists():
        if os.environ.get("BOOK_IS_BUILT"):
            pytest.fail("the pages have no Python: make data says why")
        pytest.skip("the pages have no Python: run make book")
    return html


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as opened:
        opened.set_default_timeout(PATIENCE)
        yield opened


@pytest.fixture(scope="module")
def bench(context: BrowserContext, site: str, pages: Path) -> Reader:
    """A page on which Python runs already: the tests share it, each with an exercise or a text of its own."""
    reader = Reader(context, site)
    reader.open("concepts.html").evaluate("playground.run('1 + 1')")
    return reader


@pytest.fixture
def fresh(browser: Browser, site: str, pages: Path) -> Iterator[Reader]:
    """A reader whose browser has kept nothing."""
    with browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce") as opened:
        opened.set_default_timeout(PATIENCE)
        yield Reader(opened, site)


def run(reader: Reader, code: str, needed: str = "") -> dict:
    """What comes of a cell, by the way that the buttons use."""
    return reader.page.evaluate("([code, prelude]) => playground.run(code, prelude)", [code, needed])


def place(page: Page, name: str = "concepts-bits") -> Locator:
    """An exercise's part of a page."""
    return page.locator(f"[data-exercise={name}]")


def write(exercise: Locator, code: str) -> None:
    """Type an answer in place of what is there."""
    if exercise.locator(".CodeMirror").count():
        exercise.locator(".CodeMirror textarea").focus()
    else:
        exercise.locator("textarea").first.focus()
    exercise.locator(".CodeMirror-focused").wait_for()
    exercise.page.keyboard.press("Control+a")
    exercise.page.keyboard.insert_text(code)
    typed = exercise.locator(".CodeMirror").element_handle()
    exercise.page.wait_for_function("([editor, code]) => editor.CodeMirror.getValue() === code", arg=[typed, code])


def click(exercise: Locator, button: str) -> None:
    exercise.get_by_role("button", name=button).click()


# -- Every exercise ----------------------------------------------------------------------------------------------------


def in_notebooks() -> Iterator[prelude.Exercise]:
    transform = TransformerManager().transform_cell
    for path in sorted((ROOT / "book").glob("*.md")):
        text = path.read_text(encoding="utf-8")
        if "{exercise-start}" in text:
            notebook = read_myst_markdown_notebook(text, MdParserConfig(), add_source_map=False)
            yield from prelude.exercises([transform(c.source) for c in notebook.cells if c.cell_type == "code"])


@pytest.fixture(scope="module")
def in_pages(pages: Path) -> dict[str, tuple[str, str]]:
    """The stub and the prelude of each exercise, as the pages have them."""
    found = {}
    for path in (page for page in pages.glob("*.html") if "data-exercise" in page.read_text("utf-8")):
        for mark in BeautifulSoup(path.read_text("utf-8"), "html.parser").select("[data-exercise]"):
            cell = mark.find_next_sibling("div", class_="cell")
            assert cell is not None
            stub = cell.select_one(".cell_input pre").get_text()  # type: ignore[union-attr]
            assert str(mark["data-exercise"]).startswith(f"{path.stem}-"), path.name
            found[str(mark["data-exercise"])] = stub, str(mark["data-prelude"])
    return found


def test_every_exercise_can_be_run_in_its_page(in_pages):
    assert sorted(in_pages) == list_exercises()


@pytest.mark.parametrize("exercise", list(in_notebooks()), ids=lambda exercise: exercise.name)
def test_the_solution_passes_and_the_stub_is_not_written_yet(bench, in_pages, exercise):
    stub, needed = in_pages[exercise.name]
    told = run(bench, stub, needed)
    assert told["output"].startswith("✗ Not written yet: ") and told["error"] == "" and not told["passed"]
    told = run(bench, prelude.answer(exercise), needed)
    assert "✓ Right: " in told["output"] and told["error"] == "" and told["passed"]


# A test may read its page: in the browser's own file system it is where it would be in the project.
PROJECT = """
import pathlib

__file__ = "/tests/test.py"


def put(pages):
    folder = pathlib.Path("/book")
    folder.mkdir(exist_ok=True)
    for name, text in pages.items():
        (folder / name).write_text(text)
"""


@pytest.fixture(scope="module")
def told_of_wrong_answers(bench) -> dict[str, dict]:
    """What the tests of all exercises find, run in the page, by file."""
    found = {}
    helper = (ROOT / "tests" / "in_page.py").read_text("utf-8")
    for path in sorted((ROOT / "tests").glob("test_exercises_*.py")):
        text = path.read_text("utf-8")
        pages = {name: (ROOT / "book" / name).read_text("utf-8") for name in re.findall(r'"(\w+\.md)"', text)}
        told = run(bench, f"{helper}\n{text}\nprint(report(globals()))\n", f"{PROJECT}\nput({pages!r})")
        assert told["error"] == "", path.name
        found[path.name] = json.loads(told["output"].splitlines()[-1])
    return found


def test_every_wrong_answer_gets_its_hint_in_the_page_too(told_of_wrong_answers):
    assert {name: told["failed"] for name, told in told_of_wrong_answers.items() if told["failed"]} == {}


@pytest.mark.parametrize("name", list_exercises())
def test_an_exercise_has_wrong_answers_that_were_tried_in_the_page(told_of_wrong_answers, name):
    assert sum(told["hints"].get(name, 0) for told in told_of_wrong_answers.values()) >= 2


# -- What a reader does ------------------------------------------------------------------------------------------------


def test_nothing_is_loaded_before_it_is_wanted_and_nothing_from_elsewhere(fresh):
    asked = []
    fresh.page.on("request", lambda request: asked.append(request.url.removeprefix(fresh.site)))
    exercise = place(fresh.open("concepts.html"))
    fresh.page.wait_for_timeout(300)
    assert not [url for url in asked if "pyodide" in url]
    assert "✗ Not written yet" in exercise.get_by_role("status").inner_text(), "what the page says without Python"
    exercise.locator("textarea").first.focus()
    exercise.locator(".CodeMirror").wait_for()
    assert all("/editor/" in url for url in asked if "pyodide" in url), "the editor is there without Python"
    click(exercise, "Run")
    said = exercise.get_by_role("status")
    expect(said).to_contain_text("Loading Python", timeout=PATIENCE)
    expect(said).to_contain_text("✗ Not written yet", timeout=PATIENCE)
    loaded = {url.rpartition("/")[2] for url in asked if "pyodide/" in url}
    assert {*playground_files.PYODIDE, "companion.zip"} <= loaded and fresh.troubles == []


def test_a_wrong_answer_a_right_one_and_the_next_visit(fresh):
    exercise = place(fresh.open("concepts.html"))
    said = exercise.get_by_role("status")
    write(exercise, WRONG)
    click(exercise, "Run")
    expect(said).to_contain_text("Hint: these are nats", timeout=PATIENCE)
    assert exercise.locator(".done-mark").count() == 0
    write(exercise, RIGHT)
    fresh.page.keyboard.press("Control+Enter")
    expect(said).to_contain_text("✓ Right: ", timeout=5_000)
    box = fresh.page.locator(".exercise:has([data-exercise=concepts-bits])")
    expect(box.locator(".done-mark")).to_have_text("✓ done")
    fresh.page.reload()
    expect(box.locator(".done-mark")).to_have_text("✓ done")
    assert exercise.locator("textarea").first.input_value() == RIGHT
    click(exercise, "Reset")
    assert "return ..." in exercise.locator("textarea").first.input_value()
    assert exercise.locator(".cell_input").is_visible() and "✗ Not written yet" in said.inner_text()
    expect(box.locator(".done-mark")).to_have_text("✓ done")
    assert fresh.troubles == []


def test_progress_is_shown_on_the_first_page_and_can_be_forgotten(fresh):
    page = fresh.open("index.html")
    line = page.locator(".progress-sum")
    assert line.is_hidden() and page.locator(".map .done").count() == 0
    page.evaluate(
        """() => {
          progress.write("passed", "concepts-bits", true);
          progress.write("questions", "tokens", { 1: true, 2: false });
        }"""
    )
    page.reload()
    chapters = {"concepts": "exercises", "tokens": "questions"}
    shown = [page.locator(f'.map li:has(a[href="{name}.html"]) .done').inner_text() for name in chapters]
    assert re.match(r"0 of \d+ questions, 1 of \d+ exercises", shown[0]) and shown[1].startswith("2 of ")
    sums = re.match(r"2 of (\d+) questions answered, 1 of (\d+) exercises solved\.", line.inner_text())
    assert sums and int(sums[1]) > 150 and int(sums[2]) == len(list_exercises())
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Start over").click()
    assert line.is_hidden() and page.locator(".map .done").count() == 0
    assert page.evaluate("localStorage.getItem('gate-by-gate')") is None


def test_a_browser_that_keeps_nothing_is_no_trouble(fresh):
    fresh.page.add_init_script(
        "Object.defineProperty(window, 'localStorage', { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    exercise = place(fresh.open("concepts.html"))
    write(exercise, RIGHT)
    click(exercise, "Reset")
    assert "return ..." in exercise.evaluate(VALUE) and exercise.locator(".CodeMirror").is_visible()
    assert exercise.get_by_role("button", name="Run").is_enabled()
    assert not [trouble for trouble in fresh.troubles if "playground" in trouble]


def test_an_error_is_the_reader_s_own(bench):
    told = run(bench, "def share(k, n):\n    return k / n\n\nshare(1, 0)\n")
    assert told["error"] == "Line 2, in share:\n    return k / n\nZeroDivisionError: division by zero"


def test_output_is_cut(bench):
    told = run(bench, "for n in range(100):\n    print('x' * 10_000)")
    assert len(told["output"]) < 30_000 and "isn't shown" in told["output"]


def test_an_endless_loop_is_stopped_and_the_next_run_does_not_wait(bench):
    told = run(bench, "n = 0\nwhile True:\n    n += 1\n")
    assert told["error"] == "Stopped after 10 seconds. Is there a loop that never ends?"
    seconds = bench.page.evaluate(
        """async () => {
          const start = performance.now();
          await playground.run("1 + 1");
          return (performance.now() - start) / 1000;
        }"""
    )
    assert seconds < 2


def test_a_loop_that_python_cannot_stop_is_stopped_too(bench):
    assert run(bench, "sum(iter(int, 1))")["error"].startswith("Stopped after 10 seconds.")
    assert run(bench, "1 + 1")["output"] == "2\n"


def test_python_that_does_not_start_is_told_and_asked_for_again(fresh):
    page = fresh.open("concepts.html")
    page.route("**/pyodide.mjs", lambda route: route.fulfill(status=404))
    assert run(fresh, "1 + 1")["error"].startswith("Python doesn't run here: ")
    refusing = "export const loadPyodide = async () => { throw new Error('no room') }"
    page.unroute_all()
    page.route("**/pyodide.mjs", lambda route: route.fulfill(body=refusing, content_type="text/javascript"))
    assert run(fresh, "1 + 1")["error"] == "Python doesn't run here: no room."


# -- Keyboard, sight, no script ----------------------------------------------------------------------------------------


def test_the_editor_indents_and_can_be_left_by_the_keyboard(fresh):
    page = fresh.open("concepts.html")
    exercise = place(page)
    write(exercise, "")
    page.keyboard.type("def f(x):\nreturn x / 2")  # a slash doesn't open the search
    page.keyboard.press("Home")
    page.keyboard.press("Tab")
    assert re.fullmatch(r"def f\(x\):\n {8}return x / 2", exercise.evaluate(VALUE))
    page.keyboard.press("Escape")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "run"
    page.keyboard.press("Shift+Tab")
    assert exercise.locator(".CodeMirror-focused").count() == 1
    page.keyboard.press("Tab")
    assert exercise.locator(".CodeMirror-focused").count() == 1, "it indents again"


@pytest.mark.parametrize("width", [1280, 360])
def test_an_open_editor_can_be_read_and_has_names(fresh, width):
    page = fresh.page
    page.set_viewport_size({"width": width, "height": 900})
    exercise = place(fresh.open("concepts.html"))
    write(exercise, f"# a comment that is too long for a line on a phone, surely\n@property\n{RIGHT}\nx = 'a', 1, None")
    assert page.evaluate(test_browser.OVERFLOW) == []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.wait_for_function("scheme => document.documentElement.dataset.theme == scheme", arg=scheme)
        found = Axe().run(page, context="[data-exercise=concepts-bits]", options=test_browser.ALL)
        assert found.response["violations"] == [], scheme
        assert len(found.response["passes"]) > 5, "axe has seen the editor"


def test_without_scripts_the_page_is_as_it_was(browser, site, pages):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}concepts.html")
        assert place(page).is_hidden()
        assert page.locator("#concepts-bits .cell_input").is_visible()
        assert "✗ Not written yet" in page.locator("#concepts-bits .cell_output").inner_text()


def test_from_a_file_the_button_says_what_to_do(browser, pages):
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((pages / "concepts.html").as_uri())
        exercise = place(page)
        click(exercise, "Run")
        expect(exercise.get_by_role("status")).to_contain_text("Run make serve in the book's folder")
        write(exercise, RIGHT)
        assert exercise.locator(".CodeMirror").is_visible()


def test_the_files_are_small_and_say_whose_they_are(pages):
    files = [path for path in (pages / "_static" / "pyodide").rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= playground_files.LARGEST
    assert (pages / "_static" / "pyodide" / "LICENSES.txt").is_file()
