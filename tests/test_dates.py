"""Dates and numbers are spelt right in both languages, and no day or number is in two parts."""

import itertools
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import UserError
from companion.corpora import dates
from companion.recipes import date_pairs

CHINESE = {
    0: "零",
    10: "十",
    14: "十四",
    20: "二十",
    100: "一百",
    101: "一百零一",
    110: "一百一十",
    1_000: "一千",
    1_001: "一千零一",
    1_010: "一千零一十",
    1_100: "一千一百",
    10_000: "一万",
    10_014: "一万零一十四",
    10_500: "一万零五百",
    12_000: "一万二千",
    90_009: "九万零九",
    99_999: "九万九千九百九十九",
}


@pytest.mark.parametrize(("n", "text"), CHINESE.items())
def test_chinese_numbers(n, text):
    assert dates.spell_chinese(n) == text


def value_of(text: str) -> int:
    """Read a Chinese number back."""
    total = section = digit = 0
    for sign in text:
        if sign == "万":
            total, section, digit = (section + digit) * 10_000, 0, 0
        elif sign in "十百千":
            section, digit = section + max(digit, 1) * 10 ** (1 + "十百千".index(sign)), 0
        else:
            digit = "零一二三四五六七八九".index(sign)
    return total + section + digit


WORDS = {"zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9}
WORDS |= {"ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16}
WORDS |= {"seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50}
WORDS |= {"sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90}


def english_value(text: str) -> int:
    """Read an English number back."""
    total = section = 0
    for word in text.replace(" and ", " ").replace("-", " ").split():
        if word == "thousand":
            total, section = section * 1000, 0
        elif word == "hundred":
            section *= 100
        else:
            section += WORDS[word]
    return total + section


@settings(max_examples=300)
@given(st.integers(0, dates.LARGEST))
def test_numbers_read_back(n):
    assert value_of(dates.spell_chinese(n)) == n
    assert english_value(dates.spell_english(n)) == english_value(dates.spell_english(n, " ")) == n


@pytest.mark.parametrize("n", [-1, 100_000, 2.5, "two"])
def test_numbers_out_of_range_are_refused(n):
    with pytest.raises(UserError, match="from 0 to 99,999"):
        dates.spell_english(n)


def test_dates_in_every_style():
    day = date(2021, 3, 3)
    written = [dates.date_phrase(day, style).english for style in dates.STYLES]
    assert written == [
        "Wednesday, March 3, 2021",
        "Wednesday, 3 March 2021",
        "March 3, 2021",
        "Mar 3, 2021",
        "3 March 2021",
        "3 Mar 2021",
        "March 3rd, 2021",
        "the 3rd of March 2021",
        "the third of March, twenty twenty-one",
    ]
    with pytest.raises(UserError, match="no style"):
        dates.date_phrase(day, "short")


@pytest.mark.parametrize(
    ("year", "words"),
    [(1900, "nineteen hundred"), (1905, "nineteen oh five"), (2000, "two thousand"), (2009, "two thousand and nine")],
)
def test_years_in_words(year, words):
    assert dates.date_phrase(date(year, 1, 12), "in words").english == f"the twelfth of January, {words}"


def test_no_day_and_no_number_is_in_two_parts():
    seen = {part: set() for part in dates.PARTS}
    for part in dates.PARTS:
        seen[part] = {phrase.iso for phrase in itertools.islice(dates.draw(3, part), 2000)}
    assert not (seen["training"] & seen["test"] or seen["training"] & seen["validation"])
    assert not seen["validation"] & seen["test"]


def test_an_unknown_part_is_refused():
    with pytest.raises(UserError, match="no part 'dev'; there are training, validation, test"):
        next(dates.draw(0, "dev"))


def test_the_test_is_the_same_every_time_and_has_no_phrase_twice():
    phrases = dates.held_out_phrases()
    assert phrases == dates.held_out_phrases() and len(set(phrases)) == len(phrases) == dates.HELD_OUT_PHRASES
    assert {phrase.zh[-1] in "一二三四五六日" and "星期" in phrase.zh for phrase in phrases} == {True, False}


def test_pairs_hold_every_word_and_end_in_their_parts():
    both, train, validation, test = date_pairs(seed=1, n=4_000)
    assert len(train) == 4_000 and len(validation) == len(test) == dates.HELD_OUT_PHRASES
    assert both.source.tokens == date_pairs(seed=2, n=4_000)[0].source.tokens
    assert not any((ids == 1).any() for ids in (*test.sources, *test.targets))  # nothing unknown
    assert both.source.decode(test.sources[0])[0] == "<zh>" and both.source.decode(test.sources[1])[0] == "<iso>"


def test_there_are_two_targets():
    with pytest.raises(UserError, match="zh and iso"):
        dates.source_tokens("3 March 2021", "de")
