"""Labels of hand-made texts, states equal to the cells' own, probes that find only what was planted."""

import numpy as np
import pytest

from companion import cells, set_seed
from companion.analysis import probes
from companion.errors import UserError
from companion.evaluation import token_losses
from companion.models import language_model

WARM_UP = probes.WARM_UP


# -- labels ------------------------------------------------------------------------------------------------------

SPEECHES = (
    "**OLD MAN**  \nHow now,  \nsir? I  \nsay.\n\n_Enter a\nCaptain_\n\n"
    "**ALL**  \nHail!\n\nThe day  \nIs long,  \nMy lord.\n"
)


def marked(labels, text=SPEECHES):
    return "".join(character for character, label in zip(text, labels, strict=True) if label == 1)


def test_names_and_directions_are_what_their_marks_enclose():
    assert marked(probes.inside_name(SPEECHES)) == "OLD MANALL"
    assert marked(probes.inside_direction(SPEECHES)) == "Enter a\nCaptain"


def test_a_mark_that_is_never_closed_encloses_nothing():
    text = "_Exit\n\nA word_ and **more"
    assert not probes.inside_direction(text).any() and not probes.inside_name(text).any()


def test_prose_and_verse_are_told_apart_by_the_first_letters_of_later_lines():
    labels = probes.in_prose(SPEECHES)
    assert marked(labels) == "sir? I  \nsay."
    assert marked(1 - labels) == "Is long,  \nMy lord."
    assert np.isnan(labels).sum() == len(SPEECHES) - len("sir? I  \nsay.") - len("Is long,  \nMy lord.")


def test_headings_and_directions_are_neither_prose_nor_verse():
    assert np.isnan(probes.in_prose("## ACT I\nmore\n\n_Enter\nall_\n")).all()


def test_the_column_starts_again_after_each_line_break():
    assert probes.column("ab\n\nc").tolist() == [0, 1, 2, 0, 0]


@pytest.mark.parametrize(("within", "expected"), [(1, [0, 0, 1, 0, 0]), (3, [1, 1, 1, 0, 0])])
def test_a_line_ends_soon_if_a_break_is_ahead(within, expected):
    assert probes.ends_soon("abc\nd", within).tolist() == expected


def test_the_last_characters_are_one_hot_the_latest_first():
    hot = probes.last_characters(np.array([2, 0, 1]), np.array([[1, 2]]), n=2, vocab_size=3)
    assert hot.tolist() == [[[1, 0, 0, 0, 0, 1], [0, 1, 0, 1, 0, 0]]]


def test_a_place_without_enough_before_it_is_refused():
    with pytest.raises(UserError, match="fewer than 3 characters"):
        probes.last_characters(np.array([2, 0, 1]), np.array([1, 2]), n=3, vocab_size=3)


def test_a_control_label_depends_only_on_the_kind():
    kinds = np.random.default_rng(0).integers(50, size=(4, 100))
    real = np.where(np.arange(400).reshape(4, 100) % 3 == 0, 1.0, 0.0)
    control = probes.control_labels(kinds, real)
    assert all(len(set(control[kinds == kind])) == 1 for kind in range(50))
    assert 0 < control.mean() < 1 and abs(np.corrcoef(control.ravel(), real.ravel())[0, 1]) < 0.2


# -- reading -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny():
    """A random network of 12 units over 9 tokens, and passages for it."""
    set_seed(1)
    model = language_model(9, embedding_dim=5, units=12)
    layer = next(layer for layer in model.layers if type(layer).__name__ == "LSTM")
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape).astype(np.float32) for w in layer.get_weights()])
    ids = rng.integers(9, size=(3, WARM_UP + 20)).astype(np.int32)
    return model, probes.network(model), ids


def test_states_are_those_of_the_cells_module(tiny):
    _, net, ids = tiny
    h, c = probes.read(net, ids)
    again_h, again_c, _ = cells.lstm_forward(net.embedding[ids.T], net.W_x, net.W_h, net.b)
    assert h.shape == c.shape == (3, 20, 12) and h.dtype == np.float32
    np.testing.assert_allclose(h, again_h[WARM_UP:].swapaxes(0, 1), atol=1e-4)
    np.testing.assert_allclose(c, again_c[WARM_UP:].swapaxes(0, 1), atol=1e-4)


def test_costs_are_those_of_the_evaluation(tiny):
    model, net, ids = tiny
    right = np.array([token_losses(model, row)[WARM_UP:] for row in ids]) / np.log(2)
    np.testing.assert_allclose(probes.costs(net, ids), right, atol=1e-3)


def test_passages_lie_inside_and_apart():
    places = probes.passages(5000, 4, 300)
    assert places.shape == (4, WARM_UP + 300)
    assert places.min() >= 0 and places.max() < 5000 and len(np.unique(places)) == places.size
    with pytest.raises(UserError, match="don't fit into 1000"):
        probes.passages(1000, 4, 300)


def test_passages_without_their_warm_up_are_refused(tiny):
    _, net, ids = tiny
    for read in (probes.read, probes.costs):
        with pytest.raises(UserError, match="before it"):
            read(net, ids[:, :WARM_UP])


def test_a_network_of_two_layers_is_refused():
    with pytest.raises(UserError, match="2 LSTM layers"):
        probes.network(language_model(5, embedding_dim=4, units=4, num_layers=2))


# -- probes --------------------------------------------------------------------------------------------------------


@pytest.fixture
def planted():
    """Noise of 20 units, and a yes or no that is planted in unit 7, for fitting and for scoring."""
    rng = np.random.default_rng(0)
    parts = []
    for _ in range(2):
        yes = (rng.random((8, 200)) < 0.1).astype(float)
        x = rng.normal(size=(8, 200, 20)).astype(np.float32)
        x[..., 7] -= 6 * yes.astype(np.float32)
        parts.append((x, yes))
    return parts


def test_a_probe_finds_what_is_planted(planted):
    (x, yes), (new_x, new_yes) = planted
    probe = probes.fit_probe(x, yes)
    assert np.abs(probe.weights).argmax() == 7
    assert probes.probe_score(new_yes, probe(new_x)) > 0.97


def test_a_probe_finds_nothing_in_shuffled_labels(planted):
    (x, yes), (new_x, new_yes) = planted
    shuffled = np.random.default_rng(1).permutation(yes.ravel()).reshape(yes.shape)
    assert abs(probes.probe_score(new_yes, probes.fit_probe(x, shuffled)(new_x)) - 0.5) < 0.15


def test_a_probe_reads_a_number_and_leaves_unknown_places_out(planted):
    (x, _), (new_x, _) = planted
    number, new = (3 + 2 * z[..., 4] - z[..., 5] for z in (x, new_x))
    number[:, ::2] = np.nan
    assert probes.probe_score(new, probes.fit_probe(x, number, alpha=1)(new_x)) > 0.99


@pytest.mark.parametrize("fit", [probes.fit_probe, probes.fit_cells])
def test_a_probe_needs_two_labels_and_one_for_each_place(planted, fit):
    x = planted[0][0]
    for same in (1.0, np.nan):
        with pytest.raises(UserError, match="at least two different labels"):
            fit(x, np.full((8, 200), same))
    with pytest.raises(UserError, match="give each place one label"):
        fit(x, np.ones((8, 199)))


def test_the_best_cell_is_the_planted_one_and_keeps_its_score(planted):
    (x, yes), (new_x, new_yes) = planted
    fitted = probes.fit_cells(x, yes)
    assert fitted.ranked()[0] == 7 and fitted.slope[7] == -1
    said = fitted.says(7, new_x)
    assert probes.probe_score(new_yes, said) > 0.97 and fitted.scores[3] < 0.6
    assert fitted.scores[7] == pytest.approx(probes.probe_score(yes, fitted.says(7, x)), abs=1e-6)


def test_the_best_line_of_a_cell_is_least_squares(planted):
    (x, _), _ = planted
    number = np.where(x[..., 0] > 2, np.nan, 1 - 4 * x[..., 2].astype(float))
    fitted = probes.fit_cells(x, number)
    assert fitted.ranked()[0] == 2
    assert (fitted.slope[2], fitted.offset[2]) == pytest.approx((-4, 1), abs=1e-4)
    assert fitted.scores[2] == pytest.approx(1, abs=1e-5)


def test_no_cut_between_equal_values():
    _, _, score = probes.best_threshold(np.array([1.0, 1.0, 1.0, 2.0]), np.array([0.0, 1.0, 0.0, 1.0]))
    assert score == pytest.approx(0.75)


def test_guessing_scores_a_half_and_the_mean_nothing():
    yes, number = np.array([1.0, 0, 0, 0, np.nan]), np.array([1.0, 2, 6, np.nan])
    assert probes.probe_score(yes, np.ones(5)) == probes.probe_score(yes, -np.ones(5)) == 0.5
    assert probes.probe_score(number, np.full(4, 3.0)) == pytest.approx(0)


def test_an_interval_is_wider_where_passages_differ(planted):
    _, (_, yes) = planted
    alike = np.where(np.random.default_rng(2).random(yes.shape) < 0.8, 2 * yes - 1, 1 - 2 * yes)
    apart = np.where(np.arange(8)[:, None] < 6, 2 * yes - 1, 1 - 2 * yes)
    found = [probes.score_interval(yes, said) for said in (alike, apart)]
    assert 0 < found[0].high - found[0].low < 0.3 * (found[1].high - found[1].low)


def test_an_interval_from_counts_is_that_of_the_scores():
    rng = np.random.default_rng(3)
    yes = np.where(rng.random((8, 40)) < 0.2, np.nan, (rng.random((8, 40)) < 0.05).astype(float))
    said = rng.normal(size=(8, 40)).round()
    again = np.random.default_rng(0).integers(8, size=(200, 8))
    scores = [probes.probe_score(yes[rows], said[rows]) for rows in again]
    expected = (probes.probe_score(yes, said), *np.nanquantile(scores, (0.025, 0.975)))
    assert probes.score_interval(yes, said) == pytest.approx(expected, abs=1e-12)


def test_the_interval_of_a_number_s_score_draws_whole_passages():
    rng = np.random.default_rng(4)
    number = np.where(rng.random((8, 40)) < 0.1, np.nan, rng.normal(size=(8, 40)))
    said = number + rng.normal(size=(8, 40))
    again = np.random.default_rng(0).integers(8, size=(200, 8))
    scores = [probes.probe_score(number[rows], said[rows]) for rows in again]
    expected = (probes.probe_score(number, said), *np.quantile(scores, (0.025, 0.975)))
    assert probes.score_interval(number, said) == pytest.approx(expected, abs=1e-12)


def test_the_interval_of_a_mean_holds_the_mean():
    values = np.random.default_rng(0).normal(2, 1, (10, 50))
    counted = np.random.default_rng(1).random((10, 50)) < 0.5
    mean, low, high = probes.mean_interval(values, counted)
    assert mean == pytest.approx(values[counted].mean()) and 1.5 < low < mean < high < 2.5


# -- ablation ----------------------------------------------------------------------------------------------------


def test_ablating_a_cell_fixes_what_it_shows(tiny):
    _, net, ids = tiny
    shown = np.linspace(-0.5, 0.5, 12).astype(np.float32)
    cut = probes.ablate(net, [2, 9], shown)
    h, c = np.zeros((3, 12), np.float32), np.zeros((3, 12), np.float32)
    for t in range(ids.shape[1] - 1):  # step by step, with the two cells overwritten by hand
        h[:, [2, 9]] = shown[[2, 9]]
        steps_h, steps_c, _ = cells.lstm_forward(net.embedding[ids.T[t : t + 1]], net.W_x, net.W_h, net.b, h, c)
        h, c = steps_h[-1].copy(), steps_c[-1]
    h[:, [2, 9]] = shown[[2, 9]]
    logits = h @ net.W_y + net.b_y
    nats = np.log(np.exp(logits).sum(axis=1)) - logits[np.arange(3), ids[:, -1]]
    np.testing.assert_allclose(probes.costs(cut, ids)[:, -1], nats / np.log(2), atol=1e-3)
    assert np.abs(probes.costs(cut, ids) - probes.costs(net, ids)).max() > 0.01


def test_ablating_no_cell_changes_nothing_and_an_unknown_one_is_refused(tiny):
    _, net, ids = tiny
    shown = np.zeros(12, np.float32)
    np.testing.assert_array_equal(probes.costs(probes.ablate(net, [], shown), ids), probes.costs(net, ids))
    with pytest.raises(UserError, match="cells 0 to 11"):
        probes.ablate(net, [12], shown)
