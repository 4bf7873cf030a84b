"""The build itself, on a tiny book: what is executed again and when, and what the pages and notebooks then hold."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import outputs
import pytest
from notebooks import Chapter

from companion.results.files import FOLDER

ROOT = Path(__file__).resolve().parents[1]
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  name: python3
---

"""
CHAPTER = (
    HEADER
    + """# One

Some prose, the number {glue:text}`number:.1f`, {numref}`line`, {eq}`sum`, {cite:t}`shannon1951` and {doc}`two`.

$$
1 + 1 = 2
$$ (sum)

```{code-cell} ipython3
import os

from companion.results import read_results

with open(os.environ["RUNS"], "a") as file:
    file.write("one\\n")
print("output of a cell")
print("the speed is", read_results("speed")["speed"])
```

```{code-cell} ipython3
:tags: [remove-cell]
from myst_nb import glue

glue("number", 2.0512, display=False)
```

```{code-cell} ipython3
---
mystnb:
  image:
    alt: A line that rises
  figure:
    name: line
    caption: The line rises.
---
from companion import plotting

plotting.style()
figure, ax = plotting.axes(3, 2)
ax.plot([1, 2]);
```

:::{note}
Look **here**.
:::

## Exercises

```{exercise-start} Squares
:label: one-squares
```
Write the squares.

```{code-cell} ipython3
squares = ...
print("not yet")
```
```{exercise-end}
```

```{solution-start} one-squares
:class: dropdown
```
```{code-cell} ipython3
squares = [n * n for n in range(3)]
print(squares)
```
```{solution-end}
```

Read on.
"""
)
TWO = (
    HEADER
    + """# Two

```{code-cell} ipython3
import os

from companion.made_up import answer

with open(os.environ["RUNS"], "a") as file:
    file.write("two\\n")
print("the answer is", answer())
```
"""
)

RECORDS = (
    HEADER
    + """# One

```{code-cell} ipython3
import os

with open(os.environ["RUNS"], "a") as file:
    file.write("one\\n")
with open("../requirements.lock", "a") as file:
    file.write("# changed\\n")
```
"""
)


class TinyBook:
    """A copy of the book's settings and of the companion, with two chapters and a module of its own."""

    def __init__(self, root: Path):
        self.root, self.runs = root, root / "runs"
        book = root / "book"
        book.mkdir()
        for name in ["_config.yml", "requirements.lock"]:
            shutil.copy(ROOT / name, root)
        for name in ["book/_ext", "book/_static", "companion"]:
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.npz"))
        self.made_up, self.nobodys = root / "companion" / "made_up.py", root / "companion" / "nobodys.py"
        self.made_up.write_text("def answer():\n    return 42\n")
        self.nobodys.write_text("x = 1\n")
        self.results = root / FOLDER.relative_to(ROOT)
        self.results.mkdir(parents=True, exist_ok=True)
        (self.results / "speed.json").write_text('{"speed": 1}')
        (self.results / "size.json").write_text('{"size": 1}')
        self.write("one", CHAPTER)
        self.write("two", TWO)
        self.write("index", "# Start\n\n{cite:t}`shannon1951`\n\n```{bibliography}\n```\n")
        (book / "references.bib").write_text("@misc{shannon1951, author={Shannon, C.}, title={T}, year={1951}}")
        (book / "_toc.yml").write_text(
            "format: jb-book\nroot: index\nparts:\n- caption: P\n  chapters: [{file: one}, {file: two}]\n"
        )

    def write(self, name: str, text: str) -> None:
        (self.root / "book" / f"{name}.md").write_text(text, encoding="utf-8")

    def build(self, **variables: str) -> subprocess.CompletedProcess[str]:
        main = "from jupyter_book.cli.main import main; main()"
        options = ["build", "book", "--config", "_config.yml", "--path-output", ".", "-W", "-n", "--keep-going"]
        return subprocess.run(
            [sys.executable, "-c", main, *options],
            cwd=self.root,
            env=os.environ | {"RUNS": str(self.runs), "PYTHONPATH": str(self.root)} | variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def good_build(self) -> list[str]:
        """Build without warnings; return the chapters that were executed."""
        before = self.executions()
        outcome = self.build()
        assert outcome.returncode == 0, (outcome.stdout + outcome.stderr)[-3000:]
        return sorted(self.executions()[len(before) :])

    def executions(self) -> list[str]:
        """The chapters executed so far."""
        return self.runs.read_text().split() if self.runs.exists() else []

    def page(self, name: str = "one") -> str:
        return (self.root / "_build" / "html" / f"{name}.html").read_text(encoding="utf-8")

    def executed(self, name: str = "one") -> nbformat.NotebookNode:
        return nbformat.read(self.root / "_build" / "jupyter_execute" / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> TinyBook:
    book = TinyBook(tmp_path_factory.mktemp("book"))
    assert book.good_build() == ["one", "two"]
    return book


def lengths(notebook: nbformat.NotebookNode) -> list[int]:
    return [len(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]


def test_the_page_shows_what_was_executed(built: TinyBook) -> None:
    page = built.page()
    assert "output of a cell" in page and 'alt="A line that rises"' in page
    assert re.search(r"the number\s*<[^>]*>\s*2\.1\s*<", page)
    assert 'href="_sources/one.ipynb"' in page
    assert "://cdn" not in page and "unpkg" not in page
    assert (built.root / "_build/html/_static/mathjax/startup.js").exists()


def test_executed_notebooks_hold_every_output(built: TinyBook) -> None:
    assert lengths(built.executed()) == [1, 1, 1, 1, 1]
    figure = built.executed().cells[3].outputs[-1].data
    assert "image/svg+xml" in figure and "<dc:date>" not in figure["image/svg+xml"]


# -- the chapters as plain notebooks -----------------------------------------------------------------------------


def text(notebook: nbformat.NotebookNode) -> str:
    return "\n\n".join(cell.source for cell in notebook.cells)


def test_notebooks_in_plain_markdown(built: TinyBook) -> None:
    offered = nbformat.read(built.root / "_build/html/_sources/one.ipynb", as_version=4)
    nbformat.validate(offered)
    plain = text(offered)
    assert "the number 2.1, figure 1, (1), Shannon (1951) and [Two](two.ipynb)." in plain
    assert "\\tag{1}\n$$" in plain and "> **Note**\n>\n> Look **here**." in plain
    assert "*Figure 1.* The line rises." in plain
    assert "### Exercise 1: Squares\n\nWrite the squares." in plain and "### Solution to exercise 1" in plain
    assert not re.search(r"\{[a-z:-]+\}`|```\{|:::", plain)
    assert lengths(offered) == [1, 1, 1, 1, 1]


def test_the_student_edition_has_no_solutions_and_runs(built: TinyBook) -> None:
    from nbclient import NotebookClient

    student = Chapter("one", built.executed()).write(student=True)
    nbformat.validate(student)
    assert "olution" not in text(student) and "n * n" not in text(student)
    assert "Write the squares." in text(student) and "Read on." in text(student)
    assert lengths(student) == [0, 0, 0, 0]
    env_runs = built.runs.with_name("student_runs")
    ran = NotebookClient(student, kernel_name="python3", resources={"metadata": {"path": str(built.root)}}).execute(
        env=os.environ | {"RUNS": str(env_runs), "PYTHONPATH": str(built.root)}
    )
    assert [out.text for cell in ran.cells for out in cell.get("outputs", []) if "text" in out] == [
        "output of a cell\nthe speed is 1\n",
        "not yet\n",
    ]


# -- what is executed again, and when ---------------------------------------------------------------------------------


def test_prose_and_what_no_chapter_uses_execute_nothing(built: TinyBook) -> None:
    built.write("one", CHAPTER.replace("Some prose", "Other prose"))
    built.nobodys.write_text(built.nobodys.read_text() + "# a comment\n")
    (built.results / "size.json").write_text('{"size": 2}')
    assert built.good_build() == []
    assert "Other prose" in built.page() and "output of a cell" in built.page()
    assert lengths(built.executed()) == [1, 1, 1, 1, 1], "outputs from the cache are outputs too"


def test_alt_text_and_tags_are_never_stale(built: TinyBook) -> None:
    built.write("one", CHAPTER.replace("A line that rises", "Another alternative").replace("remove-cell", "hide-cell"))
    built.good_build()
    assert 'alt="Another alternative"' in built.page()
    assert built.executed().cells[2].metadata.tags == ["hide-cell"]


def test_a_changed_cell_is_executed(built: TinyBook) -> None:
    built.write("one", CHAPTER.replace("output of a cell", "output of the changed cell"))
    assert built.good_build() == ["one"]
    assert "output of the changed cell" in built.page()


def test_a_changed_module_executes_the_chapter_that_imports_it_and_no_other(built: TinyBook) -> None:
    built.made_up.write_text(built.made_up.read_text().replace("42", "43"))
    assert built.good_build() == ["two"]
    assert "the answer is 43" in built.page("two")
    assert built.executed("two").cells[1].outputs[0].text == "the answer is 43\n"


def test_changed_results_execute_the_chapter_that_reads_them(built: TinyBook) -> None:
    built.made_up.write_text(built.made_up.read_text().replace("43", "42"))
    (built.results / "speed.json").write_text('{"speed": 2}')
    assert built.good_build() == ["one"]
    assert "the speed is 2" in built.page()
    assert "the answer is 42" in built.page("two"), "the outputs of a former state are found again"


def test_a_build_that_was_stopped_leaves_nothing_stale(built: TinyBook) -> None:
    """Stopped while it wrote the pages, with one executed notebook half written."""
    page = built.root / "_build" / "html" / "one.html"
    page.write_text("an old page")
    (built.root / "_build" / ".doctrees" / "finished").unlink()
    states = (built.root / "_build" / ".jupyter_cache" / "two").iterdir()
    for notebook in max(states, key=lambda state: state.stat().st_mtime).glob("executed/*/base.ipynb"):
        notebook.write_text("{")
    assert built.good_build() == ["two"]
    assert "output of" in built.page() and "the answer is 42" in built.page("two")


WRONG = [  # in which chapter, what is there, what is there instead, and what the build says
    ("two", 'print("the answer is", answer())', "raise ValueError('no')", "Executing notebook failed"),
    ("one", 'print("output of a cell")', "import sys; print('oh', file=sys.stderr)", "stderr was found"),
    ("one", "{doc}`two`", "{doc}`three`", "unknown document: 'three'"),
    ("one", "{eq}`sum`", "{eq}`product`", "equation not found: product"),
    ("one", "{cite:t}`shannon1951`", "{cite:t}`nobody`", 'could not find bibtex key "nobody"'),
    ("one", "`number:.1f`", "`absent`", "No key 'absent'"),
    ("one", ":label: one-squares", ":label: one-cubes", "undefined label: one-squares"),
]


def test_every_fault_fails_the_build(built: TinyBook) -> None:
    """All faults are in one build; each gives its own warning, and any warning is a failure."""
    texts = {"one": CHAPTER, "two": TWO}
    for chapter, old, new, _ in WRONG:
        assert old in texts[chapter]
        texts[chapter] = texts[chapter].replace(old, new, 1)
        built.write(chapter, texts[chapter])
    outcome = built.build()
    shutil.rmtree(built.root / "_build" / ".doctrees")
    built.write("one", CHAPTER)
    built.write("two", TWO)
    assert outcome.returncode != 0
    warnings = [line for line in outcome.stderr.splitlines() if "WARNING: " in line]
    for *_, warning in WRONG:
        assert len([line for line in warnings if warning in line]) == 1, f"{warning} in {warnings}"
    assert f"build finished with problems, {len(warnings)} warnings" in outcome.stdout + outcome.stderr


def test_outputs_are_not_kept_if_something_changes_during_a_build_unless_it_records(built: TinyBook) -> None:
    """A chapter that changes what chapters depend on, as those that record the scoreboard do: here, the versions."""
    before = built.executions()
    built.write("one", RECORDS)
    recording = built.build(GATE_BY_GATE_RECORD="1")
    assert recording.returncode == 0, (recording.stdout + recording.stderr)[-3000:]
    assert sorted(built.executions()[len(before) :]) == ["one", "two"], "each of them once"
    before = built.executions()
    outcome = built.build()
    shutil.rmtree(built.root / "_build" / ".doctrees")
    built.write("one", CHAPTER)
    assert outcome.returncode != 0 and "changed during the build" in outcome.stdout + outcome.stderr
    assert "two" in built.executions()[len(before) :], "what was executed with other versions is old"


def test_no_more_than_the_last_states_of_each_chapter_are_kept(tmp_path: Path) -> None:
    for age, name in enumerate(["one/a", "one/b", "one/c", "one/d", "one/e", "gone/a"]):
        state = tmp_path / name
        (state / "executed").mkdir(parents=True)
        os.utime(state, (1e9 - age, 1e9 - age))
    outputs.tidy(tmp_path, [tmp_path / "one" / "e", tmp_path / "failed" / "a"])
    assert [path.relative_to(tmp_path).as_posix() for path in sorted(tmp_path.glob("*/*"))] == [
        "one/a",
        "one/b",
        "one/e",
    ]


# -- the real chapters ------------------------------------------------------------------------------------------------


def test_nothing_after_a_solution_needs_it(html: Path) -> None:
    """In the student edition of the real chapters, no cell uses a name that only a solution defines."""
    for path in sorted((html.parent / "jupyter_execute").glob("*.ipynb")):
        full = nbformat.read(path, as_version=4)
        student = Chapter(path.stem, full).write(student=True)
        kept = [cell.source for cell in student.cells if cell.cell_type == "code"]
        dropped = [cell.source for cell in full.cells if cell.cell_type == "code" and cell.source not in kept]
        assert "solution" not in text(student).lower() or "{solution" not in text(full), path.name
        only_there: set[str] = set()
        for source in dropped:
            only_there |= bound(ast.parse(plain_python(source)))
        seen: set[str] = set()
        for source in kept:
            tree = ast.parse(plain_python(source))
            used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
            missing = (used & only_there) - seen - bound(tree)
            assert not missing, f"{path.name}: {missing} comes from a solution only"
            seen |= bound(tree)


def plain_python(source: str) -> str:
    """A cell without IPython's own syntax."""
    return re.sub(r"^\s*[%!].*$", "pass", source, flags=re.MULTILINE)


def bound(tree: ast.AST) -> set[str]:
    """The names a piece of code binds, at any depth."""
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    names |= {node.arg for node in ast.walk(tree) if isinstance(node, ast.arg)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names |= {(alias.asname or alias.name).split(".")[0] for alias in node.names}
    return names


def test_the_build_had_no_warnings() -> None:
    """`make test` builds the book before pytest starts, and leaves the build's exit code and log."""
    status = ROOT / "_build" / "build.status"
    if not os.environ.get("BOOK_IS_BUILT"):
        pytest.skip("make test builds the book and looks at how that went")
    log = (ROOT / "_build" / "build.log").read_text(encoding="utf-8")
    warnings = [line for line in log.splitlines() if "WARNING" in line or "ERROR" in line]
    for path in sorted((ROOT / "_build" / "jupyter_execute").glob("*.ipynb")):
        outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", ())]
        warnings += [f"{path.stem}: {output.text}" for output in outputs if output.get("name") == "stderr"]
    assert status.read_text().strip() == "0", "\n".join(warnings) or log[-3000:]
