"""Results files are written with machine and versions and read back; intervals cover what they should."""

import numpy as np
import pytest
from scipy import stats

from companion import UserError, results
from companion.evaluation import bootstrap, interval


def test_what_is_written_is_read_with_machine_and_versions(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "2")
    results.write_results("x", {"scores": [1.5, 2.5], "名": "译"}, packages=["numpy"])
    read = results.read_results("x")
    assert read["scores"] == [1.5, 2.5] and read["名"] == "译"
    assert read["versions"]["numpy"] == np.__version__ and read["machine"]["cores"] >= 1
    assert read["machine"]["threads"] == "2"
    with pytest.raises(UserError, match="benchmarks/y.py"):
        results.read_results("y")


def test_the_interval_over_seeds_is_students():
    values = [0.91, 0.93, 0.90, 0.95]
    got = interval(values)
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert got == pytest.approx((np.mean(values), low, high))
    assert interval([0.9, 1.0, 1.0], within=(0, 1)).high == 1
    with pytest.raises(UserError, match="at least two"):
        interval([1.0])


def test_the_bootstrap_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    covered = 0
    for seed in range(200):
        sample = rng.normal(3, 1, 40)
        _, low, high = bootstrap(sample, resamples=300, seed=seed)
        covered += low <= 3 <= high
    assert 0.88 <= covered / 200 <= 0.99


def test_the_bootstrap_takes_items_that_are_no_numbers():
    got = bootstrap([("a", 1), ("b", 3)] * 20, lambda items: sum(n for _, n in items) / len(items))
    assert got.mean == 2 and got.low < 2 < got.high
    assert got == bootstrap([("a", 1), ("b", 3)] * 20, lambda items: sum(n for _, n in items) / len(items))
    with pytest.raises(UserError, match="no items"):
        bootstrap([])
