"""A text or a set of pairs, with where it comes from and how it is split."""

from dataclasses import dataclass

from companion.errors import UserError


@dataclass(frozen=True)
class Document:
    """One whole work: a play, a help topic, a message with its replies.

    Attributes
    ----------
    title, text
        What it is called, and all of it.
    pairs
        In a corpus of pairs, the sources and targets (a message and its reply, a sentence in two languages). ``text``
        has them as lines, with a tab between the two.
    """

    title: str
    text: str
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Corpus:
    """A text with where it comes from.

    Attributes
    ----------
    name
        What ``load_corpus`` calls it.
    documents
        The whole works that it is made of, in a fixed order.
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
            There is no such document.
        """
        for document in self.documents:
            if document.title == title:
                return document
        some = ", ".join(document.title for document in self.documents[:5]) + " and others" * (len(self.documents) > 5)
        raise UserError(f"The corpus {self.name} has no document {title!r}; it has {some}.")

    def split(self) -> tuple[str, str, str]:
        """Training, validation and test text: whole documents, always the same ones, none in two parts."""
        training, validation, test = ("".join(document.text for document in part) for part in self.parts())
        return training, validation, test

    def parts(self) -> tuple[list[Document], list[Document], list[Document]]:
        """Training, validation and test documents."""
        validation, test = self.held_out
        parts: tuple[list[Document], list[Document], list[Document]] = ([], [], [])
        for document in self.documents:
            parts[1 if document.title in validation else 2 if document.title in test else 0].append(document)
        return parts

    def split_pairs(self) -> tuple[list[tuple[str, str]], list[tuple[str, str]], list[tuple[str, str]]]:
        """Training, validation and test pairs of a corpus of pairs; empty lists for other corpora."""
        training, validation, test = ([pair for document in part for pair in document.pairs] for part in self.parts())
        return training, validation, test
