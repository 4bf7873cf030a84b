"""From one sequence to another: an encoder reads the source, a decoder writes the target and looks back as it writes.

``encoder_decoder`` is the network; `Vocabulary` and `Pairs` make its ids and batches; `companion.training.fit_pairs`
trains it; ``decode`` writes with it, through the same samplers and beam search as a language model
(`companion.generation`), and ``attention_weights`` says where it looked.

The encoder is a bidirectional LSTM, the decoder an LSTM that starts from the encoder's last state. At each step the
decoder's state asks the encoder's outputs (`companion.attention`), and state and context together choose the token:
the order of Luong, Pham & Manning 2015, without their input feeding, so that in training all steps are one pass.
With ``copy=True`` the decoder can also point at a source token and copy it (See, Liu & Manning 2017).

Chapter: *translation*.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from companion import generation
from companion.errors import UserError, check_sizes
from companion.generation import Sampler, State, lstm_step, softmax
from companion.seeding import generator, quiet_tensorflow
from companion.storage import read_json, write_atomically

if TYPE_CHECKING:
    import keras

PAD, UNKNOWN, BEGIN, END = range(4)
SPECIALS = ("<pad>", "<unk>", "<begin>", "<end>")
NEVER_WRITTEN = (PAD, UNKNOWN, BEGIN)

TINY = 1e-30  # a probability that stands for 0 where a logarithm is taken
SIDE_BY_SIDE = 128  # how many sources are decoded together


# ------------------------------------------------------------------------------------------------------------
# Ids and batches


class Vocabulary:
    """Tokens and their ids; the first four ids are special: padding 0, unknown 1, begin 2, end 3.

    What a token is (a character, a word) is the caller's choice: sequences of strings go in and come out.

    Attributes
    ----------
    tokens
        What each id stands for, the special ones among them.

    Examples
    --------
    >>> words = Vocabulary.train([["two", "plus", "two"], ["two"]])
    >>> words.tokens
    ['<pad>', '<unk>', '<begin>', '<end>', 'two', 'plus']
    >>> words.encode(["two", "and", "two"]).tolist()
    [4, 1, 4]
    >>> words.decode([2, 4, 1, 3, 0])
    ['two', '<unk>']

    With copying, the unknown words of a source get ids of their own, above the vocabulary, for this source alone:

    >>> ids, unknown = words.encode_source(["and", "two", "or", "and"])
    >>> ids.tolist(), unknown
    ([6, 4, 7, 6], ['and', 'or'])
    >>> words.encode_target(["or", "else"], unknown).tolist()
    [7, 1]
    >>> words.decode([7, 1], unknown)
    ['or', '<unk>']
    """

    def __init__(self, tokens: Iterable[str]) -> None:
        self.tokens = [*SPECIALS, *tokens]
        self._ids = {token: number for number, token in enumerate(self.tokens)}
        if len(self._ids) != len(self.tokens):
            raise UserError("A vocabulary's tokens should differ, from each other and from the special ones.")

    @classmethod
    def train(cls, sequences: Iterable[Sequence[str]], size: int | None = None, min_count: int = 1) -> "Vocabulary":
        """The tokens of some sequences, the most frequent first.

        Parameters
        ----------
        sequences
            The training sources, or targets, or both.
        size
            At most so many tokens, the four special ones counted.
        min_count
            Rarer tokens are left out.
        """
        counts = Counter(token for sequence in sequences for token in sequence)
        kept = sorted((token for token, n in counts.items() if n >= min_count), key=lambda t: (-counts[t], t))
        return cls(kept[: None if size is None else max(0, size - len(SPECIALS))])

    def __len__(self) -> int:
        return len(self.tokens)

    def __contains__(self, token: str) -> bool:
        return token in self._ids

    def encode(self, tokens: Iterable[str]) -> np.ndarray:
        """Ids ``(tokens,)``, int32; what is not in the vocabulary is unknown."""
        return np.array([self._ids.get(token, UNKNOWN) for token in tokens], dtype=np.int32)

    def encode_source(self, tokens: Iterable[str]) -> tuple[np.ndarray, list[str]]:
        """Ids in which the unknown words are numbered on from the vocabulary's size, and these words in order."""
        tokens = list(tokens)
        unknown = list(dict.fromkeys(token for token in tokens if token not in self._ids))
        return self.encode_target(tokens, unknown), unknown

    def encode_target(self, tokens: Iterable[str], unknown: Sequence[str]) -> np.ndarray:
        """Ids in which the source's unknown words have the numbers that ``encode_source`` gave them."""
        extended = {word: len(self) + number for number, word in enumerate(unknown)}
        return np.array([self._ids.get(t, extended.get(t, UNKNOWN)) for t in tokens], dtype=np.int32)

    def decode(self, ids: Iterable[int], unknown: Sequence[str] = ()) -> list[str]:
        """The tokens of ids, without padding, begin and end."""
        names = [*self.tokens, *unknown]
        return [names[i] for i in ids if i not in (PAD, BEGIN, END)]


@dataclass(frozen=True)
class PairVocabulary:
    """The two vocabularies of an encoder-decoder (one and the same where it copies), saved as one file."""

    source: Vocabulary
    target: Vocabulary

    def save(self, path: str | Path) -> None:
        """Write both as JSON."""
        content = {"kind": "pairs"} | {
            name: getattr(self, name).tokens[len(SPECIALS) :] for name in ("source", "target")
        }
        write_atomically(path, json.dumps(content, indent=1) + "\n")


def load_pair_vocabulary(path: str | Path) -> PairVocabulary:
    """Read what ``PairVocabulary.save`` wrote.

    Raises
    ------
    UserError
        The file is missing or something else.
    """
    content = read_json(path, "two vocabularies")
    if not isinstance(content, dict) or content.get("kind") != "pairs":
        raise UserError(f"{path} holds no two vocabularies; it should be written by PairVocabulary.save.")
    return PairVocabulary(Vocabulary(content["source"]), Vocabulary(content["target"]))


def padded(sequences: Sequence[Sequence[int] | np.ndarray]) -> np.ndarray:
    """Sequences of ids side by side, ``(batch, longest)`` int32; the shorter ones end in padding.

    >>> padded([[5, 6, 7], [8]]).tolist()
    [[5, 6, 7], [8, 0, 0]]
    """
    table = np.full((len(sequences), max((len(s) for s in sequences), default=0)), PAD, dtype=np.int32)
    for row, sequence in zip(table, sequences, strict=True):
        row[: len(sequence)] = sequence
    return table


@dataclass
class Pairs:
    """Sources and their targets, as ids, and how they are cut into batches.

    Attributes
    ----------
    sources, targets
        Sequences of ids, without begin and end tokens; equally many.
    """

    sources: Sequence[Sequence[int] | np.ndarray]
    targets: Sequence[Sequence[int] | np.ndarray]

    def __post_init__(self) -> None:
        if len(self.sources) != len(self.targets):
            raise UserError(
                f"There are {len(self.sources)} sources and {len(self.targets)} targets; give one for each."
            )
        if any(len(source) == 0 for source in self.sources):
            raise UserError("A source is empty; leave such pairs out.")

    def __len__(self) -> int:
        return len(self.sources)

    def plan(self, batch_size: int, seed: Any = None, pool: int = 32) -> list[np.ndarray]:
        """Which pairs go together: arrays of at most ``batch_size`` places, pairs of similar length in each.

        Parameters
        ----------
        batch_size
            Pairs of a batch.
        seed
            Of the order. ``None`` sorts all pairs by length; with a seed they are shuffled, pools of ``pool``
            batches are sorted each, and the batches shuffled again: another order each epoch, and little padding.
        """
        lengths = np.array([(len(s), len(t)) for s, t in zip(self.sources, self.targets, strict=True)]).reshape(-1, 2)
        rng = None if seed is None else np.random.default_rng(seed)
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        span = len(self) if rng is None else batch_size * pool
        batches = []
        for start in range(0, len(self), max(span, 1)):
            part = order[start : start + span]
            part = part[np.lexsort((lengths[part, 1], lengths[part, 0]))]
            batches += [part[i : i + batch_size] for i in range(0, len(part), batch_size)]
        return batches if rng is None else [batches[i] for i in rng.permutation(len(batches))]

    def batch(self, places: Iterable[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Source, decoder input and decoder target of some pairs, padded, ``(batch, time)``.

        The decoder reads the begin token and the target, and should write the target and the end token.

        >>> source, written, target = Pairs([[5, 6]], [[7, 8, 9]]).batch([0])
        >>> written.tolist(), target.tolist()
        ([[2, 7, 8, 9]], [[7, 8, 9, 3]])
        """
        places = list(places)
        targets = [self.targets[i] for i in places]
        return (
            padded([self.sources[i] for i in places]),
            padded([[BEGIN, *target] for target in targets]),
            padded([[*target, END] for target in targets]),
        )

    def digest(self) -> str:
        """A hash of all ids."""
        digest = hashlib.sha256()
        for sequence in (*self.sources, *self.targets):
            digest.update(np.asarray([len(sequence), *sequence], dtype=np.int32).tobytes())
        return digest.hexdigest()


# ------------------------------------------------------------------------------------------------------------
# The network


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
        ``"additive"``, ``"multiplicative"`` or, to compare with, ``"uniform"``: see `companion.attention`.
    dropout
        Part of the values set to 0 in training: of the embeddings, and of what the last layer reads.
    copy
        A pointer-generator [1]_: sources and targets share one vocabulary and one embedding, and sources may hold
        extended ids, above the vocabulary, for their own unknown words (``Vocabulary.encode_source``).

    Returns
    -------
    keras.Model
        Source ids ``(batch, S)`` and the ids written so far ``(batch, T)``, begin token first, to logits
        ``(batch, T, target_vocab)``. Padding in a source, id 0, changes nothing. With ``copy``, the result are
        log-probabilities over the vocabulary and the batch's extended ids,
        ``(batch, T, max(target_vocab, highest source id + 1))``; as they are logits too, the same loss and the same
        samplers serve.

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
    if not 0 <= dropout < 1:
        raise UserError(f"dropout is {dropout}; it should be at least 0 and below 1.")
    if copy and source_vocab != target_vocab:
        raise UserError(
            f"With copy, sources and targets share one vocabulary, but source_vocab is {source_vocab} and "
            f"target_vocab {target_vocab}; give the same for both."
        )
    quiet_tensorflow()
    from keras import Input, Model, layers, ops

    from companion.attention import attention_layer

    source = Input((None,), dtype="int32", name="source")
    written = Input((None,), dtype="int32", name="written")
    mask = ops.not_equal(source, PAD)

    def drop(x: Any) -> Any:
        return layers.Dropout(dropout)(x) if dropout else x

    def known(ids: Any) -> Any:
        return ops.where(ops.less(ids, source_vocab), ids, UNKNOWN) if copy else ids

    embed_source = layers.Embedding(source_vocab, embedding_dim, name="source_embedding")
    embed_target = embed_source if copy else layers.Embedding(target_vocab, embedding_dim, name="target_embedding")
    encoder = layers.LSTM(units // 2, return_sequences=True, return_state=True, name="lstm")
    memory, forward_h, forward_c, backward_h, backward_c = layers.Bidirectional(encoder, name="encoder")(
        drop(embed_source(known(source))), mask=mask
    )
    start = [ops.concatenate([forward_h, backward_h], axis=-1), ops.concatenate([forward_c, backward_c], axis=-1)]

    y = drop(embed_target(known(written)))
    states = layers.LSTM(units, return_sequences=True, name="decoder")(y, initial_state=start)
    context, weights = attention_layer(attention, units)(states, memory, mask)
    combined = layers.Dense(units, activation="tanh", name="combined")(ops.concatenate([states, context], axis=-1))
    logits = layers.Dense(target_vocab, name="logits")(drop(combined))
    if copy:
        from companion.copying import Copy

        gate = layers.Dense(1, name="gate")(ops.concatenate([states, context, y], axis=-1))
        logits = Copy(name="copy")(logits, gate, weights, source)
    return Model([source, written], logits, name="encoder_decoder")


def attention_weights(model: "keras.Model", source: Sequence[int], target: Sequence[int]) -> np.ndarray:
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
    """
    from keras import Model

    looking = Model(model.inputs, model.get_layer("attention").output[1])
    return np.asarray(looking([padded([source]), padded([[BEGIN, *target]])]))[0]


# ------------------------------------------------------------------------------------------------------------
# Writing


class SourceStepper:
    """An encoder-decoder that has read some sources: a stepper for `companion.generation`, in NumPy.

    The sources are encoded once. A state is the decoder's h and c and the number of the source that each text is
    written for, so beam search can shuffle texts without copying what was read.

    Parameters
    ----------
    model
        An `encoder_decoder`.
    sources
        Sequences of ids, at least one.
    """

    def __init__(self, model: Any, sources: Sequence[Sequence[int] | np.ndarray]) -> None:
        source = padded(sources)
        if not source.size or not all(len(s) for s in sources):
            raise UserError("There is no source, or an empty one: there is nothing to write from.")
        if "attention" not in {layer.name for layer in model.layers}:
            raise UserError("This model reads no source; expected a companion.seq2seq.encoder_decoder.")
        copies = "copy" in {layer.name for layer in model.layers}
        embedding = model.get_layer("source_embedding")
        self._source_vocab = embedding.input_dim
        if source.min() < 0 or (source.max() >= self._source_vocab and not copies):
            raise UserError(
                f"The sources have ids up to {source.max()}, and the model knows {self._source_vocab}: "
                "encode them with its vocabulary."
            )
        self._source, self._mask = source, source != PAD
        self._read(model, self._table(embedding)[self._known(source)])
        target_embedding = embedding if copies else model.get_layer("target_embedding")
        self._embed = self._table(target_embedding)
        self._decode, _ = lstm_step(model.get_layer("decoder"))
        self._combine = self._matrices(model, "combined")
        self._out = self._matrices(model, "logits")
        self._gate = self._matrices(model, "gate") if copies else None
        target_vocab = self._out[1].shape[0]
        self.vocab_size = max(target_vocab, int(source.max()) + 1) if copies else target_vocab
        self._prepare_attention(model.get_layer("attention"))

    @staticmethod
    def _table(layer: Any) -> np.ndarray:
        return np.asarray(layer.embeddings, dtype=np.float32)

    @staticmethod
    def _matrices(model: Any, name: str) -> tuple[np.ndarray, np.ndarray]:
        layer = model.get_layer(name)
        return np.asarray(layer.kernel, dtype=np.float32), np.asarray(layer.bias, dtype=np.float32)

    def _known(self, ids: np.ndarray) -> np.ndarray:
        return np.where(ids < self._source_vocab, ids, UNKNOWN)

    def _read(self, model: Any, x: np.ndarray) -> None:
        """The encoder: outputs ``(n, S, units)``, last h and c ``(n, units)``. At padding a state stays as it was."""
        batch, length, _ = x.shape
        both = model.get_layer("encoder")
        outputs, ends = [], []
        for layer, places in [(both.forward_layer, range(length)), (both.backward_layer, range(length)[::-1])]:
            step, sizes = lstm_step(layer)
            h, c = (np.zeros((batch, size), np.float32) for size in sizes)
            output = np.zeros((batch, length, sizes[0]), np.float32)
            for place in places:
                there = self._mask[:, place, None]
                _, (new_h, new_c) = step(x[:, place], h, c)
                h, c = np.where(there, new_h, h), np.where(there, new_c, c)
                output[:, place] = h
            outputs.append(output)
            ends.append((h, c))
        self._memory = np.concatenate(outputs, axis=-1)
        self._h, self._c = (np.concatenate(halves, axis=-1) for halves in zip(*ends, strict=True))

    def _prepare_attention(self, layer: Any) -> None:
        """What of the scores depends on the sources alone is reckoned once."""
        weights = [np.asarray(w, dtype=np.float32) for w in layer.weights]
        if len(weights) == 3:  # additive
            W_q, W_k, v = weights
            offered = self._memory @ W_k
            self._scores = lambda q, rows: (np.tanh((q @ W_q)[:, None, :] + offered[rows]) @ v)[..., 0]
        elif not weights:  # uniform
            self._scores = lambda q, rows: np.zeros((len(q), self._memory.shape[1]), np.float32)
        else:  # multiplicative
            turned = self._memory @ weights[0].T
            self._scores = lambda q, rows: (turned[rows] @ q[:, :, None])[..., 0]

    def start(self, batch: int) -> State:
        """The states after reading: ``batch`` texts of the one source, or one text of each source."""
        n = len(self._source)
        if n not in (1, batch):
            raise UserError(f"There are {n} sources, so {n} texts are written at a time, not {batch}.")
        rows = np.zeros(batch, dtype=np.int64) if n == 1 else np.arange(n)
        return [self._h[rows], self._c[rows], rows]

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Read one id of each text; logits of the next."""
        from companion.attention import attend

        h, c, rows = state
        y = self._embed[self._known(np.asarray(ids))]
        _, (h, c) = self._decode(y, h, c)
        context, weights = attend(self._scores(h, rows)[:, None, :], self._memory[rows], self._mask[rows])
        kernel, bias = self._combine
        combined = np.tanh(np.concatenate([h, context[:, 0]], axis=-1) @ kernel + bias)
        kernel, bias = self._out
        logits = combined @ kernel + bias
        if self._gate is not None:
            kernel, bias = self._gate
            gate = np.concatenate([h, context[:, 0], y], axis=-1) @ kernel + bias
            logits = self._copied(logits, gate, weights[:, 0], rows)
        return logits, [h, c, rows]

    def _copied(self, logits: np.ndarray, gate: np.ndarray, weights: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Log-probabilities: the word is written with probability sigmoid(gate), else copied by the weights."""
        probabilities = np.zeros((len(logits), self.vocab_size), dtype=np.float64)
        write = 1 / (1 + np.exp(-np.clip(gate.astype(np.float64), -60, 60)))
        probabilities[:, : logits.shape[1]] = write * softmax(logits.astype(np.float64))
        np.add.at(probabilities, (np.arange(len(rows))[:, None], self._source[rows]), (1 - write) * weights)
        return np.log(np.maximum(probabilities, TINY))


def decode(
    model: Any,
    sources: Sequence[Sequence[int] | np.ndarray],
    max_tokens: int = 100,
    sampler: Sampler | None = None,
    seed: int | None = None,
    beam_width: int | None = None,
    length_penalty: float = 0.6,
    banned: Sequence[int] = NEVER_WRITTEN,
) -> list[list[int]]:
    """What an encoder-decoder writes for each source: ids without begin and end.

    Parameters
    ----------
    model
        An `encoder_decoder`.
    sources
        Sequences of ids. Those of similar length are decoded side by side.
    max_tokens
        At most so many for each.
    sampler
        How each token is chosen; greedy if left out.
    seed
        Of the sampling.
    beam_width, length_penalty
        With a width, beam search chooses instead; see `companion.generation.beam_hypotheses`.
    banned
        Ids that are never written; by default padding, unknown and begin.
    """
    if beam_width is not None:
        stepped = (SourceStepper(model, [source]) for source in sources)
        searched = (
            generation.beam_ids(one, [BEGIN], max_tokens, beam_width, length_penalty, END, banned)[0] for one in stepped
        )
        return [[i for i in beam.ids if i != END] for beam in searched]
    sampler = sampler or Sampler(greedy=True)
    written: list[list[int]] = [[] for _ in sources]
    order = np.argsort([len(source) for source in sources], kind="stable")
    for number, start in enumerate(range(0, len(order), SIDE_BY_SIDE)):
        places = order[start : start + SIDE_BY_SIDE]
        stepping = SourceStepper(model, [sources[i] for i in places])
        part_seed: Any = None if seed is None else [seed, number]
        texts = generation.write_until(
            stepping, [BEGIN], END, max_tokens, sampler, part_seed, samples=len(places), banned=banned
        )
        for place, text in zip(places, texts, strict=True):
            written[place] = text
    return written


def stream(
    model: Any,
    source: Sequence[int] | np.ndarray,
    max_tokens: int = 100,
    sampler: Sampler | None = None,
    seed: int | None = None,
    banned: Sequence[int] = NEVER_WRITTEN,
) -> Iterator[int]:
    """What ``decode`` writes for one source, id by id while it is written."""
    sampler, rng = sampler or Sampler(greedy=True), generator(seed)
    for ids in generation.stream_ids(SourceStepper(model, [source]), [BEGIN], max_tokens, sampler, rng, 1, banned):
        if ids[0] == END:
            return
        yield int(ids[0])
