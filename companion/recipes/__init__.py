"""Trained models by name or by folder: the one place that saves and loads weights.

The face imports a name's module when the name is first used: what only describes a recipe doesn't need what trains it,
and so the key of a recipe, `recipe_key`, depends on no more than it should.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
        TOKENIZERS,
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
    "TOKENIZERS",
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

_ON_DEMAND = {
    "BUILDERS": "companion.recipes.builders",
    "CONTINUES_TEXT": "companion.recipes.builders",
    "ENCODER_DECODER": "companion.recipes.builders",
    "LANGUAGE_MODEL": "companion.recipes.builders",
    "NGRAM": "companion.recipes.builders",
    "TRANSFORMER": "companion.recipes.builders",
    "RECIPES": "companion.recipes.catalogue",
    "list_recipes": "companion.recipes.catalogue",
    "FORMAT": "companion.recipes.folder",
    "VERSION": "companion.recipes.folder",
    "AnyRecipe": "companion.recipes.kinds",
    "PairRecipe": "companion.recipes.kinds",
    "Recipe": "companion.recipes.kinds",
    "TransformerRecipe": "companion.recipes.kinds",
    "definition": "companion.recipes.kinds",
    "SHIPPED": "companion.recipes.loading",
    "load": "companion.recipes.loading",
    "load_recipe": "companion.recipes.loading",
    "open_model": "companion.recipes.loading",
    "recipe_key": "companion.recipes.loading",
    "ship": "companion.recipes.loading",
    "train_missing": "companion.recipes.loading",
    "train_recipe": "companion.recipes.loading",
    "PAIR_DATA": "companion.recipes.pairs",
    "PIECES": "companion.recipes.pairs",
    "date_pairs": "companion.recipes.pairs",
    "docstring_pairs": "companion.recipes.pairs",
    "docstring_pairs_without_copying": "companion.recipes.pairs",
    "docstring_vocabulary": "companion.recipes.pairs",
    "encode_docstrings": "companion.recipes.pairs",
    "english_pieces": "companion.recipes.pairs",
    "sentence_pairs": "companion.recipes.pairs",
    "short_date_pairs": "companion.recipes.pairs",
    "TOKENIZERS": "companion.recipes.train",
    "encoded": "companion.recipes.train",
    "train_language_model": "companion.recipes.train",
    "Trained": "companion.recipes.trained",
    "load_model": "companion.recipes.trained",
    "save_model": "companion.recipes.trained",
}


def __getattr__(name: str) -> Any:
    if name not in _ON_DEMAND:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_ON_DEMAND[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
