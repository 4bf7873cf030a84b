"""Checks of the exercises of *Generative or discriminative?*"""

from collections.abc import Callable
from typing import Any

import numpy as np

from companion.exercises import Wrong, call, exercise, show


@exercise("generative-bayes", asks="a function of (log_likelihoods, prior) that gives an array of probabilities")
def bayes(answer: Callable[..., Any]) -> str:
    for log_likelihoods, prior in [
        ([-3.0, -4.0], [0.5, 0.5]),
        ([-3.0, -4.0], [0.1, 0.9]),
        ([-4.0, -3.0, -5.0], [0.2, 0.3, 0.5]),
        ([-4000.0, -4001.0], [0.5, 0.5]),
    ]:
        likelihoods, priors = np.array(log_likelihoods), np.array(prior)
        with np.errstate(all="ignore"):
            got = call(answer, likelihoods, priors)
        expected = _normalised(likelihoods + np.log(priors))
        try:
            values = np.asarray(got, dtype=float)
        except (TypeError, ValueError):
            values = np.array(np.nan)
        if values.shape == expected.shape and np.allclose(values, expected):
            continue
        slips = [
            (_normalised(likelihoods), "the prior counts too: add its logarithm"),
            (_normalised(likelihoods + priors), "logarithms are added: take the logarithm of the prior"),
            (np.exp(likelihoods) * priors, "divide by the sum, so that the classes sum to 1"),
            (np.log(expected), "give probabilities, not their logarithms"),
        ]
        hint = "add log-likelihood and log-prior, exponentiate, divide by the sum"
        if values.shape == expected.shape:
            hint = next((text for value, text in slips if np.allclose(values, value)), hint)
            if not np.isfinite(values).all() or not values.any():
                hint = "e to the -4000 is 0 in floats: subtract the largest logarithm first"
        given = f"log-likelihoods {show(likelihoods)} and prior {show(priors)}"
        raise Wrong(f"for {given} it gives {show(got)}", hint=hint)
    return "two models and a prior make a classifier, however long the text"


def _normalised(joint: np.ndarray) -> np.ndarray:
    p = np.exp(joint - joint.max())
    return p / p.sum()


def _step(context: list[str]) -> dict[str, float]:
    """A classifier that looks at all of the context: the more *ha* there is, the sooner it ends."""
    end = 0.1 + 0.2 * min(context.count("ha"), 4)
    ha = 0.5 * (1 - end) if context[-1:] == ["ha"] else 0.25 * (1 - end)
    return {"ha": ha, "alas": 1 - end - ha, ".": end}


@exercise("generative-text", asks="a function of (step, tokens) that gives a probability")
def text(answer: Callable[..., Any]) -> str:
    for tokens in ([], ["ha"], ["ha", "alas"], ["ha", "ha", "alas", "ha"]):
        got = call(answer, _step, list(tokens))
        steps = [_step(tokens[:t])[token] for t, token in enumerate([*tokens, "."])]
        expected = float(np.prod(steps))
        if np.ndim(got) == 0 and np.isclose(float(got), expected):
            continue
        alone = [_step(tokens[max(t - 1, 0) : t])[token] for t, token in enumerate([*tokens, "."])]
        slips = [
            (np.prod(steps[:-1]), "the text ends after these tokens: the end is a step too"),
            (np.log(steps).sum(), "this is the logarithm; return the probability"),
            (sum(steps), "multiply the steps, don't add them"),
            (np.prod(alone), "give each step all the tokens before it, not only the last"),
        ]
        hint = next(
            (hint for value, hint in slips if np.ndim(got) == 0 and np.isclose(float(got), value)),
            "one factor per token, each given all the tokens before it, and one for the end",
        )
        raise Wrong(f"for tokens {show(tokens)} it gives {show(got)}", hint=hint)
    return "a product of classifiers is the probability of a text"


@exercise("generative-prior", asks="a function of (p, old, new) that gives a probability")
def prior(answer: Callable[..., Any]) -> str:
    for p, old, new in [(0.9, 0.5, 0.5), (0.9, 0.5, 0.1), (0.3, 0.2, 0.6), (0.5, 0.5, 0.01)]:
        got = call(answer, p, old, new)
        expected = _shifted(p, old, new)
        if np.ndim(got) == 0 and np.isclose(float(got), expected):
            continue
        slips = [
            (p * new / old, "the other class changes too: let both sum to 1"),
            (p, "the prior has changed: a tragedy is more or less probable than before"),
            (_shifted(p, 0.5, new), "take the old prior out first: divide by it"),
            (_shifted(p, new, old), "divide by the old prior and multiply by the new one"),
        ]
        hint = next(
            (hint for value, hint in slips if np.ndim(got) == 0 and np.isclose(float(got), value)),
            "both classes are reweighted by new over old prior, then divided by their sum",
        )
        raise Wrong(f"for p {p}, old {old} and new {new} it gives {show(got)}", hint=hint)
    return "a prior can be exchanged after training"


def _shifted(p: float, old: float, new: float) -> float:
    one, other = p * new / old, (1 - p) * (1 - new) / (1 - old)
    return one / (one + other)
