"""Answering questions about a story: read each fact with an LSTM, look at a few of them, say a word.

`Answerer` reads every fact and the question with LSTMs and looks at the facts three times. The query of
each look holds what the earlier looks found (Sukhbaatar et al. 2015, *End-to-end memory networks*). A look is
either a softmax over all facts (`companion.models.attention`) or `LatestAttention`, which goes through the story from
its end and stops where it finds what it wants. `WholeStory` is the plain LSTM that reads story and question as one text
(Weston et al. 2015). The networks are in `companion.models.answerer`, which imports Keras; a
`companion.tokenizers.StoryReader` turns stories into ids; `companion.training.fit_stories` trains. The network that
comes with the book is the recipe ``question-answering``. Chapter: *question-answering*.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from companion.corpora.stories import Story
from companion.corpora.story_reading import read_story, story_sentences
from companion.errors import UserError, check_text
from companion.models.answerer import Answerer, WholeStory
from companion.recipes import load_recipe
from companion.tokenizers import NOT_TOLD, StoryReader


@dataclass(frozen=True)
class Reply:
    """A model's answer: a word, or None for "the story doesn't say"; its probability; where the model looked.

    ``looks`` are weights ``(LOOKS, facts)``; None for a model that doesn't look.
    """

    word: str | None
    probability: float
    looks: np.ndarray | None


def answer(
    model: Answerer | WholeStory, reader: StoryReader, told: Sequence[Story], silent: bool = True
) -> list[Reply]:
    """A model's most probable answer to each story's question.

    Parameters
    ----------
    silent
        Whether "the story doesn't say" is a possible answer; otherwise the best word is taken.
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
            logits[:, reader.ids[NOT_TOLD]] = -np.inf
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        for row, best in enumerate(p.argmax(axis=1)):
            seen = looks[row, :, : len(part[row].facts)] if looks is not None else None
            replies.append(Reply(reader.word(int(best), encoded.names[row]), float(p[row, best]), seen))
    return replies


def right(told: Sequence[Story], replies: Sequence[Reply]) -> np.ndarray:
    """Whether each reply is true, ``(stories,)``."""
    return np.array([reply.word == story.answer for story, reply in zip(told, replies, strict=True)])


def by_kind(told: Sequence[Story], values: np.ndarray) -> dict[str, float]:
    """The mean of ``values``, one per story, for each kind of question."""
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
    """Read a story piece by piece, and answer each question from the facts before it.

    Parameters
    ----------
    texts
        Pieces with any number of sentences, such as lines. A sentence is a question if it ends in a question mark or
        begins with where, is or how.
    reply_to
        The function that answers; by default the network that comes with the book.

    Yields
    ------
    str
        For each question a few lines: the answer with its probability and the facts that the network looked at, or that
        the story doesn't say. If the network contradicts the story's own logic, the lines say so.

    Raises
    ------
    UserError
        A sentence or question can't be read, the story contradicts itself, or nothing is told or asked.
    """
    facts, asked = "", 0
    for text in [texts] if isinstance(texts, str) else texts:
        check_text(text)
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
        read_story(facts, "Where is Ada?")  # a sentence that can't be read is reported first
        raise UserError("There is no question; end with one, such as: Where is Ada?")


def _is_question(sentence: str) -> bool:
    first = sentence.split()[0].lower().replace("’", "'")
    return sentence.endswith(("?", "？")) or first in ("where", "where's", "is", "how")


def _shipped_network() -> Callable[[Story], Reply]:
    trained = load_recipe("question-answering")
    return lambda story: answer(trained.network, trained.story_reader, [story])[0]


def _in_words(story: Story, reply: Reply, told: Sequence[str]) -> str:
    said = reply.word or "nothing"
    if story.answer is None:
        more = "" if reply.word is None else f" (The network says {said!r}, {reply.probability:.0%} sure: a mistake.)"
        return f"{story.question}\n  The story doesn't say: none of its sentences proves an answer.{more}"
    lines = [f"{story.question}\n  {said}, {reply.probability:.0%} sure"]
    for look in () if reply.looks is None else reply.looks:
        if look.max() > 0.5 and (line := f"  looked at: {told[look.argmax()]}.") not in lines:
            lines.append(line)
    if said != story.answer:
        lines.append(f"  By the story's own logic the answer is {story.answer!r}: the network is wrong here.")
    return "\n".join(lines)
