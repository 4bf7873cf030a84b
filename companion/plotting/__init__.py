"""The book's palette and style, tables and tinted texts, figures that chapters share, and the drawing of a cell."""

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
    symbols,
)
from companion.plotting.tinted import TINT_STEPS, TINTS, tinted

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
    "TINTS",
    "TINT_STEPS",
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
    "symbols",
    "table",
    "tinted",
]
