"""A network of the book's layers as one of Keras's own layers, for those who have only Keras.

This module imports Keras.
"""

from companion.models.dropout import SharedDropout
from companion.models.lstm import LSTM
from companion.seeding import quiet_tensorflow

quiet_tensorflow()
import keras  # noqa: E402

OWN = {SharedDropout: keras.layers.Dropout, LSTM: keras.layers.LSTM}


def with_keras_layers(model: keras.Model) -> keras.Model:
    """A recurrent `companion.models.language_model` with Keras's own `Dropout` and `LSTM` in place of the book's.

    It predicts the same.

    Returns
    -------
    keras.Model
        A copy with its own weights; or the model itself, if it has none of these layers.
    """
    if not any(type(layer) in OWN for layer in model.layers):
        return model

    def made(layer: keras.layers.Layer) -> keras.layers.Layer:
        return OWN.get(type(layer), type(layer)).from_config(layer.get_config())

    copied = keras.models.clone_model(model, clone_function=made)
    copied.set_weights(model.get_weights())
    return copied
