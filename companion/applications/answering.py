"""Answering questions about a story: read each fact with an LSTM, look at a few of them, say a word.

`Answerer` reads every fact and the question with LSTMs and looks at the facts three times. Each look is an attention
whose query holds what the looks before it found (Sukhbaatar et al. 2015, *End-to-end memory networks*). A look is
either a softmax over all facts (`companion.models.attention`) or `LatestAttention`, which goes through the story from
its end and stops where it finds what it wants. `WholeStory` is the plain LSTM that reads story and question as one text
(Weston et al. 2015). The networks are in `companion.models.answerer`, whose import is that of Keras. Chapter:
*question-answering*.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from companion.corpora.stories import ANSWERS, ASKING, PEOPLE, PLACES, THINGS, WORDING, Story
from companion.corpora.story_reading import read_story, story_sentences
from companion.errors import UserError, check_sizes
from companion.models.answerer import LONGEST, LOOKS, Answerer, WholeStory, look_loss
from companion.seeding import set_seed
from companion.storage import directory_atomically

SHIPPED = Path(__file__).parents[1] / "weights" / "question-answering"
PADDING, UNKNOWN = "·", "?"
SLOTS = 20


def _words(patterns: Iterable[str]) -> list[str]:
    return sorted({word for pattern in patterns for word in pattern.lower().replace("{}", "").split()})


FIXED = (
    PADDING,
    UNKNOWN,
    *_words([*(wording for wordings in WORDING.values() for wording in wordings), *ASKING.values()]),
    *ANSWERS,
)
NAMES = tuple(name.lower() for names in (PEOPLE, PLACES, THINGS) for part in names for name in part)


@dataclass
class Encoded:
    """Stories as numbers.

    Attributes
    ----------
    facts, question
        Word ids, ``(stories, facts, LONGEST)`` and ``(stories, LONGEST)``; 0 is padding, always after the words.
    answer
        The answer's word id, ``(stories,)``; that of `UNKNOWN` where the story does not say.
    looks
        Where to look, ``(stories, LOOKS, facts)``: 1 at the supporting fact of each look; all 0 for a look that has
        none (no further fact, a count, no answer).
    names
        For each story the words in slots, by slot.
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

    The words that every story shares have an id of their own. A name is either one of these too (``names="words"``) or
    is put into a slot: the same word of one story in the same slot, another story's names in any (``names="slots"``).
    A slot has no meaning of its own, so a network that reads slots can't tell a new name from a known one
    (Hermann et al. 2015, *Teaching machines to read and comprehend*, section 2).
    """

    def __init__(self, names: str = "slots") -> None:
        if names not in ("slots", "words"):
            raise UserError(f"Names can be 'slots' or 'words', not {names!r}.")
        self.slots = SLOTS if names == "slots" else 0
        self.words = [*FIXED, *(NAMES if names == "words" else ())]
        self.ids = {word: number for number, word in enumerate(self.words)}

    @property
    def vocab_size(self) -> int:
        """Words and slots."""
        return len(self.words) + self.slots

    def encode(self, told: Sequence[Story], seed: int | None = None) -> Encoded:
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
            answer[row] = self._id((story.answer or UNKNOWN).lower(), slots)
            for look, found in enumerate(story.support if story.kind != "counting" else ()):
                looks[row, min(look, LOOKS - 1), found] = 1
            names.append({slot: word for word, slot in slots.items()})
        encoded = Encoded(facts, question, answer, looks, names)
        return encoded if seed is None else self.rename(encoded, seed)

    def rename(self, encoded: Encoded, seed: int) -> Encoded:
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
        return Encoded(moved(encoded.facts), moved(encoded.question), moved(encoded.answer), encoded.looks, names)

    def _sentence(self, text: str, slots: dict[str, int], row: np.ndarray) -> None:
        words = " ".join(story_sentences(text)).lower().split()
        if len(words) > LONGEST:
            raise UserError(f"The sentence {text!r} has {len(words)} words; at most {LONGEST} can be read.")
        row[: len(words)] = [self._id(word, slots) for word in words]

    def _id(self, word: str, slots: dict[str, int]) -> int:
        if word in self.ids:
            return self.ids[word]
        if not self.slots:
            raise UserError(f"The word {word!r} is unknown; the names that are known: {', '.join(sorted(NAMES))}.")
        if word not in slots and len(slots) == self.slots:
            raise UserError(f"The story has more than {self.slots} different names; tell a shorter one.")
        return slots.setdefault(word, len(self.words) + len(slots))

    def word(self, number: int, names: dict[int, str]) -> str | None:
        """The answer that an id stands for: None for `UNKNOWN`, and for a slot that is empty in this story."""
        if number < len(self.words):
            return None if self.words[number] == UNKNOWN else self.words[number]
        return names.get(number)


def train(
    model: Answerer | WholeStory,
    reader: StoryReader,
    told: Sequence[Story],
    epochs: int = 10,
    batch_size: int = 64,
    learning_rate: float = 5e-3,
    shown: float = 0.5,
    seed: int = 0,
) -> list[float]:
    """Train on stories; give the mean loss of each epoch, in nats.

    Parameters
    ----------
    model, reader
        An `Answerer` or `WholeStory`, and what encodes for it. Names move to other slots in each epoch.
    epochs, batch_size, learning_rate
        Adam's rate climbs for 50 updates and falls along a cosine.
    shown
        How much the supporting facts count in the loss. 0: the model is told the answers only, never where to look.
    seed
        Of the slots; the order of the stories follows `companion.set_seed`.

    Raises
    ------
    UserError
        There are no stories, or a setting is out of its range.
    """
    check_sizes(epochs=epochs, batch_size=batch_size)
    if shown < 0 or not learning_rate > 0:
        raise UserError(f"shown is {shown} and learning_rate {learning_rate}; both should be positive, shown may be 0.")
    import keras

    looking = isinstance(model, Answerer) and shown > 0
    encoded = reader.encode(told)
    steps = epochs * -(-len(told) // batch_size)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(1, steps - 50), alpha=0.02, warmup_target=learning_rate, warmup_steps=50
    )
    answer_loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(
        optimizer=keras.optimizers.Adam(schedule, global_clipnorm=1.0),
        loss={"answer": answer_loss} | ({"looks": look_loss} if looking else {}),
        loss_weights={"answer": 1.0} | ({"looks": shown} if looking else {}),
    )
    losses = []
    for epoch in range(epochs):
        now = reader.rename(encoded, seed * 1000 + epoch)
        targets = {"answer": now.answer} | ({"looks": now.looks} if looking else {})
        past = model.fit(now.inputs, targets, batch_size=batch_size, epochs=1, verbose=0)
        losses.append(float(past.history["loss"][0]))
    return losses


@dataclass(frozen=True)
class Reply:
    """What a model says: a word, or None for "the story does not say"; its probability; where it looked.

    ``looks`` are weights ``(LOOKS, facts)``; None for a model that does not look.
    """

    word: str | None
    probability: float
    looks: np.ndarray | None


def answer(
    model: Answerer | WholeStory, reader: StoryReader, told: Sequence[Story], silent: bool = True
) -> list[Reply]:
    """A model's replies to stories, the most probable answer each.

    Parameters
    ----------
    silent
        Whether "the story does not say" is an answer; without it, the best word is taken in any case.
    """
    from keras import ops

    replies: list[Reply] = []
    for start in range(0, len(told), 250):
        part = told[start : start + 250]
        encoded = reader.encode(part, seed=start)
        output = model(encoded.inputs)
        logits = ops.convert_to_numpy(output["answer"])
        looks = ops.convert_to_numpy(output["looks"]) if "looks" in output else None
        if not silent:
            logits[:, reader.ids[UNKNOWN]] = -np.inf
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        for row, best in enumerate(p.argmax(axis=1)):
            seen = looks[row, :, : len(part[row].facts)] if looks is not None else None
            replies.append(Reply(reader.word(int(best), encoded.names[row]), float(p[row, best]), seen))
    return replies


def right(told: Sequence[Story], replies: Sequence[Reply]) -> np.ndarray:
    """Which replies are true, ``(stories,)``."""
    return np.array([reply.word == story.answer for story, reply in zip(told, replies, strict=True)])


def by_kind(told: Sequence[Story], values: np.ndarray) -> dict[str, float]:
    """The mean of values, one a story, for each kind of question."""
    kinds = np.array([story.kind for story in told])
    return {str(kind): float(np.asarray(values)[kinds == kind].mean()) for kind in dict.fromkeys(kinds)}


def on_support(story: Story, reply: Reply) -> float:
    """The share of attention on the facts that prove the answer, over as many looks as there are such facts."""
    if reply.looks is None or not story.support:
        return 0.0
    looks = reply.looks[: len(story.support)]
    return float(looks[:, sorted(set(story.support))].sum() / len(looks))


# ----------------------------------------------------------------------------------------------------------------------
# For a reader's own story


def converse(texts: Iterable[str], reply_to: Callable[[Story], Reply] | None = None) -> Iterator[str]:
    """Take in a story piece by piece, and answer each question on what was told before it.

    Parameters
    ----------
    texts
        Pieces with any number of sentences, such as lines. What ends in a question mark is a question.
    reply_to
        What answers; by default the network that comes with the book.

    Yields
    ------
    str
        For each question a few lines: the answer with its probability and the facts that the network looked at, or that
        the story does not say. Where the network and the story's own logic differ, the lines say so.

    Raises
    ------
    UserError
        A sentence or question can't be read, the story contradicts itself, or nothing is told or asked.
    """
    facts, asked = "", 0
    for text in texts:
        for sentence in re.findall(r"[^.?!。？！\n]+[.?!。？！]?", text):
            if not sentence.strip():
                continue
            if not _is_question(sentence):
                facts += sentence.rstrip(" .!。！") + ". "
                continue
            asked += 1
            story = read_story(facts, sentence)
            reply_to = reply_to or _shipped_network()
            yield _in_words(story, reply_to(story), story_sentences(facts))
    if not facts:
        raise UserError(
            "The story is empty; give sentences and a question, such as: Ada went to the hall. Where is Ada?"
        )
    if not asked:
        read_story(facts, "Where is Ada?")  # whatever can't be read is named first
        raise UserError("There is no question; end with one, such as: Where is Ada?")


def _is_question(sentence: str) -> bool:
    first = sentence.split()[0].lower().replace("’", "'")
    return sentence.endswith(("?", "？")) or first in ("where", "where's", "is", "how")


def _shipped_network() -> Callable[[Story], Reply]:
    network, reader = load_answerer()
    return lambda story: answer(network, reader, [story])[0]


def _in_words(story: Story, reply: Reply, told: Sequence[str]) -> str:
    said = reply.word or "nothing"
    if story.answer is None:
        more = "" if reply.word is None else f" (The network says {said!r}, {reply.probability:.0%} sure: a mistake.)"
        return f"{story.question}\n  The story does not say: none of its sentences proves an answer.{more}"
    lines = [f"{story.question}\n  {said}, {reply.probability:.0%} sure"]
    for look in () if reply.looks is None else reply.looks:
        if look.max() > 0.5 and (line := f"  looked at: {told[look.argmax()]}.") not in lines:
            lines.append(line)
    if said != story.answer:
        lines.append(f"  By the story's own logic the answer is {story.answer!r}: the network is wrong here.")
    return "\n".join(lines)


# ----------------------------------------------------------------------------------------------------------------------
# The model that comes with the book


def save_answerer(model: Answerer, about: dict[str, Any], folder: Path = SHIPPED) -> None:
    """Write a trained `Answerer` that reads slots: its weights in half precision, and how it was made and scored."""
    arrays: Any = {f"weight_{n:02d}": np.asarray(v).astype(np.float16) for n, v in enumerate(model.trainable_variables)}
    with directory_atomically(folder) as new:
        np.savez_compressed(new / "weights.npz", **arrays)
        (new / "model.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def load_answerer(folder: Path = SHIPPED) -> tuple[Answerer, StoryReader]:
    """The trained `Answerer` of the book, and its reader.

    Raises
    ------
    UserError
        Its files are missing or do not fit.
    """
    reader = StoryReader()
    set_seed(0)
    model = Answerer(reader.vocab_size)
    model({"facts": np.ones((1, 1, LONGEST), np.int32), "question": np.ones((1, LONGEST), np.int32)})
    try:
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
            stored = [arrays[name] for name in sorted(arrays.files)]
    except (OSError, ValueError):
        raise UserError(
            f"The weights in {folder} can't be read; restore them, or run benchmarks/question_answering.py."
        ) from None
    if [a.shape for a in stored] != [tuple(v.shape) for v in model.trainable_variables]:
        raise UserError(f"The weights in {folder} are of another network; run benchmarks/question_answering.py.")
    for variable, array in zip(model.trainable_variables, stored, strict=True):
        variable.assign(array.astype(np.float32))
    return model, reader
