"""The code keeps its layers, sizes, names and public faces, and everything that pages and docstrings name exists."""

import ast
import importlib
import pkgutil
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "companion"
LONGEST = 400  # lines of a module

MODULES = sorted(PACKAGE.rglob("*.py"))
FACES = [path for path in MODULES if path.name == "__init__.py"]
OUTSIDE = sorted([*(ROOT / "tests").glob("*.py"), *(ROOT / "benchmarks").glob("*.py"), *(ROOT / "book").glob("*.md")])


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def cells_of(page: Path) -> list[ast.Module]:
    """The code of each cell of a chapter."""
    text = page.read_text(encoding="utf-8")
    pattern = r"^`{3,}\{code-cell\}.*?\n(?:---\n.*?^---\n|(?::[^\n]*\n)+)?(.*?)^`{3,}$"
    cells = re.findall(pattern, text, re.M | re.S)
    return [ast.parse(re.sub(r"^[%!].*$", "", cell, flags=re.M)) for cell in cells]


def code_of(path: Path) -> ast.Module:
    """The code of a module, or of all cells of a chapter."""
    if path.suffix == ".md":
        return ast.Module([node for cell in cells_of(path) for node in cell.body], [])
    return ast.parse(path.read_text(encoding="utf-8"))


# -- Layers and sizes ------------------------------------------------------------------------------------------------


def test_nothing_imports_upward():
    # In a process of its own: import-linter turns off the loggers that are there, Sphinx's too.
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()", "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0 and "0 broken" in ran.stdout, ran.stdout + ran.stderr


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_is_short(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= LONGEST
    assert ast.get_docstring(ast.parse(text)), "says what it is"


# -- Names -----------------------------------------------------------------------------------------------------------


def defined(path: Path) -> Iterator[tuple[str, str]]:
    """The public names that a module defines, and what an alias such as ``Array = np.ndarray`` stands for."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            targets, value = [node.name], ""
        elif isinstance(node, ast.Assign):
            targets, value = [t.id for t in node.targets if isinstance(t, ast.Name)], ast.dump(node.value)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            targets, value = [node.target.id], ast.dump(node.value) if node.value else ""
        else:
            continue
        yield from ((name, value) for name in targets if not name.startswith("_"))


@pytest.mark.parametrize("face", FACES, ids=name_of)
def test_a_name_means_one_thing_in_a_package(face):
    where: dict[str, dict[str, str]] = defaultdict(dict)
    for path in face.parent.glob("*.py"):
        for name, value in defined(path):
            where[name][path.name] = value
    twice = {
        name: list(places)
        for name, places in where.items()
        if len(places) > 1 and ("" in places.values() or len(set(places.values())) > 1)
    }
    assert not twice


@pytest.mark.parametrize("face", FACES, ids=name_of)
def test_a_face_offers_what_it_says(face):
    """Every name that a package's ``__init__.py`` imports for others is in ``__all__``, and all of these exist."""
    module = importlib.import_module(name_of(face))
    body = ast.parse(face.read_text(encoding="utf-8")).body
    taken = {alias.name for node in body if isinstance(node, ast.ImportFrom) for alias in node.names}
    is_face = taken and not any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)
    offered = getattr(module, "__all__", [])
    assert len(offered) == len(set(offered)) and set(offered) >= (taken if is_face else set())
    for name in offered:
        assert not name.startswith("_") and hasattr(module, name), name


def private(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Names with an underscore that code takes from the companion: imported, read, patched."""
    ours = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "companion":
            ours |= {alias.asname or alias.name for alias in node.names}
            yield from ((node.lineno, alias.name) for alias in node.names if is_private(alias.name))
        elif isinstance(node, ast.Import):
            ours |= {alias.asname or "companion" for alias in node.names if alias.name.split(".")[0] == "companion"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr) and rooted(node.value) in ours:
            yield node.lineno, node.attr
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("setattr", "delattr", "getattr"):
            names = [argument.value for argument in node.args if isinstance(argument, ast.Constant)]
            of_ours = node.args and rooted(node.args[0]) in ours
            for name in names:
                if isinstance(name, str) and (
                    (of_ours and is_private(name)) or re.match(r"companion\..*\._[a-z]", name)
                ):
                    yield node.lineno, name


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.endswith("__")


def rooted(node: ast.expr) -> str:
    """The name that an expression such as ``companion.results.files`` begins with."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: path.name)
def test_only_public_names_are_used_outside(path):
    assert not sorted(set(private(code_of(path))))


# -- Chapters --------------------------------------------------------------------------------------------------------

CHAPTERS = [info.name for info in pkgutil.iter_modules([str(PACKAGE / "chapters")])]


def importers(module: str) -> list[Path]:
    """Everything that imports a module, except tests."""
    found = []
    for path in [*MODULES, *(ROOT / "benchmarks").glob("*.py"), *(ROOT / "book").glob("*.md")]:
        for node in ast.walk(code_of(path)):
            names = []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            if module in names:
                found.append(path)
                break
    return found


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_a_chapter_s_module_serves_that_chapter_its_exercises_and_its_benchmark(chapter):
    allowed = {
        ROOT / "book" / f"{chapter.replace('_', '-')}.md",
        PACKAGE / "exercises" / f"{chapter}.py",
        ROOT / "benchmarks" / f"{chapter}.py",
    }
    found = set(importers(f"companion.chapters.{chapter}"))
    assert found <= allowed
    assert ROOT / "book" / f"{chapter.replace('_', '-')}.md" in found, "it serves its chapter"


@pytest.mark.parametrize("page", sorted((ROOT / "book").glob("*.md")), ids=lambda page: page.name)
def test_a_page_imports_what_it_uses_of_the_companion_and_from_each_module_once_per_cell(page):
    used = {node.id for cell in cells_of(page) for node in ast.walk(cell) if isinstance(node, ast.Name)}
    for cell in cells_of(page):
        imports = [node for node in cell.body if isinstance(node, ast.ImportFrom)]
        modules = [node.module for node in imports]
        assert len(modules) == len(set(modules)), modules
        ours = [node for node in imports if (node.module or "").startswith("companion")]
        assert not {alias.asname or alias.name for node in ours for alias in node.names} - used


# -- What is named exists --------------------------------------------------------------------------------------------

TEXTS = sorted([ROOT / "README.md", *(ROOT / "book").glob("*.md"), *MODULES, *(ROOT / "benchmarks").glob("*.py")])
EXAMPLES = {"book/my-chapter.md", "companion/data/results/NAME.json"}  # a reader or a script may add these


SUFFIXES = {"py", "json", "html", "toml"}


def exists(dotted: str) -> bool:
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = importlib.import_module(".".join(parts[:length]))
        except ImportError:
            continue
        for name in parts[length:]:
            fields = {**getattr(found, "__annotations__", {})}
            if not hasattr(found, name) and name not in fields:
                return False
            found = getattr(found, name, None)
        return True
    return False


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_everything_that_a_text_names_exists(path):
    text = path.read_text(encoding="utf-8")
    dotted = set(re.findall(r"(?<![\w./-])companion(?:\.[A-Za-z_]\w*)+(?![\w/])", text))
    missing = {name for name in dotted if name.rpartition(".")[2] not in SUFFIXES and not exists(name)}
    folders = "|".join(path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "_")))
    files = set(re.findall(rf"(?<![\w/.-])(?:{folders})/(?:[\w-]+/)*(?:[\w-]+\.\w+)?", text)) - EXAMPLES
    missing |= {name for name in files if not (ROOT / name).exists()}
    assert not missing
