"""The figures of the chapter *learning*: the numbers on the wires of a step, and on the lanes between steps."""

import numpy as np
import pytest
from matplotlib import pyplot as plt

from companion.cells import LSTMCache, initial_weights, lstm_backward, lstm_forward, sigmoid
from companion.chapters.learning import lane_factors, step_graph, two_lanes, wires

WEIGHTS = {"W_x": [[2.0, -1.0, 1.0, -1.0]], "W_h": [[1.0, 1.0, -1.0, 2.0]], "b": [-2.0, 2.0, 0.0, 1.0]}


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def step() -> tuple[LSTMCache, dict[str, np.ndarray]]:
    """A step of the chapter's cell, and its gradients."""
    start = {"h_0": np.array([[0.5]]), "c_0": np.array([[0.8]])}
    h, _, cache = lstm_forward(np.ones((1, 1, 1)), **{name: np.array(w) for name, w in WEIGHTS.items()}, **start)
    return cache, lstm_backward(h - 1, cache)


def run(moved: str = "", by: float = 0.0) -> dict[str, float]:
    """The chapter's step once more, by its formulas, with one of the numbers moved on its way."""
    on: dict[str, float] = {}

    def put(name: str, value: float) -> float:
        on[name] = value + by * (name == moved)
        return on[name]

    for n, gate in enumerate("ifgo"):
        a = put(f"a_{gate}", WEIGHTS["W_x"][0][n] + 0.5 * WEIGHTS["W_h"][0][n] + WEIGHTS["b"][n])
        put(gate, np.tanh(a) if gate == "g" else sigmoid(a))
    keep = put("keep", on["f"] * put("c_before", 0.8))
    c = put("c", keep + put("write", on["i"] * on["g"]))
    h = put("h", on["o"] * put("tanh_c", np.tanh(c)))
    put("L", 0.5 * (h - 1) ** 2)
    return on


def test_each_wire_carries_its_number_and_what_the_loss_gains_if_it_grows(step):
    found, values = wires(*step), run()
    assert found.keys() == values.keys()
    for name, (value, blame) in found.items():
        slope = (run(name, 1e-5)["L"] - run(name, -1e-5)["L"]) / 2e-5
        assert (value, blame) == pytest.approx((values[name], slope), abs=1e-8), name


def test_the_graph_has_each_number_above_its_wire_and_the_blame_below(step):
    written = [(text.get_text(), text.get_position()) for text in step_graph(*step).axes[0].texts]
    for name, wire in wires(*step).items():
        value, blame = (f"{number:.3f}".replace("-", "−") for number in wire)
        places = [place for text, place in written if text.endswith(value)]
        below = [place for text, place in written if text == blame]
        assert any(x == u and y > v for x, y in places for u, v in below), name


@pytest.fixture
def two_steps() -> LSTMCache:
    rng = np.random.default_rng(0)
    *_, cache = lstm_forward(rng.normal(size=(2, 3, 5)), **initial_weights(5, 8, seed=0))
    return cache


def test_the_lanes_factors_are_those_of_the_backward_pass(two_steps):
    cache = two_steps
    blame = np.random.default_rng(4).normal(size=(1, 3, 8))  # as `lane_factors` draws it
    at_the_end, nothing = np.concatenate([np.zeros_like(blame), blame]), np.zeros_like(cache.h)
    from_h, from_c = lstm_backward(at_the_end, cache), lstm_backward(nothing, cache, dc_last=blame[0])
    up, down = from_h["c"][1], from_c["h"][0]
    again = lstm_backward(nothing, cache, dc_last=up)["h"][0]  # up, and down from there
    reached = from_c["c"][0] - down * cache.o[0] * (1 - np.tanh(cache.c[0]) ** 2)  # without the detour
    expected = {"cell": reached, "up": up, "down": down, "hidden": from_h["h"][0] - again}
    size = np.linalg.norm(blame[0], axis=-1)
    for name, factor in lane_factors(cache, seed=4).items():
        assert factor == pytest.approx(np.median(np.linalg.norm(expected[name], axis=-1) / size)), name


def test_each_arrow_between_the_lanes_has_its_factor():
    factors = {"cell": 0.731, "up": 0.498, "down": 0.245, "hidden": 0.012}
    texts = [text.get_text() for text in two_lanes(factors, steps=4).axes[0].texts]
    drawn = {name: sum(text.endswith(f"× {factor:.2f}") for text in texts) for name, factor in factors.items()}
    assert drawn == {"cell": 3, "up": 4, "down": 3, "hidden": 3}
