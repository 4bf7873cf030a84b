"""How a model writes: one token at a time, each drawn from the model's distribution over the next one.

The samplers are pure functions of logits or probabilities. A *stepper* wraps a model so that one step reads one token
and carries the state: ``start`` and ``step`` are all that ``generate``, ``stream`` and ``beam_search`` know of a model,
so a recurrent network, an n-gram model and whatever comes later write through the same code.

The chapter *How does it write?* (``book/generation.md``) builds it up, one sampler at a time.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from companion.errors import UserError
from companion.generation.sampling import Sampler, whole
from companion.generation.steppers import Stepper, check_ids, read, stepper
from companion.seeding import generator
from companion.tokenizers import UNKNOWN_ID, UNKNOWN_NAME

# ------------------------------------------------------------------------------------------------------------
# Writing


def generate(
    model: Any,
    tokenizer: Any,
    prompt: str,
    max_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    *,
    greedy: bool = False,
) -> str:
    r"""Let a model continue a prompt; the new text is returned, without the prompt.

    Parameters
    ----------
    model
        A Keras language model (recurrent, or a Transformer), an ``NGramModel``, or anything with a stepper.
    tokenizer
        The tokenizer the model was trained with.
    prompt
        At least one character.
    max_tokens
        How many tokens to write.
    temperature, top_k, top_p, greedy
        As in ``Sampler``: temperature, then top-k, then top-p.
    seed
        The same seed writes the same text; ``None`` writes another every time.

    Raises
    ------
    UserError
        A setting is out of its range, the prompt is empty or has characters the tokenizer does not know, or model and
        tokenizer don't belong together.

    Examples
    --------
    >>> generate(model, tokenizer, "**ROMEO**", max_tokens=300, temperature=0.8, seed=1)  # doctest: +SKIP
    '  \nWhat say you to my lord?...
    """
    return "".join(stream(model, tokenizer, prompt, max_tokens, temperature, top_k, top_p, seed, greedy=greedy))


def stream(
    model: Any,
    tokenizer: Any,
    prompt: str,
    max_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    *,
    greedy: bool = False,
) -> Iterator[str]:
    """As ``generate``, but yield the text piece by piece while it is written.

    A piece is one token's text, or that of several where a token ends inside a character: byte-level tokens may hold
    half of a character's UTF-8 bytes, and no piece shows half a character. Joined, the pieces are what ``generate``
    returns. Settings are checked at once, before the first piece is asked for.
    """
    sampler, stepping = Sampler(temperature, top_k, top_p, greedy), stepper(model)
    prompt_ids = encode_prompt(stepping, tokenizer, prompt, max_tokens)
    banned = check_banned(tokenizer)
    tokens = stream_ids(stepping, prompt_ids, max_tokens, sampler, generator(seed), 1, banned)
    return _text_pieces(tokenizer, (int(ids[0]) for ids in tokens))


def sample_ids(
    model: Any,
    prompt_ids: Sequence[int] | np.ndarray,
    max_tokens: int,
    sampler: Sampler | None = None,
    seed: int | None = None,
    samples: int = 1,
    banned: Sequence[int] = (),
) -> np.ndarray:
    """Several continuations of one prompt side by side, as ids: ``(samples, max_tokens)``, int32.

    One step of all the samples is one matrix product, so many together cost much less than one after the other.

    Parameters
    ----------
    model, max_tokens, seed
        As in ``generate``.
    prompt_ids
        At least one id.
    sampler
        How each token is chosen; by default from the model's own distribution.
    samples
        How many continuations.
    banned
        Ids that are never written.
    """
    check_max_tokens(max_tokens)
    rng = generator(seed)
    steps = list(stream_ids(stepper(model), prompt_ids, max_tokens, sampler or Sampler(), rng, samples, banned))
    return np.stack(steps, axis=1).astype(np.int32) if steps else np.zeros((samples, 0), dtype=np.int32)


def write_until(
    model: Any,
    prompt_ids: Sequence[int] | np.ndarray,
    end_id: int,
    max_tokens: int,
    sampler: Sampler | None = None,
    seed: int | None = None,
    samples: int = 1,
    banned: Sequence[int] = (),
) -> list[list[int]]:
    """As ``sample_ids``, but each continuation ends before its first ``end_id``: lists of ids, shorter or longer.

    Writing stops as soon as all have ended. A continuation that never does has max_tokens ids.
    """
    check_max_tokens(max_tokens)
    rng, steps, ended = generator(seed), [], np.zeros(samples, dtype=bool)
    for ids in stream_ids(stepper(model), prompt_ids, max_tokens, sampler or Sampler(), rng, samples, banned):
        steps.append(ids)
        ended |= ids == end_id
        if ended.all():
            break
    rows = np.stack(steps, axis=1).tolist() if steps else [[] for _ in range(samples)]
    return [row[: row.index(end_id)] if end_id in row else row for row in rows]


def stream_ids(
    stepping: Stepper,
    prompt_ids: Sequence[int] | np.ndarray,
    max_tokens: int,
    sampler: Sampler,
    rng: np.random.Generator,
    samples: int,
    banned: Sequence[int] = (),
) -> Iterator[np.ndarray]:
    """As ``sample_ids``, but give the next ids, ``(samples,)``, one step after the other while they are written."""
    logits, state = read(stepping, prompt_ids, samples)
    for written in range(1, max_tokens + 1):
        ids = sampler.choose(without(logits, banned), rng)
        yield ids
        if written < max_tokens:
            logits, state = stepping.step(ids, state)


def _text_pieces(tokenizer: Any, ids: Iterator[int]) -> Iterator[str]:
    """The text of ids as soon as it ends with a whole character."""
    pending: list[int] = []
    for token in ids:
        pending.append(token)
        text = tokenizer.decode(pending)
        if text and not text.endswith("\ufffd"):  # the decoder's mark for bytes that are no character, yet
            yield text
            pending = []
    if pending:
        yield tokenizer.decode(pending)


def encode_prompt(stepping: Stepper, tokenizer: Any, prompt: str, max_tokens: int) -> np.ndarray:
    check_max_tokens(max_tokens)
    if not isinstance(prompt, str):
        raise UserError(f"The prompt should be text, and it is a {type(prompt).__name__}.")
    vocab_size = stepping.vocab_size
    if vocab_size != tokenizer.vocab_size:
        raise UserError(
            f"Model and tokenizer don't belong together: the model knows {vocab_size} tokens and the tokenizer "
            f"{tokenizer.vocab_size}. Use the tokenizer that the model was trained with."
        )
    ids = tokenizer.encode(prompt, strict=True)
    check_ids(ids, vocab_size)
    return ids


def check_max_tokens(max_tokens: int) -> None:
    number = whole(max_tokens)
    if number is None or number < 0:
        raise UserError(f"max_tokens should be a whole number from 0, and it is {max_tokens!r}.")


def check_banned(tokenizer: Any) -> list[int]:
    """Tokens that are never written: the one that stands for unknown text."""
    return [UNKNOWN_ID] if tokenizer.tokens[UNKNOWN_ID] == UNKNOWN_NAME else []


def without(logits: np.ndarray, banned: Sequence[int]) -> np.ndarray:
    """The logits with minus infinity, which is probability 0, for the tokens that are banned."""
    if not banned:
        return logits
    logits = logits.copy()
    logits[..., list(banned)] = -np.inf
    return logits
