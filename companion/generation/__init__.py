"""From logits to text: sampling, stepping, writing, beam search, and writing from a source."""

from companion.generation.beam import Beam, Hypothesis, beam_hypotheses, beam_ids, beam_search, length_divisor
from companion.generation.from_source import NEVER_WRITTEN, SourceStepper, decode, stream_target
from companion.generation.sampling import (
    Choosing,
    Sampler,
    apply_temperature,
    draw,
    keep_top_k,
    keep_top_p,
    log_softmax,
    softmax,
)
from companion.generation.steppers import Model, State, Stepper, read, stepper
from companion.generation.writing import generate, sample_ids, stream, stream_ids, write_until

__all__ = [
    "NEVER_WRITTEN",
    "Beam",
    "Choosing",
    "Hypothesis",
    "Model",
    "Sampler",
    "SourceStepper",
    "State",
    "Stepper",
    "apply_temperature",
    "beam_hypotheses",
    "beam_ids",
    "beam_search",
    "decode",
    "draw",
    "generate",
    "keep_top_k",
    "keep_top_p",
    "length_divisor",
    "log_softmax",
    "read",
    "sample_ids",
    "softmax",
    "stepper",
    "stream",
    "stream_ids",
    "stream_target",
    "write_until",
]
