"""Training a language model, for a recipe or for the command ``train``."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.corpora import load_corpus
from companion.errors import UserError
from companion.ngrams import NGramModel
from companion.recipes.builders import BUILDERS, LANGUAGE_MODEL, NGRAM, TRANSFORMER
from companion.recipes.kinds import Recipe, TransformerRecipe
from companion.recipes.replies import chatterbot_texts
from companion.recipes.trained import Trained
from companion.seeding import set_seed, share_cores
from companion.tokenizers import TOKENIZERS, Tokenizer
from companion.training import Alone, TrainingConfig, fit, share_dropout

if TYPE_CHECKING:
    import keras


TEXTS: dict[str, Callable[[], tuple[str, str, str]]] = {"replies": chatterbot_texts}
"""Texts that aren't made from a corpus's text: functions that return the three parts."""


def parts_of(corpus: str) -> tuple[str, str, str]:
    """Training, validation and test text of a corpus, or of an entry of `TEXTS`."""
    return TEXTS[corpus]() if corpus in TEXTS else load_corpus(corpus).split()


@functools.lru_cache(maxsize=2)
def encoded(corpus: str, tokenizer: str, vocab_size: int | None = None) -> tuple[Tokenizer, list[np.ndarray], int]:
    """A tokenizer trained on a corpus's training part, the ids of its three parts, and the test part's characters."""
    parts = parts_of(corpus)
    trained = TOKENIZERS[tokenizer].train(parts[0], vocab_size=vocab_size)
    return trained, [trained.encode(part) for part in parts], len(parts[2])


def count(recipe: Recipe) -> Trained:
    """The n-gram model of a recipe, counted and scored."""
    tokenizer, (train, _, _), _ = encoded(recipe.corpus, recipe.tokenizer, recipe.vocab_size)
    assert recipe.order is not None
    model = NGramModel(recipe.order, vocab_size=tokenizer.vocab_size).fit(train)
    sizes = {"vocab_size": tokenizer.vocab_size, "order": recipe.order}
    trained = Trained(model, tokenizer, sizes, kind=NGRAM)
    trained.score = trained.evaluate(parts_of(recipe.corpus)[2])
    return trained


def train_text(recipe: Recipe | TransformerRecipe, checkpoint: Path | None, progress: bool | None) -> Trained:
    """Train and score the language model of a recipe, continuing from a checkpoint if there is one."""
    kind, names = (
        (LANGUAGE_MODEL, ("embedding_dim", "units", "num_layers", "dropout", "cell"))
        if isinstance(recipe, Recipe)
        else (TRANSFORMER, ("hidden_dim", "num_layers", "num_heads", "context", "dropout"))
    )
    return train_language_model(
        parts_of(recipe.corpus),
        encoded(recipe.corpus, recipe.tokenizer, recipe.vocab_size)[0],
        kind,
        {name: getattr(recipe, name) for name in names},
        recipe.training,
        seed=recipe.seed,
        checkpoint=checkpoint,
        progress=progress,
    )


def train_language_model(
    parts: Sequence[str],
    tokenizer: Tokenizer,
    kind: str,
    sizes: Mapping[str, Any],
    config: TrainingConfig | None = None,
    *,
    seed: int = 0,
    checkpoint: str | Path | None = None,
    progress: bool | None = None,
    team: Alone | None = None,
    began: Callable[["keras.Model"], object] | None = None,
    about: Mapping[str, Any] | None = None,
) -> Trained:
    """Build a language model, train it, and score it: what recipes and the command ``train`` do.

    Parameters
    ----------
    parts
        Three texts: the first trains, the second chooses the weights that are kept, the third scores them. If the third
        is empty, there is no score.
    tokenizer
        Trained on the first.
    kind
        ``"language model"`` (a recurrent one) or ``"transformer"``.
    sizes
        The arguments of `companion.models.language_model` or `companion.models.transformer_model`, without the size of
        the vocabulary, which is the tokenizer's.
    config
        How to train; its seed is for the order in which the text is read.
    seed
        For everything else that is random: the initial weights and what dropout leaves out.
    checkpoint, progress, team
        As in `companion.training.fit`.
    began
        Called with the network once it is built, before it is trained.
    about
        What to keep with the model: where the text is from, for example.

    Returns
    -------
    Trained
        Its score includes the cost of spelling what the tokenizer calls unknown (`companion.tokenizers.unknown_nats`),
        so that models with different tokenizers can be compared. Only worker 0 of a team has a score.

    Raises
    ------
    UserError
        As in `companion.training.fit`; or the kind isn't that of a language model, or a size can't be used.
    """
    if kind not in (LANGUAGE_MODEL, TRANSFORMER):
        raise UserError(f"kind is {kind!r}; it should be {LANGUAGE_MODEL!r} or {TRANSFORMER!r}.")
    training, validation, test = parts
    if kind == LANGUAGE_MODEL and team is None:
        share_cores()
    sizes = {"vocab_size": tokenizer.vocab_size, **sizes}
    set_seed(seed)
    model = BUILDERS[kind](**sizes)
    if team is not None:
        share_dropout(model, team)
    if began is not None:
        began(model)
    ids = tokenizer.encode(training), tokenizer.encode(validation)
    history = fit(model, *ids, config, checkpoint, progress, team)
    trained = Trained(model, tokenizer, sizes, history, None, dict(about or {}), kind)
    if test and (team is None or team.index == 0):
        trained.score = trained.evaluate(test)
    return trained
