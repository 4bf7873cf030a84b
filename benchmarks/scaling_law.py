"""Loss against size and text: run ``python benchmarks/scaling_law.py``.

LSTMs of the same shape and several widths each read Shakespeare's plays once, or a part of them, and are scored on
the three test plays. No run reads a character twice, so the number of tokens is both the amount of text and the
length of training. The parts come from all over the training text, so that a small one isn't a single play.

Runs are written to ``companion/data/results/scaling-law.json`` one by one; those that are there aren't repeated, so
that the script continues where it was interrupted. ``seconds`` are processor seconds of training. All runs take about
11 minutes on one core. The step sizes come from short trials at widths 16, 64, 128 and 256.
"""

import time
from typing import Any, NamedTuple

import numpy as np

from companion import set_seed
from companion.evaluation import evaluate
from companion.models import language_model
from companion.recipes import encoded
from companion.results import read_results, write_results
from companion.training import TrainingConfig, fit

NAME = "scaling-law"
WHAT = "bits per character on the test plays after one pass over so many characters, one LSTM layer"
BATCH, WINDOW = 16, 32  # small: the shortest run still makes 256 updates


class Run(NamedTuple):
    """One training run: the LSTM's units, the tokens it reads, the seed."""

    units: int
    tokens: int
    seed: int = 0


RUNS = [
    *(Run(units, 2**power) for units in (16, 32, 64, 128) for power in (17, 18, 19, 20, 21)),
    *(Run(64, 2**19, seed) for seed in (1, 2)),  # how much a seed matters
    *(Run(256, 2**power) for power in (17, 18, 19, 20)),
]


def learning_rate(units: int) -> float:
    """The best step size of the trials, or one between them; wider networks need shorter steps."""
    return 0.04 * min(1.0, (64 / units) ** 1.5)


def spread(ids: np.ndarray, tokens: int) -> np.ndarray:
    """``tokens`` tokens of a text: one piece for each stream, spread evenly over the text."""
    each = tokens // BATCH
    starts = np.linspace(0, len(ids) - each - 1, BATCH).astype(int)
    return np.concatenate([*(ids[start : start + each] for start in starts), ids[:1]])


def train(run: Run, vocab_size: int, training: np.ndarray, validation: np.ndarray, test: np.ndarray) -> dict[str, Any]:
    """Train once and score."""
    import keras

    keras.backend.clear_session()
    set_seed(run.seed)
    model = language_model(vocab_size, embedding_dim=run.units // 4, units=run.units)
    config = TrainingConfig(
        batch_size=BATCH,
        window=WINDOW,
        learning_rate=learning_rate(run.units),
        warmup_steps=run.tokens // (BATCH * WINDOW) // 10,
        seed=run.seed,
    )
    start = time.process_time()
    fit(model, spread(training, run.tokens), validation[:1000], config, progress=False)
    seconds = time.process_time() - start
    bits = evaluate(model, test).bits_per_character
    return run._asdict() | {"bits_per_character": round(bits, 4), "seconds": round(seconds, 1)}


def main() -> None:
    """Make the missing runs."""
    tokenizer, (training, validation, test), _ = encoded("shakespeare", "char")
    runs = read_results(NAME, missing={"runs": []})["runs"]
    done = {Run(run["units"], run["tokens"], run["seed"]) for run in runs}
    for run in RUNS:
        if run not in done:
            runs.append(train(run, tokenizer.vocab_size, training, validation, test))
            print(runs[-1], flush=True)
            write_results(
                NAME,
                {
                    "what": WHAT,
                    "vocab_size": tokenizer.vocab_size,
                    "embedding": "a quarter of the units",
                    "batch_size": BATCH,
                    "window": WINDOW,
                    "runs": runs,
                },
            )


if __name__ == "__main__":
    main()
