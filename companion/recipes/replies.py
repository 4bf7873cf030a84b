"""Messages and replies as the texts of a language model: one line per pair, a tab between the two.

The recipe ``replies`` reads the pairs of the chapter *text-generation* until it knows them by heart.
"""

from collections.abc import Sequence

import numpy as np

from companion.corpora.conversations import Exchange, load_exchanges, spoken
from companion.tokenizers import Tokenizer, split_pieces

PASSES = 50  # how often the writer reads the pairs


def prompt_of(message: str, tokenizer: Tokenizer | None = None) -> str:
    """What the language model reads before it replies: the message's words, and a tab.

    Parameters
    ----------
    message
        Any text.
    tokenizer
        If given, words that it doesn't know are left out.

    Examples
    --------
    >>> prompt_of("What is AI?")
    '\\n what is ai\\t'
    """
    asked = "".join(f" {word}" for word in spoken(message))
    if tokenizer is not None:
        known = set(tokenizer.tokens)
        asked = "".join(piece for piece in split_pieces(asked) if piece in known)
    return f"\n{asked}\t"


def reply_text(reply: str) -> str:
    """What the language model should write then: the reply in lower case, and a line break.

    >>> reply_text("Sort of.")
    ' sort of.\\n'
    """
    return f" {reply.lower()}\n"


def as_text(pairs: Sequence[Exchange], passes: int = 1, seed: int = 0) -> str:
    """Pairs as one text to train a language model on: one line per pair, in a new order on every pass."""
    rng = np.random.default_rng(seed)
    lines = [prompt_of(message)[1:] + reply_text(reply) for message, reply in pairs]
    return "\n" + "".join(lines[i] for _ in range(passes) for i in rng.permutation(len(lines)))


def writer_texts(
    pairs: Sequence[Exchange], test: Sequence[Exchange] = (), passes: int = PASSES, seed: int = 0
) -> tuple[str, str, str]:
    """What a language model of replies learns from, what chooses its weights, and what scores it, if anything.

    The weights that are kept are those that predict the *training* pairs best: held-out pairs would stop the training
    as soon as it begins to learn single replies.

    Parameters
    ----------
    pairs
        What to read.
    test
        Other pairs, which only score it.
    passes
        How often to read the pairs, each time in another order.
    seed
        For the orders.
    """
    return as_text(pairs, passes, seed), as_text(pairs, seed=seed + 1), as_text(test) if test else ""


def chatterbot_texts() -> tuple[str, str, str]:
    """The texts of the recipe ``replies``."""
    training, _, test = load_exchanges()
    return writer_texts(training, test)
