"""What a model costs, counted from its shapes: parameters, operations, bytes.

Conventions, those of the field (Kaplan et al. 2020, section 2.1):

- One multiply-add is 2 floating-point operations (FLOPs).
- Only products with matrices are counted. Sums, sigmoids and softmaxes are a small part of the arithmetic, though
  not always of the time.
- The backward pass makes two products for each one of the forward pass (one for the gradient of the weights, one for
  that of the input), so training takes three times the operations of the forward pass.
- A number takes 4 bytes (float32) unless stated otherwise.

All counts are for one token of one text. The functions have the names and the sizes of those of
`companion.models`, and `count` reads the sizes off a Keras model. Chapter: *compute*.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple, Self

from companion.errors import UserError, check_sizes

if TYPE_CHECKING:
    import keras


FLOAT = 4  # bytes of a float32
BACKWARD = 2  # products of the backward pass for each one of the forward pass
GATES = {"rnn": 1, "gru": 3, "lstm": 4}  # side by side in a cell's weights, counting the candidate


@dataclass(frozen=True)
class Layer:
    """One layer's counts, for one token of one text.

    Attributes
    ----------
    name
        What it is.
    parameters
        Numbers that are learnt.
    products
        Multiply-adds of the forward pass.
    read
        Parameters that a token needs: all of them, but only one row of an embedding.
    kept
        Numbers that the layer makes and the backward pass needs. (Its input is kept by the layer before it.)
    state
        Numbers that are carried to the next token when text is written; for a Transformer block, including the row
        that the token adds.
    """

    name: str
    parameters: int
    products: int
    read: int
    kept: int
    state: int = 0

    def times(self, n: int) -> Self:
        """The same layer passed ``n`` times for each token."""
        return replace(self, products=n * self.products, kept=n * self.kept)


class Memory(NamedTuple):
    """Bytes that training takes. ``moments`` are Adam's two averages, one pair for each parameter."""

    weights: int
    gradients: int
    moments: int
    activations: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


@dataclass(frozen=True)
class Cost:
    """A model's counts: the sums over its layers.

    Examples
    --------
    >>> small = Cost((embedding(10, 3), recurrent("rnn", 3, 5), dense(5, 10)))
    >>> small.parameters  # 10 * 3, then 5 * (3 + 5 + 1), then (5 + 1) * 10
    135
    >>> small.forward_flops()  # 2 * (5 * (3 + 5) + 5 * 10)
    180
    >>> small.training_flops(tokens=100)
    54000
    """

    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Numbers that are learnt."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def state(self) -> int:
        """Numbers carried from token to token of one text that is written; see `Layer`."""
        return sum(layer.state for layer in self.layers)

    def forward_flops(self, tokens: int = 1) -> int:
        """Operations to read, or to write, ``tokens`` tokens."""
        return 2 * tokens * sum(layer.products for layer in self.layers)

    def training_flops(self, tokens: int = 1) -> int:
        """Operations to learn from ``tokens`` tokens: forward and backward."""
        return (1 + BACKWARD) * self.forward_flops(tokens)

    def training_memory(self, tokens: int) -> Memory:
        """Bytes that training holds at once if an update reads ``tokens`` tokens (streams times window).

        Activations are what the formulas of the backward pass need. A framework keeps more: sums before a sigmoid,
        masks, copies.
        """
        weights = FLOAT * self.parameters
        kept = FLOAT * tokens * sum(layer.kept for layer in self.layers)
        return Memory(weights, weights, 2 * weights, kept)

    def step_bytes(self, texts: int = 1, bytes_per_weight: float = FLOAT) -> float:
        """Bytes that must pass through the processor to write the next token of each text.

        The weights are read once for all texts. The state of each text is counted once, although an RNN's is read and
        then written; of a Transformer's, ``context - 1`` rows of keys and values are read and one is written.
        """
        whole = sum(layer.read for layer in self.layers if layer.read == layer.parameters)
        rows = sum(layer.read for layer in self.layers if layer.read != layer.parameters)
        return bytes_per_weight * (whole + texts * rows) + FLOAT * texts * self.state


# ----------------------------------------------------------------------------------------------------------------------
# Layers


def embedding(vocab_size: int, embedding_dim: int) -> Layer:
    """A table from which a token takes one row, without any product."""
    check_sizes(vocab_size=vocab_size, embedding_dim=embedding_dim)
    return Layer("embedding", vocab_size * embedding_dim, 0, embedding_dim, embedding_dim)


def recurrent(cell: str, inputs: int, units: int) -> Layer:
    """A plain RNN, a GRU (as Keras makes it, with two biases) or an LSTM.

    Every gate multiplies its input and its last output with a matrix.

    Examples
    --------
    >>> lstm = recurrent("lstm", inputs=64, units=256)
    >>> lstm.parameters, lstm.products  # 4 * 256 * (64 + 256 + 1) and 4 * 256 * (64 + 256)
    (328704, 327680)

    Raises
    ------
    UserError
        The cell is unknown or a size is below 1.
    """
    if cell not in GATES:
        raise UserError(f"There is no cell {cell!r}; there are {', '.join(GATES)}.")
    check_sizes(inputs=inputs, units=units)
    gates = GATES[cell]
    products = gates * units * (inputs + units)
    parameters = products + (2 if cell == "gru" else 1) * gates * units
    # What the caches of companion.cells hold: h; of a GRU z, r, g and the candidate's product with h too; of an
    # LSTM the gates, the candidate and c.
    kept = {"rnn": 1, "gru": 5, "lstm": 6}[cell] * units
    return Layer(cell, parameters, products, parameters, kept, state=(2 if cell == "lstm" else 1) * units)


def dense(inputs: int, outputs: int, bias: bool = True) -> Layer:
    """A matrix and a bias.

    >>> dense(256, 85).products
    21760
    """
    check_sizes(inputs=inputs, outputs=outputs)
    parameters = (inputs + bias) * outputs
    return Layer("dense", parameters, inputs * outputs, parameters, outputs)


def norm(hidden_dim: int) -> Layer:
    """Layer normalisation: a scale and a shift for each number, and no matrix."""
    check_sizes(hidden_dim=hidden_dim)
    return Layer("norm", 2 * hidden_dim, 0, 2 * hidden_dim, 2 * hidden_dim)


def block(hidden_dim: int, num_heads: int, context: int) -> Layer:
    """A `companion.models.transformer.TransformerBlock`: attention to ``context`` positions, then two dense layers.

    The score of a key and the weighted sum of the values are products too, one multiply-add each for every number of
    every key and value. They grow with the context; the matrices, 12 ``hidden_dim``², don't.

    Examples
    --------
    >>> short, long = block(128, num_heads=4, context=128), block(128, num_heads=4, context=1024)
    >>> short.parameters == long.parameters, short.products, long.products
    (True, 229376, 458752)
    """
    check_sizes(num_heads=num_heads, context=context)
    inside = [norm(hidden_dim), norm(hidden_dim), dense(hidden_dim, 4 * hidden_dim), dense(4 * hidden_dim, hidden_dim)]
    inside += [dense(hidden_dim, hidden_dim, bias=False)] * 4  # queries, keys, values, and what is made of the average
    parameters, products = (sum(getattr(layer, name) for layer in inside) for name in ("parameters", "products"))
    # In addition to what its parts keep: scores and weights of every head (one of the two is enough), their average,
    # the sum after each half.
    kept = sum(layer.kept for layer in inside) + num_heads * context + 3 * hidden_dim
    state = 2 * context * hidden_dim  # keys and values: context - 1 rows from before, and the one that is added
    return Layer("block", parameters, products + 2 * context * hidden_dim, parameters, kept, state)


# ----------------------------------------------------------------------------------------------------------------------
# Models


def language_model(
    vocab_size: int, embedding_dim: int = 64, units: int = 256, num_layers: int = 1, cell: str = "lstm"
) -> Cost:
    """The counts of a `companion.models.language_model`.

    >>> language_model(85, embedding_dim=64, units=256).parameters
    355989
    """
    check_sizes(num_layers=num_layers)
    widths = [embedding_dim] + [units] * num_layers
    cells = [recurrent(cell, before, units) for before in widths[:-1]]
    return Cost((embedding(vocab_size, embedding_dim), *cells, dense(units, vocab_size)))


def article_model(vocab_size: int = 10_000, embedding_dim: int = 128, hidden_units: int = 64, window: int = 16) -> Cost:
    """The counts of a `companion.models.article_model`, for each word that it predicts.

    It reads a whole window to predict one word.

    >>> article_model().parameters
    1979408
    """
    check_sizes(window=window)
    reading = [embedding(vocab_size, embedding_dim), recurrent("lstm", embedding_dim, hidden_units)]
    return Cost((*(layer.times(window) for layer in reading), dense(hidden_units, vocab_size)))


def transformer_model(
    vocab_size: int, hidden_dim: int = 128, num_layers: int = 4, num_heads: int = 4, context: int = 128
) -> Cost:
    """The counts of a `companion.models.transformer_model`, for a token that has its whole context before it.

    The counts are of what must be computed. In training, a window of T tokens is scored at once against T + context - 1
    keys, and what the mask hides is discarded: nearly twice these products if the window is as long as the context.

    >>> transformer_model(85).parameters
    813141
    """
    check_sizes(num_layers=num_layers)
    blocks = (block(hidden_dim, num_heads, context) for _ in range(num_layers))
    return Cost((embedding(vocab_size, hidden_dim), *blocks, norm(hidden_dim), dense(hidden_dim, vocab_size)))


def count(model: "keras.Model") -> Cost:
    """The counts of a Keras model made of layers that this module knows, with the sizes it was built with.

    Parameters
    ----------
    model
        Embedding, SimpleRNN, GRU, LSTM, Dense, LayerNormalization, Dropout and the companion's Transformer blocks, in
        any order, each passed once for each token.

    Raises
    ------
    UserError
        A layer is of another kind, or answers only for the last token.
    """
    return Cost(tuple(found for layer in model.layers for found in _count_layer(layer)))


def _count_layer(layer: "keras.layers.Layer") -> list[Layer]:
    kind = type(layer).__name__
    if kind in ("InputLayer", "Dropout", "SharedDropout"):
        return []
    if kind == "Embedding":
        return [embedding(layer.input_dim, layer.output_dim)]
    if kind == "Dense":
        inputs, outputs = layer.kernel.shape
        return [dense(inputs, outputs, bias=layer.use_bias)]
    if kind == "LayerNormalization":
        return [norm(layer.gamma.shape[0])]
    if kind == "TransformerBlock":
        return [block(layer.hidden_dim, layer.num_heads, layer.context)]
    cells = {"SimpleRNN": "rnn", "GRU": "gru", "LSTM": "lstm"}
    if kind not in cells:
        raise UserError(
            f"The layer {layer.name} ({kind}) can't be counted; expected Embedding, SimpleRNN, GRU, LSTM, Dense, "
            "LayerNormalization, Dropout or the companion's Transformer blocks. Count it by hand and add a Layer."
        )
    if not layer.return_sequences:
        raise UserError(
            f"The layer {layer.name} answers only once for a whole window, so there is no cost of a single token; "
            "count it with article_model, which takes the window's length."
        )
    return [recurrent(cells[kind], layer.cell.kernel.shape[0], layer.units)]
