"""Obtain the corpora, the recipes and Python for the page, unless the cache folder has them."""

import sys
from collections.abc import Callable
from pathlib import Path

from companion.corpora import load_corpus
from companion.errors import UserError
from companion.recipes import train_missing

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "book" / "_ext"))
import playground_files

# tiny-shakespeare is a URL, not a package, and no chapter needs it to build.
CORPORA = ["shakespeare", "python-docs", "chatterbot", "hsk-sentences"]


def main(
    obtain: Callable[[str], object] = load_corpus,
    train: Callable[[], object] = train_missing,
    python: Callable[[], object] = playground_files.obtain,
) -> int:
    """Obtain every corpus, then train what is missing; return 1 after printing one sentence if that isn't possible.

    Without Python for the page, exercises run in notebooks only; that is said, and is no failure.
    """
    try:
        for name in CORPORA:
            obtain(name)
        train()
    except UserError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    try:
        python()
    except UserError as error:
        print(f"make: exercises won't run in the pages, only in notebooks. {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
