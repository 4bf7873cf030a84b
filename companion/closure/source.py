"""What one source file does that its dependencies can be told from; `companion.closure` has the rules."""

import ast
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Functions that pick one module or file of many by their first argument. That is the module's or file's name, or it
# begins with the name and a hyphen; hyphens count as underscores. A test holds the table against what they do.
PICKERS = {"exercises": ("check", "outcome"), "results": ("read_results",)}
PICKING = {function for functions in PICKERS.values() for function in functions}

IMPORTERS = {"import_module", "__import__", "find_spec", "resolve_name", "run_module", "load_module"}
RUN_FILES = {"run_path", "exec_module", "spec_from_file_location", "run_line_magic", "run_cell_magic"}
START_PROGRAMS = {"subprocess", "runpy", "system", "popen"}
READ_ONE_FILE = {"read_bytes", "read_text", "open", "exists", "is_file", "stat", "name", "stem", "suffix"}

Chain = tuple[str, tuple[str, ...]]
"""A module and the attributes taken from it, ``"*"`` for whatever it has."""


@dataclass(frozen=True)
class Package:
    """A package as it lies on disk: its folder, and the dotted names of its modules."""

    root: Path
    modules: frozenset[str]

    @property
    def name(self) -> str:
        return self.root.name

    def path(self, module: str) -> Path:
        """The file of a module."""
        path = self.root.parent.joinpath(*module.split("."))
        return initial if (initial := path / "__init__.py").exists() else path.with_suffix(".py")

    def has(self, name: str) -> bool:
        """Whether a dotted name is a module's, or that of a folder with modules in it."""
        return name in self.modules or any(module.startswith(f"{name}.") for module in self.modules)

    def named(self, text: str) -> str | None:
        """The longest module name that a dotted name begins with."""
        parts = text.split(".")
        names = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        return next((name for name in names if name in self.modules), None)


class Source:
    """What one source imports, takes from modules and names as files.

    Attributes
    ----------
    imports, chains, prefixes
        Modules that it imports; what it takes from them; beginnings of names of modules that it imports.
    paths
        The files and folders that it names.
    wide
        A line for each place where its dependencies can't be told.
    bindings, bound
        Its names that stand for something in a module; all names of its top level.
    mentions, picked
        The names it uses; the literals it gives to functions of `PICKERS`, with these, which are then no mentions.
    choices
        The nodes in which it names a file or a beginning of module names.
    strings
        Its texts.
    """

    def __init__(self, package: Package, name: str, nodes: Iterable[ast.AST]):
        self.package, self.name = package, name
        self.file = package.path(name) if name in package.modules else None
        self.imports: set[str] = set()
        self.chains: set[Chain] = set()
        self.prefixes: set[str] = set()
        self.paths: set[Path] = set()
        self.wide: list[str] = []
        self.bindings: defaultdict[str, set[Chain]] = defaultdict(set)
        self.bound: set[str] = set()
        self.mentions: set[str] = set()
        self.picked: set[tuple[str, str]] = set()
        self.choices: set[int] = set()
        self.strings: set[str] = set()
        self._foreign: set[str] = set()  # names bound by imports from elsewhere
        self._done: set[int] = set()
        self._use(list(nodes))

    def _use(self, nodes: list[ast.AST]) -> None:
        for node in nodes:
            if isinstance(node, ast.Import):
                self._import(node)
            elif isinstance(node, ast.ImportFrom):
                self._import_from(node)
        attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
        self._starts_programs = bool(START_PROGRAMS & (self._foreign | attributes))
        self._named_paths = {
            target.id
            for node in nodes
            if isinstance(node, ast.Assign | ast.AnnAssign) and self._path(node.value)
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        for node in nodes:  # from the outside in
            if id(node) in self._done or self._names_path(node):
                continue
            if isinstance(node, ast.Call):
                self._call(node)
            elif isinstance(node, ast.Attribute) or (isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)):
                self._chain(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self._string(node, node.value)

    def _widen(self, node: ast.AST, reason: str) -> None:
        self.wide.append(f"{self.name}, line {getattr(node, 'lineno', 1)}: {reason}")

    def _consume(self, node: ast.AST) -> None:
        self._done |= {id(inner) for inner in ast.walk(node)}

    # -- imports --------------------------------------------------------------------------------------------------

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.split(".")[0]
            if top != self.package.name:
                self._import_foreign(node, alias.name, alias.asname or top)
                continue
            self._add(node, alias.name)
            self.bindings[alias.asname or top].add((alias.name if alias.asname else top, ()))

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level:
            is_package = self.file is not None and self.file.name == "__init__.py"
            parts = self.name.split(".")
            module = ".".join([*parts[: len(parts) - node.level + is_package], *filter(None, [module])])
        inside = module.split(".")[0] == self.package.name
        if inside:
            self._add(node, module)
        for alias in node.names:
            bound = alias.asname or alias.name
            if not inside:
                self._import_foreign(node, f"{module}.{alias.name}", bound)
            elif alias.name == "*":
                self._widen(node, "everything is imported with a star")
            else:
                self.chains.add((module, (alias.name,)))
                self.bindings[bound].add((module, (alias.name,)))
                if alias.asname:
                    self.mentions.add(alias.name)

    def _import_foreign(self, node: ast.AST, name: str, bound: str) -> None:
        self._foreign.add(bound)
        if name.startswith("importlib.resources") or name == "pkgutil.get_data":
            self._widen(node, f"{name} is used, where files should be named from __file__ on")

    def _add(self, node: ast.AST, module: str) -> None:
        if module == self.package.name or self.package.has(module):
            self.imports.add(module)
        else:
            self._widen(node, f"there is no module {module}")

    # -- uses -----------------------------------------------------------------------------------------------------

    def _call(self, node: ast.Call) -> None:
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name in RUN_FILES:
            self._widen(node, f"{name} runs what can't be read here")
        elif name in IMPORTERS:
            self._import_by_name(node)
        elif name in PICKING and node.args:
            text, whole = self._text(node.args[0])
            if whole:
                self.picked.add((name, text))
                self._chain(node.func, is_pick=True)
        if name in RUN_FILES | IMPORTERS:
            self._consume(node.func)

    def _import_by_name(self, node: ast.Call) -> None:
        text, whole = self._text(node.args[0]) if node.args else ("", False)
        if text.startswith(".") and len(node.args) == 2 and self._text(node.args[1]) == (self.name, True):
            text = self.name + text
        inside = text == self.package.name or text.startswith(f"{self.package.name}.")
        if inside and whole:
            self._add(node, text)
        elif inside:
            self.prefixes.add(text)
            self.choices.add(id(node))
        if text.startswith(".") or (not whole and f"{self.package.name}.".startswith(text)):
            self._widen(node, "a module is imported by a computed name")
        if inside:
            self._consume(node.args[0])

    def _text(self, node: ast.AST) -> tuple[str, bool]:
        """What is known of how a string begins, and whether that is all of it."""
        match node:
            case ast.Constant(value=str(text)):
                return text, True
            case ast.Name(id="__name__") if self.file:
                return self.name, True
            case ast.FormattedValue(value=value, conversion=-1, format_spec=None):
                return self._text(value)
            case ast.JoinedStr(values=parts):
                pass
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                parts = [left, right]
            case _:
                return "", False
        known = ""
        for part in parts:
            text, whole = self._text(part)
            known += text
            if not whole:
                return known, False
        return known, True

    def _chain(self, node: ast.AST, is_pick: bool = False) -> None:
        """Follow ``a.b.c`` from the module that ``a`` stands for."""
        names: list[str] = []
        while isinstance(node, ast.Attribute) and not self._path(node):
            self._done.add(id(node))
            self._check(node)
            names.insert(0, node.attr)
            node = node.value
        if isinstance(node, ast.Name):
            self._done.add(id(node))
            if node.id in IMPORTERS | RUN_FILES | {"__spec__", "__loader__"}:
                self._widen(node, f"{node.id} is handed on")
            self.chains |= {(module, (*taken, *names, "*")) for module, taken in self.bindings.get(node.id, ())}
            names.insert(0, node.id)
        self.mentions |= {*(names[:-1] if is_pick else names)}

    def _check(self, node: ast.Attribute) -> None:
        """Note an attribute that leads to modules or files in a way that can't be followed."""
        if node.attr in IMPORTERS | RUN_FILES | {"__spec__", "__loader__", "get_data"}:
            self._widen(node, f"{node.attr} is handed on")
        elif node.attr in {"__file__", "__path__"}:
            if not (isinstance(node.value, ast.Name) and node.value.id in self._foreign):
                self._widen(node, f"the {node.attr} of another module is used")
        elif node.attr in {"parent", "parents"} and any(
            self._path(inner) or (isinstance(inner, ast.Name) and inner.id in self._named_paths)
            for inner in ast.walk(node.value)
        ):
            self._widen(node, "a path is followed to a parent folder")

    def _string(self, node: ast.AST, text: str) -> None:
        self.strings.add(text)
        package = self.package.name
        if text == package or (self._starts_programs and re.search(rf"-m\s+{package}(?![\w.])", text)):
            self.imports |= {f"{package}.__main__"} & self.package.modules
        if re.search(rf"\b(from|import)\s+{package}\b", text):
            self._widen(node, "code in a string imports from the package")
        if re.fullmatch(rf"{package}\.([A-Za-z_]\w*\.)*", text):
            self.prefixes.add(text)
            self.choices.add(id(node))
        for name in re.findall(rf"(?<![\w.]){package}(?:\.[A-Za-z_]\w*)+", text):
            module = self.package.named(name)
            if module and module != package:
                self.imports.add(module)

    # -- files ----------------------------------------------------------------------------------------------------

    def _names_path(self, node: ast.AST) -> bool:
        """Whether an expression is, as a whole, a path that begins with ``__file__``; its path is noted."""
        spelt = node
        match node:
            case ast.Attribute(value=inner, attr=attr) if attr in READ_ONE_FILE and self._path(inner):
                spelt = inner
            case ast.Call(func=ast.Name(id="open"), args=[inner, *_]) if self._path(inner):
                spelt = inner
        path, is_read = self._path(spelt), spelt is not node
        if path is None:
            return False
        self._consume(spelt)
        if path == self.package.root or path in self.package.root.parents:
            self._widen(node, "a path leads out of the package")
        elif path == self.file and not is_read:
            self._widen(node, "__file__ is handed on")
        else:
            self.paths.add(path)
            self.choices.add(id(spelt))
        return not is_read

    def _path(self, node: ast.AST | None) -> Path | None:
        """The path that an expression spells out from ``__file__`` on; None if it doesn't."""
        if self.file is None or self.name.startswith(f"{self.package.name}.closure"):
            return None  # this package reads only what its callers ask for, and they name that
        match node:
            case ast.Name(id="__file__"):
                return self.file
            case ast.Name(id="__path__"):
                return self.file.parent
            case ast.Attribute(value=inner, attr="parent"):
                return (path := self._path(inner)) and path.parent
            case ast.Subscript(value=ast.Attribute(value=inner, attr="parents"), slice=ast.Constant(value=int(steps))):
                path = self._path(inner)
                return path.parents[steps] if path and 0 <= steps < len(path.parents) else None
            case ast.BinOp(left=inner, op=ast.Div(), right=name):
                return self._below(inner, [name])
            case ast.Call(func=ast.Name(id="str"), args=[inner]):
                return self._path(inner)
            case ast.Call(func=ast.Name(id="Path") | ast.Attribute(attr="Path"), args=[inner, *names]):
                return self._below(inner, names)
            case ast.Call(func=ast.Attribute(value=inner, attr="resolve" | "absolute"), args=[]):
                return self._path(inner)
            case ast.Call(func=ast.Attribute(value=inner, attr="joinpath"), args=names):
                return self._below(inner, names)
            case ast.Call(func=ast.Attribute(value=inner, attr="with_name"), args=[name]):
                text, whole = self._text(name)
                path = self._path(inner)
                return path.with_name(text) if path and text and whole else None
        return None

    def _below(self, inner: ast.AST, names: list[Any]) -> Path | None:
        path = self._path(inner)
        texts = [self._text(name) for name in names]
        if path is None or not all(whole for _, whole in texts):
            return None
        return Path(os.path.normpath(path.joinpath(*(text for text, _ in texts))))
