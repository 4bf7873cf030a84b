"""Numbers of several rounds in a few: medians, spreads, ratios; and loss curves compared."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

Rounds = Mapping[str, Sequence[float]]
Curve = Sequence[tuple[float, float]]


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median of some numbers, the lowest and the highest, to four digits.

    >>> spread([3.0, 1.0, 2.0])
    {'median': 2.0, 'low': 1.0, 'high': 3.0}
    """
    found = {"median": statistics.median(values), "low": min(values), "high": max(values)}
    return {name: float(f"{value:.4g}") for name, value in found.items()}


def ratios(rounds: Rounds, ours: str = "ours") -> dict[str, dict[str, float]]:
    """By how much ours is faster than each other contestant, round by round: a disturbance often hits both.

    >>> ratios({"ours": [2.0, 6.0, 4.0], "theirs": [1.0, 2.0, 4.0]})
    {'theirs': {'median': 2.0, 'low': 1.0, 'high': 3.0}}
    """
    if ours not in rounds:
        return {}
    return {
        name: spread([mine / other for mine, other in zip(rounds[ours], values, strict=True)])
        for name, values in rounds.items()
        if name != ours
    }


def at(curve: Curve, seconds: float) -> float:
    """The loss of a curve, rows of (seconds, loss), at a moment: on a line between two rows, after the last its loss.

    >>> at([(10.0, 3.0), (20.0, 2.0)], 15.0), at([(10.0, 3.0), (20.0, 2.0)], 30.0)
    (2.5, 2.0)
    """
    x, y = zip(*curve, strict=True)
    return float(np.interp(seconds, x, y))


def compared(ours: Curve, theirs: Curve, begin: float = 10.0) -> dict[str, Any]:
    """Two loss curves, at every moment at which one was validated, from ``begin`` to the end of theirs.

    >>> compared([(5, 4.0), (20, 2.0)], [(5, 4.1), (15, 3.0), (25, 2.5)])["always_below"]
    True
    """
    end = theirs[-1][0]
    first = min(max(begin, ours[0][0], theirs[0][0]), end)
    moments = sorted({first, end, *(seconds for seconds, _ in (*ours, *theirs) if first <= seconds <= end)})
    above = [seconds for seconds in moments if at(ours, seconds) >= at(theirs, seconds)]
    return {
        "from_seconds": first,
        "always_below": not above,
        "above_at": [round(seconds, 1) for seconds in above],
        "end_seconds": end,
        "theirs_at_end": at(theirs, end),
        "ours_at_end": at(ours, end),
    }


def shown(value: Mapping[str, float], unit: float = 1.0, digits: int = 1) -> str:
    """A median with its spread, in a unit.

    >>> shown({"median": 2500.0, "low": 1000.0, "high": 3000.0}, unit=1000.0)
    '2.5 (1.0..3.0)'
    """
    median, low, high = (f"{value[name] / unit:,.{digits}f}" for name in ("median", "low", "high"))
    return f"{median} ({low}..{high})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Aligned columns: the first one to the left, the others to the right.

    >>> print(table(["", "a"], [["row", "1"]]))
         a
    row  1
    """
    lines = [list(head), *map(list, rows)]
    widths = [max(len(line[n]) for line in lines) for n in range(len(head))]

    def aligned(line: list[str]) -> str:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        return "  ".join([line[0].ljust(widths[0]), *cells]).rstrip()

    return "\n".join(map(aligned, lines))
