"""Beam search: the most probable continuations, several at a time."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from companion.errors import UserError, check_sizes
from companion.generation.sampling import check_logits, is_number, is_whole, log_softmax
from companion.generation.steppers import Model, advancing, check_ids, read, stepper
from companion.generation.writing import check_end, check_max_tokens, encode_prompt, never_written, without
from companion.tokenizers import Ids, Tokenizer

LARGEST_PENALTY = 10.0  # far above any in use, and small enough that no length to this power overflows


@dataclass(frozen=True)
class Hypothesis:
    """A continuation that beam search has found.

    Attributes
    ----------
    text, ids
        The new text and its token ids.
    log_probability
        Natural logarithm of the probability of the ids after the prompt, in nats.
    score
        ``log_probability`` divided by ``length_divisor``.
    """

    text: str
    ids: tuple[int, ...]
    log_probability: float
    score: float


def length_divisor(length: int, length_penalty: float) -> float:
    """What a log-probability is divided by, ((5 + length) / (5 + 1)) ** length_penalty: Wu et al. 2016, equation 14.

    A penalty of 0 makes it 1: the bare probability decides, which favours short texts.

    >>> length_divisor(1, 0.6), length_divisor(7, 1.0)
    (1.0, 2.0)

    Raises
    ------
    UserError
        The penalty isn't a number from 0 to 10, or the length isn't a whole number from 0.
    """
    check_sizes(0, length=length)
    if not is_number(length_penalty) or not 0 <= length_penalty <= LARGEST_PENALTY:
        raise UserError(
            f"length_penalty should be a number from 0, which switches it off, to {LARGEST_PENALTY:g}, "
            f"but it is {length_penalty!r}."
        )
    return ((5 + length) / (5 + 1)) ** length_penalty


def beam_search(
    model: Model,
    tokenizer: Tokenizer,
    prompt: str,
    max_tokens: int = 200,
    beam_width: int = 4,
    length_penalty: float = 0.6,
    *,
    end: str | None = None,
) -> str:
    """The most probable continuation that beam search finds; settings as in ``beam_hypotheses``."""
    return beam_hypotheses(model, tokenizer, prompt, max_tokens, beam_width, length_penalty, end=end)[0].text


def beam_hypotheses(
    model: Model,
    tokenizer: Tokenizer,
    prompt: str,
    max_tokens: int = 200,
    beam_width: int = 4,
    length_penalty: float = 0.6,
    *,
    end: str | None = None,
) -> list[Hypothesis]:
    """Beam search: keep the best few beginnings, extend each by every token, keep the best few again.

    Parameters
    ----------
    model, tokenizer, prompt, max_tokens
        As in ``generate``.
    beam_width
        How many unfinished beginnings are kept: 1 is greedy; more come closer to an exhaustive search.
    length_penalty
        Strength of the length normalisation (Wu et al. 2016, equation 14), from 0 (none) to 10. It matters only
        with ``end``, which lets texts of different lengths compete.
    end
        The text of one token that ends a hypothesis, for instance a line break. By default all have ``max_tokens``
        tokens.

    Returns
    -------
    list of Hypothesis
        At most ``beam_width``, the best score first. The search stops when no unfinished beginning can reach a better
        score than theirs.

    Raises
    ------
    UserError
        As in ``generate``; or ``beam_width``, ``length_penalty`` or ``end`` can't be used.
    """
    stepping = stepper(model)
    prompt_ids = encode_prompt(stepping, tokenizer, prompt)
    end_id = None if end is None else _single_id(tokenizer, end)
    found = beam_ids(stepping, prompt_ids, max_tokens, beam_width, length_penalty, end_id, never_written(tokenizer))
    return [Hypothesis(tokenizer.decode(beam.ids), *beam) for beam in found]


class Beam(NamedTuple):
    """What beam search finds, without a text: see `Hypothesis`."""

    ids: tuple[int, ...]
    log_probability: float
    score: float


def beam_ids(
    model: Model,
    prompt_ids: Ids,
    max_tokens: int,
    beam_width: int = 4,
    length_penalty: float = 0.6,
    end_id: int | None = None,
    banned: Ids = (),
) -> list[Beam]:
    """The beam search of ``beam_hypotheses`` on ids; the ids that it finds include the ``end_id`` at their end."""
    if not is_whole(beam_width) or beam_width < 1:
        raise UserError(f"beam_width should be a whole number from 1, but it is {beam_width!r}.")
    check_max_tokens(max_tokens)
    longest = length_divisor(max_tokens, length_penalty)
    width, stepping = int(beam_width), stepper(model)
    advance = advancing(stepping)
    if end_id is not None:
        check_end(end_id, stepping.vocab_size)
    never = check_ids(banned, stepping.vocab_size, "list of banned ids")
    logits, state = read(stepping, prompt_ids)

    beams = np.zeros((1, 0), dtype=np.int64)  # the unfinished beginnings, (beam, length)
    totals = np.zeros(1)  # their log-probabilities
    found = [] if max_tokens else [Beam((), 0.0, 0.0)]  # the finished ones
    for length in range(1, max_tokens + 1):
        candidates = totals[:, None] + log_softmax(check_logits(without(logits, never)).astype(np.float64))
        # Twice the width is enough: each beginning can end in one way, so at most half of these are ends.
        best = np.argsort(-candidates, axis=None, kind="stable")[: 2 * width]
        rows, tokens = np.unravel_index(best[np.isfinite(candidates.flat[best])], candidates.shape)
        ids = np.concatenate([beams[rows], tokens[:, None]], axis=1)
        is_end = (tokens == end_id) | (length == max_tokens)
        for row in np.flatnonzero(is_end[:width]):  # an end counts only among the best, so that a width of 1 is greedy
            total = float(candidates[rows[row], tokens[row]])
            found.append(Beam(tuple(ids[row].tolist()), total, total / length_divisor(length, length_penalty)))
        found = sorted(found, key=lambda beam: -beam.score)[:width]
        going_on = np.flatnonzero(~is_end)[:width]
        if not len(going_on):
            break
        rows, tokens, beams = rows[going_on], tokens[going_on], ids[going_on]
        totals = candidates[rows, tokens]
        # A log-probability only falls and the divisor only grows, so this is the best score an unfinished one can
        # reach.
        if len(found) == width and found[-1].score >= totals.max() / longest:
            break
        logits, state = advance(tokens, [array[rows] for array in state])  # indexing has copied it
    return found


def _single_id(tokenizer: Tokenizer, end: str) -> int:
    ids = tokenizer.encode(end, strict=True)
    if len(ids) != 1:
        raise UserError(f"end should be the text of one token, but {end!r} is {len(ids)} tokens.")
    return int(ids[0])
