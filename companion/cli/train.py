"""The command ``train``."""

import argparse
import contextlib
import os
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from companion.cli.memory import check_memory, check_workers
from companion.cli.program import as_argument, program, suggested
from companion.cli.prompts import suggested_prompt
from companion.cli.scores import in_a_line
from companion.cli.texts import STANDARD_INPUT, read_text
from companion.errors import UserError, disk_errors
from companion.storage import PlaceTakenError, beside, check_writable, locked, sha256
from companion.training import Alone, Cluster, Crew, default_config, end_with_parent, join, share

if TYPE_CHECKING:
    import keras


# A shorter text can't spare the parts that choose and score a model.
SHORTEST = 5_000
# The default vocabularies. Every further word, however rare, adds 321 numbers to a network of 256 units and one logit
# for each token read to every update; what is left out is spelt.
MOST_WORDS = 10_000
BPE_TOKENS = 2_256
USUAL_VOCABULARY = {"char": None, "word": MOST_WORDS, "bpe": BPE_TOKENS}
CHECKPOINT = ".checkpoint.npz"
MODEL_FILES = {"model.json", "tokenizer.json", "model.safetensors", "weights.npz"}  # weights.npz in older models


def train(options: argparse.Namespace) -> None:
    """Train a language model on a text file; write it as a folder."""
    if options.report:
        end_with_parent()
    cluster = _cluster(options)
    if options.model == "transformer" and options.units % (2 * options.heads):
        raise UserError(
            f"--units is {options.units}, which {options.heads} heads can't share: each needs an even number of them. "
            f"Give a multiple of {2 * options.heads}, or change --heads."
        )
    writes = (cluster is None or cluster.index == 0) and not options.report
    with _place(options) if writes else contextlib.nullcontext():
        if options.workers > 1:
            check_workers(options.workers)
            if not Path(options.text).is_file():
                raise UserError(f"{options.text} isn't a file that {options.workers} workers can read; give a file.")
        text = read_text(options.text)
        parts = split(text, STANDARD_INPUT if options.text == "-" else options.text)
        if options.workers > 1:
            _launch(options)
        else:
            _train(options, text, parts, cluster)


def split(text: str, name: str) -> tuple[str, str, str]:
    """The first 90% of a text for training, then 5% that choose the weights and 5% that score them.

    Raises
    ------
    UserError
        The text is too short.
    """
    if len(text) < SHORTEST:
        raise UserError(
            f"{name} has {len(text):,} characters, too few to train and score a model: give at least {SHORTEST:,}, "
            "preferably a hundred times as many."
        )
    first, second = len(text) * 90 // 100, len(text) * 95 // 100
    return text[:first], text[first:second], text[second:]


@contextlib.contextmanager
def _place(options: argparse.Namespace) -> Iterator[None]:
    """Lock the model's folder while it is made; first check that it can be written without losing anything."""
    with locked(options.out, wait=0, doing="training into"):
        check_writable(options.out, CHECKPOINT)
        _refuse_to_lose(options)
        yield


def _refuse_to_lose(options: argparse.Namespace) -> None:
    folder = Path(options.out)
    with disk_errors(options.out):
        there = {path.name for path in folder.iterdir()} if folder.exists() else set()
    there -= {beside(options.out, CHECKPOINT).name, "lost+found"}  # from an interrupted training run, from a new disk
    if there and not there >= {"model.json"}:
        raise UserError(
            f"{folder} has other files in it but no model, so nothing is written there; choose another --out."
        )
    if there and not options.overwrite:
        raise UserError(
            f"{folder} exists already; choose another --out, or add --overwrite to replace the model in it."
        )
    if strange := sorted(there - MODEL_FILES):
        raise UserError(
            f"{folder} has files in it that aren't a model's, such as {strange[0]}, which would be lost; move them, or "
            "choose another --out."
        )


def _cluster(options: argparse.Namespace) -> Cluster | None:
    """The workers and which of them this process is, from its options or TF_CONFIG; None if it trains alone."""
    if options.workers > 1:
        return None
    cluster: Cluster | None
    if options.hosts:
        cluster = Cluster(tuple(options.hosts.split(",")), options.worker)
    elif os.environ.get("TF_CONFIG"):
        cluster = Cluster.from_tf_config(os.environ["TF_CONFIG"])
    else:
        return None
    return cluster if cluster and len(cluster.hosts) > 1 else None


def _train(options: argparse.Namespace, text: str, parts: tuple[str, str, str], cluster: Cluster | None) -> None:
    """Train in this process, alone or as one of several workers; the chief prints and writes the model."""
    from companion.recipes import LANGUAGE_MODEL, TRANSFORMER, train_language_model
    from companion.tokenizers import TOKENIZERS

    chief = cluster is None or cluster.index == 0
    checkpoint = beside(options.out, CHECKPOINT)
    vocab_size = USUAL_VOCABULARY[options.tokenizer] if options.vocab_size is None else options.vocab_size
    tokenizer = TOKENIZERS[options.tokenizer].train(parts[0], vocab_size=vocab_size)
    kind = TRANSFORMER if options.model == "transformer" else LANGUAGE_MODEL
    sizes = _sizes(options)
    config = default_config(
        len(tokenizer.encode(parts[0])),
        len(text),
        options.epochs,
        options.batch_size,
        options.window,
        options.learning_rate,
        options.seed,
    )
    workers = len(cluster.hosts) if cluster else 1
    if chief or not options.report:  # the chief speaks for the workers that were started together
        tokens = config.batch_size // workers * config.window
        check_memory(kind, {"vocab_size": tokenizer.vocab_size, **sizes}, tokens, workers if options.report else 1)

    def began(model: "keras.Model") -> None:
        if chief:
            if checkpoint.exists():
                print(f"Continuing from {checkpoint}.")
            size = f"{len(text):,} characters, {tokenizer.vocab_size:,} tokens, {model.count_params():,} parameters"
            print(f"{size}{gpus()}", flush=True)

    plan = {"model": kind, "vocab_size": tokenizer.vocab_size, **sizes, **asdict(config)}
    with _team(options, cluster, text, plan) as team:
        trained = train_language_model(
            parts,
            tokenizer,
            kind,
            sizes,
            config,
            seed=options.seed,
            checkpoint=checkpoint,
            progress=False if options.quiet else None,
            team=team,
            began=began,
            about={"text": Path(options.text).name, "seed": options.seed},
        )
    if not chief:
        return
    assert trained.score is not None
    print(f"On {len(parts[2]):,} characters that it never saw: {in_a_line(trained.score)}", flush=True)
    try:
        trained.save(options.out, replace=options.overwrite)
    except PlaceTakenError:  # the model is saved, under another name
        checkpoint.unlink(missing_ok=True)
        raise
    checkpoint.unlink(missing_ok=True)
    prompt = suggested_prompt(tokenizer, parts[2], before=parts[1])
    command = ["generate", as_argument(options.out), *(["--prompt", prompt] if prompt else [])]
    print(f"Written to {options.out}. Try: {suggested(command, options.program)}")


def _sizes(options: argparse.Namespace) -> dict[str, Any]:
    """The arguments that build the network, without the size of its vocabulary."""
    if options.model == "transformer":
        own = {"hidden_dim": options.units, "num_heads": options.heads, "context": options.context}
        return own | {"num_layers": options.layers or 4, "dropout": options.dropout}
    own = {"embedding_dim": options.embedding_dim, "units": options.units, "cell": options.cell}
    return own | {"num_layers": options.layers or 1, "dropout": options.dropout}


def gpus() -> str:
    """The GPUs that TensorFlow computes on, as the end of a line; empty if there are none.

    The environment variable ``GATE_BY_GATE_DEVICE`` chooses them; see `companion.seeding.quiet_tensorflow`.
    """
    import tensorflow as tf

    devices = tf.config.get_visible_devices("GPU")
    names = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name) for gpu in devices]
    return f", on {' and '.join(names)}" if names else ""


def _team(
    options: argparse.Namespace, cluster: Cluster | None, text: str, settings: dict[str, Any]
) -> contextlib.AbstractContextManager[Alone]:
    """The workers to train with, once all of them have met and have the same plan; `Alone` without others."""
    if not cluster:
        return contextlib.nullcontext(Alone())
    share(settings["batch_size"], len(cluster.hosts), cluster.index)  # fail before waiting for the others
    plan = {"text": sha256(text.encode("utf-8"))[:12], "tokenizer": options.tokenizer, **settings}
    plan |= {package: version(package) for package in ("tensorflow", "keras")}
    return join(cluster, plan, options.timeout, options.report)


def _launch(options: argparse.Namespace) -> None:
    """Run the same command as several worker processes on this machine."""
    with Crew([*options.command, "--program", program()], options.workers) as crew:
        if not options.quiet:
            ids = [str(process.pid) for process in crew.processes]
            print(f"{options.workers} workers: processes {', '.join(ids[:-1])} and {ids[-1]}", flush=True)
        crew.wait()
