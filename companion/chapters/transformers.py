"""A task that only memory can do: repeat a random string after it has ended.

::

    c a f b | c a f b .  p d | p d .  ...

Nothing before the bar can be predicted, but a model that still has the string can predict everything after it. A random
string can't be learnt by heart. Chapter: *transformers*.
"""

from typing import TYPE_CHECKING

import numpy as np

from companion.errors import UserError, check_sizes

if TYPE_CHECKING:
    import keras

LETTERS = "abcdefghijklmnop"
BAR, STOP = len(LETTERS), len(LETTERS) + 1
VOCABULARY = [*LETTERS, "|", "."]


def copy_text(seed: int, tokens: int, shortest: int = 4, longest: int = 12) -> np.ndarray:
    """Ids of strings and their copies, ``(tokens,)`` int32; lengths and letters are drawn uniformly.

    Examples
    --------
    >>> "".join(VOCABULARY[i] for i in copy_text(seed=0, tokens=12, longest=4))
    'nkie|nkie.ea'

    Raises
    ------
    UserError
        A length is below 1, or the shortest is longer than the longest.
    """
    check_sizes(tokens=tokens, shortest=shortest, longest=longest)
    if shortest > longest:
        raise UserError(f"shortest is {shortest} and longest {longest}; shortest should be at most longest.")
    rng = np.random.default_rng(seed)
    ids: list[int] = []
    while len(ids) < tokens:
        string = rng.integers(len(LETTERS), size=rng.integers(shortest, longest + 1)).tolist()
        ids += [*string, BAR, *string, STOP]
    return np.array(ids[:tokens], dtype=np.int32)


def recall_shares(model: "keras.Model", length: int, seed: int = 0, strings: int = 200) -> np.ndarray:
    """The share of strings in which a model finds each letter of the copy most probable, ``(length,)``, first to last.

    The model reads a string, the bar, and at each place the true letters before it.

    Parameters
    ----------
    model
        A `companion.models.language_model` or `transformer_model` of ``len(VOCABULARY)`` tokens.
    length, strings, seed
        The length of the strings, their number, and the seed they are drawn with.

    Raises
    ------
    UserError
        The model has a vocabulary of another size, or a number is below 1.
    """
    if int(model.output_shape[-1]) != len(VOCABULARY):
        raise UserError(f"The model has {model.output_shape[-1]} tokens; this task has {len(VOCABULARY)}.")
    check_sizes(length=length, strings=strings)
    string = np.random.default_rng([seed, length]).integers(len(LETTERS), size=(strings, length))
    stop, bar = (np.full((strings, 1), token) for token in (STOP, BAR))
    ids = np.concatenate([stop, string, bar, string[:, :-1]], axis=1).astype(np.int32)
    guesses = model(ids, training=False).numpy()[:, length + 1 :].argmax(axis=-1)
    return (guesses == string).mean(axis=0)
