"""The Transformer: nothing looks ahead, NumPy and the layers agree, and reading in pieces equals reading at once."""

import math

import numpy as np
import pytest

from companion import set_seed
from companion.cells import causal_attention, causal_mask, rotate
from companion.errors import UserError
from companion.evaluation import evaluate, losses, token_losses
from companion.generation import beam_search, generate, read, stepper
from companion.models import language_model, transformer_model, with_states, zero_states
from companion.models.transformer import TransformerBlock, self_attention
from companion.recipes import TRANSFORMER, Trained, load_model, save_model
from companion.tokenizers import CharTokenizer
from companion.training import TrainingConfig, fit

SIZES = {"vocab_size": 11, "hidden_dim": 12, "num_layers": 2, "num_heads": 3, "context": 6}


@pytest.fixture(scope="module")
def model():
    set_seed(3)
    made = transformer_model(**SIZES, dropout=0.1)
    rng = np.random.default_rng(3)
    for variable in made.trainable_variables:  # no zeros and ones, so that a missing bias or scale would show
        variable.assign(variable + rng.normal(0, 0.2, variable.shape).astype(np.float32))
    return made


def some_ids(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, SIZES["vocab_size"], shape).astype(np.int32)


# Causality and the mask


@pytest.mark.parametrize("at", [0, 1, 4, 9, 13])
def test_changing_the_future_never_changes_the_past(model, at):
    """Not a single bit of it. It does change the present, so the test can fail."""
    ids = some_ids(2, 14)
    changed = ids.copy()
    changed[:, at:] = (changed[:, at:] + 1) % SIZES["vocab_size"]
    before, after = model(ids).numpy(), model(changed).numpy()
    np.testing.assert_array_equal(before[:, :at], after[:, :at])
    assert (np.abs(before[:, at] - after[:, at]).max(axis=-1) > 1e-3).all()


def test_a_block_says_the_shapes_that_it_gives():
    """Keras trusts `compute_output_shape` when it builds a model, with states and without."""
    import keras

    block = TransformerBlock(hidden_dim=4, num_heads=2, context=8)
    x, states = np.zeros((3, 5, 4), np.float32), [np.zeros((3, *shape), np.float32) for shape in block.state_shapes]
    given = [tuple(part.shape) for part in block(x)]
    for inputs in ({}, {"initial_state": states}):
        said = block.compute_output_shape(x.shape, *([part.shape for part in each] for each in inputs.values()))
        assert given == list(said) == [tuple(part.shape) for part in block(x, **inputs)]
        symbols = keras.tree.map_structure(lambda part: keras.Input(batch_shape=part.shape), inputs)
        assert given == [tuple(part.shape) for part in block(keras.Input(batch_shape=x.shape), **symbols)]


def test_no_gradient_comes_from_the_future():
    import tensorflow as tf

    block = TransformerBlock(hidden_dim=4, num_heads=2, context=8)
    x = tf.constant(np.random.default_rng(0).normal(size=(1, 6, 4)), tf.float32)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y, *_ = block(x)
        sums = [tf.reduce_sum(y[:, t] ** 2) for t in range(6)]
    for t, total in enumerate(sums):
        gradient = tape.gradient(total, x).numpy()[0]
        assert (gradient[t + 1 :] == 0).all()
        assert (np.abs(gradient[: t + 1]).max(axis=1) > 1e-6).all()


def test_a_block_sees_its_context_and_no_further():
    """One block: a change 5 positions back shows, one 6 back does not (with a context of 6)."""
    set_seed(0)
    model = transformer_model(**{**SIZES, "num_layers": 1})
    ids = some_ids(1, 12)
    changed = ids.copy()
    changed[0, 3] = (changed[0, 3] + 1) % 11
    moved = np.abs(model(ids).numpy() - model(changed).numpy())[0].max(axis=-1)
    assert (moved[:3] == 0).all() and (moved[3:9] > 1e-5).all() and (moved[9:] == 0).all()


def test_the_mask_is_a_band_below_the_diagonal():
    mask = causal_mask(7, context=3)
    assert mask.sum(axis=1).tolist() == [1, 2, 3, 3, 3, 3, 3]
    assert not np.triu(mask, 1).any()
    np.testing.assert_array_equal(causal_mask(2, keys=7, context=3), mask[-2:])
    np.testing.assert_array_equal(causal_mask(5), np.tri(5, dtype=bool))


def test_weights_add_up_to_1_and_are_0_ahead(model):
    found = self_attention(model, some_ids(6))
    assert [w.shape for w in found] == [(3, 6, 6)] * 2
    for weights in found:
        np.testing.assert_allclose(weights.sum(axis=-1), 1, atol=1e-6)
        assert (weights[:, ~np.tri(6, dtype=bool)] == 0).all()
        assert weights[:, np.tri(6, dtype=bool)].min() > 0


# NumPy and the layer


@pytest.mark.parametrize("heads", [1, 3])
def test_the_layer_is_the_numpy_calculation(heads):
    set_seed(5)
    block = TransformerBlock(hidden_dim=12, num_heads=heads, context=9)
    x = np.random.default_rng(1).normal(size=(2, 7, 12)).astype(np.float32)
    block(x)
    W_q, W_k, W_v, W_o = (w.numpy() for w in block.attention.weights)
    mixed, _, _, weights = (array.numpy() for array in block.attention(x, *block.empty(x)))
    at = np.arange(7)

    def one_head(head: int) -> tuple[np.ndarray, np.ndarray]:
        part = slice(head * 12 // heads, (head + 1) * 12 // heads)
        q, k = rotate(x @ W_q[:, part], at), rotate(x @ W_k[:, part], at)
        return causal_attention(q, k, x @ W_v[:, part])

    outputs = [one_head(head) for head in range(heads)]
    np.testing.assert_allclose(mixed, np.concatenate([o for o, _ in outputs], axis=-1) @ W_o, atol=1e-5)
    np.testing.assert_allclose(weights[..., 8:], np.stack([w for _, w in outputs], axis=1), atol=1e-5)


def test_attention_by_hand():
    """Scores 0 and ln 3 after the division by sqrt(1): weights 1/4 and 3/4."""
    q, k, v = np.array([[1.0]]), np.array([[0.0], [math.log(3)]]), np.array([[4.0], [8.0]])
    mixed, weights = causal_attention(q, k, v)
    assert weights.tolist() == [pytest.approx([0.25, 0.75])]
    assert mixed.tolist() == [pytest.approx([7.0])]


def test_scores_are_divided_by_the_root_of_the_size():
    q, k = np.full((1, 4), 1.0), np.stack([np.zeros(4), np.full(4, 0.5)])
    _, weights = causal_attention(q, k, k)
    assert weights[0, 1] / weights[0, 0] == pytest.approx(math.exp(4 * 0.5 / 2))


# Positions


def test_a_score_depends_only_on_the_distance():
    rng = np.random.default_rng(2)
    q, k = rng.normal(size=(1, 8)), rng.normal(size=(1, 8))
    products = {
        back: [(rotate(q, np.array([at])) @ rotate(k, np.array([at - back])).T).item() for at in (9, 30, 200)]
        for back in (0, 1, 7)
    }
    for values in products.values():
        assert values == pytest.approx([values[0]] * 3, abs=1e-4)
    assert products[0][0] == pytest.approx((q @ k.T).item(), abs=1e-5)
    assert len({round(values[0], 3) for values in products.values()}) == 3


def test_order_matters(model):
    """Without positions, attention is blind to order: the last position would not notice a swap before it."""
    ids = np.array([[1, 2, 3, 4]], dtype=np.int32)
    swapped = np.array([[2, 1, 3, 4]], dtype=np.int32)
    assert np.abs(model(ids).numpy()[0, -1] - model(swapped).numpy()[0, -1]).max() > 1e-3


# Reading in pieces, scoring, writing


@pytest.mark.parametrize("cuts", [(1, 2, 3), (5, 6), (13,), ()])
def test_a_text_read_in_pieces_is_the_text_read_at_once(model, cuts):
    import tensorflow as tf

    ids = some_ids(3, 20)
    twin, states, parts = with_states(model), zero_states(model, 3), []
    for part in np.split(ids, cuts, axis=1):
        logits, *states = twin([tf.constant(part), *states])
        parts.append(logits.numpy())
    np.testing.assert_allclose(np.concatenate(parts, axis=1), model(ids).numpy(), atol=1e-5)
    assert [tuple(s.shape) for s in states] == [(3, 5, 12), (3, 5, 12), (3, 1)] * 2


def test_every_token_is_scored_once_with_all_its_context(model, monkeypatch):
    """The streams of `token_losses` warm up on the text before their own, so their starts make no difference."""
    monkeypatch.setattr(losses, "WARM_UP", 64)
    monkeypatch.setattr(losses, "WINDOW", 32)
    ids = some_ids(600)
    costs = token_losses(model, ids)
    logits = model(ids[None]).numpy()[0].astype(np.float64)
    expected = np.log(np.exp(logits).sum(axis=-1))[:-1] - logits[np.arange(len(ids) - 1), ids[1:]]
    assert costs[0] == pytest.approx(math.log(11))
    np.testing.assert_allclose(costs[1:], expected, atol=1e-4)


@pytest.mark.parametrize("length", [1, 5, 6, 7, 40])
def test_stepping_gives_the_logits_that_rereading_gives(model, length):
    """Prompts shorter than the context and far longer: the carried keys and values are all that is needed."""
    ids = some_ids(length, seed=length)
    logits, state = read(model, ids, batch=2)
    np.testing.assert_allclose(logits, np.repeat(model(ids[None]).numpy()[:, -1], 2, axis=0), atol=1e-4)
    assert state[2].tolist() == [length] * 2


def test_a_step_leaves_the_old_state_alone_and_advance_goes_the_same_way(model):
    stepping, (_, state) = stepper(model), read(model, some_ids(9), batch=3)
    before, ids = [array.copy() for array in state], np.array([1, 2, 3])
    first, after = stepping.step(ids, state)
    again, _ = stepping.step(ids, state)
    for array, copy in zip(state, before, strict=True):
        np.testing.assert_array_equal(array, copy)
    advanced, changed = stepping.advance(ids, state)
    np.testing.assert_array_equal([again, advanced], [first, first])
    for array, expected in zip(changed, after, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_texts_that_are_not_equally_long_are_not_stepped_together(model):
    (_, short), (_, long) = read(model, some_ids(2)), read(model, some_ids(4))
    mixed = [np.concatenate(arrays) for arrays in zip(short, long, strict=True)]
    with pytest.raises(UserError, match="different numbers of tokens"):
        stepper(model).step(np.array([1, 1]), mixed)


def test_it_writes_and_searches(model):
    tokenizer = CharTokenizer("abcdefghij")
    text = generate(model, tokenizer, "abc", max_tokens=12, seed=1)
    assert len(text) == 12 and text == generate(model, tokenizer, "abc", max_tokens=12, seed=1)
    greedy = generate(model, tokenizer, "abc", max_tokens=12, greedy=True)
    assert greedy == beam_search(model, tokenizer, "abc", max_tokens=12, beam_width=1)
    ids = tokenizer.encode("abc").tolist()
    for _ in range(12):  # by rereading the whole prefix
        logits = model(np.array([ids], dtype=np.int32)).numpy()[0, -1]
        logits[0] = -np.inf  # the unknown token is never written
        ids.append(int(logits.argmax()))
    assert greedy == tokenizer.decode(ids[3:])


# Training and saving


def test_it_learns_what_needs_looking_back():
    """Each token repeats the one four before it: the loss falls far below that of guessing, ln 5."""
    rng = np.random.default_rng(0)
    ids = np.tile(rng.integers(0, 5, 4), 500).astype(np.int32)
    ids[rng.random(len(ids)) < 0.02] = 0
    set_seed(1)
    model = transformer_model(5, hidden_dim=16, num_layers=1, num_heads=2, context=8)
    config = TrainingConfig(epochs=2, batch_size=4, window=10, learning_rate=1e-2, warmup_steps=5)
    history = fit(model, ids[:1800], ids[1800:], config, progress=False)
    assert history.best["validation_loss"] < 0.5
    assert evaluate(model, ids[1800:]).nats_per_token == pytest.approx(history.best["validation_loss"], abs=1e-5)


def test_what_is_loaded_is_what_was_saved(model, tmp_path):
    sizes = {**SIZES, "dropout": 0.1}
    save_model(tmp_path / "m", Trained(model, CharTokenizer("abcdefghij"), sizes, kind=TRANSFORMER))
    loaded = load_model(tmp_path / "m")
    assert (loaded.kind, loaded.sizes) == (TRANSFORMER, sizes)
    np.testing.assert_array_equal(loaded.model(some_ids(1, 9)), model(some_ids(1, 9)))


@pytest.mark.parametrize(
    "sizes", [SIZES, {**SIZES, "vocab_size": 85, "hidden_dim": 64, "num_layers": 3, "num_heads": 4}]
)
def test_the_number_of_parameters_follows_from_the_sizes(sizes):
    V, d, L = sizes["vocab_size"], sizes["hidden_dim"], sizes["num_layers"]
    block = 4 * d * d + (d * 4 * d + 4 * d) + (4 * d * d + d) + 2 * 2 * d
    assert transformer_model(**sizes).count_params() == V * d + L * block + 2 * d + (d * V + V)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"num_heads": 5}, "multiple of 10"),
        ({"num_heads": 0}, "num_heads is 0"),
        ({"hidden_dim": "12"}, "hidden_dim is 12"),
        ({"hidden_dim": 9, "num_heads": 3}, "multiple of 6"),
        ({"context": 1}, "context is 1; .* at least 2"),
        ({"context": 2.5}, "context is 2.5"),
        ({"num_layers": 0}, "num_layers is 0"),
        ({"dropout": 1.0}, "dropout is 1.0"),
    ],
)
def test_bad_sizes_are_reported(settings, says):
    with pytest.raises(UserError, match=says):
        transformer_model(**{**SIZES, **settings})


def test_models_without_attention_weights_are_refused(model):
    with pytest.raises(UserError, match="no Transformer blocks"):
        self_attention(language_model(5, 3, 4), np.zeros(3, np.int32))
    with pytest.raises(UserError, match="context is 6"):
        self_attention(model, some_ids(7))


@pytest.mark.parametrize("ids", [[], [11], [-1], [1.5], None, "ab", [[1, 2]]])
def test_bad_ids_to_look_at_are_reported(model, ids):
    with pytest.raises(UserError, match="one row of ids|knows ids 0 to 10"):
        self_attention(model, ids)
