"""The copy task, in which what can be predicted can only come from memory, and the chapter's drawings."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from matplotlib import pyplot as plt
from matplotlib.patches import PathPatch

from companion.cells import rotate
from companion.chapters.transformers import (
    BAR,
    PARTS,
    STOP,
    VOCABULARY,
    WHOLE,
    block_diagram,
    clock_hands,
    copy_text,
    hand,
    in_order,
    looking_back,
    recall_shares,
)
from companion.errors import UserError
from companion.models import language_model
from companion.models.transformer import TransformerBlock

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_every_string_is_repeated():
    text = "".join(VOCABULARY[i] for i in copy_text(seed=1, tokens=3000, shortest=2, longest=5))
    whole = text.split(".")[:-1]
    pairs = [part.split("|") for part in whole]
    assert all(first == second for first, second in pairs)
    assert {len(first) for first, _ in pairs} == {2, 3, 4, 5}
    assert len({first for first, _ in pairs}) > 0.9 * len(pairs)


class Knows:
    """A model that remembers, but wrongly from a certain letter on."""

    output_shape = (None, None, len(VOCABULARY))

    def __init__(self, good):
        self.good = good

    def __call__(self, ids, training=False):
        class Logits(np.ndarray):
            def numpy(self):
                return np.asarray(self)

        assert (ids[:, 0] == STOP).all()
        bar = int(np.argmax(ids[0] == BAR))
        logits = np.zeros((*ids.shape, len(VOCABULARY)))
        for t in range(bar, ids.shape[1]):
            known = ids[:, t - bar + 1] if t - bar < self.good else np.full(len(ids), STOP)
            logits[np.arange(len(ids)), t, known] = 1
        return logits.view(Logits)


@pytest.mark.parametrize("good", [0, 3, 7])
def test_the_share_is_counted_letter_by_letter(good):
    assert recall_shares(Knows(good), 7).tolist() == [1.0] * good + [0.0] * (7 - good)


def test_without_training_recall_is_chance():
    model = language_model(len(VOCABULARY), 4, 8)
    assert recall_shares(model, 8, strings=500).mean() < 0.2


def test_bad_models_and_lengths_are_refused():
    with pytest.raises(UserError, match="has 18"):
        recall_shares(language_model(5, 4, 8), 4)
    with pytest.raises(UserError, match="shortest is 5 and longest 3"):
        copy_text(seed=0, tokens=10, shortest=5, longest=3)
    with pytest.raises(UserError, match="shortest is 0"):
        copy_text(seed=0, tokens=10, shortest=0)
    with pytest.raises(UserError, match="length is 0"):
        recall_shares(language_model(len(VOCABULARY), 4, 8), 0)


# -- Drawings ----------------------------------------------------------------------------------------------------------


def streams(figure) -> list[tuple[float, float, float]]:
    """Of each value's stream its place, its width where it rises, and its width where it arrives."""
    found = []
    for patch in figure.axes[0].patches:
        if type(patch) is PathPatch:
            corners = patch.get_path().vertices
            right, left = corners[-1, 0], corners[0, 0]
            found.append(((left + right) / 2, right - left, corners[4, 1] - corners[5, 1]))
    return found


def test_a_stream_is_as_wide_as_its_weight_and_all_fill_what_they_flow_into():
    drawn = streams(looking_back(list("abcd"), np.array([0.5, 0.0, 0.3, 0.2])))
    assert [place for place, *_ in drawn] == pytest.approx([0, 2, 3])
    for side in (1, 2):
        assert [stream[side] / WHOLE for stream in drawn] == pytest.approx([0.5, 0.3, 0.2])


def test_only_a_weight_that_counts_has_its_number():
    figure = looking_back(list("abcd"), np.array([0.956, 0.04, 0.002, 0.002]))
    written = [text.get_text() for text in figure.axes[0].texts]
    assert [text for text in written if "%" in text] == ["96%"]
    assert [written.count(symbol) for symbol in ("$k$", "$v$", "$q$", "$y$")] == [4, 4, 1, 1]
    assert len(streams(figure)) == 2


@pytest.mark.parametrize("weights", [[0.5, 0.5], [0.5, 0.2, 0.1]])
def test_weights_that_are_not_a_position_s_are_refused(weights):
    with pytest.raises(UserError, match="3 tokens need 3 weights that add up to 1"):
        looking_back(list("abc"), np.array(weights))


@pytest.fixture(scope="module")
def block():
    built = TransformerBlock(hidden_dim=8, num_heads=2, context=5)
    built.build((None, None, 8))
    return built


def groups(lit: str, block) -> dict[str, str]:
    """The drawing's parts by their class, each as text."""
    drawing = ET.fromstring(block_diagram(lit, block).data)
    return {group.get("class"): ET.tostring(group, "unicode") for group in drawing.iter(f"{SVG}g")}


def test_the_block_s_arrows_have_the_shapes_of_its_weights(block):
    drawn = groups("norm", block)
    width, widened = block.up.kernel.shape
    of_head = block.attention.W_v.shape[1] // block.num_heads

    def shapes(part: str) -> list[int]:
        return sorted(map(int, re.findall(r"\(T, (\d+)\)", drawn[part])))

    assert shapes("of-attention") == [of_head, of_head, width, width]
    assert shapes("of-network") == [width, width, widened, widened]
    assert shapes("of-residual") == shapes("of-norm on") == [width, width]
    assert drawn["of-attention"].count('class="weights"') == block.num_heads and ">2 heads<" in drawn["of-attention"]


@pytest.mark.parametrize("lit", PARTS)
def test_one_part_of_the_block_is_lit_and_nothing_else_differs(lit, block):
    drawn = groups(lit, block)
    assert [part for part in drawn if part.endswith(" on")] == [f"of-{lit} on"]
    unlit = {part.removesuffix(" on"): text.replace(" on", "") for part, text in drawn.items()}
    other = next(part for part in PARTS if part != lit)
    assert unlit == {part.removesuffix(" on"): text.replace(" on", "") for part, text in groups(other, block).items()}


def test_the_block_says_what_it_shows(block):
    drawing = ET.fromstring(block_diagram("residual", block).data)
    title, about = drawing.get("aria-labelledby").split()
    assert drawing.get("role") == "img" and {e.get("id") for e in drawing if e.get("id")} == {title, about}
    assert PARTS["residual"] in drawing.find(f"{SVG}desc").text
    with pytest.raises(UserError, match="no part 'gate'; there are attention, network"):
        block_diagram("gate", block)


def test_the_angle_of_two_hands_depends_on_their_distance_alone():
    q, k = (np.array([hand(position, 0, 24) for position in positions]) for positions in ((2, 12, 3), (0, 10, 0)))
    assert (q * k).sum(axis=1) == pytest.approx(np.cos([2, 2, 3]), abs=1e-6)
    assert np.abs(q[0] - q[1]).max() > 0.5, "they point elsewhere"


def test_the_clocks_show_the_products_of_turned_queries_and_keys():
    places, pairs = [(2, 0), (12, 10), (3, 0)], [0, 3]
    (ax,) = clock_hands(places, pairs, size=24).axes
    written = [text.get_text() for text in ax.texts]
    products = [float(text.split("= ")[1].replace("−", "-")) for text in written if "cdot" in text]
    expected = []
    for pair in pairs:
        one = np.zeros((1, 24))
        one[0, pair] = 1
        expected += [(rotate(one, np.array([t])) @ rotate(one, np.array([s])).T).item() for t, s in places]
    assert products == pytest.approx(expected, abs=0.005)
    assert [text for text in written if text.endswith("rad")] == ["1 rad", "0.1 rad"]


def test_the_arc_between_two_hands_takes_the_shorter_way():
    (ax,) = clock_hands([(2, 0), (12, 10), (0, 3)], [0], size=24).axes
    lengths = [np.hypot(*np.diff(line.get_xydata(), axis=0).T).sum() / 0.35 for line in ax.lines]
    assert lengths == pytest.approx([2, 2, 3], abs=0.01)


def test_the_lstm_climbs_and_the_block_reads_all_at_once():
    lstm, transformer = in_order(list("abcd")).axes

    def steps(ax) -> list[tuple[int, int]]:
        """The middle of each square."""
        return [(round(p.get_x() + p.get_width() / 2), round(p.get_y() + p.get_height() / 2)) for p in ax.patches]

    assert steps(lstm) == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert steps(transformer) == [(1, 1), (2, 1), (3, 1), (4, 1)]
    assert (lstm.get_title(), transformer.get_title()) == ("LSTM: 4 steps", "Transformer: 1 step")


def test_what_each_square_is_made_of():
    lstm, transformer = in_order(list("abcd")).axes
    sources = [[tuple(line.get_xdata()) for line in ax.lines] for ax in (lstm, transformer)]
    assert sources[0] == [(1, 1), (2, 2), (3, 3), (4, 4)]
    assert sources[1] == [(read, x) for x in range(1, 5) for read in range(1, x + 1)], "nothing ahead"
    carried = [text for text in lstm.texts if getattr(text, "arrow_patch", None)]
    assert [(round(arrow.xyann[0]), arrow.xy[0]) for arrow in carried] == [(1, 2), (2, 3), (3, 4)]
    assert not [text for text in transformer.texts if getattr(text, "arrow_patch", None)]
