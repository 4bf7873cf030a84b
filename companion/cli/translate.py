"""The command ``translate``."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from companion.applications.translation import chinese_source, date_source
from companion.corpora import dates

if TYPE_CHECKING:
    import argparse


def add_command(command: Callable[..., "argparse.ArgumentParser"]) -> None:
    """``python -m companion translate``; ``command`` makes a subparser."""
    sub = command(
        "translate",
        translate,
        "Translate a date or a number in English words into Chinese or ISO 8601; or a Chinese sentence into English.",
        'python -m companion translate "Wednesday, March 3, 2021" --to zh',
    )
    sub.add_argument("text", metavar="TEXT", help="a date from 1900 to 2099, a number up to 99,999, or a sentence")
    sub.add_argument("--to", choices=dates.TO, default="zh", help="Chinese or ISO 8601 (default: zh)")
    sub.add_argument("--sentences", action="store_true", help="TEXT is a Chinese sentence, translated into English")


def translate(options: "argparse.Namespace") -> None:
    """Print a translation as it is written."""
    from companion.generation import stream_target
    from companion.recipes import load_recipe

    read = chinese_source if options.sentences else date_source
    trained = load_recipe("sentences" if options.sentences else "dates")
    source, unknown = read(options.text, trained.vocabularies.source, options.to)
    if unknown:
        print(f"companion: never seen in training, so read as unknown: {' '.join(unknown)}", file=sys.stderr)
    for number, token in enumerate(stream_target(trained.model, source, max_tokens=60)):
        (piece,) = trained.vocabularies.target.decode([token])
        print(piece if number else piece.lstrip(), end="", flush=True)
    print()
