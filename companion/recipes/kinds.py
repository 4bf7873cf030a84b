"""The kinds of recipe: all there is to say about a model, to the last number."""

import json
from dataclasses import asdict, dataclass
from typing import Any, TypeGuard

from companion.training import TrainingConfig


@dataclass(frozen=True)
class Recipe:
    """How a model is made, to the last number.

    Attributes
    ----------
    name, description
        What ``load_recipe`` calls it, and what it is, in a line.
    corpus
        Its name, or a name of `companion.recipes.train.TEXTS`; the training part trains, the validation part chooses,
        the test part scores.
    tokenizer, vocab_size
        ``"char"``, ``"word"`` or ``"bpe"``, and how many tokens (None: as many as the text has).
    order
        Of an n-gram model; None for a network.
    units, embedding_dim, num_layers, dropout, cell
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
    num_layers: int = 1
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
        A name of `companion.recipes.pairs.PAIR_DATA`: a function that gives a `companion.tokenizers.PairVocabulary` and
        the `companion.tokenizers.Pairs` that train, validate and test.
    embedding_dim, units, attention, dropout, copy
        The arguments of `companion.models.encoder_decoder`.
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


@dataclass(frozen=True)
class TransformerRecipe:
    """How a Transformer is made, to the last number.

    Attributes
    ----------
    name, description, corpus, tokenizer, vocab_size
        As in `Recipe`.
    hidden_dim, num_layers, num_heads, context, dropout
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
    hidden_dim: int = 128
    num_layers: int = 4
    num_heads: int = 4
    context: int = 128
    dropout: float = 0.0
    seed: int = 0


@dataclass(frozen=True)
class StoryRecipe:
    """How a network that answers questions about stories is made, to the last number.

    Attributes
    ----------
    name, description
        As in `Recipe`.
    stories, unanswerable
        How many it reads, and which share of their questions has no answer; see `companion.corpora.stories.stories`.
    names
        How `companion.tokenizers.StoryReader` encodes a story's own names: ``"slots"`` or ``"words"``.
    attention, units
        The arguments of `companion.models.answerer.Answerer`.
    epochs, batch_size, learning_rate, shown
        How it is trained; see `companion.training.fit_stories`.
    seed
        Of everything that is random.
    """

    name: str
    description: str
    stories: int = 6_000
    unanswerable: float = 0.2
    names: str = "slots"
    attention: str = "latest"
    units: int = 64
    epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 5e-3
    shown: float = 0.5
    seed: int = 0


AnyRecipe = Recipe | PairRecipe | TransformerRecipe | StoryRecipe


def definition(recipe: AnyRecipe) -> dict[str, Any]:
    """The recipe as plain values, without the words that only describe it."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    del plain["description"]
    return plain


def is_counted(recipe: AnyRecipe) -> TypeGuard[Recipe]:
    return isinstance(recipe, Recipe) and recipe.order is not None
