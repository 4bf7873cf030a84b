"""A chapter's notebook away from the book: its first cell says what to install."""

import re
import tomllib
from pathlib import Path

import bootstrap
import pytest
from nbformat import NotebookNode, validate
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from notebooks import Chapter

import companion

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(params=["full", "student"])
def notebook(request: pytest.FixtureRequest) -> NotebookNode:
    cells = [new_markdown_cell("# A chapter\n\nText."), new_code_cell("1 + 1")]
    chapter = new_notebook(cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    return Chapter("chapter", chapter).write(student=request.param == "student")


def test_the_first_cell_says_what_to_install_and_the_chapter_follows(notebook: NotebookNode) -> None:
    validate(notebook)
    first, second, third = notebook.cells
    assert first.cell_type == "markdown" and "`pip install . jupyterlab`" in first.source
    assert (second.source, third.source) == ("# A chapter\n\nText.", "1 + 1")
    assert len({cell.id for cell in notebook.cells}) == 3


def test_what_the_first_cell_says_is_true(notebook: NotebookNode) -> None:
    said = notebook.cells[0].source
    assert f"version {companion.__version__}" in said and "://" not in said
    named = {int(minor) for minor in re.findall(r"3\.(\d+)", said)}
    assert named == {minor for minor in range(30) if bootstrap.fits((3, minor, 0))}
    for name in re.findall(r"`make (\w+)`", said):
        assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert any(line.startswith("jupyterlab>") for line in project["project"]["optional-dependencies"]["book"])
