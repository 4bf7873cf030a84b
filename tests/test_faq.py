"""The questions: there are enough, answers are short, and each links to a chapter that exists."""

import re
from pathlib import Path

import pytest
import yaml

BOOK = Path(__file__).resolve().parents[1] / "book"
PAGE = (BOOK / "faq.md").read_text(encoding="utf-8")


def answers() -> dict[str, str]:
    """Each question and the source of its answer."""
    _, *parts = re.split(r"^### (.+)$", PAGE, flags=re.MULTILINE)
    cut = (re.split(r"^## ", part, flags=re.MULTILINE)[0] for part in parts[1::2])
    return dict(zip(parts[::2], cut, strict=True))


ANSWERS = answers()


def prose(answer: str) -> str:
    """An answer without cells, labels and the addresses of links."""
    text = re.sub(r"^```.*?^```$", "", answer, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"^\(faq-.*\)=$", "", text, flags=re.MULTILINE)
    return re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", text)


def links(answer: str) -> list[tuple[str, str]]:
    """Chapter and section of each link into the book."""
    to_sections = re.findall(r"\]\(([\w-]+)\.md(?:#([\w-]+))?\)", answer)
    return to_sections + [(name, "") for name in re.findall(r"\{doc\}`(?:[^`<]*<)?([\w-]+)>?`", answer)]


def sections(chapter: str) -> set[str]:
    """The anchors that MyST gives the headings of a chapter."""
    source = (BOOK / f"{chapter}.md").read_text(encoding="utf-8")
    without_code = re.sub(r"^```\{code-cell.*?^```$", "", source, flags=re.DOTALL | re.MULTILINE)
    titles = re.findall(r"^#{1,3} (.+)$", without_code, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-") for title in titles}


def test_there_are_enough_questions_and_the_article_s_comes_first():
    assert len(ANSWERS) >= 26
    assert "NLP" in next(iter(ANSWERS))
    assert all(question.endswith(("?", "Why?")) or "?" in question for question in ANSWERS)


def test_every_question_can_be_linked():
    labels = re.findall(r"^\((faq-[\w-]+)\)=\n### ", PAGE, re.MULTILINE)
    assert len(labels) == len(set(labels)) == len(ANSWERS)


@pytest.mark.parametrize("question", ANSWERS)
def test_each_answer_is_short(question):
    assert 10 <= len(prose(ANSWERS[question]).split()) <= 150


@pytest.mark.parametrize("question", ANSWERS)
def test_each_answer_leads_into_a_chapter(question):
    contents = yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8"))
    chapters = {entry["file"] for part in contents["parts"] for entry in part["chapters"]} - {"faq", "references"}
    found = links(ANSWERS[question])
    assert found, "no way into a chapter"
    for chapter, section in found:
        assert chapter in chapters, f"there is no chapter {chapter}"
        assert not section or section in sections(chapter), f"{chapter} has no section {section}"


def test_the_list_of_questions_comes_before_the_first():
    assert PAGE.index("{contents}") < PAGE.index("## ")
