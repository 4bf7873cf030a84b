"""The figure of the chapter *scaling-out*."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from companion.plotting import INK, SERIES, rectangle

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def ring_states(states: npt.ArrayLike) -> "Figure":
    """A ring all-reduce, step by step: how many workers' parts each chunk of each worker sums up.

    Parameters
    ----------
    states
        The counts before the first step and after each, ``(steps + 1, workers, chunks)``, as many chunks as workers.
    """
    import matplotlib.pyplot as plt

    states = np.asarray(states).astype(int)
    workers, columns = states.shape[1], 3
    rows = -(-len(states) // columns)
    figure, panels = plt.subplots(rows, columns, figsize=(5.4, 1.85 * rows))
    tints = ("#e4e4e4", "#d6d2f3", "#9d95dd", SERIES[0])
    for step, ax in enumerate(panels.flat):
        ax.axis("off")
        if step >= len(states):
            continue
        for worker in range(workers):
            for chunk in range(workers):
                count = states[step, worker, chunk]
                tint = tints[(count - 1) * (len(tints) - 1) // max(1, workers - 1)]
                ax.add_patch(rectangle((chunk + 0.06, worker + 0.06), 0.88, 0.88, tint))
                colour = "white" if count == workers else "black"
                ax.text(chunk + 0.5, worker + 0.52, str(count), ha="center", va="center", color=colour, fontsize=11)
                if step and count != states[step - 1, worker, chunk]:
                    corner = (chunk + 0.06, worker + 0.06)
                    ax.add_patch(plt.Rectangle(corner, 0.88, 0.88, fill=False, edgecolor=SERIES[1], linewidth=2.2))
            if step % columns == 0:
                ax.text(-0.15, worker + 0.5, f"worker {worker}", ha="right", va="center", fontsize=10)
        ax.set(xlim=(0, workers), ylim=(workers, 0), aspect="equal")
        ax.set_title("start" if step == 0 else f"step {step}", fontsize=11, color=INK)
    return figure
