"""How much memory training takes, so that a message comes first and the system doesn't kill it halfway."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from companion.cli.program import remark
from companion.errors import UserError

# Fitted to the peaks of six training runs (tests/test_cli_train.py), within a factor of two.
PROGRAM = 0.7e9  # bytes of TensorFlow itself
COPIES = 12  # of the weights besides Adam's: the best so far, the checkpoint while it is written, ...
FRAMEWORK = 2.5  # what TensorFlow keeps for each number that the formulas of the backward pass need


def training_bytes(kind: str, sizes: dict[str, Any], tokens: int) -> float:
    """About how many bytes a training run takes whose updates read ``tokens`` tokens.

    Parameters
    ----------
    kind
        ``"transformer"``; anything else is a recurrent network.
    sizes
        The arguments of `companion.models.transformer_model` or `companion.models.language_model`.
    tokens
        Streams times window.
    """
    from companion.analysis import costs

    model = costs.transformer_model if kind == "transformer" else costs.language_model
    memory = model(**{name: size for name, size in sizes.items() if name != "dropout"}).training_memory(tokens)
    weights = memory.weights + memory.gradients + memory.moments + COPIES * memory.weights
    return PROGRAM + weights + FRAMEWORK * memory.activations


def check_memory(kind: str, sizes: dict[str, Any], tokens: int, workers: int = 1) -> None:
    """Refuse a training run that needs more than this machine's memory; warn if it needs more than is free now.

    Parameters
    ----------
    kind, sizes, tokens
        As in `training_bytes`, for each worker.
    workers
        How many workers there are on this machine.

    Raises
    ------
    UserError
        The machine doesn't have that much memory.
    """
    needed, total, free = workers * training_bytes(kind, sizes, tokens), total_memory(), free_memory()
    context = " --context," if kind == "transformer" else ""
    smaller = f"Lower --units, --layers,{context} --vocab-size, --batch-size or --window."
    if total and needed > total:
        raise UserError(
            f"This training takes about {_gigabytes(needed)} of memory, but this machine has {_gigabytes(total)}. "
            f"{smaller}"
        )
    if free and needed > free:
        remark(
            f"this training takes about {_gigabytes(needed)} of memory, but only {_gigabytes(free)} are free; if it "
            f"is killed, free some memory or train a smaller model. {smaller}"
        )


def check_workers(count: int) -> None:
    """Refuse more workers on this machine than its memory holds, before the first one is started.

    Raises
    ------
    UserError
        TensorFlow alone, loaded by each worker, takes more memory than the machine has.
    """
    total = total_memory()
    if total and count * PROGRAM > total:
        raise UserError(
            f"{count:,} workers take at least {_gigabytes(count * PROGRAM)} of memory, but this machine has "
            f"{_gigabytes(total)}; --workers can be at most {max(1, int(total / PROGRAM)):,}."
        )


def total_memory() -> float | None:
    """The memory of this machine, or of the container that this runs in, in bytes; None if unknown."""
    found = []
    with suppress(AttributeError, OSError, ValueError):
        found.append(float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")))
    for limit in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # there is no such file, or it says "max"
            found.append(float(Path(limit).read_text("ascii")))
    return min(found, default=None)


def free_memory() -> float | None:
    """The memory that programs can still get, in bytes; None if unknown."""
    with suppress(OSError, ValueError):
        for line in Path("/proc/meminfo").read_text("ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return 1024 * float(line.split()[1])
    return None


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB"
