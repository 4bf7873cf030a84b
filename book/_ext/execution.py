"""How chapters are executed: one thread per operation, and as many chapters at a time as the machine can hold."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from jupyter_cache.executors.utils import ExecutionResult, single_nb_execution
from nbformat import NotebookNode

MEMORY = 3 * 2**30  # bytes that a chapter may need

# The last digits of a sum depend on how many threads share it, and training magnifies them. With one thread per
# operation, the outputs are the same on two cores and on sixteen.
ENVIRONMENT = {
    "GATE_BY_GATE_PROGRESS": "off",  # a progress bar is for a reader who waits, not for a page
    "GATE_BY_GATE_DEVICE": "cpu",  # a GPU adds in a different order
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",  # two chapters are executed at a time; each has a core
    "GATE_BY_GATE_PRODUCTS": "float32",  # bfloat16 would give other digits, and not every processor has it
    # In glibc: keep memory for the next large array. Otherwise each is fetched from the system and cleared.
    "MALLOC_MMAP_THRESHOLD_": str(32 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(2**30),
}


def side_by_side() -> int:
    """How many chapters this machine executes at a time."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // MEMORY))


def execute(notebooks: Iterable[tuple[Path, NotebookNode]], timeout: int) -> Iterator[tuple[Path, ExecutionResult]]:
    """Run notebooks, each in the folder of its path, and yield them as they finish; a cell may have failed."""
    with ThreadPoolExecutor(side_by_side()) as pool:
        runs = {
            pool.submit(single_nb_execution, notebook, str(path.parent), timeout, False): path
            for path, notebook in notebooks
        }
        for run in as_completed(runs):
            yield runs[run], run.result()
