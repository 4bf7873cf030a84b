"""A fresh process that loads a model by name and writes one character: run by `benchmarks/speed.py`.

It prints a line of JSON as soon as it has the character: the seconds of its imports so far, wherever they happened.
"""

import builtins
import importlib
import json
import sys
import time
from collections.abc import Callable
from typing import Any

spent, depth = 0.0, 0


def timed(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, and the seconds of its outermost calls are added up: an import inside another is part of it."""

    def wrapped(*arguments: Any, **named: Any) -> Any:
        global spent, depth
        begin = time.perf_counter()
        depth += 1
        try:
            return function(*arguments, **named)
        finally:
            depth -= 1
            if not depth:
                spent += time.perf_counter() - begin

    return wrapped


def main(name: str, prompt: str) -> None:
    """Load, write, tell."""
    builtins.__import__ = timed(builtins.__import__)
    importlib.import_module = timed(importlib.import_module)
    import companion

    trained = companion.load(name)
    character = next(iter(trained.stream(prompt, max_tokens=1, seed=0)))
    print(json.dumps({"character": character, "imports": spent}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
