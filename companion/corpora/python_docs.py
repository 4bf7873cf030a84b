"""The help topics of Python, which come with every Python."""

import sys

from companion.corpora.catalogue import source
from companion.corpora.corpus import Corpus, Document
from companion.errors import UserError


@source("python-docs")
def python_docs() -> Corpus:
    """The topics of ``help()``, each a document; every tenth is for validation and another tenth for testing."""
    try:
        from pydoc_data.topics import topics
    except ImportError:
        raise UserError(
            "This Python came without its help topics (the module pydoc_data); install a Python whose standard "
            "library is whole, such as that of python.org or conda."
        ) from None

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
