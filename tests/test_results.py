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
