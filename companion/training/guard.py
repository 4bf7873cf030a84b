"""A script that kills another process after some seconds: see `companion.training.ending.ended_after`.

It is run as ``python guard.py PROCESS SECONDS CONTENT [FILE]`` with a pipe from that process as standard input, and
imports nothing of the companion, so that it starts at once. The content, why the process ends, is written to the file
or else to standard error.
"""

import os
import select
import signal
import sys
from pathlib import Path


def main(process: str, seconds: str, content: str, file: str | None = None) -> None:
    """Wait until the pipe closes, because the process has ended, or kill the process."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # it was blocked until there is this try
        if select.select([sys.stdin], [], [], float(seconds))[0]:
            return
        if file:
            Path(file).write_text(content, encoding="utf-8")
        else:
            sys.stderr.write(content)
            sys.stderr.flush()
    except KeyboardInterrupt:
        pass
    os.kill(int(process), signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
