"""Where the words of a drawing lie, which of its lines, marks or other words cross them, and on what ground they are.

A drawing is an SVG that matplotlib wrote, with its text as outlines: a group ``text_1`` for each text, with what it
says in a comment; ``line2d_1`` and ``LineCollection_1`` for lines, and for marks at points.
"""

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from contrast import contrast, luminance

SVG, LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?"
STEP = re.compile(rf"([MLQCz])((?:[\s,]*{NUMBER})*)", re.I)
TRANSFORM = re.compile(r"(translate|scale|rotate|matrix)\(([^)]*)\)")
IDENTITY = np.eye(3)
Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Word:
    """A text of the drawing, the box around its letters, and the number of areas painted before it.

    ``colours`` has each colour of its letters, with how opaque it is.
    """

    says: str
    box: Box
    colours: frozenset[tuple[str, float]]
    before: int


def matrix(transform: str) -> np.ndarray:
    """An SVG transform as a matrix ``(3, 3)``.

    >>> matrix("translate(2 3) scale(2)").tolist()
    [[2.0, 0.0, 2.0], [0.0, 2.0, 3.0], [0.0, 0.0, 1.0]]
    """
    result = IDENTITY
    for kind, written in TRANSFORM.findall(transform):
        n = [float(number) for number in re.findall(NUMBER, written)]
        step = np.eye(3)
        if kind == "translate":
            step[:2, 2] = n if len(n) == 2 else (n[0], 0)
        elif kind == "scale":
            step[0, 0], step[1, 1] = n[0], n[-1]
        elif kind == "rotate":
            angle = np.deg2rad(n[0])
            step[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        else:
            step[:2] = np.reshape(n, (3, 2)).T
        result = result @ step
    return result


def outline(path: str) -> list[np.ndarray]:
    """The corners of each stroke of a path, ``(points, 2)``; a curve's control points stand for it."""
    strokes: list[list[tuple[float, float]]] = []
    for kind, written in STEP.findall(path):
        n = [float(number) for number in re.findall(NUMBER, written)]
        points = list(zip(n[::2], n[1::2], strict=True))
        if kind in "Mm":
            strokes.append(points)
        elif kind in "zZ":
            strokes[-1].append(strokes[-1][0])
        else:
            strokes[-1] += points
    return [np.array(stroke) for stroke in strokes]


def moved(points: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Points ``(n, 2)`` after a transform."""
    return points @ by[:2, :2].T + by[:2, 2]


class Drawing:
    """The words, lines and marks of a drawing.

    Attributes
    ----------
    words
        Its texts, without empty ones.
    lines
        ``(name, points)`` of each line, cut at the edges of its axes.
    marks
        ``(name, x, y)`` of each mark at a point.
    areas
        What is filled, in the order of painting: the corners ``(points, 2)``, the colour, and how opaque it is.
    """

    def __init__(self, svg: str) -> None:
        root = ET.fromstring(svg, ET.XMLParser(target=ET.TreeBuilder(insert_comments=True)))
        self.letters = {
            path.get("id"): [moved(stroke, matrix(path.get("transform", ""))) for stroke in outline(path.get("d", ""))]
            for path in root.iter(f"{SVG}path")
            if path.get("id")
        }
        self.clips = {
            clip.get("id"): tuple(float(rect.get(side, 0)) for side in ("x", "y", "width", "height"))
            for clip in root.iter(f"{SVG}clipPath")
            for rect in clip.iter(f"{SVG}rect")
        }
        self.words: list[Word] = []
        self.lines: list[tuple[str, np.ndarray]] = []
        self.marks: list[tuple[str, float, float]] = []
        self.areas: list[tuple[np.ndarray, str, float]] = []
        self._visit(root, "", IDENTITY, in_axis=False)

    def _visit(self, node: ET.Element, name: str, by: np.ndarray, in_axis: bool) -> None:
        if not isinstance(node.tag, str) or node.tag == f"{SVG}defs":
            return
        name = node.get("id") or name
        by = by @ matrix(node.get("transform", ""))
        in_axis = in_axis or name.startswith("matplotlib.axis")
        if name.startswith("text_") and node.get("id"):
            self._add_word(node, by)
            return
        if name.startswith(("line2d", "LineCollection")) and not in_axis:
            self._add_line(node, name, by)
        elif node.tag == f"{SVG}path" and (fill := style(node, "fill")).startswith("#"):
            for stroke in outline(node.get("d", "")):
                self.areas.append((moved(stroke, by), fill, opacity(node)))
        for child in node:
            self._visit(child, name, by, in_axis)

    def _add_word(self, group: ET.Element, by: np.ndarray) -> None:
        says = " ".join((comment.text or "").strip() for comment in group.iter(ET.Comment))
        points = list(self._letters(group, by))
        if says and points:
            low, high = np.concatenate(points).min(0), np.concatenate(points).max(0)
            lines = [part for part in group.iter(f"{SVG}g") if part.get("transform")]  # matplotlib leaves out black
            colours = frozenset((style(line, "fill") or "#000000", opacity(line)) for line in lines)
            self.words.append(Word(says, (*low, *high), colours, len(self.areas)))

    def _letters(self, node: ET.Element, by: np.ndarray) -> Iterator[np.ndarray]:
        for child in node:
            if not isinstance(child.tag, str) or child.tag == f"{SVG}defs":
                continue
            inner = by @ matrix(child.get("transform", ""))
            if child.tag == f"{SVG}use":
                for stroke in self.letters.get(child.get(LINK, "")[1:], []):
                    yield moved(stroke, inner)
            yield from self._letters(child, inner)

    def _add_line(self, node: ET.Element, name: str, by: np.ndarray) -> None:
        if node.tag == f"{SVG}path" and "stroke: none" not in node.get("style", ""):
            clip = self.clips.get(node.get("clip-path", "")[5:-1])
            for stroke in outline(node.get("d", "")):
                self.lines.append((name, within(moved(stroke, by), clip)))
        elif node.tag == f"{SVG}use":
            x, y = moved(np.array([[float(node.get("x", 0)), float(node.get("y", 0))]]), by)[0]
            self.marks.append((name, float(x), float(y)))


def style(node: ET.Element, name: str) -> str:
    """A property of an element's style; empty if it has none.

    >>> style(ET.fromstring('<path style="fill: #ffffff; stroke: none"/>'), "stroke")
    'none'
    """
    found = re.search(rf"(?:^|;)\s*{name}:\s*([^;]+)", node.get("style", ""))
    return found[1].strip() if found else ""


def opacity(node: ET.Element) -> float:
    """How opaque an element's filling is.

    >>> opacity(ET.fromstring('<path style="fill: #ffffff; opacity: 0.5"/>'))
    0.5
    """
    return float(style(node, "fill-opacity") or style(node, "opacity") or 1)


def painted(colour: str, opaque: float, behind: np.ndarray) -> np.ndarray:
    """The levels of a colour on what is behind it.

    >>> painted("#ffffff", 0.5, np.zeros(3)).tolist()
    [0.5, 0.5, 0.5]
    """
    return opaque * levels(colour) + (1 - opaque) * behind


def within(points: np.ndarray, clip: tuple[float, ...] | None) -> np.ndarray:
    """A line's points, those outside its axes moved to the edge."""
    if clip is None:
        return points
    x, y, width, height = clip
    return np.clip(points, (x, y), (x + width, y + height))


def crosses(start: np.ndarray, end: np.ndarray, box: Box) -> bool:
    """Whether a piece of a line enters a box (the method of Liang and Barsky)."""
    first, last = 0.0, 1.0
    for axis in (0, 1):
        step = end[axis] - start[axis]
        low, high = box[axis] - start[axis], box[axis + 2] - start[axis]
        if step == 0:
            if low > 0 or high < 0:
                return False
            continue
        enter, leave = sorted((low / step, high / step))
        first, last = max(first, enter), min(last, leave)
    return bool(first <= last)


def overlap(a: Box, b: Box) -> bool:
    """Whether two boxes share more than an edge."""
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def holds(corners: np.ndarray, x: float, y: float) -> bool:
    """Whether a point is inside a shape, by counting the sides to its right.

    >>> square = np.array([[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]])
    >>> holds(square, 1, 1), holds(square, 3, 1)
    (True, False)
    """
    inside = False
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        if (y0 > y) != (y1 > y) and x < x0 + (x1 - x0) * (y - y0) / (y1 - y0):
            inside = not inside
    return inside


def levels(colour: str) -> np.ndarray:
    """Red, green and blue from 0 to 1."""
    return np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])


def faint(svg: str, ground: str, least: float = 4.5) -> list[str]:
    """A line for each word whose contrast with what it is painted on is too low; ``ground`` is the page's colour."""
    drawing, found = Drawing(svg), []
    for word in drawing.words:
        left, top, right, bottom = word.box
        x, y = (left + right) / 2, (top + bottom) / 2
        behind = levels(ground)
        for corners, colour, opaque in drawing.areas[: word.before]:
            if holds(corners, x, y):
                behind = painted(colour, opaque, behind)
        lowest = min(contrast(luminance(painted(*colour, behind)), luminance(behind)) for colour in word.colours)
        if lowest < least:
            found.append(f"{word.says!r} has a contrast of {lowest:.1f}")
    return list(dict.fromkeys(found))


def faults(svg: str) -> list[str]:
    """A line for each word of the drawing that another word, a line or a mark crosses."""
    drawing, found = Drawing(svg), []
    for number, word in enumerate(drawing.words):
        for other in drawing.words[number + 1 :]:
            if overlap(word.box, other.box):
                found.append(f"{word.says!r} lies on {other.says!r}")
        for name, points in drawing.lines:
            if any(crosses(a, b, word.box) for a, b in itertools.pairwise(points)):
                found.append(f"{word.says!r} is struck by {name}")
        for name, x, y in drawing.marks:
            left, top, right, bottom = word.box
            if left < x < right and top < y < bottom:
                found.append(f"{word.says!r} lies on a mark of {name}")
    return list(dict.fromkeys(found))
