"""Sentences: a split without near-duplicates, a baseline, the metrics, and the command."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer

from companion import UserError
from companion.applications import translation
from companion.cli import main
from companion.corpora import dates
from companion.corpora.sentences import Sentence, load_sentences, near_duplicates
from companion.evaluation import bleu, chrf, chrf_interval, sentence_chrf
from companion.recipes import english_pieces, load_recipe
from companion.tokenizers import SPECIALS, PairVocabulary, Vocabulary


@pytest.fixture(scope="module")
def parts():
    return load_sentences()


def test_near_duplicates_are_never_in_two_parts(parts):
    everything = [pair for part in parts.values() for pair in part]
    has = CountVectorizer(binary=True, analyzer="char", ngram_range=(1, 2)).fit_transform(
        pair.zh for pair in everything
    )
    shared, sizes = (has @ has.T).toarray(), np.asarray(has.sum(axis=1)).ravel()
    chinese = shared / (sizes[:, None] + sizes - shared)  # the Jaccard index
    part_of = np.repeat(range(3), [len(part) for part in parts.values()])
    across = part_of[:, None] != part_of[None, :]
    assert chinese[across].max() < 0.75  # the split ignores punctuation
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


def test_pieces_hold_whole_characters_even_those_never_seen():
    cut = english_pieces(["I drink coffee."])
    assert "".join(cut("Zoë says “café”, 猫")) == " Zoë says “café”, 猫"
    assert "ë" in cut("Zoë")


def test_the_nearest_neighbour_of_a_known_sentence_is_itself():
    training = [
        Sentence("我在家。", "I am at home."),
        Sentence("下雨了。", "It rains."),
        Sentence("他很饿。", "He is hungry."),
    ]
    places, likeness = translation.nearest(training, ["下雨了。", "我很饿。"])
    assert places.tolist() == [1, 2] and likeness[0] == pytest.approx(1) and 0 < likeness[1] < 1


def test_the_nearest_neighbour_needs_training_sentences():
    with pytest.raises(UserError, match="no training sentences"):
        translation.nearest([], ["下雨了。"])


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


# ------------------------------------------------------------------------------------------------------------
# A reader's own dates and sentences


@pytest.fixture(scope="module")
def translator():
    return load_recipe("dates")


@pytest.mark.parametrize(
    ("text", "to", "translation_of_it"),
    [
        ("2021-03-03", "zh", "2021年3月3日"),
        ("42017", "zh", "四万二千零一十七"),
        ("1,000", "zh", "一千"),
        ("wed. 3 mar 2021", "zh", "2021年3月3日星期三"),
        ("25/12/2021", "iso", "2021-12-25"),
    ],
)
def test_other_forms_are_turned_into_a_trained_one(translator, text, to, translation_of_it):
    found = translation.translate_phrase(text, to, translator)
    assert found.text == translation_of_it
    (remark,) = found.remarks
    assert remark.startswith("read as '")


def test_a_trained_form_gets_no_remark(translator):
    for style in dates.STYLES:
        phrase = dates.date_phrase(dates.date(2021, 3, 3), style)
        assert translation.translate_phrase(phrase.english, "zh", translator) == (phrase.zh, ())


def test_a_wrong_translation_is_admitted(translator):
    words = translator.tokenizer
    mixed_up = PairVocabulary(words.source, Vocabulary(reversed(words.target.tokens[len(SPECIALS) :])))
    wrong = replace(translator, tokenizer=mixed_up)
    found = translation.translate_phrase("3 March 2021", "iso", wrong)
    assert found.text != "2021-03-03"
    assert found.remarks == ("the network is wrong here: by rule it is 2021-03-03",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("  ", "nothing to read"),
        ("3 Mars 2021", "'Mars' occurs in no date"),
        ("2021年3月3日", "is Chinese"),
        ("March 3, 2101", "outside the years"),
        ("3rd March", "has no year"),
        ("100,000", "more than 99,999"),
    ],
)
def test_unreadable_dates_get_a_sentence(translator, text, told):
    with pytest.raises(UserError, match=told):
        translation.translate_phrase(text, "zh", translator)


def test_there_are_two_targets(translator):
    with pytest.raises(UserError, match="zh and iso"):
        translation.translate_phrase("3 March 2021", "de", translator)


@pytest.fixture(scope="module")
def reader_of_chinese():
    return load_recipe("sentences")


def test_the_example_is_a_training_sentence_that_is_translated_right(parts, reader_of_chinese):
    (english,) = [pair.en for pair in parts["training"] if pair.zh == translation.SENTENCE_EXAMPLE]
    assert translation.translate_sentence(translation.SENTENCE_EXAMPLE, reader_of_chinese) == (english, ())


def test_other_sentences_get_a_remark_on_how_unsure_the_network_is(parts, reader_of_chinese):
    test = parts["test"][:10]
    said = [translation.translate_sentence(pair.zh, reader_of_chinese) for pair in test]
    assert all("don't trust this" in found.remarks[-1] and "%" in found.remarks[-1] for found in said)
    assert chrf([found.text for found in said], [pair.en for pair in test]) > 10


@pytest.mark.parametrize(
    ("text", "told"), [("", "nothing to translate"), ("Hello", "isn't Chinese"), ("饕餮", "No character of '饕餮'")]
)
def test_unreadable_sentences_are_refused(text, told):
    with pytest.raises(UserError, match=told):
        translation.chinese_source(text, Vocabulary("我在家。"))


def test_an_unknown_character_is_reported_and_the_rest_read(reader_of_chinese):
    ids, unknown = translation.chinese_source("我在 饕家。", Vocabulary("我在家。"))
    assert unknown == ["饕"] and ids.tolist() == [4, 5, 1, 6, 7]
    assert "read as unknown: 饕 餮" in translation.translate_sentence("饕餮在家。", reader_of_chinese).remarks[0]


def test_the_command_translates(capsys):
    assert main(["translate", "Wednesday, March 3, 2021"]) == 0
    assert capsys.readouterr().out == "2021年3月3日星期三\n"
    assert main(["translate", "the third of March, twenty twenty-one", "--to", "iso"]) == 0
    assert capsys.readouterr().out == "2021-03-03\n"
    assert main(["translate", translation.SENTENCE_EXAMPLE, "--sentences"]) == 0
    assert capsys.readouterr().out == "He is my teacher.\n"
    assert main(["translate", ""]) == 2
    assert "nothing to read" in capsys.readouterr().err
