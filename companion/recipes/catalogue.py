"""Named, trained models: each is trained once, kept, and loaded by every chapter that uses it.

A recipe defines everything about a model: corpus, tokenizer, network, training, seed. ``load_recipe`` trains it the
first time and keeps it in the cache folder under a key made of the recipe and of the code it depends on. A recipe that
takes longer than a reader would wait comes with its weights (``companion/weights/``), in half precision and with the
log of the run that made them; `ship` put them there. ``load_recipe(name, retrain=True)`` trains it again.

``python -m companion.recipes`` trains whatever is missing.
"""

from companion.recipes.kinds import AnyRecipe, PairRecipe, Recipe, StoryRecipe, TransformerRecipe
from companion.training import TrainingConfig

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
            learning_rate=2e-3,  # the plain network diverges at the LSTM's rate
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
            learning_rate=2e-2,  # a small network learns best with large steps,
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
        hidden_dim=96,
        num_layers=3,
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
        data="dates",
        embedding_dim=32,
        units=128,
        attention="multiplicative",
        training=TrainingConfig(
            epochs=1,  # new pairs can be drawn endlessly, so none is read twice
            batch_size=64,
            learning_rate=5e-3,
            average=0.98,
            evaluations=8,
        ),
    ),
    PairRecipe(
        "sentences",
        "short sentences from Chinese into English, learnt from 3,600 pairs",
        data="sentences",
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
        data="docstrings",
        embedding_dim=64,
        units=128,
        dropout=0.3,
        copy=True,
        training=TrainingConfig(
            epochs=6,
            batch_size=32,  # only a few thousand pairs: small batches, so that there are enough updates
            learning_rate=3e-3,
            average=0.99,
            clip_norm=1.0,
        ),
    ),
    Recipe(
        "replies",
        "an LSTM of 128 units that writes replies: fifty passes over a thousand messages and their replies",
        corpus="replies",
        tokenizer="word",
        units=128,
        training=TrainingConfig(
            epochs=1,  # the passes are in the text
            batch_size=16,  # small, so that the few pairs make enough updates
            window=32,  # about two pairs
            learning_rate=2e-2,  # large steps, as there are only a thousand of them,
            average=0.9,  # whose noise the average takes out again
            evaluations=5,
        ),
    ),
    StoryRecipe(
        "question-answering", "a network that looks at the facts of a story three times and answers a question"
    ),
]
RECIPES = {recipe.name: recipe for recipe in _ALL}


def list_recipes() -> list[str]:
    """The names ``load_recipe`` knows."""
    return sorted(RECIPES)
