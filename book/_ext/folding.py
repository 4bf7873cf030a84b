"""Which code a page folds away: what only shows something. What teaches stays open.

A cell is folded if its output is a figure; if its output is a table, and nothing that it defines is used later on the
page; or if it only imports and sets up. The bar says which. A cell's own tag comes first: ``hide-input`` folds it, and
``show-input`` keeps it open.
"""

import ast
import html

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from sphinx.application import Sphinx

FIGURE, TABLE, SETUP, OTHER = "Code of this figure", "Code of this table", "Set-up", "Code of this passage"
HIDE = "Hide the code"
TABLE_MARK = '<table class="numbers">'


def code(cell: nodes.container) -> str:
    """The source of a cell."""
    return "\n".join(
        block.astext()
        for part in cell.children
        if isinstance(part, nodes.container) and part.get("nb_element") == "cell_code_source"
        for block in part.findall(nodes.literal_block)
    )


def shows(cell: nodes.container) -> str:
    """What the output of a cell is: `FIGURE`, `TABLE` or nothing."""
    for part in cell.children:
        if part.get("nb_element") == "cell_code_output":
            drawn = any(part.findall(lambda node: isinstance(node, nodes.image | nodes.figure)))
            if drawn or any("<svg" in raw.astext() for raw in part.findall(nodes.raw)):
                return FIGURE
            if any(TABLE_MARK in raw.astext() for raw in part.findall(nodes.raw)):
                return TABLE
    return ""


def defined(tree: ast.Module) -> set[str]:
    """The names that a cell defines: its functions, classes, variables and imports."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).partition(".")[0])
    return found


def needed(names: set[str], later: list[ast.Module]) -> bool:
    """Whether a later cell reads one of the names before it, or a cell between, gives it another value."""
    left = set(names)
    for tree in later:
        read: dict[str, int] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                read[node.id] = min(node.lineno, read.get(node.id, node.lineno))
        given = {
            node.id: node.lineno
            for node in sorted(_names(tree), key=lambda node: -node.lineno)
            if isinstance(node.ctx, ast.Store)
        }
        if any(read[name] <= given.get(name, read[name]) for name in left & read.keys()):
            return True
        left -= given.keys()
    return False


def _names(tree: ast.Module) -> list[ast.Name]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Name)]


def only_sets_up(tree: ast.Module) -> bool:
    """Whether a cell only imports, seeds and sets the style."""
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    calls = [
        node
        for node in tree.body
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and not node.value.args[1:]
        if ast.unparse(node.value.func) in ("set_seed", "plotting.style")
    ]
    return bool(calls) and len(imports) + len(calls) == len(tree.body)


def parsed(source: str) -> ast.Module:
    """A cell's code; nothing if it has lines that aren't Python."""
    try:
        return ast.parse(source)
    except SyntaxError:
        return ast.Module([], [])


def fold(app: Sphinx, doctree: nodes.document) -> None:
    """Fold the cells of a page, and label those that are folded by their tags."""
    cells = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "cell_code"]
    trees = [parsed(code(cell)) for cell in cells]
    for number, (cell, tree) in enumerate(zip(cells, trees, strict=True)):
        shown = shows(cell)
        if cell.get("hide_mode"):
            silent = len(cell.children) == 1
            cell["prompt_show"], cell["prompt_hide"] = SETUP if silent else shown or OTHER, HIDE
            continue
        shows_only = shown == TABLE and not needed(defined(tree), trees[number + 1 :])
        label = SETUP if only_sets_up(tree) else FIGURE if shown == FIGURE else TABLE if shows_only else ""
        if label and "tag_show-input" not in cell["classes"]:
            cell["hide_mode"], cell["prompt_show"], cell["prompt_hide"] = "input", label, HIDE


def begin(self, node: HideCodeCellNode) -> None:
    """Open the bar, whose words are its name."""
    self.body.append(f'<details class="hide {" ".join(node["classes"])}"><summary>')
    for state in ("collapsed", "expanded"):
        prompt = node["prompt_show" if state == "collapsed" else "prompt_hide"]
        self.body.append(f'<span class="{state}">{html.escape(prompt)}</span>')
    self.body.append("</summary>\n")


def end(self, node: HideCodeCellNode) -> None:
    """Close the bar."""
    self.body.append("</details>\n")


def setup(app: Sphinx) -> dict:
    app.add_node(HideCodeCellNode, override=True, html=(begin, end))
    app.connect("doctree-read", fold)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
