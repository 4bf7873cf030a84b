"""Whether a backward pass is right: its gradients against finite differences. Chapter: *learning*."""

from collections.abc import Callable, Mapping

import numpy as np

from companion.cells.cells import Array, expect
from companion.errors import UserError


def gradient_check(
    loss: Callable[[dict[str, Array]], float],
    values: Mapping[str, Array],
    gradients: Mapping[str, Array],
    step: float = 1e-5,
) -> dict[str, float]:
    """How far gradients are from finite differences: (L(v + step) - L(v - step)) / (2 step) for every number v.

    Parameters
    ----------
    loss
        From a dictionary like ``values`` to the loss, a number.
    values
        The arrays the loss depends on, by name; checked in float64, and left as they are.
    gradients
        The gradients to check, by the same names; others are ignored.
    step
        How far each number is moved: smaller, and the loss's rounding shows; larger, and its curvature does.

    Returns
    -------
    dict
        By name, the length of the difference of the two gradients over the length of the longer one: below 1e-6
        where the gradient is right (in float64), and far above it where a factor or a sign is wrong.

    Raises
    ------
    UserError
        A gradient is missing or has another shape than its array.

    Examples
    --------
    >>> values = {"w": np.array([1.0, 2.0])}
    >>> errors = gradient_check(lambda v: float((v["w"] ** 2).sum()), values, {"w": 2 * values["w"]})
    >>> errors["w"] < 1e-9
    True
    """
    moved = {name: np.array(value, dtype=np.float64) for name, value in values.items()}
    errors = {}
    for name, value in moved.items():
        if name not in gradients:
            raise UserError(f"There is no gradient for {name}; there are gradients for {', '.join(gradients)}.")
        given = expect(f"the gradient of {name}", gradients[name], value.shape, f"the shape of {name}")
        measured = np.empty_like(value)
        for place in np.ndindex(value.shape):
            kept = value[place]
            value[place] = kept + step
            above = loss(moved)
            value[place] = kept - step
            below = loss(moved)
            value[place] = kept
            measured[place] = (above - below) / (2 * step)
        longer = max(np.linalg.norm(given), np.linalg.norm(measured))
        errors[name] = float(np.linalg.norm(given - measured) / longer) if longer else 0.0
    return errors
