"""The project is consistent: code style, pinned versions, set-up, and rules for the chapters."""

import hashlib
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import bootstrap
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

import companion

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CHAPTERS = sorted((ROOT / "book").glob("*.md"))


def tracked_files() -> list[Path]:
    """The project's own files: git's list, or in a copy without git, everything not built or installed."""
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
        if path == Path(__file__) or path.suffix in (".npz", ".safetensors", ".png"):
            continue
        text = path.read_text(encoding="utf-8")
        found += [f"{path.relative_to(ROOT)}: {match[0]}" for match in telling.finditer(text)]
    assert [line for line in found if not line.startswith(("tests/test_pages.py", "tools/page_audit.py"))] == []


def test_the_companion_is_light_to_import() -> None:
    code = "import companion, sys; print({'tensorflow', 'keras', 'matplotlib', 'scipy'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"


LAYERS = {
    f"models.{name}"
    for name in ("answerer", "attention", "copying", "dropout", "lstm", "plain", "registered", "transformer")
}
HEAVY = {f"companion.{name}" for name in LAYERS | {"applications.answering"}}


def test_only_modules_with_layers_of_keras_load_tensorflow_when_they_are_imported() -> None:
    code = """
import importlib, pkgutil, sys
import companion
for info in pkgutil.walk_packages(companion.__path__, "companion."):
    if info.name not in sys.argv and not info.name.endswith("__main__"):
        importlib.import_module(info.name)
        assert not {"tensorflow", "keras", "matplotlib", "scipy"} & set(sys.modules), info.name
"""
    ended = subprocess.run([sys.executable, "-c", code, *HEAVY], capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    for name in LAYERS:
        assert "keras" in (ROOT / "companion" / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8")


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


def test_all_files_name_the_same_pythons() -> None:
    wanted = SpecifierSet(PROJECT["requires-python"])
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (python,) = [line for line in environment["dependencies"] if str(line).startswith("python ")]
    assert SpecifierSet(python.removeprefix("python ")) == wanted
    for minor in range(30):
        assert wanted.contains(f"3.{minor}") == bootstrap.fits((3, minor, 0)), (
            f"tools/bootstrap.py and Python 3.{minor}"
        )
    named = re.findall(r"3\.(\d+)", README.split("## ")[0])
    assert {int(minor) for minor in named} <= {minor for minor in range(30) if bootstrap.fits((3, minor, 0))}


def test_conda_gets_the_same_packages() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    (pip,) = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    assert pip == ["-r requirements.lock"]
    plain = {re.split(r"[ =<>]", entry)[0] for entry in environment["dependencies"] if isinstance(entry, str)}
    assert plain == {"python", "make", "pip"}, "packages come from the lock, not from conda"


# -- README.md and CITATION.cff --------------------------------------------------------------------------------------


def test_there_is_one_version_number() -> None:
    assert "version" in PROJECT["dynamic"] and "version" not in PROJECT
    assert CITATION["version"] == companion.__version__


def test_all_files_name_the_same_authors_and_licences() -> None:
    assert [author["name"] for author in PROJECT["authors"]] == [author["name"] for author in CITATION["authors"]]
    assert PROJECT["license"].split(" AND ") == CITATION["license"]
    for name in PROJECT["license-files"]:
        assert (ROOT / name).is_file()


def test_the_readme_shows_the_package_as_it_is() -> None:
    """Each part of the package, in the order of its layers."""
    tree = README.split("    companion/\n")[-1].split("\n\n")[0]
    shown = re.findall(r"\b(\w+)(?:/|\.py)(?=\s)", tree)
    folders = [path for path in (ROOT / "companion").iterdir() if path.is_dir() or path.suffix == ".py"]
    assert sorted(shown) == sorted(path.stem for path in folders if not path.name.startswith("__"))
    contracts = SETTINGS["tool"]["importlinter"]["contracts"]
    (layers,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    order = {name: number for number, layer in enumerate(layers) for name in re.split(r" [|:] ", layer)}
    numbers = [order[name] for name in shown if name in order]
    assert numbers == sorted(numbers) and len(numbers) == len(order)


def test_every_command_in_the_readme_exists() -> None:
    said = subprocess.run([sys.executable, "-m", "companion", "--help"], cwd=ROOT, capture_output=True, text=True)
    commands = re.findall(r"^ {2,4}(\w+)(?= |$)", said.stdout, re.MULTILINE)
    called = re.findall(r"gate-by-gate (\w+)", README)
    assert called and set(called) <= set(commands)
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(re.findall(r"(?:`|^    )make (\w+)", README, re.MULTILINE)) <= set(targets)


# -- a checkout ------------------------------------------------------------------------------------------------------


def test_a_checkout_for_windows_changes_no_file(tmp_path: Path) -> None:
    """With lines that end in CR LF, each tokenizer would have another hash and its model be trained again."""
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
