"""A module of a package, or code from elsewhere: what it does, and what others can take from it."""

import ast
import functools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from companion.closure.source import Package, Source


class Module(Source):
    """A source with what others can take from it.

    Attributes
    ----------
    on_demand, tables
        What its ``__getattr__`` does, if it has one, and the literals in which that looks names up.
    choosers
        Names of its top level by which others reach its ``choices``.
    """

    def __init__(self, package: Package, name: str, text: str):
        try:
            tree, is_valid = ast.parse(text), True
        except (SyntaxError, ValueError):
            tree, is_valid = ast.Module([], []), False
        top = [*_top(tree)]
        hook = next((node for node in top if isinstance(node, ast.FunctionDef) and node.name == "__getattr__"), None)
        asked = {inner.id for inner in ast.walk(hook) if isinstance(inner, ast.Name)} if hook else set()
        self.tables: list[Any] = []
        skipped: list[ast.AST | None] = [hook]
        for statement in top:
            if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value and _binds(statement) & asked:
                try:
                    self.tables.append(ast.literal_eval(statement.value))
                except ValueError:
                    continue
                skipped.append(statement.value)
        super().__init__(package, name, _running(tree, skipped))
        self.bound = {name for statement in top for name in _binds(statement)}
        self.on_demand = Source(package, name, _running(hook)) if hook else None
        self.choosers = self._choosers(top)
        if not is_valid:
            self._widen(tree, "this isn't valid Python")
        if hook is None and "__getattr__" in self.bound:
            self._widen(tree, "__getattr__ isn't written out as a function")

    def _choosers(self, top: list[ast.AST]) -> set[str]:
        parts = [(_binds(statement), list(ast.walk(statement))) for statement in top]
        found: set[str] = set()
        while True:
            more = {
                name
                for names, nodes in parts
                if any(id(node) in self.choices or getattr(node, "id", None) in found for node in nodes)
                for name in names
            }
            if more <= found:
                return found
            found |= more

    def gives(self, name: str) -> bool:
        """Whether a name is known to be one of its top level, or to be looked up on demand."""
        return name in self.bound or bool(self.looked_up(name))

    def looked_up(self, name: str) -> set[str]:
        """The modules that the tables of ``__getattr__`` give for a name, or for any with ``"*"``."""
        found: set[str] = set()
        for table in self.tables:
            entries = table.items() if isinstance(table, dict) else [(entry, entry) for entry in _texts(table)]
            for key, value in entries:
                if name in ("*", key):
                    found |= self._modules(value)
                if name == "*" or (isinstance(table, dict) and name in _texts(value)):
                    found |= self._modules(key)
        return found

    def _modules(self, value: Any) -> set[str]:
        texts = [text.partition(":")[0] for text in _texts(value)]
        full = [
            text if text.startswith(f"{self.package.name}.") else f"{self.name}.{text.lstrip('.')}" for text in texts
        ]
        found = {self.package.named(text) for text in full}
        return {module for module in found if module and module != self.name and module != self.package.name}


@functools.lru_cache(maxsize=4096)
def read(package: Package, name: str, text: str) -> Module:
    """What a source does; the name is a module's, or another for code from elsewhere."""
    return Module(package, name, text)


def _running(tree: ast.AST, skipped: Iterable[ast.AST | None] = ()) -> Iterator[ast.AST]:
    """The nodes of a tree, outer ones first, without docstrings and without what only type checkers read."""
    passed = {id(node) for node in skipped}
    queue = deque([tree])
    while queue:
        node = queue.popleft()
        yield node
        for child in _parts(node):
            is_text = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            if id(child) not in passed and not is_text:
                queue.append(child)


def _parts(node: ast.AST) -> Iterable[ast.AST]:
    """What a node consists of, without what only type checkers read."""
    if isinstance(node, ast.If) and "TYPE_CHECKING" in (getattr(node.test, "id", ""), getattr(node.test, "attr", "")):
        return node.orelse
    return ast.iter_child_nodes(node)


def _top(tree: ast.AST) -> Iterator[ast.AST]:
    """The statements that run when a module is imported, those within others included."""
    for statement in _parts(tree):
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.ExceptHandler):
            yield from _top(statement)


def _binds(node: ast.AST) -> set[str]:
    """The names that a statement binds where it is."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    if isinstance(node, ast.Name):
        return {node.id} if isinstance(node.ctx, ast.Store) else set()
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return set()
    return {name for child in _parts(node) for name in _binds(child)}


def _texts(value: Any) -> list[str]:
    """The strings in a literal, itself included."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return [text for part in value for text in _texts(part)] if isinstance(value, list | tuple | set) else []
