"""Shannon's guessing game: how many guesses the next character takes, a model or a reader.

C. E. Shannon, "Prediction and entropy of printed English", Bell System Technical Journal 30 (1951). The chapter
*What is a language model?* plays it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from companion.errors import UserError
from companion.tokenizers import Tokenizer

ALPHABET = "abcdefghijklmnopqrstuvwxyz "  # Shannon's 27 symbols


class NextModel(Protocol):
    """What can play: it gives every token a probability to come next."""

    def next_distribution(self, context: Any) -> npt.NDArray[np.float64]:
        """Shape ``(vocab_size,)``."""


def guess_number(p: npt.ArrayLike, token: int) -> int:
    """How many guesses it takes to name a token, the most probable first and of equal ones the lower id.

    Parameters
    ----------
    p
        The probability of every token, shape ``(vocab_size,)``.
    token
        The one that comes.

    Examples
    --------
    >>> guess_number([0.2, 0.5, 0.3], token=2)
    2
    """
    p = np.asarray(p)
    return int((p > p[token]).sum() + (p[:token] == p[token]).sum() + 1)


def guess_numbers(
    model: NextModel, ids: npt.NDArray[np.integer], positions: Sequence[int] | npt.NDArray[np.integer]
) -> npt.NDArray[np.int64]:
    """How many guesses a model needs for some tokens of a text, given what stands before each.

    Parameters
    ----------
    model
        For example an `NGramModel`.
    ids
        The text, shape ``(tokens,)``.
    positions
        Which of its tokens are to be guessed, shape ``(n,)``.

    Returns
    -------
    numpy.ndarray
        int64, shape ``(n,)``: 1 where the most probable token is the right one.
    """
    return np.array([guess_number(model.next_distribution(ids[:t]), ids[t]) for t in positions], dtype=np.int64)


def letter_guesses(model: NextModel, tokenizer: Tokenizer, before: str, passage: str) -> list[int]:
    """How many guesses a character model needs in Shannon's alphabet of 26 letters and the space.

    Capitals count as their small letters. What is neither a letter nor a space is not guessed: its number is 0.

    Parameters
    ----------
    before
        The text the model has read when the game begins.
    passage
        What is to be guessed.
    """
    symbols = [ALPHABET.find(token.lower()) for token in tokenizer.tokens]
    fold = np.zeros((len(symbols), len(ALPHABET)))
    for token_id, symbol in enumerate(symbols):
        if symbol >= 0 and len(tokenizer.tokens[token_id]) == 1:
            fold[token_id, symbol] = 1
    ids = tokenizer.encode(before + passage)
    numbers = []
    for t, character in enumerate(passage, start=len(before)):
        symbol = ALPHABET.find(character.lower())
        numbers.append(guess_number(model.next_distribution(ids[:t]) @ fold, symbol) if symbol >= 0 else 0)
    return numbers


def game(model: NextModel, tokenizer: Tokenizer, before: str, passage: str) -> Any:
    """A round of Shannon's game, to be played on the page: the reader against the model.

    It works without a kernel and without a network, in a notebook and in the built book.

    Parameters
    ----------
    before
        What both may read first.
    passage
        What both guess, character by character.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    UserError
        There is no letter in the passage to be guessed.
    """
    from IPython.display import HTML

    if not any(character.lower() in ALPHABET for character in passage):
        raise UserError("There is nothing to guess: give a passage with letters.")
    state = {
        "before": before,
        "passage": passage,
        "alphabet": ALPHABET,
        "model": letter_guesses(model, tokenizer, before, passage),
    }
    lines = Path(__file__).with_name("guessing.html").read_text(encoding="utf-8").splitlines()
    template = " ".join(line.strip() for line in lines)  # one line of output in the notebook, not a hundred
    # "</" would end the script element that the state is in.
    return HTML(template.replace("{{state}}", json.dumps(state).replace("</", "<\\/")))
