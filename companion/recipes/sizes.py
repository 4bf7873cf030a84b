"""Sizes of a network that come from a file: checked, and their weights counted, before anything is built."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any

from companion.errors import UserError
from companion.recipes.builders import ANSWERER, BUILDERS, ENCODER_DECODER, LANGUAGE_MODEL, TRANSFORMER
from companion.tokenizers import LOOKS

LARGEST_SIZE = 2**31 - 1
LARGEST_CONTEXT = 2**20  # the one size that costs no weights, but memory when the network is used


def check_sizes_of(kind: str, sizes: Mapping[str, Any]) -> None:
    """Raise a `UserError` unless these are arguments of the function that builds networks of this kind."""
    parameters = inspect.signature(BUILDERS[kind]).parameters
    if unknown := [name for name in sizes if name not in parameters]:
        raise UserError(f"the sizes of its network have {unknown[0]!r}, which a {kind} doesn't have")
    for name, parameter in parameters.items():
        if name not in sizes:
            if parameter.default is parameter.empty:
                raise UserError(f"the sizes of its network lack {name!r}")
        elif not _fits(sizes[name], parameter.annotation) or (name == "context" and sizes[name] > LARGEST_CONTEXT):
            raise UserError(f"the {name} of its network is {sizes[name]!r}"[:200])


def _fits(value: Any, wanted: type) -> bool:
    if wanted is float:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if wanted is int:
        return type(value) is int and 1 <= value <= LARGEST_SIZE
    return type(value) is wanted


def count_weights(kind: str, sizes: Mapping[str, Any]) -> int:
    """How many weights a network of these sizes has, without building it.

    >>> count_weights("language model", {"vocab_size": 85, "units": 10**9}) > 10**18
    True
    """
    defaults = {name: p.default for name, p in inspect.signature(BUILDERS[kind]).parameters.items()}
    return _COUNTS[kind](**(defaults | dict(sizes)))


def _language_model(
    vocab_size: int,
    embedding_dim: int,
    units: int,
    num_layers: int,
    cell: str,
    dropout: float = 0.0,
) -> int:
    gates, biases = {"lstm": (4, 1), "gru": (3, 2)}.get(cell, (1, 1))
    first = gates * units * (embedding_dim + units + biases)
    others = (num_layers - 1) * gates * units * (2 * units + biases)
    return vocab_size * embedding_dim + first + others + (units + 1) * vocab_size


def _transformer(
    vocab_size: int, hidden_dim: int, num_layers: int, num_heads: int = 1, context: int = 1, dropout: float = 0.0
) -> int:
    block = 12 * hidden_dim**2 + 9 * hidden_dim
    return vocab_size * hidden_dim + num_layers * block + 2 * hidden_dim + (hidden_dim + 1) * vocab_size


def _encoder_decoder(
    source_vocab: int,
    target_vocab: int,
    embedding_dim: int,
    units: int,
    attention: str,
    copy: bool,
    dropout: float = 0.0,
) -> int:
    embeddings = (source_vocab if copy else source_vocab + target_vocab) * embedding_dim
    encoder = 2 * 4 * (units // 2) * (embedding_dim + units // 2 + 1)
    decoder = 4 * units * (embedding_dim + units + 1)
    scores = {"additive": 2 * units**2 + units, "multiplicative": units**2}.get(attention, 0)
    last = (2 * units + 1) * units + (units + 1) * target_vocab
    return embeddings + encoder + decoder + scores + last + (2 * units + embedding_dim + 1 if copy else 0)


def _answerer(vocab_size: int, attention: str, units: int) -> int:
    from companion.models.answerer import OLDEST, TALLY

    is_latest = attention == "latest"
    readers = 2 * 4 * units * (2 * units + 1)
    looks = LOOKS * units**2 + (LOOKS + (LOOKS - 1) * (units + 1) if is_latest else OLDEST * units)
    updates = LOOKS * (3 * units + 1) * units
    seen = (LOOKS + 3) * units + LOOKS + TALLY
    last = (seen + 1) * 2 * units + (2 * units + 1) * units + (seen + 1) * units
    return vocab_size * (units + 1) + readers + looks + updates + (units + 1) * TALLY + last


_COUNTS: dict[str, Callable[..., int]] = {
    LANGUAGE_MODEL: _language_model,
    TRANSFORMER: _transformer,
    ENCODER_DECODER: _encoder_decoder,
    ANSWERER: _answerer,
}
