"""Benchmark results: written by a script, read by a chapter, never typed in.

A script in ``benchmarks/`` runs once by hand and writes ``benchmarks/results/NAME.json``: what was measured, over
several seeds, with the machine and the versions. The chapter shows these beside its own run. Intervals say how sure
they are: `interval` over seeds, `bootstrap` over the items of one test set. Chapters: *translation* and the other
applications.
"""

import json
import os
import platform
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from companion.errors import UserError
from companion.storage import read_json, write_atomically

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks" / "results"


class Interval(NamedTuple):
    """A mean and the bounds it lies between with 95 % confidence."""

    mean: float
    low: float
    high: float

    def text(self, digits: int = 1) -> str:
        """In words for a page.

        >>> Interval(91.26, 89.5, 93.04).text()
        '91.3 (89.5 to 93.0)'
        """
        return f"{self.mean:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def interval(
    values: Sequence[float], confidence: float = 0.95, within: tuple[float, float] = (-np.inf, np.inf)
) -> Interval:
    """Mean and confidence interval over seeds: Student's t, for the few values that seeds give.

    The bounds are cut to what the measure can be at all: ``within=(0, 1)`` for a share.

    A training's result depends on its seed; the interval says where the mean of very many seeds would lie.

    >>> interval([90.0, 92.0, 94.0])  # doctest: +ELLIPSIS
    Interval(mean=92.0, low=87.03..., high=96.96...)

    Raises
    ------
    UserError
        There are fewer than two values.
    """
    from scipy import stats

    numbers = np.asarray(values, dtype=float)
    if len(numbers) < 2:
        raise UserError(f"An interval needs at least two values, and there are {len(numbers)}; run more seeds.")
    mean = float(numbers.mean())
    error = float(numbers.std(ddof=1)) / len(numbers) ** 0.5
    reach = float(stats.t.ppf((1 + confidence) / 2, len(numbers) - 1)) * error
    return Interval(mean, max(within[0], mean - reach), min(within[1], mean + reach))


def bootstrap(
    items: Sequence[Any] | np.ndarray,
    statistic: Callable[[Any], float] = lambda chosen: float(np.mean(chosen)),
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """Value and percentile interval over test items: what other items of the same kind might have given.

    Parameters
    ----------
    items
        One entry for each test item: a score, or whatever ``statistic`` reads.
    statistic
        From a resample of the items (an array, or a list where the items are no numbers) to a number.
    resamples, seed, confidence
        How many test sets are drawn, with replacement, of what seed, and what share of them the interval holds.

    Raises
    ------
    UserError
        There are no items.

    References
    ----------
    Efron & Tibshirani 1993, *An Introduction to the Bootstrap*, chapter 13.
    """
    if not len(items):
        raise UserError("There are no items to draw from; give at least one.")
    rng = np.random.default_rng(seed)
    is_array = isinstance(items, np.ndarray) or isinstance(items[0], int | float | np.number)
    pool: Any = np.asarray(items) if is_array else list(items)

    def drawn() -> Any:
        chosen = rng.integers(len(pool), size=len(pool))
        return pool[chosen] if is_array else [pool[i] for i in chosen]

    values = [statistic(drawn()) for _ in range(resamples)]
    low, high = np.quantile(values, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(statistic(pool)), float(low), float(high))


def write_results(
    name: str, content: dict[str, Any], packages: Sequence[str] = ("keras", "numpy", "tensorflow")
) -> Path:
    """Write what a benchmark found, with the machine and the versions it ran on; give the file."""
    about = {
        "machine": {
            "processor": platform.machine(),
            "system": platform.system(),
            "cores": os.cpu_count(),
            "threads": os.environ.get("TF_NUM_INTRAOP_THREADS", "all"),
        },
        "versions": {"python": platform.python_version()} | {package: version(package) for package in packages},
    }
    path = FOLDER / f"{name}.json"
    write_atomically(path, json.dumps(content | about, indent=1, ensure_ascii=False) + "\n")
    return path


def read_results(name: str) -> dict[str, Any]:
    """What ``write_results`` wrote.

    Raises
    ------
    UserError
        There is no such file: its benchmark was never run.
    """
    found: dict[str, Any] = read_json(FOLDER / f"{name}.json", f"the results of benchmarks/{name}.py")
    return found
