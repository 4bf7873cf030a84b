"""Models in the page: they compute what the companion computes, and keyboard, finger and screen reader can use them."""

import functools
import http.server
import io
import json
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import numpy as np
import page_models
import pytest
from bs4 import BeautifulSoup
from conftest import HTML, built_pages
from contrast import contrast, luminance
from notebooks import Chapter
from page_models import WIDGETS, counts_script, described_files, element, network_script, script, write_models
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace, patch_docutils

from companion.chapters.inside import memory_data
from companion.corpora import dates
from companion.generation import Sampler, decode, generate, sample_ids, stepper
from companion.generation.sampling import softmax
from companion.ngrams import NGramModel
from companion.recipes import ENCODER_DECODER, LANGUAGE_MODEL, TRANSFORMER, Trained, load_model, load_recipe
from companion.tokenizers import BPETokenizer, CharTokenizer, PairVocabulary, Vocabulary, split_pieces

sync_api = pytest.importorskip("playwright.sync_api")
STATIC = Path(__file__).resolve().parents[1] / "book" / "_static"
CODE = STATIC / page_models.FOLDER
CHARACTERS = "abcdefghijkl"
CELLS = {"position in line": 17, "in prose": 211}
FLAGS = ["--no-sandbox", "--disable-gpu", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts of the book's models, as a build writes them."""
    folder = tmp_path_factory.mktemp("models")
    write_models(folder, page_models.MODELS)
    return folder


@pytest.fixture(scope="module")
def pages(models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder like the book's, with a page for each widget that has the styles and scripts of the book's pages."""
    folder = tmp_path_factory.mktemp("pages")
    shutil.copytree(STATIC, folder / "_static")
    for path in models.glob("*.js"):
        shutil.copyfile(path, folder / "_static" / "models" / f"{path.stem.rpartition('-')[0]}.js")
    files = described_files(CODE, models)
    units = load_recipe("shakespeare-chars").sizes["units"]
    memory = np.random.default_rng(3).normal(size=(4, 5, units))
    data = {"memory": memory_data(CELLS, memory, "\n\n", "I am no fool,  \nsir.").data}
    for kind in WIDGETS:
        before, after = element(kind, {}, files)
        widget = f"{data.get(kind, '')}{before}<p>A passage that everybody can read.</p>{after}"
        (folder / f"{kind}.html").write_text(page(widget), encoding="utf-8")
    (folder / "core.html").write_text(
        page("", *(path.stem for path in CODE.glob("*.js") if path.stem not in WIDGETS and path.stem != "page-models")),
        encoding="utf-8",
    )
    return folder


def page(widget: str, *scripts: str) -> str:
    """A page with a widget and with some scripts."""
    dark = "matchMedia('(prefers-color-scheme: dark)').matches"
    first = ["controls", "arrays", "lstm"]  # which others use
    ordered = ["page-models", *first, *sorted(set(scripts) - set(first))] if scripts else ["page-models"]
    return "".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Models</title>',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<script>document.documentElement.dataset.theme = {dark} ? 'dark' : 'light'</script>",
            "<style>html[data-theme=light] { --pst-color-background: #fff; --pst-color-border: #ccc }",
            "html[data-theme=dark] { --pst-color-background: #121212; --pst-color-border: #444 }",
            "html[data-theme=dark] body { background: #121212; color: #ced6dd }</style>",
            *(f'<link rel="stylesheet" href="_static/{name}">' for name in ("custom.css", page_models.STYLE)),
            *(f'<script src="_static/models/{name}.js"></script>' for name in ordered),
            "</head><body><main>",
            f"{widget}</main></body></html>",
        ]
    )


@pytest.fixture(scope="module")
def browser() -> Iterator:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not chromium:
        pytest.skip("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def core(browser, pages: Path) -> Iterator:
    """A page with the networks' code alone."""
    page = browser.new_page()
    page.goto((pages / "core.html").as_uri())
    yield page
    page.close()


# -- the same numbers as the companion ---------------------------------------------------------------------------------


def trained(kind: str, bits: int, folder: Path) -> Trained:
    """A small network with random weights, stored in a folder with so many bits."""
    from companion.models import language_model, transformer_model

    size = len(CHARACTERS) + 1
    if kind == "lstm":
        sizes = {"vocab_size": size, "embedding_dim": 5, "units": 7, "num_layers": 2}
        made, model = LANGUAGE_MODEL, language_model(**sizes)
    else:
        sizes = {"vocab_size": size, "hidden_dim": 12, "num_layers": 2, "num_heads": 3, "context": 6}
        made, model = TRANSFORMER, transformer_model(**sizes)
    rng = np.random.default_rng(5)
    for variable in model.trainable_variables:  # no zeros and ones, so that a missing bias or scale would show
        variable.assign(variable + rng.normal(0, 0.5, variable.shape).astype(np.float32))
    Trained(model, CharTokenizer(CHARACTERS), sizes, kind=made).save(folder, bits)
    return load_model(folder)


def steps(core, kind: str, name: str, ids: list[int]) -> np.ndarray:
    """The logits after each id, as the page computes them."""
    code = """([kind, name, ids]) => {
      const stepper = pageModels[kind](name), state = stepper.start();
      return ids.map((id) => Array.from(stepper.step(id, state)));
    }"""
    return np.array(core.evaluate(code, [kind, name, ids]))


def companion_steps(model, ids: list[int]) -> np.ndarray:
    """The logits after each id, as the companion computes them."""
    stepping = stepper(model)
    state, rows = stepping.start(1), []
    for token in ids:
        logits, state = stepping.step(np.array([token]), state)
        rows.append(logits[0])
    return np.array(rows)


@pytest.mark.parametrize("bits", [32, 16, 8])
@pytest.mark.parametrize("kind", ["lstm", "transformer"])
def test_a_network_equals_the_companion_s(core, tmp_path: Path, kind: str, bits: int) -> None:
    """Over a text of several contexts, so that the Transformer's ring is used more than once."""
    network = trained(kind, bits, tmp_path / kind)
    core.add_script_tag(content=network_script(kind, tmp_path / kind))
    ids = np.random.default_rng(0).integers(0, len(CHARACTERS) + 1, 25).tolist()
    wanted = companion_steps(network.model, ids)
    assert np.ptp(wanted) > 1  # so that a difference would show
    np.testing.assert_allclose(steps(core, kind, kind, ids), wanted, atol=1e-3)


@pytest.mark.parametrize("order", [1, 2, 4])
def test_counts_equal_the_companion_s(core, order: int) -> None:
    """With n-grams that occur so often that their count takes more than a byte, and with contexts never seen."""
    rng = np.random.default_rng(1)
    ids = np.concatenate([rng.integers(0, 5, 3000), np.tile([0, 1, 2, 3], 400), rng.integers(0, 9, 300)])
    model = NGramModel(order, vocab_size=len(CHARACTERS)).fit(ids)
    core.add_script_tag(content=counts_script(f"counts-{order}", model, CHARACTERS))
    text = [*rng.integers(0, 12, 40).tolist(), 0, 1, 2, 3, 0, 1]
    assert model.longest_match(text).min() < order
    np.testing.assert_allclose(steps(core, "counts", f"counts-{order}", text), companion_steps(model, text), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("shakespeare-chars", "lstm"), ("shakespeare-transformer", "transformer"), ("shakespeare-6gram", "counts")],
)
def test_the_book_s_models_equal_the_companion_s(core, pages: Path, name: str, kind: str) -> None:
    core.add_script_tag(path=pages / "_static" / "models" / f"{name}.js")
    ids = load_recipe(name).text_tokenizer.encode("**ROMEO**  \nBut soft, what light").tolist()
    np.testing.assert_allclose(steps(core, kind, name, ids), companion_steps(load_recipe(name).model, ids), atol=1e-3)


def test_an_encoder_decoder_equals_the_companion_s(core, tmp_path: Path) -> None:
    """Logits and attention while it writes a target, and what it writes by itself."""
    from companion.generation.from_source import SourceStepper
    from companion.models.encoder_decoder import encoder_decoder, source_attention

    words = PairVocabulary(Vocabulary("abcdefg"), Vocabulary("uvwxyz"))
    sizes = {"source_vocab": 11, "target_vocab": 10, "embedding_dim": 5, "units": 8, "attention": "multiplicative"}
    model = encoder_decoder(**sizes)
    rng = np.random.default_rng(7)
    for variable in model.trainable_variables:
        variable.assign(variable + rng.normal(0, 0.6, variable.shape).astype(np.float32))
    Trained(model, words, sizes, kind=ENCODER_DECODER).save(tmp_path / "pairs", 16)
    model = load_model(tmp_path / "pairs").network
    core.add_script_tag(content=network_script("pairs", tmp_path / "pairs"))
    source, target = [4, 9, 6, 6, 10, 5], [5, 8, 4, 9]
    code = """([source, target]) => {
      const network = pageModels.encoderDecoder("pairs"), { start, step } = network.reader(source), state = start();
      const steps = target.map((id) => step(id, state));
      const written = [...network.written(source, 12)].map(({ id }) => id);
      return [steps.map(({ logits }) => [...logits]), steps.map(({ looks }) => [...looks]), written];
    }"""
    logits, looks, written = core.evaluate(code, [source, [2, *target]])
    stepping = SourceStepper(model, [source])
    state, wanted = stepping.start(1), []
    for token in [2, *target]:
        row, state = stepping.step(np.array([token]), state)
        wanted.append(row[0])
    np.testing.assert_allclose(logits, wanted, atol=1e-3)
    np.testing.assert_allclose(looks, source_attention(model, source, target), atol=1e-3)
    assert [i for i in written if i != 3] == decode(model, [source], max_tokens=12)[0]


TEXTS = [
    "I'll read 2 books,  now.",
    "the 23rd_of  May, 1999\n\n  we’ve Zürich ½ x² 3.14",
    "少见的词，可以用几个小块。🎭 \tnaïve--'tis\u00a0so!  ",
]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_cut_as_the_companion_cuts_them(core, text: str) -> None:
    assert core.evaluate("text => pageModels.splitPieces(text)", text) == split_pieces(text)
    assert core.evaluate("text => pageModels.englishTokens(text)", text) == dates.english_tokens(text)
    tokenizer = BPETokenizer.train("the books that we read, the books 少见 少 we read now, naïve " * 3, 256 + 60)
    merges = [" ".join(pair) for pair in tokenizer.merges]
    for number in (0, 1, 20, len(merges)):
        got = core.evaluate(
            "([merges, text, n]) => pageModels.bytePairs(merges).tokenize(text, n)", [merges, text, number]
        )
        assert got == BPETokenizer(tokenizer.merges[:number]).tokenize(text)


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**32 - 1])
def test_random_numbers_are_numpy_s(core, seed: int) -> None:
    code = "(seed) => { const next = pageModels.generator(seed); return Array.from({ length: 300 }, next); }"
    assert core.evaluate(code, seed) == np.random.default_rng(seed).random(300).tolist()


@pytest.mark.parametrize(
    "settings",
    [{}, {"temperature": 0.3}, {"top_k": 3}, {"top_p": 0.6}, {"temperature": 1.7, "top_k": 6, "top_p": 0.8}],
)
def test_probabilities_equal_the_companion_s(core, settings: dict) -> None:
    """Some of the logits are equal, so that ties are decided in the same way."""
    logits = np.random.default_rng(2).integers(-3, 4, (50, 9)).astype(float)
    code = "([rows, settings]) => rows.map((row) => Array.from(pageModels.probabilities(row, settings)))"
    got = core.evaluate(code, [logits.tolist(), settings])
    np.testing.assert_allclose(got, Sampler(**settings).probabilities(logits), atol=1e-12)


class MinP:
    """Min-p after the temperature, as the exercise *generation-min-p* defines it: the twin of the page's sampler."""

    def __init__(self, temperature: float, min_p: float) -> None:
        self.temperature, self.min_p = temperature, min_p

    def choose(self, logits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        p = softmax(np.asarray(logits[0], dtype=float) / self.temperature)
        p = np.where(p >= self.min_p * p.max(), p, 0)
        return np.array([(p.cumsum() > rng.random() * p.sum()).argmax()])


WRITE = """([kind, name, prompt, count, seed, settings]) => {
  const { probabilities, draw, characters } = pageModels;
  const stepper = pageModels[kind](name), state = stepper.start(), random = pageModels.generator(seed);
  const tokenizer = characters(name);
  let logits, text = "";
  for (const id of tokenizer.encode(prompt)) logits = stepper.step(id, state);
  for (let n = 0; n < count; n++) {
    const id = draw(probabilities(logits, settings), random);
    text += tokenizer.tokens[id];
    logits = stepper.step(id, state);
  }
  return text;
}"""


@pytest.mark.parametrize(
    ("name", "kind", "settings"),
    [
        ("shakespeare-chars", "lstm", {"temperature": 0.6}),
        ("shakespeare-chars", "lstm", {"temperature": 1.2, "top_k": 20, "top_p": 0.9}),
        ("shakespeare-transformer", "transformer", {}),
        ("shakespeare-6gram", "counts", {"temperature": 0.8}),
    ],
)
def test_the_same_seed_writes_the_same_text(core, pages: Path, name: str, kind: str, settings: dict) -> None:
    core.add_script_tag(path=pages / "_static" / "models" / f"{name}.js")
    loaded, prompt = load_recipe(name), "**LADY MACBETH**  \n"
    count = 420 if settings == {"temperature": 0.6} else 150  # the passage on the book's first page, to its end
    wanted = generate(loaded.model, loaded.text_tokenizer, prompt, count, **settings, seed=3)
    assert core.evaluate(WRITE, [kind, name, prompt, count, 3, settings]) == wanted
    assert core.evaluate(WRITE, [kind, name, prompt, count, 4, settings]) != wanted


def test_min_p_is_that_of_the_exercise(core, pages: Path) -> None:
    name = "shakespeare-transformer"
    core.add_script_tag(path=pages / "_static" / "models" / f"{name}.js")
    loaded = load_recipe(name)
    tokenizer, prompt = loaded.text_tokenizer, "**ROMEO**  \n"
    ids = sample_ids(loaded.model, tokenizer.encode(prompt), 100, MinP(1.3, 0.1), seed=2)
    settings = {"temperature": 1.3, "min_p": 0.1}
    assert core.evaluate(WRITE, ["transformer", name, prompt, 100, 2, settings]) == tokenizer.decode(ids[0])


# -- the widgets -------------------------------------------------------------------------------------------------------


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(pages: Path) -> Iterator[str]:
    """The address of the pages, served on this machine only."""

    handler = functools.partial(Quiet, directory=str(pages))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture
def visit(browser, pages: Path, site: str) -> Iterator[Callable]:
    """A function that opens the page of a widget; nothing may go wrong on it, and no other host may be asked."""
    opened, troubles, contexts = [], [], []

    def visit(kind: str, served: bool = False, **settings):
        context = browser.new_context(**{"viewport": {"width": 1000, "height": 900}} | settings)
        contexts.append(context)
        context.set_default_timeout(30_000)
        page = context.new_page()
        page.requests = []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("console", lambda m: troubles.append(m.text) if m.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        address = site if served else pages.as_uri() + "/"
        page.goto(f"{address}{kind}.html")
        opened.append((page, address))
        return page

    yield visit
    for page, address in opened:
        others = [url for url in page.requests if not url.startswith((address, "data:"))]
        assert not others
    assert [text for text in troubles if "favicon" not in text and "404" not in text] == []
    for context in contexts:
        context.close()


def started(page, kind: str):
    """The widget after the reader's first click."""
    page.get_by_role("button", name=WIDGETS[kind].button).click()
    page.locator(".page-model .widget").wait_for()
    return page.locator(".page-model")


@pytest.mark.parametrize("served", [False, True], ids=["file", "http"])
@pytest.mark.parametrize("kind", WIDGETS)
def test_nothing_is_loaded_before_the_first_click(visit, kind: str, served: bool) -> None:
    page = visit(kind, served)
    before = {url.rpartition("/")[2].partition("?")[0] for url in page.requests}
    assert before == {f"{kind}.html", "custom.css", "page-models.css", "page-models.js"} | (before & {"favicon.ico"})
    assert page.get_by_text("A passage that everybody can read.").is_visible()
    started(page, kind)
    after = {url.rpartition("/")[2].partition("?")[0].removesuffix(".js") for url in page.requests}
    assert {*page_models.BASICS, *WIDGETS[kind].code, *WIDGETS[kind].models} <= after | {f"{name}.js" for name in after}
    assert not page.get_by_text("A passage that everybody can read.").is_visible()
    assert page.evaluate("document.activeElement.closest('.widget') !== null")


@pytest.mark.parametrize("kind", WIDGETS)
def test_without_javascript_the_passage_is_there(browser, pages: Path, kind: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((pages / f"{kind}.html").as_uri())
    assert page.get_by_text("A passage that everybody can read.").is_visible()
    assert not page.locator("button").is_visible()
    assert page.get_by_text("It needs JavaScript.").is_visible()
    context.close()


def test_a_script_that_is_missing_is_said(visit, pages: Path) -> None:
    page = visit("write-on", True)
    page.route("**/shakespeare-chars.js*", lambda route: route.fulfill(status=404))
    page.get_by_role("button", name="Write in this page").click()
    page.get_by_text("can't be loaded. Try again.").wait_for()
    assert page.get_by_role("button", name="Write in this page").is_enabled()


# Text that is too faint, boxes that are too small for a finger, and how far the page is wider than the window.
FAULTS = """() => {
  const parse = (colour) => (colour.match(/[\\d.]+/g) ?? []).map(Number);
  const inks = [];
  for (const element of document.querySelectorAll(".page-model *")) {
    const has = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!has || !element.checkVisibility() || element.closest("button:disabled")) continue;
    if (element.getBoundingClientRect().width < 2) continue; // for screen readers alone
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    inks.push([parse(getComputedStyle(element).color), layers.reverse(), element.outerHTML.slice(0, 90)]);
  }
  const small = [...document.querySelectorAll(".page-model :is(button, input, select, textarea)")]
    .filter((e) => e.checkVisibility()).map((e) => [e.getBoundingClientRect(), e.outerHTML.slice(0, 90)])
    .filter(([box]) => box.height < 24 || box.width < 24).map(([, html]) => html);
  return { inks, small, wide: document.documentElement.scrollWidth - document.documentElement.clientWidth };
}"""


def over(colour: list[float], behind: list[float]) -> list[float]:
    """A colour, perhaps translucent, over another."""
    if not colour:
        return behind
    share = colour[3] if len(colour) > 3 else 1.0
    return [share * a + (1 - share) * b for a, b in zip(colour[:3], behind, strict=True)]


@pytest.mark.parametrize(("width", "scheme"), [(375, "light"), (1000, "dark")])
@pytest.mark.parametrize("kind", WIDGETS)
def test_it_fits_and_can_be_read(visit, kind: str, width: int, scheme: str) -> None:
    touch = width < 600
    page = visit(kind, viewport={"width": width, "height": 800}, color_scheme=scheme, has_touch=touch)
    button = page.get_by_role("button", name=WIDGETS[kind].button)
    button.tap() if touch else button.click()
    page.locator(".page-model .widget").wait_for()
    faults = page.evaluate(FAULTS)
    assert faults["wide"] <= 0
    assert faults["small"] == []
    for ink, layers, html in faults["inks"]:
        ground = functools.reduce(lambda below, layer: over(layer, below), layers, [255.0, 255.0, 255.0])
        one, other = (luminance([v / 255 for v in colour]) for colour in (over(ink, ground), ground))
        assert contrast(one, other) >= 4.5, html


@pytest.mark.parametrize("kind", WIDGETS)
def test_axe_finds_nothing(visit, kind: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    page = visit(kind, served=True)
    started(page, kind)
    rules = {"region", "page-has-heading-one", "landmark-one-main"}  # about a whole page
    found = axe.Axe().run(page).response["violations"]
    assert [(rule["id"], [n["html"][:120] for n in rule["nodes"]]) for rule in found if rule["id"] not in rules] == []


CONTROLS = ".widget :is(button, input, select, textarea, [tabindex='0'])"


@pytest.mark.parametrize("kind", WIDGETS)
def test_by_keyboard_alone(visit, kind: str) -> None:
    """A widget is started, all of its controls are reached, and each of them is seen to have the focus."""
    page = visit(kind)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".page-model .widget").wait_for()
    assert page.evaluate("document.activeElement.closest('.widget') !== null")
    for _ in range(page.locator(CONTROLS).count() + 5):
        page.keyboard.press("Tab")
        page.evaluate(
            """() => {
              const e = document.activeElement, { outlineStyle, outlineWidth } = getComputedStyle(e);
              e.dataset.reached = outlineStyle !== "none" && parseFloat(outlineWidth) >= 1;
            }"""
        )
    reached = page.locator(CONTROLS).evaluate_all(
        "all => all.map((e) => [e.dataset.reached, e.outerHTML.slice(0, 80)])"
    )
    assert [html for was, html in reached if was != "true"] == []


def wait_for_letters(page, count: int) -> None:
    """Wait until so many characters are on the paper."""
    page.wait_for_function("n => document.querySelector('.paper').textContent.length >= n", arg=count)


def test_write_on_by_keyboard_writes_what_the_companion_writes(visit) -> None:
    """Start, pause, type a beginning and write, without a pointer; the text is that of `generate` with this seed."""
    page = visit("write-on")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator(".page-model .paper").wait_for()
    wait_for_letters(page, 20)  # it writes at once
    page.keyboard.press("Enter")
    text = page.locator(".paper").text_content()
    page.wait_for_timeout(200)
    assert page.locator(".paper").text_content() == text, "it was paused"
    while page.evaluate("document.activeElement.tagName") != "TEXTAREA":
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Control+A")
    page.keyboard.type("**ROMEO**")
    page.keyboard.press("Enter")
    page.locator(".candidates button:enabled").first.wait_for()
    while page.evaluate("document.activeElement.textContent") != "Write":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    wait_for_letters(page, 60)
    page.keyboard.press("Enter")
    text = page.locator(".paper").text_content()
    loaded, given = load_recipe("shakespeare-chars"), "**ROMEO**\n"
    count = len(text) - len(given)
    assert page.get_by_role("status").text_content() == f"Paused after {count} letters."
    assert text == given + generate(loaded.model, loaded.text_tokenizer, given, count, temperature=0.8, seed=1)


def test_write_on_shows_the_candidates_and_lets_the_reader_choose(visit) -> None:
    page = visit("write-on")
    widget = started(page, "write-on")
    widget.get_by_label("Your beginning").fill("What country, friends, is th")
    loaded = load_recipe("shakespeare-chars")
    ids = loaded.text_tokenizer.encode("What country, friends, is th")
    p = Sampler(temperature=0.8).probabilities(companion_steps(loaded.model, ids.tolist())[-1])
    names = [loaded.text_tokenizer.tokens[i].replace(" ", "␣") for i in np.argsort(-p, kind="stable")[:8]]
    page.wait_for_function("name => document.querySelector('.candidates .name').textContent === name", arg=names[0])
    assert widget.locator(".candidates .name").all_text_contents() == names
    assert widget.locator(".candidates button").first.text_content() == f"{names[0]}{100 * p.max():.0f}%"
    widget.get_by_label("top-k").fill("2")
    assert widget.locator(".candidates .cut").count() == 6
    assert widget.locator(".candidates button").nth(2).get_attribute("aria-label") == f"Take {names[2]}: cut off"
    widget.locator(".candidates button").nth(2).click()
    assert widget.locator(".paper").text_content() == f"What country, friends, is th{names[2]}"
    assert widget.locator(".paper u").text_content() == names[2]
    assert widget.get_by_role("status").text_content().startswith(f"You took {names[2]}.")
    widget.get_by_label("Your beginning").fill("I’ll say “go” …")  # as phones write it
    page.wait_for_function("""() => document.querySelector(".paper").textContent === `I'll say "go" ...`""")
    widget.get_by_label("Your beginning").fill("Grüß 世")
    page.get_by_text("Never read in training: ü ß 世. Please leave that out.").wait_for()
    assert widget.get_by_role("button", name="Write", exact=True).is_disabled()


def test_write_on_starts_again_with_the_same_text_and_with_another_seed_writes_another(visit) -> None:
    page = visit("write-on")
    widget = started(page, "write-on")
    texts = []
    for button in ("Start again", "Start again", "Another seed"):
        widget.get_by_role("button", name=button).click()
        if button == "Another seed":
            wait_for_letters(page, 13)
        else:
            page.locator(".candidates button:enabled").first.wait_for()
            for _ in range(10):
                widget.get_by_role("button", name="One letter").click()
        texts.append(widget.locator(".paper").text_content()[:11])
    assert texts[0] == texts[1] != texts[2]
    assert widget.get_by_label("Seed", exact=True).input_value() == "2"


def test_those_who_ask_for_less_motion_get_the_text_in_lumps(visit) -> None:
    page = visit("write-on", reduced_motion="reduce")
    started(page, "write-on")
    wait_for_letters(page, 2)
    assert (len(page.locator(".paper").text_content()) - 1) % 40 == 0
    assert page.evaluate("document.getAnimations().length") == 0


def bits(name: str, text: str) -> np.ndarray:
    """What each character of a text costs a model after the heading of a speech."""
    loaded = load_recipe(name)
    ids = loaded.text_tokenizer.encode("**MACBETH**  \n" + text)
    p = softmax(companion_steps(loaded.model, ids.tolist()[:-1]).astype(float)[-len(text) :])
    return -np.log2(p[np.arange(len(text)), ids[-len(text) :]])


def test_three_readers_pay_what_the_companion_s_pay(visit) -> None:
    page = visit("three-readers")
    widget = started(page, "three-readers")
    text = "To be thus is nothing,\nBut to be safely thus."
    widget.get_by_label("Your text").fill(text)
    page.wait_for_function("n => document.querySelectorAll('.priced span').length === 3 * n", arg=len(text))
    costs = [bits(name, text) for name in ("shakespeare-6gram", "shakespeare-chars", "shakespeare-transformer")]
    for row, (name, cost) in enumerate(zip(("Counts", "LSTM", "Transformer"), costs, strict=True)):
        cells = widget.locator("tbody tr").nth(row).locator("th, td").all_text_contents()
        assert cells == [name, f"{cost.sum():.1f}", f"{cost.mean():.2f}"]
        tints = widget.locator(".priced").nth(row).locator("span")
        assert tints.evaluate_all("spans => spans.map((s) => s.className.match(/bits-(\\d)/)[1]).join('')") == "".join(
            str(min(int(c), 6)) for c in cost
        )
    best = ["the counts", "the LSTM", "the Transformer"][int(np.argmin([c.sum() for c in costs]))]
    assert best in widget.get_by_role("status").text_content()
    pointer = widget.get_by_label("Letter")
    pointer.focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    wanted = ", ".join(f"{n} {c[3]:.1f}" for n, c in zip(("Counts", "LSTM", "Transformer"), costs, strict=True))
    assert pointer.get_attribute("aria-valuetext") == f"4, “b”: {wanted} bits"
    assert widget.locator(".priced .chosen").all_text_contents() == ["b", "b", "b"]
    widget.locator(".priced").nth(1).locator("span").nth(6).click()
    assert pointer.input_value() == "7"
    widget.get_by_label("Your text").fill("日")
    page.get_by_text("Never read in training: 日. Please leave that out.").wait_for()


def test_the_memory_is_that_of_the_network(visit) -> None:
    page = visit("memory")
    widget = started(page, "memory")
    text = "Ho!\n**VIOLA**"
    widget.get_by_label("Your text").fill(text)
    page.wait_for_function("n => document.querySelectorAll('.strip b').length === n", arg=len(text))
    loaded = load_recipe("shakespeare-chars")
    stepping, held = stepper(loaded.model), []
    state = stepping.start(1)
    for token in loaded.text_tokenizer.encode("\n\n" + text):
        _, state = stepping.step(np.array([token]), state)
        held.append(state[1][0])

    def shown(at: int, cells: dict) -> str:
        values = (f"{name} {held[at + 1][number]:.2f}".replace("-", "−") for name, number in cells.items())
        return f"{at}, “{text[at - 1]}”: {', '.join(values)}"

    pointer = widget.get_by_label("Letter")
    pointer.fill("3")
    assert pointer.get_attribute("aria-valuetext") == shown(3, CELLS)
    widget.get_by_label("in prose").uncheck()
    widget.get_by_label("any other").fill("400")
    assert pointer.get_attribute("aria-valuetext") == shown(3, {"position in line": 17, "cell 400": 400})
    assert widget.locator(".strip i").count() == 2 * len(text)
    usual = json.loads(page.locator("[data-page-model=memory]").text_content())
    value = (held[4][17] - usual["mean"][17]) / (2 * usual["spread"][17])
    box = widget.locator(".strip .column").nth(2).locator("i").first
    assert box.get_attribute("class") == ("low" if value < 0 else "high")
    assert float(box.evaluate("e => e.style.getPropertyValue('--share')")) == pytest.approx(
        min(abs(value), 1), abs=1e-3
    )


def test_data_within_a_page_say_what_is_usual_for_each_cell() -> None:
    memory = np.array([[[1.0, -2.0], [3.0, 4.0]]])
    content = memory_data({"in prose": np.int64(1)}, memory, "</script>", "é").data
    assert content.count("</") == 1
    data = json.loads(BeautifulSoup(content, "html.parser").script.string)
    assert data == {
        "cells": {"in prose": 1}, "mean": [2.0, 1.0], "spread": [1.0, 3.0], "before": "</script>", "text": "é"
    }  # fmt: skip


def test_a_text_is_cut_with_as_many_merges_as_the_slider_says(visit) -> None:
    page = visit("cut")
    widget = started(page, "cut")
    text = "The seas 少见的词"
    widget.get_by_label("Your text").fill(text)
    learnt = page.evaluate("pageModels.models.vocabularies")
    heads, tokens = widget.locator(".head"), widget.locator(".tokens").nth(2).locator("span")
    characters, words = (set(learnt[name]) for name in ("characters", "words"))
    unknown = [sum(c not in characters for c in text), sum(piece not in words for piece in split_pieces(text))]
    assert unknown == [4, 1]
    assert heads.nth(0).text_content() == f"{len(text)} characters, 4 of them unknown"
    assert heads.nth(1).text_content() == "3 words, 1 of them unknown"
    for position, number in ((100, 2000), (50, 500), (0, 0)):
        widget.get_by_label("merges").fill(str(position))
        tokenizer = BPETokenizer(tuple(merge.split(" ")) for merge in learnt["merges"]["32 plays"][:number])
        assert tokens.all_text_contents() == [t.replace(" ", "·") for t in tokenizer.tokenize(text)]
    widget.get_by_label("pieces learnt from").select_option("18 Chinese sentences")
    widget.get_by_label("merges").fill("100")
    tokenizer = BPETokenizer(tuple(merge.split(" ")) for merge in learnt["merges"]["18 Chinese sentences"])
    assert tokens.all_text_contents() == [t.replace(" ", "·") for t in tokenizer.tokenize(text)]


def test_a_date_is_translated_as_the_companion_translates_it(visit) -> None:
    from companion.models.encoder_decoder import source_attention

    page = visit("date", reduced_motion="reduce")
    widget = started(page, "date")
    loaded, text = load_recipe("dates"), "the third of March, twenty twenty-one"
    for language, to in (("Chinese", "zh"), ("ISO", "iso")):
        widget.get_by_label("into").select_option(language)
        widget.get_by_label("A date").fill(text)
        widget.get_by_label("A date").press("Enter")
        source = loaded.vocabularies.source.encode(dates.source_tokens(text, to))
        ids = decode(loaded.network, [source])[0]
        written = "".join(loaded.vocabularies.target.decode(ids))
        page.wait_for_function(
            "text => document.querySelector('.said').textContent === text", arg=f"It wrote {written}."
        )
        assert widget.locator(".answer").text_content() == written
        looks = source_attention(loaded.network, source, ids)
        shares = widget.locator(".looks tbody td span").all_text_contents()
        assert np.abs(np.array([int(s[:-1]) for s in shares]) - 100 * looks.ravel()).max() <= 0.51
        assert widget.locator(".looks tbody th").all_text_contents() == [*written, "end"]
    widget.get_by_label("A date").fill("the ides of March")
    widget.get_by_role("button", name="Translate", exact=True).click()
    page.get_by_text("It has never read ides.").wait_for()


def test_the_heads_look_where_the_companion_s_look(visit) -> None:
    from companion.models.transformer import self_attention

    page = visit("heads")
    widget = started(page, "heads")
    text = "The moon, the moon!"
    widget.get_by_label("Your text").fill(text)
    page.wait_for_function("n => document.querySelector('.letters').childElementCount === n", arg=len(text))
    loaded = load_recipe("shakespeare-transformer")
    looks = np.concatenate(self_attention(loaded.network, loaded.text_tokenizer.encode(text)))
    pointer = widget.get_by_label("It reads letter")
    for at in (len(text), 8, 1):
        pointer.fill(str(at))
        shares = widget.locator(".letters span").evaluate_all(
            "all => all.map((e) => +e.style.getPropertyValue('--share'))"
        )
        np.testing.assert_allclose(np.reshape(shares, (12, len(text))), looks[:, at - 1], atol=1e-3)
        assert widget.locator(".letters .later").count() == 12 * (len(text) - at)
    pointer.fill("8")
    top = int(looks[0, 7].argmax())
    letter, back = text[top].replace(" ", "␣"), f"{7 - top} back" if top < 7 else "itself"
    assert widget.locator(".most").first.text_content() == f"{100 * looks[0, 7, top]:.0f}% on “{letter}”, {back}"
    widget.locator(".letters").nth(3).locator("span").nth(5).click()
    assert pointer.input_value() == "6"


WITH_WIDGETS = [name for name in built_pages() if 'class="page-model"' in (HTML / name).read_text("utf-8")]


@pytest.mark.parametrize("served", [False, True], ids=["file", "http"])
@pytest.mark.parametrize("name", WITH_WIDGETS or [pytest.param("index.html", id="no pages")])
def test_every_widget_of_the_book_starts(browser, html: Path, name: str, served: bool) -> None:
    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server, browser.new_page() as page:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(f"http://127.0.0.1:{server.server_port}/{name}" if served else (html / name).as_uri())
        widgets = page.locator(".page-model")
        assert widgets.count() >= 1
        for n in range(widgets.count()):
            widgets.nth(n).locator(".offer button").click()
            widgets.nth(n).locator(".widget").wait_for()
        assert troubles == []
        server.shutdown()


def test_a_notebook_says_that_a_model_runs_on_the_page() -> None:
    cells = [nbformat.v4.new_markdown_cell(CHAPTER)]
    notebook = nbformat.v4.new_notebook(
        cells=cells, metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    )
    text = Chapter("chapter", notebook).write().cells[-1].source
    assert text.endswith("What it *writes*.\n\n*On the book's page, a model runs here.*")
    assert "page-model" not in text and "temperature" not in text


# -- the directive -----------------------------------------------------------------------------------------------------


def test_the_element_of_a_widget_says_what_it_loads() -> None:
    needed = [*page_models.BASICS, *(f"{name}.js" for name in (*WIDGETS["write-on"].code, *WIDGETS["write-on"].models))]
    options = {"beginning": 'A "B" <c> & d\n', "seed": 3}
    parts = element("write-on", options, dict.fromkeys(needed, ("0a1b2c3d", 500_000)))
    widget = BeautifulSoup("".join(parts), "html.parser").div
    assert f"Loads {len(needed) / 2:.1f} MB, once." in widget.get_text()
    assert json.loads(widget["data-options"]) == options
    assert json.loads(widget["data-files"]) == [f"{name}?v=0a1b2c3d" for name in needed]


CHAPTER = r"""# A chapter

```{page-model} write-on
:beginning: "**LADY MACBETH**  \n"
:temperature: 0.6
:seed: 3

What it *writes*.
```
"""


@pytest.fixture
def small_book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[Path, str]]:
    """A function that builds a book of a chapter and another page: the pages' folder, and the warnings."""
    monkeypatch.setattr(page_models, "model_script", lambda name: script(name, {}))
    source = tmp_path / "book"
    shutil.copytree(STATIC, source / "_static")
    (source / "index.md").write_text("# Start\n\n```{toctree}\nchapter\n```\n", encoding="utf-8")
    # jupyter-book finds the scripts and styles of _static and puts them into every page
    (source / "conf.py").write_text(
        "extensions = ['myst_parser', 'page_models']\nhtml_static_path = ['_static']\n"
        "html_js_files = ['models/page-models.js', 'models/lstm.js', 'enlarge.js']\n"
        "html_css_files = ['models/page-models.css', 'custom.css']\n",
        encoding="utf-8",
    )

    def build(chapter: str) -> tuple[Path, str]:
        path = source / "chapter.md"
        if not path.exists() or path.read_text("utf-8") != chapter:
            path.write_text(chapter, encoding="utf-8")
        warnings, out = io.StringIO(), tmp_path / "out" / "html"
        with patch_docutils(str(source)), docutils_namespace():
            Sphinx(source, source, out, out.parent / "doctrees", "html", status=None, warning=warnings).build()
        return out, re.sub(r"\x1b\[[\d;]*m", "", warnings.getvalue())

    return build


def test_a_book_without_widgets_has_no_models(small_book) -> None:
    out, warnings = small_book("# A chapter\n")
    assert warnings == "" and list((out.parent / ".page_models").iterdir()) == []


def test_a_page_is_written_again_when_a_model_has_changed(small_book, monkeypatch: pytest.MonkeyPatch) -> None:
    """Because it names the model's size and version."""
    out, _ = small_book(CHAPTER)
    before = (out / "chapter.html").read_text("utf-8")
    monkeypatch.setattr(page_models, "model_key", lambda name: "0123")
    monkeypatch.setattr(page_models, "model_script", lambda name: script(name, {"data": "0" * 2_000_000}))
    small_book(CHAPTER)
    after = (out / "chapter.html").read_text("utf-8")
    sizes = [float(re.search(r"Loads ([\d.]+) MB", text)[1]) for text in (before, after)]
    assert sizes[1] == pytest.approx(sizes[0] + 2, abs=0.11)
    assert (out / "_static" / "models" / "shakespeare-chars.js").stat().st_size > 2_000_000


def test_a_directive_makes_a_widget_and_only_its_page_loads_its_code(small_book) -> None:
    out, warnings = small_book(CHAPTER)
    assert warnings == ""
    chapter = BeautifulSoup((out / "chapter.html").read_text("utf-8"), "html.parser")
    widget = chapter.select_one(".page-model")
    assert json.loads(widget["data-options"]) == {"beginning": "**LADY MACBETH**  \n", "temperature": 0.6, "seed": 3}
    assert str(widget.select_one(".still p")) == "<p>What it <em>writes</em>.</p>"
    for file in json.loads(widget["data-files"]):
        assert (out / "_static" / "models" / file.partition("?")[0]).exists()
    start = (out / "index.html").read_text("utf-8")
    for name, count in (("models/page-models.js", 1), ("models/page-models.css", 1), ("models/lstm.js", 0)):
        assert name not in start
        assert str(chapter).count(name) - str(widget).count(name) == count
    assert "enlarge.js" in start and "custom.css" in start


@pytest.mark.parametrize(
    ("chapter", "message"),
    [
        (CHAPTER.replace("write-on", "sing-on"), "There is no widget 'sing-on'; there are "),
        (CHAPTER.replace(":seed: 3", ":sentence: To be"), "The widget write-on has no option 'sentence'."),
    ],
)
def test_a_directive_that_is_wrong_is_said(small_book, chapter: str, message: str) -> None:
    assert message in small_book(chapter)[1]


def test_only_what_has_changed_is_written_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(page_models, "model_script", lambda name: written.append(name) or script(name, {}))
    names = ["dates", "shakespeare-chars"]
    write_models(tmp_path, names)
    assert written == names
    (tmp_path / "dates-0000.js").write_text("old", encoding="utf-8")
    write_models(tmp_path, names)
    assert written == names
    assert sorted(path.stem.rpartition("-")[0] for path in tmp_path.iterdir()) == names


def test_the_tokenizers_are_those_of_the_chapter() -> None:
    chapter = (STATIC.parent / "tokens.md").read_text("utf-8")
    for code in (
        f"WordTokenizer.train(training, vocab_size={page_models.WORDS:_})",
        f"BPETokenizer.train(training, vocab_size={256 + page_models.MERGES:_})",
        f"BPETokenizer.train(chinese, vocab_size=256 + {page_models.CHINESE_MERGES})",
    ):
        assert code in chapter


def test_a_model_is_at_most_4_megabytes(models: Path) -> None:
    """Before base64, which makes it a third larger."""
    sizes = {path.stem: path.stat().st_size for path in models.glob("*.js")}
    assert len(sizes) == len(page_models.MODELS)
    assert [name for name, size in sizes.items() if size > 4e6 * 4 / 3] == []
