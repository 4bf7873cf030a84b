"""The command line: a reader's own text in, a model folder out, and text from the model.

``python -m companion COMMAND``; ``--help`` lists the commands. Exit codes: 0 it worked, 2 something given can't be
used (one sentence says what), 3 a worker of several was lost (the same command goes on), 130 interrupted.
"""

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion import translation, workers
from companion.errors import UserError
from companion.storage import sha256

if TYPE_CHECKING:
    from companion.saving import Trained
    from companion.training import Alone, TrainingConfig

# A text shorter than this can't spare the parts that choose and score a model.
SHORTEST = 5_000
# Characters that the default number of epochs makes the model read, however short the text is.
READING = 4_000_000
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
        code = workers.EXIT_LOST if isinstance(error, workers.WorkerLostError) else workers.EXIT_BAD_INPUT
        workers.report(getattr(options, "report", None), str(error), code)
        return code
    except KeyboardInterrupt:
        print("\ncompanion: interrupted.", file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


# ----------------------------------------------------------------------------------------------------------------------
# The commands


def train(options: argparse.Namespace) -> None:
    """Train a language model on a text file; write it as a folder."""
    if options.report:
        workers.end_with_parent()
    folder = Path(options.out)
    checkpoint = folder.with_name(folder.name + ".checkpoint.npz")
    cluster = _cluster(options)
    chief = cluster is None or cluster.index == 0
    if chief:
        _refuse_to_lose(folder, options.overwrite)
    text = read_text(Path(options.text))
    training, validation, test = split(text, options.text)
    if options.workers > 1:
        _launch(options, checkpoint)
        return
    from companion.evaluation import evaluate
    from companion.models import language_model, transformer_model
    from companion.recipes import TOKENIZERS
    from companion.saving import LANGUAGE_MODEL, TRANSFORMER, Trained, save_model
    from companion.seeding import set_seed
    from companion.training import fit

    tokenizer = TOKENIZERS[options.tokenizer].train(training, vocab_size=options.vocab_size)
    ids = [tokenizer.encode(part) for part in (training, validation, test)]
    sizes: dict[str, Any] = {"vocab_size": tokenizer.vocab_size, "dropout": options.dropout}
    if options.model == "transformer":
        kind, usual_layers = TRANSFORMER, 4
        sizes |= {"width": options.units, "heads": options.heads, "context": options.context}
    else:
        kind, usual_layers = LANGUAGE_MODEL, 1
        sizes |= {"embedding_dim": options.embedding_dim, "units": options.units, "cell": options.cell}
    sizes["layers"] = usual_layers if options.layers is None else options.layers
    config = _config(options, len(ids[0]), len(text), len(cluster.hosts) if cluster else 1)
    with _team(options, cluster, text, {"model": kind} | sizes | asdict(config)) as team:
        set_seed(options.seed)
        model = transformer_model(**sizes) if kind == TRANSFORMER else language_model(**sizes)
        workers.share_dropout(model, team)
        if chief:
            if checkpoint.exists():
                print(f"Going on from {checkpoint}.")
            print(f"{len(text):,} characters, {tokenizer.vocab_size} tokens, {model.count_params():,} parameters")
            sys.stdout.flush()
        with _state_kept(checkpoint):
            history = fit(model, ids[0], ids[1], config, checkpoint, not options.quiet, team)
    if not chief:
        return
    result = evaluate(model, ids[2], len(test), _spelling(tokenizer, test, training))
    about = {"text": Path(options.text).name, "seed": options.seed}
    trained = Trained(model, tokenizer, sizes, history, result, about, kind)
    save_model(folder, trained)
    checkpoint.unlink(missing_ok=True)
    print(f"On {len(test):,} characters it never saw: {result}")
    print(f'Written to {folder}. Try: python -m companion generate {folder} --prompt "{_first_words(test)}"')


def generate(options: argparse.Namespace) -> None:
    """Continue a prompt, printing the text as it is written."""
    from companion.generation import beam_search, stream

    trained = open_model(options.model)
    if options.beam is not None:
        pieces = iter([beam_search(trained.model, trained.tokenizer, options.prompt, options.max_tokens, options.beam)])
    else:
        settings = (options.max_tokens, options.temperature, options.top_k, options.top_p, options.seed)
        pieces = stream(trained.model, trained.tokenizer, options.prompt, *settings, greedy=options.greedy)
    print(options.prompt, end="", flush=True)
    for piece in pieces:
        print(piece, end="", flush=True)
    print()


def evaluate(options: argparse.Namespace) -> None:
    """Score a model on a text file."""
    from companion.evaluation import evaluate as score_of
    from companion.tokenizers import UNKNOWN_ID, UNKNOWN_NAME

    text = read_text(Path(options.text))
    trained = open_model(options.model)
    ids = trained.tokenizer.encode(text)
    result = score_of(trained.model, ids, len(text))
    print(f"bits per character  {result.bits_per_character:.4f}")
    print(f"perplexity          {result.perplexity:.4f} per token")
    print(f"nats per token      {result.nats_per_token:.4f}")
    print(f"tokens              {result.tokens:,} for {result.characters:,} characters")
    if trained.tokenizer.tokens[UNKNOWN_ID] == UNKNOWN_NAME and (unknown := int((ids == UNKNOWN_ID).sum())):
        print(f"unknown             {unknown:,} tokens: scored as one token each, their spelling is not charged")


def reply(options: argparse.Namespace) -> None:
    """Suggest replies to a message, and write one, printed as it is written."""
    from companion.replies import DualEncoder, load_pairs, load_writer, suggest, unknown_words, write

    if options.count < 1:
        raise UserError(f"--count is {options.count}; it should be a whole number of at least 1.")
    pairs = load_pairs()[0]
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
    from companion.summaries import summarise as lines_of

    text = _standard_input() if options.text == "-" else read_text(Path(options.text))
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
    from companion.answering import converse

    for reply in converse([" ".join(options.text)] if options.text else sys.stdin):
        print(reply, flush=True)


# ----------------------------------------------------------------------------------------------------------------------
# What they share


def read_text(path: Path) -> str:
    """The text of a file.

    Raises
    ------
    UserError
        It is missing, a folder, empty, not UTF-8, or can't be read.
    """
    try:
        return _decoded(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise UserError(f"There is no file {path}; give the path of a text file.") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; give the path of a text file.") from None
    except PermissionError:
        raise UserError(f"{path} may not be read; check its permissions.") from None
    except OSError as error:
        raise UserError(f"{path} can't be read ({error.strerror}); give the path of a text file.") from None


def _standard_input() -> str:
    """What is piped or typed in."""
    return _decoded(sys.stdin.buffer.read(), "the standard input")


def _decoded(data: bytes, name: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{name} is not UTF-8 text (byte {error.start:,} fits no character): save it as UTF-8 and try again."
        ) from None
    if not text.strip():
        raise UserError(f"{name} is empty; give a file with text in it.")
    return text.replace("\r\n", "\n")


def split(text: str, name: str) -> tuple[str, str, str]:
    """The first 90 % of a text for training, then 5 % that choose the weights and 5 % that score them.

    Raises
    ------
    UserError
        The text is too short.
    """
    if len(text) < SHORTEST:
        raise UserError(
            f"{name} has {len(text):,} characters, too few to train on and to score: give at least {SHORTEST:,}, "
            "better a hundred times as many."
        )
    first, second = len(text) * 90 // 100, len(text) * 95 // 100
    return text[:first], text[first:second], text[second:]


def open_model(name: str) -> "Trained":
    """The model of a folder, or the book's recipe of that name.

    Raises
    ------
    UserError
        There is neither, the folder can't be loaded, or it is no language model.
    """
    from companion.recipes import RECIPES, list_recipes, load_recipe
    from companion.saving import ENCODER_DECODER, load_model

    if Path(name).exists() or name in RECIPES:
        trained = load_model(name) if Path(name).exists() else load_recipe(name)
        if trained.kind == ENCODER_DECODER:
            raise UserError(
                f"{name} is an {trained.kind}: it answers a source, and this command wants a language model."
            )
        return trained
    raise UserError(
        f"There is no model folder {name}, and no recipe of that name. Train one with: python -m companion train TEXT "
        f"--out {name}; or use a recipe: {', '.join(list_recipes())}."
    )


def _refuse_to_lose(folder: Path, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not overwrite:
        raise UserError(
            f"{folder} is there already; choose another --out, or add --overwrite to replace the model in it."
        )
    if not (folder / "model.json").is_file():
        raise UserError(f"{folder} is not a model folder, so it is not overwritten; choose another --out.")


def _cluster(options: argparse.Namespace) -> workers.Cluster | None:
    """Which of several workers this process is, if it is one: by its options, or by TF_CONFIG as TensorFlow has it."""
    if options.workers < 1:
        raise UserError(f"--workers is {options.workers}; it should be a whole number of at least 1.")
    if not options.timeout > 0:
        raise UserError(f"--timeout is {options.timeout:g}; it should be more than 0 seconds.")
    if (options.worker is None) != (options.hosts is None):
        raise UserError("--worker and --hosts go together: which worker this is, and the addresses of all of them.")
    if options.workers > 1:
        if options.hosts:
            raise UserError("--workers starts all workers here, --worker and --hosts one of them: give one or other.")
        return None
    if options.hosts:
        cluster = workers.Cluster(tuple(options.hosts.split(",")), options.worker)
    elif os.environ.get("TF_CONFIG"):
        cluster = workers.Cluster.from_tf_config(os.environ["TF_CONFIG"])
    else:
        return None
    return cluster if len(cluster.hosts) > 1 else None


def _team(
    options: argparse.Namespace, cluster: workers.Cluster | None, text: str, settings: dict[str, Any]
) -> "contextlib.AbstractContextManager[Alone]":
    """The workers to train with, once all of them are there and want the same; or nobody."""
    from companion.training import Alone, share

    if not cluster:
        return contextlib.nullcontext(Alone())
    share(settings["batch_size"], len(cluster.hosts), cluster.index)  # before anybody waits for anybody
    plan = {"text": sha256(text.encode("utf-8"))[:12], "tokenizer": options.tokenizer, **settings}
    plan |= {package: version(package) for package in ("tensorflow", "keras")}
    return workers.join(cluster, plan, options.timeout, options.report)


def _launch(options: argparse.Namespace, checkpoint: Path) -> None:
    """The same command as several worker processes on this machine."""
    command = options.command
    with _state_kept(checkpoint), workers.Crew(command, options.workers) as crew:
        if not options.quiet:
            ids = [str(process.pid) for process in crew.processes]
            print(f"{options.workers} workers: processes {', '.join(ids[:-1])} and {ids[-1]}", flush=True)
        crew.wait()


@contextlib.contextmanager
def _state_kept(checkpoint: Path) -> Iterator[None]:
    """If the training is interrupted, say where its state is."""
    try:
        yield
    except KeyboardInterrupt:
        if checkpoint.exists():
            print(f"\nThe state is kept in {checkpoint}: the same command goes on from there.", file=sys.stderr)
        raise


def _config(options: argparse.Namespace, tokens: int, characters: int, workers: int) -> "TrainingConfig":
    from companion.training import TrainingConfig

    # At least 32 updates an epoch, also for a short text: fewer streams, and as many for each worker.
    usual_batch = max(1, min(64, tokens // (32 * max(1, options.window))) // workers) * workers
    usual_epochs = max(1, min(30, math.ceil(READING / characters)))
    return TrainingConfig(
        epochs=usual_epochs if options.epochs is None else options.epochs,
        batch_size=usual_batch if options.batch_size is None else options.batch_size,
        window=options.window,
        learning_rate=options.learning_rate,
        seed=options.seed,
    )


def _spelling(tokenizer: Any, text: str, training: str) -> float:
    """Nats to spell the words that a word tokenizer does not know; the other tokenizers spell everything."""
    from companion.tokenizers import WordTokenizer, unknown_nats

    return unknown_nats(tokenizer, text, training) if isinstance(tokenizer, WordTokenizer) else 0.0


def _first_words(text: str) -> str:
    words = [word for word in text.split() if word.isalpha()]
    return words[0] if words else text.strip()[:1]


# ----------------------------------------------------------------------------------------------------------------------
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

    translation.add_command(command)

    sub = command(
        "answer",
        answer,
        "Answer questions about a story of people who go places, pick things up and put them down.",
        'python -m companion answer "Ada took the ball. Ada went to the hall. Where is the ball?"',
    )
    sub.add_argument("text", nargs="*", metavar="TEXT", help="story and question (default: the standard input)")
    return parser
