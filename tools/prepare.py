"""Obtain the corpora and train the recipes that the book needs, unless the cache folder has them."""

import sys
from collections.abc import Callable

from companion.corpora import load_corpus
from companion.errors import UserError
from companion.recipes import train_missing

# tiny-shakespeare is a URL, not a package, and no chapter needs it to build.
CORPORA = ["shakespeare", "python-docs", "chatterbot", "hsk-sentences"]


def main(obtain: Callable[[str], object] = load_corpus, train: Callable[[], object] = train_missing) -> int:
    """Obtain every corpus, then train what is missing; return 1 after printing one sentence if that isn't possible."""
    try:
        for name in CORPORA:
            obtain(name)
        train()
    except UserError as error:
        print(f"make: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
