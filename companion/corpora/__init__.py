"""Texts and pairs: where they are from, how they are cleaned, how they are split.

`load_corpus` gives a text by name. One module a family of texts: `plays`, `python_docs`, `sampled` (the grammar),
`conversations`, `sentences`; and what is made or collected on this machine: `dates`, `docstrings`, `planted`,
`stories`.
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
