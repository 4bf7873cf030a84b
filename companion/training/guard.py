"""A script that kills another process after some seconds: see `companion.training.ending.ended_after`.

It is run as ``python guard.py PROCESS SECONDS CONTENT [FILE]`` with a pipe from that process as standard input. It
imports nothing from the companion, so that it starts at once. CONTENT says why the process ends; it is written to FILE,
by default to standard error.
"""

import os
import select
import signal
import sys
from pathlib import Path


def main(process: str, seconds: str, content: str, file: str | None = None) -> None:
    """Wait until the pipe closes because the process has ended; otherwise kill the process."""
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # blocked until this try
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
