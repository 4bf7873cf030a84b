"""A trained model with everything that goes with it."""

from dataclasses import dataclass, field
from typing import Any

from companion.evaluation import Score
from companion.training import History

LANGUAGE_MODEL, TRANSFORMER, ENCODER_DECODER = "language model", "transformer", "encoder-decoder"


@dataclass
class Trained:
    """A trained model with everything that goes with it.

    Attributes
    ----------
    model
        A Keras language model, a Transformer, or an encoder-decoder.
    tokenizer
        What turns text into its ids: a `companion.tokenizers.Tokenizer`, or a `companion.tokenizers.PairVocabulary`.
    sizes
        The arguments of `companion.models.language_model`, `companion.models.transformer_model` or
        `companion.models.encoder_decoder` that build it.
    history
        How the training went; see `companion.training.History`.
    score
        On its held-out text.
    about
        Anything else worth keeping: seeds, seconds, versions.
    kind
        ``"language model"`` (a recurrent one), ``"transformer"`` or ``"encoder-decoder"``.
    """

    model: Any
    tokenizer: Any
    sizes: dict[str, Any]
    history: History = field(default_factory=History)
    score: Score | None = None
    about: dict[str, Any] = field(default_factory=dict)
    kind: str = LANGUAGE_MODEL


def parameters(model: Any) -> list[Any]:
    """The variables that training changes, in a fixed order; a dropout layer's random state is not among them."""
    return list(model.trainable_variables)
