"""From one sequence to another: an encoder reads the source, a decoder writes the target and looks back as it writes.

`encoder_decoder` is the network and `source_attention` shows where it looked. `companion.tokenizers.Pairs` makes its
batches, `companion.training.fit_pairs` trains it, and `companion.generation.decode` writes with it, through the same
samplers and beam search as a language model.

The encoder is a bidirectional LSTM, the decoder an LSTM that starts from the encoder's last state. At each step the
decoder's state asks the encoder's outputs (`companion.models.attention`), and state and context together choose the
token. This is the order of Luong, Pham & Manning 2015 without their input feeding, so training does all steps in one
pass.
With ``copy=True`` the decoder can also point at a source token and copy it (See, Liu & Manning 2017).

Chapter: *translation*.
"""

import numbers
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from companion.errors import UserError, check_sizes
from companion.seeding import quiet_tensorflow
from companion.tokenizers import PAD, UNKNOWN, Ids, Pairs

if TYPE_CHECKING:
    import keras

    from companion.models.attention import Attention


def encoder_decoder(
    source_vocab: int,
    target_vocab: int,
    embedding_dim: int = 64,
    units: int = 128,
    attention: str = "additive",
    dropout: float = 0.0,
    copy: bool = False,
) -> "keras.Model":
    """An encoder-decoder with attention.

    Parameters
    ----------
    source_vocab, target_vocab
        Numbers of ids.
    embedding_dim
        Width of the embeddings.
    units
        Width of the decoder; the encoder has half in each direction, so that its output fits. An even number.
    attention
        ``"additive"``, ``"multiplicative"`` or, to compare with, ``"uniform"``: see `companion.models.attention`.
    dropout
        Share of the values set to 0 in training, in the embeddings and in what the last layer reads.
    copy
        A pointer-generator [1]_: sources and targets share one vocabulary and one embedding, and sources may hold
        extended ids, above the vocabulary, for their own unknown words (``Vocabulary.encode_source``).

    Returns
    -------
    keras.Model
        Source ids ``(batch, S)`` and the ids written so far ``(batch, T)``, begin token first, to logits
        ``(batch, T, target_vocab)``. Padding in a source, id 0, changes nothing. With ``copy``, the results are
        log-probabilities over the vocabulary and the batch's extended ids,
        ``(batch, T, max(target_vocab, highest source id + 1))``; these are also logits, so the same loss and
        samplers work.

    Raises
    ------
    UserError
        A size, the dropout or the attention can't be used.

    References
    ----------
    .. [1] See, Liu & Manning 2017, *Get To The Point: Summarization with Pointer-Generator Networks*, section 2.2.
    """
    check_sizes(source_vocab=source_vocab, target_vocab=target_vocab, embedding_dim=embedding_dim, units=units)
    if units % 2:
        raise UserError(f"units is {units}; it should be even, half for each direction of the encoder.")
    if not isinstance(dropout, numbers.Real) or not 0 <= dropout < 1:
        raise UserError(f"dropout is {dropout}; it should be at least 0 and below 1.")
    if copy and source_vocab != target_vocab:
        raise UserError(
            f"With copy, sources and targets share one vocabulary, but source_vocab is {source_vocab} and "
            f"target_vocab {target_vocab}; give the same number for both."
        )
    quiet_tensorflow()
    from keras import Input, Model, layers, ops

    from companion.models.attention import attention_layer
    from companion.models.lstm import LSTM

    source = Input((None,), dtype="int32", name="source")
    written = Input((None,), dtype="int32", name="written")
    mask = ops.not_equal(source, PAD)

    def drop(x: Any) -> Any:
        return layers.Dropout(dropout)(x) if dropout else x

    def known(ids: Any) -> Any:
        return ops.where(ops.less(ids, source_vocab), ids, UNKNOWN) if copy else ids

    embed_source = layers.Embedding(source_vocab, embedding_dim, name="source_embedding")
    embed_target = embed_source if copy else layers.Embedding(target_vocab, embedding_dim, name="target_embedding")
    encoder = LSTM(units // 2, return_sequences=True, return_state=True, name="lstm")
    memory, forward_h, forward_c, backward_h, backward_c = layers.Bidirectional(encoder, name="encoder")(
        drop(embed_source(known(source))), mask=mask
    )
    start = [ops.concatenate([forward_h, backward_h], axis=-1), ops.concatenate([forward_c, backward_c], axis=-1)]

    y = drop(embed_target(known(written)))
    states = LSTM(units, return_sequences=True, name="decoder")(y, initial_state=start)
    context, weights = attention_layer(attention, units)(states, memory, mask)
    combined = layers.Dense(units, activation="tanh", name="combined")(ops.concatenate([states, context], axis=-1))
    logits = layers.Dense(target_vocab, name="logits")(drop(combined))
    if copy:
        from companion.models.copying import Copy

        gate = layers.Dense(1, name="gate")(ops.concatenate([states, context, y], axis=-1))
        logits = Copy(name="copy")(logits, gate, weights, source)
    return Model([source, written], logits, name="encoder_decoder")


class Parts(NamedTuple):
    """The layers of an `encoder_decoder`; a network that copies has one embedding for both sides, and a gate."""

    source_embedding: "keras.layers.Embedding"
    target_embedding: "keras.layers.Embedding"
    encoder: "keras.layers.Bidirectional"
    decoder: "keras.layers.LSTM"
    attention: "Attention"
    combined: "keras.layers.Dense"
    logits: "keras.layers.Dense"
    gate: "keras.layers.Dense | None"


def parts(model: "keras.Model") -> Parts:
    """The layers of an encoder-decoder, by which it is inspected or stepped.

    Raises
    ------
    UserError
        The model isn't an `encoder_decoder`.
    """
    from companion.models.attention import Attention
    from companion.models.copying import Copy

    layers = {layer.name: layer for layer in getattr(model, "layers", ())}
    if not isinstance(layers.get("attention"), Attention) or "encoder" not in layers:
        raise UserError("This model doesn't read a source; expected a companion.models.encoder_decoder.")
    copies = any(isinstance(layer, Copy) for layer in layers.values())
    found: dict[str, Any] = {name: layers.get(name) for name in Parts._fields}
    return Parts(**(found | {"target_embedding": layers["source_embedding"]} if copies else found))


def source_attention(model: "keras.Model", source: Ids, target: Ids) -> np.ndarray:
    """Where the decoder looked while it wrote a target, in one teacher-forced pass.

    Parameters
    ----------
    model
        An `encoder_decoder`.
    source, target
        Ids ``(S,)`` and ``(T,)``, without begin and end.

    Returns
    -------
    np.ndarray
        ``(T + 1, S)``, a row for each target token and one for the end token; each adds up to 1.

    Raises
    ------
    UserError
        The model isn't an `encoder_decoder`, or the source is empty.
    """
    from keras import Model

    attention = parts(model).attention
    source_ids, target_ids, _ = Pairs([source], [target]).batch([0])
    return np.asarray(Model(model.inputs, attention.output[1])([source_ids, target_ids]))[0]
