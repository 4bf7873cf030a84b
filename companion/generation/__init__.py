"""From logits to text: sampling, stepping, writing, beam search, and writing from a source."""

from companion.generation.beam import (
    Beam,
    Hypothesis,
    beam_hypotheses,
    beam_ids,
    beam_search,
    length_divisor,
)
from companion.generation.from_source import (
    FLOOR,
    NEVER_WRITTEN,
    SIDE_BY_SIDE,
    SourceStepper,
    decode,
    stream_target,
)
from companion.generation.layers import (
    dense_step,
    embedding_step,
    gru_step,
    lstm_step,
    rnn_step,
)
from companion.generation.sampling import (
    Sampler,
    apply_temperature,
    draw,
    keep_top_k,
    keep_top_p,
    log_softmax,
    softmax,
)
from companion.generation.steppers import (
    KerasStepper,
    LayerStep,
    NGramStepper,
    State,
    Stepper,
    read,
    stepper,
)
from companion.generation.writing import (
    generate,
    sample_ids,
    stream,
    stream_ids,
    write_until,
)

__all__ = [
    "FLOOR",
    "NEVER_WRITTEN",
    "SIDE_BY_SIDE",
    "Beam",
    "Hypothesis",
    "KerasStepper",
    "LayerStep",
    "NGramStepper",
    "Sampler",
    "SourceStepper",
    "State",
    "Stepper",
    "apply_temperature",
    "beam_hypotheses",
    "beam_ids",
    "beam_search",
    "decode",
    "dense_step",
    "draw",
    "embedding_step",
    "generate",
    "gru_step",
    "keep_top_k",
    "keep_top_p",
    "length_divisor",
    "log_softmax",
    "lstm_step",
    "read",
    "rnn_step",
    "sample_ids",
    "softmax",
    "stepper",
    "stream",
    "stream_ids",
    "stream_target",
    "write_until",
]
