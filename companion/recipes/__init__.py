"""Trained models by name or by folder: the one place that saves and loads weights."""

from companion.recipes.builders import (
    ANSWERER,
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
    StoryRecipe,
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
from companion.recipes.replies import (
    PASSES,
    as_text,
    prompt_of,
    reply_text,
    writer_texts,
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
    "ANSWERER",
    "BUILDERS",
    "CONTINUES_TEXT",
    "ENCODER_DECODER",
    "FORMAT",
    "LANGUAGE_MODEL",
    "NGRAM",
    "PAIR_DATA",
    "PASSES",
    "PIECES",
    "RECIPES",
    "SHIPPED",
    "TRANSFORMER",
    "VERSION",
    "AnyRecipe",
    "PairRecipe",
    "Recipe",
    "StoryRecipe",
    "Trained",
    "TransformerRecipe",
    "as_text",
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
    "prompt_of",
    "recipe_key",
    "reply_text",
    "save_model",
    "sentence_pairs",
    "ship",
    "short_date_pairs",
    "train_language_model",
    "train_missing",
    "train_recipe",
    "writer_texts",
]
