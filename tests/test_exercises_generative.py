"""The checked exercises of *Generative or discriminative?*: plausible wrong answers get a fitting hint."""

import numpy as np
import pytest

from companion.exercises import outcome


def classify(log_likelihoods, prior):
    joint = log_likelihoods + np.log(prior)
    p = np.exp(joint - joint.max())
    return p / p.sum()


def text_probability(step, tokens):
    return float(np.prod([step(tokens[:t])[token] for t, token in enumerate([*tokens, "."])]))


def with_prior(p, old, new):
    one, other = p * new / old, (1 - p) * (1 - new) / (1 - old)
    return one / (one + other)


def test_the_right_answers_pass():
    assert outcome("generative-bayes", classify)
    assert outcome("generative-text", text_probability)
    assert outcome("generative-prior", with_prior)


def naive_exponent(log_likelihoods, prior):
    p = np.exp(log_likelihoods) * prior
    return p / p.sum()


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda ll, prior: classify(ll, np.full(len(ll), 1 / len(ll))), "the prior counts too"),
        (lambda ll, prior: classify(ll, np.exp(prior)), "take the logarithm of the prior"),
        (lambda ll, prior: np.exp(ll) * prior, "divide by the sum"),
        (lambda ll, prior: np.log(classify(ll, prior)), "not their logarithms"),
        (naive_exponent, "subtract the largest"),
        (lambda ll, prior: 0.5, "add log-likelihood and log-prior"),
    ],
)
def test_wrong_posteriors_get_a_fitting_hint(wrong, hint):
    result = outcome("generative-bayes", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1]


def last_word_only(step, tokens):
    return float(np.prod([step(tokens[max(t - 1, 0) : t])[x] for t, x in enumerate([*tokens, "."])]))


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda step, tokens: float(np.prod([step(tokens[:t])[x] for t, x in enumerate(tokens)])), "the end is a step"),
        (lambda step, tokens: float(np.log(text_probability(step, tokens))), "this is the logarithm"),
        (lambda step, tokens: sum(step(tokens[:t])[x] for t, x in enumerate([*tokens, "."])), "multiply the steps"),
        (last_word_only, "not only the last"),
        (lambda step, tokens: 2.0, "one factor per token"),
    ],
)
def test_wrong_text_probabilities_get_a_fitting_hint(wrong, hint):
    result = outcome("generative-text", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1]


@pytest.mark.parametrize(
    ("wrong", "hint"),
    [
        (lambda p, old, new: p * new / old, "let both sum to 1"),
        (lambda p, old, new: p, "the prior has changed"),
        (lambda p, old, new: with_prior(p, 0.5, new), "take the old prior out"),
        (lambda p, old, new: with_prior(p, new, old), "divide by the old prior"),
        (lambda p, old, new: 0.123, "both classes are reweighted"),
    ],
)
def test_wrong_priors_get_a_fitting_hint(wrong, hint):
    result = outcome("generative-prior", wrong)
    assert not result
    assert hint in result.line.split("Hint: ")[1]
