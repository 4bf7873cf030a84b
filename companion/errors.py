"""The one exception a reader's mistake raises: a sentence, never a traceback to decipher."""


class UserError(ValueError):
    """Something the reader gave (a file, a number, a name) can't be used.

    The message is one clear sentence or two: what was wrong, what was expected and what to do.
    The command line prints it and exits with code 2.
    """
