"""The cells from scratch: against finite differences, against Keras, and where numbers get too large."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from companion import UserError, set_seed
from companion.cells import (
    GRU_GATES,
    gradient_check,
    gru_backward,
    gru_forward,
    initial_weights,
    lstm_backward,
    lstm_forward,
    peephole_backward,
    peephole_forward,
    rnn_backward,
    rnn_forward,
    sigmoid,
    split_gates,
    weights_from_keras,
    weights_to_keras,
)

GATES = {"rnn": 1, "lstm": 4, "gru": 3, "peephole": 4}
FORWARD = {"rnn": rnn_forward, "lstm": lstm_forward, "gru": gru_forward, "peephole": peephole_forward}
BACKWARD = {"rnn": rnn_backward, "lstm": lstm_backward, "gru": gru_backward, "peephole": peephole_backward}
KERAS = {"rnn": "SimpleRNN", "lstm": "LSTM", "gru": "GRU"}


def states_of(cell):
    return ("h_0", "c_0") if cell in ("lstm", "peephole") else ("h_0",)


def random_values(cell, time, batch, features, units, seed=0, scale=1.0, dtype=np.float64):
    """Random input, weights and initial states of a cell, by the names of its arguments."""
    width = GATES[cell] * units
    shapes = {
        "x": (time, batch, features),
        "W_x": (features, width),
        "W_h": (units, width),
        "b": (2, width) if cell == "gru" else (width,),
        **({"p": (3, units)} if cell == "peephole" else {}),
        **dict.fromkeys(states_of(cell), (batch, units)),
    }
    rng = np.random.default_rng(seed)
    return {name: (scale * rng.normal(size=shape)).astype(dtype) for name, shape in shapes.items()}


def gradients_of(cell, values, mask, dh, dc_last):
    *_, cache = FORWARD[cell](**values, mask=mask)
    return BACKWARD[cell](dh, cache, *([] if len(states_of(cell)) == 1 else [dc_last]))


# ---------------------------------------------------------------------------------------------------------------
# Against finite differences


@pytest.mark.parametrize("cell", FORWARD)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_gradients_equal_finite_differences(cell, data):
    time, batch, features, units = (data.draw(st.integers(1, most), label=str(most)) for most in (5, 3, 4, 3))
    seed = data.draw(st.integers(0, 10_000), label="seed")
    states = data.draw(st.sets(st.sampled_from(states_of(cell))), label="states given")
    rows = st.lists(st.booleans(), min_size=batch, max_size=batch)
    mask = data.draw(st.none() | st.lists(rows, min_size=time, max_size=time).map(np.array), label="mask")

    values = random_values(cell, time, batch, features, units, seed)
    values = {name: value for name, value in values.items() if name not in states_of(cell) or name in states}
    rng = np.random.default_rng(seed + 1)
    dh, dc_last = rng.normal(size=(time, batch, units)), rng.normal(size=(batch, units))

    def loss(values):
        h, *c, _ = FORWARD[cell](**values, mask=mask)
        return float((h * dh).sum() + sum((c_t[-1] * dc_last).sum() for c_t in c))

    before = {name: value.copy() for name, value in values.items()}
    errors = gradient_check(loss, values, gradients_of(cell, values, mask, dh, dc_last))
    assert errors.keys() == values.keys()
    assert max(errors.values()) < 1e-6, errors
    assert all(np.array_equal(values[name], before[name]) for name in values)


@pytest.mark.parametrize("cell", FORWARD)
def test_the_check_finds_a_wrong_gradient(cell):
    values = random_values(cell, 4, 2, 3, 2)
    dh, dc_last = np.ones((4, 2, 2)), np.zeros((2, 2))
    gradients = gradients_of(cell, values, None, dh, dc_last)
    gradients["W_h"][0, 0] += 0.001 * np.abs(gradients["W_h"]).max()
    errors = gradient_check(lambda v: float(FORWARD[cell](**v)[0].sum()), values, gradients)
    assert errors.pop("W_h") > 1e-5
    assert max(errors.values()) < 1e-6


def test_the_check_needs_every_gradient_in_its_shape():
    values = {"w": np.ones(3)}
    with pytest.raises(UserError, match="no gradient for w; there are gradients for b, c"):
        gradient_check(lambda v: float(v["w"].sum()), values, {"b": np.ones(3), "c": np.ones(3)})
    with pytest.raises(UserError, match=r"gradient of w has the shape \(2,\); it should be \(3,\)"):
        gradient_check(lambda v: float(v["w"].sum()), values, {"w": np.ones(2)})
    assert gradient_check(lambda v: 1.0, values, {"w": np.zeros(3)}) == {"w": 0.0}


# ---------------------------------------------------------------------------------------------------------------
# Against Keras


def keras_layer(cell, features, units):
    import keras

    layer = getattr(keras.layers, KERAS[cell])(units, return_sequences=True, return_state=True)
    layer.build((None, None, features))
    return layer


@pytest.mark.parametrize("cell", KERAS)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("direction", ["from Keras", "to Keras"])
def test_forward_and_gradients_equal_keras(cell, masked, direction):
    import tensorflow as tf

    time, batch, features, units = 12, 5, 7, 6
    set_seed(3)
    values = random_values(cell, time, batch, features, units, seed=4, scale=0.5, dtype=np.float32)
    layer = keras_layer(cell, features, units)
    if direction == "to Keras":
        weights_to_keras(layer, values["W_x"], values["W_h"], values["b"])
        assert all(np.array_equal(weights_from_keras(layer)[name], values[name]) for name in ("W_x", "W_h", "b"))
    else:
        values |= weights_from_keras(layer)
    rng = np.random.default_rng(5)
    mask = rng.random((time, batch)) < 0.6 if masked else None
    if masked:
        mask[0] = True  # Keras gives zeros, not the initial state, for steps left out before the first one read
        mask[5:, 2] = False  # a short sequence, padded at its end
    dh = rng.normal(size=(time, batch, units)).astype(np.float32)
    dc_last = rng.normal(size=(batch, units)).astype(np.float32)

    x = tf.Variable(values["x"].swapaxes(0, 1))
    states = [tf.Variable(values[name]) for name in states_of(cell)]
    with tf.GradientTape() as tape:
        outputs, *last = layer(x, initial_state=states, mask=None if mask is None else tf.constant(mask.T))
        loss = tf.reduce_sum(outputs * dh.swapaxes(0, 1))
        if cell == "lstm":
            loss += tf.reduce_sum(last[1] * dc_last)
    theirs = tape.gradient(loss, [x, *layer.trainable_variables, *states])

    h, *c, _ = FORWARD[cell](**values, mask=mask)
    np.testing.assert_allclose(h.swapaxes(0, 1), outputs, atol=1e-5)
    for state, its_last in zip([h, *c], last, strict=True):
        np.testing.assert_allclose(state[-1], its_last, atol=1e-5)
    ours = gradients_of(cell, values, mask, dh, dc_last)
    assert all(gradient.dtype == np.float32 for gradient in ours.values())
    ours["x"] = ours["x"].swapaxes(0, 1)
    for name, gradient in zip(("x", "W_x", "W_h", "b", *states_of(cell)), theirs, strict=True):
        scale = max(1.0, float(np.abs(gradient).max()))
        np.testing.assert_allclose(ours[name] / scale, gradient / scale, atol=1e-4, err_msg=name)


def test_initial_weights_need_sizes():
    with pytest.raises(UserError, match="units is 0"):
        initial_weights(3, 0)


def test_keras_layers_that_differ_are_refused():
    import keras

    W = initial_weights(3, 2)
    for settings_, says in [
        ({"activation": "relu"}, "activation='relu'"),
        ({"recurrent_activation": "tanh"}, "recurrent_activation='tanh'"),
        ({"use_bias": False}, "use_bias=False"),
        ({}, "no weights yet"),
    ]:
        with pytest.raises(UserError, match=says):
            weights_to_keras(keras.layers.LSTM(2, **settings_), **W)
    with pytest.raises(UserError, match="reset_after=False"):
        weights_from_keras(keras.layers.GRU(2, reset_after=False))
    with pytest.raises(UserError, match="of type Dense; expected SimpleRNN, LSTM or GRU"):
        weights_from_keras(keras.layers.Dense(2))
    with pytest.raises(UserError, match=r"W_x has the shape \(3, 8\); it should be \(5, 8\)"):
        weights_to_keras(keras_layer("lstm", 5, 2), **W)


# ---------------------------------------------------------------------------------------------------------------
# Relations that must hold


@pytest.mark.parametrize("cell", FORWARD)
def test_a_masked_step_changes_nothing(cell):
    values = random_values(cell, 6, 1, 3, 4)
    mask = np.array([0, 1, 1, 0, 1, 0], dtype=bool)[:, None]
    dc_last = np.ones((1, 4))
    short = values | {"x": values["x"][mask[:, 0]]}
    h, *c, _ = FORWARD[cell](**values, mask=mask)
    h_short, *c_short, _ = FORWARD[cell](**short)
    for state, state_short, start in zip([h, *c], [h_short, *c_short], states_of(cell), strict=True):
        np.testing.assert_array_equal(state[mask[:, 0]], state_short)
        np.testing.assert_array_equal(state[0], values[start])  # carried through unchanged
        np.testing.assert_array_equal(state[3], state[2])
        np.testing.assert_array_equal(state[5], state[4])
    dh = np.where(mask[:, :, None], np.random.default_rng(1).normal(size=h.shape), 0.0)
    ours = gradients_of(cell, values, mask, dh, dc_last)
    expected = gradients_of(cell, short, None, dh[mask[:, 0]], dc_last)
    assert not ours["x"][~mask[:, 0]].any()
    for name in expected:
        got = ours[name][mask[:, 0]] if name in ("x", "h", "c") else ours[name]
        np.testing.assert_allclose(got, expected[name], atol=1e-12)


@pytest.mark.parametrize("cell", FORWARD)
def test_reading_in_two_parts_equals_reading_at_once(cell):
    values = random_values(cell, 7, 2, 3, 4)
    h, *c, _ = FORWARD[cell](**values)
    h_1, *c_1, _ = FORWARD[cell](**values | {"x": values["x"][:3]})
    states = dict(zip(states_of(cell), [state[-1] for state in (h_1, *c_1)], strict=True))
    h_2, *c_2, _ = FORWARD[cell](**values | {"x": values["x"][3:]} | states)
    for whole, first, second in zip([h, *c], [h_1, *c_1], [h_2, *c_2], strict=True):
        np.testing.assert_allclose(np.concatenate([first, second]), whole, atol=1e-12)


@pytest.mark.parametrize("cell", ["rnn", "lstm"])
def test_gradients_at_a_step_equal_those_of_the_text_from_there(cell):
    values = random_values(cell, 7, 2, 3, 4)
    dh, dc_last = np.random.default_rng(1).normal(size=(7, 2, 4)), np.ones((2, 4))
    mask = np.random.default_rng(2).random((7, 2)) < 0.7
    whole = gradients_of(cell, values, mask, dh, dc_last)
    h, *c, cache = FORWARD[cell](**values, mask=mask)
    for t in range(6):
        states = dict(zip(states_of(cell), [state[t] for state in (h, *c)], strict=True))
        rest = gradients_of(cell, values | {"x": values["x"][t + 1 :]} | states, mask[t + 1 :], dh[t + 1 :], dc_last)
        np.testing.assert_allclose(whole["h"][t], dh[t] + rest["h_0"], atol=1e-12)
        if cell == "lstm":  # a step that is read shows its cell through h[t] too
            shown = whole["h"][t] * cache.o[t] * (1 - np.tanh(c[0][t]) ** 2)
            expected = rest["c_0"] + np.where(mask[t][:, None], shown, 0.0)
            np.testing.assert_allclose(whole["c"][t], expected, atol=1e-12)


def test_the_gates_are_the_formulas():
    values = random_values("lstm", 1, 1, 2, 3)
    W = split_gates(values["W_x"], values["W_h"], values["b"])
    h, c, cache = lstm_forward(**values)
    for gate in "ifo":
        a = values["x"][0] @ W[f"W_{gate}x"] + values["h_0"] @ W[f"W_{gate}h"] + W[f"b_{gate}"]
        np.testing.assert_allclose(getattr(cache, gate)[0], 1 / (1 + np.exp(-a)))
    g = np.tanh(values["x"][0] @ W["W_gx"] + values["h_0"] @ W["W_gh"] + W["b_g"])
    np.testing.assert_allclose(c[0], cache.f[0] * values["c_0"] + cache.i[0] * g)
    np.testing.assert_allclose(h[0], cache.o[0] * np.tanh(c[0]))


def test_split_gates_shows_views_of_the_gru_too():
    values = random_values("gru", 1, 1, 2, 3)
    W = split_gates(values["W_x"], values["W_h"], values["b"], GRU_GATES)
    W["b_r"][1, :] = 7.0
    np.testing.assert_array_equal(values["b"][1, 3:6], 7.0)
    assert list(W) == [name for kind in ("W_{}x", "W_{}h", "b_{}") for name in map(kind.format, "zrg")]


def test_without_peepholes_it_is_the_lstm():
    values = random_values("peephole", 5, 2, 3, 4) | {"p": np.zeros((3, 4))}
    plain = {name: value for name, value in values.items() if name != "p"}
    np.testing.assert_array_equal(peephole_forward(**values)[0], lstm_forward(**plain)[0])


def test_an_open_forget_gate_carries_a_gradient_whole():
    # The constant error carousel: f = 1, i = 0, so c_0's gradient is that of the last cell state at any distance.
    weights = initial_weights(2, 3)
    W = split_gates(**weights)
    W["b_f"][:], W["b_i"][:] = 1000.0, -1000.0
    c_0 = np.array([[0.5, -2.0, 3.0]])
    _, c, cache = lstm_forward(np.random.default_rng(0).normal(size=(200, 1, 2)), **weights, c_0=c_0)
    np.testing.assert_array_equal(c[-1], c_0)
    gradients = lstm_backward(np.zeros((200, 1, 3)), cache, dc_last=np.array([[1.0, 2.0, -1.0]]))
    np.testing.assert_array_equal(gradients["c_0"], [[1.0, 2.0, -1.0]])


def test_initial_weights_are_as_keras_draws_them():
    weights = initial_weights(10, 32, forget_bias=0.5, seed=1, dtype=np.float32)
    assert {name: (w.shape, w.dtype) for name, w in weights.items()} == {
        "W_x": ((10, 128), np.float32),
        "W_h": ((32, 128), np.float32),
        "b": ((128,), np.float32),
    }
    np.testing.assert_allclose(weights["W_h"] @ weights["W_h"].T, np.eye(32), atol=1e-5)
    assert 0.9 < np.abs(weights["W_x"]).max() / np.sqrt(6 / (10 + 128)) <= 1
    assert np.array_equal(np.flatnonzero(weights["b"] == 0.5), np.arange(32, 64))
    assert not initial_weights(10, 32, gates=1)["b"].any()
    assert not np.array_equal(initial_weights(10, 32, seed=2)["W_h"], initial_weights(10, 32, seed=1)["W_h"])


# ---------------------------------------------------------------------------------------------------------------
# Where numbers get too large, and shapes wrong


def test_sigmoid():
    a = np.linspace(-30, 30, 601)
    np.testing.assert_allclose(sigmoid(a), 1 / (1 + np.exp(-a)), atol=1e-15)
    for dtype in (np.float32, np.float64):
        most = np.finfo(dtype).max
        with np.errstate(all="raise"):
            got = sigmoid(np.array([-np.inf, -most, -1e4, 0, 1e4, most, np.inf], dtype=dtype))
        assert got.dtype == dtype
        assert got.tolist() == [0, 0, 0, 0.5, 1, 1, 1]


@pytest.mark.parametrize("cell", FORWARD)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e2, 1e4, 1e8])
def test_saturated_and_huge_inputs_stay_finite(cell, dtype, scale):
    values = random_values(cell, 6, 3, 4, 5, dtype=dtype)
    huge = {name: (value * scale).astype(dtype) for name, value in values.items()}
    far = values | {"x": (values["x"] * scale**2).astype(dtype)}
    for given_values in (huge, far):
        with np.errstate(over="raise", invalid="raise", divide="raise"):  # underflow to 0 is right
            outputs = FORWARD[cell](**given_values)[:-1]
            gradients = gradients_of(cell, given_values, None, np.ones_like(outputs[0]), np.ones_like(outputs[0][0]))
        for array in (*outputs, *gradients.values()):
            assert array.dtype == dtype
            assert np.isfinite(array).all()
        if cell != "gru":  # the GRU's state starts huge and may be kept
            assert np.abs(outputs[0]).max() <= 1


@pytest.mark.parametrize(
    ("name", "shape", "says"),
    [
        ("x", (4, 3), r"x has the shape \(4, 3\); it should be \(time, batch, features\)"),
        ("x", (0, 2, 3), "with at least one step"),
        ("x", (4, 2, 9), r"W_x has the shape \(3, 20\); it should be \(9, 20\): \(features, 4 \* units\)"),
        ("W_x", (3, 16), r"W_x has the shape \(3, 16\); it should be \(3, 20\)"),
        ("W_h", (5, 15), r"W_h has the shape \(5, 15\); it should be \(5, 20\): \(units, 4 \* units\)"),
        ("b", (5,), r"b has the shape \(5,\); it should be \(20,\)"),
        ("h_0", (5,), r"h_0 has the shape \(5,\); it should be \(2, 5\): \(batch, units\)"),
        ("c_0", (1, 5), r"c_0 has the shape \(1, 5\); it should be \(2, 5\)"),
        ("mask", (2, 4), r"mask has the shape \(2, 4\); it should be \(4, 2\): \(time, batch\)"),
        ("p", (5,), r"p has the shape \(5,\); it should be \(3, 5\)"),
    ],
)
def test_a_wrong_shape_is_reported_with_the_right_one(name, shape, says):
    values = random_values("peephole", 4, 2, 3, 5) | {name: np.ones(shape)}
    for cell in ("peephole", "lstm"):
        if cell == "lstm" and values.pop("p").shape != (3, 5):
            break
        with pytest.raises(UserError, match=says):
            FORWARD[cell](**values)


def test_a_wrong_shape_is_reported_by_the_other_passes_too():
    for cell, says in [("rnn", r"\(5, 5\): \(units, units\)"), ("gru", r"\(5, 15\): \(units, 3 \* units\)")]:
        values = random_values(cell, 4, 2, 3, 5)
        with pytest.raises(UserError, match=says):
            FORWARD[cell](**values | {"W_h": np.ones((5, 7))})
    values = random_values("gru", 4, 2, 3, 5)
    with pytest.raises(UserError, match=r"b has the shape \(15,\); it should be \(2, 15\)"):
        gru_forward(**values | {"b": np.ones(15)})
    for cell in FORWARD:
        *_, cache = FORWARD[cell](**random_values(cell, 4, 2, 3, 5))
        with pytest.raises(UserError, match=r"dh has the shape \(2, 5\); it should be \(4, 2, 5\)"):
            BACKWARD[cell](np.ones((2, 5)), cache)
    for cell in ("lstm", "peephole"):
        *_, cache = FORWARD[cell](**random_values(cell, 4, 2, 3, 5))
        with pytest.raises(UserError, match=r"dc_last has the shape \(5,\); it should be \(2, 5\)"):
            BACKWARD[cell](np.ones((4, 2, 5)), cache, np.ones(5))
