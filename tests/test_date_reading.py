"""Dates and numbers as readers type them: what is meant is found, and what is outside gets a sentence."""

from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import UserError
from companion.corpora import dates
from companion.corpora.date_reading import read_phrase

DAYS = st.integers(0, (dates.LAST - dates.FIRST).days).map(lambda n: dates.FIRST + timedelta(n))


@settings(max_examples=300)
@given(DAYS, st.sampled_from(dates.STYLES))
def test_every_style_of_the_training_is_read_back_as_it_is(day, style):
    phrase = dates.date_phrase(day, style)
    assert read_phrase(phrase.english) == phrase
    assert read_phrase(phrase.english.upper()) == phrase
    assert read_phrase(f" {phrase.english.replace(',', ' ')}.").iso == phrase.iso


@settings(max_examples=300)
@given(st.integers(0, dates.LARGEST))
def test_every_number_is_read_back(n):
    for joined in (" and ", " "):
        phrase = dates.number_phrase(n, joined)
        assert read_phrase(phrase.english) == phrase
        assert read_phrase(phrase.english.replace("-", " ")) == phrase
    assert read_phrase(str(n)) == read_phrase(f"{n:,}") == dates.number_phrase(n)


@settings(max_examples=300)
@given(st.text(alphabet="3 21,-/.'stndrhmaonejuy00twfhundred thousand") | st.text())
def test_any_text_is_read_or_refused_in_a_sentence(text):
    try:
        phrase = read_phrase(text)
    except UserError:
        return
    assert read_phrase(phrase.english) == phrase


@pytest.mark.parametrize(
    ("text", "english", "iso"),
    [
        ("2021-03-03", "March 3, 2021", "2021-03-03"),
        ("2021/3/3", "March 3, 2021", "2021-03-03"),
        ("12/25/2021", "December 25, 2021", "2021-12-25"),
        ("25/12/2021", "25 December 2021", "2021-12-25"),
        ("3.3.2021", "3 March 2021", "2021-03-03"),
        ("3-Mar-2021", "3 Mar 2021", "2021-03-03"),
        ("wed., 3 mar 2021", "Wednesday, 3 March 2021", "2021-03-03"),
        ("March 3, 2021, Wednesday", "Wednesday, March 3, 2021", "2021-03-03"),
        ("Sept. 1st 1999", "September 1st, 1999", "1999-09-01"),
        ("on March the 3rd, 2021", "March 3rd, 2021", "2021-03-03"),
        ("third of March 2021", "the 3rd of March 2021", "2021-03-03"),
        ("March twenty-first, nineteen oh five", "the twenty-first of March, nineteen oh five", "1905-03-21"),
        ("March 3, two thousand twenty-one", "March 3, 2021", "2021-03-03"),
        ("３ March ２０２１", "3 March 2021", "2021-03-03"),
        ("1,000", "one thousand", "1000"),
        ("42 017", "forty-two thousand and seventeen", "42017"),
        ("a hundred", "one hundred", "100"),
        ("nineteen hundred", "one thousand nine hundred", "1900"),
        ("forty two thousand, and seventeen", "forty-two thousand and seventeen", "42017"),
        ("007", "seven", "7"),
    ],
)
def test_other_forms_are_turned_into_a_trained_form(text, english, iso):
    phrase = read_phrase(text)
    assert (phrase.english, phrase.iso) == (english, iso)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "nothing to read"),
        ("?!", "nothing to read"),
        ("March 3, 2101", "outside the years that the network has learnt, 1900 to 2099"),
        ("1899-12-31", "outside the years"),
        ("3rd March", "'3rd March' has no year"),
        ("March 2021", "has no day"),
        ("2021 March 3", "no day before its month, but '2021'"),
        ("3 March 21", "should have four digits"),
        ("3 March of the year two", "'year' occurs in no date"),
        ("3 March twenty", "year of '3 March twenty' can't be read"),
        ("February 30, 2021", "isn't a day of the calendar"),
        ("2021-02-30", "isn't a day of the calendar"),
        ("Monday, March 3, 2021", "correct the weekday (Wednesday, March 3, 2021)"),
        ("03/04/2021", "could be two dates"),
        ("3 March 2021 and 4 March 2021", "isn't one date or one number"),
        ("42 thousand", "isn't one date or one number"),
        ("3 Mars 2021", "'Mars' occurs in no date"),
        ("le 3 mars", "'le', 'mars' occur in no date"),
        ("2021年3月3日", "occur in no date"),
        ("100,000", "more than 99,999"),
        ("9" * 5000, "more than 99,999"),
        ("1.2." * 500, "1.2. ...' is neither a date nor a whole number"),
        ("one thousand " * 50, "is too long for a date or a number"),
        ("one hundred thousand", "more than 99,999"),
        ("two million", "more than 99,999"),
        ("-5", "neither a date nor a whole number"),
        ("3.5", "neither a date nor a whole number"),
        ("1,00", "neither a date nor a whole number"),
        ("forty and two", "isn't a number"),
        ("a", "isn't a number"),
        ("twenty twenty-one", "isn't a number"),
    ],
)
def test_input_out_of_range_gets_a_sentence(text, told):
    with pytest.raises(UserError) as refusal:
        read_phrase(text)
    assert told in str(refusal.value)


def test_the_first_and_the_last_day_are_read():
    for day in (dates.FIRST, dates.LAST):
        assert read_phrase(day.isoformat()).iso == day.isoformat()
    assert read_phrase("29 February 2000").iso == date(2000, 2, 29).isoformat()
