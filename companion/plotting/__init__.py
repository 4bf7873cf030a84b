"""The book's palette and style, its tables, the figures that several chapters share, and the drawing of a cell."""

from companion.plotting.diagram import COLUMNS, PARTS, SYMBOLS, cell_diagram, cell_svg
from companion.plotting.figures import along_text, attention_map, dots
from companion.plotting.tables import table
from companion.plotting.theme import (
    CANDIDATE,
    CELL,
    FAINT,
    FORGET,
    INK,
    INPUT,
    OUTPUT,
    SERIES,
    STRONGEST_TINT,
    TOKEN_TINTS,
    axes,
    label_line,
    rectangle,
    style,
)

__all__ = [
    "CANDIDATE",
    "CELL",
    "COLUMNS",
    "FAINT",
    "FORGET",
    "INK",
    "INPUT",
    "OUTPUT",
    "PARTS",
    "SERIES",
    "STRONGEST_TINT",
    "SYMBOLS",
    "TOKEN_TINTS",
    "along_text",
    "attention_map",
    "axes",
    "cell_diagram",
    "cell_svg",
    "dots",
    "label_line",
    "rectangle",
    "style",
    "table",
]
