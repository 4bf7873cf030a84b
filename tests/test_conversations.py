"""Messages and replies are short and different, and near-duplicates are in one part."""

import pytest

from companion.corpora.conversations import ALIKE, LONGEST_TURN, Exchange, group_messages, load_exchanges, spoken


@pytest.fixture(scope="module")
def parts():
    return load_exchanges()


def test_the_pairs_are_short_lines_and_all_different(parts):
    everything = [pair for part in parts for pair in part]
    assert len(everything) == len(set(everything)) == 1046
    for text in {text for pair in everything for text in pair}:
        assert text.strip() and "\n" not in text and "\t" not in text and len(text) <= LONGEST_TURN


def test_no_message_or_near_duplicate_is_in_two_parts(parts):
    bags = [[frozenset(spoken(pair.message)) for pair in part] for part in parts]
    for first, second in ((0, 1), (0, 2), (1, 2)):
        shared = max(len(a & b) / len(a | b) for a in set(bags[first]) for b in set(bags[second]) if a | b)
        assert shared < ALIKE


def test_files_of_alternatives_are_not_read_as_dialogue(parts):
    """In "emotion" every line answers the first; no reply of it becomes a message."""
    everything = [pair for part in parts for pair in part]
    assert Exchange("You are arrogant", "I am terse. There is a difference.") in everything
    assert not any(pair.message == "I am terse. There is a difference." for pair in everything)
    assert Exchange("Hi", "How are you doing?") in everything  # "conversations" is talk


def test_groups_are_chained_and_keep_the_order():
    messages = ["a b c", "x y", "b c d", "a b c d e", "c b a"]
    assert group_messages(messages) == [["a b c", "c b a"], ["x y"], ["b c d"], ["a b c d e"]]
    assert group_messages(["a b c d", "a b c", "a b c d e f"]) == [["a b c d", "a b c", "a b c d e f"]]
    assert group_messages(["???", "!!!"]) == [["???"], ["!!!"]]
