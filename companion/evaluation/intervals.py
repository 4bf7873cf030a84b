"""How sure a number is: intervals over seeds, items, groups of items, and rows and columns at once.

=======================  =========================================================================
`interval`               a few seeds, each one number: Student's t
`bootstrap`              independent test items: items are drawn
`group_bootstrap`        items of one group (passages of one play) belong together: groups are drawn
`crossed_bootstrap`      a table (seeds by templates): rows and columns are drawn
=======================  =========================================================================

A bootstrap [1]_ draws as many items as there are, with replacement, many times, and computes the statistic of each
draw. Its interval is the plain percentile one: of 1,000 sorted statistics, it leaves out the lowest 25 and highest 25.
Draws whose statistic is nan are left out.

References
----------
.. [1] Efron & Tibshirani 1993, *An Introduction to the Bootstrap*, chapter 13.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from companion.errors import UserError, check_sizes

Array = np.ndarray


class Interval(NamedTuple):
    """A number and the bounds of its confidence interval.

    Attributes
    ----------
    mean
        The number: a mean, unless another statistic was asked for.
    low, high
        The bounds, of a 95% interval unless another confidence was asked for.
    """

    mean: float
    low: float
    high: float

    def text(self, digits: int = 1) -> str:
        """The interval as text.

        >>> Interval(91.26, 89.5, 93.04).text()
        '91.3 (89.5 to 93.0)'
        """
        return f"{self.mean:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


def mean(values: npt.ArrayLike) -> float:
    """The mean of numbers; nan if there are none."""
    values = np.asarray(values, dtype=float)
    return float(values.mean()) if values.size else np.nan


def correlation(x: Sequence[float] | Array, y: Sequence[float] | Array) -> float:
    """Pearson's correlation of two lists of numbers; nan if all numbers of one are equal, or there are none.

    >>> correlation([1, 2, 3], [2, 4, 6])
    1.0
    """
    return float(np.corrcoef(x, y)[0, 1]) if _varies(x) and _varies(y) else np.nan


def slope(x: Sequence[float] | Array, y: Sequence[float] | Array) -> float:
    """By how much y rises when x rises by 1, by least squares; nan if all x are equal, or there are none.

    >>> slope([1, 2, 3], [2, 4, 6])
    2.0
    """
    return float(np.cov(x, y)[0, 1] / np.var(x, ddof=1)) if _varies(x) else np.nan


def _varies(values: Sequence[float] | Array) -> bool:
    return bool(np.size(values) and np.ptp(values) > 0)


def interval(
    values: Sequence[float] | Array, confidence: float = 0.95, within: tuple[float, float] = (-np.inf, np.inf)
) -> Interval:
    """Mean and confidence interval over seeds: Student's t, for the few values that seeds give.

    The result of a training run depends on its seed; the interval says where the mean over very many seeds would lie.

    Parameters
    ----------
    values
        One number for each seed, ``(seeds,)``.
    confidence
        The share of such intervals that hold that mean.
    within
        The least and the greatest possible value, such as ``(0, 1)`` for a share: the bounds don't go beyond them.

    Examples
    --------
    >>> interval([90.0, 92.0, 94.0])  # doctest: +ELLIPSIS
    Interval(mean=92.0, low=87.03..., high=96.96...)

    Raises
    ------
    UserError
        There are fewer than two values, or ``confidence`` isn't between 0 and 1.
    """
    from scipy import stats

    _check(confidence)
    numbers = np.asarray(values, dtype=float)
    if len(numbers) < 2:
        raise UserError(f"An interval needs at least two values, but there are {len(numbers)}; run more seeds.")
    middle = mean(numbers)
    error = float(numbers.std(ddof=1)) / len(numbers) ** 0.5
    reach = float(stats.t.ppf((1 + confidence) / 2, len(numbers) - 1)) * error
    return Interval(middle, max(within[0], middle - reach), min(within[1], middle + reach))


def bootstrap(
    items: Sequence[Any] | Array,
    statistic: Callable[[Any], float] = mean,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """A statistic and its interval over test items: what other items of the same kind might have given.

    Parameters
    ----------
    items
        One entry for each test item: a score, or whatever ``statistic`` reads. An array has the items along its first
        axis.
    statistic
        From a draw of the items (an array, or a list if the items aren't numbers) to a number.
    resamples, seed, confidence
        The number of draws, their seed, and the share of them that the interval holds.

    Examples
    --------
    >>> bootstrap([1, 1, 1, 0]).text(2)
    '0.75 (0.25 to 1.00)'

    Raises
    ------
    UserError
        There are no items, ``resamples`` is below 1, or ``confidence`` isn't between 0 and 1.
    """
    _check(confidence, resamples)
    if not len(items):
        raise UserError("There are no items to draw from; give at least one.")
    is_array = isinstance(items, np.ndarray) or isinstance(items[0], int | float | np.number)
    pool: Any = np.asarray(items) if is_array else list(items)
    rng = np.random.default_rng(seed)
    drawn = (rng.integers(len(pool), size=len(pool)) for _ in range(resamples))
    draws = (pool[chosen] if is_array else [pool[i] for i in chosen] for chosen in drawn)
    return _percentile(statistic, pool, draws, confidence)


def group_bootstrap(
    values: npt.ArrayLike,
    groups: npt.ArrayLike,
    strata: npt.ArrayLike | None = None,
    resamples: int = 2000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """A mean and its interval if values of one group belong together: whole groups are drawn [1]_.

    Parameters
    ----------
    values
        One number for each item, for example 1 for each passage that was classified correctly, ``(items,)``.
    groups
        The group that each item belongs to (its play), ``(items,)``.
    strata
        The class of each item, ``(items,)``, the same within a group. If given, groups are drawn within their class,
        so that each draw has as many comedies as the real sample.
    resamples, seed, confidence
        As in `bootstrap`.

    Raises
    ------
    UserError
        There are no values, some have no group or class, or a group has values of two classes.

    References
    ----------
    .. [1] Davison & Hinkley 1997, *Bootstrap Methods and their Application*, section 3.8.
    """
    _check(confidence, resamples)
    values, groups = np.asarray(values, dtype=float), np.asarray(groups)
    strata = np.zeros(groups.shape) if strata is None else np.asarray(strata)
    if not values.shape == groups.shape == strata.shape or values.ndim != 1 or not len(values):
        raise UserError(
            f"The values have shape {values.shape}, the groups {groups.shape} and the strata {strata.shape}; "
            "expected one group and one class for each value, and at least one value."
        )
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    of_group = strata[first]
    if (strata != of_group[number]).any():
        raise UserError(f"Group {groups[strata != of_group[number]][0]} has values of two classes; expected one class.")
    totals = np.stack([np.bincount(number, values), np.bincount(number)], axis=1)  # sum and size of each group
    rng = np.random.default_rng(seed)
    members = [np.flatnonzero(of_group == stratum) for stratum in np.unique(of_group)]
    drawn = np.concatenate([rng.choice(some, (resamples, len(some))) for some in members], axis=1)
    return _percentile(ratio_of_sums, totals, (totals[chosen] for chosen in drawn), confidence)


def ratio_of_sums(rows: npt.ArrayLike) -> float:
    """The sum of the first column over that of the second, ``(rows, 2)``; nan if the latter is 0.

    >>> ratio_of_sums([[1, 2], [2, 2]])
    0.75
    """
    above, below = np.asarray(rows).sum(axis=0)
    return float(above / below) if below else np.nan


def crossed_bootstrap(
    tables: Array | tuple[Array, ...],
    statistic: Callable[..., float] = mean,
    cells: Array | None = None,
    resamples: int = 1000,
    seed: int = 0,
    confidence: float = 0.95,
) -> Interval:
    """A statistic of a table and its interval when both rows and columns are drawn.

    The rows may be seeds of training runs, for example, and the columns templates. Drawing single cells would treat
    the numbers of one seed as independent, which they aren't. With very few rows the interval is a little too narrow,
    like every bootstrap's.

    Parameters
    ----------
    tables
        ``(rows, columns)``, or a tuple of several tables of that shape, from which the same rows and columns are drawn.
    statistic
        From the drawn cells of each table, ``(cells,)``, to a number: for one table a function such as `mean`, for two
        one such as `correlation` or `slope`.
    cells
        True for the cells that are used, ``(rows, columns)``; all of them by default.
    resamples, seed, confidence
        As in `bootstrap`.

    Raises
    ------
    UserError
        A table doesn't have two axes with at least two rows and two columns, or the shapes differ.

    References
    ----------
    Owen 2007, *The pigeonhole bootstrap*.
    """
    _check(confidence, resamples)
    several = [np.asarray(table, dtype=float) for table in (tables if isinstance(tables, tuple) else (tables,))]
    chosen = np.ones(several[0].shape, bool) if cells is None else np.asarray(cells, dtype=bool)
    if len(shapes := {table.shape for table in (*several, chosen)}) > 1:
        raise UserError(f"The tables and the choice of cells have shapes {sorted(shapes)}; expected the same for all.")
    if chosen.ndim != 2 or min(chosen.shape) < 2:
        raise UserError(f"The values have shape {chosen.shape}; expected (rows, columns), at least two of each.")

    def of(drawn: tuple[Array, ...]) -> float:
        kept = chosen[drawn]
        return statistic(*(table[drawn][kept] for table in several))

    rows, columns = chosen.shape
    whole = np.ix_(range(rows), range(columns))
    return _percentile(of, whole, _crossed_draws(rows, columns, resamples, seed), confidence)


def _crossed_draws(rows: int, columns: int, resamples: int, seed: int) -> Iterator[tuple[Array, ...]]:
    rng = np.random.default_rng(seed)
    for _ in range(resamples):
        yield np.ix_(rng.integers(rows, size=rows), rng.integers(columns, size=columns))


def _percentile(statistic: Callable[[Any], float], sample: Any, draws: Iterable[Any], confidence: float) -> Interval:
    """The statistic of the sample, and the bounds that hold that share of the draws' statistics."""
    drawn = [statistic(draw) for draw in draws]
    low, high = np.nanquantile(drawn, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Interval(float(statistic(sample)), float(low), float(high))


def _check(confidence: float, resamples: int = 1) -> None:
    check_sizes(resamples=resamples)
    if not 0 < confidence < 1:
        raise UserError(f"The confidence is {confidence}; expected a share between 0 and 1, such as 0.95.")
