"""The board keeps what was recorded, and notices when today's code gives another score."""

import pytest

from companion.errors import UserError
from companion.evaluation import score
from companion.results import scoreboard


@pytest.fixture
def board(tmp_path, monkeypatch):
    monkeypatch.setattr(scoreboard, "FILE", tmp_path / "scoreboard.json")
    monkeypatch.setenv(scoreboard.RECORD_VARIABLE, "1")
    scoreboard.record("six", "6-gram", "counting", score(1.5 * 100, 100), parameters=5)
    scoreboard.record("one", "1-gram", "counting", score(3.0 * 100, 100))
    scoreboard.record("good", "LSTM", "language-model", score(1.4 * 100, 100), seconds=61.7)
    monkeypatch.delenv(scoreboard.RECORD_VARIABLE)
    return scoreboard


def test_rows_are_sorted_and_end_with_the_chapter(board):
    assert [row.name for row in board.rows()] == ["one", "six", "good"]
    assert [row.name for row in board.rows(until="counting")] == ["one", "six"]
    assert board.rows()[-1].seconds == 62


def test_the_same_score_passes_and_another_does_not(board):
    assert board.record("six", "6-gram", "counting", score(1.501 * 100, 100)).name == "six"
    with pytest.raises(UserError, match="make scores"):
        board.record("six", "6-gram", "counting", score(1.6 * 100, 100))
    with pytest.raises(UserError, match="no row 'new'"):
        board.record("new", "new", "counting", score(100, 100))
    with pytest.raises(UserError, match="no chapter"):
        board.record("six", "6-gram", "cooking", score(100, 100))


def test_the_table_and_the_figure_show_every_row(board):
    html = board.table()._repr_html_()
    assert "6-gram" in html and "2.16" in html and "62 s" in html
    drawn = scoreboard.chart(until="language-model")
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["1-gram", "6-gram", "LSTM"]


def test_the_books_own_board_is_in_order():
    rows = scoreboard.rows()
    assert len({row.name for row in rows}) == len(rows)
    assert all(0.5 < row.bits_per_character < 7 for row in rows)
