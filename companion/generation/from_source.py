"""Writing from a source with an encoder-decoder, through the same samplers and beams as a language model."""

import itertools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from companion.cells import attend
from companion.errors import UserError
from companion.generation.beam import beam_ids
from companion.generation.layers import lstm_step
from companion.generation.sampling import Choosing, Sampler, softmax
from companion.generation.steppers import State
from companion.generation.writing import stream_ids, write_until
from companion.seeding import generator
from companion.tokenizers import BEGIN, END, PAD, UNKNOWN, Ids, padded

if TYPE_CHECKING:
    import keras

NEVER_WRITTEN = (PAD, UNKNOWN, BEGIN)

FLOOR = 1e-30  # a probability used instead of 0 when a logarithm is taken
SIDE_BY_SIDE = 128  # how many sources are decoded together


def decode(
    model: "keras.Model",
    sources: Sequence[Ids],
    max_tokens: int = 100,
    sampler: Choosing | None = None,
    seed: int | None = None,
    beam_width: int | None = None,
    length_penalty: float = 0.6,
    banned: Ids = NEVER_WRITTEN,
) -> list[list[int]]:
    """What an encoder-decoder writes for each source: ids without begin and end.

    Parameters
    ----------
    model
        An `encoder_decoder`.
    sources
        Sequences of ids. Those of similar length are decoded side by side.
    max_tokens
        The most tokens to write for each source.
    sampler
        How each token is chosen; greedy by default.
    seed
        Of the sampling.
    beam_width, length_penalty
        With a width, beam search is used instead; see `companion.generation.beam_hypotheses`.
    banned
        Ids that are never written; by default padding, unknown and begin.

    Raises
    ------
    UserError
        A setting is out of its range, sampler and beam search are both asked for, the model isn't an
        `encoder_decoder`, or a source is empty or has ids that the model doesn't know.
    """
    if beam_width is not None:
        if sampler is not None:
            raise UserError("Beam search draws nothing: give a sampler or a beam_width, not both.")
        stepped = (SourceStepper(model, [source]) for source in sources)
        searched = (beam_ids(one, [BEGIN], max_tokens, beam_width, length_penalty, END, banned)[0] for one in stepped)
        return [[i for i in beam.ids if i != END] for beam in searched]
    sampler = Sampler(greedy=True) if sampler is None else sampler
    generator(seed)  # refuses a bad seed
    written: list[list[int]] = [[] for _ in sources]
    order = np.argsort([len(source) for source in sources], kind="stable")
    for number, start in enumerate(range(0, len(order), SIDE_BY_SIDE)):
        places = order[start : start + SIDE_BY_SIDE]
        stepping = SourceStepper(model, [sources[i] for i in places])
        part_seed = None if seed is None else [seed, number]
        texts = write_until(stepping, [BEGIN], END, max_tokens, sampler, part_seed, samples=len(places), banned=banned)
        for place, text in zip(places, texts, strict=True):
            written[place] = text
    return written


def stream_target(
    model: "keras.Model",
    source: Ids,
    max_tokens: int = 100,
    sampler: Choosing | None = None,
    seed: int | None = None,
    banned: Ids = NEVER_WRITTEN,
) -> Iterator[int]:
    """What ``decode`` writes for one source, id by id as it is written.

    Settings are checked at once, before the first id is requested.
    """
    sampler = Sampler(greedy=True) if sampler is None else sampler
    steps = stream_ids(SourceStepper(model, [source]), [BEGIN], max_tokens, sampler, seed, banned=banned)
    return itertools.takewhile(lambda i: i != END, (int(ids[0]) for ids in steps))


class SourceStepper:
    """An encoder-decoder that has read some sources: a `companion.generation.Stepper`, in NumPy.

    The sources are encoded once. A state is the decoder's h and c and, for each text, the number of its source,
    so beam search can reorder texts without copying what was read.

    Parameters
    ----------
    model
        An `encoder_decoder`.
    sources
        Sequences of ids, at least one.

    Attributes
    ----------
    vocab_size : int
        Size of the target vocabulary; if the model copies, including the extended ids of the sources.

    Raises
    ------
    UserError
        The model isn't an `encoder_decoder`, or a source is empty or has ids that the model doesn't know.
    """

    def __init__(self, model: "keras.Model", sources: Sequence[Ids]) -> None:
        from companion.models.encoder_decoder import parts

        source, layers = _checked(sources), parts(model)
        self._source_vocab = int(layers.source_embedding.input_dim)
        if source.max() >= self._source_vocab and layers.gate is None:
            raise UserError(
                f"The sources have ids up to {source.max()}, but the model knows only {self._source_vocab} ids: "
                "encode them with its vocabulary."
            )
        self._source, self._mask = source, source != PAD
        self._read(layers.encoder, _table(layers.source_embedding)[self._known(source)])
        self._scores = layers.attention.numpy_scorer(self._memory)
        self._embed = _table(layers.target_embedding)
        self._decode, _ = lstm_step(layers.decoder)
        self._combine, self._out = _affine(layers.combined), _affine(layers.logits)
        self._gate = None if layers.gate is None else _affine(layers.gate)
        written = self._out[1].shape[0]
        self.vocab_size = written if layers.gate is None else max(written, int(source.max()) + 1)

    def _known(self, ids: np.ndarray) -> np.ndarray:
        return np.where(ids < self._source_vocab, ids, UNKNOWN)

    def _read(self, encoder: "keras.layers.Bidirectional", x: np.ndarray) -> None:
        """Set the encoder's outputs ``(n, S, units)`` and last h and c ``(n, units)``. Padding changes no state."""
        batch, length, _ = x.shape
        outputs, ends = [], []
        for layer, places in [
            (encoder.forward_layer, range(length)),
            (encoder.backward_layer, range(length)[::-1]),
        ]:
            step, _ = lstm_step(layer)
            h = c = np.zeros((batch, layer.units), np.float32)
            output = np.zeros((batch, length, layer.units), np.float32)
            for place in places:
                there = self._mask[:, place, None]
                _, (new_h, new_c) = step(x[:, place], h, c)
                h, c = np.where(there, new_h, h), np.where(there, new_c, c)
                output[:, place] = h
            outputs.append(output)
            ends.append((h, c))
        self._memory = np.concatenate(outputs, axis=-1)
        self._h, self._c = (np.concatenate(halves, axis=-1) for halves in zip(*ends, strict=True))

    def start(self, batch: int) -> State:
        """The states after reading: for ``batch`` texts of the one source, or one text of each source."""
        n = len(self._source)
        if n not in (1, batch):
            raise UserError(f"There are {n} sources, so {n} texts are written at a time, not {batch}.")
        rows = np.zeros(batch, dtype=np.int64) if n == 1 else np.arange(n)
        return [self._h[rows], self._c[rows], rows]

    def step(self, ids: np.ndarray, state: State) -> tuple[np.ndarray, State]:
        """Read one id of each text, ``(batch,)``; logits of the next, ``(batch, vocab)``."""
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
        """Log-probabilities: a token is written with probability sigmoid(gate), otherwise copied by the weights."""
        probabilities = np.zeros((len(logits), self.vocab_size), dtype=np.float64)
        write = 1 / (1 + np.exp(-np.clip(gate.astype(np.float64), -60, 60)))
        probabilities[:, : logits.shape[1]] = write * softmax(logits.astype(np.float64))
        np.add.at(probabilities, (np.arange(len(rows))[:, None], self._source[rows]), (1 - write) * weights)
        return np.log(np.maximum(probabilities, FLOOR))


def _checked(sources: Sequence[Ids]) -> np.ndarray:
    """The sources as one padded array; raise a `UserError` unless each is a non-empty row of ids."""
    rows = [np.asarray(source) for source in sources]
    if not rows or not all(row.size for row in rows):
        raise UserError("There is no source, or an empty one; give at least one id for each text.")
    if any(row.ndim != 1 or row.dtype.kind not in "iu" or row.min() < 0 for row in rows):
        raise UserError("A source should be one row of ids, whole numbers from 0; its vocabulary's encode gives them.")
    return padded(rows)


def _table(layer: "keras.layers.Embedding") -> np.ndarray:
    return np.asarray(layer.embeddings, dtype=np.float32)


def _affine(layer: "keras.layers.Dense") -> tuple[np.ndarray, np.ndarray]:
    return np.asarray(layer.kernel, dtype=np.float32), np.asarray(layer.bias, dtype=np.float32)
