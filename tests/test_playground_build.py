"""A model trained in the page: from which pieces, what it tells, what it says of a faulty one, what a reader does."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import playground
import playground_train
import pytest
import test_browser
import test_playground
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, expect
from test_browser import Reader
from test_playground import PATIENCE, in_notebooks

from companion import grammar
from companion.chapters import build

browser, site, pages, context = test_browser.browser, test_browser.site, test_playground.pages, test_playground.context
in_a_browser = test_playground.pytestmark
EXERCISES = {exercise.name: exercise for exercise in in_notebooks() if exercise.name in build.EXERCISES}
TEXT = grammar.decode(grammar.sample(0, 3_000))
SIGNATURE = "def encode(text, alphabet):\n"
FAULTY = SIGNATURE + "    if len(text) > 1_000:\n        raise ValueError('too long')\n"


def faulty(name: str = "build-tokenizer") -> str:
    """An answer that passes its check, and fails when it meets a whole text."""
    assert SIGNATURE in EXERCISES[name].solution
    return EXERCISES[name].solution.replace(SIGNATURE, FAULTY)


# -- What Python does ------------------------------------------------------------------------------------------------


def pieces(**answers: str) -> list[dict[str, str]]:
    """The pieces as the page sends them, with some answers, by title."""
    titles = {name: name.removeprefix("build-") for name in EXERCISES}
    return [
        {
            "exercise": name,
            "title": titles[name],
            "prelude": exercise.prelude,
            "answer": answers.get(titles[name], ""),
            "solution": exercise.solution,
        }
        for name, exercise in EXERCISES.items()
    ]


def trained(text: str = TEXT, seconds: float = 1, **answers: str) -> tuple[str, list[dict]]:
    """What went wrong, and what was told."""
    told: list[dict] = []
    error = playground_train.train(pieces(**answers), text, seconds, lambda line: told.append(json.loads(line)))
    return error, told


def whose(told: list[dict]) -> dict[str, str]:
    return {event["title"]: event["whose"] for event in told if event["stage"] == "piece"}


def test_the_page_has_the_eight_exercises_and_is_sent_what_joins_them():
    assert EXERCISES.keys() == build.EXERCISES.keys()
    names = {path.relative_to(path.parents[1]).as_posix() for path in playground.modules()}
    assert {"chapters/build.py", "_ext/playground_train.py", "_ext/playground_cell.py"} <= names


def test_it_tells_the_pieces_the_counts_the_training_and_the_passage():
    error, told = trained()
    stages = [event["stage"] for event in told]
    assert error == "" and stages[:10] == ["piece"] * 8 + ["text", "counts"]
    assert stages[-3:] == ["in order", "attention", "passage"] and {*stages[10:-3]} == {"training"}
    assert {*whose(told).values()} == {"ours"}
    reports = [event for event in told if event["stage"] == "training"]
    assert reports[0]["updates"] == 0 and reports[-1]["updates"] > 0 and reports[-1]["bits"] < reports[0]["bits"]
    assert all(f"{event['bits']:.2f}" in event["line"] for event in told if event.get("bits"))


def test_only_an_answer_that_passes_is_used():
    cell, wrong = EXERCISES["build-cell"].solution, EXERCISES["build-sampler"].stub
    error, told = trained(text="short", sampler=wrong, cell=cell)
    assert whose(told) == dict.fromkeys(whose(told), "ours") | {"cell": "yours", "sampler": "changed"}
    assert error == "The text has 5 characters; it takes at least 6,000 to learn something."


def test_an_answer_counts_by_the_names_that_the_other_pieces_call():
    renamed = re.sub(r"\bstep\b", "one_step", EXERCISES["build-cell"].solution)
    _, told = trained(text="short", cell=renamed)
    assert whose(told)["cell"] == "changed"


def test_helpers_of_one_piece_are_not_those_of_another():
    cell = "def adam(*everything):\n    raise ValueError\n\n" + EXERCISES["build-cell"].solution
    error, told = trained(cell=cell, seconds=0.1)
    assert error == "" and whose(told)["cell"] == "yours"


def test_an_error_is_told_with_its_piece_and_line():
    error, _ = trained(tokenizer=faulty())
    line = faulty()[: faulty().index("raise")].count("\n") + 1
    assert error == (
        f"The piece tokenizer failed in encode, line {line}, “raise ValueError('too long')”: ValueError: too long."
    )


def test_numbers_that_are_none_are_told():
    exploding = EXERCISES["build-counts"].solution.replace("return P", "return P * (np.nan if len(ids) > 5_000 else 1)")
    error, told = trained(counts=exploding)
    assert whose(told)["counts"] == "yours" and error.startswith("The training has failed, your counts, order 3: nan:")


# -- What a reader does ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(context, site: str, pages: Path) -> Reader:
    """The page, on which Python is loaded once."""
    reader = Reader(context, site)
    reader.open("build.html")
    return reader


@pytest.fixture
def box(bench: Reader) -> Iterator[Locator]:
    """The box of a reader who has solved nothing."""
    bench.page.set_viewport_size({"width": 1280, "height": 900})
    bench.page.evaluate("progress.forget()")
    bench.troubles.clear()
    box = bench.page.locator(".train-here")
    box.get_by_label("Your own text").fill(TEXT)
    box.get_by_label("Seconds").fill("4")
    yield box
    assert bench.troubles == []


def solve(box: Locator, name: str, answer: str) -> None:
    """As if an exercise's answer had passed."""
    keep = """([name, answer]) => {
      progress.write("answers", name, answer);
      progress.write("passed", name, true);
    }"""
    box.page.evaluate(keep, [name, answer])


def train(box: Locator) -> Locator:
    """Press the button; return what says how it goes."""
    box.get_by_role("button", name="Train and write").click()
    return box.get_by_role("status")


@in_a_browser
def test_a_model_is_trained_and_writes(box, bench):
    solve(box, "build-cell", EXERCISES["build-cell"].solution)
    said = train(box)
    expect(said).to_contain_text("Training for 4 seconds", timeout=PATIENCE)
    expect(box).to_contain_text(
        "Yours: cell. The book's: tokenizer, counts, backward pass, optimiser, loop, sampler and"
    )
    expect(said).to_have_text(re.compile(r"Done: your model pays \d\.\d\d bits a character\."), timeout=PATIENCE)
    told = box.locator("pre").first.inner_text()
    bits = [float(number) for number in re.findall(r"after [\d,]+ updates: ([\d.]+)", told)]
    counts = re.search(r"your counts, order 3: ([\d.]+)", told)
    assert bits[-1] < bits[0] - 0.3 and counts
    drawn = box.get_by_role("img")
    assert drawn.locator("circle").count() == len(bits)
    label = drawn.get_attribute("aria-label")
    assert label.startswith(f"Your counts pay {counts[1]}") and f"first {bits[0]:.2f}, and {bits[-1]:.2f}" in label
    passage = box.locator(".passage").text_content()
    assert len(passage) == 400 and {*passage} <= {*TEXT}
    assert bench.troubles == []
    box.page.set_viewport_size({"width": 320, "height": 800})
    assert box.page.evaluate(test_browser.OVERFLOW) == []
    for scheme in ("light", "dark"):
        box.page.emulate_media(color_scheme=scheme)
        box.page.wait_for_function("scheme => document.documentElement.dataset.theme == scheme", arg=scheme)
        found = Axe().run(box.page, context=".train-here", options=test_browser.ALL).response
        assert found["violations"] == [] and len(found["passes"]) > 5, scheme
    bench.troubles.clear()  # axe looks for styles where there are none


@in_a_browser
def test_a_faulty_piece_gets_a_sentence(box):
    solve(box, "build-tokenizer", faulty())
    expect(train(box)).to_contain_text("The piece Tokenizer failed in encode, line ", timeout=PATIENCE)
    expect(box.get_by_role("status")).to_contain_text("ValueError: too long.")


@in_a_browser
def test_an_answer_that_no_longer_passes_gives_way_to_the_book_s(box):
    solve(box, "build-tokenizer", EXERCISES["build-tokenizer"].stub)
    box.get_by_label("Your own text").fill(TEXT)
    train(box)
    expect(box).to_contain_text("These answers of yours passed once and no longer do: tokenizer.", timeout=PATIENCE)
    expect(box.get_by_role("button", name="Train and write")).to_be_enabled(timeout=PATIENCE)


@in_a_browser
def test_a_short_text_is_refused(box):
    box.get_by_label("Your own text").fill("Too short.")
    expect(train(box)).to_contain_text("has 10 characters; it takes at least 6,000", timeout=PATIENCE)


@in_a_browser
def test_it_can_be_stopped_by_the_keyboard_and_the_page_goes_on(box, bench):
    box.get_by_label("Your own text").fill("")
    box.get_by_label("Seconds").fill("300")
    box.get_by_role("button", name="Train and write").focus()
    box.page.keyboard.press("Enter")
    expect(box.get_by_role("status")).to_contain_text("Training for 300 seconds", timeout=PATIENCE)
    expect(box).to_contain_text("All eight pieces are the book's.")
    expect(box).to_contain_text("56,000 characters to learn from, 4,000 held out")
    expect(box.get_by_role("button", name="Stop")).to_be_focused()
    box.page.keyboard.press("Enter")
    expect(box.get_by_role("status")).to_have_text("Stopped. What it had learned is gone.")
    expect(box.get_by_role("button", name="Train and write")).to_be_focused()
    told = test_playground.run(bench, "1 + 1")
    assert (told["output"], told["error"]) == ("2\n", "")


@in_a_browser
def test_it_speaks_only_when_something_begins_or_ends(box):
    box.page.evaluate(
        """() => {
          window.said = [];
          const status = document.querySelector(".train-here [role=status]");
          new MutationObserver(() => said.push(status.textContent)).observe(status, { childList: true });
        }"""
    )
    expect(train(box)).to_contain_text("Done", timeout=PATIENCE)
    assert [line.partition(" ")[0] for line in box.page.evaluate("said")] == [
        "Getting",
        "Training",
        "Trained.",
        "Done:",
    ]


@in_a_browser
def test_without_scripts_or_from_a_file_it_says_what_to_do(browser: Browser, site: str, pages: Path):
    with browser.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{site}build.html")
        expect(page.locator(".train-here")).to_contain_text("make lab")
        assert page.locator(".train-here button").count() == 0
    with browser.new_context() as context:
        page = context.new_page()
        page.goto((pages / "build.html").as_uri())
        expect(page.locator(".train-here")).to_contain_text("Run make serve in the book's folder")
        assert page.locator(".train-here button").count() == 0
