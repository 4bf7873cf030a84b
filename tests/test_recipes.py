"""Recipes are trained once and kept, by one process at a time; damage is reported; shipped weights score as logged."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import companion
from companion import recipes
from companion.closure import closure
from companion.corpora import Corpus, Document, load_corpus
from companion.errors import UserError
from companion.evaluation import evaluate, evaluate_pairs
from companion.recipes import loading, open_model, train, train_pairs, train_stories
from companion.recipes.train_stories import answer_score
from companion.tokenizers import Pairs, PairVocabulary, Vocabulary
from companion.training import History, TrainingConfig

CONFIG = TrainingConfig(batch_size=2, window=16)
TINY = recipes.Recipe("tiny", "for the tests", corpus="cats", units=4, embedding_dim=2, training=CONFIG)
CATS = "the cat sees the dog. a dog that sees cats sees the cat. "


def cats(name: str) -> Corpus:
    """A corpus of three documents, one per part."""
    documents = tuple(Document(title, CATS * n) for title, n in (("a", 20), ("b", 2), ("c", 3)))
    return Corpus(name, documents, "", "", "", (frozenset("b"), frozenset("c")))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The trained tiny recipe, and the cache folder that it is in."""
    cache = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        prepare(patch, cache)
        return recipes.load_recipe("tiny", progress=False), cache


@pytest.fixture
def tiny(tmp_path, monkeypatch, trained):
    """A cache folder with the trained recipe."""
    shutil.copytree(trained[1], tmp_path, dirs_exist_ok=True)
    prepare(monkeypatch, tmp_path)
    return tmp_path


def prepare(patch: pytest.MonkeyPatch, cache: Path) -> None:
    patch.setenv("GATE_BY_GATE_CACHE", str(cache))
    patch.setitem(recipes.RECIPES, "tiny", TINY)
    patch.setattr(train, "load_corpus", cats)
    patch.setattr(loading, "SHIPPED", cache / "weights")


@pytest.fixture
def fits(monkeypatch):
    """Fake training runs that take no time, and a list of them; the weights of each are its number."""
    made = []

    def fit(model, *_):
        made.append(model)
        for variable in model.trainable_variables:
            variable.assign(np.full(variable.shape, len(made) / 8))
        return History([{"seconds": 1.0}])

    monkeypatch.setattr(train, "fit", fit)
    return made


def folder_of(cache: Path, name: str = "tiny") -> Path:
    (found,) = (path for path in (cache / "recipes").iterdir() if path.is_dir() and path.name.startswith(f"{name}-"))
    return found


def first_weight(trained: recipes.Trained) -> float:
    return float(trained.model.trainable_variables[0].numpy()[0, 0])


def test_it_is_trained_once_and_then_loaded(tiny, trained, fits):
    first, _ = trained
    assert first.score.characters == 3 * len(CATS)
    second = recipes.load_recipe("tiny")
    assert second.score == first.score and second.history.rows == first.history.rows
    assert second.about["recipe"] == recipes.definition(TINY) and second.about["versions"]["keras"]
    np.testing.assert_array_equal(second.model.get_weights()[0], first.model.get_weights()[0])
    assert not fits and not list(tiny.rglob("*checkpoint.npz"))


def test_each_call_gives_a_model_of_its_own(tiny, monkeypatch):
    monkeypatch.setitem(recipes.RECIPES, "counts", dataclasses.replace(TINY, name="counts", order=2, training=None))
    first, second = recipes.load_recipe("tiny"), recipes.load_recipe("tiny")
    kept = first_weight(second)
    first.model.trainable_variables[0].assign_add(np.ones(first.model.trainable_variables[0].shape))
    first.about["seconds"] = -1
    assert first_weight(second) == first_weight(recipes.load_recipe("tiny")) == kept != first_weight(first)
    assert second.about["seconds"] >= 0
    counted = recipes.load_recipe("counts")
    before = counted.evaluate(CATS)
    counted.model.fit([1, 1, 1])
    assert recipes.load_recipe("counts").evaluate(CATS) == before != counted.evaluate(CATS)


def test_an_error_not_about_the_checkpoint_keeps_it(tiny, monkeypatch):
    def full(*_):
        raise UserError("Can't write: the disk is full; make room and try again.")

    folder = folder_of(tiny)
    shutil.rmtree(folder)
    checkpoint = folder.with_name(folder.name + ".checkpoint.npz")
    checkpoint.write_bytes(b"hours of work")
    monkeypatch.setattr(train, "fit", full)
    with pytest.raises(UserError, match="disk is full"):
        recipes.load_recipe("tiny", progress=False)
    assert checkpoint.read_bytes() == b"hours of work"


def test_retraining_replaces_it_only_when_the_new_one_is_complete(tiny, fits, monkeypatch):
    kept = recipes.load_recipe("tiny")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(train, "fit", interrupted)
        recipes.load_recipe("tiny", retrain=True)
    assert recipes.load_model(folder_of(tiny)).score == kept.score
    new = recipes.load_recipe("tiny", retrain=True)
    assert len(fits) == 1 and first_weight(new) == first_weight(recipes.load_recipe("tiny")) == 1 / 8


def test_shipped_weights_are_loaded_until_others_are_shipped(tiny, fits):
    folder = recipes.ship("tiny")
    assert folder == tiny / "weights" / "tiny"
    assert recipes.load_model(folder).about["recipe"] == recipes.definition(TINY)
    assert first_weight(recipes.load_recipe("tiny")) == 1 / 8
    assert first_weight(recipes.load_recipe("tiny", retrain=True)) == 2 / 8
    assert first_weight(recipes.load_recipe("tiny")) == 1 / 8
    recipes.ship("tiny")
    assert first_weight(recipes.load_recipe("tiny")) == 3 / 8
    with pytest.raises(UserError, match="no weights to keep"):
        recipes.ship("shakespeare-3gram")


def test_shipped_weights_of_another_recipe_are_not_used(tiny, fits, monkeypatch):
    recipes.ship("tiny")
    monkeypatch.setitem(recipes.RECIPES, "tiny", dataclasses.replace(TINY, seed=1))
    assert first_weight(recipes.load_recipe("tiny")) == 2 / 8 and len(fits) == 2


def test_only_what_is_missing_is_trained(tiny, fits, monkeypatch, capsys):
    monkeypatch.setattr(loading, "RECIPES", {"tiny": TINY})
    loading.train_missing()
    assert fits == [] and capsys.readouterr().out == ""
    weights = folder_of(tiny) / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1])  # damaged
    loading.train_missing()
    assert len(fits) == 1 and capsys.readouterr().out.startswith("tiny: ")
    shutil.rmtree(folder_of(tiny))
    loading.train_missing()
    assert len(fits) == 2
    shutil.move(folder_of(tiny), tiny / "weights" / "tiny")  # shipped
    loading.train_missing()
    assert len(fits) == 2


def test_a_damaged_model_in_the_cache_folder_is_reported_and_trained_again(tiny, trained, capsys):
    folder = folder_of(tiny)
    damage(folder / "tokenizer.json")
    folder.with_name(folder.name + ".checkpoint.npz").write_bytes(b"damaged too")
    again = recipes.load_recipe("tiny", progress=False)
    (line,) = [line for line in capsys.readouterr().err.splitlines() if line.startswith("gate-by-gate: ")]
    assert "tokenizer.json was changed" in line and line.endswith("It is trained again now.")
    assert again.score == trained[0].score == recipes.load_model(folder).score


def test_a_damaged_shipped_model_is_reported_and_not_trained(tiny, fits):
    damage(recipes.ship("tiny") / "tokenizer.json")
    shutil.rmtree(folder_of(tiny))
    with pytest.raises(UserError, match="tiny .* is damaged: .*tokenizer.json was changed.*install.*retrain=True"):
        recipes.load_recipe("tiny")
    assert len(fits) == 1
    assert first_weight(recipes.load_recipe("tiny", retrain=True)) == 2 / 8
    assert first_weight(recipes.load_recipe("tiny")) == 2 / 8 and len(fits) == 2


def damage(path: Path) -> None:
    path.write_bytes(path.read_bytes().replace(b"e", b"E", 1))


def test_a_cache_folder_that_can_t_be_written_is_reported_before_training(tiny, fits):
    shutil.rmtree(tiny / "recipes")
    (tiny / "recipes").write_text("a file")
    with pytest.raises(UserError, match="recipes is a file"):
        recipes.load_recipe("tiny")
    assert not fits


TOGETHER = """
import sys
sys.path.insert(0, {tests!r})
import test_recipes
from companion import recipes
recipes.RECIPES["tiny"] = test_recipes.TINY
test_recipes.train.load_corpus = test_recipes.cats
fit = test_recipes.train.fit
test_recipes.train.fit = lambda *given: print("trains", file=sys.stderr) or fit(*given)
print("ready", flush=True)
sys.stdin.readline()
print(repr(recipes.load_recipe("tiny", progress=False).score))
"""


def test_of_two_processes_one_trains_and_the_other_waits(tmp_path):
    code = TOGETHER.format(tests=str(Path(__file__).parent))
    root = str(Path(companion.__file__).parents[1])
    env = {**os.environ, "PYTHONPATH": root, "GATE_BY_GATE_CACHE": str(tmp_path)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen([sys.executable, "-c", code], env=env, **pipes) for _ in range(2)]
    for process in both:
        assert process.stdout.readline() == "ready\n"
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert said[0][0] == said[1][0] != ""
    assert sum(errors.count("trains") for _, errors in said) == 1
    assert [path.name for path in (tmp_path / "recipes").iterdir()] == [folder_of(tmp_path).name]


def test_the_key_changes_with_the_recipe():
    assert recipes.recipe_key(TINY) == recipes.recipe_key(dataclasses.replace(TINY, description="other words"))
    assert recipes.recipe_key(TINY) != recipes.recipe_key(dataclasses.replace(TINY, num_layers=9))


def test_the_key_changes_only_with_the_code_that_trains(tmp_path):
    root = tmp_path / "small"
    root.mkdir()
    for name, code in {
        "__init__": "",
        "how": "from small.loop import fit",
        "loop": "from small import layers",
        "layers": "",
        "figures": "from small import how",
    }.items():
        (root / f"{name}.py").write_text(code)

    def key() -> str:
        return recipes.recipe_key(TINY, "small.how", root)

    before = key()
    (root / "figures.py").write_text("# other figures")
    assert key() == before
    (root / "layers.py").write_text("# other layers")
    assert key() != before


@pytest.mark.parametrize(
    ("recipe", "modules"),
    [
        (TINY, ["training/loop", "seeding", "models/language", "tokenizers/characters", "evaluation/losses"]),
        (recipes.RECIPES["shakespeare-transformer"], ["models/transformer"]),
        (recipes.RECIPES["dates"], ["models/attention", "corpora/dates", "recipes/pairs"]),
        (recipes.RECIPES["question-answering"], ["models/answerer", "training/stories", "corpora/stories"]),
    ],
)
def test_the_code_that_trains_is_found(recipe, modules):
    how = {recipes.PairRecipe: train_pairs, recipes.StoryRecipe: train_stories}.get(type(recipe), train)
    files = closure(how.__name__)
    root = Path(companion.__file__).parent
    assert {root / f"{module}.py" for module in modules} <= {*files}
    assert recipes.recipe_key(recipe) == recipes.recipe_key(recipe, how.__name__)


def test_an_unknown_recipe_lists_the_known_ones(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for look_up in (recipes.load_recipe, recipes.load, recipes.ship):
        with pytest.raises(UserError, match="shakespeare-chars"):
            look_up("shakespeare-char")
    for nothing in ("", tmp_path / "none"):
        with pytest.raises(UserError, match="no model folder"):
            recipes.load(nothing)


def test_a_folder_comes_before_a_recipe_of_its_name(tiny, trained, monkeypatch):
    monkeypatch.chdir(tiny)
    trained[0].save("grammar-tiny")
    assert recipes.load("grammar-tiny").score == open_model(tiny / "grammar-tiny").score == trained[0].score
    (tiny / "grammar-tiny" / "model.json").unlink()
    with pytest.raises(UserError, match="model.json is missing"):
        recipes.load(Path("grammar-tiny"))


def turned_around():
    """The data of a tiny pair recipe: sequences to be reversed."""
    letters = [[*"abcd"], [*"bca"], [*"cabd"], [*"dab"]] * 4
    vocabulary = Vocabulary.train(letters)
    ids = [vocabulary.encode(word) for word in letters]
    pairs = Pairs(ids, [i[::-1] for i in ids])
    return PairVocabulary(vocabulary, vocabulary), pairs, pairs, pairs


def test_an_encoder_decoder_is_a_recipe_too(tiny, monkeypatch):
    monkeypatch.setitem(recipes.PAIR_DATA, "turned around", turned_around)
    recipe = recipes.PairRecipe("turned", "for the tests", "turned around", TrainingConfig(), 4, 6)
    monkeypatch.setitem(recipes.RECIPES, "turned", recipe)
    first = recipes.load_recipe("turned", progress=False)
    assert first.score.tokens == sum(len(target) + 1 for target in turned_around()[3].targets)
    again = recipes.load_recipe("turned", progress=False)
    assert again.kind == "encoder-decoder" and again.score == first.score
    assert again.vocabularies.source.tokens == first.vocabularies.source.tokens
    np.testing.assert_array_equal(again.model.get_weights()[0], first.model.get_weights()[0])
    assert recipes.recipe_key(recipe) != recipes.recipe_key(dataclasses.replace(recipe, copy=True))
    with pytest.raises(UserError, match="but this command needs a language model"):
        open_model("turned")


def test_a_network_that_answers_is_a_recipe_too(tiny, monkeypatch):
    recipe = recipes.StoryRecipe("tells", "for the tests", stories=40, units=4, epochs=1, batch_size=20)
    monkeypatch.setitem(recipes.RECIPES, "tells", recipe)
    first, again = (recipes.load_recipe("tells", progress=False) for _ in range(2))
    assert again.kind == "answerer" and again.score == first.score and again.score.tokens == 1_500
    assert again.story_reader.words == first.story_reader.words and len(first.history.rows) == 1
    with pytest.raises(UserError, match=r"answering.answer"):
        again.generate("Where is Ada?")
    with pytest.raises(UserError, match="but this command needs a language model"):
        open_model("tells")


SHIPPED = sorted(path.name for path in recipes.SHIPPED.iterdir() if path.name in recipes.RECIPES)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_weights_are_small_and_score_what_their_log_says(name):
    folder = recipes.SHIPPED / name
    trained = recipes.load_model(folder)
    recipe = recipes.RECIPES[name]
    assert trained.about["recipe"] == recipes.definition(recipe), "the recipe was changed: train it again"
    assert sum(path.stat().st_size for path in folder.iterdir()) <= 4_000_000
    if isinstance(recipe, recipes.StoryRecipe):
        again = answer_score(trained.network, trained.story_reader)
        assert again.nats_per_token == pytest.approx(trained.score.nats_per_token, abs=2e-3)
        return
    if isinstance(recipe, recipes.PairRecipe):
        few = {"n": 5_000} if name == "dates" else {}  # enough for every word; the test pairs are the same
        vocabulary, *_, test_pairs = recipes.PAIR_DATA[recipe.data](**few)
        if name == "docstring-summaries" and vocabulary.source.tokens != trained.vocabularies.source.tokens:
            pytest.skip("its vocabulary is of the documentation of Python itself, and this is another Python")
        score = evaluate_pairs(trained.model, test_pairs)
        assert score.nats_per_token == pytest.approx(trained.score.nats_per_token, abs=2e-3)
        return
    test = load_corpus(trained.about["recipe"]["corpus"]).split()[2]
    score = evaluate(trained.model, trained.text_tokenizer.encode(test), len(test))
    assert score.bits_per_character == pytest.approx(trained.score.bits_per_character, abs=2e-3)


def test_the_books_own_model_is_as_good_as_the_book_says():
    """Its score is on file with the weights; the test above checks that they agree."""
    about = json.loads((recipes.SHIPPED / "shakespeare-chars" / "model.json").read_text(encoding="utf-8"))
    assert about["score"]["bits_per_character"] <= 2.05
