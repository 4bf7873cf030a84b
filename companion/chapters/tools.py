"""The tools of the trade as data: what each is and isn't for, its licence, and how to choose.

The tools are in ``companion/data/tools.json``, one entry each, and the chapter *tools* shows them by purpose.
``DECISIONS`` is that chapter's drawing as data: questions in order, and what to use if the answer is yes.
"""

import html
import importlib.metadata
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from companion import plotting
from companion.errors import UserError
from companion.storage import read_json

if TYPE_CHECKING:
    from IPython.display import HTML

FILE = Path(__file__).parents[1] / "data" / "tools.json"
PROJECT = "gate-by-gate-companion"  # its name for pip

PURPOSES = ("learn", "train", "adapt", "tokens", "corpora", "evaluate", "serve", "watch")

# Terms that aren't in SPDX's list of licences: SPDX-style names, and words for readers.
IN_WORDS = {
    "LicenseRef-All-Rights-Reserved": "all rights reserved",
    "LicenseRef-Differs-By-Part": "differs by part",
    "LicenseRef-Hosted-Service": "service, not free software",
    "LicenseRef-Public-Domain-US": "public domain in the USA",
    "LicenseRef-Terms-Of-Use": "terms of use",
}


@dataclass(frozen=True)
class Tool:
    """A program, book, course or corpus.

    Attributes
    ----------
    name, link
        Its name, and its own address.
    purpose
        One of ``PURPOSES``.
    use, not_for
        What it is for, and what it isn't for.
    licence
        An SPDX expression.
    code_licence
        The licence of the code, if it differs from that of the text or the service.
    """

    name: str
    purpose: str
    use: str
    not_for: str
    licence: str
    link: str
    code_licence: str = ""

    def terms(self) -> str:
        """The licence as a reader sees it: ``"all rights reserved; code: MIT"``."""
        said = IN_WORDS.get(self.licence, self.licence)
        return f"{said}; code: {self.code_licence}" if self.code_licence else said

    def __str__(self) -> str:
        return self.name

    def _repr_html_(self) -> str:
        """The name as a link and the licence below it, for a cell of a table."""
        address, name, terms = html.escape(self.link), html.escape(self.name), html.escape(self.terms())
        return f'<a href="{address}">{name}</a><br><span style="font-size:0.85em">{terms}</span>'


def tools(purpose: str | None = None) -> list[Tool]:
    """The tools for a purpose, or all of them, in the file's order.

    Raises
    ------
    UserError
        There is no such purpose.
    """
    if purpose is not None and purpose not in PURPOSES:
        raise UserError(f"There is no purpose {purpose!r}; there are {', '.join(PURPOSES)}.")
    found = [Tool(**entry) for entry in read_json(FILE, "the list of tools")]
    return [tool for tool in found if purpose in (None, tool.purpose)]


class _Use:
    """What a tool is for and, below it, what it isn't for, so that a table of tools fits a phone."""

    def __init__(self, tool: Tool):
        self.tool = tool

    def __str__(self) -> str:
        return f"{self.tool.use}. Not for: {self.tool.not_for}."

    def _repr_html_(self) -> str:
        return f"{html.escape(self.tool.use)}.<br><strong>Not for:</strong> {html.escape(self.tool.not_for)}."


def table(purpose: str) -> "HTML":
    """The tools for a purpose as a table for a notebook: a row each, with its licence, its use and its limits.

    Raises
    ------
    UserError
        There is no such purpose.
    """
    head = ["tool and licence", "what it is for, and what not"]
    lines = [(tool, _Use(tool)) for tool in tools(purpose)]
    return plotting.table(head, lines, widths=(30, 70))


# ---------------------------------------------------------------------------------------------------------------
# What the companion itself needs
_SPDX = {  # names that packages give their licences, and SPDX's names for these
    "Apache 2.0": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD (see the package)",
    "MIT License": "MIT",
    "Python Software Foundation License": "like the PSF's (see the package)",
}


def stands_on() -> list[tuple[str, str, str]]:
    """The packages that the companion needs directly: name, installed version, licence as the package states it.

    Raises
    ------
    UserError
        The companion isn't installed in this Python.
    """
    try:
        wanted = importlib.metadata.requires(PROJECT) or []
    except importlib.metadata.PackageNotFoundError:
        raise UserError(f"{PROJECT} isn't installed in this Python; run make setup, or pip install it.") from None
    names = [re.match(r"[\w.-]+", line)[0] for line in wanted if "extra ==" not in line]  # type: ignore[index]
    return [(name, importlib.metadata.version(name), _licence(name)) for name in names]


def _licence(package: str) -> str:
    """The licence in a package's metadata: an SPDX expression, otherwise a short name, otherwise a classifier."""
    about = importlib.metadata.metadata(package)
    stated = {field: about[field] for field in ("License", "License-Expression") if field in about}
    short = stated.get("License", "")
    classified = [c.split(" :: ")[-1] for c in about.get_all("Classifier") or [] if c.startswith("License")]
    if len(short) > 40 or short == "UNKNOWN":
        short = ""
    said = stated.get("License-Expression") or short or "; ".join(classified) or "not stated"
    return _SPDX.get(said, said)


# ---------------------------------------------------------------------------------------------------------------
# Which one? A drawing
DECISIONS = (
    ("Do you want to see how it works inside?", "NumPy, then Neural Networks: Zero to Hero"),
    ("Are there labelled texts to sort?", "scikit-learn"),
    ("Should it write like a text that you have?", "Keras or PyTorch"),
    ("Does a published model do it, for you alone?", "llama.cpp or Ollama"),
    ("Does one do it, for many people at once?", "vLLM or SGLang"),
    ("Must it first learn your task or style?", "Hugging Face Transformers with PEFT"),
)

_STYLE = """
.decisions { display: block; width: 100%; max-width: 30rem; height: auto; margin: 0 auto; font-size: 13px; }
.decisions text { fill: currentColor; }
.decisions .question { fill: none; stroke: currentColor; stroke-opacity: 0.45; stroke-width: 1.2px; }
.decisions .take { fill: var(--book-accent, #4b3fae); fill-opacity: 0.1; stroke: var(--book-accent, #4b3fae);
  stroke-width: 2px; }
.decisions path { fill: none; stroke: currentColor; stroke-opacity: 0.6; stroke-width: 1.4px; }
.decisions .said { font-size: 12px; fill-opacity: 0.8; }
.decisions .name { font-weight: 600; }
"""


def decisions_in_words() -> str:
    """The drawing described for readers who don't see it."""
    steps = " ".join(f"{question} Yes: {take}." for question, take in DECISIONS)
    return f"Questions from top to bottom; yes leads to the tools on the right, no to the question below. {steps}"


def decision_figure() -> "HTML":
    """The questions of ``DECISIONS`` from top to bottom, what to take on the right: an SVG in the page's own ink."""
    from IPython.display import HTML

    left, wide, gap, right = 4, 176, 40, 356  # the questions' edge and width, the gap, the right edge of the answers
    line, pad, down = 18, 11, 26  # a line of text, the space around it, the way to the next question
    parts, y = [], 4
    for number, (question, take) in enumerate(DECISIONS):
        asked, offered = textwrap.wrap(question, 22), textwrap.wrap(take, 15)
        tall = 2 * pad + line * max(len(asked), len(offered))
        x, middle = left + wide + gap, y + tall / 2
        parts += [
            _box(left, y, wide, tall, "question"),
            *_lines(asked, left + wide / 2, middle, line, "asked"),
            f'<path d="M{left + wide} {middle:.0f}H{x - 2}m-6 -4l6 4l-6 4"/>',
            f'<text class="said" x="{left + wide + 16}" y="{middle - 6:.0f}" text-anchor="middle">yes</text>',
            _box(x, y, right - x, tall, "take"),
            *_lines(offered, (x + right) / 2, middle, line, "name"),
        ]
        y += tall
        if number < len(DECISIONS) - 1:
            centre = left + wide / 2
            parts += [
                f'<path d="M{centre:.0f} {y}v{down - 2}m-4 -6l4 6l4 -6"/>',
                f'<text class="said" x="{centre + 8:.0f}" y="{y + 16}">no</text>',
            ]
            y += down
    about = html.escape(decisions_in_words(), quote=True)
    return HTML(
        f'<svg class="decisions" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 {y + 4}" role="img" '
        f'aria-label="{about}"><style>{_STYLE}</style>{"".join(parts)}</svg>'
    )


def _box(x: float, y: float, wide: float, tall: float, kind: str) -> str:
    return f'<rect class="{kind}" x="{x}" y="{y}" width="{wide}" height="{tall}" rx="7"/>'


def _lines(words: list[str], x: float, middle: float, line: float, kind: str) -> list[str]:
    """Lines of text around a middle."""
    first = middle - line * (len(words) - 1) / 2 + 5
    return [
        f'<text class="{kind}" x="{x:.0f}" y="{first + line * n:.0f}" text-anchor="middle">{html.escape(text)}</text>'
        for n, text in enumerate(words)
    ]
