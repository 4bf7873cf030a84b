"""Files are written whole or not at all, by one process at a time, and one sentence reports what the system refuses."""

import contextlib
import errno
import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from companion.errors import UserError, disk_errors
from companion.storage import (
    beside,
    cache_dir,
    check_writable,
    directory_atomically,
    locked,
    read_json,
    sha256,
    write_atomically,
)

ROOT = Path(__file__).resolve().parents[1]
IMPORTS = """
import os, sys, time
from pathlib import Path
from companion.errors import UserError
from companion.storage import *
"""


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    """A separate cache folder, which holds the locks."""
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(folder))
    return folder


def start(code, *arguments, within=(), **environment):
    """Another Python that runs some code."""
    command = [*within, sys.executable, "-c", IMPORTS + code, *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | environment
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def run(code, *arguments, **options):
    """The output of some code in another Python, which has to succeed."""
    process = start(code, *arguments, **options)
    said = process.communicate()[0]
    assert process.returncode == 0, said
    return said


def save(folder, content, **options):
    with directory_atomically(folder, **options) as new:
        (new / "weights").write_text(content)
        (new / "model.json").write_text(content)


def content(folder):
    """The content of a folder that `save` wrote."""
    assert sorted(os.listdir(folder)) == ["model.json", "weights"]
    (found,) = {path.read_text() for path in folder.iterdir()}
    return found


def broken_replace(monkeypatch, failing):
    """Let some calls of os.replace fail, counted from 1."""
    replace, calls = os.replace, []

    def replaced(*paths):
        calls.append(paths)
        if len(calls) in failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        replace(*paths)

    monkeypatch.setattr(os, "replace", replaced)


# -- a file ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "your disk quota is used up"),
        (errno.EFBIG, "the file would be larger than the limit on file sizes"),
        (errno.EIO, "the system says Input/output error"),
    ],
)
def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch, number, says):
    path = tmp_path / "kept.txt"
    write_atomically(path, "old")

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(UserError, match=f"Can't write .*kept.txt: {says}"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]  # no temporary file is left


def test_errors_not_about_the_disk_are_passed_on():
    with pytest.raises(BrokenPipeError), disk_errors("m"):
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")
    missing = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/none")
    with pytest.raises(UserError, match=r"system says No such file or directory \(/none\); check"), disk_errors("m"):
        raise missing


def test_processes_may_write_the_same_file(tmp_path):
    code = "for n in range(50): write_atomically(sys.argv[1], sys.argv[2] * 100_000)"
    processes = [start(code, tmp_path / "file", letter) for letter in "abc"]
    for process in processes:
        assert (process.wait(), process.stdout.read()) == (0, "")
    assert (tmp_path / "file").read_text() in {letter * 100_000 for letter in "abc"}
    assert os.listdir(tmp_path) == ["file"]


def test_a_link_to_a_file_stays_a_link(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "data" / "file")
    for text in ("first", "second"):
        write_atomically(tmp_path / "link", text)
        assert (tmp_path / "data" / "file").read_text() == text
    assert (tmp_path / "link").is_symlink()
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["data", "file", "link"]


def test_only_a_file_is_replaced(tmp_path):
    for path, says in [(tmp_path, "a folder already has this name"), ("", "is empty"), ("/", "the root of the file")]:
        with pytest.raises(UserError, match=says):
            write_atomically(path, "text")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="isn't a regular file"):
        write_atomically(tmp_path / "pipe", "text")
    assert os.listdir(tmp_path) == ["pipe"]


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_written_files_follow_the_umask(tmp_path):
    """The umask itself is never changed, because all threads share it."""
    code = """
os.umask(int(sys.argv[2], 8))
del os.umask
folder = Path(sys.argv[1])
with directory_atomically(folder / "model") as new:
    (new / "a").write_text("first")
write_atomically(folder / "file", "text")
(folder / "usual").mkdir()
(folder / "usual" / "file").write_text("text")
print(*(oct((folder / name).stat().st_mode) for name in ["model", "usual", "file", "usual/file"]))
"""
    for mask in ("022", "077", "002"):
        (tmp_path / mask).mkdir()
        model, folder, written, file = run(code, tmp_path / mask, mask).split()
        assert (model, written) == (folder, file)


# -- a folder --------------------------------------------------------------------------------------------------------


def test_a_folder_is_replaced_only_when_the_new_one_is_complete(tmp_path):
    folder = tmp_path / "model"
    save(folder, "first")
    with pytest.raises(RuntimeError), directory_atomically(folder) as new:
        (new / "model.json").write_text("second")
        raise RuntimeError("interrupted")
    assert content(folder) == "first"
    with directory_atomically(folder) as new:
        (new / "model.json").write_text("third")
    assert [path.name for path in folder.iterdir()] == ["model.json"]
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("case", ["with locks", "without locks", "the current folder"])
def test_processes_and_threads_may_save_the_same_folder(tmp_path, cache, case):
    code = """
import threading
Path(sys.argv[1]).mkdir(exist_ok=True)
folder = Path(sys.argv[1])
if sys.argv[3] == "the current folder":
    os.chdir(folder)
def save(letter):
    for n in range(40):
        with directory_atomically(folder) as new:
            (new / "weights").write_text(letter)
            (new / "model.json").write_text(letter)
threads = [threading.Thread(target=save, args=[letter]) for letter in sys.argv[2]]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""
    caches = {"ab": cache / "ab", "cd": cache / "cd"} if case == "without locks" else {"ab": cache, "cd": cache}
    processes = [
        start(code, tmp_path / "model", letters, case, GATE_BY_GATE_CACHE=str(folder))
        for letters, folder in caches.items()
    ]
    for process in processes:
        assert (process.wait(), process.stdout.read()) == (0, "")
    assert content(tmp_path / "model") in "abcd"
    assert os.listdir(tmp_path) == ["model"]


def test_the_second_of_two_writers_loses_nothing(tmp_path):
    folder = tmp_path / "model"
    with (
        pytest.raises(UserError, match=r"Something else is at .*model by now .*; this result is in .*model-2\."),
        directory_atomically(folder, replace=False) as new,
    ):
        for name in ("model.json", "weights"):
            (new / name).write_text("second")
        save(folder, "first", replace=False)
    with pytest.raises(UserError, match=r"this result is in .*model-3\."):
        save(folder, "third", replace=False)
    found = {path.name: content(path) for path in tmp_path.iterdir()}
    assert found == {"model": "first", "model-2": "second", "model-3": "third"}


def test_a_folder_that_is_not_an_older_version_is_never_replaced(tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("years")
    (tmp_path / "notes").write_text("days")
    for name in ("thesis", "notes"):
        with pytest.raises(UserError, match=f"and was kept as it was; this result is in .*{name}-2"):
            save(tmp_path / name, "model")
        assert content(tmp_path / f"{name}-2") == "model"
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "years"
    assert (tmp_path / "notes").read_text() == "days"
    (tmp_path / "empty").mkdir()
    save(tmp_path / "empty", "model", replace=False)
    assert content(tmp_path / "empty") == "model"


def test_the_old_folder_is_put_back_if_the_new_one_can_t_take_its_place(tmp_path, monkeypatch):
    save(tmp_path / "model", "old")
    with monkeypatch.context() as patch, pytest.raises(UserError, match="the system says Input/output error"):
        broken_replace(patch, [2])
        save(tmp_path / "model", "new")
    assert content(tmp_path / "model") == "old"
    assert os.listdir(tmp_path) == ["model"]
    with monkeypatch.context() as patch, pytest.raises(UserError, match="its content is in (.*); rename") as told:
        broken_replace(patch, [2, 3])
        save(tmp_path / "model", "new")
    (aside,) = tmp_path.iterdir()
    assert content(aside) == "old" and str(aside) in str(told.value)


def test_a_link_to_a_folder_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to("data/model", target_is_directory=True)  # which is not there yet
    for text in ("first", "second"):
        save(tmp_path / "link", text)
        assert (tmp_path / "link").is_symlink() and content(tmp_path / "data" / "model") == text
    assert sorted(os.listdir(tmp_path)) == ["data", "link"] and os.listdir(tmp_path / "data") == ["model"]
    (tmp_path / "round").symlink_to("round")
    with pytest.raises(UserError, match="lead round in a circle"):
        save(tmp_path / "round", "third")


@pytest.mark.parametrize("name", [".", "../here", "sub/.."])
def test_the_files_of_the_current_folder_are_replaced_one_by_one(tmp_path, monkeypatch, name):
    here = tmp_path / "here"
    (here / "sub").mkdir(parents=True)
    (here / "notes").write_text("kept")
    monkeypatch.chdir(here)
    for text in ("first", "second"):
        save(name, text)
    number = here.stat().st_ino
    with pytest.raises(UserError, match=r"this result is in .*here/here-2"):
        save(name, "third", replace=False)
    assert content(here / "here-2") == "third"
    assert {path.name: path.read_text() for path in here.iterdir() if path.is_file()} == {
        "notes": "kept",
        "weights": "second",
        "model.json": "second",
    }
    assert sorted(os.listdir()) == ["here-2", "model.json", "notes", "sub", "weights"]
    assert os.listdir(tmp_path) == ["here"] and Path(".").stat().st_ino == number


@pytest.mark.parametrize("failing", range(1, 5))
def test_all_files_are_replaced_one_by_one_or_none(tmp_path, monkeypatch, failing):
    monkeypatch.chdir(tmp_path)
    save(".", "old")
    with monkeypatch.context() as patch, pytest.raises(UserError, match="Input/output error"):
        broken_replace(patch, [failing])
        save(".", "new")
    assert content(tmp_path) == "old"


def test_the_description_is_removed_first_and_written_last(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(".", "old")
    replace, seen = os.replace, []

    def replaced(*paths):
        seen.append(sorted(os.listdir(tmp_path)))
        replace(*paths)

    monkeypatch.setattr(os, "replace", replaced)
    save(".", "new")
    between = [[name for name in names if not name.startswith(".")] for names in seen[1:]]
    assert between == [["weights"], [], ["weights"]]


def mounted(folder, *options):
    """A command that runs others with a file system in memory mounted at a folder."""
    folder.mkdir()
    mount = f'mount -t tmpfs tmpfs {folder} && {" ".join(options)} exec "$@"'
    within = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", mount, "sh"]
    if not shutil.which("unshare") or subprocess.run([*within, "true"], capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    return within


SAVE_TWICE = """
folder, made = sys.argv[1:]
check_writable(folder, ".checkpoint.npz")
for text in ("first", "second"):
    if text == made:
        Path(folder, "lost+found").mkdir()
    with directory_atomically(folder) as new:
        (new / "weights").write_text(text)
        (new / "model.json").write_text(text)
print(sorted(os.listdir(folder)), Path(folder, "weights").read_text())
"""
SAVED_TWICE = "['lost+found', 'model.json', 'weights'] second\n"


def test_a_mounted_folder_is_written(tmp_path):
    folder = tmp_path / "mnt"
    within = mounted(folder)
    assert run(SAVE_TWICE, folder, "first", within=within) == SAVED_TWICE
    assert run("print(beside(sys.argv[1], '.npz'))", folder, within=within) == f"{folder}/npz\n"
    assert os.listdir(tmp_path) == ["mnt"]


def test_a_mounted_folder_of_the_same_disk_is_written(tmp_path):
    """os.path.ismount can't detect it."""
    folder, other = tmp_path / "out", tmp_path / "other"
    folder.mkdir()
    other.mkdir()
    within = mounted(tmp_path / "mnt", f"mount --bind {other} {folder} &&")
    assert run(SAVE_TWICE, folder, "second", within=within) == SAVED_TWICE
    assert sorted(os.listdir(other)) == ["lost+found", "model.json", "weights"] and os.listdir(folder) == []
    assert sorted(os.listdir(tmp_path)) == ["mnt", "other", "out"]


def test_a_folder_in_a_read_only_folder_is_written(tmp_path):
    """Like a container's volume, which may be written to although the folder it is in may not."""
    outer = tmp_path / "outer"
    more = f"mkdir {outer}/out && mount -t tmpfs tmpfs {outer}/out && mount -o remount,ro {outer} &&"
    within = mounted(outer, more)
    assert run(SAVE_TWICE, outer / "out", "first", within=within) == SAVED_TWICE
    code = "try: check_writable(sys.argv[1])\nexcept UserError as error: print(error)"
    said = run(code, outer / "new", within=within)
    assert said == f"Can't write {outer}/new: this folder is read-only; choose another and try again.\n"


@pytest.mark.skipif(os.name != "posix", reason="limits as POSIX has them")
def test_the_limit_on_file_sizes_is_reported(tmp_path):
    code = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
try: write_atomically(sys.argv[1] + "/file", 50_000 * "x")
except UserError as error: print(error)
try:
    with directory_atomically(sys.argv[1] + "/folder") as new:
        (new / "file").write_text(50_000 * "x")
except UserError as error: print(error)
"""
    said = run(code, tmp_path)
    assert said.count("limit on file sizes") == said.count("\n") == 2
    assert os.listdir(tmp_path) == []


# -- before hours of work --------------------------------------------------------------------------------------------


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path, monkeypatch):
    save(tmp_path / "old", "content")
    (tmp_path / "link").symlink_to("linked")
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path / "new", tmp_path / "old", tmp_path / "link", ".", "deep/new", 245 * "n"):
        check_writable(folder, ".npz")
    assert sorted(os.listdir(tmp_path)) == ["deep", "link", "old"] and os.listdir("deep") == []
    assert content(tmp_path / "old") == "content"
    save(245 * "n", "first")
    save(245 * "n", "second")
    assert content(tmp_path / (245 * "n")) == "second"
    with pytest.raises(UserError, match="this result is in"):
        save(245 * "n", "third", replace=False)


@pytest.mark.parametrize(
    ("folder", "says"),
    [
        ("", "is empty; give a name"),
        ("/", "is the root of the file system; choose a folder in it"),
        ("file", "file is a file; choose another name for the folder"),
        ("file/m", "file is a file, not a folder; choose another path"),
        ("file/deep/m", "file is a file, not a folder; choose another path"),
        (256 * "n", "the name is too long; choose a shorter one"),
        (245 * "n", "the name is too long; choose a shorter one"),  # with .checkpoint.npz
        (256 * "n" + "/m", "the name is too long; choose a shorter one"),
        ("round/m", "lead round in a circle"),
        ("/proc/m", "Can't write /proc/m"),
    ],
)
def test_a_folder_that_can_t_be_written_is_reported_beforehand(tmp_path, monkeypatch, folder, says):
    monkeypatch.chdir(tmp_path)
    Path("file").write_text("text")
    Path("round").symlink_to("round")
    with pytest.raises(UserError, match=says) as told:
        check_writable(folder, ".npz", ".checkpoint.npz")
    assert "\n" not in str(told.value)
    assert sorted(os.listdir(tmp_path)) == ["file", "round"]


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_folder_without_permission_is_reported_beforehand(tmp_path):
    code = """
import filelock  # while all of Python may be read
if os.geteuid() == 0: os.seteuid(65534)
for folder in (Path(sys.argv[1], "locked", "new"), Path(sys.argv[1], "locked", "deep", "new")):
    try: check_writable(folder)
    except UserError as error: print(error)
"""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        with contextlib.suppress(PermissionError):
            folder.chmod(0o755)
    (tmp_path / "locked").mkdir(mode=0o555)
    said = run(code, tmp_path)
    assert said.count("this folder may not be written to; choose another") == said.count("\n") == 2


def test_a_file_that_goes_with_a_folder_is_next_to_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert beside("model", ".checkpoint.npz") == Path("model.checkpoint.npz")
    assert beside(tmp_path / "a" / "m", ".npz") == tmp_path / "a" / "m.npz"
    assert beside(".", ".checkpoint.npz") == tmp_path / "checkpoint.npz"
    assert beside("a/../b/..", ".checkpoint.npz") == tmp_path / "checkpoint.npz"
    Path("link").symlink_to("data/model")
    assert beside("link", ".npz") == tmp_path / "data" / "model.npz"


# -- one at a time ---------------------------------------------------------------------------------------------------

HOLD = """
with locked(sys.argv[1], doing="training into"):
    print("held", flush=True)
    time.sleep(600)
"""


def test_a_path_is_held_until_its_process_ends_however_it_ends(tmp_path, cache):
    (tmp_path / "same").symlink_to("model")
    other = start(HOLD, tmp_path / "model")
    try:
        assert other.stdout.readline() == "held\n"
        sentence = "Another process is already training into .*same; wait for it to finish, or choose another folder."
        for wait in (0, 0.3):
            with pytest.raises(UserError, match=sentence), locked(tmp_path / "same", wait, "training into"):
                pytest.fail("two held it")
        with locked(tmp_path / "another", wait=0):
            pass
        save(tmp_path / "model", "written")  # writing doesn't need the lock
    finally:
        other.kill()
        other.wait()
    with locked(tmp_path / "same", wait=60):
        assert list(cache.rglob("*.lock"))
    assert not list(cache.rglob("*.lock"))
    assert sorted(os.listdir(tmp_path)) == ["model", "same"]


def test_a_waiting_process_is_told_once(tmp_path):
    other = start(HOLD, tmp_path / "m")
    assert other.stdout.readline() == "held\n"
    told = []

    def tell(sentence):
        told.append(sentence)
        other.kill()

    with locked(tmp_path / "m", on_wait=tell):
        assert told == [f"Another process is already writing {tmp_path / 'm'}; waiting for it to finish."]
    other.wait()
    with locked(tmp_path / "m", on_wait=tell):
        assert len(told) == 1


@pytest.mark.parametrize("workers", ["threads", "processes"])
def test_only_one_at_a_time_holds_a_path(tmp_path, workers):
    """Each adds 1 to a number by reading and writing it, which would lose some if two did it at once."""
    number = tmp_path / "number"
    number.write_text("0")
    code = """
for n in range(25):
    with locked(sys.argv[1] + "/m"):
        number = Path(sys.argv[1], "number")
        found = int(number.read_text())
        time.sleep(0.001)
        number.write_text(str(found + 1))
"""
    if workers == "processes":
        processes = [start(code, tmp_path) for _ in range(3)]
        assert [(process.wait(), process.stdout.read()) for process in processes] == 3 * [(0, "")]
    else:

        def count():
            for _ in range(25):
                with locked(tmp_path / "m"), locked(tmp_path / "m", wait=0):  # the same thread may hold it twice
                    number.write_text(str(int(number.read_text()) + 1))

        threads = [threading.Thread(target=count) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert number.read_text() == "75"


def test_without_locks_the_work_is_done_anyway(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "file"))
    for bad in (tmp_path / "file", tmp_path / "file" / "cache", "relative"):
        monkeypatch.setenv("GATE_BY_GATE_CACHE", str(bad))
        with locked(tmp_path / "model"):
            save(tmp_path / "model", "written")
        assert content(tmp_path / "model") == "written"
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    with locked(tmp_path / "model"):
        assert len(list((tmp_path / "temporary").rglob("*.lock"))) == 1


# -- the cache, and reading ------------------------------------------------------------------------------------------


def test_the_cache_folder_can_be_chosen(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    assert cache_dir() == tmp_path
    monkeypatch.setenv("GATE_BY_GATE_CACHE", "~/models")
    assert cache_dir() == Path.home() / "models"
    for unset in ("", None):
        monkeypatch.setenv("GATE_BY_GATE_CACHE", "") if unset == "" else monkeypatch.delenv("GATE_BY_GATE_CACHE")
        assert "gate-by-gate" in str(cache_dir())


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ("cache", "is a relative path"),
        ("../cache", "is a relative path"),
        ("file", "is a file; set GATE_BY_GATE_CACHE to the path of a folder"),
        ("~nobody-of-this-name/cache", "begins with an unknown user; set GATE_BY_GATE_CACHE"),
    ],
)
def test_a_bad_cache_folder_is_reported(tmp_path, monkeypatch, value, says):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path / value) if value == "file" else value)
    with pytest.raises(UserError, match=says):
        cache_dir()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"\xff{", r"byte 0 is not UTF-8"),
        (b'{"a": 1', r"line 1: Expecting"),
        (b"", "line 1: Expecting value"),
        (b"[" * 100_000, "brackets are nested too deeply"),
        (b"[NaN]", "NaN isn't a JSON number"),
        (b"[-Infinity]", "-Infinity isn't a JSON number"),
        (b"[1e999]", "1e999 isn't a JSON number"),
        (b"1" * 10_000, "Exceeds the limit"),
    ],
)
def test_a_file_that_isn_t_json_is_reported(tmp_path, data, says):
    (tmp_path / "bad.json").write_bytes(data)
    with pytest.raises(UserError, match=rf"bad.json can't be read as a tokenizer \({says}.*\); it should be JSON"):
        read_json(tmp_path / "bad.json", "a tokenizer")


def test_unreadable_files_are_reported(tmp_path):
    (tmp_path / "good.json").write_text(json.dumps({"a": [1, 0.5, "ü", None]}))
    assert read_json(tmp_path / "good.json", "a tokenizer") == {"a": [1, 0.5, "ü", None]}
    for missing in (tmp_path / "none.json", tmp_path / "good.json" / "none.json"):
        with pytest.raises(UserError, match="There is no file .*none.json; expected a tokenizer saved by this package"):
            read_json(missing, "a tokenizer")
    with pytest.raises(UserError, match="is a folder; expected a tokenizer"):
        read_json(tmp_path, "a tokenizer")
    with open(tmp_path / "huge.json", "wb") as file:
        file.truncate(300 * 2**20)  # a sparse file, which takes no space
    with pytest.raises(UserError, match="huge.json can't be read as a tokenizer .300 MB, more than 256"):
        read_json(tmp_path / "huge.json", "a tokenizer")
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(UserError, match="not a regular file"):
        read_json(tmp_path / "pipe.json", "a tokenizer")


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_a_file_without_permission_is_reported(tmp_path):
    code = """
if os.geteuid() == 0: os.seteuid(65534)
for name in ("private.json", "private/file.json"):
    try: read_json(Path(sys.argv[1], name), "a tokenizer")
    except UserError as error: print(error)
"""
    for folder in (tmp_path, *tmp_path.parents[:3]):
        with contextlib.suppress(PermissionError):
            folder.chmod(0o755)
    (tmp_path / "private.json").write_text("{}")
    (tmp_path / "private.json").chmod(0)
    (tmp_path / "private").mkdir(mode=0)
    said = run(code, tmp_path)
    assert said.count("may not be read; check its permissions") == said.count("\n") == 2


def test_sha256_of_bytes_and_of_a_file(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(b"abc") == sha256(tmp_path / "abc") == known
