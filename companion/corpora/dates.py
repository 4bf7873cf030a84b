"""Dates and numbers as people write them in English, with translations into Chinese and ISO 8601.

The task is closed: there is one right answer, and a program can give it. Dates are written by Babel from Unicode's
CLDR, the tables that phones and browsers use, and in a few styles of speech; numbers in words are spelt out here. The
first token of a source says what it should become, ``<zh>`` or ``<iso>`` (Johnson et al. 2017, section 3).

A day or a number belongs to one part, training, validation or test, whatever the style, so what is tested was not
seen in training in any style. Chapter: *translation*.
"""

import itertools
import numbers
import re
import zlib
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np

from companion.errors import UserError

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
LARGEST = 99_999
TO = ("zh", "iso")
PARTS = ("training", "validation", "test")
TRAINING_PHRASES, HELD_OUT_PHRASES = 240_000, 1_000

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_ROUND = "- - twenty thirty forty fifty sixty seventy eighty ninety"
_ONES, _TENS = _SMALL.split(), _ROUND.split()
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth"}
_ORDINALS |= {"twelve": "twelfth", "twenty": "twentieth", "thirty": "thirtieth"}
_DIGITS, _PLACES = "零一二三四五六七八九", ("", "十", "百", "千")


class Phrase(NamedTuple):
    """One thing to translate: how it is written in English, and its two translations."""

    english: str
    zh: str
    iso: str


# ------------------------------------------------------------------------------------------------------------
# Numbers in words


def spell_english(n: int, joined: str = " and ") -> str:
    """A number from 0 to 99,999 in English words.

    >>> spell_english(42_017)
    'forty-two thousand and seventeen'
    >>> spell_english(305, joined=" ")
    'three hundred five'
    """
    _check_number(n)
    if n < 20:
        return _ONES[n]
    if n < 100:
        return _TENS[n // 10] + (f"-{_ONES[n % 10]}" if n % 10 else "")
    size, word = (1000, "thousand") if n >= 1000 else (100, "hundred")
    head, rest = f"{spell_english(n // size, joined)} {word}", n % size
    if not rest:
        return head
    return head + (joined if rest < 100 else " ") + spell_english(rest, joined)


def spell_chinese(n: int) -> str:
    """A number from 0 to 99,999 in Chinese characters; it counts in ten thousands, 万, and says 零 for a gap.

    >>> [spell_chinese(n) for n in (7, 14, 305, 42_017, 90_500)]
    ['七', '十四', '三百零五', '四万二千零一十七', '九万零五百']
    """
    _check_number(n)
    if n >= 10_000:
        rest = n % 10_000
        return _DIGITS[n // 10_000] + "万" + ("零" if 0 < rest < 1000 else "") + (_below(rest) if rest else "")
    return _below(n)[1:] if 10 <= n < 20 else _below(n)  # 十四, not 一十四


def _below(n: int) -> str:
    """Below 10,000: each digit with its place, one 零 for the zeros between two digits."""
    digits = str(n)
    parts = [
        _DIGITS[int(digit)] + (_PLACES[place] if digit != "0" else "")
        for digit, place in zip(digits, reversed(range(len(digits))), strict=True)
    ]
    return re.sub("零+", "零", "".join(parts)).rstrip("零") or "零"


def _check_number(n: int) -> None:
    if not isinstance(n, numbers.Integral) or not 0 <= n <= LARGEST:
        raise UserError(f"The number is {n}; it should be a whole number from 0 to {LARGEST:,}.")


def ordinal(n: int) -> str:
    """``21`` is ``twenty-first``."""
    head, hyphen, last = spell_english(n).rpartition("-")
    return head + hyphen + _ORDINALS.get(last, last + "th")


def _year_in_words(year: int) -> str:
    if 2000 <= year < 2010:
        return spell_english(year)
    rest = year % 100
    tail = "hundred" if not rest else f"oh {_ONES[rest]}" if rest < 10 else spell_english(rest)
    return f"{spell_english(year // 100)} {tail}"


def _suffix(day: int) -> str:
    return "th" if 10 < day < 14 else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


# ------------------------------------------------------------------------------------------------------------
# Phrases
FULL = ("en_US full", "en_GB full")
STYLES = (
    *FULL,
    "en_US long",
    "en_US medium",
    "en_GB long",
    "en_GB medium",
    "March 3rd, 2021",
    "the 3rd of March 2021",
    "in words",
)


def date_phrase(day: date, style: str = "en_US full") -> Phrase:
    """A day in one of the `STYLES`, with its translations; the weekday is translated where it is written.

    >>> date_phrase(date(2021, 3, 3))
    Phrase(english='Wednesday, March 3, 2021', zh='2021年3月3日星期三', iso='2021-03-03')
    >>> date_phrase(date(1984, 5, 21), "in words").english
    'the twenty-first of May, nineteen eighty-four'

    Raises
    ------
    UserError
        There is no such style.
    """
    from babel.dates import format_date

    if style not in STYLES:
        raise UserError(f"There is no style {style!r}; there are {', '.join(STYLES)}.")
    month = format_date(day, "MMMM", "en_US")
    if style.startswith("en_"):
        locale, length = style.split()
        english = format_date(day, length, locale)
    elif style == "in words":
        english = f"the {ordinal(day.day)} of {month}, {_year_in_words(day.year)}"
    elif style.startswith("the"):
        english = f"the {day.day}{_suffix(day.day)} of {month} {day.year}"
    else:
        english = f"{month} {day.day}{_suffix(day.day)}, {day.year}"
    chinese = format_date(day, "full" if style.endswith("full") else "long", "zh_Hans_CN")
    return Phrase(english, chinese, day.isoformat())


def number_phrase(n: int, joined: str = " and ") -> Phrase:
    """A number in words, with its translations.

    >>> number_phrase(42_017)
    Phrase(english='forty-two thousand and seventeen', zh='四万二千零一十七', iso='42017')
    """
    return Phrase(spell_english(n, joined), spell_chinese(n), str(n))


def part_of(value: date | int) -> str:
    """The part that a day or a number belongs to: test for one in twenty, validation for another.

    >>> [part_of(date(2021, 3, day)) for day in (1, 2, 3)]
    ['training', 'training', 'test']
    """
    return {0: "test", 1: "validation"}.get(zlib.crc32(str(value).encode()) % 20, "training")


def draw(seed: int, part: str = "training") -> Iterator[Phrase]:
    """Endless phrases of one part: about three dates for every two numbers.

    A third of the dates are written in full, with the weekday; short numbers are as likely as long ones.

    Raises
    ------
    UserError
        There is no such part.
    """
    if part not in PARTS:
        raise UserError(f"There is no part {part!r}; there are {', '.join(PARTS)}.")
    rng = np.random.default_rng([seed, PARTS.index(part)])
    days = (LAST - FIRST).days + 1
    while True:
        if rng.random() < 0.6:
            day = FIRST + timedelta(int(rng.integers(days)))
            styles = FULL if rng.random() < 1 / 3 else STYLES[len(FULL) :]
            style = styles[rng.integers(len(styles))]
            if part_of(day) == part:
                yield date_phrase(day, style)
        else:
            n = int(rng.integers(10 ** int(rng.integers(1, 6))))
            joined = (" and ", " ")[rng.integers(2)]
            if part_of(n) == part:
                yield number_phrase(n, joined)


def held_out_phrases(part: str = "test", n: int = HELD_OUT_PHRASES) -> list[Phrase]:
    """``n`` different phrases of a part, the same ones every time."""
    different = dict.fromkeys(itertools.islice(draw(0, part), 2 * n))
    return list(different)[:n]


# ------------------------------------------------------------------------------------------------------------
# Tokens and pairs


def english_tokens(text: str) -> list[str]:
    """Words in lower case, digits one by one, other signs.

    >>> english_tokens("Wed, March 23rd")
    ['wed', ',', 'march', '2', '3', 'rd']
    """
    return re.findall(r"\d|[^\W\d_]+|[^\w\s]|_", text.lower())


def source_tokens(text: str, to: str) -> list[str]:
    """What the network reads: a token for the target, then the text.

    Raises
    ------
    UserError
        The target is neither ``zh`` nor ``iso``.
    """
    if to not in TO:
        raise UserError(f"There is no target {to!r}; there are {' and '.join(TO)}.")
    return [f"<{to}>", *english_tokens(text)]


def token_pairs(phrases: Iterable[Phrase]) -> list[tuple[list[str], list[str]]]:
    """Source and target tokens of each phrase, the two targets in turn."""
    turns = zip(phrases, itertools.cycle(TO), strict=False)
    return [(source_tokens(phrase.english, to), list(getattr(phrase, to))) for phrase, to in turns]
