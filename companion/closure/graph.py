"""From source to source: the closure of imports, with the files that are read on the way."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from companion.closure.module import Module, read
from companion.closure.source import PICKERS, Chain, Package
from companion.errors import UserError

PACKAGE = Path(__file__).resolve().parents[1]


def closure(start: str | Iterable[str], root: Path = PACKAGE) -> tuple[Path, ...]:
    """The files that modules of a package depend on: their own, those of what they import, the data they read.

    Parameters
    ----------
    start
        A module's dotted name, or several: ``"companion.corpora"``.
    root
        The package's folder; its name is the package's.

    Returns
    -------
    tuple of Path
        Absolute and sorted, for `fingerprint`.

    Raises
    ------
    UserError
        The package has no such module, or there is no package at ``root``.
    """
    package = _package(root)
    names = [start] if isinstance(start, str) else list(start)
    for name in names:
        if name not in package.modules:
            raise UserError(f"There is no module {name} in {package.root}; give one like {min(package.modules)}.")
    return tuple(sorted(_Closure(package, names).paths()))


def closure_of_code(source: str, root: Path = PACKAGE, folder: Path | None = None) -> tuple[Path, ...]:
    """The files of a package that some code depends on, such as the cells of a notebook.

    Parameters
    ----------
    source
        Python, without a notebook's own syntax. What isn't valid Python depends on the whole package.
    root
        The package's folder.
    folder
        Where the code runs: the files there that the code's strings name count as well.

    Returns
    -------
    tuple of Path
        Absolute and sorted, for `fingerprint`.

    Raises
    ------
    UserError
        There is no package at ``root``.
    """
    package = _package(root)
    code = read(package, "__main__", source)
    beside = {path for text in code.strings if folder for path in _beside(folder.resolve(), text)}
    return tuple(sorted(beside | _Closure(package, [], code).paths()))


def unresolved(root: Path = PACKAGE) -> list[str]:
    """The places in a package that make whatever imports them depend on the whole package.

    Returns
    -------
    list of str
        For each the module, the line and what is done there.
    """
    package = _package(root)
    return [reason for name in sorted(package.modules) for reason in _module(package, name).wide]


def fingerprint(paths: Iterable[Path], *more: str, base: Path = PACKAGE.parent) -> str:
    """A short hash of files, by name and content, and of further texts.

    Parameters
    ----------
    paths
        Files, in any order.
    more
        Whatever else a cache's content depends on: settings, versions.
    base
        The folder from which the names count, so that a copy of the project has the same fingerprints.
    """
    digest = hashlib.sha256(repr(more).encode())
    for name, path in sorted((Path(os.path.relpath(path, base)).as_posix(), path) for path in {*paths}):
        digest.update(name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


class _Closure:
    """Follows modules and code through a package until nothing new is found."""

    def __init__(self, package: Package, start: Iterable[str], code: Module | None = None):
        self.package = package
        self.modules: dict[str, Module] = {}
        self.named: set[Path] = set()  # files and folders
        self.is_whole = False
        self._code = code
        self._seen: set[Chain] = set()
        self._pending: list[Chain] = [(name, ()) for name in start]
        if code:
            self._take(code)
        while self._pending:
            while self._pending:
                self._follow(*self._pending.pop())
            self._pick()

    def paths(self) -> set[Path]:
        """The files of all that was found."""
        if self.is_whole:
            inside = {*_files(self.package.root)}
            named = {path for name in self.package.modules for path in _module(self.package, name).paths}
        else:
            inside, named = {self.package.path(name) for name in self.modules}, self.named
        return inside | {file for path in named for file in _files(path)}

    def _take(self, source: Module) -> None:
        """Note what a source does."""
        self.is_whole = self.is_whole or bool(source.wide)
        self._request(source.imports)
        self._pending += source.chains
        if not self._picks(source):
            self._request(self._below(source.prefixes))
            self.named |= source.paths

    def _request(self, modules: Iterable[str]) -> None:
        self._pending += [chain for name in modules if (chain := (name, ())) not in self._seen]

    def _follow(self, module: str, names: tuple[str, ...]) -> None:
        """Import a module, and take something from it."""
        if (module, names) in self._seen:
            return
        self._seen.add((module, names))
        parts = module.split(".")
        for end in range(1, len(parts) + 1):
            name = ".".join(parts[:end])
            if name in self.package.modules and name not in self.modules:
                self.modules[name] = _module(self.package, name)
                self._take(self.modules[name])
        if names:
            self._look_up(module, names[0], names[1:])

    def _look_up(self, module: str, name: str, rest: tuple[str, ...]) -> None:
        """Follow an attribute of a module: a module in it, something it imported, something it imports on demand."""
        is_module = self.package.has(f"{module}.{name}")
        if is_module:
            self._pending.append((f"{module}.{name}", rest))
        source = self.modules.get(module)
        if source is None:  # a folder without __init__, of which nothing else is known
            self.is_whole = self.is_whole or not (is_module or name == "*")
            return
        self._pending += [(other, (*taken, *rest)) for other, taken in source.bindings.get(name, ())]
        if source.on_demand is None or name in source.bound or name.startswith("__"):
            return
        self._request(source.on_demand.imports)
        self._pending += source.on_demand.chains
        self._request(self._below(source.on_demand.prefixes - (set() if name == "*" else {f"{module}."})))
        self.named |= source.on_demand.paths
        found = source.looked_up(name)
        self.is_whole = self.is_whole or bool(source.on_demand.wide and not (found or is_module))
        for other in found:
            is_itself = other.endswith(f".{name}")
            has_it = self.package.has(f"{other}.{name}") or _module(self.package, other).gives(name)
            self._pending.append((other, (name, *rest) if has_it else rest if is_itself else ("*",)))

    def _below(self, prefixes: Iterable[str]) -> list[str]:
        return [name for name in self.package.modules for prefix in prefixes if name.startswith(prefix)]

    # -- one of many ----------------------------------------------------------------------------------------------

    def _picks(self, source: Module) -> set[str]:
        """The functions of a module that pick one of many."""
        for area, functions in PICKERS.items():
            if f"{source.name}.".startswith(f"{self.package.name}.{area}."):
                return source.bound & {*functions}
        return set()

    def _pick(self) -> None:
        """Add what is picked of many by the calls found so far, or all of it if one of them doesn't say."""
        sources = [*self.modules.values(), *([self._code] if self._code else [])]
        for picker in list(self.modules.values()):
            if not (functions := self._picks(picker)):
                continue
            names: set[str] = set()
            takes_all = False
            for source in sources:
                if source is not picker and _knows(source, picker):
                    takes_all = takes_all or bool(source.mentions & picker.choosers)
                    names |= {name for function, name in source.picked if function in functions}
            modules = {name: name.rpartition(".")[2] for name in self._below(picker.prefixes)}
            files = {file: file.stem for path in picker.paths for file in _files(path)}
            self._request(module for module, stem in modules.items() if takes_all or _is_meant(stem, names))
            self.named |= {file for file, stem in files.items() if takes_all or _is_meant(stem, names)}


def _knows(source: Module, picker: Module) -> bool:
    """Whether a source may have the functions of a module."""
    area = ".".join(picker.name.split(".")[:2])
    touched = source.imports | {".".join([module, *names]) for module, names in source.chains}
    return any(f"{name}.".startswith(f"{area}.") for name in touched) or any(
        picker.choosers & {*names} for _, names in source.chains
    )


def _is_meant(stem: str, names: Iterable[str]) -> bool:
    return any(f"{name}-".replace("_", "-").startswith(f"{stem}-".replace("_", "-")) for name in names)


# -- the package on disk ------------------------------------------------------------------------------------------


def _package(root: Path) -> Package:
    root = Path(root).resolve()
    modules = set()
    for path in _files(root):
        parts = path.relative_to(root.parent).with_suffix("").parts
        if path.suffix == ".py" and all(part.isidentifier() for part in parts):
            modules.add(".".join(parts[:-1] if parts[-1] == "__init__" else parts))
    if not modules:
        raise UserError(f"There is no Python package at {root}; give the folder that holds its modules.")
    return Package(root, frozenset(modules))


def _module(package: Package, name: str) -> Module:
    return read(package, name, package.path(name).read_text(encoding="utf-8", errors="replace"))


def _files(place: Path) -> Iterator[Path]:
    """A file itself, or the files in a folder; none that is hidden or compiled."""
    if place.is_file():
        yield place
    for folder, folders, names in os.walk(place):
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        yield from (Path(folder, name) for name in names if not name.startswith("."))


def _beside(folder: Path, text: str) -> Iterable[Path]:
    """The files that a string names, as seen from a folder."""
    if not text.strip() or len(text) > 200 or "\0" in text or Path(text).is_absolute():
        return []
    path = (folder / text).resolve()
    return _files(path) if path.is_file() or folder in path.parents else []
