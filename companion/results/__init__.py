"""Numbers kept on file: the results of benchmarks, and the scoreboard."""

from companion.results import scoreboard
from companion.results.files import read_results, write_results

__all__ = ["read_results", "scoreboard", "write_results"]
