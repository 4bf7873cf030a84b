"""What code depends on, on small packages made up for it; and that the real one imports nothing unseen."""

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import companion.closure
from companion import results
from companion.closure import closure, closure_of_code, fingerprint, unresolved
from companion.errors import UserError

ROOT = Path(__file__).resolve().parents[1]
LAZY = """
import importlib
from typing import TYPE_CHECKING
if TYPE_CHECKING:
    from pkg.recipes import load
_LAZY = {"load": "pkg.recipes", "fit": ("pkg.deep.training", "fit_model"), "corpora": "pkg.corpora"}
__version__ = "1"
def __getattr__(name):
    if name not in _LAZY:
        raise AttributeError(name)
    return getattr(importlib.import_module(_LAZY[name]), name)
"""
FILES = {
    "__init__.py": "",
    "errors.py": "",
    "corpora.py": "from pkg import errors",
    "recipes.py": "load = None",
    "deep/__init__.py": "from pkg.errors import x",
    "deep/training.py": "fit_model = 1",
    "deep/bias.py": "from pkg.deep import training",
    "face/__init__.py": "from pkg.face.one import f",
    "face/one.py": "def f(): ...",
    "face/two.py": "",
    "__main__.py": "import pkg.corpora",
}
FACE = {"face/__init__.py", "face/one.py"}
DEEP = {"deep/__init__.py", "errors.py"}


def write(folder: Path, files: dict[str, str]) -> Path:
    root = folder / "pkg"
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return root


def names(paths: tuple[Path, ...], root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in paths} - {"__init__.py"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path, FILES)


def everything(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()} - {"__init__.py"}


# -- modules ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", set()),
        ("import numpy\nfrom os import path", set()),
        ("import pkg.corpora", {"corpora.py", "errors.py"}),
        ("import pkg.deep.training as t", {"deep/training.py", *DEEP}),
        ("from pkg import recipes", {"recipes.py"}),
        ("from pkg.deep import training", {"deep/training.py", *DEEP}),
        ("from pkg.deep.bias import x", {"deep/bias.py", "deep/training.py", *DEEP}),
        ("from pkg.face import f", FACE),
        ("import pkg.face\npkg.face.two.g()", FACE | {"face/two.py"}),
        ("def later():\n    from pkg import recipes", {"recipes.py"}),
        ("class A:\n    import pkg.recipes", {"recipes.py"}),
        ("try:\n    import pkg.recipes\nexcept ImportError:\n    import pkg.errors", {"recipes.py", "errors.py"}),
        ("if TYPE_CHECKING:\n    import pkg.recipes", set()),
        (
            "import typing\nif typing.TYPE_CHECKING:\n    import pkg.recipes\nelse:\n    import pkg.errors",
            {"errors.py"},
        ),
        ("import importlib\nimportlib.import_module('pkg.recipes')", {"recipes.py"}),
        ("from importlib import import_module\nimport_module('tensorflow')", set()),
        ("TABLE = {'x': 'pkg.recipes', 'y': 'pkg.errors.UserError'}", {"recipes.py", "errors.py"}),
        ("'''About pkg.recipes.'''", set()),
        ("import_module(f'pkg.deep.{name}')", {"deep/training.py", "deep/bias.py", *DEEP}),
        ("run([sys.executable, '-m', 'pkg'])", {"__main__.py", "corpora.py", "errors.py"}),
        ("import subprocess\nsubprocess.run('python -m pkg train')", {"__main__.py", "corpora.py", "errors.py"}),
        ("print('try: python -m pkg train')", set()),
    ],
)
def test_what_code_imports(root: Path, code: str, expected: set[str]) -> None:
    assert names(closure_of_code(code, root), root) == expected


def test_a_module_is_in_its_own_closure_with_the_packages_around_it(root: Path) -> None:
    paths = closure("pkg.deep.bias", root)
    assert paths == tuple(sorted(paths)) and all(path.is_absolute() for path in paths)
    assert {path.relative_to(root).as_posix() for path in paths} == {
        "__init__.py", "deep/__init__.py", "deep/bias.py", "deep/training.py", "errors.py"
    }  # fmt: skip
    assert set(closure(["pkg.deep.bias", "pkg.recipes"], root)) == {*paths, *closure("pkg.recipes", root)}


def test_circles_and_relative_imports(tmp_path: Path) -> None:
    root = write(
        tmp_path,
        {
            "__init__.py": "",
            "a/__init__.py": "from .one import x",
            "a/one.py": "from . import two\nfrom ..b import y",
            "a/two.py": "from .one import x",
            "b.py": "from pkg.a import one",
            "c.py": "",
        },
    )
    assert names(closure("pkg.b", root), root) == {"a/__init__.py", "a/one.py", "a/two.py", "b.py"}


@pytest.mark.parametrize(
    "code",
    [
        "import_module(name)",
        "import_module(prefix + '.recipes')",
        "import_module(f'pkg.{name}')",
        "import_module('p' + name)",
        "list(map(importlib.import_module, names))",
        "from pkg.recipes import *",
        "import pkg.nowhere",
        "runpy.run_path(path)",
        "exec('from pkg import recipes')",
        "get_ipython().run_cell_magic('time', '', 'load()')",
        "def broken(:",
        "from importlib import resources",
    ],
)
def test_what_cannot_be_told_depends_on_the_whole_package(root: Path, code: str) -> None:
    (root / "data.json").write_text("{}")
    assert names(closure_of_code(code, root), root) == everything(root)
    (root / "odd.py").write_text(code)
    assert names(closure_of_code("import pkg.odd", root), root) == everything(root)
    assert unresolved(root)[0].startswith("pkg.odd, line ")


# -- packages that import on demand -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import pkg", set()),
        ("import pkg\npkg.__version__", set()),
        ("from pkg import load", {"recipes.py"}),
        ("import pkg\npkg.load('x').model", {"recipes.py"}),
        ("import pkg as p\ndef later():\n    return p.load", {"recipes.py"}),
        ("from pkg import fit", {"deep/training.py", *DEEP}),
        ("import pkg\npkg.corpora.text", {"corpora.py", "errors.py"}),
        ("from pkg import recipes", {"recipes.py"}),
        ("import pkg\nf(pkg)", {"recipes.py", "corpora.py", "deep/training.py", *DEEP}),
        ("import pkg\ngetattr(pkg, name)", {"recipes.py", "corpora.py", "deep/training.py", *DEEP}),
    ],
)
def test_only_what_is_asked_of_a_lazy_package(root: Path, code: str, expected: set[str]) -> None:
    (root / "__init__.py").write_text(LAZY)
    assert names(closure_of_code(code, root), root) == expected


@pytest.mark.parametrize(
    ("face", "expected"),
    [
        ("def __getattr__(name):\n    return import_module(f'{__name__}.{name}')", {"recipes.py"}),
        ("_NAMES = ('recipes', 'load')\ndef __getattr__(name):\n    if name in _NAMES: ...", {"recipes.py"}),
        ("def __getattr__(name):\n    from pkg import deep, recipes\n    return recipes", {"recipes.py", *DEEP}),
        ("_BY = {'recipes': ['load'], 'corpora': ['x']}\ndef __getattr__(name):\n    import_module(_BY[name])", None),
        ("if not TYPE_CHECKING:\n    _T: dict = {'load': '.recipes'}\n    def __getattr__(n):\n        _T[n]", None),
    ],
)
def test_ways_to_write_a_lazy_package(root: Path, face: str, expected: set[str] | None) -> None:
    (root / "__init__.py").write_text(face)
    name = "recipes" if expected else "load"
    assert names(closure_of_code(f"from pkg import {name}", root), root) == (expected or {"recipes.py"})


@pytest.mark.parametrize(
    "face",
    [
        "def __getattr__(name):\n    return import_module(TABLES[name])",
        "_LAZY = {'other': 'pkg.recipes'}\ndef __getattr__(name):\n    return import_module(_LAZY[name])",
        "_LAZY = dict(load='pkg.recipes')\ndef __getattr__(name):\n    return import_module(_LAZY[name])",
        "__getattr__ = attach(__name__)",
    ],
)
def test_a_lazy_package_that_cannot_be_read(root: Path, face: str) -> None:
    (root / "__init__.py").write_text(face)
    assert names(closure_of_code("from pkg import load", root), root) == everything(root)


def test_lazy_within_lazy(root: Path) -> None:
    (root / "__init__.py").write_text(LAZY.replace('"pkg.recipes"', '"pkg.face"'))
    (root / "face/__init__.py").write_text(LAZY.replace('"pkg.recipes"', '"pkg.face.two"'))
    assert names(closure_of_code("import pkg\npkg.load()", root), root) == {"face/__init__.py", "face/two.py"}


# -- files --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("Path(__file__).with_name('page.html').read_text()", {"page.html"}),
        ("Path(__file__).parent / 'data' / 'scores.json'", {"data/scores.json"}),
        ("Path(__file__).resolve().parent / 'data' / f'{name}.json'", {"data/scores.json", "data/more/x.csv"}),
        ("Path(__file__).parent.joinpath('data', 'more')", {"data/more/x.csv"}),
        ("pathlib.Path(__file__).parents[0] / 'data' / 'nothing.json'", set()),
        ("open(Path(__file__).parent / 'page.html')", {"page.html"}),
        ("Path(__file__).read_bytes()", set()),
        ("open(__file__).read()", set()),
        ("Path(__file__).stem", set()),
        ("Path(__file__).parents[1] / 'pyproject.toml'", {"../pyproject.toml"}),
        ("Path(text).parent", set()),
        ("numpy.__file__", set()),
    ],
)
def test_the_files_a_module_names(tmp_path: Path, expression: str, expected: set[str]) -> None:
    files = {"data/scores.json": "", "data/more/x.csv": "", "page.html": "", "data/.hidden": "", "other.html": ""}
    source = f"import numpy, pathlib\nfrom pathlib import Path\nTHERE = {expression}\n"
    root = write(tmp_path, {"__init__.py": "", "mine.py": source, "other.py": "", **files})
    (tmp_path / "pyproject.toml").touch()
    found = {Path(path).relative_to(tmp_path).as_posix() for path in closure("pkg.mine", root)}
    assert found == {"pkg/__init__.py", "pkg/mine.py"} | {
        name[3:] if name.startswith("../") else f"pkg/{name}" for name in expected
    }


@pytest.mark.parametrize(
    "code",
    [
        "Path(__file__).parent / name",
        "read(__file__)",
        "HERE = Path(__file__)",
        "HERE = Path(__file__).parent / 'data'\nOTHER = HERE.parent / 'more'",
        "(Path(__file__).parent / 'data' / name).parent.iterdir()",
        "Path(__file__).parents[steps]",
        "from pkg import other\nother.__file__",
        "__spec__.origin",
    ],
)
def test_paths_that_cannot_be_followed(tmp_path: Path, code: str) -> None:
    root = write(tmp_path, {"__init__.py": "", "mine.py": code, "other.py": "", "far/away.json": ""})
    assert names(closure("pkg.mine", root), root) == everything(root)


def test_a_file_that_appears_or_goes_changes_the_closure(tmp_path: Path) -> None:
    root = write(tmp_path, {"__init__.py": "", "mine.py": "Path(__file__).parent / 'data' / name"})
    before = closure("pkg.mine", root)
    write(tmp_path, {"data/new.json": ""})
    assert {*closure("pkg.mine", root)} - {*before} == {root / "data" / "new.json"}


def test_files_beside_the_code(root: Path, tmp_path: Path) -> None:
    write(tmp_path, {"../notes/a.txt": "", "../notes/pictures/b.png": ""})
    code = "open('a.txt'); 'no such file'; ''; '.'; '/'"
    assert [path.name for path in closure_of_code(code, root, tmp_path / "notes")] == ["a.txt"]
    assert [path.name for path in closure_of_code("Path('pictures') / x", root, tmp_path / "notes")] == ["b.png"]
    assert closure_of_code(code, root) == ()


# -- one of many --------------------------------------------------------------------------------------------------

MANY = {
    "__init__.py": "",
    "results/__init__.py": "from pkg.results.files import FOLDER, read_results, mean",
    "results/files.py": (
        "FOLDER = Path(__file__).parents[1] / 'data' / 'results'\n"
        "def read_results(name): return read(FOLDER / f'{name}.json')\n"
        "def list_results(): return [path.stem for path in FOLDER.iterdir()]\n"
        "def mean(values): ..."
    ),
    "data/results/bias.json": "",
    "data/results/scaling-law.json": "",
    "bias.py": "from pkg.results import read_results\ndef rows(): return read_results('bias')",
    "any.py": "from pkg import results\ndef rows(name): return results.read_results(name)",
    "exercises/__init__.py": (
        "def list_exercises(): return [module.name for module in pkgutil.iter_modules(__path__)]\n"
        "def find(name): importlib.import_module(f'{__name__}.{name}')\n"
        "def check(name, answer): return find(name)(answer)\n"
        "def show(value): ..."
    ),
    "exercises/gates.py": "from pkg.exercises import show\nfrom pkg import bias",
    "exercises/language_model.py": "",
    "exercises/language_zoo.py": "",
}
BIAS, LAW = "data/results/bias.json", "data/results/scaling-law.json"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from pkg.results import read_results\nread_results('bias')", {BIAS}),
        ("import pkg.results\npkg.results.read_results('scaling-law')", {LAW}),
        ("from pkg.results import mean", set()),
        ("from pkg.results import read_results", set()),
        ("from pkg import bias", {BIAS}),
        ("from pkg import any", {BIAS, LAW}),
        ("from pkg.results import read_results\nread_results(name)", {BIAS, LAW}),
        ("from pkg.results import read_results\nlist(map(read_results, names))", {BIAS, LAW}),
        ("from pkg.results import read_results as read\nread('bias')", {BIAS, LAW}),
        ("from pkg import results\nresults.FOLDER.iterdir()", {BIAS, LAW}),
        ("from pkg.results.files import list_results\nlist_results()", {BIAS, LAW}),
    ],
)
def test_results_are_picked_by_name(tmp_path: Path, code: str, expected: set[str]) -> None:
    root = write(tmp_path, MANY)
    assert {name for name in names(closure_of_code(code, root), root) if name.endswith(".json")} == expected


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("check('gates-step', f)", {"gates", BIAS}),
        ("check('language-model-clip', f)", {"language_model"}),
        ("show(1)", set()),
        ("check(name, f)", {"gates", "language_model", "language_zoo", BIAS}),
        ("list_exercises()", {"gates", "language_model", "language_zoo", BIAS}),
    ],
)
def test_an_exercise_is_the_module_of_its_chapter(tmp_path: Path, code: str, expected: set[str]) -> None:
    root = write(tmp_path, MANY)
    found = names(closure_of_code(f"from pkg.exercises import check, list_exercises, show\n{code}", root), root)
    files = {f"exercises/{name}.py" if name != BIAS else name for name in expected}
    assert {name for name in found if name.endswith(".json") or name.startswith("exercises/")} == {
        "exercises/__init__.py",
        *files,
    }


# -- keys ---------------------------------------------------------------------------------------------------------


def test_a_fingerprint_changes_with_names_contents_and_what_is_added(tmp_path: Path) -> None:
    root = write(tmp_path, {"a.py": "1", "b.py": "2"})
    a, b = root / "a.py", root / "b.py"
    key = fingerprint([a, b], "seed 0", base=tmp_path)
    assert key == fingerprint([b, a, b], "seed 0", base=tmp_path)
    others = [fingerprint([a], "seed 0", base=tmp_path), fingerprint([a, b], base=tmp_path)]
    others += [fingerprint([a, b], "seed 1", base=tmp_path), fingerprint([a, b], "seed", " 0", base=tmp_path)]
    a.write_text("2"), b.write_text("1")
    others.append(fingerprint([a, b], "seed 0", base=tmp_path))
    assert len({key, *others}) == 6


def test_a_copy_elsewhere_has_the_same_fingerprint(tmp_path: Path) -> None:
    places = [tmp_path / "one", tmp_path / "two"]
    keys = {fingerprint(closure("pkg.deep.bias", write(place, FILES)), base=place) for place in places}
    assert len(keys) == 1


def test_what_is_not_there(root: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There is no module pkg.other in .*; give one like pkg"):
        closure("pkg.other", root)
    with pytest.raises(UserError, match="There is no Python package at .*; give the folder"):
        closure_of_code("", tmp_path / "nothing")


# -- the real package ---------------------------------------------------------------------------------------------


def test_examples() -> None:
    assert doctest.testmod(companion.closure).failed == 0


def test_no_module_imports_what_its_closure_lacks() -> None:
    """Import each module of the companion, and see which others that loads; up to Keras, which takes long."""
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


def test_pickers_pick_what_they_are_said_to() -> None:
    exercises = [
        (name, path)
        for path in (ROOT / "companion" / "exercises").glob("*.py")
        for name in re.findall(r'^@exercise\(\s*"([^"]+)"', path.read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert exercises
    for name, path in exercises:
        assert path in closure_of_code(f"from companion.exercises import check\ncheck({name!r}, 1)"), name
    for path in results.FOLDER.glob("*.json"):
        read = f"from companion.results import read_results\nread_results({path.stem!r})"
        assert results.read_results(path.stem) and path in closure_of_code(read)
