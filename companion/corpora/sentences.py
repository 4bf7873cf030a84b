"""Chinese sentences and their English, split so that no part has near-duplicates of another's.

The sentences are those of *hsk-sentences-audio* 1.0.0 (CC BY-SA 4.0): 4,000 short ones, graded for learners. Chapter:
*translation*.
"""

import json
import re
import zipfile
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from companion.corpora.catalogue import load_corpus, source
from companion.corpora.corpus import Corpus, Document
from companion.corpora.dates import PARTS
from companion.corpora.fetch import fetch_wheel

# Two sentences are near-duplicates if their Jaccard index (what they share, divided by what they have together) is at
# least this, for their Chinese characters and pairs of characters, or for their English words.
SHARED_CHINESE, SHARED_ENGLISH = 0.5, 0.6
TEST_SHARE, VALIDATION_SHARE = 0.1, 0.05


class Sentence(NamedTuple):
    """A sentence in Chinese and in English."""

    zh: str
    en: str


@source("hsk-sentences")
def hsk_sentences() -> Corpus:
    """Chinese sentences with their English, each pair a document; near-duplicates are in the same part."""
    wheel = fetch_wheel(
        "hsk-sentences-audio==1.0.0",
        "hsk_sentences_audio-1.0.0-py3-none-any.whl",
        "9bf16cc7b48a24a10af83d377439d3c6f7571a380937f4645a1cd1590d5d0335",
    )
    with zipfile.ZipFile(wheel) as archive:
        entries = json.loads(archive.read("hsk_sentences_audio/data/sentences.json"))
    # Long dashes become hyphens. Sentences never translated ("placeholder-p3", "PH") or not in ASCII are left out.
    pairs = {e["id"]: Sentence(e["chinese"], e["translation"]["en"].replace("—", " - ")) for e in entries}
    kept = {title: p for title, p in pairs.items() if p.en.isascii() and not re.match("placeholder|PH$", p.en)}
    titles = np.array(list(kept))
    validation, test = held_out_sentences(list(kept.values()))
    return Corpus(
        name="hsk-sentences",
        documents=tuple(
            Document(title, f"{pair.zh}\t{pair.en}\n", ((pair.zh, pair.en),)) for title, pair in kept.items()
        ),
        licence="CC BY-SA 4.0 (the code of the wheel that carries it: MIT)",
        source="the wheel hsk-sentences-audio 1.0.0, data/sentences.json",
        citation="hsk-sentences-audio contributors, 4,354 Chinese sentences graded by HSK 3.0, with English.",
        held_out=(frozenset(titles[validation]), frozenset(titles[test])),
    )


def load_sentences() -> dict[str, list[Sentence]]:
    """The sentences of each part: ``training``, ``validation``, ``test``."""
    parts = load_corpus("hsk-sentences").split_pairs()
    return {part: [Sentence(*pair) for pair in pairs] for part, pairs in zip(PARTS, parts, strict=True)}


def near_duplicates(pairs: Sequence[Sentence]) -> np.ndarray:
    """A group number for each sentence, ``(sentences,)``: near-duplicates of near-duplicates are in one group.

    >>> home, hunger = Sentence("他在家。", "He is at home."), Sentence("我饿。", "I am hungry.")
    >>> near_duplicates([home, hunger, Sentence("他在家。", "He's in.")]).tolist()
    [0, 1, 0]
    """
    from scipy.sparse.csgraph import connected_components

    chinese = _overlaps([re.sub(r"\W", "", pair.zh) for pair in pairs], analyzer="char", ngram_range=(1, 2))
    english = _overlaps([pair.en.lower() for pair in pairs], token_pattern=r"[\w']+")
    near = (chinese >= SHARED_CHINESE) | (english >= SHARED_ENGLISH)
    return connected_components(near, directed=False)[1]


def _overlaps(texts: Sequence[str], **how: Any) -> np.ndarray:
    """The Jaccard index of any two texts' features, ``(texts, texts)``."""
    from sklearn.feature_extraction.text import CountVectorizer

    has = CountVectorizer(binary=True, **how).fit_transform(texts).astype(np.float32)
    sizes = np.asarray(has.sum(axis=1)).ravel()
    shared = (has @ has.T).toarray()
    overlap: np.ndarray = shared / np.maximum(sizes[:, None] + sizes[None, :] - shared, 1)
    return overlap


def held_out_sentences(pairs: Sequence[Sentence]) -> tuple[np.ndarray, np.ndarray]:
    """Which sentences validate and which test: whole groups of `near_duplicates`, the same ones every time."""
    groups = near_duplicates(pairs)
    order = np.random.default_rng(0).permutation(groups.max() + 1)
    before = np.cumsum(np.bincount(groups)[order]) / len(groups)
    validation = order[before <= VALIDATION_SHARE]
    test = order[(before > VALIDATION_SHARE) & (before <= VALIDATION_SHARE + TEST_SHARE)]
    return np.flatnonzero(np.isin(groups, validation)), np.flatnonzero(np.isin(groups, test))
