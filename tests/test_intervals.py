"""Intervals cover what they should, respect what belongs together, and equal scipy's where scipy has them."""

import math

import numpy as np
import pytest
from scipy import stats

from companion.errors import UserError
from companion.evaluation import (
    bootstrap,
    correlation,
    crossed_bootstrap,
    group_bootstrap,
    interval,
    ratio_of_sums,
    slope,
)

# -- seeds -----------------------------------------------------------------------------------------------------------


def test_the_interval_over_seeds_is_students():
    values = [0.91, 0.93, 0.90, 0.95]
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert interval(values) == pytest.approx((np.mean(values), low, high))
    assert interval([0.9, 1.0, 1.0], within=(0, 1)).high == 1
    assert interval([2.0, 2.0]) == (2, 2, 2)
    with pytest.raises(UserError, match="at least two"):
        interval([1.0])


# -- items -----------------------------------------------------------------------------------------------------------


def test_the_bootstrap_is_scipy_s():
    sample = np.random.default_rng(1).exponential(size=30)
    for confidence in (0.8, 0.95):
        theirs = stats.bootstrap(
            (sample,), np.mean, n_resamples=500, confidence_level=confidence, method="percentile", rng=7
        ).confidence_interval
        ours = bootstrap(sample, resamples=500, seed=7, confidence=confidence)
        assert ours == pytest.approx((sample.mean(), theirs.low, theirs.high))


def test_the_bootstrap_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        sample = rng.normal(3, 1, 40)
        _, low, high = bootstrap(sample, resamples=300, seed=seed)
        covered += low <= 3 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_bootstrap_takes_items_that_are_not_numbers():
    got = bootstrap([("a", 1), ("b", 3)] * 20, lambda items: sum(n for _, n in items) / len(items))
    assert got.mean == 2 and got.low < 2 < got.high
    assert got == bootstrap([("a", 1), ("b", 3)] * 20, lambda items: sum(n for _, n in items) / len(items))
    rows = bootstrap(np.array([[1, 2], [3, 2]] * 20), ratio_of_sums)
    assert rows.mean == 1 and 0.5 < rows.low < 1 < rows.high < 1.5


# -- groups ----------------------------------------------------------------------------------------------------------


def test_the_interval_of_groups_knows_that_passages_of_a_play_belong_together():
    groups = np.repeat(np.arange(10), 20)
    alike = np.repeat([0.0, 1.0], 100)  # a whole play right, or wrong
    found, single = group_bootstrap(alike, groups), bootstrap(alike)
    assert found.mean == 0.5 and found.high - found.low > 3 * (single.high - single.low)
    apart = np.tile([0.0, 1.0], 100)  # half of every play right: other plays would give the same
    assert group_bootstrap(apart, groups) == (0.5, 0.5, 0.5)


def test_groups_of_one_item_are_items():
    values = np.random.default_rng(0).normal(size=30)
    found = group_bootstrap(values, np.arange(30), resamples=1000)
    assert found == pytest.approx(bootstrap(values, resamples=1000))


def test_strata_keep_the_share_of_each_class():
    groups = np.arange(25)
    label = (groups >= 14).astype(float)
    assert group_bootstrap(label, groups, strata=label) == (11 / 25, 11 / 25, 11 / 25)
    assert group_bootstrap(label, groups).low < 11 / 25


@pytest.mark.parametrize(
    ("values", "groups", "strata", "says"),
    [
        ([1, 0], [0], None, "one group and one class for each value"),
        ([], [], None, "at least one value"),
        ([1, 0], [0, 0], [1], "one group and one class for each value"),
        ([1, 0, 1], ["a", "b", "b"], [0, 0, 1], "Group b has values of two classes"),
    ],
)
def test_groups_that_do_not_fit_get_a_sentence(values, groups, strata, says):
    with pytest.raises(UserError, match=says):
        group_bootstrap(values, groups, strata)


# -- rows and columns ------------------------------------------------------------------------------------------------


def test_the_crossed_bootstrap_knows_that_the_numbers_of_a_row_belong_together():
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(8, 1)) + 0.01 * rng.normal(size=(8, 50))
    mean, low, high = crossed_bootstrap(rows)
    assert mean == pytest.approx(rows.mean()) and low < mean < high
    assert high - low > 3 * np.std(rows) / math.sqrt(rows.size)  # wider than single numbers would give
    assert crossed_bootstrap(np.ones((3, 4))) == (1, 1, 1)


def test_the_crossed_bootstrap_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    covered = 0
    for seed in range(100):
        table = rng.normal(size=(12, 1)) + rng.normal(size=(1, 12)) + rng.normal(size=(12, 12))
        _, low, high = crossed_bootstrap(table, resamples=200, seed=seed)
        covered += low <= 0 <= high
    assert 85 <= covered <= 99


def test_draws_in_which_the_statistic_is_not_defined_are_left_out():
    table = np.arange(12.0).reshape(4, 3)
    found = crossed_bootstrap(table, lambda drawn: np.nan if drawn[0] < 3 else drawn[0])
    assert math.isnan(found.mean) and 3 <= found.low <= found.high <= 11


def test_cells_of_a_row_are_not_independent():
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(12, 1))
    x, y = (rows + 0.05 * rng.normal(size=(12, 7)) for _ in range(2))
    y[:, ::2] += rng.normal(size=(12, 1))
    chosen = rng.random((12, 7)) < 0.7
    found = crossed_bootstrap((x, y), correlation, chosen)
    assert found.mean == pytest.approx(np.corrcoef(x[chosen], y[chosen])[0, 1])
    pairs = list(zip(x[chosen], y[chosen], strict=True))
    single = bootstrap(pairs, lambda some: correlation(*np.array(some).T))
    assert found.low < single.low and found.high - found.low > 1.2 * (single.high - single.low)
    assert crossed_bootstrap((x, 3 * x), slope, chosen) == pytest.approx((3, 3, 3))


def test_draws_without_two_different_cells_are_left_out():
    x, chosen = np.arange(6.0).reshape(2, 3), np.array([[True, False, False], [False, True, False]])
    assert crossed_bootstrap((x, x), correlation, chosen) == pytest.approx((1, 1, 1))
    assert math.isnan(correlation([], [])) and math.isnan(slope([1, 1], [2, 3])) and math.isnan(correlation([1], [2]))


def test_tables_that_do_not_fit_get_a_sentence():
    with pytest.raises(UserError, match="at least two of each"):
        crossed_bootstrap(np.ones((1, 5)))
    with pytest.raises(UserError, match="expected the same for all"):
        crossed_bootstrap((np.ones((2, 5)), np.ones((2, 4))), correlation)
    with pytest.raises(UserError, match="expected the same for all"):
        crossed_bootstrap(np.ones((2, 5)), cells=np.ones((5, 2), bool))


# -- all of them -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw",
    [
        bootstrap,
        lambda x, **how: group_bootstrap(x, range(9), **how),
        lambda x, **how: crossed_bootstrap(x.reshape(3, 3), **how),
    ],
    ids=["items", "groups", "crossed"],
)
def test_every_bootstrap_has_the_same_settings(draw):
    values = np.random.default_rng(0).normal(size=9)
    wide, narrow = (draw(values, resamples=200, seed=3, confidence=c) for c in (0.99, 0.5))
    assert wide.mean == narrow.mean and wide.low < narrow.low < narrow.high < wide.high
    assert draw(values, resamples=200, seed=3) == draw(values, resamples=200, seed=3)
    assert draw(values, resamples=200, seed=3) != draw(values, resamples=200, seed=4)
    with pytest.raises(UserError, match="resamples is 0"):
        draw(values, resamples=0)
    with pytest.raises(UserError, match="share between 0 and 1"):
        draw(values, confidence=95)


def test_a_bootstrap_needs_items():
    with pytest.raises(UserError, match="no items"):
        bootstrap([])
