"""Trained models by name or by folder: the one place that saves and loads weights."""

from companion.recipes.builders import (
    BUILDERS,
    CONTINUES_TEXT,
    ENCODER_DECODER,
    LANGUAGE_MODEL,
    NGRAM,
    TRANSFORMER,
)
from companion.recipes.catalogue import (
    RECIPES,
    list_recipes,
)
from companion.recipes.folder import (
    FORMAT,
    VERSION,
)
from companion.recipes.kinds import (
    AnyRecipe,
    PairRecipe,
    Recipe,
    TransformerRecipe,
    definition,
)
from companion.recipes.loading import (
    SHIPPED,
    load,
    load_recipe,
    open_model,
    recipe_key,
    ship,
    train_missing,
    train_recipe,
)
from companion.recipes.pairs import (
    PAIR_DATA,
    PIECES,
    date_pairs,
    docstring_pairs,
    docstring_pairs_without_copying,
    docstring_vocabulary,
    encode_docstrings,
    english_pieces,
    sentence_pairs,
    short_date_pairs,
)
from companion.recipes.train import (
    encoded,
    train_language_model,
)
from companion.recipes.trained import (
    Trained,
    load_model,
    save_model,
)

__all__ = [
    "BUILDERS",
    "CONTINUES_TEXT",
    "ENCODER_DECODER",
    "FORMAT",
    "LANGUAGE_MODEL",
    "NGRAM",
    "PAIR_DATA",
    "PIECES",
    "RECIPES",
    "SHIPPED",
    "TRANSFORMER",
    "VERSION",
    "AnyRecipe",
    "PairRecipe",
    "Recipe",
    "Trained",
    "TransformerRecipe",
    "date_pairs",
    "definition",
    "docstring_pairs",
    "docstring_pairs_without_copying",
    "docstring_vocabulary",
    "encode_docstrings",
    "encoded",
    "english_pieces",
    "list_recipes",
    "load",
    "load_model",
    "load_recipe",
    "open_model",
    "recipe_key",
    "save_model",
    "sentence_pairs",
    "ship",
    "short_date_pairs",
    "train_language_model",
    "train_missing",
    "train_recipe",
]
