"""The figures of single chapters: what is tinted how strongly, which number is drawn where."""

import itertools
import re

import numpy as np
import pytest
from contrast import contrast, luminance
from matplotlib import pyplot as plt
from matplotlib.colors import to_rgb, to_rgba

from companion.chapters.background import show_guesses
from companion.chapters.bias import four_sentences
from companion.chapters.concepts import binomials, price_list
from companion.chapters.counting import Asked, asking_down
from companion.chapters.gates import gate_bars
from companion.chapters.generation import candidate_bars, trade_off
from companion.chapters.inside import ablation_costs, signed_text
from companion.chapters.language_model import skyline, step_size_plan, step_sizes, streams, tinted_text
from companion.chapters.question_answering import answering_network, looks
from companion.chapters.recurrence import blamed_text, unrolled
from companion.chapters.scaling_out import ring_states
from companion.chapters.summarisation import copied_and_generated, roads, two_roads
from companion.chapters.text_generation import batch_scores
from companion.chapters.tokens import bilingual, merge_tree, merged, token_boxes
from companion.chapters.translation import HALF, LOOK, reader_and_writer
from companion.errors import UserError
from companion.plotting import SERIES


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("bits", "step"), [(0.0, 0), (0.99, 0), (1.0, 1), (3.7, 3), (6.0, 6), (25.0, 6)], ids=lambda value: str(value)
)
def test_a_character_is_tinted_by_its_bits(bits, step):
    page = tinted_text("x", [bits], "one character").data
    kind = f' class="tint-p{step}"' if step else ""
    assert f'<span{kind} title="{bits:.1f} bits">x</span>' in page


def test_tinted_text_keeps_every_character_and_its_markup_is_its_own():
    text = 'Say <b>"so"</b> & go\n  on'
    page = tinted_text(text, [0.5] * len(text), 'a "label"').data
    assert 'aria-label="a &quot;label&quot;"' in page and 'role="img"' in page
    shown = re.sub(r"<[^>]+>", "", page.split("<pre")[1].split(">", 1)[1].split("</pre>")[0])
    assert shown == "Say &lt;b&gt;&quot;so&quot;&lt;/b&gt; &amp; go\n  on"


@pytest.mark.parametrize(
    ("value", "kind"), [(-7.0, "tint-n6"), (-0.5, "tint-n3"), (0.05, ""), (0.31, "tint-p2"), (1.0, "tint-p6")]
)
def test_a_signed_tint_has_a_side_and_a_strength(value, kind):
    page = signed_text("x", [value], "one character").data
    assert re.search(r'<span(?: class="([\w-]+)")? title="([^"]+)">x</span>', page).groups() == (
        kind or None,
        f"{value:+.2f}".replace("-", "−"),
    )


def test_signed_text_keeps_every_character_and_names_its_scale():
    text = "Say <b>\n  on"
    page = signed_text(text, [0.5] * len(text), 'a "label"', ("low", "high")).data
    assert 'aria-label="a &quot;label&quot;"' in page and 'role="img"' in page
    shown = re.sub(r"<[^>]+>", "", page.split("<pre")[1].split(">", 1)[1].split("</pre>")[0])
    assert shown == "Say &lt;b&gt;\n  on"
    assert ">low\xa0<" in page and ">\xa0high<" in page


def test_tinted_text_needs_one_number_per_character():
    for tinted in (tinted_text, signed_text):
        with pytest.raises(UserError, match="There are 3 characters and 2 "):
            tinted("abc", [1.0, 2.0], "too few")


def test_streams_are_drawn_as_training_reads_them():
    figure = streams("abcdefghijklm", batch_size=2, window=3)
    drawn = [text.get_text() for text in figure.axes[0].texts]
    letters = [text for text in drawn if len(text) == 1]
    assert letters == list("abcghidefjkl")  # update 1 reads abc and ghi, update 2 continues with def and jkl
    assert [text for text in drawn if text.startswith("update")] == ["update 1", "update 2"]


def test_candidates_and_all_others_add_up_to_1():
    figure = candidate_bars(["e", " "], {"T = 1": [0.5, 0.3], "T = 2": [0.4, 0.35]})
    assert len(figure.axes) == 2
    for ax in figure.axes:
        assert sum(bar.get_height() for bar in ax.patches) == pytest.approx(1)
        assert [label.get_text() for label in ax.get_xticklabels()] == ["e", "␣", "…"]


def test_the_trade_off_has_a_curve_per_way_and_a_star_for_real_text():
    curves = {"temperature": [("0.5", 0.4, 1.5), ("1", 0.8, 2.0)], "top_p": [("0.9", 0.7, 1.7)]}
    ax = trade_off(curves, (0.85, 1.9), "bits").axes[0]
    temperature, top_p, real = ax.lines
    assert temperature.get_xydata().tolist() == [[0.4, 1.5], [0.8, 2.0]]
    assert top_p.get_xydata().tolist() == [[0.7, 1.7]]
    assert real.get_xydata().tolist() == [[0.85, 1.9]]


def test_the_trade_off_names_each_curve_with_one_of_its_ends():
    curve = [("2", 0.4, 1.5), ("5", 0.6, 1.7), ("9", 0.8, 2.0)]
    ax = trade_off({"temperature": curve, "top-k": curve, "top-p": curve}, (0.85, 1.9), "bits").axes[0]
    written = [text.get_text() for text in ax.texts]
    assert written == ["2", "temperature 9", "top-k 2", "9", "top-p 2", "9", "real text"]


def test_a_bar_for_each_gate_and_word():
    values = {"f": [0.9, 0.1], "i": [0.2, 1.0], "g": [-1.0, 1.0], "o": [0.0, 0.5], "c": [-0.2, 0.9]}
    figure = gate_bars(["dogs", "that"], values)
    heights = [[bar.get_height() for bar in ax.patches] for ax in figure.axes]
    assert heights == list(values.values())
    assert [ax.get_ylabel() for ax in figure.axes][::4] == ["forget $f_t$", "memory $c_t$"]
    assert [label.get_text() for label in figure.axes[-1].get_xticklabels()] == ["dogs", "that"]


def test_the_unrolled_network_has_a_state_and_a_guess_for_each_word_and_reverses_arrows_for_the_backward_pass():
    words = ["the", "kings", "that"]
    forward, back = (unrolled(words, back).axes[0] for back in (False, True))
    for ax in (forward, back):
        assert len(ax.patches) == 3 and {"$h_{1}$", "$h_{3}$", "kings"} <= {text.get_text() for text in ax.texts}
    across = [[a for a in ax.texts if getattr(a, "arrow_patch", None) and a.xyann[1] == 0] for ax in (forward, back)]
    assert [len(arrows) for arrows in across] == [2, 2]
    assert all(arrow.xy[0] > arrow.xyann[0] for arrow in across[0])
    assert all(arrow.xy[0] < arrow.xyann[0] for arrow in across[1])


def test_a_word_is_tinted_by_its_part_of_the_largest_blame_and_each_sentence_has_a_line():
    page = blamed_text(["the", "dog", "hears", ".", "it", "hears"], [0.0, 0.02, 0.2, 2.0, 0.63], "a text").data
    strip = page.split("<pre")[1].split(">", 1)[1].split("</pre>")[0]
    assert re.sub("<[^>]+>", "", strip) == "the dog hears.\nit hears"
    letters = re.findall(r'<span(?: class="tint-p(\d)")? title="([^"]+)">([^< ])', strip)
    tints = {letter: (int(step or 0), said.partition(" of ")[0]) for step, said, letter in letters}
    expected = {"t": (5, "32%"), "d": (2, "1%"), "a": (0, "the blame is for this word"), ".": (6, "100%")}
    assert {letter: tints[letter] for letter in expected} == expected
    with pytest.raises(UserError, match="There are 2 words and 2 lengths"):
        blamed_text(["the", "dog"], [1.0, 1.0], "one too many")


def test_looks_are_drawn_darker_with_frames_and_readable_numbers():
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
            assert contrast(shades[x - 0.46, round(y + 0.02) - 0.42], luminance(to_rgb(text.get_color()))) > 4.5


def test_what_was_copied_and_what_was_written():
    figure = copied_and_generated(["the", "heap"], [0.3, 0.1], [0.1, 0.3], ["a", "heap"])
    widths = [round(bar.get_width(), 6) for bar in figure.axes[0].patches]
    assert widths == [0.75, 0.25, 0.25, 0.75], "the two parts of each token make up the whole bar"
    assert {"the", "heap", "a"} <= {text.get_text() for text in figure.axes[0].texts}


def test_guess_numbers_are_under_their_characters_and_ones_are_filled():
    figure = show_guesses("ab c", {"model": [1, 2, 3, 1]}, width=3)
    (ax,) = figure.axes
    at = {text.get_position(): text.get_text() for text in ax.texts}
    assert [at[column, 0] for column in range(3)] == ["a", "b", "␣"] and at[0, -2.6] == "c"
    assert [at[column, -1.04] for column in range(3)] == ["1", "2", "3"] and at[0, -3.64] == "1"
    assert [patch.get_x() for patch in ax.patches] == [-0.45, -0.45], "the ones"
    assert sum(text.get_text() == "model" for text in ax.texts) == 2, "named in each row"


def test_ablations_are_drawn_place_by_place_with_random_cells_as_crosses():
    sets = {"counter": [(0.5, 0.4, 0.6), (0.1, 0.0, 0.2)]}
    panels = {"one cell": (sets, [[0.01, 0.02], [0.03, 0.04]]), "eight": (sets, [[0.0, 0.0]])}
    first, _ = ablation_costs(panels, ["breaks", "names"]).axes
    crosses = [list(line.get_xdata()) for line in first.lines if line.get_marker() == "x"]
    assert crosses == [[0.01, 0.03], [0.02, 0.04]]
    assert [line.get_xdata()[0] for line in first.lines if line.get_marker() == "o"] == [0.5, 0.1]


def test_a_single_panel_is_a_figure_too():
    assert len(candidate_bars(["e"], {"T = 1": [0.5]}).axes) == 1
    assert len(ablation_costs({"one cell": ({"counter": [(0.5, 0.4, 0.6)]}, [[0.1]])}, ["breaks"]).axes) == 1
    assert len(gate_bars(["dogs"], {"f": [0.9]}).axes) == 1


def test_a_skyline_is_as_wide_as_its_kinds_are_frequent_and_as_high_as_they_cost():
    places = {"letters": np.array([True, True, True, False]), "spaces": np.array([False, False, False, True])}
    (ax,) = skyline(places, np.array([1.0, 2.0, 3.0, 4.0]), np.array([2.0, 2.0, 2.0, 6.0]), ("one", "other")).axes
    assert [bar.get_height() for bar in ax.patches] == [2.0, 4.0]
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.75, 0.25], abs=0.01)
    assert {text.get_text() for text in ax.texts} == {"one", "other"}


def test_the_ring_s_steps_show_counts_and_frame_what_has_changed():
    states = np.array([[[1, 1], [1, 1]], [[1, 2], [1, 1]], [[1, 2], [1, 2]]])
    panels = [ax for ax in ring_states(states).axes if ax.texts]
    counts = [[text.get_text() for text in ax.texts if text.get_text().isdigit()] for ax in panels]
    assert counts == [list("1111"), list("1211"), list("1212")]
    framed = [sum(not patch.get_fill() for patch in ax.patches) for ax in panels]
    assert framed == [0, 1, 1]


def test_tokens_are_boxes_that_wrap_and_the_unknown_stands_out():
    drawn = token_boxes([("English", ["a", " b<", "<unk>"]), ("中文", ["字"] * 60)], width=200).data
    assert drawn.count("<rect") == 63 and "·b&lt;" in drawn and drawn.count(f'fill="{SERIES[1]}"') == 1
    rights = [float(x) + float(w) for x, w in re.findall(r'<rect x="([\d.]+)" y="\d+" width="([\d.]+)"', drawn)]
    assert max(rights) <= 200


def test_the_bilingual_text_is_held_out_sentence_by_sentence():
    (english, chinese), (english_test, chinese_test) = bilingual()
    for one, other in ((english, chinese), (english_test, chinese_test)):
        assert one.count("\n") == other.count("\n") and one.isascii() and not other.isascii()
    assert english_test.count("\n") == 5 and not set(english.split("\n")) & set(english_test.split("\n"))


def test_merges_are_applied_in_order_everywhere_and_leave_the_other_letters_alone():
    found = merged("bananas", [("a", "n"), ("an", "a"), ("b", "an")])
    assert [(node.token, node.place, node.step) for node in found] == [("ban", 0.75, 3), ("ana", 4.25, 2), ("s", 6, 0)]
    assert [part.token for part in found[0].parts] == ["b", "an"]


def test_a_bracket_is_as_high_as_its_step_and_joins_its_two_parts():
    ax = merge_tree(["cab"], [("a", "b", 3), ("c", "ab", 2)]).axes[0]
    brackets = [line.get_xydata().tolist() for line in ax.lines]
    assert brackets == [[[0, 0.35], [0, 2], [1.5, 2], [1.5, 1]], [[1, 0.35], [1, 1], [2, 1], [2, 0.35]]]
    written = [text.get_text() for text in ax.texts]
    assert written == ["1", "a+b", "3×", "2", "c+ab", "2×", "c", "a", "b", "cab"]


def test_a_context_s_band_is_as_wide_as_the_share_it_hands_over():
    said = [Asked(10, 4, 0, 0.01), Asked(8, 8, 0, 0.03), Asked(100, 2, 20, 0.2)]
    ax = asking_down(["xyz", "yz", "z"], {"counts": said, "company": said[::-1]}, "L", D=0.5).axes[0]
    box, band, _, other, _ = (patch.get_width() for patch in ax.patches[:5])
    assert (band / box, other / box) == pytest.approx((0.5 * 4 / 10, 0.5 * 8 / 8))
    written = [text.get_text() for text in ax.texts]
    assert "0.5 · 4 of 10" in written and "L: 20 of 100" in written and "1 in 100" in written
    assert [text for text in written if "×" in text] == ["× 20%", "× 50%", "× 1%", "× 50%"]


def test_a_price_is_on_the_curve_and_a_halving_costs_a_bit():
    ax = price_list({"a": 0.25, "b": 0.9}).axes[0]
    dots = [line.get_xydata()[0].tolist() for line in ax.lines if line.get_marker() == "o"]
    assert dots == [[0.25, 2.0], [0.9, pytest.approx(0.152, abs=1e-3)]]
    steps = [line.get_ydata()[0] for line in ax.lines if line.get_linestyle() == ":"]
    assert steps == [3, 2, 1, 0]
    assert [text.get_text() for text in ax.texts] == ["a: probability 0.25, 2.0 bits", "b: probability 0.9, 0.2 bits"]


def test_the_tail_is_the_count_and_what_lies_beyond_it():
    panels = {0.25: [0.4, 0.4, 0.15, 0.05], 0.75: [0.02, 0.13, 0.45, 0.4]}
    low, high = binomials(panels, 2).axes
    for ax, tail, says in ((low, [2, 3], "2 or more: 20.0%"), (high, [0, 1, 2], "2 or fewer: 60.0%")):
        lit = [n for n, bar in enumerate(ax.patches) if bar.get_facecolor() == (*to_rgb(SERIES[1]), 1)]
        assert lit == tail and says in {text.get_text() for text in ax.texts}


def test_the_decoder_looks_along_lines_as_wide_as_their_weights():
    ax = reader_and_writer(["<iso>", "may"], ["<begin>", "0", "5"], [0.25, 0.75]).axes[0]
    looks = [line for line in ax.lines if line.get_color() == LOOK and line.get_xdata()[0] in (0, 1)]
    assert [line.get_linewidth() for line in looks] == [1.5, 3.5]
    under = {text.get_text(): text.get_position()[0] for text in ax.texts if text.get_text().startswith("<")}
    assert [patch.get_x() + HALF for patch in ax.patches if patch.get_y() == -HALF][::2] == pytest.approx(
        [*under.values()]
    )
    (now,) = (text for text in ax.texts if text.get_text() == "5")
    assert now.get_color() == LOOK


def test_two_roads_lead_to_a_word_and_all_probability_arrives():
    known, text = ["the", "set"], ["set", "dpi", "set"]
    p_vocabulary, attention = np.array([0.75, 0.25]), np.array([0.1, 0.7, 0.2])
    arriving = roads(known, text, p_vocabulary, attention, gate=0.4)
    assert list(arriving) == ["the", "set", "dpi"]
    assert np.allclose(list(arriving.values()), [(0.3, 0), (0.1, 0.18), (0, 0.42)])
    (ax,) = two_roads(known, text, p_vocabulary, attention, gate=0.4).axes
    bars = [patch for patch in ax.patches if hasattr(patch, "get_height")]
    at_words = [bar for bar in bars if bar.get_x() == max(bar.get_x() for bar in bars)]
    ends = sorted((bar.get_y(), bar.get_y() + bar.get_height()) for bar in at_words)
    assert sum(high - low for low, high in ends) == pytest.approx(1)
    assert all(low >= high - 1e-9 for (_, high), (low, _) in itertools.pairwise(ends)), "no road ends on another"
    written = {text.get_text() for text in ax.texts}
    assert {"0.4 · 0.25", "0.6 · 0.3", "= 0.28", "0.6 · 0.7", "= 0.42", "text: $1 - g$ = 0.6"} <= written


@pytest.mark.parametrize(("share", "nats"), [(0.5, "0.00"), (0.75, "2.20"), (0.9, "4.39"), (0.1, "−4.39")])
def test_four_sentences_leave_the_paired_log_odds(share, nats):
    (ax,) = four_sentences(("kern", "mib"), share).axes
    written = [text.get_text() for text in ax.texts]
    assert written[-1].endswith(f" = {nats} nats")
    for word in ("kern", "mib", "bold", "meek"):
        assert written.count(word) == 2, "in two sentences"
        assert {f"+ {word} − {word}\n= 0", f"− {word} + {word}\n= 0"} & {*written}
    signs = [text for text in written if text in "+−"]
    assert signs == ["+", "−", "−", "+"]


def test_the_step_size_climbs_and_falls_as_the_chapter_s_formula_says():
    from companion.models import language_model
    from companion.training import TextTask, Trainer, TrainingConfig

    ids = np.zeros(51, np.int32)
    config = TrainingConfig(batch_size=1, window=1, learning_rate=0.5, warmup_steps=10, final_rate=0)
    trainer = Trainer(TextTask(language_model(2, embedding_dim=1, units=1), ids, ids, config), config)
    t, w, T = np.arange(10, 51), 10, trainer.total
    assert T == 50
    sizes = step_sizes(trainer, range(51))
    assert np.allclose(sizes[:11], np.linspace(0, 0.5, 11))
    assert np.allclose(sizes[10:], 0.5 * 0.5 * (1 + np.cos(np.pi * (t - w) / (T - w))), atol=1e-7)
    assert trainer.optimizer.iterations == 0
    (ax,) = step_size_plan(trainer).axes
    marks = [line.get_xydata() for line in ax.lines if line.get_marker() == "o"]
    assert np.allclose(marks, [[(10, 0.5), (30, 0.25), (50, 0)]], atol=1e-7)
    assert [label.get_text() for label in ax.get_xticklabels()] == ["$w$ = 10", "30", "$T$ = 50"]


def test_a_batch_has_a_square_for_each_message_and_reply_with_frames_on_the_diagonal():
    cosines = np.array([[0.9, -0.25], [0.1, 0.5]])
    (ax,) = batch_scores(["Hi", "Who are you?"], ["Hello", "A program."], cosines).axes
    squares = [patch for patch in ax.patches if patch.get_width() == pytest.approx(0.88)]
    framed = [patch.get_edgecolor() == to_rgba(SERIES[1]) for patch in squares]
    assert framed == [True, False, False, True]
    shades = [luminance(patch.get_facecolor()[:3]) for patch in squares]
    assert np.argsort(shades).tolist() == [0, 3, 2, 1], "the higher the score, the darker"
    numbers = [text for text in ax.texts if text.get_text().endswith(tuple("0123456789"))]
    assert [text.get_text() for text in numbers] == ["0.90", "−0.25", "0.10", "0.50"]
    for square, text in zip(squares, numbers, strict=True):
        left, low = square.get_xy()
        x, y = text.get_position()
        assert left < x < left + square.get_width() and low < y < low + square.get_height()


def test_the_answering_network_colours_each_look_s_squares_by_its_attention():
    weights = np.array([[0.1, 0.9, 0.0], [0.7, 0.0, 0.2]])
    (ax,) = answering_network(["a.", "b.", "c."], "Where?", weights, "cave").axes
    squares = [patch for patch in ax.patches if patch.get_width() == pytest.approx(0.4)]
    columns = sorted({round(square.get_x(), 6) for square in squares})
    drawn = [[s.get_alpha() or s.get_facecolor()[3] for s in squares if round(s.get_x(), 6) == x] for x in columns]
    assert np.allclose(drawn, weights)
    written = [text.get_text() for text in ax.texts]
    assert {"a.", "c.", "Where?", "look 2", "$m_{3}$", "$q_2$", "$r_2$", "cave"} <= {*written}
