"""Recipes are trained once and kept, damage heals, and shipped weights score what their log says."""

import dataclasses

import numpy as np
import pytest

from companion import dates, recipes
from companion.cli import open_model
from companion.corpora import load_corpus
from companion.errors import UserError
from companion.evaluation import evaluate, evaluate_pairs
from companion.seq2seq import Pairs, PairVocabulary, Vocabulary
from companion.training import TrainingConfig

TINY = recipes.Recipe(
    "tiny",
    "for the tests",
    corpus="python-docs",
    units=8,
    embedding_dim=4,
    training=TrainingConfig(epochs=1, batch_size=64, window=128),
)


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)
    recipes._loaded.cache_clear()
    return tmp_path


def forget():
    recipes._loaded.cache_clear()


def test_it_is_trained_once_and_then_loaded(tiny, monkeypatch):
    first = recipes.load_recipe("tiny", progress=False)
    assert first.score.characters == len(load_corpus("python-docs").split()[2])
    forget()
    monkeypatch.setattr(recipes, "_train", lambda *_: pytest.fail("it was trained again"))
    second = recipes.load_recipe("tiny")
    assert second.score == first.score and second.history.rows == first.history.rows
    np.testing.assert_array_equal(second.model.get_weights()[0], first.model.get_weights()[0])
    assert not list(tiny.rglob("*.checkpoint.npz"))


def test_a_damaged_model_and_a_damaged_checkpoint_heal(tiny):
    first = recipes.load_recipe("tiny", progress=False)
    folder = recipes._folder(TINY)
    (folder / "weights.npz").write_bytes(b"damaged")
    recipes._checkpoint(TINY).write_bytes(b"damaged too")
    forget()
    again = recipes.load_recipe("tiny", progress=False)
    assert again.score == first.score
    forget()
    assert recipes.load_model(folder).score == first.score


def test_the_key_changes_with_the_recipe_and_with_the_code(monkeypatch, tmp_path):
    assert recipes.key(TINY) == recipes.key(dataclasses.replace(TINY, description="other words"))
    assert recipes.key(TINY) != recipes.key(dataclasses.replace(TINY, units=9))
    before = recipes.key(TINY)
    changed = tmp_path / "training.py"
    changed.write_text("# other code")
    find = recipes.importlib.util.find_spec

    def found(name):
        spec = find(name)
        if name == "companion.training":
            spec.origin = str(changed)
        return spec

    monkeypatch.setattr(recipes.importlib.util, "find_spec", found)
    assert recipes.key(TINY) != before


def test_an_unknown_recipe_lists_the_known_ones():
    with pytest.raises(UserError, match="shakespeare-chars"):
        recipes.load_recipe("shakespeare-char")


def turned_around():
    """The data of a tiny pair recipe: sequences to be turned around."""
    letters = [[*"abcd"], [*"bca"], [*"cabd"], [*"dab"]] * 4
    vocabulary = Vocabulary.train(letters)
    ids = [vocabulary.encode(word) for word in letters]
    pairs = Pairs(ids, [i[::-1] for i in ids])
    return PairVocabulary(vocabulary, vocabulary), pairs, pairs, pairs


def test_an_encoder_decoder_is_a_recipe_too(tiny, monkeypatch):
    from companion import seq2seq

    monkeypatch.setattr(seq2seq, "turned_around", turned_around, raising=False)
    recipe = recipes.PairRecipe("turned", "for the tests", "seq2seq.turned_around", TrainingConfig(), 4, 6)
    monkeypatch.setitem(recipes.RECIPES, "turned", recipe)
    first = recipes.load_recipe("turned", progress=False)
    assert first.score.tokens == sum(len(target) + 1 for target in turned_around()[3].targets)
    forget()
    monkeypatch.setattr(recipes, "_train", lambda *_: pytest.fail("it was trained again"))
    again = recipes.load_recipe("turned")
    assert again.kind == "encoder-decoder" and again.score == first.score
    assert again.tokenizer.source.tokens == first.tokenizer.source.tokens
    assert recipes.key(recipe) != recipes.key(dataclasses.replace(recipe, copy=True))
    with pytest.raises(UserError, match="wants a language model"):
        open_model("turned")


SHIPPED = sorted(path.name for path in recipes.SHIPPED.iterdir() if path.name in recipes.RECIPES)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_small_and_score_what_their_log_says(name, monkeypatch):
    monkeypatch.setattr(dates, "TRAINING_PHRASES", 5_000)  # enough for every word; the test pairs are the same
    folder = recipes.SHIPPED / name
    trained = recipes.load_model(folder)
    assert trained.about["recipe"] == recipes.definition(recipes.RECIPES[name]), "the recipe was changed: train it anew"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 4_000_000
    if isinstance(recipes.RECIPES[name], recipes.PairRecipe):
        vocabulary, *_, test_pairs = recipes.RECIPES[name].pairs()
        if name == "docstring-summaries" and vocabulary.source.tokens != trained.tokenizer.source.tokens:
            pytest.skip("its vocabulary is of the documentation of Python itself, and this is another Python")
        score = evaluate_pairs(trained.model, test_pairs)
        assert score.nats_per_token == pytest.approx(trained.score.nats_per_token, abs=2e-3)
        return
    test = load_corpus(trained.about["recipe"]["corpus"]).split()[2]
    score = evaluate(trained.model, trained.tokenizer.encode(test), len(test))
    assert score.bits_per_character == pytest.approx(trained.score.bits_per_character, abs=2e-3)


def test_the_books_own_model_is_as_good_as_the_book_says():
    """Its score is on file with the weights; the test above holds them together."""
    assert recipes.load_model(recipes.SHIPPED / "shakespeare-chars").score.bits_per_character <= 2.05
