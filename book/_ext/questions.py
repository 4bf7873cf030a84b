"""Questions to yourself, at the end of a chapter: the directive ``{questions}``.

``book/questions/<chapter>.yml`` is a list of questions of three kinds:

- ``choose``: ``ask`` and ``options``, each with ``text`` and ``why``; one of them has ``right: true``;
- ``number``: ``ask``, ``answer`` (a Python expression), ``within`` (how far off still counts), ``why``, and perhaps
  ``unit`` and ``traps``: wrong numbers, each with ``value`` (an expression) and ``why``;
- ``order``: ``ask``, ``items`` in the right order (the page shuffles them), and ``why``.

Texts are Markdown; ``{{ expression }}`` in them is replaced by its value, so that no number is typed that can be
computed. On the page each option is a bar that unfolds its reason, so the questions work without JavaScript;
``questions.js`` lets the reader type numbers and move items, and counts what was right at once.
"""

import functools
import html
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import companion

FOLDER = "questions"
KEYS: dict[str, dict[str, Any]] = {
    "choose": {"ask": str, "options": list},
    "number": {"ask": str, "answer": str | int | float, "within": int | float, "why": str},
    "order": {"ask": str, "items": list, "why": str},
}
MORE_KEYS: dict[str, dict[str, Any]] = {"choose": {}, "number": {"unit": str, "traps": list}, "order": {}}
EXPRESSION = re.compile(r"\{\{(.+?)\}\}", re.DOTALL)
NAMES: dict[str, Any] = {"math": math, "np": np, "companion": companion}


# -- the file ------------------------------------------------------------------------------------------------


def problem(question: Any) -> str:
    """What is wrong with a question of the file; empty if nothing is."""
    if not isinstance(question, dict) or question.get("kind") not in KEYS:
        return f"a question is a mapping with a kind: {', '.join(KEYS)}"
    wanted = KEYS[question["kind"]]
    allowed = wanted | MORE_KEYS[question["kind"]]
    if missing := [key for key in wanted if key not in question]:
        return f"{missing[0]!r} is missing"
    if unknown := question.keys() - allowed.keys() - {"kind"}:
        return f"it has the unknown key {min(map(str, unknown))!r}"
    if wrong := [key for key in allowed if key in question and not isinstance(question[key], allowed[key])]:
        return f"{wrong[0]!r} is of the wrong kind"
    for key, parts in (("options", {"text", "why"}), ("traps", {"value", "why"})):
        if any(not isinstance(part, dict) or part.keys() - {"right"} != parts for part in question.get(key, [])):
            return f"each of {key!r} is a mapping with {' and '.join(sorted(parts))}"
    if question["kind"] == "choose" and sum(bool(option.get("right")) for option in question["options"]) != 1:
        return "one option, and only one, is right"
    return ""


def read(path: Path) -> list[dict[str, Any]]:
    """The questions of a chapter.

    Raises
    ------
    ValueError
        A question isn't written as it should be; the error says which and why.
    """
    questions = yaml.safe_load(path.read_text(encoding="utf-8"))
    for number, question in enumerate(questions, 1):
        if trouble := problem(question):
            raise ValueError(f"{path.name}, question {number}: {trouble}")
    return questions


def value(expression: str | float) -> Any:
    """What an expression of the file is."""
    return eval(str(expression), dict(NAMES))  # our own file, as much code as the book's cells


def filled(text: Any) -> str:
    """A text with the values of its expressions."""
    return EXPRESSION.sub(lambda found: str(value(found[1].strip())), str(text))


def shuffled(items: list[str]) -> list[int]:
    """The order in which the page shows items: always the same, never the right one."""
    places = list(range(len(items)))
    rng = random.Random(" ".join(map(str, items)))
    while places == sorted(places) and len(places) > 1:
        rng.shuffle(places)
    return places


# -- the page ------------------------------------------------------------------------------------------------


class part(nodes.General, nodes.Element):
    """A piece of a question: in HTML an element with attributes, elsewhere only what it holds."""


def element(tag: str, *children: nodes.Node, **attributes: object) -> part:
    """A `part`; an attribute ``data_right`` becomes ``data-right``, ``class_`` becomes ``class``."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items() if value is not None}
    return part("", *children, tag=tag, attributes=named)


@dataclass
class Writer:
    """Makes nodes of questions; ``parse`` makes them of Markdown."""

    parse: Callable[[str], list[nodes.Node]]

    def inline(self, text: Any) -> list[nodes.Node]:
        """A text that is one paragraph, without the paragraph."""
        parsed = self.parse(filled(text))
        only = parsed[0] if len(parsed) == 1 else None
        return only.children if isinstance(only, nodes.paragraph) else parsed

    def question(self, number: int, question: dict[str, Any]) -> part:
        legend = element("legend", *self.inline(question["ask"]), data_number=number)
        body = getattr(self, question["kind"])(question)
        return element("fieldset", legend, *body, class_="question", data_kind=question["kind"], data_number=number)

    def reason(self, verdict: str, why: Any, **attributes: object) -> part:
        return element("div", nodes.strong("", verdict), nodes.Text(" "), *self.inline(why), class_="why", **attributes)

    def choose(self, question: dict[str, Any]) -> list[nodes.Node]:
        return [
            element(
                "details",
                element("summary", *self.inline(option["text"])),
                self.reason(*(("Right.",) if option.get("right") else ("No.",)), option["why"]),
                class_="option right" if option.get("right") else "option",
            )
            for option in question["options"]
        ]

    def number(self, question: dict[str, Any]) -> list[nodes.Node]:
        right = float(value(question["answer"]))
        decimals = max(0, -math.floor(math.log10(2 * question["within"]))) if question["within"] else 0
        said = f"{right:,.{decimals}f}".replace("-", "−")
        unit = question.get("unit", "")
        said += unit if unit == "%" else f" {unit}".rstrip()
        answer = element(
            "details",
            element("summary", nodes.Text("Show the answer")),
            self.reason(f"{said}.", question["why"]),
            class_="answer",
        )
        traps = [
            self.reason("No.", trap["why"], data_value=float(value(trap["value"])), hidden="")
            for trap in question.get("traps", [])
        ]
        return [
            element("div", answer, *traps, data_answer=right, data_within=question["within"], data_unit=unit or None)
        ]

    def order(self, question: dict[str, Any]) -> list[nodes.Node]:
        items = question["items"]
        shown = [
            element("li", element("span", *self.inline(items[place])), data_place=place) for place in shuffled(items)
        ]
        right = element("ol", *(element("li", *self.inline(item)) for item in items))
        answer = element(
            "details",
            element("summary", nodes.Text("Show the order")),
            element("div", right, *self.inline(question["why"]), class_="why"),
            class_="answer",
        )
        return [element("ul", *shown, class_="items"), answer]


class Questions(SphinxDirective):
    """``{questions}``: the questions of the page that it is on."""

    def run(self) -> list[nodes.Node]:
        page = self.env.docname
        path = Path(self.env.srcdir) / FOLDER / f"{page}.yml"
        self.env.note_dependency(str(path))
        try:
            questions = read(path)
            writer = Writer(functools.partial(self.parse_text_to_nodes))
            fields = [writer.question(number, question) for number, question in enumerate(questions, 1)]
        except Exception as error:  # a missing file, a fault in it, an expression that fails
            raise self.error(f"The questions of {page} can't be shown: {error}") from error
        return [element("div", *fields, class_="questions", data_page=page)]


def begin(self, node: part) -> None:
    """Open the element, in HTML."""
    attributes = "".join(f' {name}="{html.escape(str(value))}"' for name, value in node["attributes"].items())
    self.body.append(f"<{node['tag']}{attributes}>")


def end(self, node: part) -> None:
    """Close it."""
    self.body.append(f"</{node['tag']}>")


def skip(self, node: part) -> None:
    """Nothing, where there are no elements."""


def setup(app: Sphinx) -> dict:
    app.add_node(part, html=(begin, end), latex=(skip, skip), text=(skip, skip))
    app.add_directive("questions", Questions)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
