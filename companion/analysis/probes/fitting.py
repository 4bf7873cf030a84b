"""Probes and single cells: fitted to labels, and scored with an interval."""

from typing import NamedTuple

import numpy as np

from companion.errors import UserError
from companion.evaluation import Interval, bootstrap, ratio_of_sums

Array = np.ndarray

ALPHA = 100.0  # penalty of the probes' ridge regression: from 30 to 300, scores change by less than a point


class Probe(NamedTuple):
    """A linear function of standardised features, ``((x - mean) / spread) @ weights + offset``."""

    mean: Array
    spread: Array
    weights: Array
    offset: float

    def __call__(self, x: Array) -> Array:
        """The probe's answer for features ``(..., features)``: a number, or yes where it is above 0."""
        slope = self.weights / self.spread
        return x @ slope + (self.offset - self.mean @ slope)


def fit_probe(x: Array, labels: Array, alpha: float = ALPHA) -> Probe:
    """Ridge regression from features to a number, or to −1 and 1 with equal weight for both classes.

    Parameters
    ----------
    x
        ``(..., features)``.
    labels
        ``(...)``; places where it is nan are left out. If all labels are 0 or 1, they mean no and yes.
    alpha
        The penalty on large weights.

    Raises
    ------
    UserError
        The shapes don't match, or no two labels differ.
    """
    from sklearn.linear_model import Ridge

    x, y = _examples(x, labels)
    sample_weight = None
    if is_yes_no(y):
        sample_weight = np.where(y > 0, 0.5 / y.mean(), 0.5 / (1 - y.mean()))
        y = 2 * y - 1
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-6
    ridge = Ridge(alpha, solver="cholesky").fit((x - mean) / spread, y.astype(x.dtype), sample_weight)
    return Probe(mean, spread, ridge.coef_, float(ridge.intercept_))


def is_yes_no(labels: Array) -> bool:
    """Whether all known labels are 0 or 1."""
    known = labels[np.isfinite(labels)]
    return bool(np.isin(known, (0, 1)).all())


def probe_score(labels: Array, said: Array) -> float:
    """How well a probe does: balanced accuracy for yes and no, R² for a number. Places whose label is nan don't count.

    Balanced accuracy is the mean of two shares, of the yes places called yes and of the no places called no: 0.5 for
    guessing. R² is the share of the variance that is explained: 0 for always saying the mean.

    >>> probe_score(np.array([1.0, 1, 0, 0]), np.array([2.0, -1, -3, -1]))
    0.75
    """
    said, y = _known(said, labels)
    if is_yes_no(y):
        return float(((said[y == 1] > 0).mean() + (said[y == 0] <= 0).mean()) / 2)
    return float(1 - ((y - said) ** 2).mean() / y.var())


def score_interval(labels: Array, said: Array, resamples: int = 200, seed: int = 0) -> Interval:
    """`probe_score` and its 95% interval, for which whole passages are drawn.

    Neighbouring characters aren't independent examples; distant passages nearly are.

    Parameters
    ----------
    labels, said
        ``(passages, length)``.
    resamples, seed
        As in `companion.evaluation.bootstrap`.
    """
    if is_yes_no(labels):  # the same scores, from each passage's counts
        yes, no = labels == 1, labels == 0
        counts = np.stack([yes & (said > 0), yes, no & (said <= 0), no], axis=-1).sum(axis=1)
        return bootstrap(counts, lambda of: (ratio_of_sums(of[:, :2]) + ratio_of_sums(of[:, 2:])) / 2, resamples, seed)
    passages = np.arange(len(labels))
    return bootstrap(passages, lambda rows: probe_score(labels[rows], said[rows]), resamples, seed)


def mean_interval(values: Array, counted: Array, resamples: int = 200, seed: int = 0) -> Interval:
    """The mean of the counted values and its 95% interval, for which whole passages are drawn.

    Parameters
    ----------
    values, counted
        ``(passages, length)``; ``counted`` is true where a value counts.
    resamples, seed
        As in `companion.evaluation.bootstrap`.
    """
    totals = np.stack([np.where(counted, values, 0).sum(axis=1), counted.sum(axis=1)], axis=1)
    return bootstrap(totals, ratio_of_sums, resamples, seed)


class Cells(NamedTuple):
    """The best answer of each cell alone, ``slope * state + offset``, and its score; each ``(units,)``."""

    slope: Array
    offset: Array
    scores: Array

    def ranked(self) -> Array:
        """The cells, best first."""
        return np.argsort(-self.scores, kind="stable")

    def says(self, unit: int, states: Array) -> Array:
        """One cell's answer at each place, to be scored like a probe's."""
        return self.slope[unit] * states[..., unit] + self.offset[unit]


def fit_cells(states: Array, labels: Array) -> Cells:
    """The best threshold (yes and no) or straight line (a number) for each cell, and its `probe_score`.

    Parameters
    ----------
    states
        ``(..., units)``.
    labels
        As in `fit_probe`.

    Raises
    ------
    UserError
        As in `fit_probe`.
    """
    x, y = _examples(states, labels)
    if not is_yes_no(y):
        centred = x - x.mean(axis=0)
        covariance, variance = centred.T @ (y - y.mean()) / len(y), centred.var(axis=0) + 1e-12
        slope = covariance / variance
        return Cells(slope, y.mean() - slope * x.mean(axis=0), covariance**2 / variance / y.var())
    rows = [best_threshold(x[:, unit], y) for unit in range(x.shape[1])]
    return Cells(*np.array(rows).T)


def best_threshold(x: Array, y: Array) -> tuple[float, float, float]:
    """Slope (1 or −1), offset and balanced accuracy of the best cut: yes where ``slope * x + offset`` is above 0.

    Parameters
    ----------
    x, y
        Numbers, and their labels 0 and 1, ``(places,)``.

    Examples
    --------
    >>> best_threshold(np.array([0.0, 1.0, 2.0, 4.0]), np.array([0.0, 0.0, 1.0, 1.0]))
    (1.0, -1.5, 1.0)
    """
    order = np.argsort(x)  # the order of equal values doesn't matter: there is no cut between them
    ranked, yes = x[order], y[order]
    share_yes, share_no = np.cumsum(yes) / yes.sum(), np.cumsum(1 - yes) / (1 - yes).sum()
    above = (1 - share_yes + share_no) / 2  # balanced accuracy of "yes above the cut after place k"
    possible = np.flatnonzero(np.diff(ranked, append=np.inf) > 0)  # no cut between equal values
    place = possible[np.abs(above[possible] - 0.5).argmax()]
    cut = (ranked[place] + ranked[min(place + 1, len(ranked) - 1)]) / 2
    sign = 1.0 if above[place] >= 0.5 else -1.0
    return sign, float(-sign * cut), float(max(above[place], 1 - above[place]))


def _known(x: Array, labels: Array) -> tuple[Array, Array]:
    if x.shape[: labels.ndim] != labels.shape:
        raise UserError(f"The features have shape {x.shape} and the labels {labels.shape}; give each place one label.")
    known = np.isfinite(labels)
    return x[known], labels[known]


def _examples(x: Array, labels: Array) -> tuple[Array, Array]:
    """The places with known labels; raise a `UserError` unless there is something to learn."""
    x, y = _known(x, labels)
    if not len(y) or np.ptp(y) == 0:
        raise UserError("A probe needs at least two different labels to learn from; here there is one or none.")
    return x, y
