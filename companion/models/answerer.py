"""Networks that answer a question about a story. Importing this module imports Keras."""

from typing import Any

from companion.errors import UserError
from companion.models.attention import MultiplicativeAttention
from companion.models.lstm import LSTM
from companion.seeding import quiet_tensorflow
from companion.tokenizers import LONGEST, LOOKS

quiet_tensorflow()
import keras  # noqa: E402
from keras import ops  # noqa: E402

OLDEST = 12  # ages of facts that are told apart; older facts share the last
TALLY = 8  # numbers for what the first look counts


# The networks
@keras.saving.register_keras_serializable(package="gate_by_gate")
class LatestAttention(keras.layers.Layer):
    """Attention that goes through the facts from the last to the first and stops where it finds what it wants.

    Each fact has a gate between 0 and 1, a sigmoid of its score. The weight of a fact is its gate times all that the
    later facts left over. What no fact takes is left at the end: the look found nothing. This is stick-breaking
    attention (Tan et al. 2025, *Scaling stick-breaking attention*, section 2).

    A look can restrict itself to what happened before the fact that the previous look found; it learns when to do so.

    Parameters
    ----------
    units
        Width of the queries and of the keys.
    """

    CLOSED = -8.0  # every gate begins nearly shut

    def __init__(self, units: int, **settings: Any) -> None:
        super().__init__(**settings)
        self.units = units

    def build(self, query_shape: Any, keys_shape: Any, present_shape: Any, before_shape: Any = None) -> None:
        """Make the matrix between query and key, at first twice the identity: facts with the question's words win."""
        self.W = self.add_weight(name="W", shape=(self.units, self.units), initializer=_scaled_identity)
        self.b = self.add_weight(name="b", shape=(), initializer=keras.initializers.Constant(self.CLOSED))
        if before_shape is not None:
            self.w_before = self.add_weight(name="w_before", shape=(self.units, 1), initializer="zeros")
            self.b_before = self.add_weight(name="b_before", shape=(), initializer=keras.initializers.Constant(-1.0))

    def call(self, query: Any, keys: Any, present: Any, before: Any = None) -> tuple[Any, Any, Any]:
        """Context ``(batch, 1, units)``, weights and gates ``(batch, 1, facts)``; ``before``: the weights of the last
        look."""
        scores = ops.matmul(ops.matmul(query, self.W), ops.swapaxes(keys, 1, 2)) + self.b
        gates = ops.sigmoid(scores) * ops.cast(present[:, None, :], scores.dtype)
        if before is not None:
            earlier = ops.sigmoid(
                ops.matmul(query, self.w_before) + self.b_before
            )  # 1: only facts before the last look's
            gates = gates * (1 - earlier + earlier * _later_sum(before))
        weights = stick(gates)
        return ops.matmul(weights, keys), weights, gates

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the layer."""
        return {**super().get_config(), "units": self.units}


def _scaled_identity(shape: Any, dtype: Any = None) -> Any:
    return 2 * ops.eye(*shape, dtype=dtype)


def _later_sum(x: Any) -> Any:
    """For each place of the last axis, the sum of what comes after it."""
    return ops.flip(ops.cumsum(ops.flip(x, -1), -1), -1) - x


def stick(gates: Any) -> Any:
    """Weights from gates: what each fact takes of what the later ones left.

    Examples
    --------
    >>> ops.convert_to_numpy(stick(ops.array([0.5, 0.9, 0.5]))).astype(float).round(3).tolist()
    [0.025, 0.45, 0.5]
    """
    gates = ops.clip(gates, 0.0, 0.9999)
    return gates * ops.exp(_later_sum(ops.log(1 - gates)))


@keras.saving.register_keras_serializable(package="gate_by_gate")
class SoftmaxLook(MultiplicativeAttention):
    """The softmax attention of the chapter *translation*, with the same first matrix as `LatestAttention`."""

    def build(self, query_shape: Any, keys_shape: Any, present_shape: Any) -> None:
        """Begin with the identity."""
        self.W = self.add_weight(name="W", shape=(self.units, self.units), initializer=_scaled_identity)


@keras.saving.register_keras_serializable(package="gate_by_gate")
class Answerer(keras.Model):
    """From a story and a question to an answer, and to the facts that were looked at.

    Parameters
    ----------
    vocab_size
        Words and slots: any of them may be the answer.
    attention
        ``"latest"`` (`LatestAttention`) or ``"softmax"`` (with a learned signal of how old a fact is).
    units
        Width of everything.

    Notes
    -----
    Called on ``{"facts": (batch, facts, LONGEST), "question": (batch, LONGEST)}`` it returns ``"answer"``, logits
    ``(batch, vocab_size)``, and ``"looks"``, weights ``(batch, LOOKS, facts)``. Padding changes neither.
    """

    def __init__(self, vocab_size: int, attention: str = "latest", units: int = 64, **settings: Any) -> None:
        super().__init__(**settings)
        if attention not in ("latest", "softmax"):
            raise UserError(f"There is no attention {attention!r} here; there are latest and softmax.")
        self.vocab_size, self.units, self.latest = vocab_size, units, attention == "latest"
        width = keras.initializers.RandomNormal(stddev=units**-0.5)
        self.embedding = keras.layers.Embedding(vocab_size, units, embeddings_initializer=width, name="embedding")
        self.read_fact = LSTM(units, name="facts")
        self.read_question = LSTM(units, name="question")
        layer = LatestAttention if self.latest else SoftmaxLook
        self.attentions = [layer(units, name=f"look_{n + 1}") for n in range(LOOKS)]
        self.updates = [keras.layers.Dense(units, activation="tanh", name=f"update_{n + 1}") for n in range(LOOKS)]
        self.tally = keras.layers.Dense(TALLY, activation="tanh", name="tally")
        self.hidden = keras.layers.Dense(2 * units, activation="relu", name="hidden")
        self.deep, self.direct = keras.layers.Dense(units, name="deep"), keras.layers.Dense(units, name="direct")
        self.bias = self.add_weight(name="bias", shape=(vocab_size,), initializer="zeros")
        if not self.latest:
            self.age = self.add_weight(name="age", shape=(OLDEST, units), initializer=width)

    def build(self, input_shape: Any = None) -> None:
        """Make all weights, by reading a story of one fact."""
        self.call(_one_fact())

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the network."""
        attention = "latest" if self.latest else "softmax"
        return {"name": self.name, "vocab_size": self.vocab_size, "attention": attention, "units": self.units}

    def _read(self, layer: Any, ids: Any) -> Any:
        """A sentence as a vector: the LSTM's last state plus the plain sum of the words."""
        words, present = self.embedding(ids), ids > 0
        plain = ops.sum(words * ops.cast(present, words.dtype)[..., None], axis=-2)
        return layer(words, mask=present) + plain

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        """Read, look three times, answer."""
        facts, question = inputs["facts"], inputs["question"]
        count = ops.shape(facts)[1]
        present = facts[:, :, 0] > 0
        kept = ops.cast(present, "float32")[..., None]
        memory = ops.reshape(self._read(self.read_fact, ops.reshape(facts, (-1, LONGEST))), (-1, count, self.units))
        if not self.latest:
            age = ops.sum(ops.cast(present, "int32"), axis=1, keepdims=True) - 1 - ops.arange(count)[None]
            memory = memory + ops.take(self.age, ops.clip(age, 0, OLDEST - 1), axis=0)
        memory = memory * kept
        asked = query = self._read(self.read_question, question)
        seen, looks, before = [asked], [], None
        for number in range(LOOKS):
            look = self.attentions[number]
            if self.latest:
                found, weights, gates = look(query[:, None], memory, present, before)
            else:
                found, weights = look(query[:, None], memory, present)
                gates = weights
            found = found[:, 0]
            seen += [found, ops.sum(weights, axis=-1)]
            if (
                number == 0
            ):  # a count needs the sum of all that matches; the product shows whether fact and question agree
                seen += [self.tally(ops.matmul(gates, memory)[:, 0]), found * asked]
            query = query + found + self.updates[number](ops.concatenate([query, asked, found], axis=-1))
            looks.append(weights[:, 0])
            before = weights
        everything = ops.concatenate([*seen, query], axis=-1)
        wanted = self.deep(self.hidden(everything)) + self.direct(everything)
        # The answer is the word whose vector points where the wanted one does.
        logits = 4 * ops.matmul(wanted, ops.transpose(self.embedding.embeddings)) + self.bias
        return {"answer": logits, "looks": ops.stack(looks, axis=1)}


@keras.saving.register_keras_serializable(package="gate_by_gate")
class WholeStory(keras.Model):
    """One LSTM over story and question, word by word; its last state gives the answer. It is called like `Answerer`."""

    def __init__(self, vocab_size: int, units: int = 64, **settings: Any) -> None:
        super().__init__(**settings)
        self.vocab_size, self.units = vocab_size, units
        self.embedding = keras.layers.Embedding(vocab_size, units, name="embedding")
        self.read = LSTM(units, name="story")
        self.logits = keras.layers.Dense(vocab_size, name="logits")

    def call(self, inputs: Any, training: bool = False) -> dict[str, Any]:
        """Read everything, answer."""
        facts, question = inputs["facts"], inputs["question"]
        width = ops.shape(facts)[1] * LONGEST
        ids = ops.concatenate([ops.reshape(facts, (-1, width)), question], axis=1)
        return {"answer": self.logits(self.read(self.embedding(ids), mask=ids > 0))}

    def build(self, input_shape: Any = None) -> None:
        """Make all weights, by reading a story of one fact."""
        self.call(_one_fact())

    def get_config(self) -> dict[str, Any]:
        """What rebuilds the network."""
        return {"name": self.name, "vocab_size": self.vocab_size, "units": self.units}


def _one_fact() -> dict[str, Any]:
    return {"facts": ops.ones((1, 1, LONGEST), "int32"), "question": ops.ones((1, LONGEST), "int32")}


# Training and using them
def look_loss(wanted: Any, weights: Any) -> Any:
    """Nats for the weights that the looks give to their facts, ``(batch,)``; a look without a fact costs nothing."""
    found = ops.sum(wanted * weights, axis=-1)
    return ops.sum(-ops.log(found + 1e-3) * ops.sum(wanted, axis=-1), axis=-1)
