"""Sentences: a split without near-repetition, a baseline, the metrics, and the command."""

import numpy as np
import pytest

from companion import UserError
from companion.applications import translation
from companion.cli import main
from companion.corpora.sentences import Sentence, _overlaps, load_sentences, near_duplicates
from companion.evaluation import bleu, chrf, chrf_interval, sentence_chrf
from companion.recipes import english_pieces
from companion.tokenizers import Vocabulary


@pytest.fixture(scope="module")
def parts():
    return load_sentences()


def test_near_duplicates_are_never_in_two_parts(parts):
    everything = [pair for part in parts.values() for pair in part]
    chinese = _overlaps([pair.zh for pair in everything], analyzer="char", ngram_range=(1, 2))
    part_of = np.repeat(range(3), [len(part) for part in parts.values()])
    across = part_of[:, None] != part_of[None, :]
    assert chinese[across].max() < 0.75  # what the split compares has no punctuation
    for field in (0, 1):
        texts = [{pair[field] for pair in part} for part in parts.values()]
        assert not (texts[0] & texts[1] or texts[0] & texts[2] or texts[1] & texts[2])


def test_parts_have_their_sizes_and_nothing_untranslated(parts):
    sizes = [len(part) for part in parts.values()]
    assert sum(sizes) > 4_200 and 0.04 < sizes[1] / sum(sizes) < 0.06 and 0.09 < sizes[2] / sum(sizes) < 0.11
    assert all(
        not pair.en.startswith(("placeholder", "PH")) and len(pair.en) > 3 and pair.zh
        for part in parts.values()
        for pair in part
    )


def test_groups_are_linked_through_others():
    home = [
        Sentence("他在家里。", "He is at home."),
        Sentence("他在家。", "Home alone."),
        Sentence("下雨了。", "Home alone."),
    ]
    assert near_duplicates([*home, Sentence("我很饿。", "I am hungry.")]).tolist() == [0, 0, 0, 1]


def test_pieces_put_together_are_the_sentence(parts):
    texts = [pair.en for pair in parts["training"][:300]]
    cut = english_pieces(texts, 400)
    assert all("".join(cut(text)) == f" {text}" for text in texts)
    assert max(len(cut(text)) / len(text) for text in texts) < 1


def test_the_nearest_neighbour_of_a_known_sentence_is_itself():
    training = [
        Sentence("我在家。", "I am at home."),
        Sentence("下雨了。", "It rains."),
        Sentence("他很饿。", "He is hungry."),
    ]
    places, likeness = translation.nearest(training, ["下雨了。", "我很饿。"])
    assert places.tolist() == [1, 2] and likeness[0] == pytest.approx(1) and 0 < likeness[1] < 1


def test_the_interval_holds_the_score():
    reference = [f"This is sentence number {n} of the test." for n in range(20)]
    said = [text if n % 3 else "Something else." for n, text in enumerate(reference)]
    score, low, high = chrf_interval(said, reference, 200)
    assert score == pytest.approx(chrf(said, reference)) and low < score < high
    assert (score, low, high) == chrf_interval(said, reference, 200)


def test_metrics_are_100_for_the_reference_and_fall():
    reference = ["He is at home today.", "It is going to rain soon."]
    for metric in (chrf, bleu):
        assert metric(reference, reference) == pytest.approx(100)
        assert metric(["He is at home now.", "It will rain."], reference) < 80
    assert sentence_chrf(reference, reference).tolist() == pytest.approx([100, 100])


DATES = Vocabulary(["<zh>", "<iso>", *"0123456789", "march", ","])


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  ", "nothing to translate"),
        ("3 Mars 2021", "'mars' occurs in none"),
        ("2021年3月3日", "is Chinese"),
        ("le 3 mars", "'le', 'mars' occurs in none"),
    ],
)
def test_dates_that_can_not_be_read(text, told):
    with pytest.raises(UserError, match=told):
        translation.date_source(text, DATES, "zh")


@pytest.mark.parametrize(
    ("text", "told"), [("", "nothing to translate"), ("Hello", "not Chinese"), ("饕餮", "No character of '饕餮'")]
)
def test_sentences_that_can_not_be_read(text, told):
    with pytest.raises(UserError, match=told):
        translation.chinese_source(text, Vocabulary("我在家。"))


def test_an_unknown_character_is_told_and_read_on():
    ids, unknown = translation.chinese_source("我在 饕家。", Vocabulary("我在家。"))
    assert unknown == ["饕"] and ids.tolist() == [4, 5, 1, 6, 7]


def test_the_command_translates(capsys):
    assert main(["translate", "Wednesday, March 3, 2021"]) == 0
    assert capsys.readouterr().out == "2021年3月3日星期三\n"
    assert main(["translate", "the third of March, twenty twenty-one", "--to", "iso"]) == 0
    assert capsys.readouterr().out == "2021-03-03\n"
    assert main(["translate", "我在家。", "--sentences"]) == 0
    assert len(capsys.readouterr().out) > 3
    assert main(["translate", ""]) == 2
    assert "nothing to translate" in capsys.readouterr().err
