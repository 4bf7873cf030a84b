"""Writing from a source with an encoder-decoder, through the same samplers and beams as a language model."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.generation.beam import beam_ids
from companion.generation.layers import lstm_step
from companion.generation.sampling import Sampler, softmax
from companion.generation.steppers import State
from companion.generation.writing import stream_ids, write_until
from companion.seeding import generator
from companion.tokenizers import BEGIN, END, PAD, UNKNOWN, padded

NEVER_WRITTEN = (PAD, UNKNOWN, BEGIN)

FLOOR = 1e-30  # a probability that stands for 0 where a logarithm is taken
SIDE_BY_SIDE = 128  # how many sources are decoded together


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
            raise UserError("This model reads no source; expected a companion.models.encoder_decoder.")
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
        from companion.cells import attend

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
        return np.log(np.maximum(probabilities, FLOOR))


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
        searched = (beam_ids(one, [BEGIN], max_tokens, beam_width, length_penalty, END, banned)[0] for one in stepped)
        return [[i for i in beam.ids if i != END] for beam in searched]
    sampler = sampler or Sampler(greedy=True)
    written: list[list[int]] = [[] for _ in sources]
    order = np.argsort([len(source) for source in sources], kind="stable")
    for number, start in enumerate(range(0, len(order), SIDE_BY_SIDE)):
        places = order[start : start + SIDE_BY_SIDE]
        stepping = SourceStepper(model, [sources[i] for i in places])
        part_seed: Any = None if seed is None else [seed, number]
        texts = write_until(stepping, [BEGIN], END, max_tokens, sampler, part_seed, samples=len(places), banned=banned)
        for place, text in zip(places, texts, strict=True):
            written[place] = text
    return written


def stream_target(
    model: Any,
    source: Sequence[int] | np.ndarray,
    max_tokens: int = 100,
    sampler: Sampler | None = None,
    seed: int | None = None,
    banned: Sequence[int] = NEVER_WRITTEN,
) -> Iterator[int]:
    """What ``decode`` writes for one source, id by id while it is written."""
    sampler, rng = sampler or Sampler(greedy=True), generator(seed)
    for ids in stream_ids(SourceStepper(model, [source]), [BEGIN], max_tokens, sampler, rng, 1, banned):
        if ids[0] == END:
            return
        yield int(ids[0])
