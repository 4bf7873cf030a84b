"""Counts from shapes against independent ones: Keras, TensorFlow's profiler, the graph, the caches of our own cells."""

import numpy as np
import pytest

from companion import models
from companion.analysis import costs
from companion.cells import gru_forward, initial_weights, lstm_forward, rnn_forward
from companion.errors import UserError
from companion.generation import stepper
from companion.models import language_model

LANGUAGE_MODELS = [
    {"vocab_size": 11, "embedding_dim": 5, "units": 7, "cell": cell, "num_layers": layers}
    for cell in ("rnn", "gru", "lstm")
    for layers in (1, 2)
]
TRANSFORMER = {"vocab_size": 11, "hidden_dim": 12, "num_layers": 2, "num_heads": 2, "context": 6}


@pytest.mark.parametrize("sizes", LANGUAGE_MODELS, ids=lambda sizes: f"{sizes['cell']}-{sizes['num_layers']}")
def test_a_recurrent_model_has_the_parameters_that_keras_counts(sizes):
    model = language_model(**sizes)
    assert costs.language_model(**sizes).parameters == model.count_params()
    assert costs.count(model) == costs.language_model(**sizes)


def test_a_transformer_has_the_parameters_that_keras_counts():
    model = models.transformer_model(**TRANSFORMER)
    assert costs.transformer_model(**TRANSFORMER).parameters == model.count_params()
    assert costs.count(model) == costs.transformer_model(**TRANSFORMER)


def test_the_article_s_model_has_the_parameters_that_keras_counts():
    assert costs.article_model(50, 6, 7).parameters == models.article_model(50, 6, 7).count_params()


def test_the_article_s_model_by_hand():
    one_step, answer = 4 * 64 * (128 + 64), 64 * 10_000
    assert costs.article_model(window=16).forward_flops() == 2 * (16 * one_step + answer)


def profiled_matmuls(function, *shapes):
    """The operations of a graph's MatMuls, as TensorFlow's own profiler counts them."""
    import tensorflow as tf

    graph = tf.function(function).get_concrete_function(*(tf.TensorSpec(shape) for shape in shapes)).graph
    builder = tf.compat.v1.profiler.ProfileOptionBuilder
    options = builder(builder.float_operation()).with_empty_output().build()
    found = tf.compat.v1.profiler.profile(graph, tf.compat.v1.RunMetadata(), cmd="op", options=options)
    return sum(child.float_ops for child in _nodes(found) if child.name == "MatMul")


def _nodes(node):
    yield node
    for child in node.children:
        yield from _nodes(child)


@pytest.mark.parametrize(("cell", "layer"), [("rnn", "SimpleRNN"), ("gru", "GRU"), ("lstm", "LSTM")])
def test_a_cell_does_the_products_that_tensorflow_s_profiler_counts(cell, layer):
    import keras

    batch, time, inputs, units = 2, 3, 5, 7  # unrolled: the profiler counts the body of a loop only once
    unrolled = getattr(keras.layers, layer)(units, unroll=True)
    counted = profiled_matmuls(unrolled, (batch, time, inputs))
    assert counted == 2 * batch * time * costs.recurrent(cell, inputs, units).products


def test_a_transformer_does_the_products_of_its_graph():
    import tensorflow as tf

    batch, time = 2, 4
    model = models.transformer_model(**TRANSFORMER)
    ids = tf.TensorSpec((batch, time), tf.int32)
    graph = tf.function(lambda ids: model(ids)).get_concrete_function(ids).graph
    shapes = {}
    products = 0
    for op in graph.get_operations():
        if op.type in ("MatMul", "BatchMatMulV2"):
            a, b = (tensor.shape.as_list() for tensor in op.inputs)
            inner = a[-2] if op.type == "MatMul" and op.get_attr("transpose_a") else a[-1]
            products += int(np.prod(op.outputs[0].shape.as_list())) * inner
            shapes[op.name] = (a, b)
    # A window is scored at once against itself and the places before it, whether filled or not.
    keys = TRANSFORMER["context"] - 1 + time
    cost = costs.transformer_model(**TRANSFORMER | {"context": keys})
    assert 2 * products == cost.forward_flops(batch * time)


def test_training_is_the_three_products_of_every_matrix():
    """Of y = x W: the product itself, and the gradients for x and for W, are of the same size."""
    layer = costs.Cost((costs.dense(5, 7),))
    assert layer.training_flops(tokens=3) == 3 * (2 * 3 * 5 * 7)


def test_gpt_3_by_hand():
    """175 billion parameters in 96 blocks of width 12,288 and 50,257 tokens (Brown et al. 2020, table 2.1)."""
    gpt3 = costs.transformer_model(50_257, hidden_dim=12_288, num_layers=96, num_heads=96, context=2048)
    assert gpt3.parameters == pytest.approx(175e9, rel=0.01)
    assert gpt3.training_flops(300 * 10**9) == pytest.approx(3.14e23, rel=0.05)


def test_activations_are_what_our_own_backward_pass_keeps():
    x, batch, time, units = np.zeros((4, 3, 5)), 3, 4, 7
    W = initial_weights(5, units, seed=0)
    *_, cache = lstm_forward(x, **W)
    held = sum(getattr(cache, name).size for name in ("i", "f", "g", "o", "c", "h"))
    assert held == batch * time * costs.recurrent("lstm", 5, units).kept
    *_, cache = rnn_forward(x, **initial_weights(5, units, gates=1, seed=0))
    assert cache.h.size == batch * time * costs.recurrent("rnn", 5, units).kept
    *_, cache = gru_forward(x, np.zeros((5, 21)), np.zeros((7, 21)), np.zeros((2, 21)))
    held = sum(getattr(cache, name).size for name in ("z", "r", "g", "a_gh", "h"))
    assert held == batch * time * costs.recurrent("gru", 5, units).kept


@pytest.mark.parametrize("sizes", LANGUAGE_MODELS, ids=lambda sizes: f"{sizes['cell']}-{sizes['num_layers']}")
def test_the_state_is_the_stepper_s(sizes):
    state = stepper(language_model(**sizes)).start(1)
    assert costs.language_model(**sizes).state == sum(array.size for array in state)


def test_the_state_of_a_transformer_is_the_stepper_s_keys_and_values():
    state = stepper(models.transformer_model(**TRANSFORMER)).start(1)
    assert costs.transformer_model(**TRANSFORMER).state == sum(array.size for array in state if array.ndim == 4)


def test_memory_by_hand():
    cost = costs.Cost((costs.embedding(10, 3), costs.recurrent("rnn", 3, 5), costs.dense(5, 10)))
    memory = cost.training_memory(tokens=6)
    assert memory == (4 * 135, 4 * 135, 8 * 135, 4 * 6 * (3 + 5 + 10))
    assert memory.total == sum(memory)
    # To write: the RNN's 45 numbers and the dense layer's 60, a row of 3 and a state of 5 for each text.
    assert cost.step_bytes(texts=1) == 4 * (45 + 60 + 3 + 5)
    assert cost.step_bytes(texts=4) == 4 * (45 + 60 + 4 * (3 + 5))
    assert cost.step_bytes(texts=1, bytes_per_weight=1) == 45 + 60 + 3 + 4 * 5


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (lambda: costs.recurrent("mlp", 3, 4), "no cell 'mlp'; there are rnn, gru, lstm"),
        (lambda: costs.language_model(10, units=0), "units is 0"),
        (lambda: costs.dense(1.5, 3), "inputs is 1.5"),
        (lambda: costs.transformer_model(10, num_layers=0), "num_layers is 0"),
        (lambda: costs.article_model(window=0), "window is 0"),
        (lambda: costs.count(models.article_model(50, 6, 7)), "answers only once for a whole window"),
        (lambda: costs.count(_convolution()), r"\(Conv1D\) can't be counted"),
    ],
)
def test_bad_input_gives_one_sentence(wrong, told):
    with pytest.raises(UserError, match=told):
        wrong()


def _convolution():
    import keras

    return keras.Sequential([keras.Input((4, 3)), keras.layers.Conv1D(2, 2)])
