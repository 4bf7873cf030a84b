"""A cache for what is made from a model: made once, kept for as long as the model lives."""

import functools
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import keras

Made = TypeVar("Made")


def once_per_model(make: Callable[["keras.Model"], Made]) -> Callable[["keras.Model"], Made]:
    """A decorator: the function runs once for each model, and later calls return the same result.

    This is for twins and compiled functions, which take longer to make than to use, and all of which Keras's layers
    remember. The result may share the model's layers and weights but must not hold the model itself, or the model
    would never be freed; a compiled function can reach it through ``weakref.ref``.
    """
    kept: weakref.WeakKeyDictionary[keras.Model, Made] = weakref.WeakKeyDictionary()

    @functools.wraps(make)
    def get(model: "keras.Model") -> Made:
        if model not in kept:
            kept[model] = make(model)
        return kept[model]

    return get
