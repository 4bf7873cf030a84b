"""LSTM and Transformer side by side: run ``python benchmarks/transformers.py``.

- ``speed``: one update of each, in turns, at several window lengths, always 2,048 characters; processor seconds.
- ``lstm``, ``transformer``: as many parameters and the same characters of the plays for both, two seeds. The learning
  rate with the lower mean validation loss is used. ``same-seconds``: the Transformer with as many processor seconds as
  the LSTM took, by ``speed``; it needs these parts.
- ``two-cores``: wall-clock seconds for one update of each on two threads, at these sizes and at the book's.
- ``recall``: repeating a random string after it has ended, two seeds, rates tried with the first; ``mixed``: strings of
  many lengths.

``python benchmarks/transformers.py recall speed`` runs only these parts. Results are written to
``companion/data/results/transformers.json`` after each part; a part that is there isn't run again. Set
``TF_NUM_INTRAOP_THREADS`` to 1 first, for ``two-cores`` to 2. It takes three quarters of an hour on an idle processor.
"""

import dataclasses
import functools
import os
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from companion import recipes, results, set_seed
from companion.chapters.transformers import VOCABULARY, copy_text, recall_shares
from companion.evaluation import evaluate, losses_by_context
from companion.models import language_model, transformer_model
from companion.training import TextTask, Trainer, TrainingConfig, fit

NAME = "transformers"
THREADS = "TF_NUM_INTRAOP_THREADS"
CONFIG = TrainingConfig(batch_size=32, window=64, warmup_steps=50, evaluations=8)
UPDATES = 1000
RATES = {"lstm": (6e-3, 1.2e-2), "transformer": (4e-3, 8e-3)}
KINDS = tuple(RATES)
SEEDS = (0, 1)
LONGEST = 256  # characters of context


def build(kind: str, vocab: int) -> Any:
    """The two networks that are compared on the plays, with the same number of parameters to within 2%."""
    if kind == "lstm":
        return language_model(vocab, embedding_dim=64, units=256)
    return transformer_model(vocab, hidden_dim=96, num_layers=3, num_heads=4, context=64)


def plays() -> tuple[int, list[np.ndarray]]:
    """Number of tokens, and the ids of the training, validation and test plays."""
    tokenizer, parts, _ = recipes.encoded("shakespeare", "char")
    return tokenizer.vocab_size, parts


def trained(kind: str, seed: int, updates: int, rate: float) -> tuple[Any, Any]:
    """A model after ``updates`` updates, and its history; validated on a tenth of the validation plays."""
    config = dataclasses.replace(CONFIG, seed=seed, learning_rate=rate)
    vocab, (train, validation, _) = plays()
    set_seed(seed)
    model = build(kind, vocab)
    ids = train[: updates * config.batch_size * config.window + 1]
    return model, fit(model, ids, validation[: len(validation) // 10], config, progress=False)


def bits(losses: np.ndarray) -> list[float]:
    """Nats to rounded bits."""
    found: list[float] = (losses / np.log(2)).round(4).tolist()
    return found


def matched(kind: str, updates: int = UPDATES, rates: tuple[float, ...] = ()) -> list[dict[str, Any]]:
    """Both seeds with the better rate: curves, scores on the test plays, and losses by length of context."""
    runs: dict[float, list[tuple[Any, Any]]] = {}
    seconds: list[float] = []
    for rate in rates or RATES[kind]:
        for seed in SEEDS:
            started = time.process_time()
            runs.setdefault(rate, []).append(trained(kind, seed, updates, rate))
            seconds.append(time.process_time() - started)
    ends = {rate: [bits(h.column("validation_loss"))[-1] for _, h in found] for rate, found in runs.items()}
    rate = min(ends, key=lambda rate: float(np.mean(ends[rate])))
    print(kind, ends, flush=True)
    test = plays()[1][2]

    def found(model: Any, history: Any) -> dict[str, Any]:
        run = {
            "parameters": model.count_params(),
            "rate": rate,
            "rates": {str(tried): losses for tried, losses in ends.items()},
            "seconds": round(float(np.mean(seconds))),  # of the processor, validation included
            "updates": history.column("step").astype(int).tolist(),
            "validation": bits(history.column("validation_loss")),
            "test": round(evaluate(model, test).bits_per_character, 4),
        }
        if len(ends) > 1:
            run["test_in_one_go"] = round(evaluate(model, test, streams=1).bits_per_character, 4)
            run["by_context"] = bits(losses_by_context(model, test, LONGEST).mean(axis=0))
        return run

    return [found(*run) for run in runs[rate]]


def same_seconds() -> list[dict[str, Any]]:
    """The Transformer with as many updates as fit into the LSTM's seconds, at the rate found for it."""
    measured = _found()
    seconds = measured["speed"][str(CONFIG.window)]
    updates = round(UPDATES * seconds["lstm"] / seconds["transformer"])
    return matched("transformer", updates, (measured["transformer"][0]["rate"],))


def update_seconds(runs: dict[str, tuple[Any, TrainingConfig]], turns: int = 6) -> dict[str, dict[str, float]]:
    """Processor and wall-clock seconds of one update of each; the models take turns, and the median counts."""
    _, (train, validation, _) = plays()
    trainers, batches = {}, {}
    for kind, (model, config) in runs.items():
        task = TextTask(model, train[:500_000], validation, config)
        trainers[kind], batches[kind] = Trainer(task, config), next(iter(task.batches(0)))
    times: dict[str, list[tuple[float, float]]] = {kind: [] for kind in runs}
    for turn in range(1 + turns):
        for kind, trainer in trainers.items():
            start = time.process_time(), time.perf_counter()
            _, trainer.states = trainer.compiled_update(batches[kind], trainer.states)
            if turn:  # the first compiles
                times[kind].append((time.process_time() - start[0], time.perf_counter() - start[1]))
    medians = {kind: np.median(values, axis=0).round(4).tolist() for kind, values in times.items()}
    return {kind: {"processor": both[0], "clock": both[1]} for kind, both in medians.items()}


def speed() -> dict[str, dict[str, float]]:
    """Processor seconds of one update, by window."""
    vocab, _ = plays()
    found = {}
    for window in (16, 32, 64, 128, 256, 512):
        config = TrainingConfig(batch_size=2048 // window, window=window)
        seconds = update_seconds({kind: (build(kind, vocab), config) for kind in KINDS})
        found[str(window)] = {kind: seconds[kind]["processor"] for kind in KINDS}
        print(window, found[str(window)], flush=True)
    return found


def two_cores() -> dict[str, dict[str, float]]:
    """Wall-clock seconds of one update on two threads: these networks, and two of 1.2 million parameters."""
    vocab, _ = plays()
    found = {}
    large = {
        "lstm": language_model(vocab, embedding_dim=64, units=512),
        "transformer": transformer_model(vocab, hidden_dim=160, num_layers=4, num_heads=5, context=128),
    }
    for name, config, models in (
        ("small", CONFIG, {kind: build(kind, vocab) for kind in KINDS}),
        ("large", TrainingConfig(batch_size=64, window=128), large),
    ):
        seconds = update_seconds({kind: (models[kind], config) for kind in KINDS})
        found[name] = {kind: seconds[kind]["clock"] for kind in KINDS}
        found[name] |= {f"{kind}_parameters": models[kind].count_params() for kind in KINDS}
    return found


LENGTHS = (4, 8, 12, 15, 16, 17, 20, 24)
RECALL_RATES = {"lstm": (5e-3, 1e-2, 2e-2), "transformer": (2e-3, 4e-3, 8e-3)}


def recall(
    shortest: int = 16, longest: int = 16, updates: int = 400, lengths: tuple[int, ...] = LENGTHS
) -> list[dict[str, Any]]:
    """Share of letters recalled, by length of string, after training on strings of lengths in a range."""
    size = len(VOCABULARY)

    def trained(kind: str, seed: int, rate: float) -> tuple[Any, Any]:
        config = TrainingConfig(
            batch_size=32, window=2 * longest + 2, learning_rate=rate, warmup_steps=30, evaluations=8, seed=seed
        )
        set_seed(seed)
        is_lstm = kind == "lstm"
        model = language_model(size, 16, 88) if is_lstm else transformer_model(size, 40, 2, 2, config.window)
        ids = copy_text(seed, updates * config.batch_size * config.window + 1, shortest, longest)
        return model, fit(model, ids, copy_text(100, 5_000, shortest, longest), config, progress=False)

    rows = []
    for kind, rates in RECALL_RATES.items():
        tried = {rate: trained(kind, 0, rate) for rate in rates}
        ends = {rate: float(run[1].best["validation_loss"]) for rate, run in tried.items()}
        rate = min(ends, key=lambda rate: ends[rate])
        for seed, (model, history) in enumerate((tried[rate], trained(kind, 1, rate))):
            shares = {n: recall_shares(model, n, seed=9).round(3).tolist() for n in lengths}
            row = {"name": kind, "seed": seed, "rate": rate, "parameters": model.count_params(), "shares": shares}
            row["rates"] = {str(tried): round(loss / np.log(2), 4) for tried, loss in ends.items()}
            row["updates"] = history.column("step").astype(int).tolist()
            row["validation"] = bits(history.column("validation_loss"))
            print(row["name"], seed, row["rates"], {n: round(float(np.mean(s)), 2) for n, s in shares.items()})
            sys.stdout.flush()
            rows.append(row)
    return rows


PARTS: dict[str, Callable[[], Any]] = {
    "speed": speed,
    "two-cores": two_cores,
    **{kind: functools.partial(matched, kind) for kind in KINDS},
    "same-seconds": same_seconds,
    "recall": recall,
    "mixed": functools.partial(recall, shortest=2, longest=8, updates=2000, lengths=(2, 3, 4, 5, 6, 7, 8, 10, 12)),
}


def _found() -> dict[str, Any]:
    return results.read_results(NAME, missing={})


def main() -> None:
    """Run the missing parts, or those of the parts named on the command line."""
    if unknown := sys.argv[1:] and set(sys.argv[1:]) - PARTS.keys():
        raise SystemExit(f"There is no part {min(unknown)}; there are {', '.join(PARTS)}.")
    for name in sys.argv[1:] or PARTS:
        if name in _found():
            continue
        threads = "2" if name == "two-cores" else "1"
        if os.environ.get(THREADS) != threads:
            raise SystemExit(
                f"Set {THREADS} to {threads} before running {name}, because its measurements depend on it."
            )
        part = PARTS[name]()
        results.write_results(NAME, {**_found(), name: part})
        print(name, "done", flush=True)


if __name__ == "__main__":
    main()
