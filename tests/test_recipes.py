"""Recipes are trained once and kept, damage heals, and shipped weights score what their log says."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from companion import recipes
from companion.corpora import dates, load_corpus
from companion.errors import UserError
from companion.evaluation import evaluate, evaluate_pairs
from companion.recipes import open_model
from companion.recipes.loading import _checkpoint, _folder, _loaded
from companion.tokenizers import Pairs, PairVocabulary, Vocabulary
from companion.training import History, TrainingConfig

TINY = recipes.Recipe(
    "tiny",
    "for the tests",
    corpus="python-docs",
    units=8,
    embedding_dim=4,
    training=TrainingConfig(epochs=1, batch_size=64, window=128),
)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The tiny recipe, trained, and the cache folder it is in."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATE_BY_GATE_CACHE", str(cache))
        patch.setitem(recipes.RECIPES, "tiny", TINY)
        forget()
        return recipes.load_recipe("tiny", progress=False), cache


@pytest.fixture
def tiny(tmp_path, monkeypatch, trained):
    """A cache folder in which the trained recipe is."""
    shutil.copytree(trained[1], tmp_path, dirs_exist_ok=True)
    monkeypatch.setenv("GATE_BY_GATE_CACHE", str(tmp_path))
    monkeypatch.setitem(recipes.RECIPES, "tiny", TINY)
    forget()
    return tmp_path


@pytest.fixture
def fits(monkeypatch):
    """Trainings take no time here; how many there were. Each ends with weights of its own number."""
    made = []

    def fit(model, *_):
        made.append(model)
        for variable in model.trainable_variables:
            variable.assign(np.full(variable.shape, len(made) / 8))
        return History([{"seconds": 1.0}])

    monkeypatch.setattr(recipes, "fit", fit)
    return made


def forget():
    _loaded.clear()


def first_weight(model) -> float:
    return float(model.trainable_variables[0].numpy()[0, 0])


def test_it_is_trained_once_and_then_loaded(tiny, trained, monkeypatch):
    first, _ = trained
    assert first.score.characters == len(load_corpus("python-docs").split()[2])
    monkeypatch.setattr(recipes, "_train", lambda *_: pytest.fail("it was trained again"))
    second = recipes.load_recipe("tiny")
    assert second.score == first.score and second.history.rows == first.history.rows
    np.testing.assert_array_equal(second.model.get_weights()[0], first.model.get_weights()[0])
    assert not list(tiny.rglob("*.checkpoint.npz"))
    assert recipes.load_recipe("tiny", progress=False) is second


def test_only_a_few_models_stay_in_memory(tiny, monkeypatch):
    monkeypatch.setattr(recipes, "_found", lambda recipe, _: [recipe.name])
    names = [name for name in recipes.list_recipes() if name != "tiny"][: recipes.LOADED]
    first = recipes.load_recipe("tiny")
    for name in names[:-1]:
        recipes.load_recipe(name)
    assert recipes.load_recipe("tiny") is first
    recipes.load_recipe(names[-1])  # one too many: the one that was not used for the longest time goes
    assert [name for name, _ in _loaded] == [*names[1:-1], "tiny", names[-1]]


def test_an_error_that_is_none_of_the_checkpoint_s_keeps_it(tiny, monkeypatch):
    def full(*_):
        raise UserError("Can't write: the disk is full; make room and try again.")

    shutil.rmtree(_folder(TINY))
    _checkpoint(TINY).write_bytes(b"hours of work")
    monkeypatch.setattr(recipes, "fit", full)
    with pytest.raises(UserError, match="disk is full"):
        recipes.load_recipe("tiny", progress=False)
    assert _checkpoint(TINY).read_bytes() == b"hours of work"


def test_retrained_it_is_replaced_when_the_new_one_is_there(tiny, fits, monkeypatch):
    kept = recipes.load_recipe("tiny")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(recipes, "fit", interrupted)
        recipes.load_recipe("tiny", retrain=True)
    assert recipes.load_model(_folder(TINY)).score == kept.score
    new = recipes.load_recipe("tiny", retrain=True)
    loaded = recipes.load_recipe("tiny")
    assert len(fits) == 1 and first_weight(new.model) == first_weight(loaded.model) == 1 / 8


def test_what_is_shipped_is_loaded_until_another_is_shipped(tiny, fits, monkeypatch):
    monkeypatch.setattr(recipes, "SHIPPED", tiny / "weights")
    folder = recipes.ship("tiny")
    with np.load(folder / "weights.npz") as arrays:
        assert {arrays[name].dtype for name in arrays.files} == {np.dtype(np.float16)}
    assert recipes.load_model(folder).about["recipe"] == recipes.definition(TINY)
    assert first_weight(recipes.load_recipe("tiny").model) == 1 / 8
    assert first_weight(recipes.load_recipe("tiny", retrain=True).model) == 2 / 8
    assert first_weight(recipes.load_recipe("tiny").model) == 1 / 8
    recipes.ship("tiny")
    assert first_weight(recipes.load_recipe("tiny").model) == 3 / 8
    with pytest.raises(UserError, match="no weights to keep"):
        recipes.ship("shakespeare-3gram")


def test_a_damaged_model_and_a_damaged_checkpoint_heal(tiny, trained):
    first, _ = trained
    folder = _folder(TINY)
    (folder / "weights.npz").write_bytes(b"damaged")
    _checkpoint(TINY).write_bytes(b"damaged too")
    forget()
    again = recipes.load_recipe("tiny", progress=False)
    assert again.score == first.score
    forget()
    assert recipes.load_model(folder).score == first.score


@pytest.mark.parametrize(
    ("recipe", "module"),
    [(TINY, "training"), (TINY, "seeding"), (recipes.TransformerRecipe("t", "", TINY.training), "attention")],
)
def test_the_key_changes_with_the_recipe_and_with_the_code(monkeypatch, tmp_path, recipe, module):
    assert recipes.recipe_key(recipe) == recipes.recipe_key(dataclasses.replace(recipe, description="other words"))
    assert recipes.recipe_key(recipe) != recipes.recipe_key(dataclasses.replace(recipe, layers=9))
    before = recipes.recipe_key(recipe)
    changed = tmp_path / "changed.py"
    changed.write_text("# other code")
    find = recipes.importlib.util.find_spec

    def found(name):
        spec = find(name)
        if name == f"companion.{module}":
            spec.origin = str(changed)
        return spec

    monkeypatch.setattr(recipes.importlib.util, "find_spec", found)
    assert recipes.recipe_key(recipe) != before


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
    assert recipes.recipe_key(recipe) != recipes.recipe_key(dataclasses.replace(recipe, copy=True))
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
    about = json.loads((recipes.SHIPPED / "shakespeare-chars" / "model.json").read_text(encoding="utf-8"))
    assert about["score"]["bits_per_character"] <= 2.05
