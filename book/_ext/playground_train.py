"""Training a model in the page, from the reader's own pieces where these pass, else from the book's.

This module is sent to the reader's browser, next to `playground_cell`.
"""

import ast
import json
import linecache
import math
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import playground_cell

from companion.chapters import build
from companion.errors import UserError
from companion.exercises import check

Piece = Mapping[str, str]  # exercise, title, prelude, answer ("" for none) and solution
Names = dict[str, Any]


def train(pieces: Sequence[Piece], text: str, seconds: float, tell: Callable[[str], object]) -> str:
    """Collect the pieces, train, write, and tell each stage as soon as it is over.

    Parameters
    ----------
    pieces
        One for each exercise of `build.EXERCISES`.
    text
        To learn from.
    seconds
        How long to train.
    tell
        Is given JSON: ``{"stage": "piece", "title": ..., "whose": ...}`` for each piece, where ``"changed"`` is an
        answer that doesn't pass, so that the book's takes its place, else ``"yours"`` or ``"ours"``; then each
        `build.Report`.

    Returns
    -------
    str
        What went wrong, in a sentence or two; ``""`` if nothing did.
    """
    names: Names = {}
    for piece in pieces:
        found = own(piece)
        names |= found or defined(piece, piece["solution"])
        whose = "yours" if found else "changed" if piece["answer"] else "ours"
        tell(json.dumps({"stage": "piece", "title": piece["title"], "whose": whose}))
    try:
        for report in build.stages(build.collect(names), text, seconds=seconds):
            if report.bits is not None and not math.isfinite(report.bits):
                return f"The training has failed, {report.line}: does a piece divide by 0, or grow without end?"
            tell(json.dumps(report._asdict()))
    except UserError as error:
        return str(error)
    except Exception as error:
        return blamed(error, pieces)
    return ""


def own(piece: Piece) -> Names | None:
    """The functions of the reader's answer; None unless it passes and gives them the names that the page does."""
    if not (piece["answer"] and playground_cell.run(piece["answer"], piece["prelude"])["passed"]):
        return None
    names = defined(piece, piece["answer"])
    return names if all(map(callable, names.values())) else None


def defined(piece: Piece, code: str) -> Names:
    """The functions that a cell defines for a piece, in names of their own; its check and its prints don't run."""
    names: Names = {"__name__": "__main__", "np": np, "check": check}
    exec(piece["prelude"], names)
    file = piece["title"]  # as tracebacks have it
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    tree = ast.parse(code, file)
    tree.body = [statement for statement in tree.body if not isinstance(statement, ast.Expr)]
    exec(compile(tree, file, "exec"), names)
    return {name: names.get(name) for name in build.EXERCISES[piece["exercise"]]}


def blamed(error: Exception, pieces: Sequence[Piece]) -> str:
    """An error during the training, with the piece that it came from."""
    message = traceback.format_exception_only(error)[-1].strip()[: playground_cell.LONGEST_MESSAGE].rstrip(".")
    titles = {piece["title"] for piece in pieces}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in titles]
    if not frames:
        return f"The pieces don't fit together: {message}."
    last = frames[-1]
    return f"The piece {last.filename} failed in {last.name}, line {last.lineno}, “{last.line}”: {message}."
