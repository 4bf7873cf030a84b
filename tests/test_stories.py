"""The story world: its answers agree with an independent answerer, and splits share nothing."""

import random
from collections import Counter

import pytest

from companion.corpora.stories import (
    ANSWERS,
    KINDS,
    PEOPLE,
    PLACES,
    SPLITS,
    THINGS,
    Event,
    Question,
    World,
    simulate,
    split_of,
    stories,
)
from companion.corpora.story_reading import read_fact, read_question
from companion.errors import UserError

MANY = [
    story
    for split in SPLITS
    for held_out in (False, True)
    for story in stories(400, seed=5, split=split, held_out=held_out, lengths=(3, 20), unanswerable=0.2)
]


def whereabouts(events, person, until):
    """A person's places, fact by fact, from the facts alone."""
    return [e.target for e in events[:until] if e.person == person and e.action == "go"]


def truth(events, question):
    """Answers by searching backwards through the facts; shares no code or state with `World`."""
    about = question.about
    if question.kind == "counting":
        hands = Counter()
        for e in events:
            if e.person == about and e.action != "go":
                hands[e.target] = int(e.action == "take")
        return ("none", "one", "two", "three")[sum(hands.values())] if hands else None
    if question.kind in ("one fact", "yes or no"):
        places = whereabouts(events, about, len(events))
        if not places:
            return None
        return places[-1] if question.kind == "one fact" else ("no", "yes")[places[-1] == question.place]
    # Every fact at which the thing is known to be somewhere, as (place, carried there from)
    seen = []
    for number, e in enumerate(events):
        touched = [o for o in events[: number + 1] if o.target == about and o.action != "go"]
        if not touched:
            continue
        last = touched[-1]
        if e.action == "go" and last.action == "take" and e.person == last.person:
            before = whereabouts(events, e.person, number)
            seen.append((e.target, before[-1] if before else None))
        elif e is last:
            here = whereabouts(events, e.person, number)
            seen.append((here[-1] if here else None, "same"))
    if question.kind == "two facts":
        return seen[-1][0] if seen else None
    return next((source for place, source in reversed(seen) if place == question.place and source != "same"), None)


def all_questions(cast):
    people, places, things = cast
    yield from (Question(kind, person) for kind in ("one fact", "counting") for person in people)
    yield from (Question("two facts", thing) for thing in things)
    yield from (Question("three facts", thing, place) for thing in things for place in places)
    yield from (Question("yes or no", person, place) for person in people for place in places)


@pytest.mark.parametrize("seed", range(60))
def test_two_answerers_agree_on_all_questions(seed):
    rng = random.Random(seed)
    cast = PEOPLE[0][:3], PLACES[0][:4], THINGS[0][:3]
    events = simulate(rng, rng.randint(1, 40), cast)
    world = World(events)
    for question in all_questions(cast):
        answer, support = world.answer(question)
        assert answer == truth(events, question), question
        assert (answer is None) == (support == ())


@pytest.mark.parametrize("seed", range(60))
def test_the_supporting_facts_alone_prove_the_answer(seed):
    rng = random.Random(seed)
    cast = PEOPLE[0][:3], PLACES[0][:4], THINGS[0][:3]
    events = simulate(rng, 25, cast)
    for question in all_questions(cast):
        answer, support = World(events).answer(question)
        if answer is None:
            continue
        assert len(support) == len(set(support))
        expected = {"one fact": 1, "yes or no": 1, "two facts": 2, "three facts": 3}.get(question.kind, len(support))
        assert len(support) == expected
        assert truth([events[number] for number in sorted(support)], question) == answer


def test_a_story_by_hand():
    events = [
        Event("Ada", "go", "hall"),
        Event("Ada", "take", "ball"),
        Event("Ben", "go", "garden"),
        Event("Ada", "go", "kitchen"),
        Event("Ada", "drop", "ball"),
        Event("Ada", "go", "garden"),
    ]
    world = World(events)
    assert world.answer(Question("one fact", "Ada")) == ("garden", (5,))
    assert world.answer(Question("two facts", "ball")) == ("kitchen", (4, 3))
    assert world.answer(Question("three facts", "ball", "kitchen")) == ("hall", (1, 3, 0))
    assert world.answer(Question("three facts", "ball", "garden")) == (None, ())
    assert world.answer(Question("yes or no", "Ben", "kitchen")) == ("no", (2,))
    assert world.answer(Question("counting", "Ada")) == ("none", (1, 4))
    assert world.answer(Question("counting", "Ben")) == (None, ())


def test_stories_hold_what_they_promise():
    for story in MANY:
        events = [read_fact(fact) for fact in story.facts]
        question = read_question(story.question)
        assert 3 <= len(events) <= 20 and question.kind == story.kind
        assert truth(events, question) == story.answer
        assert World(events).answer(question) == (story.answer, story.support)


def test_a_world_refuses_impossible_events():
    with pytest.raises(UserError, match="no action 'fly'; there are go, take, drop"):
        World([Event("Ada", "fly", "moon")])
    with pytest.raises(UserError, match="0 people and 1 places"):
        simulate(random.Random(0), 3, ([], ["hall"], ["ball"]))


def test_a_world_knows_its_places():
    world = World([Event("Ada", "go", "den"), Event("Ada", "take", "ball"), Event("Ada", "go", "moor")])
    assert [name for name in ("den", "moor", "kitchen", "ball", "Ada") if world.is_place(name)] == [
        "den",
        "moor",
        "kitchen",
    ]


def test_kinds_and_answers_are_spread():
    told = stories(1000, seed=0)
    assert Counter(story.kind for story in told) == dict.fromkeys(KINDS, 200)
    assert all(story.answer for story in told)
    assert {story.answer for story in told} == {*ANSWERS, *PLACES[0]}
    yes = sum(story.answer == "yes" for story in told)
    assert 70 < yes < 130
    assert {len(story.facts) for story in told} == set(range(3, 13))


def test_unanswerable_questions_come_in_every_kind():
    told = stories(200, seed=0, unanswerable=1.0)
    assert {story.answer for story in told} == {None}
    assert Counter(story.kind for story in told) == dict.fromkeys(KINDS, 40)


def test_the_seed_tells_the_story():
    assert stories(20, seed=3) == stories(20, seed=3) != stories(20, seed=4)


def test_splits_share_no_story_even_under_other_names():
    forms = {
        split: {
            tuple(zip(*[(e.action, e.person, e.target) for e in map(read_fact, story.facts)], strict=True))
            for story in MANY
            if split_of([read_fact(fact) for fact in story.facts]) == split
        }
        for split in SPLITS
    }
    assert all(forms.values()) and len(MANY) > sum(map(len, forms.values())) / 2

    def nameless(story):
        names = {}
        return tuple(
            (e.action, names.setdefault(e.person, len(names)), names.setdefault(e.target, len(names)))
            for e in map(read_fact, story.facts)
        )

    told = {split: {nameless(s) for s in stories(600, seed=1, split=split)} for split in SPLITS}
    assert not told["train"] & told["test"] and not told["train"] & told["validation"]
    assert not told["test"] & told["validation"]


def test_held_out_names_are_in_no_other_story():
    kept_out = {name for names in (PEOPLE, PLACES, THINGS) for name in names[1]}
    for story in stories(300, seed=0):
        assert not kept_out & set(" ".join((*story.facts, story.question)).replace(".", "").replace("?", "").split())
    for story in stories(100, seed=0, split="test", held_out=True):
        event = read_fact(story.facts[0])
        assert {event.person, event.target} <= kept_out


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kinds": ["four facts"]}, "no kind of question"),
        ({"split": "dev"}, "no split"),
        ({"lengths": (9, 5)}, "fewest and the most"),
        ({"lengths": (3.5, 5)}, "fewest and the most"),
        ({"kinds": []}, "at least one kind"),
        ({"number": 1.5}, "number is 1.5"),
        ({"unanswerable": 2}, "unanswerable is 2"),
    ],
)
def test_stories_refuse_bad_settings(wrong, message):
    with pytest.raises(UserError, match=message):
        stories(**{"number": 1, "seed": 0, **wrong})
