"""The kinds of models, and the function that builds each from its sizes."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from companion.models import language_model, transformer_model
from companion.models.encoder_decoder import encoder_decoder

if TYPE_CHECKING:
    import keras

LANGUAGE_MODEL, TRANSFORMER, ENCODER_DECODER = "language model", "transformer", "encoder-decoder"
ANSWERER = "answerer"
NGRAM = "n-gram model"


def answerer(vocab_size: int, attention: str = "latest", units: int = 64) -> "keras.Model":
    """A `companion.models.answerer.Answerer` with its weights."""
    from companion.models.answerer import Answerer

    model = Answerer(vocab_size, attention, units)
    model.build()
    return model


BUILDERS: dict[str, Callable[..., "keras.Model"]] = {
    LANGUAGE_MODEL: language_model,
    TRANSFORMER: transformer_model,
    ENCODER_DECODER: encoder_decoder,
    ANSWERER: answerer,
}
"""The function that builds the network of each trained kind; the sizes are its arguments."""

CONTINUES_TEXT = (LANGUAGE_MODEL, TRANSFORMER, NGRAM)
"""The kinds that predict what comes next in a text."""
