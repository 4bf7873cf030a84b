"""The project holds together: code style, pinned versions, set-up, and what the chapters may do."""

import ast
import hashlib
import importlib.metadata
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tomllib
import urllib.request
import zipfile
from pathlib import Path

import bootstrap
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CHAPTERS = sorted((ROOT / "book").glob("*.md"))


def tracked_files() -> list[Path]:
    """The project's own files: git's list, or in a copy without git what is not built or installed."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode == 0 and listed.stdout:
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    places = [path.relative_to(ROOT).parts for path in ROOT.rglob("*") if path.is_file()]
    return [ROOT.joinpath(*parts) for parts in places if parts[0] not in (".venv", "_build", ".git")]


# -- style -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["ruff check", "ruff format --check", "codespell_lib", "mypy"])
def test_style(command: str) -> None:
    run = [sys.executable, "-m", *command.split()]
    outcome = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=False)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_nothing_names_one_machine_or_an_index() -> None:
    telling = re.compile(
        r"/(?:root|home/\w+|opt/pypi|work/(?:main|shared))/|file:///|--index-url|--extra-index|files\.pythonhosted"
    )
    found = []
    for path in tracked_files():
        if path == Path(__file__) or path.suffix in (".npz", ".png"):
            continue
        text = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in telling.finditer(text)]
    assert [line for line in found if not line.startswith(("tests/test_pages.py", "tools/page_audit.py"))] == []


def test_the_companion_is_light_to_import() -> None:
    code = "import companion, sys; print({'tensorflow', 'keras', 'matplotlib', 'scipy'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


# -- pyproject.toml, requirements.lock and environment.yml --------------------------------------------------------


def locked() -> dict[str, list[Requirement]]:
    """The pins of the lock by name; one name may be pinned more than once, for different systems."""
    pins: dict[str, list[Requirement]] = {}
    for line in LOCK.splitlines():
        if line and not line.startswith((" ", "#")):
            pin = Requirement(line.removesuffix("\\").strip())
            pins.setdefault(canonicalize_name(pin.name), []).append(pin)
    return pins


def direct() -> list[Requirement]:
    extras = PROJECT["optional-dependencies"]
    return [Requirement(line) for line in PROJECT["dependencies"] + extras["book"] + extras["test"]]


def test_every_direct_dependency_is_pinned_within_its_range() -> None:
    pins = locked()
    for wanted in direct():
        assert canonicalize_name(wanted.name) in pins, f"{wanted.name} is not in requirements.lock: compile it again"
        for pin in pins[canonicalize_name(wanted.name)]:
            (version,) = pin.specifier
            assert version.operator == "==" and wanted.specifier.contains(version.version), f"{pin} against {wanted}"


def test_the_lock_holds_nothing_that_was_dropped() -> None:
    asked_for = re.findall(r"^([\w.-]+)==(?:(?!^\S).)*?\(pyproject\.toml\)", LOCK, re.MULTILINE | re.DOTALL)
    assert {canonicalize_name(name) for name in asked_for} == {canonicalize_name(wanted.name) for wanted in direct()}


def test_every_pin_has_a_hash_and_none_an_address() -> None:
    blocks = re.split(r"^(?=\S)", LOCK, flags=re.MULTILINE)
    without = [block.split("\n")[0] for block in blocks if "==" in block and "--hash=sha256:" not in block]
    assert without == [] and "://" not in LOCK


def test_the_environment_is_the_lock_s() -> None:
    installed = {
        canonicalize_name(found.metadata["Name"]): found.version for found in importlib.metadata.distributions()
    }
    wrong = []
    for name, pins in locked().items():
        here = [pin for pin in pins if pin.marker is None or pin.marker.evaluate()]
        if here and not any(pin.specifier.contains(installed.get(name, "0"), prereleases=True) for pin in here):
            wrong.append(f"{here[0]}, installed {installed.get(name)}")
    assert wrong == []


def test_all_name_the_same_pythons() -> None:
    wanted = SpecifierSet(PROJECT["requires-python"])
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (python,) = [line for line in environment["dependencies"] if str(line).startswith("python ")]
    assert SpecifierSet(python.removeprefix("python ")) == wanted
    for minor in range(30):
        assert wanted.contains(f"3.{minor}") == bootstrap.fits((3, minor, 0)), (
            f"tools/bootstrap.py and Python 3.{minor}"
        )
    named = re.findall(r"3\.(\d+)", (ROOT / "README.md").read_text(encoding="utf-8").split("## ")[0])
    assert {int(minor) for minor in named} <= {minor for minor in range(30) if bootstrap.fits((3, minor, 0))}


def test_conda_gets_the_same_packages() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-r requirements.lock"]
    plain = {re.split(r"[ =<>]", entry)[0] for entry in environment["dependencies"] if isinstance(entry, str)}
    assert plain == {"python", "make", "pip"}, "packages come from the lock, not from conda"


# -- the Makefile --------------------------------------------------------------------------------------------------


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in a folder, as if no other make and no build of the book had started these tests."""
    others = ("MAKE", "MFLAGS", "GATE_BY_GATE")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(others)}
    return subprocess.run(["make", *arguments], cwd=folder, env=clean, capture_output=True, text=True, check=False)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The Makefile in a folder with a space in its name; in place of Python, a program that says how it was called."""
    folder = tmp_path / "my book"
    (folder / "tools").mkdir(parents=True)
    for name in ("Makefile", "tools/serve.py"):
        (folder / name).write_bytes((ROOT / name).read_bytes())
    (folder / "tools" / "bootstrap.py").write_text("print('bootstrap')\n")
    (folder / "python").write_text('#!/bin/sh\necho "[$JUPYTER_CONFIG_PATH] [$GATE_BY_GATE_DEVICE]" "$@"\n')
    (folder / "python").chmod(0o755)
    return folder


def test_make_help_lists_every_command() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    listed = re.findall(r"^make (\w+)", make(ROOT, "help").stdout, re.MULTILINE)
    assert sorted(listed) == sorted(re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)[0].split())


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


# -- a checkout ------------------------------------------------------------------------------------------------------


def test_a_checkout_for_windows_changes_no_file(tmp_path: Path) -> None:
    """With lines that end in CR LF, every tokenizer would have another hash, and its model would be trained again."""
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("not a checkout")

    def git(*arguments: str, cwd: Path = tmp_path / "windows") -> bytes:
        return subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, check=True).stdout

    git("-c", "core.autocrlf=true", "clone", "--quiet", str(ROOT), "windows", cwd=tmp_path)
    listed = git("ls-files", "--eol").decode().splitlines()
    assert [line for line in listed if "w/crlf" in line or "w/mixed" in line] == []
    tokenizers = sorted((tmp_path / "windows" / "companion" / "weights").glob("*/tokenizer.json"))
    assert tokenizers
    for path in tokenizers:
        committed = git("cat-file", "blob", f"HEAD:{path.relative_to(tmp_path / 'windows').as_posix()}")
        assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(committed).digest()
    packed = [line for line in listed if line.endswith((".npz", ".safetensors", ".png"))]
    assert packed and all("attr/-text" in line for line in packed)


# -- the set-up says in one sentence what is wrong -----------------------------------------------------------------


def test_bootstrap_is_read_by_old_pythons() -> None:
    source = (ROOT / "tools" / "bootstrap.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    newer = r"capture_output|text=True|removeprefix|removesuffix|missing_ok|dataclass|from __future__|=}"  # than 3.6
    assert not re.search(newer, source)


def test_a_wrong_python_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "version_of", lambda python: (3, 8, 18) if python == "python3" else None)
    with pytest.raises(bootstrap.Failed, match="needs Python 3.11 to 3.13, and there is only Python 3.8.18 here"):
        bootstrap.fitting_python()


def test_a_full_disk_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "NEEDED_GB", 1e9)
    with pytest.raises(bootstrap.Failed, match="GB are free here: make room"):
        bootstrap.check_disk()


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "disk is full"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.", "not the one requirements.lock"),
        ("urllib3.exceptions.NewConnectionError: Failed to establish\nERROR: No matching distribution", "no network"),
        ("PermissionError: [Errno 13] Permission denied: '.venv'", "can't be written"),
        ("ERROR: something else\n", r"\(ERROR: something else\); the whole story is in .venv/bootstrap.log"),
    ],
)
def test_pip_s_failures_are_one_sentence(said: str, told: str) -> None:
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
    expected = {"no network": "no network, or the package index", "another hash": "not the one requirements.lock pins"}
    assert expected[fault] in outcome.stderr
    assert outcome.stderr.count("\n") == 1 and "Traceback" not in outcome.stdout + outcome.stderr
    assert not (tmp_path / ".venv" / ".ready").exists()


# -- the chapters ----------------------------------------------------------------------------------------------------


def toc() -> list[str]:
    contents = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text(encoding="utf-8"))
    return [contents["root"], *(entry["file"] for part in contents["parts"] for entry in part["chapters"])]


def test_the_contents_list_every_chapter_once() -> None:
    assert sorted(toc()) == sorted(path.stem for path in CHAPTERS)


TAGS = {
    "nbval-ignore-output",
    *(f"{verb}-{what}" for verb in ("hide", "remove") for what in ("cell", "input", "output")),
}


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.stem)
def test_chapters_keep_to_the_rules(chapter: Path) -> None:
    text = chapter.read_text(encoding="utf-8")
    if "{code-cell}" in text:
        assert re.match(r"---\njupytext:\n(?:.*\n)*?kernelspec:\n(?:.*\n)*?  name: python3\n---\n", text), "no header"
    tags = set(re.findall(r"[\w-]+", " ".join(re.findall(r"^:?tags:\s*\[(.*)\]", text, re.MULTILINE))))
    assert tags <= TAGS, f"tags that are not in use here: {tags - TAGS}"
    assert not re.search(r"NBVAL_|raises-exception|nbval-skip", text), (
        "an output is compared, or tagged as one that varies"
    )
    assert not re.search(r"!\[|\{image\}|\{figure\}", re.sub(r"```\{code-cell\}.*?```", "", text, flags=re.DOTALL)) or (
        ":alt:" in text or re.search(r"!\[[^\]]+\]", text)
    ), "a picture without alternative text"
