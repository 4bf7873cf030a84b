"""The list of tools is complete and well formed, and the drawing only names tools of the list."""

import importlib.metadata
import itertools
import re
from urllib.parse import urlsplit

import pytest
from packaging.licenses import canonicalize_license_expression
from packaging.requirements import Requirement

from companion import UserError
from companion.chapters import tools

TOOLS = tools.tools()


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_each_tool_says_what_it_is_for_and_what_not(tool):
    assert tool.purpose in tools.PURPOSES
    assert 2 < len(tool.use.split()) < 30 and len(tool.not_for.split()) < 20, "a phrase, to fit a phone"
    assert tool.not_for and not tool.use.endswith(".") and not tool.not_for.endswith(".")
    address = urlsplit(tool.link)
    assert address.scheme == "https" and "." in address.netloc and not address.query


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_each_licence_is_of_the_spdx_list_or_said_in_words(tool):
    for expression in filter(None, (tool.licence, tool.code_licence)):
        assert canonicalize_license_expression(expression).lower() == expression.lower()
    for own in re.findall(r"LicenseRef-[\w-]+", f"{tool.licence} {tool.code_licence}"):
        assert own in tools.IN_WORDS
    assert "LicenseRef" not in tool.terms()


def test_no_tool_occurs_twice_and_each_purpose_has_several():
    for attribute in ("name", "link", "use"):
        values = [getattr(tool, attribute).lower() for tool in TOOLS]
        assert len(set(values)) == len(values), attribute
    for purpose in tools.PURPOSES:
        assert len(tools.tools(purpose)) >= 3


def test_the_article_s_three_are_there():
    assert {"TensorFlow", "Keras", "Deep Learning from Scratch"} <= {tool.name for tool in TOOLS}


def test_licences_agree_with_what_is_installed():
    """If the book itself uses a tool, the list agrees with the package."""
    for package, name in (("scikit-learn", "scikit-learn"), ("numpy", "NumPy"), ("sacrebleu", "sacreBLEU")):
        (tool,) = (tool for tool in TOOLS if tool.name == name)
        assert tool.licence == importlib.metadata.metadata(package)["License-Expression"]


def test_an_unknown_purpose_lists_the_known_ones():
    with pytest.raises(UserError, match="no purpose 'cook'; there are learn, train"):
        tools.tools("cook")


def test_a_table_links_each_tool_once():
    page = tools.table("serve").data
    for tool in tools.tools("serve"):
        assert page.count(f'<a href="{tool.link}">') == 1
    assert "<img" not in page and "src=" not in page


def test_the_packages_that_the_companion_needs():
    rows = tools.stands_on()
    needed = [line for line in importlib.metadata.requires("gate-by-gate-companion") if "extra" not in line]
    assert [name for name, _, _ in rows] == [Requirement(line).name for line in needed]
    assert {"keras", "tensorflow", "numpy"} <= {name for name, _, _ in rows}
    for name, version, licence in rows:
        assert version == importlib.metadata.version(name)
        assert licence and licence not in ("not stated", "UNKNOWN") and len(licence) < 60


def test_the_drawing_names_tools_of_the_list_and_its_words_say_all_of_it():
    names = {tool.name for tool in TOOLS}
    page, words = tools.decision_figure().data, tools.decisions_in_words()
    drawn = " ".join(re.findall(r"<text[^>]*>([^<]*)</text>", page))
    for question, take in tools.DECISIONS:
        assert set(re.split(r", then | or | with ", take)) <= names
        assert question in words and take in words
        assert all(word in drawn for word in f"{question} {take}".split())
    assert 'role="img"' in page and "#" not in re.sub(r"var\([^)]*\)", "", page), "ink of the page only"


def test_the_drawing_s_boxes_stay_inside_and_apart():
    page = tools.decision_figure().data
    _, _, width, height = map(float, re.search(r'viewBox="([^"]+)"', page)[1].split())
    boxes = [
        tuple(map(float, box))
        for box in re.findall(r'<rect class="\w+" x="(.*?)" y="(.*?)" width="(.*?)" height="(.*?)"', page)
    ]
    assert len(boxes) == 2 * len(tools.DECISIONS)
    for x, y, wide, tall in boxes:
        assert x >= 0 and y >= 0 and x + wide <= width and y + tall <= height
    questions = boxes[::2]
    assert all(a[1] + a[3] + 15 < b[1] for a, b in itertools.pairwise(questions)), "room for the arrow"
