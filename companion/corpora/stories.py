"""Stories of a small world, with questions, true answers and the facts that prove them.

People walk from place to place, pick things up and put them down. `stories` has a seeded simulator tell what happens;
the same `World` answers questions about any story told in these words, and knows which facts each answer rests on.
The idea and the kinds of questions are those of the bAbI tasks [1]_; the sentences, names and code are our own.
`companion.corpora.story_reading` parses what a reader tells. Chapter: *question-answering*.

References
----------
.. [1] Weston et al. 2015, *Towards AI-complete question answering: a set of prerequisite toy tasks*, sections 3 and 4.
"""

import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from companion.errors import UserError, check_sizes

KINDS = ("one fact", "two facts", "three facts", "yes or no", "counting")
# Names of people, places and things. The second tuple of each is kept out of every training story.
PEOPLE = ("Ada", "Ben", "Clara", "David", "Emma", "Felix", "Grace", "Henry"), ("Ivan", "Julia", "Karl", "Lena")
PLACES = (
    ("kitchen", "garden", "office", "cellar", "hall", "library", "bedroom", "bathroom"),
    ("attic", "garage", "school", "park"),
)
THINGS = ("ball", "book", "apple", "key", "cup", "letter", "hat", "coin"), ("lamp", "pen", "stone", "bag")
NUMBERS = ("none", "one", "two", "three")
ANSWERS = ("yes", "no", *NUMBERS)  # and places
WORDING = {
    "go": ("{} went to the {}", "{} walked to the {}"),
    "take": ("{} picked up the {}", "{} took the {}"),
    "drop": ("{} put down the {}", "{} dropped the {}"),
}
ASKING = {
    "one fact": "Where is {}",
    "two facts": "Where is the {}",
    "three facts": "Where was the {} before the {}",
    "yes or no": "Is {} in the {}",
    "counting": "How many things is {} carrying",
}
SPLITS = {"test": (0, 1), "validation": (2,), "train": (3, 4, 5, 6, 7, 8, 9)}  # of ten


@dataclass(frozen=True)
class Event:
    """Somebody does something: ``action`` is ``"go"``, ``"take"`` or ``"drop"``, ``target`` a place or a thing."""

    person: str
    action: str
    target: str


@dataclass(frozen=True)
class Question:
    """A kind from `KINDS`, whom or what it is about, and for two of the kinds a place."""

    kind: str
    about: str
    place: str = ""

    def __str__(self) -> str:
        return ASKING[self.kind].format(self.about, self.place) + "?"


@dataclass(frozen=True)
class Story:
    """Facts and a question, as text, with the truth about it.

    Attributes
    ----------
    facts
        Sentences in the order they happened: ``"Ada went to the hall."``
    question
        ``"Where is Ada?"``
    answer
        A word, or None if the facts don't say.
    support
        Numbers of the facts that prove the answer, from 0, in the order of looking them up: who has the ball, then
        where that person is. Empty without an answer.
    kind
        One of `KINDS`, or the name of a bAbI file.
    """

    facts: tuple[str, ...]
    question: str
    answer: str | None
    support: tuple[int, ...]
    kind: str


class World:
    """What a story has told so far: who is where, who carries what, where things have been, and which facts say so.

    Nobody carries anything at first, and the places of people and things are unknown until a fact tells them.
    """

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.at: dict[str, tuple[str, int]] = {}  # person: place, and the fact that says so
        self.handled: dict[str, list[int]] = {}  # person: facts of taking and putting down
        self.holder: dict[str, tuple[str, int]] = {}  # thing: who carries it, and since which fact
        self.lies: dict[str, tuple[str, tuple[int, int]] | None] = {}  # thing put down: place, and two facts
        self.came: dict[tuple[str, str], tuple[str, tuple[int, ...]]] = {}  # thing, place: the place before, and facts
        self.places: set[str] = set()  # where somebody has been
        self.facts = 0
        for event in events:
            self.happen(event)

    def happen(self, event: Event) -> None:
        """Add the next fact.

        Raises
        ------
        UserError
            It contradicts the facts before it, or there is no such action.
        """
        person, target = event.person, event.target
        number = self.facts
        if event.action == "go":
            self.places.add(target)
            before = self.at.get(person)
            for thing, (holder, since) in self.holder.items():
                if holder == person:
                    if before and before[0] != target:
                        self.came[thing, target] = before[0], (since, number, before[1])
                    elif not before:
                        self.came.pop((thing, target), None)
            if not before or before[0] != target:
                self.at[person] = target, number
        elif event.action not in WORDING:
            raise UserError(f"There is no action {event.action!r}; there are {', '.join(WORDING)}.")
        elif event.action == "take":
            self._check_take(person, target)
            self.lies.pop(target, None)
            self.holder[target] = person, number
            self.handled.setdefault(person, []).append(number)
        else:
            if self.holder.get(target, ("", 0))[0] != person:
                raise UserError(
                    f"{person} puts down the {target} in sentence {number + 1} without carrying it: let {person} take "
                    "it first."
                )
            del self.holder[target]
            where = self.at.get(person)
            self.lies[target] = (where[0], (number, where[1])) if where else None
            self.handled.setdefault(person, []).append(number)
        self.facts += 1

    def _check_take(self, person: str, thing: str) -> None:
        number = self.facts + 1
        if thing in self.holder:
            holder = self.holder[thing][0]
            raise UserError(
                f"{person} takes the {thing} in sentence {number}, but {holder} is carrying it: let {holder} put it "
                "down first."
            )
        lies, where = self.lies.get(thing), self.at.get(person)
        if lies and (not where or where[0] != lies[0]):
            raise UserError(
                f"{person} takes the {thing} in sentence {number}, but it is in the {lies[0]}: let {person} go there "
                "first."
            )

    def is_place(self, name: str) -> bool:
        """Whether this is the name of one of `PLACES`, or of a place where somebody has been."""
        return name in self.places or any(name in places for places in PLACES)

    def carried_by(self, person: str) -> list[str]:
        """The things somebody carries."""
        return [thing for thing, (holder, _) in self.holder.items() if holder == person]

    def answer(self, question: Question) -> tuple[str | None, tuple[int, ...]]:
        """The true answer and the facts that prove it; ``(None, ())`` if the story doesn't say.

        The facts come in the order of the reasoning. One proves where a person is, two where a thing is (who has or had
        it; where that person was then), three where it was before (who carried it; to that place; from which one). A
        count rests on everything the person took and put down; if they did neither, the story doesn't say.
        """
        about, place = question.about, question.place
        if question.kind == "counting":
            facts = self.handled.get(about, [])
            return (_number(len(self.carried_by(about))), tuple(facts)) if facts else (None, ())
        if question.kind == "three facts":
            return self.came.get((about, place), (None, ()))
        if question.kind == "two facts":
            if about in self.holder:
                person, since = self.holder[about]
                where = self.at.get(person)
                return (where[0], (since, where[1])) if where else (None, ())
            return self.lies.get(about) or (None, ())
        if about not in self.at:
            return None, ()
        now, fact = self.at[about]
        if question.kind == "yes or no":
            return ("yes" if now == place else "no"), (fact,)
        return now, (fact,)


def _number(count: int) -> str:
    return NUMBERS[count] if count < len(NUMBERS) else str(count)


# ----------------------------------------------------------------------------------------------------------------------
# The simulator


def stories(
    number: int,
    seed: int,
    kinds: Sequence[str] = KINDS,
    lengths: tuple[int, int] = (3, 12),
    split: str = "train",
    held_out: bool = False,
    unanswerable: float = 0.0,
) -> list[Story]:
    """Stories with a question each, of each kind in turn.

    Parameters
    ----------
    number
        How many.
    seed
        The same seed tells the same stories.
    kinds
        Which of `KINDS`.
    lengths
        The fewest and the most facts; every length is equally frequent, except that some kinds of questions need a
        few facts to be possible.
    split
        ``"train"``, ``"validation"`` or ``"test"``. What happens in a story, without the names and the wording, decides
        which split it belongs to, so no two splits share a story, not even under other names.
    held_out
        Use the names that are kept out of all other stories.
    unanswerable
        The share of questions that the story doesn't answer.

    Raises
    ------
    UserError
        The number isn't a whole number, a kind or split is unknown, the lengths are out of order, or the share isn't
        from 0 to 1.
    """
    check_sizes(0, number=number)
    if not kinds:
        raise UserError(f"There are no kinds of questions to ask; give at least one kind of {', '.join(KINDS)}.")
    for kind in kinds:
        if kind not in KINDS:
            raise UserError(f"There is no kind of question {kind!r}; there are {', '.join(KINDS)}.")
    if split not in SPLITS:
        raise UserError(f"There is no split {split!r}; there are {', '.join(SPLITS)}.")
    if not all(isinstance(length, int) for length in lengths) or not 3 <= lengths[0] <= lengths[1]:
        raise UserError(f"The lengths are {lengths}; they should be the fewest and the most facts, from 3.")
    if not 0 <= unanswerable <= 1:
        raise UserError(f"unanswerable is {unanswerable}; it should be a share of the questions, from 0 to 1.")
    rng = random.Random(f"{seed} {split} {held_out}")
    told: list[Story] = []
    while len(told) < number:
        kind, length = kinds[len(told) % len(kinds)], rng.randint(*lengths)
        answerable = rng.random() >= unanswerable
        story = None
        for _ in range(100):  # some lengths are too short for some questions: then draw another length
            cast = _cast(rng, held_out)
            events = simulate(rng, length, cast)
            if split_of(events) == split and (story := _ask(rng, events, cast, kind, answerable)):
                break
        if story:
            told.append(story)
    return told


def _cast(rng: random.Random, held_out: bool) -> tuple[list[str], list[str], list[str]]:
    """A few people, places and things."""
    people, places, things = (names[held_out] for names in (PEOPLE, PLACES, THINGS))
    sizes = rng.randint(2, 4), rng.randint(3, min(6, len(places))), rng.randint(2, 4)
    return rng.sample(people, sizes[0]), rng.sample(places, sizes[1]), rng.sample(things, sizes[2])


def simulate(rng: random.Random, length: int, cast: tuple[Sequence[str], Sequence[str], Sequence[str]]) -> list[Event]:
    """Let ``length`` things happen to the people, places and things of ``cast``; everybody first goes somewhere.

    Raises
    ------
    UserError
        There are no people, or fewer than two places, so nobody could go anywhere.
    """
    people, places, things = cast
    if not people or len(places) < 2:
        raise UserError(f"The cast has {len(people)} people and {len(places)} places; it needs at least 1 and 2.")
    world, events = World(), []
    for _ in range(length):
        person = rng.choice(people)
        here = world.at.get(person, ("", 0))[0]
        carried = world.carried_by(person)
        near = [t for t in things if t not in world.holder and ((lies := world.lies.get(t)) is None or lies[0] == here)]
        action = rng.choices(("go", "take", "drop"), (5, 4 * bool(near and len(carried) < 3), 2 * bool(carried)))[0]
        if not here:
            action = "go"
        targets = {"go": [place for place in places if place != here], "take": near, "drop": carried}[action]
        event = Event(person, action, rng.choice(targets))
        world.happen(event)
        events.append(event)
    return events


def _ask(
    rng: random.Random, events: list[Event], cast: tuple[list[str], list[str], list[str]], kind: str, answerable: bool
) -> Story | None:
    """The story with a question of the kind, each possible answer equally likely; None if there is no such question."""
    people, places, things = cast
    if kind in ("one fact", "counting"):
        questions = [Question(kind, person) for person in people]
    elif kind == "two facts":
        questions = [Question(kind, thing) for thing in things]
    else:
        about = people if kind == "yes or no" else things
        questions = [Question(kind, name, place) for name in about for place in places]
    world = World(events)
    by_answer: dict[str | None, list[Question]] = {}
    for question in questions:
        by_answer.setdefault(world.answer(question)[0], []).append(question)
    possible = sorted(answer for answer in by_answer if answer is not None) if answerable else [None]
    if not possible or possible[0] not in by_answer:
        return None
    question = rng.choice(by_answer[rng.choice(possible)])
    answer, support = world.answer(question)
    facts = tuple(rng.choice(WORDING[e.action]).format(e.person, e.target) + "." for e in events)
    return Story(facts, str(question), answer, support, kind)


def split_of(events: Sequence[Event]) -> str:
    """The split that a story belongs to, by what happens in it and not by its names."""
    numbers: dict[str, int] = {}
    form = [(e.action, *(numbers.setdefault(name, len(numbers)) for name in (e.person, e.target))) for e in events]
    remainder = zlib.crc32(repr(form).encode("ascii")) % 10
    return next(split for split, remainders in SPLITS.items() if remainder in remainders)
