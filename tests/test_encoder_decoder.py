"""Encoder-decoders: padding that can't leak, steps equal to re-reading, copying, training and saving."""

import signal

import numpy as np
import pytest

from companion import UserError, set_seed
from companion.evaluation import evaluate_pairs
from companion.generation import Sampler, SourceStepper, beam_ids, decode, sample_ids, softmax, stream_target
from companion.models.encoder_decoder import encoder_decoder, parts, source_attention
from companion.recipes import ENCODER_DECODER, Trained, load_model, save_model
from companion.tokenizers import BEGIN, END, PAD, UNKNOWN, Pairs, PairVocabulary, Vocabulary
from companion.training import TrainingConfig, TrainingInterrupted, fit_pairs

VARIANTS = {
    "additive": {},
    "multiplicative": {"attention": "multiplicative", "dropout": 0.2},
    "copy": {"copy": True},
    "uniform": {"attention": "uniform"},
}
SIZES = {"source_vocab": 9, "target_vocab": 9, "embedding_dim": 5, "units": 6}


def small(**settings):
    """A tiny network whose weights are large enough that everything in it matters."""
    set_seed(3)
    model = encoder_decoder(**SIZES, **settings)
    rng = np.random.default_rng(4)
    for variable in model.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.6, variable.shape))
    return model


@pytest.fixture(scope="module", params=VARIANTS)
def model(request):
    return small(**VARIANTS[request.param])


@pytest.fixture(scope="module")
def copier():
    return small(copy=True)


def copies(model):
    return any(layer.name == "copy" for layer in model.layers)


def some_pairs(n=30, highest=9, seed=0):
    """Sequences to be turned around."""
    rng = np.random.default_rng(seed)
    sources = [rng.integers(4, highest, rng.integers(1, 6)) for _ in range(n)]
    return Pairs(sources, [source[::-1] for source in sources])


# -- masks -------------------------------------------------------------------------------------------------------


def logits_of(model, source, written):
    return np.asarray(model([np.asarray(source, np.int32), np.asarray(written, np.int32)]))


def test_more_padding_in_the_source_changes_nothing(model):
    sources, written, _ = some_pairs(8).batch(range(8))
    longer = np.pad(sources, [(0, 0), (0, 7)])
    np.testing.assert_allclose(logits_of(model, longer, written), logits_of(model, sources, written), atol=1e-5)
    alone = [logits_of(model, [s[s != PAD]], written[i : i + 1])[0] for i, s in enumerate(sources)]
    width = min(a.shape[-1] for a in alone)
    np.testing.assert_allclose(np.stack(alone)[..., :width], logits_of(model, sources, written)[..., :width], atol=1e-5)


def test_what_the_padding_holds_changes_nothing(model):
    """Padding is read through one row of the embedding, which may hold anything."""
    sources, written, _ = some_pairs(8).batch(range(8))
    before, embedding = logits_of(model, sources, written), model.get_layer("source_embedding")
    table = embedding.get_weights()[0]
    changed = table.copy()
    changed[PAD] = 1e3
    inputs = written if not copies(model) else np.where(written == PAD, 4, written)  # one embedding reads both
    reference = before if not copies(model) else logits_of(model, sources, inputs)
    embedding.set_weights([changed])
    after = logits_of(model, sources, inputs)
    embedding.set_weights([table])
    np.testing.assert_array_equal(after, reference)


def test_padding_of_the_target_changes_neither_earlier_steps_nor_the_loss(model):
    pairs = some_pairs(8)
    sources, written, target = pairs.batch(range(8))
    longer = np.pad(written, [(0, 0), (0, 4)], constant_values=5)
    length = written.shape[1]
    np.testing.assert_allclose(
        logits_of(model, sources, longer)[:, :length], logits_of(model, sources, written), atol=1e-5
    )
    each = zip(pairs.sources, pairs.targets, strict=True)
    one_by_one = [evaluate_pairs(model, Pairs([s], [t])) for s, t in each]
    total = sum(score.nats_per_token * score.tokens for score in one_by_one)
    together = evaluate_pairs(model, pairs)
    assert together.tokens == (target != PAD).sum()
    assert together.nats_per_token * together.tokens == pytest.approx(total, rel=1e-5)


def test_a_later_target_token_changes_no_earlier_logits(model):
    sources, written, _ = some_pairs(8).batch(range(8))
    other = written.copy()
    other[:, 3:] = 8
    np.testing.assert_allclose(
        logits_of(model, sources, other)[:, :3], logits_of(model, sources, written)[:, :3], atol=1e-6
    )


def test_attention_adds_up_to_1(model):
    weights = source_attention(model, [4, 5, 6, 7], [5, 6])
    assert weights.shape == (3, 4)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)


# -- training ----------------------------------------------------------------------------------------------------


def test_gradients_reach_every_weight(model):
    import tensorflow as tf

    sources, written, target = some_pairs().batch(range(30))
    with tf.GradientTape() as tape:
        losses = tf.nn.sparse_softmax_cross_entropy_with_logits(target, model([sources, written]))
        loss = tf.reduce_sum(losses * tf.cast(target != PAD, tf.float32))
    for variable, gradient in zip(
        model.trainable_variables, tape.gradient(loss, model.trainable_variables), strict=True
    ):
        gradient = np.asarray(tf.convert_to_tensor(gradient))
        assert np.isfinite(gradient).all() and np.abs(gradient).max() > 0, variable.path


CONFIG = TrainingConfig(epochs=12, batch_size=16, learning_rate=2e-2, warmup_steps=10, average=0.9)


def test_it_learns_to_turn_a_sequence_around_and_comes_back_from_a_folder(tmp_path):
    set_seed(0)
    sizes = {**SIZES, "units": 24, "embedding_dim": 8}
    model = encoder_decoder(**sizes)
    held_out = some_pairs(40, seed=1)
    history = fit_pairs(model, some_pairs(300), held_out, CONFIG, progress=False)
    assert history.rows[-1]["tokens"] == 12 * sum(len(t) + 1 for t in some_pairs(300).targets)
    assert evaluate_pairs(model, held_out).nats_per_token == pytest.approx(history.best["validation_loss"], rel=1e-5)
    written = decode(model, held_out.sources)
    assert np.mean([w == t.tolist() for w, t in zip(written, held_out.targets, strict=True)]) > 0.8

    vocabulary = Vocabulary("abcde")
    trained = Trained(model, PairVocabulary(vocabulary, vocabulary), sizes, history, kind=ENCODER_DECODER)
    save_model(tmp_path / "m", trained)
    loaded = load_model(tmp_path / "m")
    assert loaded.kind == ENCODER_DECODER and loaded.tokenizer.target.tokens == vocabulary.tokens
    assert decode(loaded.model, held_out.sources) == written
    save_model(
        tmp_path / "other", Trained(model, PairVocabulary(vocabulary, Vocabulary("ab")), sizes, kind=ENCODER_DECODER)
    )
    with pytest.raises(UserError, match="another number of tokens"):
        load_model(tmp_path / "other")


def test_resumed_it_ends_as_if_it_had_never_stopped(tmp_path):
    """Interrupted in the middle of an epoch; the state on disk leads to the same weights."""
    config = TrainingConfig(epochs=2, batch_size=4, evaluations=2, average=0.9)

    def run(checkpoint, kind=Pairs):
        set_seed(5)
        model = encoder_decoder(**SIZES)
        pairs = kind(some_pairs().sources, some_pairs().targets)
        history = fit_pairs(model, pairs, some_pairs(8, seed=1), config, checkpoint, progress=False)
        return history, [v.numpy() for v in model.trainable_variables]

    history, weights = run(tmp_path / "whole.npz")
    trained = []

    class Interrupted(Pairs):
        def batch(self, places):
            trained.append(places)
            if len(trained) == 6:
                signal.raise_signal(signal.SIGINT)
            return super().batch(places)

    with pytest.raises(TrainingInterrupted):
        run(tmp_path / "stopped.npz", Interrupted)
    assert 6 <= len(trained) < history.rows[-1]["step"]
    resumed, resumed_weights = run(tmp_path / "stopped.npz")
    assert [r["validation_loss"] for r in resumed.rows] == [r["validation_loss"] for r in history.rows]
    for a, b in zip(weights, resumed_weights, strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(UserError, match="another training"):
        fit_pairs(
            encoder_decoder(**SIZES), some_pairs(29), some_pairs(8), config, tmp_path / "whole.npz", progress=False
        )


def test_no_pairs_are_reported():
    with pytest.raises(UserError, match="no pairs to train on"):
        fit_pairs(encoder_decoder(**SIZES), Pairs([], []), some_pairs(3), progress=False)


# -- writing -----------------------------------------------------------------------------------------------------


def test_steps_give_what_rereading_the_whole_prefix_gives(model):
    pairs = some_pairs(9, highest=12 if copies(model) else 9)
    sources, written, _ = pairs.batch(range(9))
    expected = softmax(logits_of(model, sources, written).astype(float))
    stepping = SourceStepper(model, pairs.sources)
    assert stepping.vocab_size == expected.shape[-1]
    state = stepping.start(9)
    for t in range(written.shape[1]):
        logits, state = stepping.step(written[:, t], state)
        np.testing.assert_allclose(softmax(logits.astype(float)), expected[:, t], atol=1e-5)


def test_greedy_is_the_best_token_when_all_is_read_again(model):
    source = [4, 5, 6]
    ids = sample_ids(SourceStepper(model, [source]), [BEGIN], 8, Sampler(greedy=True))[0].tolist()
    logits = logits_of(model, [source], [[BEGIN, *ids]])[0]
    assert np.argmax(logits, axis=-1)[:-1].tolist() == ids


def test_a_beam_of_1_is_greedy_and_a_wider_one_never_worse(model):
    sources = some_pairs(12).sources
    greedy = decode(model, sources, 6)
    assert decode(model, sources, 6, beam_width=1, length_penalty=0) == greedy
    for source in sources[:4]:
        narrow, wide = (
            beam_ids(SourceStepper(model, [source]), [BEGIN], 3, width, 0, END, (PAD, UNKNOWN, BEGIN))
            for width in (1, 200)
        )
        assert wide[0].log_probability >= narrow[0].log_probability - 1e-5


def test_beams_know_their_probability(model):
    source = [4, 6, 5]
    best = beam_ids(SourceStepper(model, [source]), [BEGIN], 6, 3, 0.6, END)[0]
    probabilities = softmax(logits_of(model, [source], [[BEGIN, *best.ids[:-1]]])[0].astype(float))
    expected = np.log(probabilities[np.arange(len(best.ids)), list(best.ids)]).sum()
    assert best.log_probability == pytest.approx(expected, abs=1e-4)


def test_sources_side_by_side_give_what_each_gives_alone(model):
    sources = some_pairs(20).sources
    assert decode(model, sources, 8) == [decode(model, [source], 8)[0] for source in sources]


def test_sampling_is_seeded_ends_at_the_end_and_writes_nothing_banned(model):
    sources = some_pairs(50).sources
    one, again, other = (decode(model, sources, 10, Sampler(1.5), seed=seed) for seed in (1, 1, 2))
    assert one == again != other
    assert list(stream_target(model, sources[0], 10)) == decode(model, sources[:1], 10)[0]
    assert {i for text in one for i in text} & {PAD, UNKNOWN, BEGIN, END} == set()
    assert len({len(text) for text in one}) > 2


def test_copying_can_write_a_word_that_has_no_id(copier):
    """With the gate shut and attention on one place, that place's word is written, known or not."""
    vocabulary = Vocabulary("abcde")
    ids, unknown = vocabulary.encode_source(["a", "Xanadu", "b", "Ur"])
    assert ids.tolist() == [4, 9, 5, 10]
    gate = copier.get_layer("gate")
    kept = gate.get_weights()
    gate.set_weights([kept[0] * 0, kept[1] * 0 - 30])
    (written,) = decode(copier, [ids], 3)
    probabilities = softmax(logits_of(copier, [ids], [[BEGIN]])[0, 0].astype(float))
    gate.set_weights(kept)
    weights = source_attention(copier, ids, [])[0]
    assert vocabulary.decode(written, unknown)[0] == ["a", "Xanadu", "b", "Ur"][weights.argmax()]
    np.testing.assert_allclose(probabilities[ids], weights, atol=1e-5)
    assert probabilities.sum() == pytest.approx(1, abs=1e-6)


def test_copied_log_probabilities_are_normalised_and_equal_the_mixture(copier):
    sources, written, _ = some_pairs(6, highest=13).batch(range(6))
    log_probabilities = logits_of(copier, sources, written)
    np.testing.assert_allclose(np.exp(log_probabilities.astype(float)).sum(axis=-1), 1, atol=1e-5)
    assert log_probabilities.shape[-1] == max(9, sources.max() + 1)


def test_a_copier_learns_words_it_has_no_id_for():
    set_seed(1)
    model = encoder_decoder(**{**SIZES, "units": 16}, copy=True)
    fit_pairs(model, some_pairs(300, highest=14), some_pairs(20, 14, 1), CONFIG, progress=False)
    source = np.array([9, 10, 11])
    assert decode(model, [source], 5) != [[]] and set(decode(model, [source], 5)[0]) <= {9, 10, 11}


def test_sources_that_the_model_can_not_read_are_refused():
    model = small()
    for sources in ([], [[]], [[4], []]):
        with pytest.raises(UserError, match="no source, or an empty one"):
            SourceStepper(model, sources)
    for sources in ([[4.5]], [["a"]], [[-4]], [[[4]]], [4]):
        with pytest.raises(UserError, match="one row of ids"):
            SourceStepper(model, sources)
    with pytest.raises(UserError, match="ids up to 9"):
        SourceStepper(model, [[9]])
    with pytest.raises(UserError, match="2 sources, so 2 texts"):
        SourceStepper(model, [[4], [5]]).start(3)


@pytest.mark.parametrize("wrong", ["language model", "words", None])
def test_models_that_do_not_read_a_source_are_refused(wrong):
    from companion.models import language_model

    wrong = language_model(9, 4, 4) if wrong == "language model" else wrong
    for use in (
        lambda: SourceStepper(wrong, [[4]]),
        lambda: decode(wrong, [[4]]),
        lambda: stream_target(wrong, [4]),
        lambda: source_attention(wrong, [4], [5]),
        lambda: parts(wrong),
    ):
        with pytest.raises(UserError, match="doesn't read a source"):
            use()


def test_an_encoder_decoder_is_not_a_language_model():
    with pytest.raises(UserError, match="plain stack"):
        sample_ids(small(), [BEGIN], 3)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"max_tokens": -1}, "max_tokens"),
        ({"max_tokens": 2.5}, "max_tokens"),
        ({"sampler": "greedy"}, "should be a Sampler"),
        ({"seed": "x"}, "seed is x"),
        ({"seed": -1}, "seed is -1"),
        ({"banned": [99]}, "banned ids"),
        ({"beam_width": 0}, "beam_width"),
        ({"beam_width": 2, "length_penalty": float("nan")}, "length_penalty"),
        ({"beam_width": 2, "sampler": Sampler()}, "not both"),
    ],
)
def test_bad_settings_are_refused(settings, says):
    model = small()
    with pytest.raises(UserError, match=says):
        decode(model, [[4, 5]], **settings)
    if "beam_width" not in settings:
        with pytest.raises(UserError, match=says):
            stream_target(model, [4, 5], **settings)  # without requesting an id


@pytest.mark.parametrize("ids", [([], [5]), ([4.5], [5]), ([4], ["a"]), ([4], [-1])])
def test_source_attention_needs_good_ids(ids):
    with pytest.raises(UserError, match="source is empty|sequences of ids"):
        source_attention(small(), *ids)


@pytest.mark.parametrize(
    "change",
    [
        {"units": 7},
        {"units": 0},
        {"dropout": 1.0},
        {"dropout": "half"},
        {"dropout": float("nan")},
        {"attention": "dot"},
        {"attention": ["additive"]},
        {"attention": None},
        {"copy": True, "source_vocab": 8},
    ],
)
def test_bad_sizes_are_refused(change):
    with pytest.raises(UserError):
        encoder_decoder(**{**SIZES, **change})
