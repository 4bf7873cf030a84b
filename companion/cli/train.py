"""The command ``train``."""

import argparse
import contextlib
import math
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion.cli.texts import read_text
from companion.errors import UserError
from companion.storage import sha256
from companion.training import Crew, end_with_parent, join, meeting, share_dropout

if TYPE_CHECKING:
    from companion.training import Alone, TrainingConfig


# A text shorter than this can't spare the parts that choose and score a model.
SHORTEST = 5_000
# Characters that the default number of epochs makes the model read, however short the text is.
READING = 4_000_000


# The commands
def train(options: argparse.Namespace) -> None:
    """Train a language model on a text file; write it as a folder."""
    if options.report:
        end_with_parent()
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
    from companion.recipes import LANGUAGE_MODEL, TRANSFORMER, Trained, save_model
    from companion.seeding import set_seed
    from companion.tokenizers import TOKENIZERS, unknown_nats
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
        share_dropout(model, team)
        if chief:
            if checkpoint.exists():
                print(f"Going on from {checkpoint}.")
            print(f"{len(text):,} characters, {tokenizer.vocab_size} tokens, {model.count_params():,} parameters")
            sys.stdout.flush()
        with _state_kept(checkpoint):
            history = fit(model, ids[0], ids[1], config, checkpoint, not options.quiet, team)
    if not chief:
        return
    result = evaluate(model, ids[2], len(test), unknown_nats(tokenizer, test))
    about = {"text": Path(options.text).name, "seed": options.seed}
    trained = Trained(model, tokenizer, sizes, history, result, about, kind)
    save_model(folder, trained)
    checkpoint.unlink(missing_ok=True)
    print(f"On {len(test):,} characters it never saw: {result}")
    print(f'Written to {folder}. Try: python -m companion generate {folder} --prompt "{_first_words(test)}"')


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


def _refuse_to_lose(folder: Path, overwrite: bool) -> None:
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not overwrite:
        raise UserError(
            f"{folder} is there already; choose another --out, or add --overwrite to replace the model in it."
        )
    if not (folder / "model.json").is_file():
        raise UserError(f"{folder} is not a model folder, so it is not overwritten; choose another --out.")


def _cluster(options: argparse.Namespace) -> meeting.Cluster | None:
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
    cluster: meeting.Cluster | None
    if options.hosts:
        cluster = meeting.Cluster(tuple(options.hosts.split(",")), options.worker)
    elif os.environ.get("TF_CONFIG"):
        cluster = meeting.Cluster.from_tf_config(os.environ["TF_CONFIG"])
    else:
        return None
    return cluster if cluster and len(cluster.hosts) > 1 else None


def _team(
    options: argparse.Namespace, cluster: meeting.Cluster | None, text: str, settings: dict[str, Any]
) -> "contextlib.AbstractContextManager[Alone]":
    """The workers to train with, once all of them are there and want the same; or nobody."""
    from companion.training import Alone, share

    if not cluster:
        return contextlib.nullcontext(Alone())
    share(settings["batch_size"], len(cluster.hosts), cluster.index)  # before anybody waits for anybody
    plan = {"text": sha256(text.encode("utf-8"))[:12], "tokenizer": options.tokenizer, **settings}
    plan |= {package: version(package) for package in ("tensorflow", "keras")}
    return join(cluster, plan, options.timeout, options.report)


def _launch(options: argparse.Namespace, checkpoint: Path) -> None:
    """The same command as several worker processes on this machine."""
    command = options.command
    with _state_kept(checkpoint), Crew(command, options.workers) as crew:
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


def _first_words(text: str) -> str:
    words = [word for word in text.split() if word.isalpha()]
    return words[0] if words else text.strip()[:1]
