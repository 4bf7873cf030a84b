"""The commands of the Makefile and the tools they call."""

import ast
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
import zipfile
from pathlib import Path

import bootstrap
import picture
import prepare
import pytest
from PIL import Image

from companion.corpora import list_corpora
from companion.errors import UserError

ROOT = Path(__file__).resolve().parents[1]


# -- the Makefile --------------------------------------------------------------------------------------------------


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, as if no other make and no build of the book had started these tests."""
    others = ("MAKE", "MFLAGS", "GATE_BY_GATE")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    return subprocess.run(["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The Makefile in a folder with a space in its name, and a program in place of Python that prints its arguments."""
    folder = tmp_path / "my book"
    (folder / "tools").mkdir(parents=True)
    for name in ("Makefile", "tools/serve.py"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "tools" / "bootstrap.py").write_text("print('bootstrap')\n")
    (folder / "python").write_text('#!/bin/sh\necho "[$JUPYTER_CONFIG_PATH] [$GATE_BY_GATE_DEVICE]" "$@"\n')
    (folder / "python").chmod(0o755)
    return folder


def test_make_help_lists_every_command() -> None:
    assert sorted(re.findall(r"^make (\w+)", make(ROOT, "help").stdout, re.MULTILINE)) == targets()


def targets() -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return sorted(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())


@pytest.mark.parametrize("target", targets())
def test_every_command_can_be_run_and_calls_files_that_exist(tree: Path, target: str) -> None:
    """A dry run: ``make -n``."""
    said = make(tree, "-n", target, "PYTHON=./python")
    assert (said.returncode, said.stderr) == (0, "") and said.stdout
    for script in re.findall(r"(?<=\./python )(\S+\.py)", said.stdout):
        assert (ROOT / script).is_file()


def test_make_notebooks_writes_them_after_the_book(tree: Path) -> None:
    said = make(tree, "notebooks", "PYTHON=./python").stdout
    assert said.index("jupyter_book") < said.index("book/_ext/notebooks.py")


def test_make_scores_records_what_every_chapter_gives(tree: Path) -> None:
    """It must not use earlier outputs, and must not keep these."""
    steps = make(tree, "-n", "scores", "PYTHON=./python").stdout.splitlines()
    (build,) = [number for number, step in enumerate(steps) if step.startswith("GATE_BY_GATE_RECORD=1 ./python -c")]
    clear = [number for number, step in enumerate(steps) if step == "rm -rf _build/.jupyter_cache _build/.doctrees"]
    assert clear == [build - 1, build + 1] and "tools/prepare.py" in "".join(steps[: build - 1])


def test_make_lab_works_in_a_path_with_a_space(tree: Path) -> None:
    said = make(tree, "lab", "PYTHON=./python")
    assert said.stderr == "" and f"[{tree}/tools/jupyter] [] -m jupyterlab book" in said.stdout


def test_make_book_trains_on_the_cpu_and_says_how_the_command_is_called(tree: Path) -> None:
    said = make(tree, "book", "PYTHON=./python")
    assert said.stderr == "" and "[] [cpu] tools/prepare.py" in said.stdout
    assert said.stdout.endswith(
        f"Open {tree}/_build/html/index.html, or run make serve.\n"
        "The command for texts of your own: ./gate-by-gate --help\n"
    )


@pytest.mark.parametrize(
    ("python", "command"),
    [
        (None, ".venv/bin/gate-by-gate"),
        ("python", "gate-by-gate"),
        ("/opt/conda/bin/python", "/opt/conda/bin/gate-by-gate"),
        ("python3.12", "python3.12 -m companion"),
    ],
)
def test_make_setup_says_how_the_command_is_called(tree: Path, python: str | None, command: str) -> None:
    said = make(tree, "setup", *([f"PYTHON={python}"] if python else []))
    before = "" if python else "bootstrap\n"
    assert (said.stdout, said.stderr) == (f"{before}The command for texts of your own: {command} --help\n", "")


def test_make_serve_says_what_is_wrong_in_one_sentence(tree: Path) -> None:
    def sentence(*arguments: str) -> str:
        said = make(tree, "serve", f"PYTHON={sys.executable}", *arguments)
        assert said.returncode != 0 and said.stdout == ""
        return "".join(line for line in said.stderr.splitlines() if "***" not in line)

    assert sentence() == "make: the book is not built yet; run make book first."
    (tree / "_build" / "html").mkdir(parents=True)
    (tree / "_build" / "html" / "index.html").write_text("the book")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = sentence(f"PORT={port}")
    assert told == f"make: port {port} can't be used (Address already in use); choose another: make serve PORT=8000."
    for port in ("http", "70000"):
        assert f"make: port {port} can't be used (a port is a number from 1 to 65535); choose" in sentence(
            f"PORT={port}"
        )


def test_serve_shows_the_book_until_it_is_interrupted(tree: Path) -> None:
    (tree / "_build" / "html").mkdir(parents=True)
    (tree / "_build" / "html" / "index.html").write_text("the book")
    command = [sys.executable, "-u", "tools/serve.py", "0"]
    with subprocess.Popen(command, cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout
        (address,) = re.findall(r"http://localhost:\d+", server.stdout.readline())
        with urllib.request.urlopen(address.replace("localhost", "127.0.0.1")) as page:
            assert page.read() == b"the book"
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0


# -- the set-up reports errors in one sentence ---------------------------------------------------------------------


def test_bootstrap_is_read_by_old_pythons() -> None:
    source = (ROOT / "tools" / "bootstrap.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    newer = r"capture_output|text=True|removeprefix|removesuffix|missing_ok|dataclass|from __future__|=}"  # than 3.6
    assert not re.search(newer, source)


def test_a_wrong_python_gives_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "version_of", lambda python: (3, 8, 18) if python == "python3" else None)
    with pytest.raises(bootstrap.Failed, match="needs Python 3.11 to 3.13, but there is only Python 3.8.18 here"):
        bootstrap.fitting_python()


def test_a_full_disk_gives_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "NEEDED_GB", 1e9)
    with pytest.raises(bootstrap.Failed, match="GB are free here: make room"):
        bootstrap.check_disk()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.",
            "isn't the one that requirements.lock",
        ),
        ("urllib3.exceptions.NewConnectionError: Failed to establish\nERROR: No matching distribution", "no network"),
        ("PermissionError: [Errno 13] Permission denied: '.venv'", "can't be written"),
        ("ERROR: something else\n", r"\(ERROR: something else\); the details are in .venv/bootstrap.log"),
    ],
)
def test_failures_of_pip_give_one_sentence(said: str, told: str) -> None:
    assert re.search(told, bootstrap.explain(said))


def wheel(folder: Path) -> tuple[Path, str]:
    """A package of one empty module, and its hash."""
    path = folder / "tiny-1.0-py3-none-any.whl"
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny.py", "")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path, hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("fault", ["no network", "another hash"])
def test_bootstrap_fails_with_a_sentence(tmp_path: Path, fault: str) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "bootstrap.py").write_bytes((ROOT / "tools" / "bootstrap.py").read_bytes())
    path, digest = wheel(tmp_path)
    (tmp_path / "pyproject.toml").write_text("")
    (tmp_path / "requirements.lock").write_text(
        f"tiny==1.0 --hash=sha256:{digest if fault == 'no network' else 64 * '0'}\n"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    index = {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    if fault == "another hash":
        index |= {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(path.parent)}
    outcome = subprocess.run(
        [sys.executable, "tools/bootstrap.py"],
        cwd=tmp_path,
        env=clean | index,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome.returncode == 1
    expected = {
        "no network": "no network, or the package index",
        "another hash": "isn't the one that requirements.lock pins",
    }
    assert expected[fault] in outcome.stderr
    assert outcome.stderr.count("\n") == 1 and "Traceback" not in outcome.stdout + outcome.stderr
    assert not (tmp_path / ".venv" / ".ready").exists()


@pytest.mark.parametrize("name", ["requirements.lock", "pyproject.toml", "tools/bootstrap.py"])
def test_the_environment_is_made_again_if_what_it_is_made_from_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """For example, a new command in pyproject.toml exists only after the package is installed again."""
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "STAMP", str(tmp_path / "ready"))
    monkeypatch.setattr(bootstrap, "PYTHON", sys.executable)
    (tmp_path / "tools").mkdir()
    for file in ("requirements.lock", "pyproject.toml", "tools/bootstrap.py"):
        (tmp_path / file).write_text("as it was")
    assert not bootstrap.is_ready()
    (tmp_path / "ready").write_text(bootstrap.fingerprint())
    assert bootstrap.is_ready()
    (tmp_path / name).write_text("changed")
    assert not bootstrap.is_ready()


# -- corpora and recipes, the picture of a page ----------------------------------------------------------------------


def test_prepare_obtains_each_corpus_and_then_trains() -> None:
    done: list[str] = []
    steps = (lambda step=step: done.append(step) for step in ("trained", "python"))
    assert prepare.main(done.append, *steps) == 0
    assert done == [*prepare.CORPORA, "trained", "python"] and set(prepare.CORPORA) <= set(list_corpora())


def test_prepare_obtains_what_chapters_load() -> None:
    """All corpora except those that need no download."""
    for chapter in (ROOT / "book").glob("*.md"):
        loaded = set(re.findall(r"load_corpus\(\"([\w-]+)\"\)", chapter.read_text(encoding="utf-8")))
        assert loaded <= {*prepare.CORPORA, "grammar"}, chapter.name


def test_prepare_says_in_one_sentence_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    def fail(name: str = "") -> None:
        raise UserError(f"{name or 'A recipe'} can't be had.")

    assert prepare.main(fail, fail, fail) == 1
    assert capsys.readouterr().err == "make: shakespeare can't be had.\n"
    assert prepare.main(str, fail, fail) == 1
    assert capsys.readouterr().err == "make: A recipe can't be had.\n"


def test_prepare_goes_on_without_python_for_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    def fail() -> None:
        raise UserError("There is no network.")

    assert prepare.main(str, lambda: None, fail) == 0
    said = capsys.readouterr().err
    assert said == "make: exercises won't run in the pages, only in notebooks. There is no network.\n"


@pytest.mark.skipif(
    picture.CHROMIUM is None and "REQUIRE_BROWSER" not in os.environ,
    reason="no Chromium here (Debian, Ubuntu: apt install chromium)",
)
def test_the_picture_shows_the_top_of_a_page(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("<body style='background: #00f; margin: 0; height: 3000px'>")
    picture.main("page", tmp_path, tmp_path / "docs" / "page.png")
    with Image.open(tmp_path / "docs" / "page.png") as image:
        assert image.size == (1280, 960) and image.convert("RGB").getpixel((0, 0)) == (0, 0, 255)
