"""What a piece of code depends on: the modules it imports, however deep, and the data files that these read.

A cache is only right if its key holds everything that its content depends on. `closure` finds that by reading the
source, without importing or running anything, so no list of modules is kept by hand:

>>> key = fingerprint(closure("companion.models", "companion.evaluation"), "units 256, seed 0")
>>> len(key)
16

The rules are few, and err on the safe side: an extra file makes a cache run again for nothing, which is slow; a missing
one would let it show what is no longer true.

- Every ``import`` counts, those inside functions too, with the ``__init__`` of each package on the way. One that only
  type checkers read (``if TYPE_CHECKING:``) doesn't. A string that is a module's name counts as its import.
- A name that `companion` looks up on demand, as in ``companion.load``, counts as the import of its module: the table
  is a literal in ``companion/__init__.py``.
- A module reads the data files that it names, and all shipped weights if it names their folder.
- ``read_results("bias")`` reads that file alone, and ``check("gates-step", ...)`` uses its chapter's exercises alone;
  if the argument isn't a literal, all results or all exercises count.
- Code that uses `companion.training.Crew` starts the command, so it depends on all that the command does.

Downloaded texts need no rule: their hashes are in the code. A test imports every module for real and checks that
nothing is loaded which its closure lacks.
"""

import ast
import functools
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from companion.errors import UserError

PACKAGE = Path(__file__).resolve().parent
WEIGHTS = "weights"  # a folder of the package, of which a recipe may read any file
RESULTS = "data/results"  # another, of which one file is read at a time, by its name
STARTS_THE_COMMAND = "Crew"


@dataclass
class _Source:
    """What one source imports and names."""

    imports: set[str] = field(default_factory=set)  # dotted names, of modules or of what is in them
    strings: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    results: set[str] = field(default_factory=set)  # "*" for all of them
    exercises: set[str] = field(default_factory=set)


def closure(*start: str, root: Path = PACKAGE) -> tuple[Path, ...]:
    """The files that modules of a package depend on: their own, those of what they import, the data they read.

    Parameters
    ----------
    start
        Dotted names of modules: ``"companion.corpora"``.
    root
        The package's folder, whose name is the package's.

    Returns
    -------
    tuple of Path
        Absolute and sorted, for `fingerprint`.

    Raises
    ------
    UserError
        The package has no such module.
    """
    modules = _modules(root)
    for name in start:
        if name not in modules:
            raise UserError(f"There is no module {name} in {root}; give one like {root.name}.errors.")
    return _follow(_Source(imports=set(start)), root)


def closure_of_code(code: str, root: Path = PACKAGE) -> tuple[Path, ...]:
    """The files of a package that some code depends on, such as the cells of a notebook.

    Parameters
    ----------
    code
        Python, without a notebook's own syntax.
    root
        The package's folder.

    Returns
    -------
    tuple of Path
        Absolute and sorted; of code that isn't valid Python, all files of the package.
    """
    try:
        source = _read(code, "", root.name)
    except SyntaxError:
        return tuple(sorted(_files(root)))
    if STARTS_THE_COMMAND in source.names:
        source.imports.add(f"{root.name}.__main__")
    return _follow(source, root)


def fingerprint(paths: Iterable[Path], *more: str, base: Path = PACKAGE.parent) -> str:
    """A short hash of files, by name and content, and of further texts.

    Parameters
    ----------
    paths
        Files, in any order.
    more
        Whatever else a cache's content depends on: settings, versions.
    base
        The folder that the names are relative to, so that a copy of the project has the same fingerprints.
    """
    digest = hashlib.sha256(repr(more).encode())
    for name, path in sorted((path.relative_to(base).as_posix(), path) for path in set(paths)):
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def _follow(start: _Source, root: Path) -> tuple[Path, ...]:
    """Every file that a source leads to."""
    modules, on_demand = _modules(root), _on_demand(root)
    found: set[Path] = set()
    sources, pending = [start], [start]
    while pending:
        for module in _imported(pending.pop(), modules, on_demand, root.name):
            if modules[module] not in found:
                found.add(modules[module])
                source = _read(modules[module].read_text(encoding="utf-8"), module, root.name)
                sources.append(source)
                pending.append(source)
    return tuple(sorted(found | set(_data(sources, root))))


def _imported(source: _Source, modules: dict[str, Path], on_demand: dict[str, str], package: str) -> Iterator[str]:
    """The modules that a source imports, each after the packages it's in."""
    wanted = source.imports | (source.strings & set(modules))
    wanted |= {on_demand[name] for name in wanted if name in on_demand}
    exercises = f"{package}.exercises."
    if source.exercises:
        chapters = {
            name: name.removeprefix(exercises).replace("_", "-") for name in modules if name.startswith(exercises)
        }
        asked = source.exercises
        wanted |= {
            n for n, chapter in chapters.items() if any(a == "*" or f"{a}-".startswith(f"{chapter}-") for a in asked)
        }
    for name in wanted:
        parts = name.split(".")
        yield from (part for n in range(1, len(parts) + 1) if (part := ".".join(parts[:n])) in modules)


def _data(sources: Iterable[_Source], root: Path) -> Iterator[Path]:
    """The data files that sources name."""
    strings = {text for source in sources for text in source.strings}
    results = {name for source in sources for name in source.results}
    for path in _files(root):
        if path.suffix == ".py":
            continue
        if path.parent == root / RESULTS:
            if results & {"*", path.stem}:
                yield path
        elif path.name in strings or (WEIGHTS in path.relative_to(root).parts and WEIGHTS in strings):
            yield path


@functools.lru_cache(maxsize=1024)
def _read(text: str, module: str, package: str) -> _Source:
    """What a source imports and names; ``module`` is its own name, ``""`` for code from elsewhere."""
    source = _Source()
    is_face = module == package
    for node in _running(ast.parse(text)):
        match node:
            case ast.Import(names=names):
                source.imports |= {alias.name for alias in names}
            case ast.ImportFrom(module=origin, names=names, level=level):
                if level:
                    raise SyntaxError(f"{module} has a relative import; name the module in full")
                source.imports |= {f"{origin}.{alias.name}" for alias in names} | {origin or ""}
                source.names |= {alias.name for alias in names}
            case ast.Attribute(value=ast.Name(id=name), attr=attr) if name == package:
                source.imports.add(f"{package}.{attr}")
            case ast.Name(id=name):
                source.names.add(name)
            case ast.Constant(value=str(string)) if not is_face:
                source.strings.add(string)
            case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name), args=[first, *_]):
                told = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else "*"
                if name == "read_results":
                    source.results.add(told)
                if name in ("check", "outcome") and module != f"{package}.exercises":
                    source.exercises.add(told)
    return source


def _running(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree without those that only type checkers read, and without docstrings."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from (inner for other in node.orelse for inner in [other, *_running(other)])
        elif not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)):
            yield node
            yield from _running(node)


def _modules(root: Path) -> dict[str, Path]:
    """The modules of a package, by dotted name."""
    found = {}
    for path in _files(root):
        parts = path.relative_to(root.parent).with_suffix("").parts
        if path.suffix == ".py":
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _on_demand(root: Path) -> dict[str, str]:
    """The names that a package looks up when they are asked for, and their modules: ``companion.load``."""
    found: dict[str, str] = {}
    for node in ast.parse((root / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and isinstance(node.value, ast.Dict):
            table = ast.literal_eval(node.value)
            found |= {f"{root.name}.{name}": module for name, module in table.items()}
    return found


def _files(root: Path) -> list[Path]:
    inside = (path for path in sorted(root.rglob("*")) if path.is_file())
    return [path for path in inside if "__pycache__" not in path.parts and not path.name.startswith(".")]
