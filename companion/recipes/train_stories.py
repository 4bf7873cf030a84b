"""Training the network that a recipe describes to answer questions about stories."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.corpora.stories import stories
from companion.evaluation import Score, score
from companion.recipes.builders import ANSWERER, BUILDERS
from companion.recipes.kinds import StoryRecipe
from companion.recipes.trained import Trained
from companion.seeding import set_seed
from companion.tokenizers import StoryReader
from companion.training import History, fit_stories

if TYPE_CHECKING:
    import keras

TEST_STORIES, TEST_SEED = 1_500, 100  # those of benchmarks/question_answering.py
SIDE_BY_SIDE = 250


def train_stories(recipe: StoryRecipe, checkpoint: Path | None = None, progress: bool | None = None) -> Trained:
    """Train and score the network of a recipe; this takes a minute, so no checkpoint is kept."""
    told = stories(recipe.stories, seed=recipe.seed, unanswerable=recipe.unanswerable)
    reader = StoryReader(recipe.names)
    sizes: dict[str, Any] = {
        "vocab_size": reader.vocab_size,
        "attention": recipe.attention,
        "units": recipe.units,
    }
    set_seed(recipe.seed)
    model = BUILDERS[ANSWERER](**sizes)
    losses = fit_stories(
        model, reader, told, recipe.epochs, recipe.batch_size, recipe.learning_rate, recipe.shown, recipe.seed
    )
    history = History([{"epoch": epoch, "training_loss": loss} for epoch, loss in enumerate(losses, start=1)])
    return Trained(model, reader, sizes, history, answer_score(model, reader), kind=ANSWERER)


def answer_score(model: "keras.Model", reader: StoryReader) -> Score:
    """What the answers to the questions of the test stories cost; an answer counts as one token and one character."""
    told = stories(TEST_STORIES, seed=TEST_SEED, split="test")
    nats = 0.0
    for start in range(0, len(told), SIDE_BY_SIDE):
        encoded = reader.encode(told[start : start + SIDE_BY_SIDE], seed=start)
        logits = np.asarray(model(encoded.inputs)["answer"], dtype=np.float64)
        largest = logits.max(axis=1)
        total = largest + np.log(np.exp(logits - largest[:, None]).sum(axis=1))
        nats += float((total - logits[np.arange(len(logits)), encoded.answer]).sum())
    return score(nats, len(told))
