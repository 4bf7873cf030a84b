"""The bibliography: each work has all its fields, and some chapter cites it."""

import re
from collections import Counter
from pathlib import Path

import pytest
from pybtex.database import BibliographyData, parse_file

BOOK = Path(__file__).resolve().parents[1] / "book"
VENUES = {"journal", "booktitle", "publisher", "institution", "howpublished", "eprint", "url"}
LINKS = {"doi", "eprint", "url"}
IN_LIBRARIES = {"church1991", "hope2010"}  # articles whose journal, volume and pages have to do


@pytest.fixture(scope="module")
def works() -> BibliographyData:
    return parse_file(str(BOOK / "references.bib"))


def cited() -> Counter[str]:
    """How often each work is cited in the chapters."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in BOOK.glob("*.md"))
    roles = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", text)
    return Counter(key.strip() for role in roles for key in role.split(","))


def test_every_work_is_cited_and_every_cited_work_is_listed(works: BibliographyData) -> None:
    assert set(works.entries) == set(cited())


def test_every_work_can_be_found(works: BibliographyData) -> None:
    for key, work in works.entries.items():
        assert work.persons.get("author") and work.fields.get("title"), key
        assert re.fullmatch(r"1[5-9]\d\d|20\d\d", work.fields.get("year", "")), key
        assert re.fullmatch(f"[a-z]+{work.fields['year']}[a-z]*", key), f"{key} is of {work.fields['year']}"
        assert VENUES & set(work.fields), f"{key}: where was it published?"
        assert re.fullmatch(r"10\.\d{4,}/\S+", work.fields.get("doi", "10.1000/x")), f"{key}: a DOI begins with 10."
        assert work.fields.get("url", "https://").startswith("https://"), key
        assert re.fullmatch(r"\d{4}\.\d{4,5}", work.fields.get("eprint", "1234.5678")), f"{key}: an arXiv number"
        if key not in IN_LIBRARIES:
            assert LINKS & set(work.fields) or "publisher" in work.fields, f"{key}: where is it?"


def test_no_link_is_hidden_in_a_text_or_given_twice(works: BibliographyData) -> None:
    for key, work in works.entries.items():
        plain = " ".join(value for field, value in work.fields.items() if field not in LINKS)
        assert not re.search(r"\\url|https?:|arxiv", plain, re.IGNORECASE), f"{key}: use the fields doi, eprint and url"
        assert "arxiv.org" not in work.fields.get("url", ""), f"{key}: use the field eprint"


@pytest.mark.parametrize("field", ["title", "doi", "eprint", "url"])
def test_no_work_is_listed_twice(works: BibliographyData, field: str) -> None:
    values = Counter(re.sub(r"[{}]", "", work.fields.get(field, "")).casefold() for work in works.entries.values())
    assert [value for value, times in values.items() if value and times > 1] == []
