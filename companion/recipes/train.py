"""Training what a recipe describes."""

import functools
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from companion.corpora import load_corpus
from companion.evaluation import evaluate, evaluate_pairs
from companion.ngrams import NGramModel
from companion.recipes.kinds import PairRecipe, Recipe, TransformerRecipe
from companion.recipes.pairs import PAIR_DATA
from companion.recipes.trained import ENCODER_DECODER, LANGUAGE_MODEL, TRANSFORMER, Trained
from companion.seeding import set_seed
from companion.tokenizers import TOKENIZERS, Tokenizer
from companion.training import fit, fit_pairs


@functools.lru_cache(maxsize=2)
def encoded(corpus: str, tokenizer: str, vocab_size: int | None = None) -> tuple[Tokenizer, list[np.ndarray], int]:
    """A tokenizer trained on a corpus's training part, the ids of its three parts, and the test part's characters."""
    parts = load_corpus(corpus).split()
    trained = TOKENIZERS[tokenizer].train(parts[0], vocab_size=vocab_size)
    return trained, [trained.encode(part) for part in parts], len(parts[2])


def count(recipe: Recipe) -> Trained:
    tokenizer, (train, _, test), characters = encoded(recipe.corpus, recipe.tokenizer, recipe.vocab_size)
    assert recipe.order is not None
    model = NGramModel(recipe.order, vocab_size=tokenizer.vocab_size).fit(train)
    return Trained(model, tokenizer, {"order": recipe.order}, score=evaluate(model, test, characters))


def language_model(recipe: Recipe | TransformerRecipe, progress: bool | None) -> Callable[[Path], Trained]:
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


def encoder_decoder(recipe: PairRecipe, progress: bool | None) -> Callable[[Path], Trained]:
    """The same for an encoder-decoder."""
    from companion.models.encoder_decoder import encoder_decoder

    vocabulary, train, validation, test = PAIR_DATA[recipe.data]()
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


def versions() -> dict[str, str]:
    import keras
    import tensorflow as tf

    return {"python": platform.python_version(), "keras": keras.__version__, "tensorflow": tf.__version__}
