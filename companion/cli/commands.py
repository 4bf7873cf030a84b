"""The commands that use existing models, corpora and the book's applications."""

import argparse
import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from companion.cli.program import as_argument, program, remark, suggested
from companion.cli.prompts import check_prompt
from companion.cli.scores import perplexity
from companion.cli.texts import check_typed, lines_of_standard_input, read_text
from companion.errors import UserError

if TYPE_CHECKING:
    from companion.recipes import Trained

# For each recipe that doesn't continue text, a command that uses it.
COMMAND_OF = {
    "dates": ["translate", "3 March 2021"],
    "sentences": ["translate", "--sentences", "他是我的老师。"],
    "docstring-summaries": ["summarise", "article.txt"],
    "question-answering": ["answer", "Ada went to the hall. Where is Ada?"],
}


def generate(options: argparse.Namespace) -> None:
    """Continue a prompt, printing the text as it is written."""
    trained = _language_model(options.model)
    prompt = trained.default_prompt() if options.prompt is None else options.prompt
    check_prompt(trained.text_tokenizer, prompt)
    pieces: Iterable[str]
    if options.beam is not None:
        pieces = [trained.generate(prompt, options.max_tokens, beam_width=options.beam)]
    else:
        settings = (options.max_tokens, options.temperature, options.top_k, options.top_p, options.seed)
        pieces = trained.stream(prompt, *settings, greedy=options.greedy)
    print(prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def evaluate(options: argparse.Namespace) -> None:
    """Score a model on a text file."""
    text = read_text(options.text)
    trained = _language_model(options.model)
    result = trained.evaluate(text)
    print(f"bits per character  {result.bits_per_character:.4f}")
    print(f"perplexity          {perplexity(result, 4)} per token")
    print(f"nats per token      {result.nats_per_token:.4f}")
    print(f"tokens              {result.tokens:,} for {result.characters:,} characters")
    tokenizer = trained.text_tokenizer
    if unknown := int((tokenizer.encode(text) == tokenizer.unknown_id).sum()):  # BPE's is None, which no id equals
        print(f"unknown             {unknown:,} of the tokens; the scores include the cost of spelling them")


def _language_model(name: str) -> "Trained":
    """The language model of a folder, or the book's recipe of that name."""
    from companion.recipes import RECIPES, open_model

    if not name:
        raise UserError("The name of the model is empty; give a model folder, or the name of a recipe.")
    if not os.path.lexists(name):
        if name in COMMAND_OF:
            raise UserError(f"{name} doesn't continue text; use it with: {suggested(COMMAND_OF[name])}")
        if name not in RECIPES:
            recipes = sorted(RECIPES.keys() - COMMAND_OF.keys())
            train = suggested(["train", "TEXT", "--out", as_argument(name)])
            raise UserError(
                f"There is no model folder {name}, and no recipe of that name. Train a model with: {train}; or use a "
                f"recipe: {', '.join(recipes)}."
            )
    return open_model(name)


def reply(options: argparse.Namespace) -> None:
    """Suggest replies to a message, and write one, printed as it is written."""
    from companion.applications.replies import respond

    check_typed(options.message, "MESSAGE")
    for piece in respond(options.message, options.count, options.temperature, options.top_p, options.seed):
        print(piece, end="", flush=True)


def summarise(options: argparse.Namespace) -> None:
    """Sum up a text: a line for a short one, its most surprising sentences for a longer one."""
    from companion.applications.summaries import summarise as summed_up

    summary = summed_up(read_text(options.text), options.sentences)
    for line in summary.lines:
        print(line, flush=True)
    for sentence in summary.remarks:
        remark(sentence)


def corpora(options: argparse.Namespace) -> None:
    """List the book's corpora, or obtain them."""
    from companion.corpora import list_corpora, load_corpus

    if not options.fetch and not options.names:
        print(f"The book's corpora ({program()} corpora --fetch obtains them):")
        for name in list_corpora():
            print(f"  {name}")
        return
    if unknown := [name for name in options.names if name not in list_corpora()]:
        raise UserError(f"There is no corpus {unknown[0]!r}; there are {', '.join(list_corpora())}.")
    for name in options.names or list_corpora():
        corpus = load_corpus(name)
        sizes = " + ".join(f"{len(part):,}" for part in corpus.split())
        print(f"{name}: {len(corpus.text):,} characters ({sizes} for training, validation, test)")
        print(f"  licence: {corpus.licence}\n  source: {corpus.source}\n  cite: {corpus.citation}", flush=True)


def answer(options: argparse.Namespace) -> None:
    """Answer each question from the facts before it, in a text or line by line from standard input."""
    from companion.applications.answering import converse

    text = " ".join(options.text)
    check_typed(text, "TEXT")
    for said in converse([text] if options.text else lines_of_standard_input()):
        print(said, flush=True)
