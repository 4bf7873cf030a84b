"""Replies to short messages, written by a language model that has read pairs of message and reply.

Replies that others gave are ranked by `companion.applications.ranking` and `companion.applications.dual_encoder`.
Chapter: *text-generation*.
"""

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from companion.applications.dual_encoder import DualEncoder, known_words, suggest, unknown_words
from companion.corpora.conversations import Exchange, load_exchanges, spoken
from companion.errors import check_sizes
from companion.recipes import PASSES, as_text, load_recipe, prompt_of, writer_texts
from companion.seeding import generator

if TYPE_CHECKING:
    from companion.recipes import Trained


def train_writer(
    pairs: Sequence[Exchange], passes: int = PASSES, seed: int = 0, progress: bool | None = None
) -> "Trained":
    """Train a language model of words, like the recipe ``replies``, on these pairs.

    Parameters
    ----------
    pairs
        Messages and replies to read.
    passes
        How many times each is read.
    seed
        Of the weights' initial values and of the order of the pairs.
    progress
        See `companion.training.fit`.
    """
    from companion.recipes import LANGUAGE_MODEL, RECIPES, Recipe, train_language_model
    from companion.tokenizers import WordTokenizer

    recipe = RECIPES["replies"]
    assert isinstance(recipe, Recipe)
    sizes = {"embedding_dim": recipe.embedding_dim, "units": recipe.units}
    parts, tokenizer = writer_texts(pairs, passes=passes, seed=seed), WordTokenizer.train(as_text(pairs))
    return train_language_model(parts, tokenizer, LANGUAGE_MODEL, sizes, recipe.training, seed=seed, progress=progress)


# ---------------------------------------------------------------------------------------------------------------
# How sure, and how right


def is_factual(pair: Exchange) -> bool:
    """Whether a pair is a factual question, one with a question word, and an answer of at most three words.

    >>> is_factual(Exchange("What currency is used in South Africa?", "Rand"))
    True
    >>> is_factual(Exchange("How are you?", "Fine"))
    False
    """
    asks = re.match(r"(in |on )?(who|what|which|where|when|how many)\b.{20,}", pair.message.lower())
    return bool(asks) and len(spoken(pair.reply)) <= 3


# Questions that the writer has read: what is replaced in each, by what, and the answer to the changed question.
TWINS = [
    ("Who was the first female Prime Minister of Great Britain?", "Great Britain", "India", "Indira Gandhi"),
    ("What currency is used in South Africa?", "Africa", "Korea", "Won"),
    ("What is the softest mineral in the world?", "softest", "hardest", "Diamond"),
    ("What is the loudest animal on Earth?", "loudest", "tallest", "The giraffe"),
    ("What is the largest planet in our solar system?", "largest", "smallest", "Mercury"),
    ("What particle in an atom has a positive charge?", "positive", "negative", "Electron"),
    ("Who was the 37th President of the United States?", "37th", "16th", "Abraham Lincoln"),
    ('Which U.S. state has "Garden State" as its nickname?', "Garden", "Sunshine", "Florida"),
    ("In which European city would you find Orly airport?", "Orly", "Heathrow", "London"),
    ("How many red stripes are there on the American flag?", "red", "white", "Six"),
]


def greedy_reply(message: str, writer: "Trained", longest: int = 20) -> tuple[str, float]:
    """The reply made of the most probable word at each step, and the probability of the whole reply."""
    from companion.generation import log_softmax, read, stepper

    network, tokenizer = stepper(writer.model), writer.text_tokenizer
    logits, state = read(network, tokenizer.encode(prompt_of(message, tokenizer)))
    ids, total = [], 0.0
    for _ in range(longest):
        log_p = log_softmax(logits[0].astype(float))
        best = int(log_p[1:].argmax()) + 1  # id 0 stands for unknown words and is never written
        total += float(log_p[best])
        if tokenizer.tokens[best] == "\n":
            break
        ids.append(best)
        logits, state = network.step(np.array([best]), state)
    return tokenizer.decode(ids).strip(), float(np.exp(total))


def certainty(pair: Exchange, writer: "Trained") -> tuple[str, float, bool]:
    """The writer's reply, its probability, and whether it is the pair's reply, punctuation aside."""
    reply, p = greedy_reply(pair.message, writer)
    return reply, p, spoken(reply) == spoken(pair.reply)


# ---------------------------------------------------------------------------------------------------------------
# For a reader's own message


def write(message: str, writer: "Trained", longest: int = 40, **settings: Any) -> Iterator[str]:
    """A reply in the writer's own words, piece by piece; the settings are checked at once.

    Parameters
    ----------
    message
        What to reply to.
    writer
        The recipe ``replies``, or one like it.
    longest
        The most tokens to write, if the reply doesn't end before.
    settings
        As in `companion.generation.generate`: ``temperature``, ``top_k``, ``top_p``, ``seed``, ``greedy``.

    Raises
    ------
    UserError
        A setting is out of its range.
    """
    from companion.generation import stream

    tokenizer = writer.text_tokenizer
    prompt = prompt_of(message, tokenizer)
    if not prompt.strip():
        prompt = "\t"  # the end of the message is all that is left of one without known words
    return _one_line(stream(writer.model, tokenizer, prompt, longest, **settings))


def _one_line(pieces: Iterator[str]) -> Iterator[str]:
    begun = False
    for piece in pieces:
        if "\n" in piece or "\t" in piece:  # the end of the line, or of another message
            return
        yield piece if begun else piece.lstrip()
        begun = True


def respond(
    message: str,
    count: int = 3,
    temperature: float = 1.0,
    top_p: float | None = None,
    seed: int | None = None,
    *,
    pairs: Sequence[Exchange] | None = None,
    writer: "Trained | None" = None,
) -> Iterator[str]:
    """Reply to a message: with the best of other people's replies, and with one in the network's own words.

    Message and settings are checked at once, before anything is trained.

    Parameters
    ----------
    message
        A message in English.
    count
        How many of other people's replies.
    temperature, top_p, seed
        See `companion.generation.generate`.
    pairs
        The source of the replies, from which the dual encoder learns; by default the chapter's training pairs.
    writer
        The model that writes; by default the recipe ``replies``.

    Yields
    ------
    str
        Pieces of the text to print, line breaks included, as they are written.

    Raises
    ------
    UserError
        The message can't be used (see `companion.applications.dual_encoder.unknown_words`), or a setting is out of its
        range.
    """
    from companion.generation import Sampler

    check_sizes(count=count)
    Sampler(temperature=temperature, top_p=top_p)
    generator(seed)
    pairs = load_exchanges()[0] if pairs is None else pairs
    unknown = unknown_words(message, known_words(pairs))
    return _responded(
        message, count, unknown, pairs, writer, {"temperature": temperature, "top_p": top_p, "seed": seed}
    )


def _responded(
    message: str,
    count: int,
    unknown: Sequence[str],
    pairs: Sequence[Exchange],
    writer: "Trained | None",
    settings: dict[str, Any],
) -> Iterator[str]:
    writer = writer or load_recipe("replies")  # first, because it may have to be trained, which may fail
    encoder = DualEncoder(pairs)
    if unknown:
        yield f"Unknown words, left out: {', '.join(unknown)}\n"
    yield "What people replied to messages like this:\n"
    for text, score in suggest(message, encoder, list(dict.fromkeys(pair.reply for pair in pairs)), count):
        yield f"  {score:5.2f}  {text}\n"
    yield "In the network's own words (made up, not looked up):\n  "
    written = False
    for piece in write(message, writer, **settings):
        written = written or bool(piece.strip())
        yield piece
    yield "\n" if written else "(it wrote nothing)\n"
