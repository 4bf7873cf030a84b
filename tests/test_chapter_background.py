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
    numbers = letter_guesses(model, tokenizer, TEXT, "The cat.\n")
    assert [number == 0 for number in numbers] == [False] * 7 + [True, True]
    assert all(1 <= number <= len(ALPHABET) for number in numbers[:7])
    # After a line break comes "t" or "T", together more probable than anything else.
    assert numbers[0] == 1


def test_the_game_contacts_no_host_and_is_the_same_every_time(model, tokenizer):
    page = game(model, tokenizer, before=TEXT, passage="</script> the cat").data
    assert page == game(model, tokenizer, before=TEXT, passage="</script> the cat").data
    assert "http" not in page and page.count("</script>") == 2
    state = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])
    assert state["passage"] == "</script> the cat"


def test_a_passage_without_letters_is_refused(model, tokenizer):
    with pytest.raises(UserError, match="nothing to guess"):
        game(model, tokenizer, before="", passage="12.")


def test_a_round_in_a_browser(model, tokenizer, tmp_path):
    sync_api = pytest.importorskip("playwright.sync_api")
    chromium = shutil.which("chromium")
    if not chromium:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    page_file = tmp_path / "game.html"
    round_ = game(model, tokenizer, before="the cat sat on", passage=" the mat.\nThe")
    page_file.write_text(f"<!doctype html><meta charset=utf-8>{round_.data}", encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(page_file.as_uri())

        def type_(text: str) -> None:
            for character in text:
                page.locator("input").press_sequentially(character)

        def you() -> list[str]:
            return page.locator(".you td").all_text_contents()

        type_("e7 ")  # a wrong guess, one that does not count, the space
        assert you()[:4] == ["you", "1", "2", "0 %"]
        assert page.locator(".said").text_content().startswith("Yes, the space.")
        type_("the mat")  # the full stop and the line break are given
        assert page.locator(".found").text_content() == " the mat.\n"
        assert you() == ["you", "8", "9", "88 %", "0.3 to 0.5"]
        page.get_by_role("button", name="Tell me").click()  # 27 letters left: 14 on average
        assert you()[1:3] == ["9", "23"]
        type_("HE")
        assert page.locator("input").is_disabled()
        assert page.locator(".model td").first.text_content() == "the model"
        assert page.locator(".model td").nth(1).text_content() == "11"
        page.get_by_role("button", name="Start over").click()
        assert you()[1:3] == ["0", "0"]
        assert not errors
        browser.close()
