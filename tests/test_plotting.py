"""The palette is readable, tables align their columns, and shared figures show their data."""

import re

import pytest
from contrast import contrast, luminance

from companion import UserError, plotting
from companion.plotting import STRONGEST_TINT


@pytest.mark.parametrize(
    ("ink", "ground"), [((0x21, 0x28, 0x32), (255, 255, 255)), ((0xCE, 0xD6, 0xDD), (0x12, 0x12, 0x12))]
)
def test_text_on_the_strongest_tint_can_be_read_on_light_and_dark_pages(ink, ground):
    alpha, tint = STRONGEST_TINT, (213, 94, 0)
    mixed = tuple((alpha * t + (1 - alpha) * g) / 255 for t, g in zip(tint, ground, strict=True))
    assert contrast(luminance(mixed), luminance([c / 255 for c in ink])) >= 4.5


def test_bars_along_a_text_are_above_their_characters_and_word_beginnings_stand_out():
    ax = plotting.along_text("a bc", [3, 1, 5, 2], "candidates").axes[0]
    assert [bar.get_height() for bar in ax.patches] == [3, 1, 5, 2]
    colours = [bar.get_facecolor() for bar in ax.patches]
    assert colours[0] == colours[2] != colours[1] == colours[3]


def test_an_attention_map_has_a_square_for_each_weight_and_escapes_tokens():
    weights = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]
    drawn = plotting.attention_map(["a<b", "march"], ["三", "月", "end"], weights).data
    assert drawn.count("<rect") == 6 and "a&lt;b" in drawn and "月" in drawn
    assert [f'fill-opacity="{w:.2f}"' in drawn for w in (0.25, 0.75, 1, 0, 0.5)] == [True] * 5


def test_columns_of_numbers_are_flush_right_and_text_flush_left():
    table = plotting.html_table(
        ["n", "share", "word"], [("1", "−0.5 (−1 to 0)", "a<b"), ("2", "–", "3 cats"), ("", 7, "x")]
    )
    sides = re.findall(r'<t([hd]) style="text-align:(\w+)">', table.data)
    assert [side for _, side in sides] == ["left", "right", "left"] * 4 and "a&lt;b" in table.data


def test_cells_of_other_kinds_are_still_escaped():
    assert "&lt;b&gt;" in plotting.html_table(["x"], [("<b>",)]).data


def test_a_row_that_does_not_fit_its_header_is_refused():
    with pytest.raises(UserError, match="A row has 2 cells and the header 1: "):
        plotting.html_table(["x"], [("1",), ("2", "3")])
