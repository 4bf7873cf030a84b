"""LSTM and Transformer side by side: run ``python benchmarks/transformers.py``.

- ``rates``: both at three learning rates, some updates only; each then trains at its best.
- ``matched``: as many parameters and the same characters of the plays for both, over seeds; and the Transformer once
  more with as much processor time as the LSTM took.
- ``long``: one pass over the plays, the LSTM beside the recipe ``shakespeare-transformer``; curves, test scores, and
  what they pay with n characters of context.
- ``speed``: one update of each, in turns, at several window lengths; seconds of processor time, on one thread.
- ``recall``: repeating a random string after it has ended; trained on short strings, tested on longer ones.

``python benchmarks/transformers.py recall speed`` runs these parts alone. Written to ``results/transformers.json``
after each part; what is there already is not run again.
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
from companion.training import TrainingConfig, _Text, _Trainer, fit

NAME = "transformers"
SEEDS = (0, 1)
RATES = {"lstm": (2e-3, 4e-3, 8e-3), "transformer": (1.5e-3, 3e-3, 6e-3)}
RECIPE = recipes.TRANSFORMER_RECIPE
VOCAB = 85
LONGEST = 256  # characters of context


def build(kind: str, vocab: int = VOCAB) -> Any:
    """The two networks that are compared on the plays, with the same number of parameters to 2 %."""
    if kind == "lstm":
        return language_model(vocab, embedding_dim=64, units=256)
    return transformer_model(vocab, RECIPE.width, RECIPE.layers, RECIPE.heads, RECIPE.context)


def plays(steps: int | None = None, config: TrainingConfig = RECIPE.training) -> list[np.ndarray]:
    """Training ids for so many updates, the start of the validation plays, and the test plays."""
    _, (train, validation, test), _ = recipes.encoded("shakespeare", "char")
    tokens = len(train) if steps is None else steps * config.batch_size * config.window + 1
    return [train[:tokens], validation, test]


def trained(kind: str, seed: int, steps: int, rate: float, evaluations: int = 1) -> tuple[Any, Any]:
    """A model after so many updates, and its history; validated on a tenth of the validation plays."""
    config = dataclasses.replace(RECIPE.training, learning_rate=rate, evaluations=evaluations, seed=seed)
    config = dataclasses.replace(config, warmup_steps=50)
    train, validation, _ = plays(steps, config)
    set_seed(seed)
    model = build(kind)
    return model, fit(model, train, validation[: len(validation) // 10], config, progress=False)


def rates() -> dict[str, Any]:
    """Validation loss, bits per character, after 100 updates at each rate."""
    return {
        kind: {str(rate): trained(kind, 0, 100, rate)[1].best["validation_loss"] / np.log(2) for rate in options}
        for kind, options in RATES.items()
    }


def matched(seed: int, steps: int = 300) -> list[dict[str, Any]]:
    """Test scores after as many updates, and of the Transformer after as many seconds; a row for each training."""
    _, _, test = plays()
    speed = results.read_results(NAME)["speed"][str(RECIPE.training.window)]
    runs = {"lstm": ("lstm", steps), "transformer": ("transformer", steps)}
    runs["transformer, same seconds"] = ("transformer", round(steps * speed["lstm"] / speed["transformer"]))
    rows = []
    for name, (kind, updates) in runs.items():
        model, history = trained(kind, seed, updates, RECIPE.training.learning_rate, evaluations=6)
        rows.append(
            {
                "name": name,
                "updates": history.column("step").tolist(),
                "tokens": history.column("tokens").tolist(),
                "validation": (history.column("validation_loss") / np.log(2)).round(4).tolist(),
                "test": round(evaluate(model, test).bits_per_character, 4),
                "by_context": context_curve(model, test),
                "parameters": model.count_params(),
            }
        )
        print(seed, rows[-1], flush=True)
    return rows


def context_curve(model: Any, test: np.ndarray) -> list[float]:
    """Bits per character with 1, 2, 3 ... characters of context."""
    return (losses_by_context(model, test, LONGEST).mean(axis=0) / np.log(2)).round(4).tolist()


def long(kind: str) -> dict[str, Any]:
    """One pass over the plays; curve, test score, loss by context."""
    train, validation, test = plays()
    if kind == "transformer":
        made = recipes.load_recipe(RECIPE.name, progress=False)
        model, history = made.model, made.history
    else:
        set_seed(RECIPE.seed)
        model = build(kind)
        history = fit(model, train, validation, RECIPE.training, progress=False)
    return {
        "parameters": model.count_params(),
        "tokens": history.column("tokens").tolist(),
        "updates": history.column("step").tolist(),
        "validation": (history.column("validation_loss") / np.log(2)).round(4).tolist(),
        "test": round(evaluate(model, test).bits_per_character, 4),
        "by_context": context_curve(model, test),
    }


def speed() -> dict[str, Any]:
    """Processor seconds of one update at several windows, always 2,048 characters; the models take turns."""
    train, validation, _ = plays(200)
    found = {}
    for window in (16, 32, 64, 128, 256):
        config = TrainingConfig(batch_size=2048 // window, window=window)
        trainers = {kind: _Trainer(_Text(build(kind), train, validation, config), config) for kind in RATES}
        batch = next(iter(trainers["lstm"].task.batches(0, 0)))
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


def recall() -> dict[str, Any]:
    """Share of letters repeated rightly, by length, for both networks over seeds."""
    lengths = (2, 4, 6, 8, 10, 12, 16, 20, 24, 32)
    rows = []
    for seed in (0, 1, 2):
        for kind in RATES:
            model, history = copy_trained(kind, seed)
            shares = {str(n): round(accuracy(model, n, seed=9), 4) for n in lengths}
            row = {"name": kind, "seed": seed, "parameters": model.count_params(), "shares": shares}
            row |= {"tokens": history.column("tokens").tolist()}
            row |= {"validation": history.column("validation_loss").round(4).tolist()}
            print(row, flush=True)
            rows.append(row)
    return {"rows": rows}


PARTS: dict[str, Callable[[], Any]] = {
    "speed": speed,
    "rates": rates,
    **{f"matched-{seed}": functools.partial(matched, seed) for seed in SEEDS},
    "long-lstm": lambda: long("lstm"),
    "long-transformer": lambda: long("transformer"),
    "recall": recall,
}


def main() -> None:
    """Run what is not there yet."""
    for name in sys.argv[1:] or PARTS:
        if name in _found():
            continue
        part = PARTS[name]()
        results.write_results(NAME, {**_found(), name: part})
        print(name, "done", flush=True)


def _found() -> dict[str, Any]:
    try:
        return results.read_results(NAME)
    except UserError:
        return {}


if __name__ == "__main__":
    main()
