"""Shannon's guessing game: the numbers, and a round played in a browser."""

import json
import re
import shutil

import numpy as np
import pytest

from companion import UserError
from companion.chapters.background import ALPHABET, game, guess_number, guess_numbers, letter_guesses
from companion.ngrams import NGramModel
from companion.tokenizers import CharTokenizer

TEXT = "the cat sat on the mat. The cat ate the rat.\n" * 3


@pytest.fixture(scope="module")
def tokenizer():
    return CharTokenizer.train(TEXT)


@pytest.fixture(scope="module")
def model(tokenizer):
    return NGramModel(order=4, vocab_size=tokenizer.vocab_size).fit(tokenizer.encode(TEXT))


@pytest.mark.parametrize(("token", "number"), [(0, 3), (1, 1), (2, 2), (3, 4)])
def test_guesses_go_from_the_most_probable_down(token, number):
    assert guess_number([0.1, 0.5, 0.3, 0.1], token) == number


def test_guess_numbers_are_ranks(model, tokenizer):
    ids = tokenizer.encode("the rat sat")
    numbers = guess_numbers(model, ids, range(len(ids)))
    for t, number in enumerate(numbers):
        ranking = np.argsort(-model.next_distribution(ids[:t]), kind="stable")
        assert ranking[number - 1] == ids[t]


def test_letters_are_guessed_without_regard_to_capitals(model, tokenizer):
    numbers, firsts = letter_guesses(model, tokenizer, TEXT, "The cat.\n")
    assert [number == 0 for number in numbers] == [False] * 7 + [True, True]
    assert all(1 <= number <= len(ALPHABET) for number in numbers[:7])
    # After a line break comes "t" or "T", together more probable than anything else.
    assert numbers[0] == 1 and firsts[0] == "t"
    right = [first == character for first, character in zip(firsts, "the cat", strict=False)]
    assert right == [number == 1 for number in numbers[:7]]


def test_spaces_that_nobody_sees_are_not_guessed(model, tokenizer):
    numbers, _ = letter_guesses(model, tokenizer, TEXT, "cat  \nthe cat ")
    assert numbers[3:6] == [0, 0, 0] and numbers[9] > 0 and numbers[-1] > 0


def test_the_game_contacts_no_host_and_is_the_same_every_time(model, tokenizer):
    rounds = [(TEXT, "</script> the cat")]
    page = game(model, tokenizer, rounds).data
    assert page == game(model, tokenizer, rounds).data
    assert "http" not in page and page.count("</script>") == 2
    state = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])
    assert state["rounds"][0]["passage"] == "</script> the cat"


def test_a_passage_without_letters_is_refused(model, tokenizer):
    with pytest.raises(UserError, match="nothing to guess"):
        game(model, tokenizer, [(TEXT, "the"), ("", "12.")])


def test_a_round_in_a_browser(model, tokenizer, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    page_file = tmp_path / "game.html"
    round_ = game(model, tokenizer, [("the cat sat on", " the mat.  \nThe"), ("the rat", " sat on")], goal=10)
    page_file.write_text(f"<!doctype html><meta charset=utf-8>{round_.data}", encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_file.as_uri())

        def type_(text: str) -> None:
            for character in text:
                page.locator(".keys button").first.focus()
                page.keyboard.press("Space" if character == " " else character)

        def cells(row: str) -> list[str]:
            return page.locator(f"{row} td").all_text_contents()

        said, strip = page.locator(".said"), page.locator(".strip")
        type_("e7")  # a wrong guess, one that doesn't count
        assert page.get_by_role("button", name="e", exact=True).is_disabled()
        page.get_by_role("button", name="space").click()
        assert cells(".you") == ["0%", "2", "after 10"]
        assert said.text_content().startswith("Yes, the space, at your second guess.")
        type_("the mat")  # the full stop, the spaces before the line break, and the break are given
        assert page.locator(".count").text_content() == "8 of 10"
        assert "␣2" in strip.text_content().replace(" ", "")
        page.get_by_role("button", name="Tell me").click()  # 27 left: 14 on average
        assert cells(".you")[:2] == ["78%", "23"]
        type_("h")
        assert "That's 10. You: " in said.text_content() and "Shannon's readers" in said.text_content()
        low, high = map(float, cells(".you")[2].split(" to "))
        assert 0 < low <= high
        assert page.get_by_role("button", name="a", exact=True).is_disabled()
        page.get_by_role("button", name="Go on").click()
        type_("e")
        assert "That's 11." in said.text_content() and page.get_by_role("button", name="Tell me").is_disabled()
        page.get_by_role("button", name="Another passage").click()
        assert page.locator(".before").text_content() == "the rat"
        page.get_by_role("button", name="Start over").click()
        assert page.locator(".count").text_content() == "0 of 10"
        assert not errors
        browser.close()
