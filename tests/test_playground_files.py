"""What Python in the page is made of is pinned, small, and comes from either of two sources."""

import hashlib
import io
import zipfile

import playground
import playground_files
import pytest

from companion.closure import PACKAGE
from companion.errors import UserError


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    """The files of other people; `make data` has put them into the cache."""
    return playground_files.obtain()


def test_every_file_is_there_and_not_too_large(files):
    named = {f"editor/{name.rpartition('/')[2]}" for name in playground_files.EDITOR}
    assert set(files) == {*playground_files.PYODIDE, *named, "pyodide-lock.json", "LICENSES.txt"}
    modules = playground_files.packed(playground.modules())
    assert sum(map(len, files.values())) + len(modules) <= playground_files.LARGEST


def test_the_licences_go_with_the_files(files):
    text = files["LICENSES.txt"].decode()
    for name in ("Mozilla Public License 2.0", "PYTHON SOFTWARE FOUNDATION LICENSE", "NumPy Developers"):
        assert name in text
    assert text.rstrip().endswith("OTHER DEALINGS IN\nTHE SOFTWARE.")  # the editor's, whole


def test_a_file_that_is_not_the_pinned_one_is_refused():
    pinned = {"a.js": hashlib.sha256(b"good").hexdigest()}
    assert playground_files.checked(pinned, lambda name: b"good") == {"a.js": b"good"}
    with pytest.raises(UserError, match=r"a\.js isn't the file this book was written with"):
        playground_files.checked(pinned, lambda name: b"bad")


def test_the_second_source_is_asked_only_if_the_first_has_nothing():
    def fail() -> dict[str, bytes]:
        raise UserError("The first one has nothing.")

    assert playground_files.first(lambda: {"a": b"1"}, fail) == {"a": b"1"}
    assert playground_files.first(fail, lambda: {"a": b"2"}) == {"a": b"2"}
    with pytest.raises(UserError, match="The first one has nothing"):
        playground_files.first(fail, fail)


def test_modules_are_packed_the_same_each_time(tmp_path):
    other = tmp_path / "other.py"
    other.write_text("x = 1\n")
    modules = [other, PACKAGE / "keys.py", PACKAGE / "cells" / "rnn.py"]
    packed = playground_files.packed(modules)
    assert packed == playground_files.packed(reversed(modules))
    archive = zipfile.ZipFile(io.BytesIO(packed))
    assert archive.namelist() == ["companion/cells/rnn.py", "companion/keys.py", "other.py"]
    assert archive.read("other.py") == b"x = 1\n"


def test_a_file_is_written_only_if_it_changed(tmp_path):
    playground_files.write(tmp_path, {"a/b.js": b"one", "c.zip": b"old"})
    before = (tmp_path / "a" / "b.js").stat().st_mtime_ns
    playground_files.write(tmp_path, {"a/b.js": b"one", "c.zip": b"new"})
    assert (tmp_path / "a" / "b.js").stat().st_mtime_ns == before
    assert (tmp_path / "c.zip").read_bytes() == b"new"
