"""Rules that answer questions about a story without a network: what a network should beat.

Chapter: *question-answering*.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from companion.corpora.stories import Story
from companion.corpora.story_reading import story_sentences
from companion.errors import UserError


def most_frequent(training: Sequence[Story]) -> Callable[[Story], str]:
    """A rule that gives the most frequent answer to training questions of the same kind."""
    counts: dict[str, Counter[str]] = {}
    for story in training:
        if story.answer is not None:
            counts.setdefault(story.kind, Counter())[story.answer] += 1
    best = {kind: min(words, key=lambda word: (-words[word], word)) for kind, words in counts.items()}

    def commonest(story: Story) -> str:
        if story.kind not in best:
            raise UserError(f"No training story asks a question of the kind {story.kind!r}, only {', '.join(best)}.")
        return best[story.kind]

    return commonest


def last_place(story: Story) -> str:
    """The place in the last fact that names one; "yes" or "one" for questions that don't ask for a place."""
    return _place_in(reversed(story.facts)) if story.kind.endswith(("fact", "facts")) else _default(story)


def word_overlap(story: Story) -> str:
    """Find the latest fact with the most words of the question, and answer with the last place named up to there."""
    asked = set(" ".join(story_sentences(story.question)).lower().split())
    common = [len(asked & set(" ".join(story_sentences(fact)).lower().split())) for fact in story.facts]
    best = max(range(len(common)), key=lambda number: (common[number], number))
    place = _place_in(reversed(story.facts[: best + 1]))
    if story.kind == "yes or no":
        return "yes" if place in asked else "no"
    return place if story.kind.endswith(("fact", "facts")) else _default(story)


def _place_in(facts: Iterable[str]) -> str:
    for fact in facts:
        words = story_sentences(fact)[0].split()
        if "to" in words:
            return words[-1].lower()
    return ""


def _default(story: Story) -> str:
    return "yes" if story.kind == "yes or no" else "one"
