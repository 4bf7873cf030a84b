"""The command ``translate``."""

import argparse
import sys


def translate(options: argparse.Namespace) -> None:
    """Print a translation as it is written."""
    from companion.applications.translation import chinese_source, date_source
    from companion.cli.program import NAME
    from companion.generation import stream_target
    from companion.recipes import load_recipe

    read = chinese_source if options.sentences else date_source
    trained = load_recipe("sentences" if options.sentences else "dates")
    source, unknown = read(options.text, trained.vocabularies.source, options.to)
    if unknown:
        print(f"{NAME}: never seen in training, so read as unknown: {' '.join(unknown)}", file=sys.stderr)
    for number, token in enumerate(stream_target(trained.model, source, max_tokens=60)):
        (piece,) = trained.vocabularies.target.decode([token])
        print(piece if number else piece.lstrip(), end="", flush=True)
    print()
