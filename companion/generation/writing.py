"""How a model writes: one token at a time, each drawn from the model's distribution over the next one.

`generate` and `stream` take and return text, `sample_ids` and `write_until` ids. The chapter *How does it
write?* (``book/generation.md``) builds it up, one sampler at a time.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from companion.errors import UserError, check_sizes, check_text
from companion.generation.sampling import Choosing, Sampler, is_whole
from companion.generation.steppers import Model, Stepper, advancing, check_ids, check_prompt, read, stepper
from companion.seeding import generator
from companion.tokenizers import Ids, Tokenizer

Seed = int | Sequence[int] | None


def generate(
    model: Model,
    tokenizer: Tokenizer,
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
        A Keras language model (recurrent, or a Transformer), an ``NGramModel``, or a `Stepper`.
    tokenizer
        The tokenizer that the model was trained with.
    prompt
        At least one character.
    max_tokens
        How many tokens to write.
    temperature, top_k, top_p, greedy
        As in ``Sampler``: temperature, then top-k, then top-p.
    seed
        The same seed writes the same text; ``None`` writes a different text every time.

    Raises
    ------
    UserError
        A setting is out of its range, the prompt is empty, or model and tokenizer don't belong together.
    UnknownTextError
        The prompt has characters or words that the tokenizer doesn't know.

    Examples
    --------
    >>> generate(model, tokenizer, "**ROMEO**", max_tokens=300, temperature=0.8, seed=1)  # doctest: +SKIP
    '  \nWhat say you to my lord?...
    """
    return "".join(stream(model, tokenizer, prompt, max_tokens, temperature, top_k, top_p, seed, greedy=greedy))


def stream(
    model: Model,
    tokenizer: Tokenizer,
    prompt: str,
    max_tokens: int = 200,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    seed: int | None = None,
    *,
    greedy: bool = False,
) -> Iterator[str]:
    """Like ``generate``, but yield the text piece by piece as it is written.

    A piece is the text of one token, or of several if a token ends inside a character: byte-level tokens may hold
    half of a character's UTF-8 bytes, and no piece shows half a character. Joined, the pieces are what ``generate``
    returns. Settings are checked at once, before the first piece is requested.
    """
    sampler, stepping = Sampler(temperature, top_k, top_p, greedy), stepper(model)
    prompt_ids = encode_prompt(stepping, tokenizer, prompt)
    steps = stream_ids(stepping, prompt_ids, max_tokens, sampler, seed, banned=never_written(tokenizer))
    return tokenizer.decode_stream(int(ids[0]) for ids in steps)


def sample_ids(
    model: Model,
    prompt_ids: Ids,
    max_tokens: int,
    sampler: Choosing | None = None,
    seed: Seed = None,
    samples: int = 1,
    banned: Ids = (),
) -> np.ndarray:
    """Several continuations of one prompt side by side, as ids: ``(samples, max_tokens)``, int32.

    One step of all the samples is one matrix product, so many together cost much less than the same number one after
    the other.

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

    Raises
    ------
    UserError
        A setting is out of its range, or the model doesn't know an id.
    """
    steps = list(stream_ids(model, prompt_ids, max_tokens, sampler, seed, samples, banned))
    return np.stack(steps, axis=1).astype(np.int32) if steps else np.zeros((samples, 0), dtype=np.int32)


def write_until(
    model: Model,
    prompt_ids: Ids,
    end_id: int,
    max_tokens: int,
    sampler: Choosing | None = None,
    seed: Seed = None,
    samples: int = 1,
    banned: Ids = (),
) -> list[list[int]]:
    """Like ``sample_ids``, but each continuation ends before its first ``end_id``: lists of ids of different lengths.

    Writing stops as soon as all have ended. A continuation that never ends has ``max_tokens`` ids.
    """
    stepping = stepper(model)
    check_end(end_id, stepping.vocab_size)
    steps: list[np.ndarray] = []
    ended: bool | np.ndarray = False
    for ids in stream_ids(stepping, prompt_ids, max_tokens, sampler, seed, samples, banned):
        steps.append(ids)
        ended = ended | (ids == end_id)
        if np.all(ended):
            break
    rows = np.stack(steps, axis=1).tolist() if steps else [[] for _ in range(samples)]
    return [row[: row.index(end_id)] if end_id in row else row for row in rows]


def stream_ids(
    model: Model,
    prompt_ids: Ids,
    max_tokens: int,
    sampler: Choosing | None = None,
    seed: Seed = None,
    samples: int = 1,
    banned: Ids = (),
) -> Iterator[np.ndarray]:
    """Like ``sample_ids``, but yield the ids of each step, ``(samples,)``, as they are written.

    Settings are checked at once, before the first ids are requested.
    """
    stepping, sampler, rng = stepper(model), check_sampler(sampler), generator(seed)
    check_max_tokens(max_tokens)
    check_sizes(samples=samples)
    prompt = check_prompt(prompt_ids, stepping.vocab_size)
    never = check_ids(banned, stepping.vocab_size, "list of banned ids")

    def steps() -> Iterator[np.ndarray]:
        advance = advancing(stepping)
        logits, state = read(stepping, prompt, samples)
        for written in range(1, max_tokens + 1):
            ids = sampler.choose(without(logits, never), rng)
            yield ids
            if written < max_tokens:
                logits, state = advance(ids, state)

    return steps()


def encode_prompt(stepping: Stepper, tokenizer: Tokenizer, prompt: str) -> np.ndarray:
    """The ids of a prompt; raise a `UserError` unless the model can continue it."""
    if not isinstance(tokenizer, Tokenizer):
        raise UserError(
            f"A {type(tokenizer).__name__} isn't a tokenizer; give the one that the model was trained with."
        )
    check_text(prompt, "prompt")
    if stepping.vocab_size != tokenizer.vocab_size:
        raise UserError(
            f"Model and tokenizer don't belong together: the model knows {stepping.vocab_size} tokens, but the "
            f"tokenizer {tokenizer.vocab_size}. Use the tokenizer that the model was trained with."
        )
    return check_prompt(tokenizer.encode(prompt, strict=True), stepping.vocab_size)


def never_written(tokenizer: Tokenizer) -> list[int]:
    """The id that stands for unknown text, if the tokenizer has one: no model writes it."""
    return [] if tokenizer.unknown_id is None else [tokenizer.unknown_id]


def without(logits: np.ndarray, banned: np.ndarray) -> np.ndarray:
    """The logits with minus infinity, which is probability 0, for banned tokens."""
    if not len(banned):
        return logits
    logits = logits.copy()
    logits[..., banned] = -np.inf
    return logits


def check_end(end_id: int, vocab_size: int) -> None:
    """Raise a `UserError` unless this is one of the model's ids."""
    if not is_whole(end_id) or not 0 <= end_id < vocab_size:
        raise UserError(f"The id that ends a text should be from 0 to {vocab_size - 1}, but it is {end_id!r}.")


def check_max_tokens(max_tokens: int) -> None:
    """Raise a `UserError` unless this is a whole number of at least 0."""
    if not is_whole(max_tokens) or max_tokens < 0:
        raise UserError(f"max_tokens should be a whole number from 0, but it is {max_tokens!r}.")


def check_sampler(sampler: Choosing | None) -> Choosing:
    """The sampler, or the one that draws from the model's own distribution."""
    if sampler is None:
        return Sampler()
    if not isinstance(sampler, Choosing):
        raise UserError(f"sampler should be a Sampler, such as Sampler(temperature=0.8), but it is {sampler!r}.")
    return sampler
