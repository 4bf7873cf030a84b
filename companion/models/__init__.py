"""From sizes to a Keras network; nothing here reads a text or a file.

This package exports the language models. The modules that define Keras layers import TensorFlow, so each is imported
by its own name: `companion.models.attention`, `copying`, `dropout`, `lstm`, `transformer`, `encoder_decoder`,
`answerer`, `plain`.
"""

from companion.models.language import (
    CELLS,
    all_layers,
    article_model,
    language_model,
    state_shapes,
    transformer_model,
    with_states,
    zero_states,
)
from companion.models.once import once_per_model

__all__ = [
    "CELLS",
    "all_layers",
    "article_model",
    "language_model",
    "once_per_model",
    "state_shapes",
    "transformer_model",
    "with_states",
    "zero_states",
]
