"""Loading a trained model from its folder, or by a recipe's name: shipped, from the cache folder, or trained now."""

import copy
import functools
import json
import platform
import shlex
import sys
import time
from collections.abc import Callable
from pathlib import Path

from companion.closure import PACKAGE, closure, fingerprint
from companion.errors import UserError
from companion.recipes.builders import CONTINUES_TEXT
from companion.recipes.catalogue import RECIPES, list_recipes
from companion.recipes.folder import read_description
from companion.recipes.kinds import AnyRecipe, PairRecipe, Recipe, StoryRecipe, definition, is_counted
from companion.recipes.train import count, train_text
from companion.recipes.train_pairs import train_pairs
from companion.recipes.train_stories import train_stories
from companion.recipes.trained import Trained, load_model, save_model
from companion.seeding import DeviceError
from companion.storage import beside, cache_dir, check_writable, locked
from companion.training import CheckpointError

SHIPPED = Path(__file__).parents[1] / "weights"
COUNTED = 4  # how many n-gram models stay in memory
CHECKPOINT = ".checkpoint.npz"


def load_recipe(name: str, retrain: bool = False, progress: bool | None = None) -> Trained:
    """A trained model by name: shipped, from the cache folder, or trained now.

    Each call returns a separate model, so that changing it, for example by more training, changes no other. If two
    processes want to train the same recipe, the second waits and loads what the first has made.

    Parameters
    ----------
    name
        See `list_recipes`.
    retrain
        Train it again even if there is a model. The new model replaces the old one in the cache folder once it is
        complete. If the recipe comes with its weights, these are still loaded without ``retrain``.
    progress
        Whether to show the progress bar; see `companion.training.fit`.

    Returns
    -------
    Trained
        With ``.model``, ``.tokenizer``, ``.history`` and ``.score`` (on the test part).

    Raises
    ------
    UserError
        There is no such recipe, its corpus can't be obtained, or the model that comes with the package is damaged.
    """
    recipe = _recipe(name)
    if is_counted(recipe):
        return copy.deepcopy(_counted(recipe, cache_dir()))
    found = None if retrain else _shipped(recipe) or _cached(recipe)
    if found:
        return found
    with locked(_folder(recipe), doing="training", on_wait=_say):
        if retrain:
            _checkpoint(recipe).unlink(missing_ok=True)
        elif found := _cached(recipe, _say):
            return found  # another process has trained it meanwhile
        return _train(recipe, progress)


def ship(name: str, progress: bool | None = None, bits: int = 16) -> Path:
    """Train a recipe again and keep it with the package, in 16 or 8 bits: from then on it is loaded.

    It is used by hand, in the repository: ``python -c "from companion.recipes import ship; ship('dates')"``. The
    score that is kept with the weights is that of the run, in full precision; a test checks that they agree.

    Raises
    ------
    UserError
        There is no such recipe, its corpus can't be obtained, or it has no weights to keep.
    """
    if is_counted(_recipe(name)):
        raise UserError(f"{name} is counted in seconds and has no weights to keep; ship a network.")
    trained = load_recipe(name, retrain=True, progress=progress)
    save_model(SHIPPED / name, trained, bits)
    return SHIPPED / name


def train_recipe(recipe: AnyRecipe, checkpoint: Path | None = None, progress: bool | None = None) -> Trained:
    """Train and score what a recipe describes, in the catalogue or not; nothing is kept.

    Parameters
    ----------
    recipe
        What to train.
    checkpoint, progress
        As in `companion.training.fit`.
    """
    if is_counted(recipe):
        return count(recipe)
    if isinstance(recipe, StoryRecipe):
        return train_stories(recipe, checkpoint, progress)
    if isinstance(recipe, PairRecipe):
        return train_pairs(recipe, checkpoint, progress)
    return train_text(recipe, checkpoint, progress)


def recipe_key(recipe: AnyRecipe, module: str | None = None, root: Path = PACKAGE) -> str:
    """The key of the cached model: a hash of the recipe and of the code that trains and scores it.

    Parameters
    ----------
    recipe
        What is trained.
    module, root
        The module that trains it, and the folder of its package; by default it is one of `companion.recipes`. The code
        is what this imports, at any depth; see `companion.closure`.
    """
    if module is None:
        how = {PairRecipe: train_pairs, StoryRecipe: train_stories}.get(type(recipe), train_text)
        module = how.__module__
    code = [path for path in closure(module, root=root) if path.suffix == ".py"]  # without the shipped weights
    return fingerprint(code, json.dumps(definition(recipe), sort_keys=True), base=root.parent)


def _recipe(name: str) -> AnyRecipe:
    if name not in RECIPES:
        raise UserError(f"There is no recipe {name!r}; there are {', '.join(list_recipes())}.")
    return RECIPES[name]


@functools.lru_cache(maxsize=COUNTED)
def _counted(recipe: Recipe, _: Path) -> Trained:
    return count(recipe)


def _shipped(recipe: AnyRecipe) -> Trained | None:
    """The model of this recipe that comes with the package, if there is one."""
    folder = SHIPPED / recipe.name
    if not folder.exists():
        return None
    try:
        trained = load_model(folder)
    except DeviceError:
        raise
    except UserError as error:
        if found := _cached(recipe):  # it was trained because of the damage
            return found
        raise UserError(
            f"The model of {recipe.name} that comes with this package is damaged: {error} To restore it, install the "
            f"package again, or in the repository: git checkout companion/weights. To train it again: "
            f"load_recipe({recipe.name!r}, retrain=True)."
        ) from error
    return trained if trained.about.get("recipe") == definition(recipe) else None


def _cached(recipe: AnyRecipe, say: Callable[[str], None] | None = None) -> Trained | None:
    """The model in the cache folder, if there is one that isn't damaged."""
    folder = _folder(recipe)
    if not folder.exists():
        return None
    try:
        return load_model(folder)
    except DeviceError:
        raise
    except UserError as error:
        if say:
            say(f"{error} It is trained again now.")
        return None


def _say(sentence: str) -> None:
    print(f"gate-by-gate: {sentence}", file=sys.stderr, flush=True)


@functools.lru_cache(maxsize=32)
def _key(recipe: AnyRecipe) -> str:
    return recipe_key(recipe)


def _folder(recipe: AnyRecipe) -> Path:
    return cache_dir() / "recipes" / f"{recipe.name}-{_key(recipe)}"


def _checkpoint(recipe: AnyRecipe) -> Path:
    return beside(_folder(recipe), CHECKPOINT)


def _train(recipe: AnyRecipe, progress: bool | None) -> Trained:
    """Train a recipe and keep it in the cache folder; the caller holds the lock."""
    check_writable(_folder(recipe), CHECKPOINT)
    checkpoint, start = _checkpoint(recipe), time.perf_counter()
    try:
        trained = train_recipe(recipe, checkpoint, progress)
    except CheckpointError:  # what the interrupted run left is unusable
        checkpoint.unlink(missing_ok=True)
        trained = train_recipe(recipe, checkpoint, progress)
    trained.about |= {
        "recipe": definition(recipe),
        "seconds": round(trained.history.rows[-1].get("seconds", time.perf_counter() - start)),
        "machine": f"{platform.machine()}, {platform.system()}",
        "versions": versions(),
    }
    save_model(_folder(recipe), trained)
    checkpoint.unlink(missing_ok=True)
    return trained


def versions() -> dict[str, str]:
    """The versions of Python, and of the packages on which weights depend."""
    import keras
    import tensorflow as tf

    return {"python": platform.python_version(), "keras": keras.__version__, "tensorflow": tf.__version__}


def train_missing() -> None:
    """Train every recipe that is neither shipped nor in the cache folder."""
    for name, recipe in RECIPES.items():
        if not is_counted(recipe) and not _is_there(recipe):
            print(f"{name}: {load_recipe(name).score}", flush=True)


def _is_there(recipe: AnyRecipe) -> bool:
    """Whether the recipe's model is on disk, undamaged; nothing is built, so this takes a moment."""
    for folder in (SHIPPED / recipe.name, _folder(recipe)):
        try:
            if read_description(folder)["about"].get("recipe") == definition(recipe):
                return True
        except (UserError, OSError):
            continue
    return False


def load(name: str | Path) -> Trained:
    """A trained model: from a folder, or the book's recipe of that name.

    A folder that has a ``model.json`` comes first, so a model with the name of a recipe is found.

    Parameters
    ----------
    name
        The folder that `save_model`, `Trained.save` or the command ``train`` wrote, or one of `list_recipes`.

    Returns
    -------
    Trained
        With its methods ``generate``, ``stream``, ``evaluate``, ``save`` and ``export``.

    Raises
    ------
    UserError
        There is no such folder or recipe, or the folder can't be loaded.

    Examples
    --------
    >>> trained = load("shakespeare-chars")  # doctest: +SKIP
    >>> trained.generate("**ROMEO**", max_tokens=30, seed=1)  # doctest: +SKIP
    """
    if not isinstance(name, str | Path):
        raise UserError(
            f"A {type(name).__name__} doesn't name a model; give a folder or one of: {', '.join(list_recipes())}."
        )
    folder = Path(name)
    if isinstance(name, str) and name in RECIPES and not (folder / "model.json").is_file():
        return load_recipe(name)
    if name and folder.exists():
        return load_model(folder)
    raise UserError(
        f"There is no model folder {name}, and no recipe of that name. Train a model with: gate-by-gate train TEXT "
        f"--out {shlex.quote(str(name))}; or use a recipe: {', '.join(list_recipes())}."
    )


def open_model(name: str | Path) -> Trained:
    """Like `load`, for commands that continue or score a text.

    Raises
    ------
    UserError
        As in `load`, or the model isn't a language model.
    """
    trained = load(name)
    if trained.kind not in CONTINUES_TEXT:
        raise UserError(f"{name} is an {trained.kind}, but this command needs a language model, which continues text.")
    return trained
