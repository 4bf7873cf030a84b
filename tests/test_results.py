"""Results are written with machine and versions and read back; no measurements are overwritten."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from companion import UserError, results


def test_what_is_written_is_read_with_machine_and_versions(tmp_path):
    path = results.write_results("x", {"scores": [1.5, 2.5], "名": "译"}, packages=["numpy"], folder=tmp_path)
    assert path == tmp_path / "x.json"
    read = results.read_results("x", folder=tmp_path)
    assert read["scores"] == [1.5, 2.5] and read["名"] == "译"
    assert read["versions"]["numpy"] == np.__version__ and read["machine"]["cores"] >= 1


@pytest.mark.parametrize(("setting", "written"), [("2", "2"), (None, "all")])
def test_the_number_of_threads_is_written(tmp_path, monkeypatch, setting, written):
    monkeypatch.delenv("TF_NUM_INTRAOP_THREADS", raising=False)
    if setting:
        monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", setting)
    path = results.write_results("x", {}, packages=[], folder=tmp_path)
    assert json.loads(path.read_text())["machine"]["threads"] == written


def test_results_that_are_missing_name_their_script(tmp_path):
    with pytest.raises(UserError, match="benchmarks/some_thing.py"):
        results.read_results("some-thing", folder=tmp_path)
    assert results.read_results("some-thing", folder=tmp_path, missing={"runs": []}) == {"runs": []}


def test_results_that_are_damaged_are_not_taken_for_missing(tmp_path):
    """Otherwise a script that continues would overwrite hours of work."""
    (tmp_path / "x.json").write_text('{"runs": [1, 2')
    with pytest.raises(UserError, match="x.json"):
        results.read_results("x", folder=tmp_path, missing={"runs": []})


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The package in another folder without a pyproject.toml next to it, as pip installs it."""
    folder = tmp_path_factory.mktemp("site-packages")
    shutil.copytree(
        Path(results.__file__).parents[1], folder / "companion", ignore=shutil.ignore_patterns("__pycache__", "*.npz")
    )

    def run(code: str) -> str:
        environment = os.environ | {"PYTHONPATH": str(folder)}
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=True
        )
        return found.stdout.strip()

    return run


def test_an_installed_companion_reads_the_book_s_results(installed):
    code = "import companion.results as r; print(r.__file__, r.read_results('compute')['machine']['cores'])"
    file, cores = installed(code).split()
    assert "site-packages" in file and int(cores) == results.read_results("compute")["machine"]["cores"]


def test_an_installed_companion_s_results_are_left_alone(installed):
    code = """
from companion.results import write_results
try:
    write_results("compute", {}, packages=[])
except ValueError as error:
    print(error)
print(write_results("compute", {}, packages=[], folder="own"))
"""
    said, path = installed(code).splitlines()
    assert "give a folder" in said and path == str(Path("own") / "compute.json")


def test_an_installed_companion_knows_what_it_needs(installed):
    names = installed("from companion.chapters import tools; print(*(row[0] for row in tools.stands_on()))")
    assert {"keras", "tensorflow", "numpy"} <= set(names.split())
