"""The board keeps what was recorded, and notices if today's code gives a different score."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from companion.corpora import load_corpus
from companion.errors import UserError
from companion.evaluation import evaluate, score
from companion.ngrams import NGramModel
from companion.recipes import load_recipe
from companion.results import scoreboard
from companion.tokenizers import CharTokenizer


@pytest.fixture
def board(tmp_path):
    writes = scoreboard.Board(tmp_path / "scoreboard.json", recording=True)
    writes.record("six", "6-gram", "counting", score(1.5 * 100, 100), parameters=5)
    writes.record("one", "1-gram", "counting", score(3.0 * 100, 100))
    writes.record("good", "LSTM", "language-model", score(1.4 * 100, 100), seconds=61.7)
    return scoreboard.Board(writes.file, recording=False)


def test_rows_are_sorted_and_end_with_the_chapter(board):
    assert [row.name for row in board.rows()] == ["one", "six", "good"]
    assert [row.name for row in board.rows(until="counting")] == ["one", "six"]
    assert board.rows()[-1].seconds == 62
    with pytest.raises(UserError, match="no chapter 'cooking'"):
        board.rows(until="cooking")


def test_the_same_score_passes_and_another_does_not(board):
    before = board.file.read_bytes()
    assert board.record("six", "6-gram", "counting", score(1.501 * 100, 100)).name == "six"
    with pytest.raises(UserError, match="make scores"):
        board.record("six", "6-gram", "counting", score(1.6 * 100, 100))
    with pytest.raises(UserError, match="no row 'new'"):
        board.record("new", "new", "counting", score(100, 100))
    with pytest.raises(UserError, match="no chapter"):
        board.record("six", "6-gram", "cooking", score(100, 100))
    assert board.file.read_bytes() == before


@pytest.mark.parametrize("setting", ["1", ""])
def test_make_scores_writes_and_nothing_else_does(board, monkeypatch, setting):
    monkeypatch.setenv(scoreboard.RECORD_VARIABLE, setting)
    asked = scoreboard.Board(board.file)
    if setting:
        asked.record("six", "6-gram", "counting", score(1.6 * 100, 100))
        assert len(board.rows()) == 3 and board.rows()[1].bits_per_character == pytest.approx(1.6 / np.log(2), abs=1e-4)
    else:
        with pytest.raises(UserError, match="make scores"):
            asked.record("six", "6-gram", "counting", score(1.6 * 100, 100))


def test_chapters_that_record_at_once_lose_no_row(tmp_path, monkeypatch):
    board, reads = scoreboard.Board(tmp_path / "scoreboard.json", recording=True), scoreboard.read_json

    def slowly(*given):
        found = reads(*given)
        time.sleep(0.02)  # in which another one may write
        return found

    monkeypatch.setattr(scoreboard, "read_json", slowly)
    with ThreadPoolExecutor(8) as chapters:
        list(chapters.map(lambda n: board.record(f"row {n}", f"row {n}", "counting", score(100, 100)), range(8)))
    assert len(board.rows()) == 8
    assert [path.name for path in tmp_path.iterdir()] == ["scoreboard.json"]


def test_the_table_and_the_figure_show_every_row(board):
    html = board.table()._repr_html_()
    assert "6-gram" in html and "2.16" in html and "62 s" in html
    (ax,) = board.chart(until="language-model").axes
    assert [label.get_text() for label in ax.get_yticklabels()] == ["1-gram", "6-gram", "LSTM"]
    colours = [bar.get_facecolor() for bar in ax.patches]
    assert colours[0] == colours[1] != colours[2], "the chapter's own row is in colour"


# -- The book's own board --------------------------------------------------------------------------------------------


def test_the_books_own_board_has_every_chapter_s_rows_once():
    rows = scoreboard.rows()
    assert len({row.name for row in rows}) == len({row.label for row in rows}) == len(rows)
    assert {row.chapter for row in rows} == set(scoreboard.CHAPTERS)


def test_the_books_own_board_says_what_counting_gives():
    train, _, test = load_corpus("shakespeare").split()
    tokenizer = CharTokenizer.train(train)
    bits = {row.name: row.bits_per_character for row in scoreboard.rows("counting")}
    assert bits["uniform"] == pytest.approx(np.log2(tokenizer.vocab_size), abs=1e-4)
    model = NGramModel(order=3, vocab_size=tokenizer.vocab_size).fit(tokenizer.encode(train))
    test_ids = tokenizer.encode(test)
    for name, order in (("1gram", 1), ("3gram", 3)):
        found = evaluate(model.with_order(order), test_ids).bits_per_character
        assert bits[name] == pytest.approx(found, abs=2e-4), name


def test_the_books_own_board_says_what_its_shipped_network_scored():
    (row,) = (row for row in scoreboard.rows() if row.name == "shakespeare-chars")
    trained = load_recipe("shakespeare-chars")
    assert row.bits_per_character == pytest.approx(trained.score.bits_per_character, abs=scoreboard.TOLERANCE)
    assert row.parameters == trained.model.count_params()
