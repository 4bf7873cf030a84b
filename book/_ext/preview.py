"""The picture that a link to the book shows in a chat or on a social site: its name, its promise, and its board."""

from pathlib import Path

from companion import plotting
from companion.results import scoreboard

SIZE = (1200, 630)  # pixels, as such sites show it
NAME = "preview.png"
SHOWN = {
    "1gram": "single letters, counted",
    "3gram": "character trigrams, counted",
    "shakespeare-small": "a small LSTM",
    "7gram": "character 7-grams, counted",
    "shakespeare-chars": "a wider LSTM",
}


def draw(path: Path, title: str, promise: str) -> None:
    """Write the picture, a PNG."""
    import matplotlib.pyplot as plt

    rows = {row.name: row.bits_per_character for row in scoreboard.rows()}
    bits = {label: rows[name] for name, label in SHOWN.items() if name in rows}
    with plt.rc_context({"font.family": "DejaVu Sans", "svg.fonttype": "path"}):
        figure = plt.figure(figsize=(SIZE[0] / 100, SIZE[1] / 100), dpi=100, facecolor="white")
        figure.text(0.06, 0.83, title, fontsize=46, fontweight="bold", color="#1d232b")
        figure.text(0.06, 0.69, promise, fontsize=22, color="#424b57", linespacing=1.4, va="center")
        ax = figure.add_axes((0.37, 0.08, 0.55, 0.42))
        colours = [plotting.SERIES[0]] * (len(bits) - 1) + [plotting.SERIES[1]]
        ax.barh(range(len(bits)), list(bits.values()), color=colours, height=0.62)
        ax.set_yticks(range(len(bits)), list(bits), fontsize=18, color="#424b57")
        for place, value in enumerate(bits.values()):
            ax.text(value + 0.06, place, f"{value:.2f}", fontsize=18, va="center", color="#1d232b")
        ax.invert_yaxis()
        ax.set_title("bits per character of Shakespeare", fontsize=16, color="#424b57", loc="left")
        ax.set_xticks([])
        ax.spines[:].set_visible(False)
        ax.tick_params(length=0)
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)
