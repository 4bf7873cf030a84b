"""Files are written whole or not at all, and read with a sentence when they can't be."""

import errno
import os

import pytest

from companion.errors import UserError
from companion.storage import cache_dir, directory_atomically, read_json, sha256, write_atomically


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "kept.txt"
    write_atomically(path, "old")

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="disk is full"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]  # no temporary file is left


def test_a_folder_is_replaced_only_when_the_new_one_is_complete(tmp_path):
    folder = tmp_path / "model"
    with directory_atomically(folder) as new:
        (new / "a").write_text("first")
    with pytest.raises(RuntimeError), directory_atomically(folder) as new:
        (new / "a").write_text("second")
        raise RuntimeError("interrupted")
    assert (folder / "a").read_text() == "first"
    with directory_atomically(folder) as new:
        (new / "b").write_text("third")
    assert [path.name for path in folder.iterdir()] == ["b"]
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_what_is_written_may_be_read_by_whom_the_user_lets(tmp_path):
    with directory_atomically(tmp_path / "model") as new:
        (new / "a").write_text("first")
    write_atomically(tmp_path / "file", "text")
    (tmp_path / "usual").mkdir()
    (tmp_path / "usual" / "file").write_text("text")
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "usual").stat().st_mode
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual" / "file").stat().st_mode


def test_the_cache_folder_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.delenv("GATE_BY_GATE_CACHE")
    assert "gate-by-gate" in str(cache_dir())


def test_json_that_is_none_is_refused(tmp_path):
    with pytest.raises(UserError, match="There is no file"):
        read_json(tmp_path / "none.json", "a tokenizer")
    (tmp_path / "bad.json").write_bytes(b"\xff{")
    with pytest.raises(UserError, match="can't be read as a tokenizer"):
        read_json(tmp_path / "bad.json", "a tokenizer")


def test_sha256_of_bytes_and_of_a_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(b"abc") == sha256(tmp_path / "abc") == known
