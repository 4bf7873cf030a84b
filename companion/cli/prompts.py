"""Prompts: a check of the given one, and a suggestion after training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import regex

from companion.cli.texts import check_typed
from companion.errors import UserError
from companion.tokenizers import UnknownTextError

if TYPE_CHECKING:
    from companion.tokenizers import Tokenizer

WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*")
NUMBER = regex.compile(r"\p{N}+")
LONGEST = 20  # characters of a suggested prompt; without spaces between words, a whole line counts as one


def check_prompt(tokenizer: "Tokenizer", prompt: str) -> None:
    """Refuse a prompt that a model can read neither as it is nor with a space before it.

    Raises
    ------
    UserError
        The prompt is empty, isn't text, or has unknown characters or words.
    """
    if not prompt:
        raise UserError("--prompt is empty; give at least one character, or leave --prompt out.")
    check_typed(prompt, "--prompt")
    unknown = min((_unknown(tokenizer, text) for text in (prompt, f" {prompt}")), key=len)
    if not unknown:
        return
    named = ", ".join(map(repr, unknown[:10])) + (f" and {len(unknown) - 10} more" if len(unknown) > 10 else "")
    known = [token.strip() for token in tokenizer.tokens[1:] if token.strip()]
    what = f"{'character' if tokenizer.kind == 'char' else 'word'}{'s' if len(unknown) > 1 else ''}"
    if not known:
        these = f"it knows only {', '.join(map(repr, tokenizer.tokens[1:]))}"
    elif tokenizer.kind == "char":
        these = f"its characters are {''.join(known[:100])}{' ...' if len(known) > 100 else ''}"
    else:
        these = f"it knows {len(known):,} words, such as {', '.join(map(repr, known[:6]))}"
    raise UserError(f"The model doesn't know the {what} {named} of --prompt; {these}.")


def suggested_prompt(tokenizer: "Tokenizer", text: str, before: str = "") -> str | None:
    """The first whole word of a text that the tokenizer knows, or a number; None if there is neither.

    Parameters
    ----------
    tokenizer
        The tokenizer of the model that will continue the prompt.
    text
        A text that the model hasn't read.
    before
        The text before it: if this ends within a word, the rest of that word is skipped.
    """
    for pattern in (WORD, NUMBER):
        for word in _whole(pattern, text, before[-1:]):
            for prompt in (word, f" {word}"):
                if not _unknown(tokenizer, prompt):
                    return prompt
    return None


def _whole(pattern: "regex.Pattern[str]", text: str, before: str) -> Iterator[str]:
    skipped = len(before)
    for found in pattern.finditer(before + text):
        if found.start() >= skipped:
            yield found.group()[:LONGEST]


def _unknown(tokenizer: "Tokenizer", text: str) -> list[str]:
    """The pieces of a text that a tokenizer doesn't know, each once."""
    try:
        tokenizer.encode(text, strict=True)
    except UnknownTextError as error:
        return list(dict.fromkeys(piece.strip() or piece for piece in error.unknown))
    return []
