"""Gradient descent for the NumPy networks: clipping by length, and Adam.

Weights and gradients are dictionaries of arrays with the same names. Chapters: *recurrence*, *gates*, *learning*;
the Keras models are trained by `companion.training`.
"""

from collections.abc import Mapping

import numpy as np

Arrays = Mapping[str, np.ndarray]


def length(gradients: Arrays) -> float:
    """The length (Euclidean norm) of all the numbers together.

    >>> length({"W": np.array([[3.0]]), "b": np.array([4.0])})
    5.0
    """
    return float(np.sqrt(sum((gradient**2).sum() for gradient in gradients.values())))


def clip(gradients: Arrays, longest: float) -> dict[str, np.ndarray]:
    """The gradients, scaled down to the length ``longest`` if they are longer (Pascanu et al. 2013).

    >>> clip({"W": np.array([[3.0]]), "b": np.array([4.0])}, longest=1.0)
    {'W': array([[0.6]]), 'b': array([0.8])}
    """
    factor = min(1.0, longest / max(length(gradients), 1e-12))
    return {name: factor * gradient for name, gradient in gradients.items()}


class Adam:
    """The method of Kingma & Ba 2015: each weight moves by about the learning rate, whatever its gradient's size.

    Parameters
    ----------
    weights
        Changed in place by `step`.
    mean_decay, square_decay
        Of the running averages of the gradient and of its square.
    """

    def __init__(self, weights: Arrays, mean_decay: float = 0.9, square_decay: float = 0.999):
        self.weights = weights
        self.decays = (mean_decay, square_decay)
        self.mean = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self.square = {name: np.zeros_like(weight) for name, weight in weights.items()}
        self.steps = 0

    def step(self, gradients: Arrays, learning_rate: float) -> None:
        """Move every weight against its gradient."""
        self.steps += 1
        (d_1, d_2), n = self.decays, self.steps
        for name, weight in self.weights.items():
            self.mean[name] = d_1 * self.mean[name] + (1 - d_1) * gradients[name]
            self.square[name] = d_2 * self.square[name] + (1 - d_2) * gradients[name] ** 2
            mean, square = self.mean[name] / (1 - d_1**n), self.square[name] / (1 - d_2**n)
            weight -= learning_rate * mean / (np.sqrt(square) + 1e-8)
