"""Gradient descent in NumPy: lengths, clipping, and Adam against Keras's."""

import numpy as np
import pytest

from companion.cells import Adam, clip, length


def test_clipping_keeps_the_direction_and_leaves_short_gradients_alone():
    gradients = {"W": np.random.default_rng(0).normal(size=(3, 4)), "b": np.ones(4)}
    shortened = clip(gradients, 0.5)
    assert length(shortened) == pytest.approx(0.5)
    assert all(np.allclose(shortened[name] / gradients[name], shortened["b"][0]) for name in gradients)
    assert all(np.array_equal(clip(gradients, 100.0)[name], gradients[name]) for name in gradients)
    assert clip({"b": np.zeros(2)}, 1.0)["b"].tolist() == [0.0, 0.0]


def test_adam_moves_as_keras_does():
    import keras

    rng = np.random.default_rng(0)
    start, moves = rng.normal(size=(3, 2)), rng.normal(size=(20, 3, 2))
    weights = {"W": start.copy()}
    ours = Adam(weights)
    variable = keras.Variable(start, dtype="float64")
    theirs = keras.optimizers.Adam(0.01, epsilon=1e-8)
    for gradient in moves:
        ours.step({"W": gradient}, 0.01)
        theirs.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    assert np.abs(weights["W"] - start).max() > 0.02
    assert np.allclose(weights["W"], np.asarray(variable), atol=1e-5)


def test_adam_finds_the_bottom_of_a_bowl():
    weights = {"w": np.array([3.0, -2.0])}
    adam = Adam(weights)
    for k in range(500):
        adam.step({"w": 2 * weights["w"]}, 0.05 * (1 - k / 500))
    assert np.abs(weights["w"]).max() < 1e-3
