"""The palette is readable, tables align their columns, and shared figures show their data."""

import re

import pytest
from contrast import contrast, luminance

from companion import UserError, plotting
from companion.plotting import STRONGEST_TINT
from companion.plotting.tables import typeset


@pytest.mark.parametrize("tint", plotting.TINTS.values())
@pytest.mark.parametrize(
    ("ink", "ground"), [((0x21, 0x28, 0x32), (255, 255, 255)), ((0xCE, 0xD6, 0xDD), (0x12, 0x12, 0x12))]
)
def test_text_on_the_strongest_tint_can_be_read_on_light_and_dark_pages(ink, ground, tint):
    alpha, levels = STRONGEST_TINT, [int(tint[place : place + 2], 16) for place in (1, 3, 5)]
    mixed = tuple((alpha * t + (1 - alpha) * g) / 255 for t, g in zip(levels, ground, strict=True))
    assert contrast(luminance(mixed), luminance([c / 255 for c in ink])) >= 4.5


def test_bars_along_a_text_are_above_their_characters_and_word_beginnings_stand_out():
    ax = plotting.along_text("a bc", [3, 1, 5, 2], "candidates").axes[0]
    assert [bar.get_height() for bar in ax.patches] == [3, 1, 5, 2]
    colours = [bar.get_facecolor() for bar in ax.patches]
    assert colours[0] == colours[2] != colours[1] == colours[3]


def test_a_row_of_dots_has_each_value_on_its_interval():
    rows = {
        "names": {"last": (0.7, 0.6, 0.8), "trained": (0.9, 0.85, 0.95)},
        "prose": {"last": (0.5, 0.4, 0.6)},
        "lines": {"trained": 0.75},
    }
    (ax,) = (figure := plotting.dots(rows, "accuracy", (0, 1), line=(0.5, "guessing"))).axes
    drawn = [line for line in ax.lines if line.get_linestyle() != "--"]
    bars = [list(line.get_xdata()) for line in drawn if len(set(line.get_ydata())) == 1 and line.get_alpha() is None]
    assert [bar for bar in bars if len(bar) == 2] == [[0.6, 0.8], [0.85, 0.95], [0.4, 0.6]]
    assert [bar[0] for bar in bars if len(bar) == 1] == [0.7, 0.9, 0.5, 0.75]
    assert [label.get_text() for label in ax.get_yticklabels()] == list(rows)
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["last", "trained"]
    marks = {line.get_marker() for line in drawn} - {"None"}
    assert marks == set(plotting.figures.MARKS[:2]), "told apart without colour"


def test_dots_name_the_line_that_they_are_compared_with():
    ax = plotting.dots({"names": {"last": 0.7}}, "accuracy", line=(0.5, "guessing")).axes[0]
    (dashed,) = (line for line in ax.lines if line.get_linestyle() == "--")
    assert set(dashed.get_xdata()) == {0.5}
    assert [(text.get_text(), text.get_position()[0]) for text in ax.texts] == [("guessing", 0.5)]


def test_dots_have_at_most_six_series():
    values = {f"series {n}": n for n in range(7)}
    with pytest.raises(UserError, match="There are 7 series; dots can tell 6 apart"):
        plotting.dots({"row": values}, "value")
    values.pop("series 6")
    markers = {line.get_marker() for line in plotting.dots({"row": values}, "value").axes[0].lines} - {"None"}
    assert len(markers) == 6


def test_symbols_are_set_as_in_a_formula():
    _, ax = plotting.axes()
    plotting.label_line(ax, 0, 0, "W_h × 2", plotting.INK)
    assert ax.texts[0].get_text() == "$W_h$ × 2"
    (head, row) = cells(plotting.table(["key", "k_s"], [("b_f = 1", "top_k")]))
    assert [content for _, content in head] == ["key", "<i>k<sub>s</sub></i>"]
    assert [content for _, content in row] == ["<i>b<sub>f</sub></i> = 1", "top_k"]


def test_an_attention_map_has_a_square_for_each_weight_and_escapes_tokens():
    weights = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]
    drawn = plotting.attention_map(["a<b", "march"], ["三", "月", "end"], weights).data
    assert drawn.count("<rect") == 6 and "a&lt;b" in drawn and "月" in drawn
    assert [f'fill-opacity="{w:.2f}"' in drawn for w in (0.25, 0.75, 1, 0, 0.5)] == [True] * 5
    assert "rotate" in drawn and "rotate" not in plotting.attention_map("ab", "cd", [[0, 1], [1, 0]]).data


def cells(table):
    """The kinds and the contents of a table's cells, row by row."""
    rows = re.findall(r"<tr>(.*?)</tr>", table.data)
    return [re.findall(r'<t[hd] class="(\w+)"[^>]*>(.*?)</t[hd]>', row) for row in rows]


def test_columns_of_numbers_are_flush_right_and_text_flush_left():
    rows = [("1", "−0.5 (−1 to 0)", "a<b"), ("2", "–", "3 cats"), ("", 7, "x")]
    found = cells(plotting.table(["n", "share", "word"], rows))
    assert [[kind for kind, _ in row] for row in found] == [["text", "number", "text"]] * 4
    assert found[1][2][1] == "a&lt;b"


def test_cells_of_other_kinds_are_still_escaped():
    assert "&lt;b&gt;" in plotting.table(["x"], [("<b>",)]).data
    assert "<caption>a &amp; b</caption>" in plotting.table(["x"], [("1",)], "a & b").data


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("-0.5", "−0.5"),
        ("(-1 to -0.25)", "(−1 to −0.25)"),
        ("n-gram, 2-gram", "n-gram, 2-gram"),
        ("argmax(axis=-1)", "argmax(axis=-1)"),
        ("4e-01", "0.4"),
        ("1e-06", "0.000001"),
        ("6.7 to 4.6e+07", "6.7 to 46,000,000"),
        ("-2.5e+03", "−2,500"),
        ("50 % (50 to 50)", "50% (50 to 50)"),
        ("5.8 ± 0.4 %", "5.8 ±\xa00.4%"),
    ],
)
def test_a_cell_is_set_as_a_book_sets_it(written, shown):
    assert typeset(written) == shown


def test_decimal_points_stand_below_each_other():
    column = [row[1][1] for row in cells(plotting.table(["", "x"], [("a", "1.25"), ("b", "-10"), ("c", "3.5")]))[1:]]
    point, figure = "\N{PUNCTUATION SPACE}", "\N{FIGURE SPACE}"
    assert column == ["1.25", f"−10{point}{figure * 2}", f"3.5{figure}"]


def test_thousands_have_commas_if_the_column_has_large_numbers():
    def column(*numbers):
        return [row[1][1] for row in cells(plotting.table(["", "x"], [("", n) for n in numbers]))[1:]]

    assert column("18642", 4612618, "1000") == ["18,642", "4,612,618", "1,000"]
    assert column("1995", "2026") == ["1995", "2026"]


def test_equal_cells_of_the_first_column_become_one_if_asked():
    rows = [("a", 1), ("a", 2), ("b", 3)]
    assert plotting.table(["", "n"], rows, together=True).data.count('rowspan="2"') == 1
    assert "rowspan" not in plotting.table(["", "n"], rows).data


def test_a_head_without_a_name_is_no_head():
    assert plotting.table(["", "n"], [("a", 1)]).data.count("<th ") == 1


def test_columns_have_the_widths_that_are_asked_for():
    table = plotting.table(["tool", "use"], [("a", "b")], widths=(30, 70)).data
    assert re.findall(r'<col style="width: (\d+)%">', table) == ["30", "70"]
    assert "<col" not in plotting.table(["tool"], [("a",)]).data
    with pytest.raises(UserError, match="There are 1 widths and 2 columns"):
        plotting.table(["tool", "use"], [("a", "b")], widths=(30,))


def test_a_row_that_does_not_fit_its_header_is_refused():
    with pytest.raises(UserError, match="A row has 2 cells and the head 1: "):
        plotting.table(["x"], [("1",), ("2", "3")])
