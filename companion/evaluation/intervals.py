"""How sure a number is: intervals over seeds, over items, over groups of items, over rows and columns at once."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from companion.errors import UserError

Array = np.ndarray


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


def crossed_interval(
    values: Array,
    statistic: Callable[[Array], float] = lambda table: float(table.mean()),
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """A statistic of a table and its percentile interval when rows and columns are both drawn anew.

    The rows are seeds of training and the columns are templates, say. Resampling single cells would treat all numbers
    of a seed as independent, which they are not. With very few rows the interval is a little narrow, as every
    bootstrap is.

    Parameters
    ----------
    values
        ``(rows, columns)``.
    statistic
        From such a table to a number; the mean by default. Tables that it gives nan for are left out.
    resamples, seed, confidence
        How many tables are drawn, from which seed, and what share of them the interval holds.

    Raises
    ------
    UserError
        The values are no table with at least two rows and two columns.

    References
    ----------
    Owen 2007, *The pigeonhole bootstrap*.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or min(values.shape) < 2:
        raise UserError(f"The values have shape {values.shape}; expected (rows, columns), at least two of each.")
    rng = np.random.default_rng(seed)
    rows, columns = values.shape
    drawn = [
        statistic(values[np.ix_(rng.integers(rows, size=rows), rng.integers(columns, size=columns))])
        for _ in range(resamples)
    ]
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(statistic(values), float(low), float(high))


def correlation(x: Array, y: Array) -> float:
    """Pearson's correlation of two lists of numbers.

    >>> correlation(np.array([1, 2, 3]), np.array([2, 4, 6]))
    1.0
    """
    return float(np.corrcoef(x, y)[0, 1])


def slope(x: Array, y: Array) -> float:
    """By how much y rises when x rises by 1: the slope of the line with the least squares.

    >>> slope(np.array([1, 2, 3]), np.array([2, 4, 6]))
    2.0
    """
    return float(np.cov(x, y)[0, 1] / np.var(x, ddof=1))


def crossed_cells(
    x: Array,
    y: Array,
    chosen: Array,
    statistic: Callable[[Array, Array], float] = correlation,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """How two tables go together in some of their cells, with the interval of `crossed_interval`.

    Whole rows and whole columns are drawn anew, and of each draw the chosen cells are used: all cells of a row share
    what the row brings. A draw in which either table is constant there says nothing, and is left out.

    Parameters
    ----------
    x, y, chosen
        ``(rows, columns)``; which cells are used is true or false in the last.
    statistic
        From the numbers of x and those of y to one number; the correlation by default.
    resamples, seed
        As in `crossed_interval`.
    """
    places = np.arange(chosen.size).reshape(chosen.shape)

    def of(drawn: Array) -> float:
        cells = drawn.astype(int).ravel()
        cells = cells[chosen.ravel()[cells]]
        a, b = x.ravel()[cells], y.ravel()[cells]
        return statistic(a, b) if len(cells) and np.ptp(a) > 0 and np.ptp(b) > 0 else np.nan

    return crossed_interval(places, of, resamples, seed)


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


def group_interval(
    values: npt.ArrayLike,
    groups: npt.ArrayLike,
    strata: npt.ArrayLike | None = None,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
) -> tuple[float, float]:
    """A bootstrap interval for a mean when values of one group belong together: whole groups are drawn again.

    Parameters
    ----------
    values
        One number a passage, for example 1 where the answer was right, ``(n,)``.
    groups
        Which group (play) each belongs to, 0, 1, ..., ``(n,)``.
    strata
        The class of each, ``(n,)``: groups are then drawn within their class, so that each draw has as many comedies
        as the real sample. All values of a group have the same.
    draws, level, seed
        How many samples of groups, the part of their means that lies inside, and the seed.

    References
    ----------
    Efron 1979, *Bootstrap methods*; for clusters: Davison & Hinkley 1997, *Bootstrap Methods and their Application*,
    section 3.8.
    """
    values, groups = np.asarray(values, dtype=float), np.asarray(groups)
    if values.shape != groups.shape or values.ndim != 1 or not len(values):
        raise UserError(
            f"values have shape {values.shape} and groups {groups.shape}; expected one group a value, at least one."
        )
    names, number = np.unique(groups, return_inverse=True)
    sums, sizes = np.bincount(number, values), np.bincount(number)
    of_group = np.zeros(len(names), dtype=int)
    if strata is not None:
        of_group[number] = np.unique(np.asarray(strata), return_inverse=True)[1]
    random = np.random.default_rng(seed)
    members = [np.flatnonzero(of_group == stratum) for stratum in range(of_group.max() + 1)]
    drawn = np.concatenate([random.choice(some, (draws, len(some))) for some in members], axis=1)
    means = sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
