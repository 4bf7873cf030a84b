"""Loading a recipe: shipped, from the cache folder, or trained now."""

import hashlib
import json
import platform
from pathlib import Path

from companion.errors import UserError
from companion.recipes.builders import CONTINUES_TEXT
from companion.recipes.catalogue import RECIPES, list_recipes
from companion.recipes.kinds import AnyRecipe, PairRecipe, definition, is_counted
from companion.recipes.train import count, encoder_decoder, language_model, versions
from companion.recipes.trained import Trained, load_model, save_model
from companion.storage import cache_dir
from companion.training import CheckpointError

SHIPPED = Path(__file__).parents[1] / "weights"
LOADED = 4  # models at most that stay in memory

_loaded: dict[tuple[str, Path], Trained] = {}


def load_recipe(name: str, retrain: bool = False, progress: bool | None = None) -> Trained:
    """A trained model by name: shipped, from the cache folder, or trained now.

    Parameters
    ----------
    name
        See `list_recipes`.
    retrain
        Train it anew, whatever is there. The new model takes the old one's place in the cache folder once it is
        complete; of a recipe that comes with its weights, these are still what is loaded without ``retrain``.
    progress
        Whether to show the progress bar; see `companion.training.fit`.

    Returns
    -------
    Trained
        With ``.model``, ``.tokenizer``, ``.history`` and ``.score`` (on the test part).

    Raises
    ------
    UserError
        There is no such recipe, or its corpus can't be had.
    """
    if name not in RECIPES:
        raise UserError(f"There is no recipe {name!r}; there are {', '.join(list_recipes())}.")
    recipe = RECIPES[name]
    place = (name, cache_dir())
    if retrain:
        _checkpoint(recipe).unlink(missing_ok=True)
        trained = _train(recipe, progress)
        _loaded.pop(place, None)
        return trained
    trained = _loaded.pop(place) if place in _loaded else _found(recipe, progress)
    _loaded[place] = trained  # the last is the one that was used last
    while len(_loaded) > LOADED:
        del _loaded[next(iter(_loaded))]
    return trained


def ship(name: str, progress: bool | None = None) -> Path:
    """Train a recipe anew and keep it with the package, in half precision: from now on it is what is loaded.

    It is used by hand, in the repository: ``python -c "from companion.recipes import ship; ship('dates')"``. The
    score that is kept with the weights is that of the run, in full precision; a test holds the two together.

    Raises
    ------
    UserError
        There is no such recipe, or its corpus can't be had, or it has no weights to keep.
    """
    if name in RECIPES and is_counted(RECIPES[name]):
        raise UserError(f"{name} is counted in seconds and has no weights to keep; ship a network.")
    trained = load_recipe(name, retrain=True, progress=progress)
    save_model(SHIPPED / name, trained, half_precision=True)
    return SHIPPED / name


def _found(recipe: AnyRecipe, progress: bool | None) -> Trained:
    """A recipe's model: shipped, from the cache folder, or trained now."""
    if is_counted(recipe):
        return count(recipe)
    for folder in (SHIPPED / recipe.name, _folder(recipe)):
        try:
            trained = load_model(folder)
        except UserError:
            continue  # missing, or damaged: the next one, and at last a new one
        if folder.parent != SHIPPED or trained.about.get("recipe") == definition(recipe):
            return trained
    return _train(recipe, progress)


def recipe_key(recipe: AnyRecipe) -> str:
    """What the cached model is filed under: a hash of the recipe and of the code that trains and scores it."""
    digest = hashlib.sha256(json.dumps(definition(recipe), sort_keys=True).encode("utf-8"))
    for file in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def _folder(recipe: AnyRecipe) -> Path:
    return cache_dir() / "recipes" / f"{recipe.name}-{recipe_key(recipe)}"


def _checkpoint(recipe: AnyRecipe) -> Path:
    return _folder(recipe).with_suffix(".checkpoint.npz")


def _train(recipe: AnyRecipe, progress: bool | None) -> Trained:
    if is_counted(recipe):
        return count(recipe)
    train_from = (
        encoder_decoder(recipe, progress) if isinstance(recipe, PairRecipe) else language_model(recipe, progress)
    )
    checkpoint = _checkpoint(recipe)
    try:
        trained = train_from(checkpoint)
    except CheckpointError:  # what was left of the interrupted run is of no use: start anew
        checkpoint.unlink(missing_ok=True)
        trained = train_from(checkpoint)
    trained.about = {
        "recipe": definition(recipe),
        "seconds": round(trained.history.rows[-1]["seconds"]),
        "machine": f"{platform.machine()}, {platform.system()}",
        "versions": versions(),
    }
    save_model(_folder(recipe), trained)
    checkpoint.unlink(missing_ok=True)
    return trained


def train_missing() -> None:
    """Train every recipe that is neither shipped nor in the cache folder."""
    for name in list_recipes():
        if not is_counted(RECIPES[name]):
            print(f"{name}: {load_recipe(name).score}", flush=True)


def load(name: str | Path) -> Trained:
    """A trained model: that of a folder, or the book's recipe of that name.

    A folder that has a ``model.json`` comes first, so a model that is called like a recipe is found.

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
        There is neither, or the folder can't be loaded.

    Examples
    --------
    >>> trained = load("shakespeare-small")  # doctest: +SKIP
    >>> trained.generate("ROMEO", max_tokens=30, seed=1)  # doctest: +SKIP
    """
    folder = Path(name)
    if isinstance(name, str) and name in RECIPES and not (folder / "model.json").is_file():
        return load_recipe(name)
    if name and folder.exists():
        return load_model(folder)
    raise UserError(
        f"There is no model folder {name}, and no recipe of that name. Train one with: python -m companion train TEXT "
        f"--out {name}; or use a recipe: {', '.join(list_recipes())}."
    )


def open_model(name: str | Path) -> Trained:
    """As `load`, for what continues or scores a text.

    Raises
    ------
    UserError
        As `load`; or the model isn't a language model.
    """
    trained = load(name)
    if trained.kind not in CONTINUES_TEXT:
        raise UserError(f"{name} is an {trained.kind}: it answers a source, and this command wants a language model.")
    return trained
