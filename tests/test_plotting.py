"""The figures that decide something: what is tinted how strongly, which characters stand in which window."""

import re

import pytest

from companion import plotting
from companion.chapters.gates import gate_bars
from companion.chapters.generation import candidate_bars, trade_off
from companion.chapters.inside import signed_text
from companion.chapters.question_answering import looks
from companion.chapters.recurrence import unrolled
from companion.chapters.summarisation import copied_and_generated
from companion.plotting import STRONGEST_TINT, streams, tinted_text


@pytest.mark.parametrize(
    ("bits", "step"), [(0.0, 0), (0.99, 0), (1.0, 1), (3.7, 3), (6.0, 6), (25.0, 6)], ids=lambda value: str(value)
)
def test_a_character_is_tinted_by_its_bits(bits, step):
    page = tinted_text("x", [bits], "one character").data
    assert re.search(r'<span class="bits-(\d)" title="([\d.]+) bits">x</span>', page).groups() == (
        str(step),
        f"{bits:.1f}",
    )


def test_tinted_text_keeps_every_character_and_its_markup_is_its_own():
    text = 'Say <b>"so"</b> & go\n  on'
    page = tinted_text(text, [0.5] * len(text), 'a "label"').data
    assert 'aria-label="a &quot;label&quot;"' in page and 'role="img"' in page
    shown = re.sub(r"<[^>]+>", "", page.split("<pre")[1].split(">", 1)[1].split("</pre>")[0])
    assert shown == "Say &lt;b&gt;&quot;so&quot;&lt;/b&gt; &amp; go\n  on"


@pytest.mark.parametrize(
    ("value", "kind"), [(-7.0, "tint-n5"), (-0.5, "tint-n2"), (0.05, ""), (0.31, "tint-p2"), (1.0, "tint-p5")]
)
def test_a_signed_tint_has_a_side_and_a_strength(value, kind):
    page = signed_text("x", [value], "one character").data
    assert re.search(r'<span(?: class="([\w-]+)")? title="([^"]+)">x</span>', page).groups() == (
        kind or None,
        f"{value:+.2f}",
    )


def test_signed_text_keeps_every_character_and_names_its_scale():
    text = "Say <b>\n  on"
    page = signed_text(text, [0.5] * len(text), 'a "label"', ("low", "high")).data
    assert 'aria-label="a &quot;label&quot;"' in page and 'role="img"' in page
    shown = re.sub(r"<[^>]+>", "", page.split("<pre")[1].split(">", 1)[1].split("</pre>")[0])
    assert shown == "Say &lt;b&gt;\n  on"
    assert ">low " in page and " high<" in page


def test_tinted_text_needs_one_number_a_character():
    with pytest.raises(ValueError):
        tinted_text("abc", [1.0, 2.0], "too few")


def luminance(colour: tuple[float, ...]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize(
    ("ink", "ground"), [((0x21, 0x28, 0x32), (255, 255, 255)), ((0xCE, 0xD6, 0xDD), (0x12, 0x12, 0x12))]
)
def test_text_on_the_strongest_tint_can_be_read_on_light_and_dark_pages(ink, ground):
    alpha, tint = STRONGEST_TINT, (213, 94, 0)
    mixed = tuple((alpha * t + (1 - alpha) * g) / 255 for t, g in zip(tint, ground, strict=True))
    light, dark = sorted((luminance(mixed), luminance(tuple(c / 255 for c in ink))), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_streams_are_drawn_as_training_reads_them():
    figure = streams("abcdefghijklm", batch_size=2, window=3)
    drawn = [text.get_text() for text in figure.axes[0].texts]
    letters = [text for text in drawn if len(text) == 1]
    assert letters == list("abcghidefjkl")  # update 1 reads abc and ghi, update 2 goes on with def and jkl
    assert [text for text in drawn if text.startswith("update")] == ["update 1", "update 2"]


def test_candidates_and_all_others_make_a_whole():
    figure = candidate_bars(["e", " "], {"T = 1": [0.5, 0.3], "T = 2": [0.4, 0.35]})
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
    ax = trade_off(curves, (0.85, 1.9), "bits").axes[0]
    temperature, top_p, real = ax.lines
    assert temperature.get_xydata().tolist() == [[0.4, 1.5], [0.8, 2.0]]
    assert top_p.get_xydata().tolist() == [[0.7, 1.7]]
    assert real.get_xydata().tolist() == [[0.85, 1.9]]


def test_a_bar_for_each_gate_and_word():
    values = {"f": [0.9, 0.1], "i": [0.2, 1.0], "g": [-1.0, 1.0], "o": [0.0, 0.5], "c": [-0.2, 0.9]}
    figure = gate_bars(["dogs", "that"], values)
    heights = [[bar.get_height() for bar in ax.patches] for ax in figure.axes]
    assert heights == list(values.values())
    assert [ax.get_ylabel() for ax in figure.axes][::4] == ["forget $f_t$", "memory $c_t$"]
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["dogs", "that"]


def test_the_unrolled_network_has_a_state_and_a_guess_for_each_word_and_turns_its_arrows_for_the_way_back():
    words = ["the", "kings", "that"]
    forward, back = (unrolled(words, back).axes[0] for back in (False, True))
    for ax in (forward, back):
        assert len(ax.patches) == 3 and {"$h_{1}$", "$h_{3}$", "kings"} <= {text.get_text() for text in ax.texts}
    across = [[a for a in ax.texts if getattr(a, "arrow_patch", None) and a.xyann[1] == 0] for ax in (forward, back)]
    assert [len(arrows) for arrows in across] == [2, 2]
    assert all(arrow.xy[0] > arrow.xyann[0] for arrow in across[0])
    assert all(arrow.xy[0] < arrow.xyann[0] for arrow in across[1])


def test_an_attention_map_has_a_square_for_each_weight_and_escapes_tokens():
    weights = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5]]
    drawn = plotting.attention_map(["a<b", "march"], ["三", "月", "end"], weights).data
    assert drawn.count("<rect") == 6 and "a&lt;b" in drawn and "月" in drawn
    assert [f'fill-opacity="{w:.2f}"' in drawn for w in (0.25, 0.75, 1, 0, 0.5)] == [True] * 5


def test_looks_are_drawn_darker_with_frames_and_readable_numbers():
    import matplotlib.pyplot as plt
    import numpy as np
    from matplotlib.colors import to_rgb

    levels = np.linspace(0, 1, 9)
    figure = looks([f"fact {n}" for n in range(9)], np.array([levels, levels[::-1]]), [8, 0, 3])
    (ax,) = figure.axes
    squares = [patch for patch in ax.patches if patch.get_facecolor()[3] > 0]
    frames = [patch for patch in ax.patches if patch.get_facecolor()[3] == 0]
    assert len(squares) == 18
    # As many frames as looks, each where it should be.
    assert [(round(f.get_x() + 0.46), round(-f.get_y() - 0.42)) for f in frames] == [(0, 8), (1, 0)]
    shades = {(p.get_x(), p.get_y()): luminance(p.get_facecolor()[:3]) for p in squares}
    first = [shade for (x, _), shade in sorted(shades.items(), key=lambda item: -item[0][1]) if x < 0]
    assert first == sorted(first, reverse=True)
    for text in ax.texts:
        if text.get_text().isdigit():
            x, y = text.get_position()
            light, dark = sorted((shades[x - 0.46, round(y + 0.02) - 0.42], luminance(to_rgb(text.get_color()))))[::-1]
            assert (light + 0.05) / (dark + 0.05) > 4.5
    plt.close(figure)


def test_what_was_copied_and_what_was_written():
    figure = copied_and_generated(["the", "heap"], [0.3, 0.1], [0.1, 0.3], ["a", "heap"])
    widths = [round(bar.get_width(), 6) for bar in figure.axes[0].patches]
    assert widths == [0.75, 0.25, 0.25, 0.75], "the two parts of each token make up the whole bar"
    assert {"the", "heap", "a"} <= {text.get_text() for text in figure.axes[0].texts}


def test_columns_of_numbers_stand_flush_right_and_text_flush_left():
    table = plotting.html_table(
        ["n", "share", "word"], [("1", "−0.5 (−1 to 0)", "a<b"), ("2", "–", "3 cats"), ("", 7, "x")]
    )
    sides = re.findall(r'<t([hd]) style="text-align:(\w+)">', table.data)
    assert [side for _, side in sides] == ["left", "right", "left"] * 4 and "a&lt;b" in table.data
