"""The book's Keras models: the article's, and the language model that the book makes of it.

A language model here maps token ids ``(batch, time)`` to logits ``(batch, time, vocab_size)``: at every position,
the unnormalised log-probabilities of the token that comes next. Chapters: *article-model*, *language-model*.
"""

from typing import TYPE_CHECKING, Any

from companion.errors import UserError
from companion.seeding import quiet_tensorflow

if TYPE_CHECKING:
    import keras

CELLS = ("lstm", "gru", "rnn")


def article_model(vocab_size: int = 10_000, embedding_dim: int = 128, hidden_units: int = 64) -> "keras.Model":
    """The article's model, compiled as the article compiles it.

    It reads a window of token ids ``(batch, time)`` and gives the probabilities ``(batch, vocab_size)`` of the one
    token after it; its targets are one-hot vectors of that shape.
    """
    quiet_tensorflow()
    import keras

    model = keras.Sequential(
        [
            keras.layers.Embedding(vocab_size, embedding_dim),
            keras.layers.LSTM(hidden_units),
            keras.layers.Dense(vocab_size, activation="softmax"),
        ]
    )
    model.build((None, None))
    model.compile(loss="categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def language_model(
    vocab_size: int,
    embedding_dim: int = 64,
    units: int = 256,
    layers: int = 1,
    dropout: float = 0.0,
    cell: str = "lstm",
) -> "keras.Model":
    """A recurrent language model: embedding, recurrent layers, one linear layer of logits.

    Parameters
    ----------
    vocab_size
        Number of tokens.
    embedding_dim, units, layers
        Width of the embedding, width and number of the recurrent layers.
    dropout
        Part of the values set to 0 in training, before and after every recurrent layer but never on the recurrent
        path [1]_.
    cell
        ``"lstm"``, ``"gru"`` or ``"rnn"`` (the plain tanh network).

    Returns
    -------
    keras.Model
        Ids ``(batch, time)`` to float32 logits ``(batch, time, vocab_size)``. It starts from a zero state;
        `with_states` gives the twin that takes and returns states.

    Raises
    ------
    UserError
        A size below 1, a dropout outside [0, 1), or an unknown cell.

    References
    ----------
    .. [1] Zaremba, Sutskever & Vinyals 2014, *Recurrent Neural Network Regularization*.
    """
    sizes = {"vocab_size": vocab_size, "embedding_dim": embedding_dim, "units": units, "layers": layers}
    for name, size in sizes.items():
        if size < 1:
            raise UserError(f"{name} is {size}; it should be a whole number of at least 1.")
    if not 0 <= dropout < 1:
        raise UserError(f"dropout is {dropout}; it should be at least 0 and below 1.")
    if cell not in CELLS:
        raise UserError(f"There is no cell {cell!r}; there are {', '.join(CELLS)}.")
    quiet_tensorflow()
    import keras

    recurrent = {"lstm": keras.layers.LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}[cell]
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(vocab_size, embedding_dim, name="embedding")(ids)
    for number in range(1, layers + 1):
        x = keras.layers.Dropout(dropout)(x) if dropout else x
        x, *_ = recurrent(units, return_sequences=True, return_state=True, name=f"{cell}_{number}")(x)
    x = keras.layers.Dropout(dropout)(x) if dropout else x
    logits = keras.layers.Dense(vocab_size, name="logits")(x)
    return keras.Model(ids, logits, name="language_model")


def recurrent_layers(model: "keras.Model") -> "list[keras.layers.RNN]":
    """The model's recurrent layers, from the input upwards."""
    import keras

    return [layer for layer in model.layers if isinstance(layer, keras.layers.RNN)]


def with_states(model: "keras.Model") -> "keras.Model":
    """A twin of a `language_model` that shares its layers and makes the states visible.

    Returns
    -------
    keras.Model
        ``[ids, *states]`` to ``[logits, *states]``: give it the states it returned and it reads on as if the text
        had never been cut. Each state is ``(batch, units)``; an LSTM layer has two, h and c. `zero_states` starts.
    """
    import keras

    ids = keras.Input((None,), dtype="int32", name="ids")
    x, before, after = ids, [], []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if isinstance(layer, keras.layers.RNN):
            states = [keras.Input((size,)) for size in _state_sizes(layer)]
            x, *new = layer(x, initial_state=states)
            before += states
            after += new
        else:
            x = layer(x)
    return keras.Model([ids, *before], [x, *after])


def _state_sizes(layer: "keras.layers.RNN") -> list[int]:
    size = layer.state_size
    return [size] if isinstance(size, int) else list(size)


def zero_states(model: "keras.Model", batch: int) -> list[Any]:
    """The states before anything was read: zeros ``(batch, units)``, in the order `with_states` takes them."""
    import tensorflow as tf

    sizes = [size for layer in recurrent_layers(model) for size in _state_sizes(layer)]
    return [tf.zeros((batch, size)) for size in sizes]
