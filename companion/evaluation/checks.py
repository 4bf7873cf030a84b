"""Checks before a model reads anything: that it knows the ids, and that it can be scored on them."""

from typing import TYPE_CHECKING, Any

import numpy as np

from companion.errors import UserError

if TYPE_CHECKING:
    import keras

    from companion.tokenizers import Pairs


def check_ids(ids: np.ndarray, vocab_size: int | None = None, what: str = "ids") -> np.ndarray:
    """The ids of a text as an array ``(tokens,)``, checked.

    Parameters
    ----------
    ids
        They should be a row of integers, each at least 0 and below ``vocab_size`` if that is given.
    what
        What to call them in the message, such as "training ids".

    Raises
    ------
    UserError
        They aren't.
    """
    try:
        array = np.asarray(ids)
    except ValueError:
        raise UserError(f"The {what} are rows of different lengths; expected one row (tokens,).") from None
    if array.ndim != 1 or not len(array):
        raise UserError(f"The {what} have shape {array.shape}; expected one row (tokens,) with at least one token.")
    if array.dtype.kind not in "iu":
        raise UserError(
            f"The {what} are of type {array.dtype}; expected integers, as the tokenizer's encode returns them."
        )
    if vocab_size and (array.min() < 0 or array.max() >= vocab_size):
        raise UserError(
            f"The {what} go from {array.min()} to {array.max()}, but the model has {vocab_size} tokens: "
            "encode the text with the tokenizer the model was trained with."
        )
    return array


def check_pairs(model: "keras.Model", pairs: "Pairs", what: str = "pairs") -> None:
    """Raise a `UserError` unless there are pairs and the encoder-decoder knows all their ids.

    A model that copies also knows extended ids, above its vocabulary: any in a source, and in a target those of the
    same pair's source.
    """
    if not len(pairs):
        raise UserError(f"There are no {what}; give at least one.")
    layers = {layer.name: layer for layer in getattr(model, "layers", ())}
    if not {"source_embedding", "logits"} <= layers.keys():
        raise UserError("This model doesn't read pairs; expected a companion.models.encoder_decoder.")
    sizes = {"source": int(layers["source_embedding"].input_dim), "target": int(layers["logits"].units)}
    copies = "copy" in layers
    for number, both in enumerate(zip(pairs.sources, pairs.targets, strict=True)):
        for side, sequence in zip(sizes, both, strict=True):
            ids = np.asarray(sequence)
            if not ids.size or ids.max() < sizes[side]:
                continue
            if not copies or (side == "target" and not _has_all(both[0], ids, sizes[side])):
                raise UserError(
                    f"The {side} of pair {number} of the {what} has ids from {ids.min()} to {ids.max()}, but the model "
                    f"knows only {sizes[side]} ids: encode the pairs with the vocabularies the model was made for."
                )


def _has_all(source: Any, ids: np.ndarray, size: int) -> bool:
    """Whether a source has all extended ids of its target."""
    return bool(np.isin(ids[ids >= size], source).all())


def vocab_size_of(model: Any) -> int:
    """How many tokens a network has outputs for.

    Raises
    ------
    UserError
        The model isn't a network that reads one text.
    """
    shape = getattr(model, "output_shape", None)
    if not isinstance(shape, tuple) or len(shape) not in (2, 3) or len(model.inputs) != 1:
        raise UserError(
            f"This {type(model).__name__} can't be scored on a text; expected an NGramModel, or a Keras model of ids "
            "(batch, time) that gives logits for every token or probabilities of the next one."
        )
    return int(shape[-1])
