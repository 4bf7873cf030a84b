"""Figures of the chapter *inside*, and what its page's widget has to know."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from companion.plotting import INK, SERIES, TINT_STEPS, tinted

if TYPE_CHECKING:
    import numpy as np
    from IPython.display import HTML
    from matplotlib.figure import Figure


def tint_step(value: float) -> int:
    """The tint of a value from −1 to 1: −6 to 6, and 0 for none; values beyond are clipped.

    >>> [tint_step(value) for value in (-3.0, -1.0, -0.05, 0.0, 0.3, 1.0)]
    [-6, -6, 0, 0, 2, 6]
    """
    return round(max(-1.0, min(1.0, float(value))) * TINT_STEPS)


def signed_text(text: str, values: Sequence[float], label: str, ends: tuple[str, str] = ("−1", "+1")) -> "HTML":
    """A text in which each character is tinted by a value: violet below 0, none at 0, red above.

    Parameters
    ----------
    text
        The characters, shape ``(n,)``; line breaks are kept.
    values
        One for each character, from −1 to 1, shape ``(n,)``.
    label
        What the picture shows, for readers who don't see it.
    ends
        The names of −1 and 1 in the scale below the text.

    Returns
    -------
    IPython.display.HTML
        As of `companion.plotting.tinted`.

    Raises
    ------
    UserError
        There isn't one value for each character.
    """
    shown = [f"{value:+.2f}".replace("-", "−") for value in values]
    shades = [("  ", step) for step in range(-TINT_STEPS, TINT_STEPS + 1)]
    scale = [(f"{ends[0]} ", 0), *shades, (f" {ends[1]}", 0)]
    return tinted(text, [tint_step(value) for value in values], shown, label, scale)


def memory_data(cells: Mapping[str, int], memory: "np.ndarray", before: str, text: str) -> "HTML":
    """What the widget *memory* has to know of this chapter: data within the page, which show nothing themselves.

    Parameters
    ----------
    cells
        The number of the cell that was found for each question.
    memory
        What all cells held at many places, ``(..., cells)``. Mean and standard deviation say what is usual for each.
    before, text
        What the network reads first, unseen, and the text that is there when the widget opens.
    """
    from IPython.display import HTML

    rows = memory.reshape(-1, memory.shape[-1]).astype(float)
    usual = {"mean": rows.mean(axis=0), "spread": rows.std(axis=0)}
    data = {
        "cells": {name: int(number) for name, number in cells.items()},
        **{name: [float(f"{value:.4g}") for value in values] for name, values in usual.items()},
        "before": before,
        "text": text,
    }
    content = json.dumps(data, ensure_ascii=False).replace("</", "<\\/")
    return HTML(f'<script type="application/json" data-page-model="memory">{content}</script>')


def ablation_costs(
    panels: Mapping[str, tuple[Mapping[str, Sequence[tuple[float, float, float]]], Sequence[Sequence[float]]]],
    places: Sequence[str],
) -> "Figure":
    """The extra cost of each kind of place when cells are ablated: named sets in colour, random ones as crosses.

    Parameters
    ----------
    panels
        For each panel, its title, the named sets and the random draws. For each kind of place, a set has a mean and
        the ends of its interval, and a draw has a mean.
    places
        The kinds of places, ``(n,)``.
    """
    import matplotlib.pyplot as plt

    figure, all_axes = plt.subplots(1, len(panels), figsize=(7, 4.8), sharex=True, sharey=True, squeeze=False)
    for ax, (title, (sets, draws)) in zip(all_axes[0], panels.items(), strict=True):
        ax.axvline(0, color=INK, linewidth=0.8)
        for place in range(len(places)):
            ax.plot([d[place] for d in draws], [-place - 0.33] * len(draws), "x", color=INK, markersize=5)
            for n, (name, values) in enumerate(sets.items()):
                mean, low, high = values[place]
                y, colour = -place + 0.3 - 0.15 * n, SERIES[n]
                ax.plot([low, high], [y, y], color=colour, linewidth=1.5)
                ax.plot(mean, y, "osD^"[n], color=colour, markersize=5, label=None if place else name)
        ax.tick_params(axis="y", length=0)
        ax.set_title(title, fontsize=11)
        ax.set_xlabel("bits per character more")
    all_axes[0, 0].set_yticks([-place for place in range(len(places))], places)
    handles, names = all_axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=10, labelcolor="linecolor")
    return figure
