"""The one exception a reader's mistake raises: a sentence, never a traceback to decipher."""

import numbers
from typing import Any


class UserError(ValueError):
    """Something the reader gave (a file, a number, a name) can't be used.

    The message is one clear sentence or two: what was wrong, what was expected and what to do.
    The command line prints it and exits with code 2.
    """


def check_sizes(least: int = 1, /, **sizes: Any) -> None:
    """Raise a `UserError` that names the first of the sizes that is no whole number, or below the least.

    >>> check_sizes(units=256, layers=1)
    >>> check_sizes(units=1.5)
    Traceback (most recent call last):
    ...
    companion.errors.UserError: units is 1.5; it should be a whole number of at least 1.
    """
    for name, size in sizes.items():
        if not isinstance(size, numbers.Integral) or isinstance(size, bool) or size < least:
            raise UserError(f"{name} is {size}; it should be a whole number of at least {least}.")
