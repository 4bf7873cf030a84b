"""Named, trained models: each is trained once, kept, and loaded by every chapter that uses it.

A recipe says all there is to say about a model: corpus, tokenizer, network, training, seed. ``load_recipe`` trains
it the first time and keeps it in the cache folder under a key made of the recipe and of the code it depends on. A
recipe that takes longer than a reader would wait comes with its weights (``companion/weights/``), in half precision
and with the log of the run that made them; `ship` made them. ``load_recipe(name, retrain=True)`` trains anew.

``python -m companion.recipes`` trains whatever is missing.
"""

import functools
import hashlib
import importlib
import importlib.util
import json
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np

from companion.corpora import load_corpus
from companion.errors import UserError
from companion.evaluation import evaluate, evaluate_pairs
from companion.ngrams import NGramModel
from companion.saving import ENCODER_DECODER, LANGUAGE_MODEL, TRANSFORMER, Trained, load_model, save_model
from companion.seeding import set_seed
from companion.storage import cache_dir
from companion.tokenizers import BPETokenizer, CharTokenizer, Tokenizer, WordTokenizer
from companion.training import CheckpointError, TrainingConfig, fit, fit_pairs

SHIPPED = Path(__file__).parent / "weights"
LOADED = 4  # models at most that stay in memory
TOKENIZERS: dict[str, type[Tokenizer]] = {"char": CharTokenizer, "word": WordTokenizer, "bpe": BPETokenizer}


@dataclass(frozen=True)
class Recipe:
    """How a model is made, to the last number.

    Attributes
    ----------
    name, description
        What ``load_recipe`` calls it, and what it is, in a line.
    corpus
        Its name; the training part trains, the validation part chooses, the test part scores.
    tokenizer, vocab_size
        ``"char"``, ``"word"`` or ``"bpe"``, and how many tokens (None: as many as the text has).
    order
        Of an n-gram model; None for a network.
    units, embedding_dim, layers, dropout, cell
        Of a network: the arguments of `companion.models.language_model`.
    training
        Of a network; its own seed is that of the order in which the text is read.
    seed
        Of everything else that is random: the first weights and what dropout leaves out.
    """

    name: str
    description: str
    corpus: str = "shakespeare"
    tokenizer: str = "char"
    vocab_size: int | None = None
    order: int | None = None
    units: int = 256
    embedding_dim: int = 64
    layers: int = 1
    dropout: float = 0.0
    cell: str = "lstm"
    training: TrainingConfig | None = None
    seed: int = 0


@dataclass(frozen=True)
class PairRecipe:
    """How an encoder-decoder is made, to the last number.

    Attributes
    ----------
    name, description
        As in `Recipe`.
    data
        A module of this package and a function in it, ``"dates.chinese"``; it returns a
        `companion.seq2seq.PairVocabulary` and the `companion.seq2seq.Pairs` that train, validate and test.
    embedding_dim, units, attention, dropout, copy
        The arguments of `companion.seq2seq.encoder_decoder`.
    training, seed
        As in `Recipe`.
    """

    name: str
    description: str
    data: str
    training: TrainingConfig
    embedding_dim: int = 64
    units: int = 128
    attention: str = "additive"
    dropout: float = 0.0
    copy: bool = False
    seed: int = 0

    def pairs(self) -> Any:
        """Vocabularies, training, validation and test pairs."""
        module, function = self.data.split(".")
        return getattr(importlib.import_module(f"companion.{module}"), function)()


@dataclass(frozen=True)
class TransformerRecipe:
    """How a Transformer is made, to the last number.

    Attributes
    ----------
    name, description, corpus, tokenizer, vocab_size
        As in `Recipe`.
    width, layers, heads, context, dropout
        The arguments of `companion.models.transformer_model`.
    training, seed
        As in `Recipe`.
    """

    name: str
    description: str
    training: TrainingConfig
    corpus: str = "shakespeare"
    tokenizer: str = "char"
    vocab_size: int | None = None
    width: int = 128
    layers: int = 4
    heads: int = 4
    context: int = 128
    dropout: float = 0.0
    seed: int = 0


AnyRecipe = Recipe | PairRecipe | TransformerRecipe

_ALL: list[AnyRecipe] = [
    Recipe("shakespeare-1gram", "how often each character occurs, and nothing else", order=1),
    Recipe("shakespeare-3gram", "counts of three characters, interpolated Kneser-Ney", order=3),
    Recipe("shakespeare-6gram", "counts of six characters, interpolated Kneser-Ney", order=6),
    Recipe(
        "shakespeare-rnn",
        "a plain recurrent network of 256 units, one pass over the plays",
        cell="rnn",
        training=TrainingConfig(
            epochs=1,
            batch_size=64,
            window=64,
            learning_rate=2e-3,  # the plain network falls apart at the LSTM's rate
            clip_norm=1.0,
        ),
    ),
    Recipe(
        "shakespeare-small",
        "an LSTM of 256 units, one pass over the plays",
        training=TrainingConfig(
            epochs=1,
            batch_size=64,
            window=64,
            learning_rate=5e-3,
            warmup_steps=100,
            final_rate=0.01,
            clip_norm=1.0,
            evaluations=10,
        ),
    ),
    Recipe(
        "grammar-tiny",
        "an LSTM of 16 units, sixteen passes over the grammar: small enough to look at every unit",
        corpus="grammar",
        tokenizer="word",
        units=16,
        embedding_dim=8,
        training=TrainingConfig(
            epochs=16,
            batch_size=64,
            window=32,  # nearly every sentence is shorter
            learning_rate=2e-2,  # a small network learns best with long steps,
            average=0.99,  # whose noise the average takes out again
            clip_norm=1.0,
        ),
    ),
    Recipe(
        "shakespeare-chars",
        "the book's own model: an LSTM of 512 units, twelve passes over the plays",
        units=512,
        dropout=0.2,
        training=TrainingConfig(
            epochs=12,
            batch_size=64,
            window=128,
            learning_rate=3e-3,
            warmup_steps=200,
            average=0.998,  # about the last 500 updates
            clip_norm=1.0,
        ),
    ),
    TransformerRecipe(
        "shakespeare-transformer",
        "a Transformer with as many parameters as shakespeare-small, one pass over the plays",
        width=96,
        layers=3,
        context=64,
        training=TrainingConfig(
            epochs=1,
            batch_size=64,
            window=64,
            learning_rate=4e-3,
            warmup_steps=100,
            final_rate=0.01,
            clip_norm=1.0,
            evaluations=5,
        ),
    ),
    PairRecipe(
        "dates",
        "dates and numbers from English into Chinese and ISO 8601, 240,000 of them, each read once",
        data="dates.pairs",
        embedding_dim=32,
        units=128,
        attention="multiplicative",
        training=TrainingConfig(
            epochs=1,  # there is no end of pairs, so none is read twice
            batch_size=64,
            learning_rate=5e-3,
            average=0.98,
            evaluations=8,
        ),
    ),
    PairRecipe(
        "sentences",
        "short sentences from Chinese into English, learnt from 3,600 pairs",
        data="translation.pairs",
        embedding_dim=64,
        units=128,
        attention="additive",
        dropout=0.3,
        training=TrainingConfig(
            epochs=25,  # by then the validation loss has stopped falling
            batch_size=32,
            learning_rate=4e-3,
            average=0.98,
        ),
    ),
    PairRecipe(
        "docstring-summaries",
        "an encoder-decoder that can copy: from what a docstring explains to its first line",
        data="docstrings.recipe_data",
        embedding_dim=64,
        units=128,
        dropout=0.3,
        copy=True,
        training=TrainingConfig(
            epochs=6,
            batch_size=32,  # some thousand pairs only: small batches, so that there are updates enough
            learning_rate=3e-3,
            average=0.99,
            clip_norm=1.0,
        ),
    ),
]
RECIPES = {recipe.name: recipe for recipe in _ALL}


def list_recipes() -> list[str]:
    """The names ``load_recipe`` knows."""
    return sorted(RECIPES)


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
    if name in RECIPES and _is_counted(RECIPES[name]):
        raise UserError(f"{name} is counted in seconds and has no weights to keep; ship a network.")
    trained = load_recipe(name, retrain=True, progress=progress)
    save_model(SHIPPED / name, trained, half_precision=True)
    return SHIPPED / name


def _found(recipe: AnyRecipe, progress: bool | None) -> Trained:
    """A recipe's model: shipped, from the cache folder, or trained now."""
    if _is_counted(recipe):
        return _count(recipe)
    for folder in (SHIPPED / recipe.name, _folder(recipe)):
        try:
            trained = load_model(folder)
        except UserError:
            continue  # missing, or damaged: the next one, and at last a new one
        if folder.parent != SHIPPED or trained.about.get("recipe") == definition(recipe):
            return trained
    return _train(recipe, progress)


def definition(recipe: AnyRecipe) -> dict[str, Any]:
    """The recipe as plain values, without the words that only describe it."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    del plain["description"]
    return plain


def key(recipe: AnyRecipe) -> str:
    """What the cached model is filed under: a hash of the recipe and of the code that trains and scores it."""
    digest = hashlib.sha256(json.dumps(definition(recipe), sort_keys=True).encode("utf-8"))
    modules = ["corpora", "grammar", "tokenizers", "ngrams", "models", "training", "evaluation", "saving", "seeding"]
    if isinstance(recipe, PairRecipe):
        modules += ["seq2seq", "attention", "copying", recipe.data.split(".")[0]]
    if isinstance(recipe, TransformerRecipe):
        modules += ["transformer", "attention"]
    for module in modules:
        spec = importlib.util.find_spec(f"companion.{module}")
        assert spec and spec.origin
        digest.update(Path(spec.origin).read_bytes())
    return digest.hexdigest()[:16]


def _folder(recipe: AnyRecipe) -> Path:
    return cache_dir() / "recipes" / f"{recipe.name}-{key(recipe)}"


def _checkpoint(recipe: AnyRecipe) -> Path:
    return _folder(recipe).with_suffix(".checkpoint.npz")


@functools.lru_cache(maxsize=2)
def encoded(corpus: str, tokenizer: str, vocab_size: int | None = None) -> tuple[Tokenizer, list[np.ndarray], int]:
    """A tokenizer trained on a corpus's training part, the ids of its three parts, and the test part's characters."""
    parts = load_corpus(corpus).split()
    trained = TOKENIZERS[tokenizer].train(parts[0], vocab_size=vocab_size)
    return trained, [trained.encode(part) for part in parts], len(parts[2])


def _is_counted(recipe: AnyRecipe) -> TypeGuard[Recipe]:
    return isinstance(recipe, Recipe) and recipe.order is not None


def _count(recipe: Recipe) -> Trained:
    tokenizer, (train, _, test), characters = encoded(recipe.corpus, recipe.tokenizer, recipe.vocab_size)
    assert recipe.order is not None
    model = NGramModel(recipe.order, vocab_size=tokenizer.vocab_size).fit(train)
    return Trained(model, tokenizer, {"order": recipe.order}, score=evaluate(model, test, characters))


def _train(recipe: AnyRecipe, progress: bool | None) -> Trained:
    if _is_counted(recipe):
        return _count(recipe)
    train_from = (
        _encoder_decoder(recipe, progress) if isinstance(recipe, PairRecipe) else _language_model(recipe, progress)
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
        "versions": _versions(),
    }
    save_model(_folder(recipe), trained)
    checkpoint.unlink(missing_ok=True)
    return trained


def _language_model(recipe: Recipe | TransformerRecipe, progress: bool | None) -> Callable[[Path], Trained]:
    """What trains the recipe's language model, going on from a checkpoint, and scores it."""
    from companion.models import language_model, transformer_model

    tokenizer, (train, validation, test), characters = encoded(recipe.corpus, recipe.tokenizer, recipe.vocab_size)
    kind, build, names = (
        (LANGUAGE_MODEL, language_model, ("embedding_dim", "units", "layers", "dropout", "cell"))
        if isinstance(recipe, Recipe)
        else (TRANSFORMER, transformer_model, ("width", "layers", "heads", "context", "dropout"))
    )
    sizes: dict[str, Any] = {"vocab_size": tokenizer.vocab_size} | {name: getattr(recipe, name) for name in names}

    def train_from(checkpoint: Path) -> Trained:
        set_seed(recipe.seed)
        model = build(**sizes)
        history = fit(model, train, validation, recipe.training, checkpoint, progress)
        return Trained(model, tokenizer, sizes, history, evaluate(model, test, characters), kind=kind)

    return train_from


def _encoder_decoder(recipe: PairRecipe, progress: bool | None) -> Callable[[Path], Trained]:
    """The same for an encoder-decoder."""
    from companion.seq2seq import encoder_decoder

    vocabulary, train, validation, test = recipe.pairs()
    sizes: dict[str, Any] = {
        "source_vocab": len(vocabulary.source),
        "target_vocab": len(vocabulary.target),
        "embedding_dim": recipe.embedding_dim,
        "units": recipe.units,
        "attention": recipe.attention,
        "dropout": recipe.dropout,
        "copy": recipe.copy,
    }

    def train_from(checkpoint: Path) -> Trained:
        set_seed(recipe.seed)
        model = encoder_decoder(**sizes)
        history = fit_pairs(model, train, validation, recipe.training, checkpoint, progress)
        return Trained(model, vocabulary, sizes, history, evaluate_pairs(model, test), kind=ENCODER_DECODER)

    return train_from


def _versions() -> dict[str, str]:
    import keras
    import tensorflow as tf

    return {"python": platform.python_version(), "keras": keras.__version__, "tensorflow": tf.__version__}


def main() -> None:
    """Train every recipe that is neither shipped nor in the cache folder."""
    for name in list_recipes():
        if not _is_counted(RECIPES[name]):
            print(f"{name}: {load_recipe(name).score}", flush=True)


if __name__ == "__main__":
    main()
