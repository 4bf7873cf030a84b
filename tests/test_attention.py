"""Attention: weights that add up to 1 and never fall on padding, and the same in Keras as by hand."""

import doctest

import numpy as np
import pytest

from companion import UserError, set_seed
from companion.cells import attend, attention, causal_attention, causal_mask, rotate, speeds
from companion.models.attention import KINDS, attention_layer


@pytest.fixture(params=KINDS)
def layer(request):
    set_seed(1)
    return attention_layer(request.param, 4)


def inputs():
    rng = np.random.default_rng(0)
    query, keys = (rng.normal(size=shape).astype(np.float32) for shape in [(2, 3, 4), (2, 5, 4)])
    return query, keys, np.array([[True] * 5, [True, True, False, True, False]])


def test_weights_add_up_to_1_and_are_exactly_0_at_masked_places(layer):
    query, keys, mask = inputs()
    context, weights = (np.asarray(x) for x in layer(query, keys, mask))
    assert context.shape == (2, 3, 4) and weights.shape == (2, 3, 5)
    np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)
    assert (weights[:, :, :][~np.repeat(mask[:, None], 3, 1)] == 0).all() and (weights[0] > 0).all()


def test_what_a_masked_place_holds_changes_nothing(layer):
    query, keys, mask = inputs()
    context = np.asarray(layer(query, keys, mask)[0])
    keys[1, [2, 4]] = 1e6
    np.testing.assert_array_equal(np.asarray(layer(query, keys, mask)[0]), context)


def test_the_scores_are_the_formulas():
    query, keys, _ = inputs()
    set_seed(1)
    additive, multiplicative = (attention_layer(kind, 4) for kind in ("additive", "multiplicative"))
    for one in (additive, multiplicative):
        one.build(query.shape, keys.shape, keys.shape[:2])
    W_q, W_k, v = (np.asarray(w) for w in additive.weights)
    (W,) = (np.asarray(w) for w in multiplicative.weights)
    for b, t, s in [(0, 0, 0), (1, 2, 4)]:
        q, k = query[b, t], keys[b, s]
        expected = v[:, 0] @ np.tanh(q @ W_q + k @ W_k)
        assert np.asarray(additive.scores(query, keys))[b, t, s] == pytest.approx(expected, rel=1e-4)
        assert np.asarray(multiplicative.scores(query, keys))[b, t, s] == pytest.approx(q @ W @ k, rel=1e-4)


def test_the_layer_does_what_attend_does(layer):
    query, keys, mask = inputs()
    context, weights = layer(query, keys, mask)
    by_hand = attend(np.asarray(layer.scores(query, keys)), keys, mask)
    np.testing.assert_allclose(context, by_hand[0], atol=1e-5)
    np.testing.assert_allclose(weights, by_hand[1], atol=1e-6)


def test_one_query_per_text_scores_in_numpy_as_in_keras(layer):
    """``rows`` says whose keys a query reads: several may read the same, in any order."""
    query, keys, mask = inputs()
    layer(query, keys, mask)  # makes the weights
    scores = layer.numpy_scorer(keys)
    rows = np.array([1, 0, 1])
    expected = np.asarray(layer.scores(query[rows], keys[rows]))
    for t in range(3):
        np.testing.assert_allclose(scores(query[rows][:, t], rows), expected[:, t], atol=1e-5)


def test_nothing_is_attended_to_if_all_is_masked():
    context, weights = attend(np.ones((1, 2, 3)), np.ones((1, 3, 4)), np.zeros((1, 3), bool))
    assert not context.any() and not weights.any()


def test_a_layer_is_rebuilt_from_its_sizes(layer):
    twin = type(layer).from_config(layer.get_config())
    assert twin.units == 4 and twin.name == "attention"


@pytest.mark.parametrize("kind", ["dot", None, ["additive"]])
def test_an_unknown_kind_lists_the_known_ones(kind):
    with pytest.raises(UserError, match="additive, multiplicative, uniform"):
        attention_layer(kind, 4)


@pytest.mark.parametrize("units", [0, 2.5, "4", None])
def test_a_bad_width_is_refused(units):
    with pytest.raises(UserError, match="units is"):
        attention_layer("additive", units)


@pytest.mark.parametrize(
    ("use", "says"),
    [
        (lambda: attend(np.ones((2, 3)), np.ones((1, 3, 4)), np.ones((1, 3), bool)), "scores and values"),
        (lambda: attend(np.ones((1, 2, 3)), np.ones((1, 2, 4)), np.ones((1, 3), bool)), "values has the shape"),
        (lambda: attend(np.ones((1, 2, 3)), np.ones((1, 3, 4)), np.ones((1, 2), bool)), "mask has the shape"),
        (lambda: causal_attention(np.ones((2, 3)), np.ones((2, 4)), np.ones((2, 4))), "q, k and v have"),
        (lambda: causal_attention(np.ones((2, 3)), np.ones((2, 3)), np.ones((1, 3))), "q, k and v have"),
        (lambda: causal_attention(np.ones((2, 3)), np.ones((1, 3)), np.ones((1, 3))), "2 queries and 1 keys"),
        (lambda: causal_mask(0), "queries is 0"),
        (lambda: causal_mask(2.5), "queries is 2.5"),
        (lambda: causal_mask(3, 2), "3 queries and 2 keys"),
        (lambda: causal_mask(3, context=0), "context is 0"),
        (lambda: speeds(3), "size is 3; it should be even"),
        (lambda: speeds(0), "size is 0"),
        (lambda: rotate(np.ones((1, 3)), [0]), "size is 3; it should be even"),
    ],
)
def test_bad_shapes_and_sizes_are_refused(use, says):
    with pytest.raises(UserError, match=says):
        use()


def test_examples_in_the_docstrings():
    assert doctest.testmod(attention).failed == 0
