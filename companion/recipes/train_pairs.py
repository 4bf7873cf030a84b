"""Training the encoder-decoder that a recipe describes."""

from pathlib import Path
from typing import Any

from companion.evaluation import evaluate_pairs
from companion.recipes.builders import BUILDERS, ENCODER_DECODER
from companion.recipes.kinds import PairRecipe
from companion.recipes.pairs import PAIR_DATA
from companion.recipes.trained import Trained
from companion.seeding import set_seed
from companion.training import fit_pairs


def train_pairs(recipe: PairRecipe, checkpoint: Path | None, progress: bool | None) -> Trained:
    """Train and score the encoder-decoder of a recipe, continuing from a checkpoint if there is one."""
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
    set_seed(recipe.seed)
    model = BUILDERS[ENCODER_DECODER](**sizes)
    history = fit_pairs(model, train, validation, recipe.training, checkpoint, progress)
    return Trained(model, vocabulary, sizes, history, evaluate_pairs(model, test), kind=ENCODER_DECODER)
