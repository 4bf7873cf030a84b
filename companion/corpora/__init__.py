"""Texts and pairs: where they come from, how they are cleaned, how they are split.

`load_corpus` gives a text by name. Each family of texts has a module: `plays`, `python_docs`, `sampled` (the grammar),
`conversations` and `sentences`. Data made or collected on this machine are in ``dates``, ``docstrings``, ``planted``
and ``stories``; ``date_reading`` and ``story_reading`` parse what a reader writes.
"""

from companion.corpora import conversations, plays, python_docs, sampled, sentences  # each registers its corpora
from companion.corpora.catalogue import list_corpora, load_corpus
from companion.corpora.corpus import Corpus, Document

__all__ = [
    "Corpus",
    "Document",
    "conversations",
    "list_corpora",
    "load_corpus",
    "plays",
    "python_docs",
    "sampled",
    "sentences",
]
