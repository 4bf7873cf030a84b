"""A figure as a page shows it: drawn once by its cell, in two kin of the palette, one for each theme, with its size.

Matplotlib draws with mid tones on no ground. Text in such tones is too faint on white and too dark on black, so each
figure becomes two files: in one, text is darker; in the other, text and lines are lighter. A page holds both, and the
theme shows one. Sizes are written into the page, so that nothing moves when a figure arrives.
"""

import re
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

# Each colour of `companion.plotting`: as text on a light page, and on a dark one as text or line. `tests/contrast.py`
# holds them, and what is drawn, to 4.5 to 1.
TEXT_ON_LIGHT = {
    "#757575": "#424b57",
    "#9a9a9a": "#5d6673",
    "#d55e00": "#b04800",
    "#e69f00": "#855700",
    "#009e73": "#00735a",
    "#0072b2": "#00649c",
    "#4b3fae": "#4b3fae",
    "#cc6677": "#a8324c",
    "#2f9c8c": "#1f7267",
    "#8a8a2b": "#666620",
    "#882255": "#882255",
    "#5f6b7a": "#515c6a",
}
ON_DARK = {
    "#757575": "#c3c9d2",
    "#9a9a9a": "#98a1ae",
    "#d55e00": "#ff9a57",
    "#e69f00": "#f2b84b",
    "#009e73": "#3fcfa4",
    "#0072b2": "#6cbdf0",
    "#4b3fae": "#a9a0ff",
    "#cc6677": "#f29aa8",
    "#2f9c8c": "#63d2c0",
    "#8a8a2b": "#d2d26a",
    "#882255": "#e894c0",
    "#5f6b7a": "#a9b3c1",
}
BLACK = "#121212"
COLOUR = re.compile(r"#[0-9a-f]{6}\b", re.I)
# The letters of a line of text: only they are groups that are filled and moved.
TEXT = re.compile(r'(<g style="fill: )(#[0-9a-f]{6})(?=[^>]*\btransform=)', re.I)
SIZE = re.compile(r'<svg\b[^>]*?\bwidth="([\d.]+)(pt|px)?"[^>]*?\bheight="([\d.]+)(pt|px)?"', re.S)
FIGURE = re.compile(r"<img [^>]*\bonly-(?:light|dark)\b[^>]*>")
PIXELS = {"pt": 4 / 3, "px": 1.0, None: 1.0}


def on_light(svg: str) -> str:
    """The drawing for a light page: text in the darker kin of its colour."""
    return TEXT.sub(lambda found: found[1] + TEXT_ON_LIGHT.get(found[2].lower(), found[2]), svg)


def on_dark(svg: str) -> str:
    """The drawing for a dark page: all of the palette's colours in their lighter kin, white text on them in black."""
    dark = COLOUR.sub(lambda found: ON_DARK.get(found[0].lower(), found[0]), svg)
    return TEXT.sub(lambda found: found[1] + (BLACK if found[2].lower() == "#ffffff" else found[2]), dark)


def size(svg: str) -> tuple[int, int] | None:
    """Width and height in pixels, as the drawing asks for; None if it doesn't."""
    found = SIZE.search(svg)
    if found is None:
        return None
    return round(float(found[1]) * PIXELS[found[2]]), round(float(found[3]) * PIXELS[found[4]])


def is_drawn_by_a_cell(image: nodes.image) -> bool:
    """Whether the image is a figure of matplotlib's that came out of a cell."""
    return image["uri"].endswith(".svg") and any("cell_output" in parent.get("classes", []) for parent in _above(image))


def _above(node: nodes.Node) -> list[nodes.Element]:
    found: list[nodes.Element] = []
    while node.parent is not None:
        node = node.parent
        found.append(node)
    return found


def draw_twice(app: Sphinx, doctree: nodes.document) -> None:
    """Give each figure of a page its two files and its size."""
    if app.builder.format != "html":
        return
    page = app.env.docname
    for image in list(doctree.findall(nodes.image)):
        path = Path(app.srcdir) / image["uri"]
        if not is_drawn_by_a_cell(image) or not path.is_file():
            continue
        svg = path.read_text(encoding="utf-8")
        if (found := size(svg)) is not None:
            image["width"], image["height"] = map(str, found)
        kin = []
        for theme, drawn in (("light", on_light(svg)), ("dark", on_dark(svg))):
            file = path.with_name(f"{path.stem}-{theme}.svg")
            if not file.exists() or file.read_text(encoding="utf-8") != drawn:
                file.write_text(drawn, encoding="utf-8")
            one = image.deepcopy()
            one["uri"] = Path(image["uri"]).with_name(file.name).as_posix()
            one["candidates"] = {"*": one["uri"]}
            one["classes"] = [*image["classes"], f"only-{theme}"]
            app.env.images.add_file(page, one["uri"])
            kin.append(one)
        image.replace_self(kin)


def lay_out(app: Sphinx, pagename: str, templatename: str, context: dict, doctree: object) -> None:
    """Have a figure keep its shape on a narrow page, and be loaded only when it comes into sight in its theme."""
    if "body" in context:
        context["body"] = FIGURE.sub(lambda figure: laid_out(figure[0]), context["body"])


def laid_out(image: str) -> str:
    """An image's element with its size as attributes, which CSS can scale, and not as a style.

    >>> laid_out('<img class="only-dark" src="a.svg" style="width: 60px; height: 30px;" />')
    '<img loading="lazy" class="only-dark" src="a.svg" width="60" height="30" />'
    """
    image = re.sub(r'style="width: (\d+)px; height: (\d+)px;"', r'width="\1" height="\2"', image)
    return image.replace("<img ", '<img loading="lazy" ', 1)


def setup(app: Sphinx) -> dict:
    app.connect("doctree-read", draw_twice)
    app.connect("html-page-context", lay_out)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
