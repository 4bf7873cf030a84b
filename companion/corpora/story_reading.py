"""Stories as a reader tells them, parsed by rules; and the published files of the bAbI tasks.

A sentence may use other verbs than the simulator's (`VERBS`); it is put into a wording that the networks have learnt.
Chapter: *question-answering*.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from companion.corpora.stories import ASKING, KINDS, WORDING, Event, Question, Story, World
from companion.errors import UserError, check_text, shown

SYNONYMS = {
    "{} went to the {}": (
        *("{} went back to the {}", "{} moved to the {}", "{} travelled to the {}", "{} traveled to the {}"),
        *("{} journeyed to the {}", "{} returned to the {}", "{} ran to the {}", "{} came to the {}"),
    ),
    "{} picked up the {}": ("{} picked the {} up",),
    "{} took the {}": ("{} got the {}", "{} grabbed the {}"),
    "{} put down the {}": ("{} put the {} down", "{} discarded the {}", "{} left the {}"),
}
"""Other sentences a story may use, by the wording that the networks have learnt; the verbs are those of bAbI."""

_NAME = r"([^\W\d_]+)"
_PRONOUNS = "i you he she it we they this that who everybody everyone somebody someone nobody anybody anyone"
_NOBODY_S_NAME = set(_PRONOUNS.split())
_FACTS = [
    (action, wording, re.compile(told.format(_NAME, _NAME) + "(?: there)?", re.IGNORECASE))
    for action, wordings in WORDING.items()
    for wording in wordings
    for told in (wording, *SYNONYMS.get(wording, ()))
]
# "Where is the ball" before "Where is Ada": the second pattern has room for one word only.
_QUESTIONS = [(kind, re.compile(asking.format(_NAME, _NAME), re.IGNORECASE)) for kind, asking in ASKING.items()]


def story_sentences(text: str) -> list[str]:
    """A text cut at full stops, question marks and line breaks; the marks go, the words stay.

    Examples
    --------
    >>> story_sentences("Ada went to the hall.  Where is Ada?")
    ['Ada went to the hall', 'Where is Ada']
    """
    check_text(text, "story")
    return [" ".join(part.split()) for part in re.split(r"[.?!。？！\n]+", text) if part.strip()]


def read_fact(sentence: str) -> Event:
    """What a sentence of a story says.

    >>> read_fact("Mary got the milk there.")
    Event(person='Mary', action='take', target='milk')

    Raises
    ------
    UserError
        It isn't a sentence that a story may say.
    """
    return _read(sentence)[0]


def in_network_words(sentence: str) -> str:
    """A sentence of a story in the nearest wording that the networks have learnt.

    >>> in_network_words("mary journeyed to the Office")
    'Mary went to the office.'

    Raises
    ------
    UserError
        As in `read_fact`.
    """
    event, wording = _read(sentence)
    return wording.format(event.person, event.target) + "."


def _read(sentence: str) -> tuple[Event, str]:
    check_text(sentence, "sentence")
    words = " ".join(sentence.strip(" .?!").split())
    for action, wording, pattern in _FACTS:
        if found := pattern.fullmatch(words):
            return Event(_named(found[1], words).capitalize(), action, found[2].lower()), wording
    usual = [
        wording.format("Ada", "hall" if action == "go" else "ball") for action, ws in WORDING.items() for wording in ws
    ]
    others = [told.format("", "").replace("the", "").split()[0] for synonyms in SYNONYMS.values() for told in synonyms]
    raise UserError(
        f"I can't read the sentence {shown(words)}. A story may say: {'; '.join(usual)}; or the same with other verbs: "
        f"{', '.join(verb for verb in dict.fromkeys(others) if not any(verb in told for told in usual))}."
    )


def _named(who: str, words: str) -> str:
    if who.lower() in _NOBODY_S_NAME:
        raise UserError(f"{shown(words)} doesn't say who or what is meant; put a name in the place of {shown(who)}.")
    return who


def read_question(sentence: str) -> Question:
    """What a question asks.

    Raises
    ------
    UserError
        It isn't a question that may be asked.
    """
    check_text(sentence, "question")
    words = " ".join(sentence.replace("’", "'").strip(" .?!？").split())
    usual = re.sub(r"(?i)^where's\b", "Where is", re.sub(r"(?i)^how many (objects|items)\b", "How many things", words))
    for kind, pattern in _QUESTIONS:
        if found := pattern.fullmatch(usual):
            about, place = _named(found[1], words), found[2] if pattern.groups > 1 else ""
            is_thing = kind in ("two facts", "three facts")
            return Question(kind, about.lower() if is_thing else about.capitalize(), place.lower())
    examples = " ".join(
        ASKING[kind].format("ball" if kind in ("two facts", "three facts") else "Ada", "hall") + "?" for kind in KINDS
    )
    raise UserError(f"I can't read the question {shown(words)}. You may ask: {examples}")


def read_story(text: str, question: str) -> Story:
    """A reader's own story and question, in the networks' words, with the true answer.

    >>> read_story("Mary got the milk there. Mary journeyed to the office.", "Where is the milk?").facts
    ('Mary took the milk.', 'Mary went to the office.')

    Raises
    ------
    UserError
        A sentence or the question can't be read or is missing, or the story contradicts itself.
    """
    told = story_sentences(text)
    if not told:
        raise UserError("The story is empty; give at least one sentence, such as: Ada went to the hall.")
    check_text(question, "question")
    if not question.strip():
        raise UserError("The question is empty; ask, for example: Where is Ada?")
    asked = read_question(question)
    world = World()
    for sentence in told:
        event = read_fact(sentence)
        if event.action == "drop" and re.search(r"(?i)\bleft\b", sentence) and world.is_place(event.target):
            raise UserError(
                f"{shown(sentence)} is read as putting something down, but the {event.target} is a place; say where "
                f"{event.person} went."
            )
        world.happen(event)
    answer, support = world.answer(asked)
    return Story(tuple(map(in_network_words, told)), str(asked), answer, support, asked.kind)


def load_babi(path: str | Path) -> list[Story]:
    """Stories from a file of the bAbI tasks in their published format.

    A line is a number from 1, a space and a sentence. A question is followed by its answer and the numbers of its
    supporting facts, after tabs; a number of 1 begins a new story. Facts stay valid for the later questions of a story.

    Returns
    -------
    list of Story
        One for each question, with all facts before it; ``kind`` is the file's name without its ending.

    Raises
    ------
    UserError
        The file is missing, isn't text, or a line isn't in the format; the message says which.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"There is no file {path}; give the path of a bAbI file, such as qa1_…_train.txt.") from None
    except (OSError, ValueError):
        raise UserError(f"{path} can't be read as text; give the path of one bAbI file.") from None
    told = list(_babi_stories(lines, path))
    if not told:
        raise UserError(f"{path} has no question; the line of a question should have its answer after a tab.")
    return told


def _babi_stories(lines: Sequence[str], path: Path) -> Iterator[Story]:
    facts: list[str] = []
    places: dict[int, int] = {}  # number of a line in its story: which fact it is
    last = 0
    for count, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        found = re.match(r"(\d{1,9}) (.+)", line)
        if not found:
            raise UserError(f"{path}, line {count}: expected a number, a space and a sentence, not {line[:40]!r}.")
        number, (sentence, *rest) = int(found[1]), found[2].rstrip().split("\t")
        if number == 1:
            facts, places, last = [], {}, 0
        if number != last + 1:
            raise UserError(f"{path}, line {count}: number {number} follows {last}; each story should count from 1.")
        last = number
        if not rest:
            places[number] = len(facts)
            facts.append(sentence.strip())
            continue
        support = rest[1].split() if len(rest) > 1 else []
        if not rest[0].strip() or not all(s.isdecimal() and int(s[:9]) in places for s in support):
            raise UserError(
                f"{path}, line {count}: the question should be followed by its answer and the numbers of facts before "
                "it, after tabs."
            )
        yield Story(tuple(facts), sentence.strip(), rest[0].strip(), tuple(places[int(s)] for s in support), path.stem)
