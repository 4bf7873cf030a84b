"""Figures of the chapter *language-model*."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from companion.plotting import FAINT, SERIES, TINT_STEPS, TOKEN_TINTS, axes, rectangle, tinted

if TYPE_CHECKING:
    import numpy as np
    from IPython.display import HTML
    from matplotlib.figure import Figure

    from companion.training import Trainer


def tinted_text(text: str, bits: Sequence[float], label: str) -> "HTML":
    """A text in which each character is tinted by its cost: no tint below 1 bit, the strongest from 6 bits up.

    Parameters
    ----------
    text
        The characters, shape ``(n,)``; line breaks are kept.
    bits
        The cost of each character in bits, shape ``(n,)``.
    label
        What the picture shows, for readers who don't see it.

    Returns
    -------
    IPython.display.HTML
        As of `companion.plotting.tinted`.

    Raises
    ------
    UserError
        There isn't one cost for each character.
    """
    steps = [min(int(cost), TINT_STEPS) for cost in bits]
    scale = [(f" {step}{'+' * (step == TINT_STEPS)} ", step) for step in range(TINT_STEPS + 1)]
    return tinted(text, steps, [f"{cost:.1f} bits" for cost in bits], label, [*scale, (" bits", 0)])


def streams(text: str, batch_size: int = 3, window: int = 8) -> "Figure":
    """How a text is read in training: streams side by side, a window of each per update, the state carried along.

    Parameters
    ----------
    text
        At least ``batch_size * window + 1`` characters; as many windows are drawn as fit into it.
    batch_size, window
        As in `companion.training.TrainingConfig`.
    """
    import numpy as np

    from companion.training import TrainingConfig, windows

    config = TrainingConfig(batch_size=batch_size, window=window)
    inputs, _ = windows(np.array([ord(character) for character in text]), config, epoch=0)
    gap, row = 2.2, 2.0  # between two windows, in characters; between two streams
    figure, ax = axes(6.4, 0.5 * (batch_size + 1.6))
    for step, batch in enumerate(inputs):
        left = step * (window + gap)
        ax.text(left + window / 2 - 0.5, 1.25, f"update {step + 1}", ha="center", color=SERIES[0])
        for stream, ids in enumerate(batch):
            y = -stream * row
            ax.add_patch(rectangle((left - 0.6, y - 0.62), window + 0.2, 1.24, TOKEN_TINTS[step % len(TOKEN_TINTS)]))
            for column, code in enumerate(ids):
                shown = chr(code).replace(" ", "␣").replace("\n", "↵")
                ax.text(left + column, y, shown, ha="center", va="center", family="monospace", color="black")
            if step + 1 < len(inputs):
                arrow = {"arrowstyle": "->", "color": SERIES[2], "lw": 1.8}
                ax.annotate("", (left + window + gap - 0.6, y), (left + window - 0.4, y), arrowprops=arrow)
    edges = [step * (window + gap) - gap / 2 - 0.5 for step in range(1, len(inputs))]
    bottom = -(batch_size - 1) * row - 1.1
    ax.vlines(edges, bottom, 0.95, color=SERIES[1], linestyle=(0, (3, 3)), linewidth=1.2)
    ax.text(edges[0] + gap, bottom - 0.6, "state goes on", color=SERIES[2], ha="left", va="center", fontsize=10)
    ax.text(edges[0] + 0.3, bottom - 0.6, "gradient stops", color=SERIES[1], ha="right", va="center", fontsize=10)
    for stream in range(batch_size):
        ax.text(-1.2, -stream * row, f"stream {stream + 1}", ha="right", va="center", fontsize=10)
    ax.set(xlim=(-5.5, len(inputs) * (window + gap) - gap), ylim=(bottom - 1.1, 1.8))
    ax.axis("off")
    return figure


def step_sizes(trainer: "Trainer", updates: Sequence[int]) -> "np.ndarray":
    """The step size that a run's optimizer takes at some of its updates, counted from 0, ``(updates,)``."""
    import numpy as np

    optimizer = trainer.optimizer
    done, sizes = int(optimizer.iterations), []
    for update in updates:
        optimizer.iterations.assign(update)
        sizes.append(float(optimizer.learning_rate))
    optimizer.iterations.assign(done)
    return np.array(sizes)


def step_size_plan(trainer: "Trainer") -> "Figure":
    """The step size over a training run, with the symbols of its formula: it climbs, then it falls along half a cosine.

    Parameters
    ----------
    trainer
        A run that is ready to begin; it isn't changed.
    """
    peak, warm, total = trainer.config.learning_rate, trainer.config.warmup_steps, trainer.total
    half = (warm + total) // 2
    updates = [0, *range(warm, total, max(1, total // 100)), total]
    middle, end = step_sizes(trainer, [half, total])
    figure, ax = axes(6.4, 2.8)
    ax.axvspan(0, warm, color=FAINT, alpha=0.2, linewidth=0)
    ax.plot([0, half, half], [middle, middle, 0], color=FAINT, linestyle=":", linewidth=1.2)
    ax.plot(updates, step_sizes(trainer, updates), color=SERIES[0])
    ax.plot([warm, half, total], [peak, middle, end], "o", color=SERIES[0], clip_on=False)
    ax.text(0.01 * total, 1.09 * peak, "warm-up", ha="left", va="bottom", fontsize=10)
    ax.text(half, 1.09 * peak, "half a cosine", ha="center", va="bottom", fontsize=10)
    ax.set_xticks([warm, half, total], [f"$w$ = {warm:,}", f"{half:,}", f"$T$ = {total:,}"])
    ax.set_yticks([0, peak / 2, peak], ["0", rf"$\eta$ / 2 = {peak / 2:g}", rf"$\eta$ = {peak:g}"])
    ax.set(xlim=(0, 1.03 * total), ylim=(0, 1.2 * peak), xlabel="update", ylabel="step size")
    return figure


def skyline(
    places: "Mapping[str, np.ndarray]", bits: "np.ndarray", others: "np.ndarray", names: tuple[str, str]
) -> "Figure":
    """Where a text's bits go: a bar for each kind of place, as wide as its share of characters, as high as its bits.

    Parameters
    ----------
    places
        For each kind of place, its name and where it is: boolean, ``(characters,)``. No character is of two kinds.
    bits, others
        The cost of each character for one model (the bars) and another (the dashes), shape ``(characters,)``.
    names
        The names of the two models.
    """
    figure, ax = axes(6.4, 3.8)
    left = 0.0
    ticks: list[float] = []
    for place in places.values():
        width = float(place.mean())
        height, other = float(bits[place].mean()), float(others[place].mean())
        ax.bar(left + width / 2, height, width=width - 0.006, color=SERIES[0], alpha=0.85)
        ax.hlines(other, left + 0.003, left + width - 0.003, color=SERIES[1], linestyle=(0, (3, 1.5)), linewidth=2.2)
        if not ticks:  # the first bar says which is which
            ax.text(left + width / 2, height - 0.3, names[0], ha="center", color="white", fontsize=10)
            ax.text(left + width / 2, other + 0.12, names[1], ha="center", color=SERIES[1], fontsize=10)
        ticks.append(left + width / 2)
        left += width
    ax.set_xticks(ticks, [name.replace(" ", "\n") for name in places])
    ax.tick_params(axis="x", length=0)
    ax.set(xlim=(0, left), ylabel="bits per character", xlabel="share of the characters")
    return figure
