"""The command line: a reader's own text in, a model folder out, and text from the model.

``python -m companion COMMAND``; ``--help`` lists the commands. Exit codes: 0 it worked, 2 something given can't be
used (one sentence says what), 3 a worker of several was lost (the same command goes on), 130 interrupted.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from typing import Any

from companion.cli.commands import answer, corpora, evaluate, generate, reply, summarise
from companion.cli.train import train
from companion.cli.translate import add_command
from companion.errors import UserError
from companion.training import meeting, report

EXIT_INTERRUPTED = 130

EPILOG = """examples:
  python -m companion train my.txt --out mymodel
  python -m companion train my.txt --out mymodel --workers 2
  python -m companion generate mymodel --prompt "Once" --temperature 0.8
  python -m companion generate shakespeare-chars --prompt "**ROMEO**"
  python -m companion evaluate mymodel other.txt
  python -m companion corpora --fetch
  python -m companion translate "3 March 2021"
  python -m companion summarise article.txt --sentences 3
  python -m companion answer "Ada took the ball. Ada went to the hall. Where is the ball?"
  python -m companion reply "Are you a robot?"
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; give the exit code."""
    arguments = sys.argv[1:] if arguments is None else arguments
    options = _parser().parse_args(arguments)
    options.command = list(arguments)
    try:
        options.run(options)
        sys.stdout.flush()
    except UserError as error:
        code = meeting.EXIT_LOST if isinstance(error, meeting.WorkerLostError) else meeting.EXIT_BAD_INPUT
        report(getattr(options, "report", None), str(error), code)
        return code
    except KeyboardInterrupt:
        print("\ncompanion: interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


# The options
def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog="python -m companion",
        description="Train a language model on your own text, and use it.",
        epilog=EPILOG,
        formatter_class=raw,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: Any, about: str, example: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(
            name, help=about, description=about, epilog=f"example:\n  {example}", formatter_class=raw
        )
        sub.set_defaults(run=run)
        return sub

    sub = command(
        "train",
        train,
        "Train a language model on a text file (UTF-8), write it as a folder. The same command resumes after a stop.",
        "python -m companion train my.txt --out mymodel --epochs 10 --dropout 0.2",
    )
    sub.add_argument("text", metavar="TEXT", help="the text file")
    sub.add_argument("--out", required=True, metavar="FOLDER", help="where the model goes")
    sub.add_argument("--overwrite", action="store_true", help="replace the model that is there")
    sub.add_argument("--tokenizer", choices=["char", "word", "bpe"], default="char", help="default: char")
    sub.add_argument("--vocab-size", type=int, metavar="N", help="tokens of the tokenizer (char: as many as there are)")
    sub.add_argument("--model", choices=["recurrent", "transformer"], default="recurrent", help="default: recurrent")
    sub.add_argument("--units", type=int, default=256, metavar="N", help="width of the network (default: 256)")
    sub.add_argument(
        "--layers", type=int, metavar="N", help="recurrent layers (default: 1), or a Transformer's blocks (default: 4)"
    )
    sub.add_argument("--heads", type=int, default=4, metavar="N", help="of a Transformer's block (default: 4)")
    sub.add_argument(
        "--context", type=int, default=128, metavar="N", help="tokens a Transformer's block sees (default: 128)"
    )
    sub.add_argument("--embedding-dim", type=int, default=64, metavar="N", help="width of the embedding (default: 64)")
    sub.add_argument("--dropout", type=float, default=0.1, metavar="P", help="default: 0.1")
    sub.add_argument("--cell", choices=["lstm", "gru", "rnn"], default="lstm", help="default: lstm")
    sub.add_argument(
        "--epochs", type=int, metavar="N", help="passes over the text (default: from 1 to 30, by its length)"
    )
    sub.add_argument("--batch-size", type=int, metavar="N", help="streams side by side (default: up to 64, by length)")
    sub.add_argument("--window", type=int, default=64, metavar="N", help="tokens between two updates (default: 64)")
    sub.add_argument("--learning-rate", type=float, default=3e-3, metavar="R", help="default: 0.003")
    sub.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    sub.add_argument("--quiet", action="store_true", help="no progress bar")
    several = sub.add_argument_group(
        "several workers",
        "They share every batch and end with the weights that one worker would have. On one machine --workers starts "
        "all of them; on several, start each by hand with the same command, and --worker and --hosts (or TF_CONFIG).",
    )
    several.add_argument("--workers", type=int, default=1, metavar="N", help="start N workers here (default: 1)")
    several.add_argument("--worker", type=int, metavar="I", help="be worker I, from 0; worker 0 writes the model")
    several.add_argument("--hosts", metavar="A:PORT,B:PORT", help="the workers' addresses, the same list for all")
    several.add_argument(
        "--timeout", type=float, default=60.0, metavar="S", help="seconds to wait for a silent worker (default: 60)"
    )
    several.add_argument("--report", help=argparse.SUPPRESS)

    sub = command(
        "generate",
        generate,
        "Let a model continue a prompt; the text is printed as it is written.",
        'python -m companion generate mymodel --prompt "Once" --max-tokens 500 --temperature 0.8 --top-p 0.95',
    )
    sub.add_argument("model", metavar="MODEL", help="a model folder, or a recipe's name")
    sub.add_argument("--prompt", default="\n", metavar="TEXT", help="what it continues (default: a new line)")
    sub.add_argument("--max-tokens", type=int, default=500, metavar="N", help="how much it writes (default: 500)")
    sub.add_argument("--temperature", type=float, default=1.0, metavar="T", help="below 1 is safer (default: 1)")
    sub.add_argument("--top-k", type=int, metavar="K", help="only the K most probable tokens")
    sub.add_argument("--top-p", type=float, metavar="P", help="only the most probable tokens that make up P")
    sub.add_argument("--greedy", action="store_true", help="always the most probable token")
    sub.add_argument("--beam", type=int, metavar="WIDTH", help="beam search of that width")
    sub.add_argument("--seed", type=int, metavar="N", help="the same seed writes the same text")

    sub = command(
        "evaluate",
        evaluate,
        "Score a model on a text file: bits per character, perplexity.",
        "python -m companion evaluate mymodel other.txt",
    )
    sub.add_argument("model", metavar="MODEL", help="a model folder, or a recipe's name")
    sub.add_argument("text", metavar="TEXT", help="the text file")

    sub = command(
        "reply",
        reply,
        "Suggest replies to a short English message, and write one.",
        'python -m companion reply "Are you a robot?"',
    )
    sub.add_argument("message", metavar="MESSAGE", help="the message, in quotation marks")
    sub.add_argument("--count", type=int, default=3, metavar="N", help="how many suggestions (default: 3)")
    sub.add_argument("--temperature", type=float, default=1.0, metavar="T", help="below 1 is safer (default: 1)")
    sub.add_argument(
        "--top-p", type=float, default=0.9, metavar="P", help="only the most probable words (default: 0.9)"
    )
    sub.add_argument("--seed", type=int, metavar="N", help="the same seed writes the same reply")

    sub = command(
        "summarise",
        summarise,
        "Sum up an English text: a line of the network's own for up to 60 tokens, the most surprising sentences of a "
        "longer one.",
        "python -m companion summarise article.txt --sentences 3",
    )
    sub.add_argument("text", metavar="FILE", help="the text file, or - for the standard input")
    sub.add_argument("--sentences", type=int, metavar="N", help="choose N of its sentences, also if it is short")

    sub = command(
        "corpora",
        corpora,
        "List the book's corpora, show some, or obtain them.",
        "python -m companion corpora --fetch shakespeare",
    )
    sub.add_argument("names", nargs="*", metavar="NAME", help="which (default: all)")
    sub.add_argument("--fetch", action="store_true", help="obtain them and say what they are")

    add_command(command)

    sub = command(
        "answer",
        answer,
        "Answer questions about a story of people who go places, pick things up and put them down.",
        'python -m companion answer "Ada took the ball. Ada went to the hall. Where is the ball?"',
    )
    sub.add_argument("text", nargs="*", metavar="TEXT", help="story and question (default: the standard input)")
    return parser
