"""The chapters as notebooks that any Jupyter displays well: ``python book/_ext/notebooks.py`` writes all of them.

A chapter is MyST Markdown, but Jupyter knows only plain Markdown. So directives become headings, quotes and details,
roles become text and links, and numbers glued by cells are filled in. The *full* edition keeps the outputs of the
build; the *student* edition has neither outputs nor solutions.
"""

import ast
import copy
import functools
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode

import companion

ROOT = Path(__file__).resolve().parents[2]
BOOK, BUILD = ROOT / "book", ROOT / "_build"

FENCE = re.compile(r"^(?P<fence>`{3,}|:{3,}|~{3,})\{(?P<name>[\w:-]+)\}[ \t]*(?P<argument>.*)$")
OPTION = re.compile(r"^:([\w-]+):[ \t]*(.*)$")
# A role, a code block or a span of code, whichever comes first.
INLINE = re.compile(
    r"\{(?P<name>[a-z][\w:-]*)\}(?P<ticks>`+)(?P<content>.+?)(?P=ticks)"
    r"|^(?P<fence>`{3,}|~{3,}).*?^(?P=fence)|(?<!`)(?P<code>`+)(?!`).+?(?<!`)(?P=code)(?!`)",
    re.DOTALL | re.MULTILINE,
)
TITLED = re.compile(r"^(?P<text>.+?)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
ADMONITIONS = {"note", "tip", "hint", "important", "warning", "caution", "danger", "seealso", "attention", "admonition"}

# The first cell, because a downloaded notebook may be far from the book.
SETUP = f"""\
> **Before you run this notebook**
>
> It's a chapter of the book *Gate by Gate*, version {companion.__version__}, and its cells import the book's package,
> `companion`. If you have the book's folder, `make lab` there sets up everything and opens the chapters. To use a
> Python of your own (3.11, 3.12 or 3.13), run `pip install . jupyterlab` in that folder, the one with
> `pyproject.toml`, and open this notebook with `jupyter lab`."""


@functools.lru_cache
def title(page: str) -> str:
    """The first heading of a chapter."""
    source = BOOK / f"{page}.md"
    text = source.read_text(encoding="utf-8") if source.exists() else ""
    return match[1].strip() if (match := re.search(r"^# (.+)$", text, re.MULTILINE)) else page


def link(page: str, text: str = "") -> str:
    """A link to a chapter's notebook, or just the text for a page that isn't a notebook."""
    text = text or title(page)
    source = BOOK / f"{page}.md"
    is_notebook = source.exists() and source.read_text(encoding="utf-8").startswith("---\njupytext:")
    return f"[{text}]({page}.ipynb)" if is_notebook else text


@functools.lru_cache
def citations() -> dict[str, tuple[str, str]]:
    """Authors and year of every entry in the bibliography."""
    from pybtex.database import parse_file

    found = {}
    for key, entry in parse_file(str(BOOK / "references.bib")).entries.items():
        people = [" ".join(person.prelast_names + person.last_names) for person in entry.persons.get("author", [])]
        names = f"{people[0]} et al." if len(people) > 2 else " and ".join(people)
        found[key] = (re.sub(r"[{}]", "", names), entry.fields.get("year", ""))
    return found


def glued(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """The data of the outputs that cells glued, by name."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", []) if "metadata" in output]
    return {o.metadata.scrapbook.name: o.data for o in outputs if "scrapbook" in o.metadata}


def glued_text(data: NotebookNode, form: str) -> str:
    """A glued value as it appears in a sentence: formatted, if a format is given."""
    text = next((str(value) for kind, value in data.items() if kind.endswith("text/plain")), "")
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        value = text
    return format(value, form) if form else str(value)


class Chapter:
    """A chapter to be turned into a plain notebook."""

    def __init__(self, name: str, notebook: NotebookNode):
        self.name, self.notebook = name, notebook
        self.glued = glued(notebook)
        self.labels = self._labels()

    def _labels(self) -> dict[str, str]:
        """The text of a reference to each label of this chapter."""
        labels: dict[str, str] = {}
        figures = exercises = equations = 0
        for cell in self.notebook.cells:
            if cell.cell_type == "code":
                if figure := cell.metadata.get("mystnb", {}).get("figure", {}).get("name"):
                    figures += 1
                    labels[figure] = f"figure {figures}"
                continue
            for directive, argument, options, _ in directives(cell.source):
                if directive in ("exercise", "exercise-start"):
                    exercises += 1
                    labels[options.get("label", argument)] = f"exercise {exercises}"
                if directive == "math" and (label := options.get("label")):
                    equations += 1
                    labels[label] = f"({equations})"
            for label in re.findall(r"^\$\$[ \t]*\(([\w:-]+)\)[ \t]*$", cell.source, re.MULTILINE):
                equations += 1
                labels[label] = f"({equations})"
            for label, heading in re.findall(r"^\(([\w:-]+)\)=\n+#+ (.+)$", cell.source, re.MULTILINE):
                labels[label] = heading.strip()
        return labels

    # -- roles: within a line --------------------------------------------------------------------------------

    def inline(self, text: str) -> str:
        """Plain Markdown for text with roles, labels and links to other chapters; code is left as it is."""
        result, end = "", 0
        for match in INLINE.finditer(text):
            result += self._plain(text[end : match.start()]) + (self._role(match) if match["name"] else match[0])
            end = match.end()
        return result + self._plain(text[end:])

    def _plain(self, text: str) -> str:
        text = re.sub(r"^\([\w:-]+\)=\n?", "", text, flags=re.MULTILINE)
        text = re.sub(
            r"^\$\$[ \t]*\(([\w:-]+)\)[ \t]*$",
            lambda m: f"\\tag{{{self.labels[m[1]].strip('()')}}}\n$$",
            text,
            flags=re.MULTILINE,
        )
        text = re.sub(r"\[\]\(#([\w:-]+)\)", lambda m: self.labels.get(m[1], m[1]), text)
        text = re.sub(r"\[([^\[\]]*)\]\(([\w-]+)\.md(?:#[\w-]+)?\)", lambda m: link(m[2], m[1]), text)
        return re.sub(r"(?<=[\])])\{[.#][^}\n]*\}", "", text)  # attributes of a span

    def _role(self, match: re.Match[str]) -> str:
        name, content = match["name"], match["content"].strip()
        titled = TITLED.match(content)
        text, target = (titled["text"], titled["target"]) if titled else ("", content)
        if name == "doc":
            return link(target.strip("/"), text)
        if name in ("ref", "numref", "eq", "prf:ref"):
            return text.replace("%s", "") or self.labels.get(target, target)
        if name == "glue:text":
            key, _, form = content.partition(":")
            return glued_text(self.glued[key], form) if key in self.glued else content
        if name.startswith("cite"):
            return self._cite(name, content)
        if name in ("math", "glue:math"):
            return f"${content}$"
        if name in ("sub", "sup"):
            return f"<{name}>{content}</{name}>"
        if name == "code":
            return f"`{content}`"
        return text or target

    @staticmethod
    def _cite(name: str, content: str) -> str:
        works = [citations().get(key.strip(), (key.strip(), "")) for key in content.split(",")]
        if name in ("cite:t", "cite:ct"):
            return ", ".join(f"{people} ({year})" for people, year in works)
        return "(" + "; ".join(f"{people}, {year}" for people, year in works) + ")"

    # -- directives: blocks of lines -------------------------------------------------------------------------

    def block(self, name: str, argument: str, options: dict[str, str], body: str) -> str:
        """Plain Markdown for one directive."""
        inside = self.markdown(body)
        if name in ("exercise", "exercise-start"):
            label = self.labels.get(options.get("label", argument), "exercise").capitalize()
            aside = f": {argument}" if argument and argument not in self.labels else ""
            return f"### {label}{self.inline(aside)}\n\n{inside}"
        if name in ("solution", "solution-start"):
            return f"### Solution to {self.labels.get(argument, argument)}\n\n{inside}"
        if name in ("exercise-end", "solution-end", "bibliography", "tableofcontents", "toctree"):
            return ""
        if name in ADMONITIONS:
            head = self.inline(argument) if argument else name.capitalize()
            return "\n".join(f"> {line}".rstrip() for line in f"**{head}**\n\n{inside}".strip().splitlines())
        if name == "dropdown":
            return f"<details><summary>{self.inline(argument)}</summary>\n\n{inside}\n\n</details>"
        if name == "math":
            tag = f"\n\\tag{{{self.labels[options['label']].strip('()')}}}" if "label" in options else ""
            return f"$$\n{(argument + chr(10) + body).strip()}{tag}\n$$"
        if name in ("figure", "image"):
            return f"![{options.get('alt', '')}]({argument})\n\n{inside}"
        if name == "glue" or name.startswith("glue:"):
            data = self.glued.get(argument, NotebookNode())
            html = next((str(value) for kind, value in data.items() if kind.endswith("text/html")), "")
            return html or (glued_text(data, "") if data else "")
        if name == "page-model":
            return f"{inside}\n\n*On the book's page, a model runs here.*".strip()
        if name in ("code-block", "code"):
            return f"```{argument}\n{body}\n```"
        return f"{f'**{self.inline(argument)}**' if argument else ''}\n\n{inside}".strip()

    def markdown(self, text: str) -> str:
        """Plain Markdown for the text of a cell."""
        parts = []
        for part in pieces(text):
            parts.append(self.inline(part) if isinstance(part, str) else self.block(*part))
        return re.sub(r"\n{3,}", "\n\n", "\n".join(parts)).strip()

    # -- the notebook ----------------------------------------------------------------------------------------

    def write(self, student: bool = False) -> NotebookNode:
        """The notebook in plain Markdown, after a cell on setup; the student edition has no solutions and outputs."""
        result = nbformat.v4.new_notebook(metadata={"kernelspec": self.notebook.metadata.kernelspec})
        result.metadata.language_info = {"name": "python"}
        result.cells.append(nbformat.v4.new_markdown_cell(SETUP, id="cell-0"))
        for source, hidden in self._cells(student):
            cell = copy.deepcopy(source)
            cell.id = f"cell-{len(result.cells)}"
            mystnb = cell.metadata.pop("mystnb", {})
            cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags"}
            if cell.cell_type == "code":
                if hidden or {"remove-cell", "remove-input", "hide-cell", "hide-input"} & {
                    *cell.metadata.get("tags", [])
                }:
                    cell.metadata["jupyter"] = {"source_hidden": True}
                if student:
                    cell.outputs, cell.execution_count = [], None
            result.cells.append(cell)
            if caption := mystnb.get("figure", {}).get("caption"):
                label = self.labels.get(mystnb["figure"].get("name", ""), "figure").capitalize()
                text = f"*{label}.* {self.inline(caption)}"
                result.cells.append(nbformat.v4.new_markdown_cell(text, id=f"cell-{len(result.cells)}"))
        return result

    def _cells(self, student: bool) -> Iterator[tuple[NotebookNode, bool]]:
        """The cells of an edition in plain Markdown, and whether each is part of a solution."""
        in_solution = False
        for cell in self.notebook.cells:
            if cell.cell_type != "markdown":
                if not (in_solution and student):
                    yield cell, in_solution
                continue
            kept: list[str] = []
            for part in pieces(cell.source):
                name = None if isinstance(part, str) else part[0]
                in_solution = in_solution or name in ("solution", "solution-start")
                if not (in_solution and student):
                    kept.append(self.inline(part) if isinstance(part, str) else self.block(*part))
                in_solution = in_solution and name not in ("solution", "solution-end")
            if text := re.sub(r"\n{3,}", "\n\n", "\n".join(kept)).strip():
                yield nbformat.v4.new_markdown_cell(text), False


Directive = tuple[str, str, dict[str, str], str]


def pieces(text: str) -> Iterator[str | Directive]:
    """Text and directives (name, argument, options, body) in turn; code blocks count as text."""
    plain: list[str] = []
    lines = iter(text.splitlines())
    for line in lines:
        opened = FENCE.match(line)
        if not opened:
            plain.append(line)
            if code := re.match(r"^(`{3,}|~{3,})", line):
                plain += _until(lines, code[1], keep=True)
            continue
        if plain:
            yield "\n".join(plain)
            plain = []
        body = _until(lines, opened["fence"])
        options = {}
        while body and (option := OPTION.match(body[0])):
            options[option[1]] = option[2].strip()
            body.pop(0)
        yield opened["name"], opened["argument"].strip(), options, "\n".join(body).strip("\n")
    if plain:
        yield "\n".join(plain)


def _until(lines: Iterator[str], fence: str, keep: bool = False) -> list[str]:
    """The lines up to the one that closes a fence; with ``keep``, including that one."""
    found: list[str] = []
    for line in lines:
        if re.fullmatch(rf"{fence[0]}{{{len(fence)},}}\s*", line):
            return found + [line] * keep
        found.append(line)
    return found


def directives(text: str) -> Iterator[Directive]:
    """The directives of a text, and those within them."""
    for part in pieces(text):
        if not isinstance(part, str):
            yield part
            if part[0] != "math":
                yield from directives(part[3])


def write_all(into: Path) -> None:
    """Both editions of every chapter."""
    shutil.rmtree(into, ignore_errors=True)
    executed = sorted((BUILD / "jupyter_execute").glob("*.ipynb"))
    for edition in ["full", "student"]:
        (into / edition).mkdir(parents=True)
        for path in executed:
            chapter = Chapter(path.stem, nbformat.read(path, as_version=4))
            nbformat.write(chapter.write(student=edition == "student"), into / edition / path.name)
        if (BOOK / "_static").is_dir():
            shutil.copytree(BOOK / "_static", into / edition / "_static")
    print(f"{len(executed)} chapters as notebooks in {into / 'full'} and {into / 'student'}")


if __name__ == "__main__":
    write_all(BUILD / "notebooks")
