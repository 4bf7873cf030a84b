"""The package as a wheel, installed in a separate folder without the repository: all that needs no download."""

import email.parser
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email.message import Message
from pathlib import Path

import pytest

import companion

ROOT = Path(__file__).resolve().parents[1]
NAME = "gate_by_gate_companion"
CACHES = shutil.ignore_patterns("__pycache__", ".*")


def run(command: list[str | Path], cwd: Path, **variables: str) -> str:
    """The output of a command, which has to succeed."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "GATE_BY_GATE"))}
    outcome = subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean | variables, capture_output=True, text=True, check=False
    )
    assert outcome.returncode == 0, (outcome.stdout + outcome.stderr)[-3000:]
    return outcome.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy: the repository gets no folder ``build``."""
    source, built = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("built")
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "companion", source / "companion", ignore=CACHES)
    for name in ("tests", "book"):  # what must not come along
        (source / name).mkdir()
        (source / name / "__init__.py").touch()
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check", "--quiet"]
    run([sys.executable, "-m", "pip", "wheel", *options, "--wheel-dir", built, source], cwd=built)
    (path,) = built.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".dist-info/METADATA")]
        return email.parser.BytesParser().parsebytes(archive.read(name))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the wheel is installed in."""
    target = tmp_path_factory.mktemp("installed")
    options = ["--no-deps", "--no-index", "--disable-pip-version-check", "--no-compile", "--quiet"]
    run([sys.executable, "-m", "pip", "install", *options, "--target", target, wheel], cwd=target)
    return target


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    ours = [path for path in (ROOT / "companion").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {path.relative_to(ROOT).as_posix() for path in ours if not path.name.startswith(".")}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    info = f"{NAME}-{companion.__version__}.dist-info/"
    assert {name for name in names if not name.startswith(info)} == expected
    assert "companion/py.typed" in names
    assert {f"{info}licenses/LICENSE", f"{info}licenses/LICENSE-TEXT"} <= names


def test_the_metadata_are_complete(metadata: Message) -> None:
    assert metadata["Version"] == companion.__version__
    assert metadata["License-Expression"] == "BSD-3-Clause AND CC-BY-4.0"
    assert metadata.get_all("License-File") == ["LICENSE", "LICENSE-TEXT"]
    assert metadata["Author"] == "the Gate by Gate authors" and metadata["Summary"] and metadata["Keywords"]
    assert "Typing :: Typed" in metadata.get_all("Classifier", [])
    assert not [line for line in metadata.get_all("Classifier", []) if line.startswith("License")]
    assert str(metadata.get_payload()).startswith("# Gate by Gate")


def test_the_command_is_there_and_says_what_it_can_do(installed: Path, tmp_path: Path) -> None:
    command = installed / "bin" / "gate-by-gate"
    said = run([command, "--help"], cwd=tmp_path, PYTHONPATH=str(installed))
    assert "gate-by-gate train my.txt" in said and "python -m companion" not in said
    for name in ("train", "generate", "evaluate", "corpora", "translate", "summarise", "answer", "reply"):
        assert re.search(rf"^ +{name}( |$)", said, re.MULTILINE), name


# Run with -S: without the .pth file by which an editable install makes the repository importable.
USE = """
import contextlib, importlib, importlib.metadata, io, json, pkgutil, sys
from pathlib import Path

import companion
from companion.cli import main

assert Path(companion.__file__).is_relative_to(sys.argv[1]), companion.__file__
assert not [name for name in sys.modules if "editable" in name]
said = {}

def command(*arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(arguments) == 0, arguments
    said[arguments[0]] = out.getvalue()

said["version"] = importlib.metadata.version("gate-by-gate-companion")
command("generate", "shakespeare-small", "--prompt", "**ROMEO**", "--seed", "1", "--max-tokens", "20")
said["again"] = companion.load("shakespeare-small").generate("**ROMEO**", max_tokens=20, seed=1)
Path("my.txt").write_text("the cat sees the dog. the dog sees a cat.\\n" * 150)
command("train", "my.txt", "--out", "mine", "--units", "4", "--embedding-dim", "2", "--epochs", "1", "--quiet")
command("evaluate", "mine", "my.txt")
mine = companion.load("mine")
mine.save("again")
mine.export("mine.keras")
command("translate", "3 March 2021")
command("answer", "Ada took the ball. Ada went to the hall. Where is the ball?")

from companion.chapters.tools import stands_on
from companion.results import read_results

said["stands on"] = [name for name, version, licence in stands_on()]
folder = Path(companion.__file__).parent / "data" / "results"
said["results"] = {path.stem: len(read_results(path.stem)) for path in folder.glob("*.json")}
names = [module.name for module in pkgutil.walk_packages(companion.__path__, "companion.")]
said["modules"] = [importlib.import_module(name).__name__ for name in names if not name.endswith(".__main__")]
Path("said.json").write_text(json.dumps(said))
"""


def test_everything_works_without_the_repository(installed: Path, metadata: Message, tmp_path: Path) -> None:
    path = os.pathsep.join([str(installed), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    one = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    variables = {"PYTHONPATH": path, "GATE_BY_GATE_CACHE": str(tmp_path / "cache"), "GATE_BY_GATE_DEBUG": "1"}
    run([sys.executable, "-S", "-c", USE, installed], cwd=tmp_path, **variables, **one)
    said = json.loads((tmp_path / "said.json").read_text(encoding="utf-8"))

    assert said["version"] == companion.__version__
    assert said["generate"] == f"**ROMEO**{said['again']}\n" and len(said["again"]) == 20
    assert (tmp_path / "again" / "model.json").is_file() and (tmp_path / "mine.keras").is_file()
    assert "bits per character" in said["evaluate"]
    assert "2021" in said["translate"] and "3" in said["translate"] and "hall" in said["answer"]
    needed = [re.match(r"[\w.-]+", line) for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    assert said["stands on"] == [name[0] for name in needed if name]
    here = sorted(path.stem for path in (ROOT / "companion" / "data" / "results").glob("*.json"))
    assert sorted(said["results"]) == here and all(said["results"].values())
    sources = [path.relative_to(ROOT).with_suffix("").parts for path in (ROOT / "companion").rglob("*.py")]
    modules = {".".join(parts[: -1 if parts[-1] == "__init__" else None]) for parts in sources}
    assert set(said["modules"]) == {name for name in modules - {"companion"} if not name.endswith(".__main__")}
