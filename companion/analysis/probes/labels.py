"""Labels of a text: one number per character. All but `ends_soon` are known once the character has been read."""

import re

import numpy as np

from companion.errors import UserError, check_sizes

Array = np.ndarray


def inside_name(text: str) -> Array:
    """1 for the characters of a speaker's name, between ``**`` and ``**``; otherwise 0.

    >>> inside_name("**ALL**  ").astype(int).tolist()
    [0, 0, 1, 1, 1, 0, 0, 0, 0]
    """
    return _inside(r"\*\*([^*\n]+)\*\*", text)


def inside_direction(text: str) -> Array:
    """1 for the characters of a stage direction, between ``_`` and ``_`` in one paragraph; otherwise 0.

    >>> inside_direction("_Exit_ No").astype(int).tolist()
    [0, 1, 1, 1, 1, 0, 0, 0, 0]
    """
    return _inside(r"_((?:[^_\n]|\n(?!\n))+)_", text)


def _inside(pattern: str, text: str) -> Array:
    labels = np.zeros(len(text))
    for found in re.finditer(pattern, text):
        labels[found.start(1) : found.end(1)] = 1
    return labels


def column(text: str) -> Array:
    """How many characters of its line come before each character.

    >>> column("To be,  \\nor").astype(int).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 1]
    """
    places = np.arange(len(text))
    starts = np.array([place == 0 or text[place - 1] == "\n" for place in places])
    return (places - np.maximum.accumulate(np.where(starts, places, 0))).astype(float)


def in_prose(text: str) -> Array:
    """1 in prose and 0 in verse, from a speech's second line on; nan elsewhere.

    The two have the same layout, but each line of verse begins with a capital. A paragraph is prose if most of its
    lines after the first begin in lower case.

    >>> in_prose("**A**  \\nWould not a pair  \\nof these")[-8:].tolist()
    [1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0]
    """
    labels = np.full(len(text), np.nan)
    for found in re.finditer(r"[^\n]+(?:\n[^\n]+)*", text):
        first, *lines = found[0].split("\n")
        second = found.start() + len(first) + 1
        if first.startswith("**") and lines:
            second += len(lines[0]) + 1
            lines = lines[1:]
        if lines and first[:1] not in ("#", "_"):
            labels[second : found.end()] = float(np.mean([line[:1].islower() for line in lines]) > 0.5)
    return labels


def ends_soon(text: str, within: int = 10) -> Array:
    """1 if a line break is among the next ``within`` characters; otherwise 0.

    >>> ends_soon("abc\\nde", within=2).astype(int).tolist()
    [0, 1, 1, 0, 0, 0]
    """
    breaks = np.concatenate([[0], np.cumsum([character == "\n" for character in text])])
    after = np.arange(1, len(text) + 1)
    return (breaks[np.minimum(after + within, len(text))] > breaks[after]).astype(float)


def last_characters(ids: Array, places: Array, n: int, vocab_size: int) -> Array:
    """The last ``n`` characters at each place, one-hot: all that a reader with such a short memory knows.

    Parameters
    ----------
    ids
        The whole text, ``(characters,)``.
    places
        Places in the text, in any shape; each at least ``n - 1``.
    n, vocab_size
        The number of characters, and of ids.

    Returns
    -------
    numpy.ndarray
        ``(*places.shape, n * vocab_size)``, float32.

    Raises
    ------
    UserError
        A place has fewer than ``n`` characters up to it.
    """
    check_sizes(n=n, vocab_size=vocab_size)
    if places.size and places.min() < n - 1:
        raise UserError(f"Place {places.min()} has fewer than {n} characters up to it; give places from {n - 1} on.")
    hot = np.zeros((places.size, n, vocab_size), np.float32)
    for back in range(n):
        hot[np.arange(places.size), back, ids[places.ravel() - back]] = 1
    return hot.reshape(*places.shape, n * vocab_size)


def control_labels(kinds: Array, labels: Array, seed: int = 0) -> Array:
    """A control task (Hewitt & Liang 2019): each kind of place gets one label, drawn at random among the real ones.

    There is nothing to understand in the task. A probe that does well has learnt it by heart.

    Parameters
    ----------
    kinds
        The kind of each place, 0, 1, ..., for example which pair of characters ends there; any shape.
    labels
        The real labels, of any shape; one of the known ones (not nan) is drawn for each kind.
    seed
        Of the draw.
    """
    known = labels[np.isfinite(labels)].ravel()
    return np.random.default_rng(seed).choice(known, size=int(kinds.max()) + 1)[kinds]
