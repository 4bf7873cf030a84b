"""Figures of the chapter *inside*, and what its page's widget has to know."""

import html
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from companion.errors import UserError
from companion.plotting import INK, SERIES, STRONGEST_TINT

if TYPE_CHECKING:
    import numpy as np
    from IPython.display import HTML
    from matplotlib.figure import Figure


TINT_STEPS = 5  # on each side of 0


def tint_step(value: float) -> int:
    """The tint of a value from −1 to 1: −5 to 5, and 0 for none; values beyond are clipped.

    >>> [tint_step(value) for value in (-3.0, -1.0, -0.05, 0.0, 0.3, 1.0)]
    [-5, -5, 0, 0, 2, 5]
    """
    return round(max(-1.0, min(1.0, float(value))) * TINT_STEPS)


def signed_text(text: str, values: Sequence[float], label: str, ends: tuple[str, str] = ("−1", "+1")) -> "HTML":
    """A text in which each character is tinted by a value: blue below 0, none at 0, vermilion above.

    Parameters
    ----------
    text
        The characters, shape ``(n,)``; line breaks are kept.
    values
        One for each character, from −1 to 1, shape ``(n,)``. A pointer over a character shows its value.
    label
        What the picture shows, for readers who don't see it.
    ends
        The names of −1 and 1 in the scale below the text.

    Returns
    -------
    IPython.display.HTML
        It wraps on a narrow page, and text on the strongest tints keeps a contrast of 5 to 1 on light and dark pages.

    Raises
    ------
    UserError
        There isn't one value for each character.
    """
    from IPython.display import HTML

    if len(text) != len(values):
        raise UserError(f"There are {len(text)} characters and {len(values)} values; give one for each.")

    def tinted(content: str, value: float, tip: str = "") -> str:
        step = tint_step(value)
        sign = "n" if step < 0 else "p"
        kind = f' class="tint-{sign}{abs(step)}"' if step else ""
        return f"<span{kind}{tip}>{content}</span>"

    colours = {"n": "0,114,178", "p": "213,94,0"}
    rules = "".join(
        f".tint-{sign}{step}{{background:rgba({rgb},{STRONGEST_TINT * step / TINT_STEPS:.2f})}}"
        for sign, rgb in colours.items()
        for step in range(1, TINT_STEPS + 1)
    )
    marked = "".join(
        character if character == "\n" else tinted(html.escape(character), value, f' title="{value:+.2f}"')
        for character, value in zip(text, values, strict=True)
    )
    shades = [step / TINT_STEPS for step in range(-TINT_STEPS, TINT_STEPS + 1)]
    scale = "".join(tinted("&nbsp;&nbsp;", shade) for shade in shades)
    return HTML(
        f'<div role="img" aria-label="{html.escape(label)}" style="text-align:left"><style>{rules}</style>'
        '<pre style="white-space:pre-wrap;line-height:1.7;background:none;border:0;color:inherit;padding:0;margin:0">'
        f'{marked}</pre><p style="font-size:0.85em;margin:0.6em 0 0">{html.escape(ends[0])} {scale} '
        f"{html.escape(ends[1])}</p></div>"
    )


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
    figure.legend(handles, names, loc="outside upper center", ncols=len(names), fontsize=9)
    return figure
