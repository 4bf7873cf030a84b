"""The command ``translate``."""

import argparse

from companion.cli.program import remark
from companion.cli.texts import check_typed


def translate(options: argparse.Namespace) -> None:
    """Print a translation, and remarks about it on standard error."""
    from companion.applications.translation import translate_phrase, translate_sentence

    check_typed(options.text, "TEXT")
    found = translate_sentence(options.text) if options.sentences else translate_phrase(options.text, options.to)
    print(found.text, flush=True)
    for sentence in found.remarks:
        remark(sentence)
