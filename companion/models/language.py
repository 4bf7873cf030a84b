"""The book's Keras models: the tutorial's, the language model that the book makes of it, and the Transformer.

A language model here maps token ids ``(batch, time)`` to logits ``(batch, time, vocab_size)``: at every position,
the unnormalised log-probabilities of the token that comes next. Chapters: *article-model*, *language-model*,
*transformers*.
"""

from typing import TYPE_CHECKING, Any

from companion.errors import UserError, check_sizes
from companion.models.once import once_per_model
from companion.seeding import quiet_tensorflow

if TYPE_CHECKING:
    import keras


CELLS = ("lstm", "gru", "rnn")


def article_model(vocab_size: int = 10_000, embedding_dim: int = 128, hidden_units: int = 64) -> "keras.Model":
    """The ten-line tutorial's model, compiled as the tutorial compiles it.

    It reads a window of token ids ``(batch, time)`` and returns the probabilities ``(batch, vocab_size)`` of the one
    token after it; its targets are one-hot vectors of that shape.

    Raises
    ------
    UserError
        A size below 1.
    """
    check_sizes(vocab_size=vocab_size, embedding_dim=embedding_dim, hidden_units=hidden_units)
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
    num_layers: int = 1,
    dropout: float = 0.0,
    cell: str = "lstm",
) -> "keras.Model":
    """A recurrent language model: embedding, recurrent layers, one linear layer of logits.

    Parameters
    ----------
    vocab_size
        Number of tokens.
    embedding_dim, units, num_layers
        Width of the embedding, width and number of the recurrent layers.
    dropout
        Share of the values set to 0 in training, before and after every recurrent layer but never on the recurrent
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
    _check(dropout, vocab_size=vocab_size, embedding_dim=embedding_dim, units=units, num_layers=num_layers)
    if cell not in CELLS:
        raise UserError(f"There is no cell {cell!r}; there are {', '.join(CELLS)}.")
    quiet_tensorflow()
    import keras

    from companion.models.dropout import SharedDropout
    from companion.models.lstm import LSTM

    recurrent = {"lstm": LSTM, "gru": keras.layers.GRU, "rnn": keras.layers.SimpleRNN}[cell]
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(vocab_size, embedding_dim, name="embedding")(ids)
    for number in range(1, num_layers + 1):
        x = SharedDropout(dropout)(x) if dropout else x
        x, *_ = recurrent(units, return_sequences=True, return_state=True, name=f"{cell}_{number}")(x)
    x = SharedDropout(dropout)(x) if dropout else x
    logits = keras.layers.Dense(vocab_size, name="logits")(x)
    return keras.Model(ids, logits, name="language_model")


def transformer_model(
    vocab_size: int,
    hidden_dim: int = 128,
    num_layers: int = 4,
    num_heads: int = 4,
    context: int = 128,
    dropout: float = 0.0,
) -> "keras.Model":
    """A decoder-only Transformer: embedding, blocks of attention, one linear layer of logits.

    Parameters
    ----------
    vocab_size
        Number of tokens.
    hidden_dim, num_layers, num_heads
        Numbers at each position, blocks, and heads of a block; see `companion.models.transformer.TransformerBlock`.
    context
        How many positions each block lets a position see, including itself.
    dropout
        Share of the values set to 0 in training, after the embedding and after each half of a block.

    Returns
    -------
    keras.Model
        Ids ``(batch, time)`` to float32 logits ``(batch, time, vocab_size)``, for a text of any length. It starts
        with nothing read; `with_states` gives the twin that takes and returns keys and values.

    Raises
    ------
    UserError
        A size below 1, a context below 2, a dropout outside [0, 1), or heads that can't share ``hidden_dim``.

    References
    ----------
    Vaswani et al. 2017, *Attention Is All You Need*; Radford et al. 2018 for the decoder alone.
    """
    _check(dropout, vocab_size=vocab_size, num_layers=num_layers)
    from companion.cells import EPSILON
    from companion.models.dropout import SharedDropout
    from companion.models.transformer import TransformerBlock, check_heads, keras

    check_heads(hidden_dim, num_heads, context)
    ids = keras.Input((None,), dtype="int32", name="ids")
    x = keras.layers.Embedding(vocab_size, hidden_dim, name="embedding")(ids)
    x = SharedDropout(dropout)(x) if dropout else x
    for number in range(1, num_layers + 1):
        x, *_ = TransformerBlock(hidden_dim, num_heads, context, dropout, name=f"block_{number}")(x)
    x = keras.layers.LayerNormalization(epsilon=EPSILON, name="norm")(x)
    logits = keras.layers.Dense(vocab_size, name="logits")(x)
    return keras.Model(ids, logits, name="transformer_model")


def _check(dropout: float, **sizes: int) -> None:
    check_sizes(**sizes)
    if not 0 <= dropout < 1:
        raise UserError(f"dropout is {dropout}; it should be at least 0 and below 1.")


def all_layers(model: "keras.Model") -> list["keras.layers.Layer"]:
    """Every layer of a model, even those inside other layers, each once: a layer first, then what it is made of."""
    import keras

    found: dict[int, keras.layers.Layer] = {}

    def visit(part: Any) -> None:
        if isinstance(part, keras.layers.Layer):
            if id(part) not in found:
                found[id(part)] = part
                visit(part.layers if isinstance(part, keras.Model) else vars(part))
        elif isinstance(part, dict):
            visit(list(part.values()))
        elif isinstance(part, list | tuple | set):
            for each in part:
                visit(each)

    visit(model.layers)
    return list(found.values())


def state_shapes(layer: "keras.layers.Layer") -> list[tuple[int, ...]]:
    """Shapes of what a layer carries from one piece of a text to the next, without the batch; most carry nothing."""
    import keras

    if isinstance(layer, keras.layers.RNN):
        sizes = layer.state_size
        return [(size,) for size in ([sizes] if isinstance(sizes, int) else sizes)]
    return getattr(layer, "state_shapes", [])


@once_per_model
def with_states(model: "keras.Model") -> "keras.Model":
    """A twin of a `language_model` or `transformer_model` that shares its layers and makes the states visible.

    It is built once for each model; later calls return the same twin.

    Returns
    -------
    keras.Model
        ``[ids, *states]`` to ``[logits, *states]``: given the states it returned, it continues as if the text had
        never been cut. An LSTM layer has two states, h and c, each ``(batch, units)``; a Transformer block has the
        keys and values of its context and their number. `zero_states` returns those at the start.
    """
    import keras

    ids = keras.Input((None,), dtype="int32", name="ids")
    x, before, after = ids, [], []
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        if shapes := state_shapes(layer):
            states = [keras.Input(shape) for shape in shapes]
            x, *new = layer(x, initial_state=states)
            before += states
            after += new
        else:
            x = layer(x)
    return keras.Model([ids, *before], [x, *after])


def zero_states(model: "keras.Model", batch: int) -> list[Any]:
    """The states before anything was read, in the order of `with_states`: zeros, for an LSTM two ``(batch, units)``."""
    import tensorflow as tf

    return [tf.zeros((batch, *shape)) for layer in model.layers for shape in state_shapes(layer)]
