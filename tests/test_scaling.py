"""A fitted scaling law finds the numbers behind the data, and bad data get a sentence."""

import numpy as np
import pytest

from companion.analysis.scaling import Law, resampled
from companion.errors import UserError

TRUE = Law(E=1.5, A=20.0, alpha=0.4, B=500.0, beta=0.5)
N, D = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e3, 1e6, 5), np.geomspace(1e4, 1e8, 6)))


def test_a_law_is_recovered_from_its_own_losses():
    found = Law.fit(N, D, TRUE(N, D))
    for name in ("E", "A", "alpha", "B", "beta"):
        assert getattr(found, name) == pytest.approx(getattr(TRUE, name), rel=1e-2), name


def test_one_run_that_diverged_changes_little():
    losses = TRUE(N, D)
    losses[7] *= 1.5
    assert Law.fit(N, D, losses)(1e7, 1e9) == pytest.approx(float(TRUE(1e7, 1e9)), rel=0.03)


def test_the_best_split_is_the_best():
    flops = 1e15
    n, d = TRUE.best_split(flops)
    assert 6 * n * d == pytest.approx(flops)
    others = n * np.array([0.5, 0.9, 1.1, 2.0])
    assert (TRUE(others, flops / 6 / others) > TRUE(n, d)).all()


def test_resampled_laws_lie_around_the_truth():
    noise = np.exp(0.01 * np.random.default_rng(0).normal(size=len(N)))
    values = [one.E for one in resampled(N, D, TRUE(N, D) * noise, resamples=20)]
    assert min(values) < TRUE.E < max(values) and len(set(values)) > 10


def test_a_fit_that_starts_near_ends_where_the_others_do():
    noise = np.exp(0.02 * np.random.default_rng(1).normal(size=len(N)))
    some = np.random.default_rng(2).integers(len(N), size=len(N))
    runs = N[some], D[some], (TRUE(N, D) * noise)[some]
    assert Law.fit(*runs, near=TRUE)(N, D) == pytest.approx(Law.fit(*runs)(N, D), rel=1e-3)


def test_bad_input_gives_one_sentence():
    with pytest.raises(UserError, match="There are 5 runs"):
        Law.fit(N[:5], D[:5], D[:5])
    with pytest.raises(UserError, match="There are 5 runs"):
        resampled(N[:5], D[:5], D[:5])  # it would draw for ever
    for losses in (0 * D, np.full(len(D), np.inf)):
        with pytest.raises(UserError, match="should all be above 0, and finite"):
            Law.fit(N, D, losses)
    with pytest.raises(UserError, match=r"shapes \(30,\), \(30,\) and \(29,\)"):
        Law.fit(N, D, D[1:])
