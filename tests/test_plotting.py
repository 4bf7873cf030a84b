"""The figures that decide something: what is tinted how strongly, which characters stand in which window."""

import re

import pytest

from companion import plotting


@pytest.mark.parametrize(
    ("bits", "step"), [(0.0, 0), (0.99, 0), (1.0, 1), (3.7, 3), (6.0, 6), (25.0, 6)], ids=lambda value: str(value)
)
def test_a_character_is_tinted_by_its_bits(bits, step):
    page = plotting.tinted_text("x", [bits], "one character").data
    assert re.search(r'<span class="bits-(\d)" title="([\d.]+) bits">x</span>', page).groups() == (
        str(step),
        f"{bits:.1f}",
    )


def test_tinted_text_keeps_every_character_and_its_markup_is_its_own():
    text = 'Say <b>"so"</b> & go\n  on'
    page = plotting.tinted_text(text, [0.5] * len(text), 'a "label"').data
    assert 'aria-label="a &quot;label&quot;"' in page and 'role="img"' in page
    shown = re.sub(r"<[^>]+>", "", page.split("<pre")[1].split(">", 1)[1].split("</pre>")[0])
    assert shown == "Say &lt;b&gt;&quot;so&quot;&lt;/b&gt; &amp; go\n  on"


def test_tinted_text_needs_one_number_a_character():
    with pytest.raises(ValueError):
        plotting.tinted_text("abc", [1.0, 2.0], "too few")


def luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("ink", "ground"), [((0x21, 0x28, 0x32), (255, 255, 255)), ((0xCE, 0xD6, 0xDD), (0x12, 0x12, 0x12))]
)
def test_text_on_the_strongest_tint_can_be_read_on_light_and_dark_pages(ink, ground):
    alpha, tint = plotting.COST_STRONGEST, (213, 94, 0)
    mixed = tuple((alpha * t + (1 - alpha) * g) / 255 for t, g in zip(tint, ground, strict=True))
    light, dark = sorted((luminance(mixed), luminance(tuple(c / 255 for c in ink))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_streams_are_drawn_as_training_reads_them():
    figure = plotting.streams("abcdefghijklm", batch_size=2, window=3)
    drawn = [text.get_text() for text in figure.axes[0].texts]
    letters = [text for text in drawn if len(text) == 1]
    assert letters == list("abcghidefjkl")  # update 1 reads abc and ghi, update 2 goes on with def and jkl
    assert [text for text in drawn if text.startswith("update")] == ["update 1", "update 2"]


def test_candidates_and_all_others_make_a_whole():
    figure = plotting.candidate_bars(["e", " "], {"T = 1": [0.5, 0.3], "T = 2": [0.4, 0.35]})
    assert len(figure.axes) == 2
    for ax in figure.axes:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)
        assert [label.get_text() for label in ax.get_xticklabels()] == ["e", "·", "…"]


def test_bars_along_a_text_stand_above_their_characters_and_word_beginnings_stand_out():
    ax = plotting.along_text("a bc", [3, 1, 5, 2], "candidates").axes[0]
    assert [bar.get_height() for bar in ax.patches] == [3, 1, 5, 2]
    colours = [bar.get_facecolor() for bar in ax.patches]
    assert colours[0] == colours[2] != colours[1] == colours[3]


def test_the_trade_off_has_a_curve_a_way_and_real_text_apart():
    curves = {"temperature": [("0.5", 0.4, 1.5), ("1", 0.8, 2.0)], "top_p": [("0.9", 0.7, 1.7)]}
    ax = plotting.trade_off(curves, (0.85, 1.9), "bits").axes[0]
    temperature, top_p, real = ax.lines
    assert temperature.get_xydata().tolist() == [[0.4, 1.5], [0.8, 2.0]]
    assert top_p.get_xydata().tolist() == [[0.7, 1.7]]
    assert real.get_xydata().tolist() == [[0.85, 1.9]]


def test_a_bar_for_each_gate_and_word():
    values = {"f": [0.9, 0.1], "i": [0.2, 1.0], "g": [-1.0, 1.0], "o": [0.0, 0.5], "c": [-0.2, 0.9]}
    figure = plotting.gate_bars(["dogs", "that"], values)
    heights = [[bar.get_height() for bar in ax.patches] for ax in figure.axes]
    assert heights == list(values.values())
    assert [ax.get_ylabel() for ax in figure.axes][::4] == ["forget $f_t$", "memory $c_t$"]
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["dogs", "that"]


def test_an_attention_map_has_a_square_for_each_weight_and_escapes_tokens():
    weights = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]
    drawn = plotting.attention_map(["a<b", "march"], ["三", "月", "end"], weights).data
    assert drawn.count("<rect") == 6 and "a&lt;b" in drawn and "月" in drawn
    assert [f'fill-opacity="{w:.2f}"' in drawn for w in (0.25, 0.75, 1, 0, 0.5)] == [True] * 5


def test_what_was_copied_and_what_was_written():
    figure = plotting.copied_and_generated(["the", "heap"], [0.3, 0.1], [0.1, 0.3], ["a", "heap"])
    widths = [round(bar.get_width(), 6) for bar in figure.axes[0].patches]
    assert widths == [0.75, 0.25, 0.25, 0.75], "the two parts of each token make up the whole bar"
    assert {"the", "heap", "a"} <= {text.get_text() for text in figure.axes[0].texts}
