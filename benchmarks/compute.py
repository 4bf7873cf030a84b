"""How fast one core is, and how long the book's models take on it: run ``python benchmarks/compute.py``.

It measures, in processor seconds of one thread, the shortest of several tries:

- products of two matrices, and of a vector and a matrix, of several sizes (operations and bytes per second);
- one matrix too large for the cache, times more and more vectors at once;
- a training step and a writing step of the book's models, in float32, and the same step of a *twin* of each: the same
  kind of model, as narrow as it can be. It does next to no arithmetic, so its time is the cost of a step whatever the
  width: calls, loops, softmaxes.

For one thread, set ``OMP_NUM_THREADS``, ``OPENBLAS_NUM_THREADS`` and ``TF_NUM_INTRAOP_THREADS`` to 1 before it starts.
Written to ``companion/data/results/compute.json``; the chapter *compute* compares these with its
predictions from the shapes.
"""

import os
from collections.abc import Callable
from typing import Any

from companion import set_seed
from companion.analysis.costs import GATES
from companion.analysis.machine import matmul_rate, read_rate, seconds, training_rate, training_step, writing_step
from companion.models import article_model, language_model, transformer_model
from companion.results import write_results

THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS")
VOCAB_SIZE = 85
SIDES = (32, 64, 128, 256, 512, 1024, 2048)
MEGABYTES = (1, 4, 16, 64, 256)
LARGE, TEXTS = 4096, (1, 2, 4, 8, 16, 32, 64, 128, 256)


def recurrent(cell: str, units: int) -> dict[str, Any]:
    """A language model of the book, and its twin of one unit."""
    sizes = {"vocab_size": VOCAB_SIZE, "embedding_dim": 64, "units": units, "cell": cell}
    return {
        "name": f"{'RNN' if cell == 'rnn' else cell.upper()} {units}",
        "kind": "language_model",
        "sizes": sizes,
        "twin": sizes | {"embedding_dim": 1, "units": 1},
        "batch": 64,
        "window": 64,
        "shape": (64, units, GATES[cell] * units),
    }


transformer = {"vocab_size": VOCAB_SIZE, "hidden_dim": 128, "num_layers": 4, "num_heads": 4, "context": 128}
MODELS: list[dict[str, Any]] = [
    recurrent("rnn", 256),
    recurrent("gru", 256),
    *(recurrent("lstm", units) for units in (64, 128, 256, 512)),
    {
        "name": "tutorial's",
        "kind": "article_model",
        "sizes": {"vocab_size": 10_000, "embedding_dim": 128, "hidden_units": 64},
        "twin": {"vocab_size": 10_000, "embedding_dim": 1, "hidden_units": 1},
        "batch": 128,
        "window": 16,
        "shape": (128, 64, 10_000),
    },
    {
        "name": "Transformer",
        "kind": "transformer_model",
        "sizes": transformer,
        "twin": transformer | {"hidden_dim": 8},  # a head needs at least two numbers
        "batch": 32,
        "window": 128,
        "shape": (32 * 128, 128, 512),
    },
]
MAKERS: dict[str, Callable[..., Any]] = {
    "language_model": language_model,
    "article_model": article_model,
    "transformer_model": transformer_model,
}


def measure(entry: dict[str, Any]) -> dict[str, Any]:
    """Seconds of a model's and its twin's training and writing step."""
    found = dict(entry)
    for whose, sizes in (("", entry["sizes"]), ("twin_", entry["twin"])):
        set_seed(0)
        model = MAKERS[entry["kind"]](**sizes)
        found[f"{whose}training_seconds"] = seconds(training_step(model, entry["batch"], entry["window"]), 1.0)
        if entry["kind"] != "article_model":  # it can't be stepped: it reads windows
            step = writing_step(model, read_before=sizes.get("context", 1))
            found[f"{whose}writing_seconds"] = seconds(step, 0.5, repeats=20)
    found["training_rate"] = training_rate(*entry["shape"])  # for products like its largest one
    print({key: value for key, value in found.items() if key == "name" or "seconds" in key}, flush=True)
    return found


def main() -> None:
    """Measure and write."""
    if {os.environ.get(name) for name in THREADS} != {"1"}:
        raise SystemExit(f"Set {', '.join(THREADS)} to 1 first: the rates should be those of one core.")
    content = {
        "what": "processor seconds of one core; operations and bytes a second; float32",
        "matmul": [{"side": side, "rate": matmul_rate(side, side, side)} for side in SIDES],
        "read": [{"megabytes": megabytes, "rate": read_rate(megabytes)} for megabytes in MEGABYTES],
        "texts": [{"texts": texts, "side": LARGE, "rate": matmul_rate(texts, LARGE, LARGE)} for texts in TEXTS],
        "models": [measure(entry) for entry in MODELS],
    }
    write_results("compute", content)


if __name__ == "__main__":
    main()
