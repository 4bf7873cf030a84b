"""The kinds of recipe, each with everything that determines a model."""

import json
from dataclasses import asdict, dataclass
from typing import Any, TypeGuard

from companion.training import TrainingConfig


@dataclass(frozen=True)
class Recipe:
    """Everything that determines a language model.

    Attributes
    ----------
    name, description
        Its name for ``load_recipe``, and what it is, in one line.
    corpus
        The corpus's name, or a name of `companion.recipes.train.TEXTS`; the training part trains, the validation part
        chooses the weights, the test part scores them.
    tokenizer, vocab_size
        ``"char"``, ``"word"`` or ``"bpe"``, and how many tokens (None: as many as the text has).
    order
        The order of an n-gram model; None for a network.
    units, embedding_dim, num_layers, dropout, cell
        The arguments of `companion.models.language_model`, for a network.
    training
        How a network is trained; its own seed is for the order in which the text is read.
    seed
        For everything else that is random: the initial weights and what dropout leaves out.
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
    """Everything that determines an encoder-decoder.

    Attributes
    ----------
    name, description
        As in `Recipe`.
    data
        A name of `companion.recipes.pairs.PAIR_DATA`: a function that returns a `companion.tokenizers.PairVocabulary`
        and the `companion.tokenizers.Pairs` that train, validate and test.
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
    """Everything that determines a Transformer.

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
    """Everything that determines a network that answers questions about stories.

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
        For everything that is random.
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
    """The recipe as plain values, without its description, which changes nothing about the model."""
    plain: dict[str, Any] = json.loads(json.dumps(asdict(recipe)))
    del plain["description"]
    return plain


def is_counted(recipe: AnyRecipe) -> TypeGuard[Recipe]:
    return isinstance(recipe, Recipe) and recipe.order is not None
