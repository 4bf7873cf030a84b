"""From logits to one token: softmax, temperature, top-k, top-p, and the draw.

All are pure functions over the last axis, which is the vocabulary; a `Sampler` puts them together. Chapter:
*generation*.
"""

import math
import numbers
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from companion.errors import UserError


def softmax(logits: npt.ArrayLike) -> np.ndarray:
    """Probabilities from logits, over the last axis.

    >>> softmax(np.log([1.0, 2.0, 1.0]))
    array([0.25, 0.5 , 0.25])
    """
    logits = _numbers(logits)
    return _renormalise(np.exp(logits - logits.max(axis=-1, keepdims=True)))


def log_softmax(logits: npt.ArrayLike) -> np.ndarray:
    """Log-probabilities in nats from logits, over the last axis; an impossible token keeps minus infinity."""
    logits = _numbers(logits)
    shifted = logits - np.max(logits, axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def apply_temperature(logits: npt.ArrayLike, temperature: float) -> np.ndarray:
    """Logits divided by the temperature: below 1, probable tokens become more probable; above 1, less.

    Logits are returned with their maximum at 0, which changes no probability and can't overflow. Near a temperature
    of 0, all tokens but the most probable become impossible.

    >>> softmax(apply_temperature(np.log([0.5, 0.25, 0.25]), 0.5))
    array([0.66666667, 0.16666667, 0.16666667])

    Raises
    ------
    UserError
        The temperature isn't a number above 0.
    """
    _check_temperature(temperature)
    logits = _numbers(logits)
    return _divided(logits - logits.max(axis=-1, keepdims=True), temperature)


def keep_top_k(probabilities: npt.ArrayLike, k: int) -> np.ndarray:
    """The k most probable tokens, renormalised; all others get probability 0 (Fan et al. 2018, section 5.4).

    Of equally probable tokens those with the lower ids are kept, so that exactly k are left (all, if there are fewer).

    >>> keep_top_k(np.array([0.5, 0.3, 0.1, 0.1]), 2)
    array([0.625, 0.375, 0.   , 0.   ])

    Raises
    ------
    UserError
        ``k`` isn't a whole number of at least 1.
    """
    _check_top_k(k)
    return _top_k(_numbers(probabilities), k)


def keep_top_p(probabilities: npt.ArrayLike, p: float) -> np.ndarray:
    """The nucleus, renormalised: the fewest most probable tokens that together have probability p or more.

    Holtzman et al. 2020, section 3.1. Of equally probable tokens the lower id comes first; p = 1 keeps every token.

    >>> keep_top_p(np.array([0.5, 0.3, 0.1, 0.1]), 0.75)
    array([0.625, 0.375, 0.   , 0.   ])

    Raises
    ------
    UserError
        ``p`` isn't above 0 and at most 1.
    """
    _check_top_p(p)
    return _top_p(_numbers(probabilities), p)


def draw(probabilities: npt.ArrayLike, rng: np.random.Generator) -> np.ndarray:
    """One id for each distribution, with exactly its probabilities: where a uniform number falls in the cumulative sum.

    Parameters
    ----------
    probabilities
        ``(..., vocab)``; each distribution sums to 1 up to rounding.
    rng
        ``np.random.default_rng(seed)``.

    Returns
    -------
    np.ndarray
        ``(...)`` integer ids; a token of probability 0 is never drawn.

    Raises
    ------
    UserError
        A distribution sums to 0, or holds nan or infinity.
    """
    cumulative = _numbers(probabilities).cumsum(axis=-1)
    total = cumulative[..., -1:]
    if not (np.isfinite(total) & (total > 0)).all():
        raise UserError("Nothing can be drawn from these probabilities: each row should sum to 1.")
    return _drawn(cumulative, rng)


@runtime_checkable
class Choosing(Protocol):
    """What chooses tokens: a `Sampler`, or an object of your own with this method."""

    def choose(self, logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """An id for each row of logits ``(batch, vocab_size)``: ``(batch,)``."""


@dataclass(frozen=True)
class Sampler:
    """How the next token is chosen from the logits: temperature first, then top-k, then top-p of what is left.

    Attributes
    ----------
    temperature
        Above 0; 1 leaves the model's distribution as it is.
    top_k
        Keep the k most probable tokens; ``None`` keeps all.
    top_p
        Keep the nucleus of this probability; ``None`` or 1 keeps all.
    greedy
        Take the most probable token every time (the lowest id of equals). The other settings don't change which
        token that is.

    Raises
    ------
    UserError
        A setting is out of its range.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    greedy: bool = False

    def __post_init__(self) -> None:
        _check_temperature(self.temperature)
        if self.top_k is not None:
            _check_top_k(self.top_k)
        if self.top_p is not None:
            _check_top_p(self.top_p)
        if not isinstance(self.greedy, bool | np.bool_):
            raise UserError(f"greedy should be True or False, but it is {self.greedy!r}.")

    def probabilities(self, logits: npt.ArrayLike) -> np.ndarray:
        """What the next token is drawn from: float64, the shape of the logits, summing to 1 over the last axis."""
        if self.greedy:
            logits = check_logits(logits)
            best = np.argmax(logits, axis=-1, keepdims=True)
            return (np.arange(logits.shape[-1]) == best).astype(np.float64)
        probabilities = _renormalise(self._weights(logits))
        if self.top_k is not None:
            probabilities = _top_k(probabilities, self.top_k)
        if self.top_p is not None:
            probabilities = _top_p(probabilities, self.top_p)
        return probabilities

    def choose(self, logits: npt.ArrayLike, rng: np.random.Generator) -> np.ndarray:
        """The next ids, ``(...)``, for logits ``(..., vocab)``.

        Raises
        ------
        UserError
            No token can be chosen: see `check_logits`.
        """
        if self.greedy:
            return np.argmax(check_logits(logits), axis=-1)
        cut = self.top_k is not None or self.top_p is not None
        weights = self.probabilities(logits) if cut else self._weights(logits)  # a draw needs no sum of 1
        return _drawn(weights.cumsum(axis=-1), rng)

    def _weights(self, logits: npt.ArrayLike) -> np.ndarray:
        """The probabilities at this temperature times a number: the highest of each row is 1."""
        shifted = _numbers(logits).astype(np.float64)
        shifted -= _highest(shifted)
        if self.temperature != 1:
            shifted = _divided(shifted, self.temperature)
        return np.exp(shifted, out=shifted)


def check_logits(logits: npt.ArrayLike) -> np.ndarray:
    """The logits as an array; raise a `UserError` unless the highest of each row is a finite number."""
    logits = _numbers(logits)
    _highest(logits)
    return logits


def is_number(value: Any) -> bool:
    """Whether this is a real number, which may be nan or infinite."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Whether this is an integer, Python's or NumPy's; True and False aren't."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _numbers(values: npt.ArrayLike) -> np.ndarray:
    array = np.asarray(values)
    if not array.size or not array.ndim or array.dtype.kind not in "fiu":
        raise UserError(
            f"Expected logits or probabilities, numbers with the vocabulary on the last axis; these are "
            f"{array.dtype} of shape {array.shape}."
        )
    return array


# What follows checks no setting: a sampler's are checked once, when it is made, and a step may take a hundredth of a
# millisecond. For the same reason an array that nobody else has is changed in place.


def _highest(logits: np.ndarray) -> np.ndarray:
    """The highest of each row, ``(..., 1)``; see `check_logits`."""
    highest = logits.max(axis=-1, keepdims=True)
    if not all(map(math.isfinite, highest.ravel().tolist())):
        raise UserError(
            "No token can be chosen: the model's logits are nan or infinite, or every token is banned. Has its "
            "training diverged? Train it again with a smaller learning rate."
        )
    return highest


def _divided(shifted: np.ndarray, temperature: float) -> np.ndarray:
    with np.errstate(over="ignore"):  # a logit below the smallest number becomes minus infinity, as it should
        return shifted / temperature


def _top_k(probabilities: np.ndarray, k: int) -> np.ndarray:
    places = probabilities.shape[-1]
    if k >= places:
        return _renormalise(probabilities.copy())
    lowest = np.partition(probabilities, places - k, axis=-1)[..., places - k, None]
    return _from(lowest, probabilities, np.arange(places) < k)


def _top_p(probabilities: np.ndarray, p: float) -> np.ndarray:
    if p == 1:
        return probabilities
    ranked = np.sort(probabilities, axis=-1)[..., ::-1]
    before = ranked.cumsum(axis=-1)
    before -= ranked
    needed = before < p - 1e-12  # so that 0.6 + 0.3 counts as 0.9
    needed[..., 0] = True
    lowest = ranked.min(axis=-1, keepdims=True, where=needed, initial=np.inf)
    return _from(lowest, probabilities, needed)


def _from(lowest: np.ndarray, probabilities: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """Probabilities of at least ``lowest``, renormalised; of equals, as many as are ``needed``, lower ids first.

    ``needed`` is true for each rank that is kept, ``(..., vocab)`` or ``(vocab,)``.
    """
    kept = probabilities >= lowest
    if np.count_nonzero(kept) * needed.size != np.count_nonzero(needed) * kept.size:
        above = probabilities > lowest
        equal = kept & ~above
        open_places = needed.sum(axis=-1, keepdims=True) - above.sum(axis=-1, keepdims=True)
        kept = above | (equal & (equal.cumsum(axis=-1) <= open_places))
    return _renormalise(probabilities * kept)


def _renormalise(weights: np.ndarray) -> np.ndarray:
    return weights / weights.sum(axis=-1, keepdims=True)


def _drawn(cumulative: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The first place of each row whose cumulative sum lies above a uniform number: see `draw`."""
    point = rng.random(cumulative.shape[:-1])[..., None] * cumulative[..., -1:]
    return (cumulative > point).argmax(axis=-1)


def _check_temperature(temperature: float) -> None:
    if not is_number(temperature) or not 0 < temperature < math.inf:
        raise UserError(
            f"The temperature should be a number above 0, such as 0.8, but it is {temperature!r}; "
            "to take the most probable token every time, ask for greedy instead."
        )


def _check_top_k(k: int) -> None:
    if not is_whole(k) or k < 1:
        raise UserError(f"top_k should be a whole number from 1, but it is {k!r}; leave it out to keep every token.")


def _check_top_p(p: float) -> None:
    if not is_number(p) or not 0 < p <= 1:
        raise UserError(f"top_p should be above 0 and at most 1, but it is {p!r}; 1 keeps every token.")
