"""Importing this module makes all layers of the book known to Keras, so that its files load.

>>> import companion.models.registered  # doctest: +SKIP
>>> model = keras.models.load_model("mymodel.keras")  # doctest: +SKIP

Without it Keras says "Could not locate class 'TransformerBlock'". Only a network of Keras's own layers loads in a
process that doesn't import it: a recurrent language model, exported by `companion.recipes.Trained.export`. The layers
are registered under the package name ``gate_by_gate``.
"""

from companion.models import answerer, attention, copying, dropout, lstm, transformer

__all__ = ["answerer", "attention", "copying", "dropout", "lstm", "transformer"]
