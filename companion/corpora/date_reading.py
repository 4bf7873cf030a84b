"""Dates and numbers as a reader writes them, parsed by rules.

`read_phrase` is the inverse of `companion.corpora.dates`: it finds the day or the number that is meant, and returns it
as a phrase in one of the written forms that the network has learnt, with the true translations. Chapter: *translation*.
"""

import re
import unicodedata
from datetime import date

from companion.corpora.dates import FIRST, LARGEST, LAST, Phrase, date_phrase, number_phrase, ordinal, spell_english
from companion.errors import UserError, check_text, shown

LONGEST = 200  # characters, more than any date or number needs
EXAMPLES = "'3 March 2021', '2021-03-03', 'forty-two thousand and seventeen' or '42,017'"

_MONTHS, _WEEKDAYS = (
    names.split()
    for names in (
        "january february march april may june july august september october november december",
        "monday tuesday wednesday thursday friday saturday sunday",
    )
)
_SHORT_MONTHS = {name[:3]: name for name in _MONTHS} | {"sept": "september"}
_SHORT_WEEKDAYS = {name[:3]: name for name in _WEEKDAYS}
_SHORT_WEEKDAYS |= {"tues": "tuesday", "thur": "thursday", "thurs": "thursday"}
_BELOW_HUNDRED = {spell_english(n): n for n in range(100)}
_ORDINALS = {ordinal(n): n for n in range(1, 32)}
_NUMBER_WORDS = {word for spelt in _BELOW_HUNDRED for word in spelt.split("-")} | {"hundred", "thousand", "and", "a"}


def read_phrase(text: str) -> Phrase:
    """A date or a number, in the nearest of the written forms of `companion.corpora.dates`, with its translations.

    A date has its month as a word, before or after the day, or is year, month, day in digits (day and month in either
    order before the year, if only one order is possible). A number is in words or in digits.

    Parameters
    ----------
    text
        English, in any case.

    Examples
    --------
    >>> read_phrase("2021-03-03")
    Phrase(english='March 3, 2021', zh='2021年3月3日', iso='2021-03-03')
    >>> read_phrase("wed., 3 mar 2021").english
    'Wednesday, 3 March 2021'
    >>> read_phrase("42,017")
    Phrase(english='forty-two thousand and seventeen', zh='四万二千零一十七', iso='42017')

    Raises
    ------
    UserError
        The text is empty or is neither a date nor a number, a part is missing, the day doesn't exist or has a different
        weekday, or the value is out of range.
    """
    check_text(text)
    text = " ".join(unicodedata.normalize("NFKC", text).replace("’", "'").split()).rstrip(".!?, ")
    if not text:
        raise UserError(f"There is nothing to read; give a date or a number in English, such as {EXAMPLES}.")
    words = re.findall(r"[^\W\d_]+", text.lower())
    if not words:
        return _read_digits(text)
    if len(text) > LONGEST:
        raise _refusal(f"{shown(text)} is too long for a date or a number")
    if all(word in _NUMBER_WORDS for word in words) and not re.search(r"\d", text):
        return _read_number(text)
    return _read_date(text)


def _refusal(what: str) -> UserError:
    return UserError(f"{what}; write it in English, like {EXAMPLES}.")


# ------------------------------------------------------------------------------------------------------------
# Numbers


def _read_digits(text: str) -> Phrase:
    """A text without words: a number, or a date such as 2021-03-03 or 25/12/2021."""
    if found := re.fullmatch(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})", text):
        return date_phrase(_day(text, int(found[1]), int(found[3]), int(found[4])), "en_US long")
    if found := re.fullmatch(r"(\d{1,2})([-/.])(\d{1,2})\2(\d{4})", text):
        first, second, year = int(found[1]), int(found[3]), int(found[4])
        if first != second and max(first, second) <= 12:
            raise _refusal(f"{text!r} could be two dates, since some write the day first and some the month")
        month, day = (first, second) if second > 12 else (second, first)
        return date_phrase(_day(text, year, month, day), "en_US long" if second > 12 else "en_GB long")
    if not re.fullmatch(r"\d{1,3}([,' ])\d{3}(\1\d{3})*|\d+", text):
        raise _refusal(f"{shown(text)} is neither a date nor a whole number from 0 to {LARGEST:,}")
    number = re.sub(r"\D", "", text)
    return _number(text, int(number) if len(number) < 20 else LARGEST + 1)


def _number(text: str, n: int, joined: str = " and ") -> Phrase:
    if n > LARGEST:
        raise _refusal(f"{shown(text)} is more than {LARGEST:,}, the largest number that the network has learnt")
    return number_phrase(n, joined)


def _read_number(text: str) -> Phrase:
    words = re.sub(r"\ba(?= (hundred|thousand)\b)", "one", text.lower()).replace("thousand,", "thousand")
    n = _value(re.split("[- ]", words))
    if n is None:
        raise _refusal(f"{text!r} isn't a number")
    return _number(text, n, " and " if " and " in words else " ")


def _value(words: list[str]) -> int | None:
    """The number below a million that words spell; None if they don't."""
    head, thousand, rest = _cut(words, "thousand")
    if not thousand:
        return _hundreds(words, 99)  # nineteen hundred
    thousands, below = _hundreds(head, 9), _hundreds(rest, 9) if rest else 0
    return None if not thousands or below is None or (rest and not below) else 1000 * thousands + below


def _hundreds(words: list[str], most: int) -> int | None:
    """The number of at most ``most`` hundreds; None for those said with "thousand" (no "twenty hundred")."""
    head, hundred, rest = _cut(words, "hundred")
    if not hundred:
        return _BELOW_HUNDRED.get("-".join(words))
    hundreds, below = _BELOW_HUNDRED.get("-".join(head)), _BELOW_HUNDRED.get("-".join(rest)) if rest else 0
    if not hundreds or hundreds > most or (hundreds > 9 and hundreds % 10 == 0):
        return None
    return None if below is None or (rest and not below) else 100 * hundreds + below


def _cut(words: list[str], unit: str) -> tuple[list[str], bool, list[str]]:
    """The words before and after a unit, without the "and" that may follow it."""
    if unit not in words:
        return words, False, []
    place = words.index(unit)
    rest = words[place + 1 :]
    return words[:place], True, rest[1:] if rest[:1] == ["and"] and len(rest) > 1 else rest


# ------------------------------------------------------------------------------------------------------------
# Dates


def _read_date(text: str) -> Phrase:
    """A text with words that aren't all numbers: a date whose month is a word."""
    spaced = re.sub(r"(?<=\d)[-/](?=[a-z])|(?<=[a-z])[-/](?=\d)", " ", text.lower())  # 3-Mar-2021
    tokens = re.findall(r"\d+|[^\W\d_]+|[^\w\s]|_", spaced)
    weekdays = [_SHORT_WEEKDAYS.get(token, token) for token in tokens if token in _WEEKDAYS or token in _SHORT_WEEKDAYS]
    tokens = [token for token in tokens if token not in _WEEKDAYS and token not in _SHORT_WEEKDAYS]
    months = [place for place, token in enumerate(tokens) if token in _MONTHS or token in _SHORT_MONTHS]
    known = {*_MONTHS, *_SHORT_MONTHS, *_NUMBER_WORDS, "of", "the", "on", "o", "oh"}
    known |= {"st", "nd", "rd", "th", *(part for spelt in _ORDINALS for part in spelt.split("-"))}
    unknown = [token for token in dict.fromkeys(tokens) if token.isalpha() and token not in known]
    if unknown and set(unknown) <= {"million", "billion", "trillion"}:
        raise _refusal(f"{text!r} is more than {LARGEST:,}, the largest number that the network has learnt")
    if unknown:
        typed = {word.lower(): word for word in re.findall(r"[^\W\d_]+", text)}
        named = ", ".join(repr(typed.get(word, word)) for word in unknown)
        raise _refusal(f"{named} {'occurs' if len(unknown) == 1 else 'occur'} in no date and no number")
    if len(months) != 1 or len(weekdays) > 1:
        raise _refusal(f"{text!r} isn't one date or one number in digits or in words")
    month = _SHORT_MONTHS.get(tokens[months[0]], tokens[months[0]])
    day, suffix, rest, month_first = _split(text, tokens, months[0])
    year, year_in_words = _year(text, rest)
    found = _day(text, year, _MONTHS.index(month) + 1, day)
    if weekdays and weekdays[0] != _WEEKDAYS[found.weekday()]:
        real = date_phrase(found).english
        raise UserError(f"{text!r} isn't a day of the calendar; correct the weekday ({real}) or leave it out.")
    if weekdays:
        style = "en_US full" if month_first else "en_GB full"
    elif suffix == "words" and year_in_words:
        style = "in words"
    elif suffix:
        style = "March 3rd, 2021" if month_first else "the 3rd of March 2021"
    else:
        length = "long" if tokens[months[0]] in _MONTHS else "medium"
        style = f"en_US {length}" if month_first else f"en_GB {length}"
    return date_phrase(found, style)


def _split(text: str, tokens: list[str], month: int) -> tuple[int, str, list[str], bool]:
    """The day, its ending ("st", "words", ...), the tokens of the year, and whether the month comes first."""
    before, after = tokens[:month], tokens[month + 1 :]
    before = [token for token in before if token not in (",", ".", "the", "of", "on")]
    after = [token for token in after if token not in (",", ".", "the", "of", "on")]
    month_first = not before
    given = after if month_first else before
    day, suffix, used = _day_number(given)
    if day is None:
        missing = "no day" if month_first else f"no day before its month, but {' '.join(before)!r}"
        raise _refusal(f"{text!r} has {missing}")
    if not month_first and used < len(before):
        raise _refusal(f"{text!r} has more before its month than a day")
    return day, suffix, after[used:] if month_first else after, month_first


def _day_number(tokens: list[str]) -> tuple[int | None, str, int]:
    """The day at the beginning of tokens, its ending, and how many tokens it takes."""
    if tokens and tokens[0].isdigit() and len(tokens[0]) <= 2:
        if tokens[1:2] and tokens[1] in ("st", "nd", "rd", "th"):
            return int(tokens[0]), tokens[1], 2
        return int(tokens[0]), "", 1
    for length in (3, 2, 1):
        spelt = "-".join(token for token in tokens[:length] if token != "-")
        if spelt in _ORDINALS:
            return _ORDINALS[spelt], "words", min(length, len(tokens))
    return None, "", 0


def _year(text: str, tokens: list[str]) -> tuple[int, bool]:
    """The year, and whether it is in words."""
    if not tokens:
        raise _refusal(f"{text!r} has no year")
    if len(tokens) == 1 and tokens[0].isdigit():
        if len(tokens[0]) != 4:
            raise _refusal(f"The year of {text!r} should have four digits")
        return int(tokens[0]), False
    words = [token for token in tokens if token != "-"]
    year = _value(words)
    if year is None and len(words) > 1:  # twenty twenty-one, nineteen oh five
        century, gap = _BELOW_HUNDRED.get(words[0]), words[1] in ("oh", "o")
        rest = _BELOW_HUNDRED.get("-".join(words[1 + gap :]), 0)
        year = 100 * century + rest if century and rest and (rest < 10) == gap else None
    if year is None or year < 1000:
        raise _refusal(f"The year of {text!r} can't be read")
    return year, True


def _day(text: str, year: int, month: int, day: int) -> date:
    try:
        found = date(year, month, day)
    except ValueError:
        raise UserError(f"{text!r} isn't a day of the calendar; give one from {FIRST} to {LAST}.") from None
    if not FIRST <= found <= LAST:
        raise UserError(f"{text!r} is outside the years that the network has learnt, {FIRST.year} to {LAST.year}.")
    return found
