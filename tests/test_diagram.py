"""The drawing of the cell: always the same layout, the right part lit, and described for those who don't see it."""

import re
import xml.etree.ElementTree as ET

import pytest

from companion.errors import UserError
from companion.plotting import PARTS, cell_diagram, cell_svg

SVG = "{http://www.w3.org/2000/svg}"
VALUES = dict.fromkeys(("x", "h_before", "c_before", "i", "keep", "write", "c", "tanh_c", "h"), 0.5)
VALUES |= {"f": 0.25, "o": 1.0, "g": -0.5}


def groups(lit: str) -> list[tuple[str, bool]]:
    svg = ET.fromstring(cell_svg(lit))
    return [(g.get("class", "").removesuffix(" on"), g.get("class", "").endswith(" on")) for g in svg.iter(f"{SVG}g")]


def shapes(lit: str) -> str:
    """The drawing without its classes, title and description."""
    return re.sub(r"<title.*</desc>|class=\"[^\"]*\"|aria-labelledby=\"[^\"]*\"", "", cell_svg(lit))


def test_the_layout_is_always_the_same():
    assert len({shapes(lit) for lit in PARTS}) == 1


@pytest.mark.parametrize(
    ("lit", "of"),
    [
        ("forget", {"of-forget", "of-cell", "of-ink"}),
        ("input", {"of-input", "of-cell", "of-ink"}),
        ("candidate", {"of-candidate", "of-input", "of-cell", "of-ink"}),
        ("write", {"of-candidate", "of-input", "of-cell", "of-ink"}),
        ("output", {"of-output", "of-ink"}),
        ("cell", {"of-cell"}),
    ],
)
def test_only_the_part_under_discussion_is_lit(lit, of):
    assert {colour for colour, on in groups(lit) if on} == of


def test_everything_or_a_part():
    assert all(on for _, on in groups("all"))
    assert 0 < sum(on for _, on in groups("forget")) < len(groups("forget")) / 2
    with pytest.raises(UserError, match="no part 'gate'; there are all, forget"):
        cell_diagram("gate")
    with pytest.raises(UserError, match="has no number 'h'"):
        cell_diagram(values={name: value for name, value in VALUES.items() if name != "h"})


@pytest.mark.parametrize("lit", PARTS)
def test_it_says_what_it_shows(lit):
    svg = ET.fromstring(cell_svg(lit, name="page"))
    title, about = svg.get("aria-labelledby", "").split()
    assert svg.get("role") == "img" and {e.get("id") for e in svg if e.get("id")} == {title, about}
    assert PARTS[lit] in svg.find(f"{SVG}desc").text


def test_the_numbers_and_how_far_the_gates_are_open():
    svg = ET.fromstring(cell_svg(values=VALUES))
    shown = {text.get("data-show"): text.text for text in svg.iter(f"{SVG}text") if text.get("data-show")}
    assert shown.keys() == VALUES.keys() and shown["g"] == "−0.50" and shown["f"] == "0.25"
    levels = {r.get("data-level"): (r.get("y"), r.get("height")) for r in svg.iter(f"{SVG}rect") if r.get("data-level")}
    assert levels == {
        "f": ("198.00", "16.00"),
        "i": ("182.00", "32.00"),
        "o": ("150.00", "64.00"),
        "g": ("182.00", "16.00"),
    }
