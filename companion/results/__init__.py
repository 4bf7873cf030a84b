"""Numbers kept on file: the results of benchmarks, and the scoreboard."""

from companion.results import scoreboard
from companion.results.files import FOLDER, read_results, write_results

__all__ = ["FOLDER", "read_results", "scoreboard", "write_results"]
