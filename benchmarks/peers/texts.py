"""The parts about texts: byte-pair encoding, and a fresh process that loads a model and writes."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import companion
from companion.corpora import load_corpus
from peers.pool import Contestant, Pool, Settings, tell
from peers.process import PeerError
from peers.summary import ratios, shown, spread, table


def measure_loading(settings: Settings) -> dict[str, Any]:
    """Seconds from the start of a process to the first character of a trained model, and those of its imports."""
    name, prompt = "shakespeare-chars", "ROMEO"
    script = Path(__file__).resolve().with_name("loading.py")
    path = os.pathsep.join(filter(None, [str(Path(companion.__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    columns: dict[str, list[float]] = {"to_first_character": [], "imports": []}
    for number in range(settings.rounds + 1):
        begin = time.perf_counter()
        command = [sys.executable, str(script), name, prompt]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path}
        ) as ran:
            assert ran.stdout
            line = ran.stdout.readline()
            taken = time.perf_counter() - begin
        if ran.returncode:
            raise PeerError(f"A fresh process couldn't load {name} (exit code {ran.returncode}).")
        if number:  # the first one reads the files from the disk
            columns["to_first_character"].append(taken)
            columns["imports"].append(json.loads(line)["imports"])
    return {"model": name, "seconds": {name: spread(values) for name, values in columns.items()}}


def show_loading(found: dict[str, Any]) -> str:
    """The seconds as a table."""
    cells = [shown(found["seconds"][name], digits=2) for name in ("to_first_character", "imports")]
    head = ("a fresh process, seconds", "to the first character", "of these, imports")
    return table(head, [(f'companion.load("{found["model"]}")', *cells)])


# ----------------------------------------------------------------------------------------------------------------------
# Tokenizers


def measure_tokenizers(settings: Settings) -> list[dict[str, Any]]:
    """Learning merges, encoding and decoding, at a size for the library and at one for minbpe, which is slower."""
    texts = [document.text for document in load_corpus("grammar" if settings.quick else "shakespeare").documents]
    everything = sum(map(len, texts))
    large = {"training_characters": 1_000_000, "characters": everything, "merges": 2000}
    small = {"training_characters": 50_000, "characters": 200_000, "merges": 256}
    if settings.quick:
        large = small = {"training_characters": 2000, "characters": 2000, "merges": 20}
    rows = []
    with tempfile.TemporaryDirectory() as folder, Pool(settings, 1) as pool:
        path = Path(folder) / "texts.json"
        path.write_text(json.dumps(texts), "utf-8")
        for sizes, names in ((large, ["ours", "library"]), (small, ["ours", "library", "minbpe"])):
            if "minbpe" in names and not settings.minbpe:
                continue
            found = pool.race(
                [
                    Contestant(
                        name,
                        "with_tokenizers",
                        "bpe",
                        {
                            "kind": name,
                            "texts": str(path),
                            "minbpe": settings.minbpe if name == "minbpe" else "",
                            **sizes,
                        },
                    )
                    for name in names
                ],
                settings.rounds,
                0.0,
            )
            if "ours" in found:
                rows.append(sizes | tokenizer_row(found))
    if not settings.minbpe:
        tell("minbpe isn't measured. Give --minbpe a folder that has it.")
    return rows


def tokenizer_row(found: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Medians of each task by contestant, the book's ratios, and whose ids are the book's."""
    row: dict[str, Any] = {"megabytes": found["ours"][0]["megabytes"]}
    for task in ("train_seconds", "encode_first", "encode_again", "decode"):
        rounds = {name: [answer[task] for answer in answers] for name, answers in found.items()}
        speeds = {name: [1 / value for value in values] for name, values in rounds.items()}
        row[task] = {
            "measured": {name: spread(values) for name, values in rounds.items()},
            "times_as_fast_as": ratios(speeds if task == "train_seconds" else rounds),
        }
    digests = {name: answers[0]["digest"] for name, answers in found.items()}
    return row | {"same_ids_as_ours": sorted(name for name in digests if digests[name] == digests["ours"])}


def show_tokenizers(rows: list[dict[str, Any]]) -> str:
    """The times and rates as a table."""
    lines = []
    for row in rows:
        size = f"{row['megabytes']:.1f} MB"
        labels = {
            "train_seconds": f"learn {row['merges']:,} merges from {row['training_characters']:,} characters, s",
            "encode_first": f"encode {size} at first sight, MB/s",
            "encode_again": f"encode {size} again, MB/s",
            "decode": f"decode {size}, MB/s",
        }
        for task, label in labels.items():
            measured, times = row[task]["measured"], row[task]["times_as_fast_as"]
            cells = [
                shown(measured[name], digits=2) if name in measured else "" for name in ("ours", "library", "minbpe")
            ]
            ratio = [f"{times[name]['median']:.2f}" if name in times else "" for name in ("library", "minbpe")]
            lines.append((label, *cells, *ratio))
    head = ("byte-pair encoding, one core", "ours", "tokenizers", "minbpe", "ours/tokenizers", "ours/minbpe")
    return table(head, lines)
