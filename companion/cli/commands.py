"""The command line: a reader's own text in, a model folder out, and text from the model.

``python -m companion COMMAND``; ``--help`` lists the commands. Exit codes: 0 it worked, 2 something given can't be
used (one sentence says what), 3 a worker of several was lost (the same command goes on), 130 interrupted.
"""

import argparse
import sys
from pathlib import Path

from companion.cli.texts import read_text, standard_input
from companion.errors import UserError
from companion.recipes import open_model


def generate(options: argparse.Namespace) -> None:
    """Continue a prompt, printing the text as it is written."""
    from companion.generation import beam_search, stream

    trained = open_model(options.model)
    if options.beam is not None:
        found = beam_search(trained.model, trained.text_tokenizer, options.prompt, options.max_tokens, options.beam)
        pieces = iter([found])
    else:
        settings = (options.max_tokens, options.temperature, options.top_k, options.top_p, options.seed)
        pieces = stream(trained.model, trained.text_tokenizer, options.prompt, *settings, greedy=options.greedy)
    print(options.prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def evaluate(options: argparse.Namespace) -> None:
    """Score a model on a text file."""
    from companion.evaluation import evaluate as score_of

    text = read_text(Path(options.text))
    trained = open_model(options.model)
    ids = trained.text_tokenizer.encode(text)
    result = score_of(trained.model, ids, len(text))
    print(f"bits per character  {result.bits_per_character:.4f}")
    print(f"perplexity          {result.perplexity:.4f} per token")
    print(f"nats per token      {result.nats_per_token:.4f}")
    print(f"tokens              {result.tokens:,} for {result.characters:,} characters")
    if unknown := int((ids == trained.text_tokenizer.unknown_id).sum()):  # None, as BPE has it, equals no id
        print(f"unknown             {unknown:,} tokens: scored as one token each, their spelling is not charged")


def reply(options: argparse.Namespace) -> None:
    """Suggest replies to a message, and write one, printed as it is written."""
    from companion.applications.replies import DualEncoder, load_writer, suggest, unknown_words, write
    from companion.corpora.conversations import load_exchanges

    if options.count < 1:
        raise UserError(f"--count is {options.count}; it should be a whole number of at least 1.")
    pairs = load_exchanges()[0]
    encoder = DualEncoder(pairs)
    if unknown := unknown_words(options.message, encoder):
        print(f"Not known, and left out: {', '.join(unknown)}")
    print("What people replied to messages like this:")
    replies = list(dict.fromkeys(pair.reply for pair in pairs))
    for text, score in suggest(options.message, encoder, replies, options.count):
        print(f"  {score:5.2f}  {text}")
    writer = load_writer()
    print("In the network's own words (made up, not looked up):\n  ", end="", flush=True)
    settings = {"temperature": options.temperature, "top_p": options.top_p, "seed": options.seed}
    for piece in write(options.message, writer, **settings):
        print(piece, end="", flush=True)
    print()


def summarise(options: argparse.Namespace) -> None:
    """Sum up a text: a line for a short one, its most surprising sentences for a longer one."""
    from companion.applications.summaries import summarise as lines_of

    text = standard_input() if options.text == "-" else read_text(Path(options.text))
    for line in lines_of(text, options.sentences):
        print(line, flush=True)


def corpora(options: argparse.Namespace) -> None:
    """List the book's corpora, or obtain them."""
    from companion.corpora import list_corpora, load_corpus

    if not options.fetch and not options.names:
        print("The book's corpora (python -m companion corpora --fetch obtains them):")
    for name in options.names or list_corpora():
        if not options.fetch and not options.names:
            print(f"  {name}")
            continue
        corpus = load_corpus(name)
        sizes = " + ".join(f"{len(part):,}" for part in corpus.split())
        print(f"{name}: {len(corpus.text):,} characters ({sizes} for training, validation, test)")
        print(f"  licence: {corpus.licence}\n  source: {corpus.source}\n  cite: {corpus.citation}")


def answer(options: argparse.Namespace) -> None:
    """Answer each question in a text on what the text told before it; without a text, line by line from the input."""
    from companion.applications.answering import converse

    for reply in converse([" ".join(options.text)] if options.text else sys.stdin):
        print(reply, flush=True)
