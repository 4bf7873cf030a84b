"""Stories and questions as ids: a word that all stories share has its own, and a story's names go into slots."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from companion.corpora.stories import ANSWERS, ASKING, PEOPLE, PLACES, THINGS, WORDING, Story
from companion.corpora.story_reading import story_sentences
from companion.errors import UserError
from companion.storage import read_json, write_atomically

LONGEST = 7  # words of a sentence
LOOKS = 3  # at the facts of a story
SLOTS = 20
MOST_SLOTS = 1_000
PADDING, NOT_TOLD = "·", "?"


def _words(patterns: Iterable[str]) -> list[str]:
    return sorted({word for pattern in patterns for word in pattern.lower().replace("{}", "").split()})


SHARED_WORDS = (
    PADDING,
    NOT_TOLD,
    *_words([*(wording for wordings in WORDING.values() for wording in wordings), *ASKING.values()]),
    *ANSWERS,
)
STORY_NAMES = tuple(name.lower() for names in (PEOPLE, PLACES, THINGS) for part in names for name in part)


@dataclass
class EncodedStories:
    """Stories as numbers.

    Attributes
    ----------
    facts, question
        Word ids, ``(stories, facts, LONGEST)`` and ``(stories, LONGEST)``; 0 is padding, always after the words.
    answer
        The answer's word id, ``(stories,)``; that of `NOT_TOLD` if the story doesn't say.
    looks
        Where to look, ``(stories, LOOKS, facts)``: 1 at the supporting fact of each look; all 0 for a look that has
        none (no further fact, a count, no answer).
    names
        For each story, the word in each slot.
    """

    facts: np.ndarray
    question: np.ndarray
    answer: np.ndarray
    looks: np.ndarray
    names: list[dict[int, str]]

    @property
    def inputs(self) -> dict[str, np.ndarray]:
        """What a model reads."""
        return {"facts": self.facts, "question": self.question}


class StoryReader:
    """Turns words into ids.

    The words that every story shares have ids of their own. With ``names="words"``, so does a name; with ``"slots"``
    it goes into a slot instead: the same name of one story into the same slot, another story's names into any.
    A slot has no meaning of its own, so a network that reads slots can't tell a new name from a known one
    (Hermann et al. 2015, *Teaching machines to read and comprehend*, section 2).
    """

    def __init__(self, names: str = "slots") -> None:
        if names not in ("slots", "words"):
            raise UserError(f"Names can be 'slots' or 'words', not {names!r}.")
        self.slots = SLOTS if names == "slots" else 0
        self.words = [*SHARED_WORDS, *(STORY_NAMES if names == "words" else ())]
        self.ids = {word: number for number, word in enumerate(self.words)}

    @property
    def vocab_size(self) -> int:
        """Words and slots."""
        return len(self.words) + self.slots

    def encode(self, told: Sequence[Story], seed: int | None = None) -> EncodedStories:
        """Stories as numbers; names go into slots in the order of appearance, or in a random order with a seed.

        Raises
        ------
        UserError
            There are no stories, a sentence is too long, or a story has an unknown word or more names than there are
            slots.
        """
        if not told:
            raise UserError("There are no stories to read; give at least one.")
        longest = max(len(story.facts) for story in told)
        facts = np.zeros((len(told), longest, LONGEST), np.int32)
        question = np.zeros((len(told), LONGEST), np.int32)
        answer = np.zeros(len(told), np.int32)
        looks = np.zeros((len(told), LOOKS, longest), np.float32)
        names: list[dict[int, str]] = []
        for row, story in enumerate(told):
            slots: dict[str, int] = {}
            for number, fact in enumerate(story.facts):
                self._sentence(fact, slots, facts[row, number])
            self._sentence(story.question, slots, question[row])
            answer[row] = self._id((story.answer or NOT_TOLD).lower(), slots)
            for look, found in enumerate(story.support if story.kind != "counting" else ()):
                looks[row, min(look, LOOKS - 1), found] = 1
            names.append({slot: word for word, slot in slots.items()})
        encoded = EncodedStories(facts, question, answer, looks, names)
        return encoded if seed is None else self.rename(encoded, seed)

    def rename(self, encoded: EncodedStories, seed: int) -> EncodedStories:
        """The same stories with their names in other slots."""
        if not self.slots:
            return encoded
        first, rows = len(self.words), len(encoded.answer)
        order = np.tile(np.arange(self.slots, dtype=np.int32), (rows, 1))
        order = first + np.random.default_rng(seed).permuted(order, axis=1)
        table = np.concatenate([np.tile(np.arange(first, dtype=np.int32), (rows, 1)), order], axis=1)

        def moved(ids: np.ndarray) -> np.ndarray:
            return np.take_along_axis(table, ids.reshape(rows, -1), axis=1).reshape(ids.shape)

        names = [{int(table[row, slot]): word for slot, word in of.items()} for row, of in enumerate(encoded.names)]
        return EncodedStories(
            moved(encoded.facts), moved(encoded.question), moved(encoded.answer), encoded.looks, names
        )

    def _sentence(self, text: str, slots: dict[str, int], row: np.ndarray) -> None:
        words = " ".join(story_sentences(text)).lower().split()
        if len(words) > LONGEST:
            raise UserError(f"The sentence {text!r} has {len(words)} words; at most {LONGEST} can be read.")
        row[: len(words)] = [self._id(word, slots) for word in words]

    def _id(self, word: str, slots: dict[str, int]) -> int:
        if word in self.ids:
            return self.ids[word]
        if not self.slots:
            raise UserError(f"The word {word!r} is unknown; the known names are {', '.join(sorted(STORY_NAMES))}.")
        if word not in slots and len(slots) == self.slots:
            raise UserError(f"The story has more than {self.slots} different names; tell a shorter one.")
        return slots.setdefault(word, len(self.words) + len(slots))

    def word(self, number: int, names: dict[int, str]) -> str | None:
        """The answer that an id stands for: None for `NOT_TOLD`, and for a slot that is empty in this story."""
        if number < len(self.words):
            return None if self.words[number] == NOT_TOLD else self.words[number]
        return names.get(number)

    def save(self, path: str | Path) -> None:
        """Write words and slots as JSON; `load_story_reader` reads the file."""
        content = {"kind": "stories", "slots": self.slots, "words": self.words}
        write_atomically(path, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def load_story_reader(path: str | Path) -> StoryReader:
    """Read what ``StoryReader.save`` wrote.

    Raises
    ------
    UserError
        The file is missing or doesn't hold a reader of stories.
    """
    content = read_json(path, "a reader of stories")
    if not isinstance(content, dict) or content.get("kind") != "stories":
        raise UserError(f"{path} doesn't hold a reader of stories; give a file that StoryReader.save wrote.")
    words, slots = content.get("words"), content.get("slots")
    if (
        not isinstance(words, list)
        or not all(isinstance(word, str) for word in words)
        or len(set(words)) != len(words)
        or words[:2] != [PADDING, NOT_TOLD]
    ):
        raise UserError(f"The words in {path} should all differ and begin with {PADDING!r} and {NOT_TOLD!r}.")
    if type(slots) is not int or not 0 <= slots <= MOST_SLOTS:
        raise UserError(f"The number of slots in {path} should be a whole number from 0 to {MOST_SLOTS:,}.")
    reader = StoryReader()
    reader.words, reader.slots, reader.ids = words, slots, {word: number for number, word in enumerate(words)}
    return reader
