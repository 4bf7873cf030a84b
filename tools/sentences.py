"""Draw sentences from the built pages, for an editor to judge, and count how long they are.

``python tools/sentences.py _build/html`` prints, for each page and for all, the number of sentences, their mean length
in words, and the share of those with eight words or fewer; then 150 sentences drawn at random, with their pages. The
same seed draws the same sentences from the same pages.
"""

import argparse
import random
import re
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup

SHORT = 8  # words
LEFT_OUT = "genindex.html", "search.html", "references.html"
# Not the author's running text: what cells print, formulas that stand alone, lists of links, the theme's furniture.
FURNITURE = (
    "script, style, pre, table, svg, nav, .cell_output, .cell_input, div.math, .headerlink, .toctree-wrapper, summary, "
    ".prev-next-area, .chapter-number, .admonition-title, details.hide, .gate-explorer, .guessing-game, "
    ".only-dark, .glossary-where"
)
END = re.compile(r"(?<=[.!?…])[\"”’)]*\s+(?=[\"“‘(]?[A-Z0-9])")
WORD = re.compile(r"[\w’'%$−-]+")


def paragraphs(page: str) -> Iterator[str]:
    """The running text of a page: its paragraphs, list items, captions; a formula counts as a word.

    >>> list(paragraphs("<article><p>Let <span class='math'>x + 1</span> be.</p><pre>code</pre></article>"))
    ['Let X be.']
    """
    article = BeautifulSoup(page, "html.parser").select_one("article")
    if article is None:
        return
    for element in article.select(FURNITURE):
        element.decompose()
    for formula in article.select(".math"):
        formula.replace_with("X")
    for block in article.select("p, li, dd"):
        if not block.select_one("p, li, dd"):
            text = " ".join(block.get_text().split())
            if text:
                yield text


def sentences(text: str) -> list[str]:
    """The sentences of a paragraph; what has no verb's room, under three words, isn't one.

    >>> sentences('One is here. "Two," he said. Is it 3.5 of them? Yes.')
    ['One is here.', '"Two," he said.', 'Is it 3.5 of them?']
    """
    return [part for part in END.split(text) if len(WORD.findall(part)) >= 3]


def counted(found: list[str]) -> str:
    """How many sentences, how long, and how many short ones, as a line."""
    lengths = [len(WORD.findall(sentence)) for sentence in found]
    mean = sum(lengths) / max(1, len(lengths))
    short = sum(length <= SHORT for length in lengths) / max(1, len(lengths))
    return f"{len(found):>6,} sentences, {mean:4.1f} words on average, {short:4.0%} of {SHORT} or fewer"


def main() -> None:
    """Print the counts and the sample."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="the built pages")
    parser.add_argument("--number", type=int, default=150, help="sentences to draw (default: 150)")
    parser.add_argument("--seed", type=int, default=0, help="of the draw (default: 0)")
    options = parser.parse_args()
    found: dict[str, list[str]] = {}
    for page in sorted(options.folder.glob("*.html")):
        if page.name not in LEFT_OUT:
            text = page.read_text(encoding="utf-8")
            found[page.stem] = [sentence for block in paragraphs(text) for sentence in sentences(block)]
    for name, own in found.items():
        print(f"{name:20} {counted(own)}")
    together = [(name, sentence) for name, own in found.items() for sentence in own]
    print(f"{'all':20} {counted([sentence for _, sentence in together])}\n")
    for name, sentence in random.Random(options.seed).sample(together, min(options.number, len(together))):
        print(f"{name}: {sentence}")


if __name__ == "__main__":
    main()
