"""What the book adds to its pages: figures in two kin with sizes, folded code, titles with topics, lighter heads."""

import re
from types import SimpleNamespace

import figures
import folding
import pages
import pytest
from contrast import contrast, luminance
from docutils import nodes

from companion import plotting

GROUNDS = {"light": "#ffffff", "dark": "#121212"}


def levels(colour: str) -> list[float]:
    return [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]


# -- Figures -----------------------------------------------------------------------------------------------------------


def test_every_colour_of_the_palette_has_two_kin_that_can_be_read():
    gates = plotting.FORGET, plotting.INPUT, plotting.OUTPUT, plotting.CANDIDATE
    palette = {plotting.INK, plotting.FAINT, *gates, *plotting.SERIES}
    assert not {*gates} & {*plotting.SERIES}, "the gates' colours are kept for gates"
    assert {colour.lower() for colour in palette} == figures.TEXT_ON_LIGHT.keys() == figures.ON_DARK.keys()
    for kin, ground in ((figures.TEXT_ON_LIGHT, GROUNDS["light"]), (figures.ON_DARK, GROUNDS["dark"])):
        for colour in kin.values():
            assert contrast(luminance(levels(colour)), luminance(levels(ground))) >= 4.5, (colour, ground)


@pytest.fixture
def drawn() -> str:
    import io

    import matplotlib.pyplot as plt

    plotting.style()
    figure, ax = plotting.axes(6, 3)
    ax.plot([0, 1], [0, 1], color=plotting.CANDIDATE)
    plotting.label_line(ax, 1, 1, "99% plural", plotting.CANDIDATE)
    file = io.StringIO()
    figure.savefig(file, format="svg")
    plt.close(figure)
    return file.getvalue()


def test_on_a_light_page_text_is_darker_and_lines_are_as_drawn(drawn):
    light = figures.on_light(drawn)
    assert f"stroke: {plotting.CANDIDATE.lower()}" in light
    texts = re.findall(r"<!-- 99% plural -->\s*<g style=\"fill: (#\w+)", light)
    assert texts == [figures.TEXT_ON_LIGHT[plotting.CANDIDATE.lower()]]


def test_on_a_dark_page_all_is_lighter(drawn):
    dark = figures.on_dark(drawn)
    assert not any(colour in dark for colour in figures.ON_DARK)


def test_a_figure_s_size_is_known(drawn):
    assert figures.size(drawn) == (576, 288)
    assert figures.size('<svg width="20" height="30px">') == (20, 30) and figures.size("<svg>") is None


def test_a_figure_keeps_its_shape_on_a_narrow_page():
    image = '<img alt="a" class="only-dark" src="a.svg" style="width: 60px; height: 30px;" />'
    context = {"body": f'<p>{image}</p><img src="b.svg" style="width: 1px; height: 2px;">'}
    figures.lay_out(SimpleNamespace(), "", "", context, None)
    assert 'loading="lazy" alt="a"' in context["body"] and 'width="60" height="30"' in context["body"]
    assert context["body"].endswith('<img src="b.svg" style="width: 1px; height: 2px;">')


# -- Folded code -------------------------------------------------------------------------------------------------------


def cell(code: str, output: nodes.Node | None = None, **attributes) -> nodes.container:
    source = nodes.container("", nodes.literal_block(code, code), nb_element="cell_code_source")
    made = nodes.container("", source, nb_element="cell_code", **attributes)
    if output is not None:
        made += nodes.container("", output, nb_element="cell_code_output")
    return made


TABLE = nodes.raw("", f"{folding.TABLE_MARK}</table>", format="html")


@pytest.mark.parametrize(
    ("cells", "label"),
    [
        ([cell("ax.plot(x)", nodes.image(uri="a.svg"))], folding.FIGURE),
        ([cell("draw()", nodes.raw("", "<svg></svg>", format="html"))], folding.FIGURE),
        ([cell("rows = [1]\nplotting.table(['n'], rows)", TABLE.deepcopy())], folding.TABLE),
        ([cell("costs = f()\ntable(costs)", TABLE.deepcopy()), cell("print(costs)")], None),
        ([cell("rows = f()\ntable(rows)", TABLE.deepcopy()), cell("rows = g()\nprint(rows)")], folding.TABLE),
        ([cell("rows = f()\ntable(rows)", TABLE.deepcopy()), cell("print(rows)\nrows = g()")], None),
        ([cell("import numpy as np\nset_seed(0)\nplotting.style()")], folding.SETUP),
        ([cell("import numpy as np")], None),
        ([cell("def step(x):\n    return x"), cell("step(1)")], None),
        ([cell("ax.plot(x)", nodes.image(uri="a.svg"), classes=["tag_show-input"])], None),
    ],
)
def test_what_only_shows_something_is_folded(cells, label):
    doctree = nodes.section("", *cells)
    folding.fold(SimpleNamespace(), doctree)
    first = cells[0]
    assert (first.get("prompt_show"), first.get("hide_mode")) == ((label, "input") if label else (None, None))


# -- Titles and heads --------------------------------------------------------------------------------------------------


def test_a_page_s_head_is_lighter_and_nothing_else_changes():
    head = (
        '<link href="a.css"><!-- So that users can add custom icons -->\n'
        '<script defer src="_static/scripts/fontawesome.js?digest=1"></script>'
        '<script src="searchindex.js"></script><script src="other.js"></script>'
    )
    assert pages.lighter(head) == (
        '<link href="a.css"><script defer src="searchindex.js"></script><script src="other.js"></script>'
    )


def test_no_line_ends_between_a_formula_and_its_mark_or_in_an_interval():
    paragraph = nodes.paragraph("", "", nodes.Text("3 ± 1 and "), nodes.math("", "h"), nodes.Text(". Then"))
    pages.keep_together(SimpleNamespace(), nodes.section("", paragraph))
    assert paragraph.astext() == "3 ±\N{NO-BREAK SPACE}1 and h. Then"
    (together,) = paragraph.findall(lambda node: isinstance(node, nodes.inline))
    assert together.astext() == "h." and together["classes"] == ["together"]


def test_a_page_is_described_by_its_first_sentences():
    short, long = nodes.paragraph("", "Too short."), nodes.paragraph("", "A sentence of some length. " * 12)
    text = pages.description(nodes.section("", short, long))
    assert text.startswith("A sentence") and text.endswith(" …") and len(text) <= pages.LONGEST + 2
