"""Chapters run side by side, with one thread each."""

from pathlib import Path

from execution import execute, side_by_side
from nbformat.v4 import new_code_cell, new_notebook

THREADS = "import os; print(os.environ['OMP_NUM_THREADS'], os.path.basename(os.getcwd()))"


def notebook(source):
    return new_notebook(
        cells=[new_code_cell(source)], metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )


def test_each_runs_in_its_own_folder_with_one_thread_and_a_failure_stops_no_other(tmp_path):
    paths = [tmp_path / name / "chapter.md" for name in ("one", "two", "three")]
    for path in paths:
        path.parent.mkdir()
    results = dict(execute(zip(paths, map(notebook, [THREADS, "1 / 0", THREADS]), strict=True), timeout=600))
    assert [results[path].err is None for path in paths] == [True, False, True]
    assert "ZeroDivisionError" in results[paths[1]].exc_string
    for path in (paths[0], paths[2]):
        assert results[path].nb.cells[0].outputs[0].text == f"1 {path.parent.name}\n"


def test_as_many_as_the_machine_holds(monkeypatch):
    monkeypatch.setattr("os.sched_getaffinity", lambda _: set(range(8)), raising=False)
    pages = {"SC_PHYS_PAGES": 16 * 2**20, "SC_PAGE_SIZE": 2**10}
    monkeypatch.setattr("os.sysconf", pages.__getitem__, raising=False)
    assert side_by_side() == 5  # 16 GB, 3 for each
    pages["SC_PHYS_PAGES"] = 2**20
    assert side_by_side() == 1
    pages["SC_PHYS_PAGES"] = 2**30
    assert side_by_side() == 8


def test_two_really_run_at_the_same_time(tmp_path, monkeypatch):
    """Each waits for the other's file: one after the other they would wait for ever."""
    monkeypatch.setattr("execution.side_by_side", lambda: 2)
    meet = "import pathlib, time\npathlib.Path({0!r}).touch()\nwhile not pathlib.Path({1!r}).exists(): time.sleep(0.05)"
    names = [str(tmp_path / "a"), str(tmp_path / "b")]
    cells = [meet.format(*names), meet.format(*reversed(names))]
    results = execute(((Path(name), notebook(cell)) for name, cell in zip(names, cells, strict=True)), timeout=600)
    assert all(result.err is None for _, result in results)
