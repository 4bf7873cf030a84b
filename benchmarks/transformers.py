"""LSTM and Transformer side by side: run ``python benchmarks/transformers.py``.

- ``speed``: one update of each, in turns, at several window lengths, always 2,048 characters; processor seconds.
- ``lstm-0``, ``lstm-1``, ``transformer-0``, ``transformer-1``: as many parameters and the same characters of the plays
  for both; the number is the seed. Seed 0 tries both rates of its kind and keeps the one with the lower validation
  loss, which seed 1 then takes too. ``same-seconds-0``, ``same-seconds-1``: the Transformer with as many processor
  seconds as the LSTM took.
- ``recall``: repeating a random string after it has ended, two seeds; ``mixed``: strings of many lengths.

``python benchmarks/transformers.py recall speed`` runs these parts alone. Written to ``results/transformers.json``
after each part; what is there already is not run again. Half an hour on one idle processor altogether.
"""

import dataclasses
import functools
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from companion import recipes, results, set_seed
from companion.errors import UserError
from companion.evaluation import evaluate, losses_by_context
from companion.models import language_model, transformer_model
from companion.recall import VOCABULARY, copy_text, recall_shares
from companion.training import Alone, TrainingConfig, _Text, _Trainer, fit

NAME = "transformers"
CONFIG = TrainingConfig(batch_size=32, window=64, warmup_steps=50, evaluations=8)
UPDATES = 1000
RATES = {"lstm": (3e-3, 6e-3), "transformer": (2e-3, 4e-3)}
KINDS = tuple(RATES)
RUNS = ("lstm-0", "lstm-1", "transformer-0", "transformer-1", "same-seconds-0", "same-seconds-1")  # with the seed
LONGEST = 256  # characters of context


def build(kind: str, vocab: int) -> Any:
    """The two networks that are compared on the plays, with the same number of parameters to 2 %."""
    if kind == "lstm":
        return language_model(vocab, embedding_dim=64, units=256)
    return transformer_model(vocab, width=96, layers=3, heads=4, context=64)


def plays() -> tuple[int, list[np.ndarray]]:
    """Number of tokens, and the ids of the training, validation and test plays."""
    tokenizer, parts, _ = recipes.encoded("shakespeare", "char")
    return tokenizer.vocab_size, parts


def trained(kind: str, seed: int, updates: int, rate: float) -> tuple[Any, Any]:
    """A model after so many updates, and its history; validated on a tenth of the validation plays."""
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


def matched(name: str, seed: str) -> dict[str, Any]:
    """One training: its curve, its score on the test plays, and what it pays with so much context."""
    measured = results.read_results(NAME)
    kind, updates = ("lstm", UPDATES) if name == "lstm" else ("transformer", UPDATES)
    if name == "same-seconds":
        seconds = measured["speed"][str(CONFIG.window)]
        updates = round(UPDATES * seconds["lstm"] / seconds["transformer"])
    first = f"{kind}-0"
    rates = [measured[first]["rate"]] if first in measured else RATES[kind]
    runs = {rate: trained(kind, int(seed), updates, rate) for rate in rates}
    rate = min(runs, key=lambda rate: runs[rate][1].best["validation_loss"])
    model, history = runs[rate]
    test = plays()[1][2]
    return {
        "parameters": model.count_params(),
        "rate": rate,
        "rates": {str(rate): bits(run[1].column("validation_loss"))[-1] for rate, run in runs.items()},
        "updates": history.column("step").astype(int).tolist(),
        "validation": bits(history.column("validation_loss")),
        "test": round(evaluate(model, test).bits_per_character, 4),
        "by_context": bits(losses_by_context(model, test, LONGEST).mean(axis=0)),
    }


def speed() -> dict[str, dict[str, float]]:
    """Processor seconds of one update by window; the models take turns, and the median of six counts."""
    vocab, (train, validation, _) = plays()
    found = {}
    for window in (16, 32, 64, 128, 256):
        config = TrainingConfig(batch_size=2048 // window, window=window)
        tasks = {kind: _Text(build(kind, vocab), train[:500_000], validation, config, Alone()) for kind in KINDS}
        trainers = {kind: _Trainer(task, config, Alone()) for kind, task in tasks.items()}
        batch = next(iter(tasks["lstm"].batches(0, 0)))
        times: dict[str, list[float]] = {kind: [] for kind in trainers}
        for turn in range(7):
            for kind, trainer in trainers.items():
                start = time.process_time()
                _, trainer.states = trainer._update(batch, trainer.states)
                if turn:  # the first compiles
                    times[kind].append(time.process_time() - start)
        found[str(window)] = {kind: round(float(np.median(values)), 4) for kind, values in times.items()}
        print(window, found[str(window)], flush=True)
    return found


LENGTHS = (4, 8, 12, 15, 16, 17, 20, 24)


def recall(
    shortest: int = 16, longest: int = 16, updates: int = 400, lengths: tuple[int, ...] = LENGTHS
) -> list[dict[str, Any]]:
    """Share of letters recalled, by length of the string, after training on strings of some lengths."""
    rows = []
    for seed in (0, 1):
        for kind, rate in (("lstm", 1e-2), ("transformer", 4e-3)):
            config = TrainingConfig(
                batch_size=32, window=2 * longest + 2, learning_rate=rate, warmup_steps=30, evaluations=8, seed=seed
            )
            set_seed(seed)
            size = len(VOCABULARY)
            is_lstm = kind == "lstm"
            model = language_model(size, 16, 88) if is_lstm else transformer_model(size, 40, 2, 2, config.window)
            ids = copy_text(seed, updates * config.batch_size * config.window + 1, shortest, longest)
            history = fit(model, ids, copy_text(100, 5_000, shortest, longest), config, progress=False)
            shares = {n: recall_shares(model, n, seed=9).round(3).tolist() for n in lengths}
            row = {"name": kind, "seed": seed, "parameters": model.count_params(), "shares": shares}
            row["updates"] = history.column("step").astype(int).tolist()
            row["validation"] = bits(history.column("validation_loss"))
            print(
                kind, seed, row["validation"], {n: round(float(np.mean(s)), 2) for n, s in shares.items()}, flush=True
            )
            rows.append(row)
    return rows


PARTS: dict[str, Callable[[], Any]] = {
    "speed": speed,
    **{run: functools.partial(matched, *run.rsplit("-", 1)) for run in RUNS},
    "recall": recall,
    "mixed": functools.partial(recall, shortest=2, longest=8, updates=2000, lengths=(2, 3, 4, 5, 6, 7, 8, 10, 12)),
}


def _found() -> dict[str, Any]:
    try:
        return results.read_results(NAME)
    except UserError:
        return {}


def main() -> None:
    """Run what is not there yet, or what of the parts named on the command line is not."""
    for name in sys.argv[1:] or PARTS:
        if name not in _found():
            part = PARTS[name]()
            results.write_results(NAME, {**_found(), name: part})
            print(name, "done", flush=True)


if __name__ == "__main__":
    main()
