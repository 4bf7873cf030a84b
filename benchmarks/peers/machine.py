"""The machine that everything runs on: what it is, and whether other programs use it too."""

import functools
import os
import platform
import time
from pathlib import Path
from typing import Any

from peers.process import cores_available


@functools.cache
def processor() -> dict[str, Any]:
    """Its name, how many cores this process may use, and whether it multiplies in bfloat16."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text("utf-8").splitlines() if about.exists() else []
    facts = {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    return {
        "name": facts.get("model name") or platform.processor() or platform.machine(),
        "cores": len(cores_available()),
        "bfloat16": bool({"avx512_bf16", "amx_bf16", "bf16"} & set(flags)),
    }


def own_seconds() -> float:
    """Processor seconds of this process and of those that it started and that have ended."""
    taken = os.times()
    return taken.user + taken.system + taken.children_user + taken.children_system


def all_seconds() -> float | None:
    """Processor seconds of all programs since the machine was started; None where the system doesn't tell."""
    about = Path("/proc/stat")
    if not about.exists():
        return None
    user, nice, system, _idle, _waiting, *interrupts = map(int, about.read_text("utf-8").splitlines()[0].split()[1:])
    return (user + nice + system + sum(interrupts[:3])) / os.sysconf("SC_CLK_TCK")


class Others:
    """How much of the machine other programs use, from its making to the reading of `share`."""

    def __init__(self) -> None:
        self._clock, self._own, self._all = time.perf_counter(), own_seconds(), all_seconds()

    @property
    def share(self) -> float | None:
        """From 0 (none of the processor time) to 1; None where the system doesn't tell."""
        now = all_seconds()
        if now is None or self._all is None:
            return None
        others = now - self._all - (own_seconds() - self._own)
        most = (time.perf_counter() - self._clock) * (os.cpu_count() or 1)
        return round(min(1.0, max(0.0, others / most)), 3)
