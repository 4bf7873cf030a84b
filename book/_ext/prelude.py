"""The earlier lines of a chapter that an exercise needs, so that its cell runs without the chapter.

A cell of a notebook may use what any cell above it has defined. In the page only the reader's cell runs, after a
*prelude*: the definitions above it that the stub and the solution use, and what these use in turn. So stub, solution
and prelude have one source, the notebook.
"""

import ast
import builtins
import re
import symtable
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from folding import parsed

# What the page lacks: it has no version for the browser, is no part of what is sent there, or reads files.
LACKING = ("keras", "tensorflow", "matplotlib", "companion.corpora", "companion.models", "companion.recipes")
ALWAYS = {"check", "np"}  # the page gives these to every cell
CHECK = re.compile(r"\bcheck\(\s*[\"']([\w-]+)[\"']")


@dataclass(frozen=True)
class Exercise:
    """A checked exercise as its notebook has it.

    Attributes
    ----------
    name
        The one that ``check`` is given.
    stub
        The code of the cell that the reader completes.
    solution
        The code of the cell that has the solution.
    prelude
        The earlier lines that both need.
    """

    name: str
    stub: str
    solution: str
    prelude: str


def exercises(cells: Sequence[str]) -> Iterator[Exercise]:
    """The checked exercises among the code cells of a notebook: the first cell with a check, and the last."""
    places: dict[str, list[int]] = {}
    for place, code in enumerate(cells):
        for name in dict.fromkeys(CHECK.findall(code)):
            places.setdefault(name, []).append(place)
    for name, found in places.items():
        stub, solution = cells[found[0]], cells[found[-1]]
        yield Exercise(name, stub, solution, prelude(cells[: found[0]], [stub, solution]))


def answer(exercise: Exercise) -> str:
    """The solution up to its check, without the lines after it that go on with the chapter's own data."""
    lines = exercise.solution.splitlines()
    ends = [node.end_lineno for node in parsed(exercise.solution).body if CHECK.search(ast.unparse(node))]
    return "\n".join(lines[: ends[0]])


def prelude(before: Iterable[str], cells: Iterable[str]) -> str:
    """The statements of the cells before that others need, as code.

    Parameters
    ----------
    before
        Code cells, in order.
    cells
        The cells that need them.

    Examples
    --------
    >>> print(prelude(["import math, keras", "x = 2\\ny = math.sqrt(x)", "z = keras.ops.ones(3)"], ["print(y, z)"]))
    import math
    x = 2
    y = math.sqrt(x)
    """
    wanted = {name for code in cells for name in read(code) - bound(code)} - ALWAYS
    kept: list[str] = []
    for statement in reversed(list(usable(before))):
        code = only(statement, wanted)
        if code and (given := bound(code) & wanted):
            kept.append(code)
            wanted = (wanted - given) | read(code)
    return "\n".join(reversed(kept))


def usable(cells: Iterable[str]) -> Iterator[ast.stmt]:
    """The statements of cells, without those that the page couldn't run: what they define is lacking too."""
    lacking: set[str] = set()
    for statement in (node for code in cells for node in parsed(code).body):
        code = ast.unparse(statement)
        if isinstance(statement, ast.Import | ast.ImportFrom):
            lacking |= {name(alias) for alias in statement.names if is_lacking(statement, alias)}
            statement.names = [alias for alias in statement.names if not is_lacking(statement, alias)]
            if statement.names:
                yield statement
        elif read(code) & lacking:
            lacking |= bound(code)
        else:
            yield statement


def is_lacking(statement: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    """Whether an import asks for what the page doesn't have."""
    origin = f"{statement.module}." if isinstance(statement, ast.ImportFrom) else ""
    module = f"{origin}{alias.name}."
    if module.startswith(tuple(f"{lacking}." for lacking in LACKING)):
        return True
    return module.partition(".")[0] not in {*sys.stdlib_module_names, "numpy", "companion"}


def name(alias: ast.alias) -> str:
    """The name that an import defines."""
    return (alias.asname or alias.name).partition(".")[0]


def only(statement: ast.stmt, wanted: set[str]) -> str:
    """The code of a statement; of an import, only what is wanted."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        statement.names = [alias for alias in statement.names if name(alias) in wanted]
        if not statement.names:
            return ""
    return ast.unparse(statement)


def bound(code: str) -> set[str]:
    """The names that code defines for those after it."""
    table = symtable.symtable(code, "cell", "exec")
    return {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_namespace()}


def read(code: str) -> set[str]:
    """The names that code takes from outside, within functions too, without Python's own."""
    changed = (node.target for node in ast.walk(ast.parse(code)) if isinstance(node, ast.AugAssign))
    found = {target.id for target in changed if isinstance(target, ast.Name)}
    tables = [symtable.symtable(code, "cell", "exec")]
    while tables:
        table = tables.pop()
        is_module = table.get_type() == "module"
        found |= {s.get_name() for s in table.get_symbols() if s.is_referenced() and (is_module or s.is_global())}
        tables += table.get_children()
    return {name for name in found if not hasattr(builtins, name)}
