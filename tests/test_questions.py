"""Questions to yourself: the files, what the directive makes of them, and the page in a browser."""

import os
import re
from pathlib import Path

import pytest
import test_browser
from bs4 import BeautifulSoup
from playwright.sync_api import Page
from questions import FOLDER, filled, problem, read, shuffled, value
from test_browser import CHROMIUM, Reader

browser, site, window, reader = test_browser.browser, test_browser.site, test_browser.window, test_browser.reader
in_browser = pytest.mark.skipif(
    CHROMIUM is None and "REQUIRE_BROWSER" not in os.environ,
    reason="no Chromium here (Debian, Ubuntu: apt install chromium)",
)
BOOK = Path(__file__).resolve().parents[1] / "book"
FILES = sorted((BOOK / FOLDER).glob("*.yml"))
NUMBER = re.compile(r"(?<![\w.,])\d[\d,]*(?:\.\d+)?")
SMALL = 12  # whole numbers up to it may be written without a source
each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)

CHOICE = {
    "kind": "choose",
    "ask": "Which?",
    "options": [{"text": "a", "why": "w", "right": True}, {"text": "b", "why": "w"}],
}
COUNT = {"kind": "number", "ask": "How many?", "answer": "2 ** 3", "within": 0, "why": "w"}


# -- the files -----------------------------------------------------------------------------------------------


def test_every_chapter_has_questions() -> None:
    toc = (BOOK / "_toc.yml").read_text(encoding="utf-8").partition("The book's end")[0]
    assert {path.stem for path in FILES} == set(re.findall(r"file: ([\w-]+)", toc))
    for path in FILES:
        assert "```{questions}\n```" in (BOOK / f"{path.stem}.md").read_text(encoding="utf-8"), path.stem


@each_file
def test_a_chapter_has_seven_to_nine_questions_and_asks_for_a_number(path: Path) -> None:
    questions = read(path)
    assert 7 <= len(questions) <= 9
    assert [question for question in questions if question["kind"] == "number"]
    assert sum(question["kind"] == "order" for question in questions) <= 1


@each_file
def test_neither_place_nor_length_gives_the_right_option_away(path: Path) -> None:
    choices = [question["options"] for question in read(path) if question["kind"] == "choose"]
    right = [next(n for n, option in enumerate(options) if option.get("right")) for options in choices]
    assert len(set(right)) > 1
    longest = [max(range(len(options)), key=lambda n, o=options: len(str(o[n]["text"]))) for options in choices]
    assert sum(a == b for a, b in zip(right, longest, strict=True)) <= 0.75 * len(choices)
    assert all(3 <= len(options) <= 4 for options in choices)


@each_file
def test_no_wrong_number_is_taken_for_the_right_one(path: Path) -> None:
    for question in read(path):
        if question["kind"] == "number":
            numbers = [value(question["answer"]), *(value(trap["value"]) for trap in question.get("traps", []))]
            apart = [abs(a - b) for n, a in enumerate(numbers) for b in numbers[:n]]
            assert min(apart, default=1) > 2 * question["within"], question["ask"]


def texts(question: dict) -> list[str]:
    """All that a reader sees of a question but what it asks."""
    parts = [*question.get("options", []), *question.get("traps", [])]
    return [str(text) for text in (*question.get("items", []), question.get("why", ""))] + [
        str(part[key]) for part in parts for key in ("text", "why") if key in part
    ]


def numbers(text: str) -> set[str]:
    """The numbers that are typed in a text, outside its formulas and expressions."""
    plain = re.sub(r"\{\{.+?\}\}|\$[^$]*\$", " ", text, flags=re.DOTALL)
    return {n for n in NUMBER.findall(plain) if "." in n or int(n.replace(",", "")) > SMALL}


@each_file
def test_a_number_is_computed_or_given_or_on_the_page(html: Path, path: Path) -> None:
    page = BeautifulSoup((html / f"{path.stem}.html").read_text(encoding="utf-8"), "html.parser")
    for box in page.select(".questions"):
        box.decompose()
    on_page = set(NUMBER.findall(page.get_text(" ")))
    for question in read(path):
        given = numbers(question["ask"])
        typed = set().union(*map(numbers, texts(question)))
        assert typed <= on_page | given, question["ask"]


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ("no mapping", "a mapping with a kind"),
        (CHOICE | {"kind": "guess"}, "choose, number, order"),
        ({"kind": "choose", "ask": "Which?"}, "'options' is missing"),
        (CHOICE | {"hint": "h"}, "unknown key 'hint'"),
        (COUNT | {"within": "0"}, "'within' is of the wrong kind"),
        (CHOICE | {"options": [{"text": "a", "right": True}]}, "text and why"),
        (CHOICE | {"options": [{"text": "a", "why": "w"}]}, "only one, is right"),
        (COUNT | {"traps": [{"why": "w"}]}, "value and why|why and value"),
    ],
)
def test_a_faulty_question_is_named(tmp_path: Path, question: object, said: str) -> None:
    assert problem(CHOICE) == problem(COUNT) == ""
    assert re.search(said, problem(question))


def test_expressions_are_replaced_by_their_values() -> None:
    assert filled("{{ math.log2(8) }} bits, {{ f'{np.sqrt(2):.2f}' }}") == "3.0 bits, 1.41"


@pytest.mark.parametrize("number", range(2, 7))
def test_items_are_shuffled_the_same_way_each_time(number: int) -> None:
    items = [f"item {n}" for n in range(number)]
    assert shuffled(items) == shuffled(items) != list(range(number))
    assert sorted(shuffled(items)) == list(range(number))


# -- the page ------------------------------------------------------------------------------------------------


@each_file
def test_without_a_script_every_reason_and_answer_is_on_the_page(html: Path, path: Path) -> None:
    page = BeautifulSoup((html / f"{path.stem}.html").read_text(encoding="utf-8"), "html.parser")
    fields = page.select(".questions fieldset.question")
    for field, question in zip(fields, read(path), strict=True):
        assert field.legend and field.legend.get_text(strip=True)
        if question["kind"] == "choose":
            options = field.select("details.option")
            assert len(options) == len(question["options"])
            assert all(option.select_one(".why strong") for option in options)
            assert len(field.select("details.right")) == 1
        else:
            assert len(field.select("details.answer .why")) == 1
        assert "{{" not in field.get_text()


def first(page: Page, kind: str):
    return page.locator(f'fieldset[data-kind="{kind}"]').first


@in_browser
def test_options_unfold_and_the_first_choice_counts(reader: Reader) -> None:
    page = reader.open("gates.html")
    field = first(page, "choose")
    field.locator("details.option:not(.right) summary").first.press("Enter")
    assert field.locator("details[open] .why").first.inner_text().startswith("No.")
    field.locator("details.right summary").press("Enter")
    total = page.locator(".question").count()
    said = page.locator(".questions-sum")
    assert said.inner_text() == f"1 of {total} answered, 0 of them right at once."
    page.reload()
    assert page.locator(".questions-sum").inner_text() == f"1 of {total} answered, 0 of them right at once."
    page.evaluate("progress.forget()")
    assert page.locator(".questions-sum").inner_text().startswith(f"{total} questions")
    assert reader.troubles == []


@in_browser
def test_a_number_is_checked_and_a_trap_is_named(reader: Reader) -> None:
    page = reader.open("concepts.html")
    question = next(q for q in read(BOOK / FOLDER / "concepts.yml") if q["kind"] == "number")
    field = first(page, "number")
    box, verdict = field.locator("input"), field.locator(".verdict")
    for typed, starts in [
        ("some", "Write a number"),
        (str(value(question["traps"][0]["value"])), "No."),
        (str(value(question["answer"]) + 1000 * question["within"] + 1000), "Not yet: the number is smaller"),
        (str(value(question["answer"])).replace("-", "−"), ""),
    ]:
        box.fill(typed)
        box.press("Enter")
        assert verdict.inner_text().startswith(starts), typed
    assert "right" in (verdict.get_attribute("class") or "")
    assert reader.troubles == []


@in_browser
def test_items_are_put_in_order_by_the_keyboard(reader: Reader) -> None:
    stem = next(path.stem for path in FILES if any(q["kind"] == "order" for q in read(path)))
    page = reader.open(f"{stem}.html")
    field = first(page, "order")
    check, verdict = field.get_by_role("button", name="Check"), field.locator(".verdict")
    check.press("Enter")
    assert verdict.inner_text().startswith("Not yet")
    number = field.locator(".items > li").count()
    for place in range(number):  # bring each item up to its place
        item = field.locator(f'.items > li[data-place="{place}"]')
        for _ in range(number):
            if item.evaluate("item => [...item.parentElement.children].indexOf(item)") > place:
                item.locator("button").first.press("Enter")
    check.press("Enter")
    assert verdict.inner_text() == "Right." and field.locator("details.answer").get_attribute("open") is not None
    assert reader.troubles == []
