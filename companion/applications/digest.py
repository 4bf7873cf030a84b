"""A digest: the sentences of a text that surprise a language model most. Chapter: *text-generation*."""

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from companion.errors import UserError
from companion.tokenizers import Tokenizer

if TYPE_CHECKING:
    import keras


class Span(NamedTuple):
    """A sentence, its place in a text, and what it costs a model.

    Attributes
    ----------
    text
        The sentence with its closing mark.
    start, stop
        Its place in the text.
    bits
        Bits per character, read in its context.
    """

    text: str
    start: int
    stop: int
    bits: float


def sentence_spans(text: str, aside: str = r"\Z") -> list[tuple[int, int]]:
    """Where sentences begin and end: at ``. ! ?``, at an empty line, and around what ``aside`` matches.

    Parameters
    ----------
    text
        Any text.
    aside
        A regular expression for what isn't a sentence: headings, names of speakers.

    Raises
    ------
    UserError
        ``aside`` isn't a regular expression of Python.

    Examples
    --------
    >>> text = "**BERNARDO**\\nWho's there?\\nNay, answer me.\\n\\nLong live"
    >>> [text[a:b] for a, b in sentence_spans(text, aside=r"\\*\\*.*?\\*\\*")]
    ["Who's there?", 'Nay, answer me.', 'Long live']
    """
    try:
        re.compile(f"(?m:{aside})")
    except re.error as error:
        raise UserError(f"aside is {aside!r}, which can't be read as a regular expression: {error}.") from None
    spans, start = [], 0
    for end in re.finditer(rf"(?m:{aside})|[.!?]+[\"')\]]*|\n\s*\n|\Z", text):
        stop = end.end() if end[0][:1] in tuple(".!?") else end.start()
        piece = text[start:stop]
        if re.search(r"\w", piece):
            left = start + len(piece) - len(piece.lstrip())
            spans.append((left, left + len(piece.strip())))
        start = end.end()
    return spans


def surprises(model: "keras.Model", tokenizer: Tokenizer, text: str, spans: Sequence[tuple[int, int]]) -> list[Span]:
    """The sentences of a text, with what each costs a character model that reads the whole text.

    Parameters
    ----------
    model, tokenizer
        A language model of characters.
    text, spans
        The text, and the places of its sentences from `sentence_spans`.

    Raises
    ------
    UserError
        The tokenizer's tokens aren't single characters.
    """
    from companion.evaluation import token_losses

    ids = tokenizer.encode(text)
    if len(ids) != len(text):
        raise UserError("A digest needs a character model, but this tokenizer's tokens aren't single characters.")
    bits = token_losses(model, ids) / np.log(2)
    return [Span(text[a:b], a, b, float(bits[a:b].mean())) for a, b in spans]
