"""A scaling law: the loss of a model of N parameters that has read D tokens.

    L(N, D) = E + A / N^alpha + B / D^beta

E is the loss that no model of this kind can go below on this text, the second term is what a small model can't express,
and the third is what a short text (or training run) doesn't show (Hoffmann et al. 2022, equation 2). Chapter:
*compute*.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from companion.errors import UserError

Numbers = npt.ArrayLike
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Law:
    """The five numbers of the law, and what follows from them.

    Examples
    --------
    >>> law = Law(E=1.0, A=100.0, alpha=0.5, B=1000.0, beta=0.5)
    >>> float(law(10_000, 1_000_000))  # 1 + 100 / 100 + 1000 / 1000
    3.0
    """

    E: float
    A: float
    alpha: float
    B: float
    beta: float

    def __call__(self, parameters: Numbers, tokens: Numbers) -> FloatArray:
        """The loss, in the unit of the losses that the law was fitted to."""
        n, d = np.asarray(parameters, dtype=float), np.asarray(tokens, dtype=float)
        return self.E + self.A / n**self.alpha + self.B / d**self.beta

    def best_split(self, flops: Numbers) -> tuple[FloatArray, FloatArray]:
        """Parameters and tokens with the least loss for ``flops`` operations, 6 for each parameter and token.

        With N D = flops / 6 held fixed, the loss is least where alpha A / N^alpha = beta B / D^beta.

        >>> n, d = Law(1.0, 100.0, 0.5, 100.0, 0.5).best_split(6e12)
        >>> round(float(n)), round(float(d))
        (1000000, 1000000)
        """
        product = np.asarray(flops, dtype=float) / 6
        n = (self.alpha * self.A / (self.beta * self.B) * product**self.beta) ** (1 / (self.alpha + self.beta))
        return n, product / n

    @classmethod
    def fit(cls, parameters: Numbers, tokens: Numbers, losses: Numbers, near: Self | None = None) -> Self:
        """The law nearest to some runs, by the logarithms of their losses.

        Small errors count by their squares, those above one percent by their size (Huber's loss, as in Hoffmann et
        al. 2022), so that a run that went wrong doesn't distort the law.

        Parameters
        ----------
        parameters, tokens, losses
            One of each for every run, ``(runs,)`` each.
        near
            A law to start from, such as the law of nearly the same runs; by default the best of several starts is
            taken.

        Raises
        ------
        UserError
            There are fewer than six runs, columns of different lengths, or a number that isn't above 0 and finite.
        """
        from scipy.optimize import least_squares

        n, d, loss = _runs(parameters, tokens, losses)
        log_n, log_d, log_loss = np.log(n), np.log(d), np.log(loss)

        def terms(x: FloatArray) -> FloatArray:
            log_e, log_a, alpha, log_b, beta = x
            return np.stack([np.full_like(log_n, log_e), log_a - alpha * log_n, log_b - beta * log_d])

        def residuals(x: FloatArray) -> FloatArray:
            found: FloatArray = np.logaddexp.reduce(terms(x)) - log_loss
            return found

        def slopes(x: FloatArray) -> FloatArray:
            logs = terms(x)
            e, a, b = np.exp(logs - np.logaddexp.reduce(logs))  # each term's share of the loss
            return np.stack([e, a, -a * log_n, b, -b * log_d], axis=1)

        # E is above a hundredth of the least loss, and the exponents between 0 and 2: wide, and no overflow.
        low = [np.log(loss.min() / 100), -10, 0.01, -10, 0.01]
        high = [np.log(loss.min()), 30, 2, 30, 2]
        starts = [
            [np.log(share * loss.min()), slope * log_n.mean(), slope, slope * log_d.mean(), slope]
            for share in (0.3, 0.9)
            for slope in (0.2, 0.6)
        ]
        if near:
            known = [np.log(near.E), np.log(near.A), near.alpha, np.log(near.B), near.beta]
            starts = [np.clip(known, low, high).tolist()]
        fits = [
            least_squares(residuals, start, jac=slopes, bounds=(low, high), loss="huber", f_scale=0.01)
            for start in starts
        ]
        log_e, log_a, alpha, log_b, beta = min(fits, key=lambda fit: float(fit.cost)).x
        return cls(float(np.exp(log_e)), float(np.exp(log_a)), float(alpha), float(np.exp(log_b)), float(beta))


def _runs(parameters: Numbers, tokens: Numbers, losses: Numbers) -> tuple[FloatArray, FloatArray, FloatArray]:
    """The three columns as arrays; raise a `UserError` unless a law can be fitted to them."""
    n, d, loss = (np.atleast_1d(np.asarray(column, dtype=float)) for column in (parameters, tokens, losses))
    if not n.shape == d.shape == loss.shape or loss.ndim != 1:
        raise UserError(
            f"Parameters, tokens and losses have shapes {n.shape}, {d.shape} and {loss.shape}; expected one of each "
            "for every run."
        )
    if len(loss) < 6:
        raise UserError(f"There are {len(loss)} runs, but the law has five numbers; give at least six runs.")
    if not all(np.isfinite(column).all() and column.min() > 0 for column in (n, d, loss)):
        raise UserError("Parameters, tokens and losses should all be above 0, and finite.")
    return n, d, loss


def resampled(parameters: Numbers, tokens: Numbers, losses: Numbers, resamples: int = 200, seed: int = 0) -> list[Law]:
    """Laws fitted to resampled runs, which show how sure the fitted numbers are (Efron 1979).

    Runs are drawn with replacement, again if fewer than six differ. Each fit starts from the law of all runs.

    Raises
    ------
    UserError
        As in `Law.fit`.
    """
    n, d, loss = _runs(parameters, tokens, losses)
    rng = np.random.default_rng(seed)
    of_all = Law.fit(n, d, loss)
    laws: list[Law] = []
    while len(laws) < resamples:
        drawn = rng.integers(len(loss), size=len(loss))
        if len(set(drawn.tolist())) >= 6:
            laws.append(Law.fit(n[drawn], d[drawn], loss[drawn], near=of_all))
    return laws
