"""Texts that a reader gives: encodings, marks, line ends, and what isn't text at all."""

import codecs
import io
import sys
from pathlib import Path

import pytest
from command_line import CATS, QUICK, refused, run

from companion.cli import texts
from companion.cli.texts import lines_of_standard_input, read_text

TEXT = "Zoë said: “Où?”\nThe cat sat.\n\nA dog.\n"


@pytest.fixture
def given(monkeypatch):
    """A function that makes bytes the standard input, like a pipe."""

    def give(data: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data), encoding="utf-8", errors="strict"))

    return give


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        "\ufeff".encode("utf-16-be") + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r").encode(),
        TEXT.replace("\n", "\r\n").encode("utf-16"),
        TEXT.replace("The", "\ufeffThe").encode(),  # two files with marks, concatenated
    ],
    ids=["plain", "mark", "UTF-16", "UTF-16BE", "UTF-32", "CRLF", "CR", "UTF-16 CRLF", "mark in the middle"],
)
def test_a_text_is_the_same_in_every_form(tmp_path, given, data):
    (tmp_path / "t.txt").write_bytes(data)
    assert read_text(str(tmp_path / "t.txt")) == TEXT
    given(data)
    assert read_text("-") == TEXT
    given(data)
    assert [line for line in "".join(lines_of_standard_input()).split("\n") if line] == TEXT.replace(
        "\n\n", "\n"
    ).split("\n")[:-1]


BAD_TEXTS = {
    "missing": (None, "There is no file"),
    "empty": (b"", "is empty"),
    "blank": (b" \n\n ", "is empty"),
    "only a mark": ("".encode("utf-8-sig"), "is empty"),
    "not UTF-8": (b"caf\xe9 " * 2000, "isn't UTF-8 text (byte 3 isn't part of a character); save it as UTF-8"),
    "a program": (bytes(range(256)) * 50, "zero bytes"),
    "UTF-16 without a mark": ("The cat. ".encode("utf-16-le") * 1000, "UTF-16 without a mark"),
    "half a UTF-16 text": ("The cat. ".encode("utf-16")[:-1], "begins as UTF-16 text, but isn't"),
    "a zero in it": (b"The cat sat.\0" * 1000, "zero bytes"),
    "short": (b"Too short.", "too few"),
}


@pytest.mark.parametrize("kind", BAD_TEXTS)
def test_a_bad_text_is_reported(capsys, tmp_path, kind):
    content, says = BAD_TEXTS[kind]
    if content is not None:
        (tmp_path / "t.txt").write_bytes(content)
    assert says in refused(capsys, "train", tmp_path / "t.txt", "--out", tmp_path / "m", *QUICK)
    assert not (tmp_path / "m").exists()
    if kind != "short":
        assert says in refused(capsys, "evaluate", "grammar-tiny", tmp_path / "t.txt")
        assert says in refused(capsys, "summarise", tmp_path / "t.txt")


def test_a_folder_isn_t_a_text(capsys, tmp_path):
    for words in (["train", tmp_path, "--out", tmp_path / "m"], ["summarise", tmp_path]):
        assert "is a folder" in refused(capsys, *words)
    for words in (["train", "", "--out", tmp_path / "m"], ["summarise", ""], ["evaluate", "grammar-tiny", ""]):
        assert "is empty" in refused(capsys, *words)


@pytest.mark.parametrize("data", [b"\0" * 5_001, TEXT.encode() * 500, b"x" * 5_001, TEXT.encode("utf-16") * 500])
def test_a_text_without_end_is_reported_before_the_memory_is_full(capsys, tmp_path, given, monkeypatch, data):
    """Such as /dev/zero, or a pipe from a program that never stops."""
    monkeypatch.setattr(texts, "LARGEST_TEXT", 5_000)
    (tmp_path / "t.txt").write_bytes(data)
    for words in (["train", tmp_path / "t.txt", "--out", tmp_path / "m"], ["evaluate", "grammar-tiny", "-"]):
        given(data)
        assert "or endless; give a file" in refused(capsys, *words)
    if b"\n" not in data[:5_000] or data.startswith(codecs.BOM_UTF16):
        given(data)
        assert "the standard input is larger than" in refused(capsys, "answer")


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_special_file_is_read_to_its_bound_only(capsys, monkeypatch):
    monkeypatch.setattr(texts, "LARGEST_TEXT", 10_000_000)
    assert "/dev/zero is larger than 0.01 GB, or endless" in refused(capsys, "summarise", "/dev/zero")


def test_a_terminal_is_asked_for_its_end_once(monkeypatch):
    """After Ctrl-D it would go on and wait for more."""
    reads = []

    class Terminal(io.BytesIO):
        def read(self, size=-1):
            assert not reads, "asked again"
            reads.append(size)
            return TEXT.encode()

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(Terminal(), encoding="utf-8"))
    assert read_text("-") == TEXT and reads


def test_bad_bytes_of_the_standard_input_are_reported(capsys, given):
    given(b"Ada went to the hall.\nWhere is Ad\xe4?\n")
    assert "Line 2 of the standard input isn't UTF-8 text (byte 11 " in refused(capsys, "answer")
    given(b"h\xe4ll")
    assert "the standard input isn't UTF-8 text" in refused(capsys, "summarise", "-")


def test_answers_come_line_by_line(capsys, given):
    """They come before the end of the input, which may be typed: the last line, which can't be read, comes later."""
    given(b"\xef\xbb\xbfAda went to the hall.\r\nWhere is Ada?\r\n\xff\n")
    code, out, err = run(capsys, "answer")
    assert code == 2 and out.startswith("Where is Ada?\n  hall") and "Line 3 of the standard input" in err


def test_a_closed_standard_input_is_reported(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "standard input is closed" in refused(capsys, "answer")
    assert "standard input is closed" in refused(capsys, "summarise", "-")


def test_a_text_of_one_line_is_trained_on_and_continued(capsys, tmp_path):
    """It may come from standard input, with the line ends of old Macs."""
    (tmp_path / "t.txt").write_bytes(CATS.replace("\n", " ").encode() * 150)
    code, out, _ = run(capsys, "train", tmp_path / "t.txt", "--out", tmp_path / "m", *QUICK)
    assert code == 0 and "6,750 characters" in out
    code, out, _ = run(capsys, "generate", tmp_path / "m", "--max-tokens", 5)
    assert code == 0 and len(out) == len(" ") + 5 + len("\n")
