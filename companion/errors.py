"""The exception that a reader's mistake raises: a sentence, never a traceback to decipher."""

import contextlib
import errno
import numbers
from collections.abc import Iterator


class UserError(ValueError):
    """Something the reader gave (a file, a number, a name) can't be used.

    The message is one clear sentence or two: what was wrong, what was expected and what to do.
    The command line prints it and exits with code 2.
    """


def check_sizes(least: int = 1, /, **sizes: object) -> None:
    """Raise a `UserError` naming the first size that isn't an integer of at least ``least``.

    >>> check_sizes(units=256, num_layers=1)
    >>> check_sizes(units=1.5)
    Traceback (most recent call last):
    ...
    companion.errors.UserError: units is 1.5; it should be a whole number of at least 1.
    """
    for name, size in sizes.items():
        if not isinstance(size, numbers.Integral) or isinstance(size, bool) or size < least:
            raise UserError(f"{name} is {size}; it should be a whole number of at least {least}.")


def check_text(text: object, what: str = "text") -> None:
    """Raise a `UserError` unless this is a string; ``what`` is what the message calls it.

    >>> check_text(None, "prompt")
    Traceback (most recent call last):
    ...
    companion.errors.UserError: The prompt is of type NoneType; it should be a string.
    """
    if not isinstance(text, str):
        raise UserError(f"The {what} is of type {type(text).__name__}; it should be a string.")


def shown(text: str, most: int = 80) -> str:
    """A text in quotation marks for a message, cut if it is long.

    >>> shown("a very long text", most=6)
    "'a very ...'"
    """
    return repr(text if len(text) <= most else f"{text[:most]} ...")


_REFUSALS = {
    errno.ENOSPC: "the disk is full; make room and try again",
    errno.EDQUOT: "your disk quota is used up; make room and try again",
    errno.EFBIG: "the file would be larger than the limit on file sizes (see ulimit -f); raise it and try again",
    errno.EACCES: "this folder may not be written to; choose another and try again",
    errno.EPERM: "this folder may not be written to; choose another and try again",
    errno.EROFS: "this folder is read-only; choose another and try again",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ENOTDIR: "a part of this path is a file, not a folder; choose another path",
    errno.EEXIST: "something else already has this name; choose another",
    errno.EISDIR: "a folder already has this name; choose another for the file",
    errno.EBUSY: "the system is using it, as it does a mounted folder; choose another path",
    errno.ELOOP: "its symbolic links lead round in a circle; choose another path",
}


@contextlib.contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn the operating system's refusals to write ``what`` into a `UserError` of one sentence.

    A broken connection or pipe is an `OSError` too, but isn't about the disk: it is passed on as it is.
    """
    try:
        yield
    except ConnectionError:
        raise
    except OSError as error:
        about = f" ({error.filename})" if error.filename and str(error.filename) != what else ""
        told = _REFUSALS.get(error.errno or 0)
        told = told or f"the system says {error.strerror or error!s}{about}; check the disk, or choose another place"
        raise UserError(f"Can't write {what}: {told}.") from error
