"""Shannon's guessing game: how many guesses a model or a reader needs for the next character.

C. E. Shannon, "Prediction and entropy of printed English", Bell System Technical Journal 30 (1951). The chapter
*What is a language model?* plays it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from companion.errors import UserError
from companion.ngrams import NextModel
from companion.plotting import INK, SERIES, axes, rectangle
from companion.tokenizers import Tokenizer

if TYPE_CHECKING:
    from IPython.display import HTML
    from matplotlib.figure import Figure


def show_guesses(text: str, rows: Mapping[str, Sequence[int]], width: int = 21) -> "Figure":
    """A line of text with the guess numbers of several models under its characters; each 1 is on a filled square.

    Parameters
    ----------
    text
        The characters, ``(n,)``; a space is drawn as ␣.
    rows
        For each model, its name and its numbers, ``(n,)``.
    width
        Characters in a row of the figure; a longer text continues below.
    """
    height = len(rows) + 1.6
    parts = range(-(-len(text) // width))
    figure, ax = axes(6.4, 0.31 * height * len(parts))
    for part in parts:
        top = -part * height
        for column, character in enumerate(text[part * width : (part + 1) * width]):
            at = part * width + column
            ax.text(column, top, character.replace(" ", "␣"), ha="center", va="center", family="monospace", fontsize=13)
            for line, numbers in enumerate(rows.values(), start=1):
                if numbers[at] == 1:
                    ax.add_patch(rectangle((column - 0.45, top - line - 0.42), 0.9, 0.84, SERIES[0]))
                ink = "white" if numbers[at] == 1 else INK
                ax.text(column, top - line - 0.04, str(numbers[at]), ha="center", va="center", color=ink, fontsize=10)
        for line, name in enumerate(rows, start=1):
            ax.text(-0.8, top - line, name, ha="right", va="center")
    ax.set(xlim=(-3.2, width - 0.4), ylim=(-len(parts) * height + 0.9, 0.6))
    ax.axis("off")
    return figure


ALPHABET = "abcdefghijklmnopqrstuvwxyz "  # Shannon's 27 symbols


def guess_number(p: npt.ArrayLike, token: int) -> int:
    """How many guesses it takes to name a token, from the most probable down; ties go to the lower id.

    Parameters
    ----------
    p
        The probability of every token, shape ``(vocab_size,)``.
    token
        The token that comes.

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
    """How many guesses a model needs for some tokens of a text, given the text before each.

    Parameters
    ----------
    model
        For example a `companion.ngrams.NGramModel`.
    ids
        The text, shape ``(tokens,)``.
    positions
        The places of the tokens to guess, ``(n,)``.

    Returns
    -------
    numpy.ndarray
        int64, shape ``(n,)``: 1 where the most probable token is the right one.
    """
    return np.array([guess_number(model.next_distribution(ids[:t]), ids[t]) for t in positions], dtype=np.int64)


def letter_guesses(model: NextModel, tokenizer: Tokenizer, before: str, passage: str) -> tuple[list[int], list[str]]:
    """How many guesses a character model needs for each character, in Shannon's alphabet of 26 letters and the space.

    Capitals count as lower case. A character that is neither a letter nor a space isn't guessed, nor is a space at the
    end of a line, which nobody sees: its number is 0.

    Parameters
    ----------
    model, tokenizer
        For example a `companion.ngrams.NGramModel` and the `companion.tokenizers.CharTokenizer` of its text.
    before
        The text that the model has read when the game begins.
    passage
        The text that is guessed.

    Returns
    -------
    numbers, firsts
        How many guesses each character takes, and the model's first guess there.
    """
    symbols = [ALPHABET.find(token.lower()) for token in tokenizer.tokens]
    fold = np.zeros((len(symbols), len(ALPHABET)))
    for token_id, symbol in enumerate(symbols):
        if symbol >= 0 and len(tokenizer.tokens[token_id]) == 1:
            fold[token_id, symbol] = 1
    ids = tokenizer.encode(before + passage)
    numbers, firsts = [], []
    for t, character in enumerate(passage):
        symbol = ALPHABET.find(character.lower())
        p = model.next_distribution(ids[: len(before) + t]) @ fold
        ends_a_line = character == " " and passage[t:].lstrip(" ").startswith("\n")
        numbers.append(0 if symbol < 0 or ends_a_line else guess_number(p, symbol))
        firsts.append(ALPHABET[int(p.argmax())])
    return numbers, firsts


def game(model: NextModel, tokenizer: Tokenizer, rounds: Sequence[tuple[str, str]], goal: int = 30) -> "HTML":
    """Shannon's game to play on the page: the reader against the model.

    It works without a kernel and offline, in a notebook and in the built book.

    Parameters
    ----------
    model, tokenizer
        As in `letter_guesses`.
    rounds
        For each round the text that both read first, and the text that both guess, character by character.
    goal
        After how many guessed characters a round pauses with a verdict.

    Returns
    -------
    IPython.display.HTML

    Raises
    ------
    UserError
        A passage has no letter.
    """
    from IPython.display import HTML

    state: dict[str, Any] = {"alphabet": ALPHABET, "goal": goal, "rounds": []}
    for before, passage in rounds:
        if not any(character.lower() in ALPHABET[:-1] for character in passage):
            raise UserError("There is nothing to guess: give a passage with letters.")
        numbers, firsts = letter_guesses(model, tokenizer, before, passage)
        state["rounds"].append({"before": before, "passage": passage, "model": numbers, "firsts": "".join(firsts)})
    lines = Path(__file__).with_name("background.html").read_text(encoding="utf-8").splitlines()
    template = " ".join(line.strip() for line in lines)  # makes one line of output in the notebook, not a hundred
    # "</" would end the script element that holds the state.
    return HTML(template.replace("{{state}}", json.dumps(state).replace("</", "<\\/")))
