"""Importing this module makes all layers of the book known to Keras, so that its files load.

>>> import companion.models.registered  # doctest: +SKIP
>>> model = keras.models.load_model("mymodel.keras")  # doctest: +SKIP

Without it Keras says "Could not locate class 'TransformerBlock'". Only a network of Keras's own layers, such as a
recurrent language model without dropout, loads in a process that doesn't import it.
"""

from companion.models import answerer, attention, copying, transformer

__all__ = ["answerer", "attention", "copying", "transformer"]
