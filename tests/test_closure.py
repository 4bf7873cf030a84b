"""What code depends on, found from its source, for a small package and for the companion itself."""

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import companion.closure
from companion.closure import closure, closure_of_code, fingerprint
from companion.errors import UserError
from companion.results.files import FOLDER

ROOT = Path(__file__).resolve().parents[1]
FILES = {
    "__init__.py": "_ON_DEMAND = {'load': 'pkg.deep.model'}",
    "__main__.py": "import pkg.command",
    "command.py": "",
    "errors.py": "",
    "deep/__init__.py": "",
    "deep/bias.py": "from pkg import errors\nfrom pkg.deep.model import build",
    "deep/model.py": "def build():\n    import pkg.late",
    "late.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pkg.unused",
    "unused.py": "",
    "page.py": "PAGE = Path(__file__).with_name('page.html')",
    "page.html": "",
    "shipped.py": "FOLDER = Path(__file__).parent / 'weights'",
    "weights/tiny/weights.safetensors": "",
    "results.py": "def read_results(name): ...",
    "data/results/bias.json": "",
    "data/results/law.json": "",
    "exercises/__init__.py": "import importlib\ndef check(name, answer):\n    outcome(name)",
    "exercises/gates.py": "",
    "exercises/language_model.py": "",
    "circle.py": "import pkg.square",
    "square.py": "import pkg.circle",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        path = tmp_path / "pkg" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "pkg"


MODEL = {"deep/__init__.py", "deep/model.py", "late.py"}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import pkg", set()),
        ("import numpy as np", None),
        ("import pkg.deep.bias", {"deep/bias.py", "errors.py", *MODEL}),
        ("from pkg.deep import bias", {"deep/bias.py", "errors.py", *MODEL}),
        ("from pkg.deep.bias import build", {"deep/bias.py", "errors.py", *MODEL}),
        ("def f():\n    import pkg.late", {"late.py"}),
        ("import pkg\npkg.late.run()", {"late.py"}),
        ("import pkg\npkg.load('x')", MODEL),
        ("from pkg import load", MODEL),
        ("importlib.import_module('pkg.late')", {"late.py"}),
        ("import pkg.circle", {"circle.py", "square.py"}),
        ("import pkg.page", {"page.py", "page.html"}),
        ("import pkg.shipped", {"shipped.py", "weights/tiny/weights.safetensors"}),
        ("from pkg import results", {"results.py"}),
        ("from pkg import results\nresults.read_results('bias')", {"results.py", "data/results/bias.json"}),
        (
            "from pkg.results import read_results\n[read_results(n) for n in names]",
            {"results.py", "data/results/bias.json", "data/results/law.json"},
        ),
        ("from pkg.exercises import check", {"exercises/__init__.py"}),
        (
            "from pkg.exercises import check\ncheck('language-model-clip', f)",
            {"exercises/__init__.py", "exercises/language_model.py"},
        ),
        (
            "from pkg.exercises import check\ncheck(name, f)",
            {"exercises/__init__.py", "exercises/gates.py", "exercises/language_model.py"},
        ),
        ("import pkg\nCrew(['train'])", {"__main__.py", "command.py"}),
        ("this isn't Python", set(FILES) - {"__init__.py"}),
    ],
)
def test_what_code_depends_on(root: Path, code: str, expected: set[str] | None) -> None:
    found = {path.relative_to(root).as_posix() for path in closure_of_code(code, root)}
    assert found == (set() if expected is None else {"__init__.py", *expected})


def test_a_module_is_in_its_own_closure(root: Path) -> None:
    assert root / "page.py" in closure("pkg.page", root=root)
    assert closure("pkg.page", "pkg.late", root=root) == tuple(
        sorted({*closure("pkg.page", root=root), *closure("pkg.late", root=root)})
    )


def test_an_unknown_module_is_named(root: Path) -> None:
    with pytest.raises(UserError, match="There is no module pkg.other in .*; give one like pkg.errors"):
        closure("pkg.other", root=root)


def test_a_fingerprint_changes_with_names_contents_and_what_is_added(tmp_path: Path) -> None:
    a, b = tmp_path / "a.py", tmp_path / "b.py"
    a.write_text("1"), b.write_text("2")
    key = fingerprint([a, b], "seed 0", base=tmp_path)
    assert key == fingerprint([b, a, b], "seed 0", base=tmp_path)
    others = [fingerprint([a], "seed 0", base=tmp_path), fingerprint([a, b], base=tmp_path)]
    others += [fingerprint([a, b], "seed 1", base=tmp_path), fingerprint([a, b], "seed", " 0", base=tmp_path)]
    a.write_text("2"), b.write_text("1")
    others.append(fingerprint([a, b], "seed 0", base=tmp_path))
    assert len({key, *others}) == 6


# -- the real package ---------------------------------------------------------------------------------------------


def test_examples() -> None:
    assert doctest.testmod(companion.closure).failed == 0


def test_no_module_imports_what_its_closure_lacks() -> None:
    """Import each module of the companion and see which others it loads; Keras is left out, because it takes long."""
    modules = sorted(
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for path in (ROOT / "companion").rglob("*.py")
        if path.name != "__main__.py"
    )
    code = """if True:
        import contextlib, importlib, json, sys
        sys.modules["keras"] = sys.modules["tensorflow"] = None
        loaded = {}
        for module in json.loads(sys.argv[1]):
            for name in [name for name in sys.modules if name.split(".")[0] == "companion"]:
                del sys.modules[name]
            with contextlib.suppress(ImportError):
                importlib.import_module(module)
            loaded[module] = [m.__file__ for name, m in sys.modules.items() if name.split(".")[0] == "companion"]
        print(json.dumps(loaded))"""
    ran = subprocess.run(
        [sys.executable, "-c", code, json.dumps(modules)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = json.loads(ran.stdout)
    assert sum(map(len, loaded.values())) > 2 * len(modules)
    for module, files in loaded.items():
        assert {Path(file).resolve() for file in files} <= {*closure(module)}, module


def test_exercises_and_results_are_found_by_their_names() -> None:
    exercises = [
        (name, path)
        for path in (ROOT / "companion" / "exercises").glob("*.py")
        for name in re.findall(r'^@exercise\(\s*"([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert exercises
    for name, path in exercises:
        assert path in closure_of_code(f"from companion.exercises import check\ncheck({name!r}, 1)"), name
    for path in FOLDER.glob("*.json"):
        assert path in closure_of_code(f"from companion.results import read_results\nread_results({path.stem!r})")
