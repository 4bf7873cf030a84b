"""Figures of the chapter *learning*: one step of a cell as a graph, and the two lanes on which the blame goes back."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from companion.cells import LSTM_GATES, Gradients, LSTMCache
from companion.plotting import CANDIDATE, CELL, FORGET, INK, INPUT, OUTPUT, SERIES, axes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLAME = SERIES[1]
GATES = {"f": FORGET, "i": INPUT, "g": CANDIDATE, "o": OUTPUT}  # in the order of the drawing of a cell


class Wire(NamedTuple):
    """A number on its way forward, and the blame for it on the way back."""

    value: float
    blame: float


def wires(cache: LSTMCache, gradients: Gradients) -> dict[str, Wire]:
    """All numbers of one step of one cell with the loss L = (h - 1)² / 2.

    Parameters
    ----------
    cache, gradients
        From `companion.cells.lstm_forward` and, with ``dh = h - 1``, `lstm_backward`: one step, one text, one unit.

    Returns
    -------
    dict
        The wires by name: the gates and the candidate, ``"f"``, ``"i"``, ``"g"``, ``"o"``; the sums that they are
        made of, ``"a_f"`` and so on; ``"c_before"``, ``"keep"`` (f times the old c), ``"write"`` (i times g), ``"c"``,
        ``"tanh_c"``, ``"h"`` and ``"L"``.
    """
    f, i, g, o, c, h = (getattr(cache, name).item() for name in "figoch")
    c_before, dc, dh = cache.c_0.item(), gradients["c"].item(), gradients["h"].item()
    tanh_c = float(np.tanh(c))
    da = dict(zip(LSTM_GATES, gradients["b"].tolist(), strict=True))
    return {
        **{f"a_{name}": Wire(float(np.log(a / (1 - a))), da[name]) for name, a in {"f": f, "i": i, "o": o}.items()},
        "a_g": Wire(float(np.arctanh(g)), da["g"]),
        "f": Wire(f, dc * c_before),
        "i": Wire(i, dc * g),
        "g": Wire(g, dc * i),
        "o": Wire(o, dh * tanh_c),
        "c_before": Wire(c_before, gradients["c_0"].item()),
        "keep": Wire(f * c_before, dc),
        "write": Wire(i * g, dc),
        "c": Wire(c, dc),
        "tanh_c": Wire(tanh_c, dh * o),
        "h": Wire(h, dh),
        "L": Wire(dh**2 / 2, 1.0),
    }


def step_graph(cache: LSTMCache, gradients: Gradients) -> "Figure":
    """One step of one cell as a graph: on each wire the number that goes forward, below it the blame for that number.

    Parameters
    ----------
    cache, gradients
        As for `wires`.
    """
    on = wires(cache, gradients)
    figure, ax = axes(7.2, 3.9)
    gates, product, total, bent, shown, loss = 0.94, 1.96, 2.86, 3.96, 5.14, 6.24  # from left to right, in inches
    row = {"c": 0.0, "f": -0.82, "i": -1.64, "g": -2.46, "o": -3.28}
    half, side = 0.15, 0.23  # of a sign, and of a box

    _line(ax, [0, product - half], [0, 0], CELL)
    _numbers(ax, 0.36, 0, "$c_{t-1}$", on["c_before"])
    for gate, colour in GATES.items():
        y = row[gate]
        _line(ax, [0, gates - side], [y, y], INK)
        _numbers(ax, 0.36, y, f"$a_{gate}$", on[f"a_{gate}"])
        _box(ax, gates, y, "tanh" if gate == "g" else "σ", colour)
        _numbers(ax, 1.5, y, f"${gate}$", on[gate])
    for gate, x, y in (("f", product, 0.0), ("g", product, row["i"]), ("o", shown, 0.0)):
        _line(ax, [gates + side, x, x], [row[gate], row[gate], y - half], GATES[gate])
    _line(ax, [gates + side, product - half], [row["i"], row["i"]], INPUT)
    _sign(ax, product, 0, "o", FORGET)
    _sign(ax, product, row["i"], "o", INPUT)
    _line(ax, [product + half, total - half], [0, 0], CELL)
    _numbers(ax, 2.37, 0, "", on["keep"])
    _line(ax, [product + half, total, total], [row["i"], row["i"], -half], CELL)
    _numbers(ax, 2.43, row["i"], "", on["write"])
    _sign(ax, total, 0, "+", CELL)
    _line(ax, [total + half, bent - side], [0, 0], CELL)
    _numbers(ax, 3.33, 0, "$c$", on["c"])
    _box(ax, bent, 0, "tanh", OUTPUT)
    _line(ax, [bent + side, shown - half], [0, 0], OUTPUT)
    _numbers(ax, 4.55, 0, "", on["tanh_c"])
    _sign(ax, shown, 0, "o", OUTPUT)
    _line(ax, [shown + half, loss - 0.36], [0, 0], OUTPUT)
    _numbers(ax, 5.56, 0, "$h$", on["h"])
    _box(ax, loss, 0, r"$\frac{1}{2}(h-1)^2$", INK, side=0.36)
    _line(ax, [loss + 0.36, 7.2], [0, 0], INK)
    _numbers(ax, 6.9, 0, "$L$", on["L"])
    ax.text(3.2, row["f"] + 0.12, "values, going forward →", fontsize=10, va="center")
    ax.text(3.2, row["f"] - 0.14, "← blame, going back", color=BLAME, fontsize=10, va="center")
    ax.set(xlim=(-0.02, 7.22), ylim=(row["o"] - 0.35, 0.35))
    ax.axis("off")
    return figure


def lane_factors(cache: LSTMCache, seed: int = 0) -> dict[str, float]:
    """By what factor a random blame is longer after each piece of the way from one step back to the one before.

    Parameters
    ----------
    cache
        From `companion.cells.lstm_forward`; its first half is left out, because its memories are still short.
    seed
        For the blame's random direction.

    Returns
    -------
    dict
        Medians over steps and texts: ``"cell"`` (from a cell state to the one before, through the forget gate),
        ``"up"`` (from a hidden state to the cell state of its step, through the output gate), ``"down"`` (from a cell
        state to the hidden state before, through the other gates, the candidate and W_h) and ``"hidden"`` (from a
        hidden state to the one before, through the sum of the output gate and W_h).
    """
    half = len(cache.x) // 2
    i, f, g, o, c = (getattr(cache, name)[half:] for name in "ifgoc")
    W_h = dict(zip(LSTM_GATES, np.split(cache.W_h, 4, axis=1), strict=True))
    blame = np.random.default_rng(seed).normal(size=c.shape)
    slopes = {"i": g * i * (1 - i), "f": cache.c[half - 1 : -1] * f * (1 - f), "g": i * (1 - g**2)}
    after = {
        "cell": blame * f,
        "up": blame * o * (1 - np.tanh(c) ** 2),
        "down": sum((blame * slope) @ W_h[gate].T for gate, slope in slopes.items()),
        "hidden": (blame * np.tanh(c) * o * (1 - o)) @ W_h["o"].T,
    }
    before = np.linalg.norm(blame, axis=-1)
    return {piece: float(np.median(np.linalg.norm(v, axis=-1) / before)) for piece, v in after.items()}


def two_lanes(factors: Mapping[str, float], steps: int = 3) -> "Figure":
    """The blame's two ways back in time, through the cell states and the hidden states, and what joins them.

    Parameters
    ----------
    factors
        From `lane_factors`; a line is as wide as its factor is large.
    steps
        How many steps are drawn.
    """
    from matplotlib.patches import Circle

    figure, ax = axes(7.1, 2.5)
    apart, top, bottom, radius = 2.1, 0.8, -0.8, 0.25  # in inches
    last = apart * (steps - 1)

    def road(piece: str, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
        way = np.subtract(end, start)
        gap = way / np.linalg.norm(way) * (radius + 0.05)
        (x0, y0), (x1, y1) = start + gap, end - gap
        _line(ax, [x0, x1], [y0, y1], colour, width=1 + 4 * factors[piece])

    def factor(piece: str, x: float, y: float, through: str, colour: str, side: str = "center") -> None:
        named = through and step == steps - 1
        said = f"{through}\n× {factors[piece]:.2f}" if named else f"× {factors[piece]:.2f}"
        ax.text(x, y, said, color=colour, ha=side, va="center" if side == "left" else "bottom", fontsize=10)

    for step in range(steps):
        x, back = apart * step, steps - 1 - step
        for lane, y, colour in (("c", top, CELL), ("h", bottom, OUTPUT)):
            ax.add_patch(Circle((x, y), radius, facecolor=f"{colour}1a", edgecolor=colour, linewidth=1.6))
            ax.text(x, y, f"${lane}_{{t-{back}}}$" if back else f"${lane}_t$", ha="center", va="center", fontsize=11)
        road("up", (x, bottom), (x, top), OUTPUT)
        factor("up", x + 0.1, 0.1, "output gate", OUTPUT, "left")
        if step:
            before = x - apart
            road("cell", (x, top), (before, top), FORGET)
            road("down", (x, top), (before, bottom), INPUT)
            road("hidden", (x, bottom), (before, bottom), OUTPUT)
            factor("cell", x - apart / 2, top + 0.09, "forget gate", FORGET)
            factor("down", x - 1.1, -0.32, "input gate", INPUT, "left")
            factor("hidden", x - apart / 2, bottom - 0.26, "", OUTPUT)
    _line(ax, [last + 1.0, last + radius + 0.05], [bottom, bottom], BLAME)
    ax.text(last + 1.05, bottom, "blame", color=BLAME, va="center", fontsize=10)
    for name, y in (("cell lane", top), ("hidden lane", bottom)):
        ax.text(-0.45, y, name, ha="right", va="center", fontsize=10)
    ax.set(xlim=(-1.35, last + 1.5), ylim=(bottom - 0.32, top + 0.5), aspect="equal")
    ax.axis("off")
    return figure


def _line(ax: "Axes", xs: Sequence[float], ys: Sequence[float], colour: str, width: float = 1.6) -> None:
    """A line through these points, with an arrow's head at its end."""
    ax.plot(xs[:-1], ys[:-1], color=colour, linewidth=width)
    head = {"arrowstyle": "-|>", "color": colour, "lw": width, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 9}
    ax.annotate("", (xs[-1], ys[-1]), (xs[-2], ys[-2]), arrowprops=head)


def _numbers(ax: "Axes", x: float, y: float, name: str, wire: Wire) -> None:
    """What a wire carries: its name and value above it, the blame below."""
    value, blame = (f"{number:.3f}".replace("-", "−") for number in wire)
    ax.text(x, y + 0.15, f"{name} {value}".strip(), ha="center", va="center", fontsize=9.5)
    ax.text(x, y - 0.16, blame, color=BLAME, ha="center", va="center", fontsize=9.5)


def _sign(ax: "Axes", x: float, y: float, mark: str, colour: str) -> None:
    """A product, whose mark is a dot, or a sum, whose mark is a cross, as in the drawing of a cell."""
    ax.plot(x, y, "o", color=colour, markersize=20, markerfacecolor="none", markeredgewidth=1.6)
    ax.plot(x, y, mark, color=colour, markersize=4.5 if mark == "o" else 9, markeredgewidth=1.8)


def _box(ax: "Axes", x: float, y: float, function: str, colour: str, side: float = 0.23) -> None:
    """A function."""
    from matplotlib.patches import FancyBboxPatch

    shape = "round,pad=0,rounding_size=0.06"
    ax.add_patch(
        FancyBboxPatch((x - side, y - 0.19), 2 * side, 0.38, boxstyle=shape, facecolor=f"{colour}1a", edgecolor=colour)
    )
    ax.text(x, y, function, color=colour, ha="center", va="center", fontsize=9.5)
