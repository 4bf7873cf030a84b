"""Every built page in a real browser: wide and narrow, light and dark, with every other host blocked."""

import functools
import http.server
import os
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import built_pages
from playwright.sync_api import Browser, BrowserContext, Page, Request, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no request leaves this machine
]
pytestmark = pytest.mark.skipif(
    CHROMIUM is None and "REQUIRE_BROWSER" not in os.environ,
    reason="no Chromium here (Debian, Ubuntu: apt install chromium)",
)

# Text whose contrast with what is behind it is below WCAG AA: 4.5 to 1, for large text 3 to 1.
FAINT_TEXT = """() => {
  for (const animation of document.getAnimations()) animation.cancel();  // a colour that still fades in is no fault
  const channel = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const parsed = new Map();  // a page has few colours and many words
  const parse = (colour) => {
    if (!parsed.has(colour)) {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = colour;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
      parsed.set(colour, [r, g, b, a / 255]);
    }
    return parsed.get(colour);
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a)];
  const ground = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) layers.push(parse(getComputedStyle(e).backgroundColor));
    return layers.reverse().reduce((below, layer) => over(layer, below), [255, 255, 255]);
  };
  const found = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim();
    const element = walker.currentNode.parentElement;
    if (!text || element.closest("script, style, noscript, .headerlink, mjx-assistive-mml")) continue;
    if (!element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    const box = element.getBoundingClientRect();
    if (box.width < 2 || box.height < 2) continue;
    const style = getComputedStyle(element);
    const behind = ground(element);
    const [light, dark] = [luminance(over(parse(style.color), behind)), luminance(behind)].sort((a, b) => b - a);
    const contrast = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const large = size >= 24 || (size >= 18.66 && parseInt(style.fontWeight) >= 700);
    if (contrast < (large ? 3 : 4.5) - 0.01) {
      const where = `${element.tagName.toLowerCase()}.${element.className}`;
      found.set(`${where}: ${contrast.toFixed(2)} "${text.slice(0, 30)}"`, true);
    }
  }
  return [...found.keys()].slice(0, 20);
}"""

# Formulas that were not set, and the marks of TeX that a reader would see instead.
FORMULAS = """async () => {
  const wanted = [...document.querySelectorAll("article .math")];
  if (wanted.length && !window.MathJax) return ["MathJax is not there"];
  if (window.MathJax) await MathJax.startup.promise;
  const found = [];
  for (const math of wanted)
    if (!math.querySelector("mjx-container")) found.push(`not set: ${math.textContent.trim().slice(0, 60)}`);
  for (const error of document.querySelectorAll("mjx-merror, [data-mjx-error]"))
    found.push(`an error: ${error.textContent.trim() || error.dataset.mjxError}`);
  for (const math of wanted)
    if (/\\\\[a-zA-Z(\\[]/.test(math.innerText)) found.push(`raw TeX: ${math.innerText.slice(0, 60)}`);
  return found;
}"""

# How far the page can be scrolled sideways, and what sticks out if it can.
OVERFLOW = """() => {
  const width = document.documentElement.clientWidth;
  if (Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) <= width + 1) return [];
  const scrolls = (e) => ["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(e).overflowX);
  const inScroller = (e) => { while ((e = e.parentElement) && e !== document.body) if (scrolls(e)) return true; };
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > width + 1 && !inScroller(e))
    .map((e) => `${e.tagName}.${e.className}: ${Math.round(e.getBoundingClientRect().right)} px`)
    .slice(0, 10);
}"""

UNREADABLE_IMAGES = """async () => {
  const images = [...document.querySelectorAll("article img")];
  for (const image of images) image.loading = "eager";
  const seen = await Promise.all(images.map((i) => i.decode().then(() => i.naturalWidth > 0, () => false)));
  return images.filter((_, n) => !seen[n]).map((i) => i.src);
}"""

OPEN_SOLUTIONS = """() => {
  const seen = (e) => e.getBoundingClientRect().height > 0 && getComputedStyle(e).visibility !== "hidden";
  return [...document.querySelectorAll("div.solution")]
    .filter((s) => !s.querySelector("button.toggle-button") || seen(s.querySelector("section")))
    .map((s) => s.id);
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # a connection serves more than one request

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "max-age=3600")
        super().end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(html: Path) -> Iterator[str]:
    """The address of the built book, served on this machine only."""
    handler = functools.partial(Quiet, directory=str(html))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Reader:
    """A page in a browser window that records errors, and requests to other hosts."""

    def __init__(self, context: BrowserContext, site: str):
        self.troubles: list[str] = []
        self.site = site
        self.page: Page = context.new_page()
        self.page.on("request", self._request)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("response", self._response)

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.site, "data:", "blob:")):
            self.troubles.append(f"asked another host: {request.url}")

    def _console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text}")

    def _response(self, response) -> None:
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):
            self.troubles.append(f"{response.status} for {response.url}")

    def open(self, name: str) -> Page:
        self.page.goto(self.site + name, wait_until="load")
        return self.page


@pytest.fixture(scope="module")
def window(browser: Browser) -> Callable[[int, str], BrowserContext]:
    """Windows by width and colour scheme, each opened once to cache what the pages share."""

    @functools.cache
    def opened(width: int, scheme: Literal["light", "dark"]) -> BrowserContext:
        phone = width < 600
        context = browser.new_context(
            viewport={"width": width, "height": 800 if phone else 900},
            color_scheme=scheme,
            has_touch=phone,
            reduced_motion="reduce",
        )
        context.set_default_timeout(30_000)
        return context

    return opened


@pytest.fixture
def reader(window: Callable[[int, str], BrowserContext], site: str, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """A reader with the wanted width and colour scheme."""
    reader = Reader(window(*getattr(request, "param", (1280, "light"))), site)
    yield reader
    reader.page.close()


WINDOWS = [(1280, "light"), (1280, "dark"), (375, "light"), (375, "dark")]
windows = pytest.mark.parametrize("reader", WINDOWS, indirect=True, ids=lambda w: f"{w[0]}-{w[1]}")


# Code that doesn't fit into its box, by how much, with its longest line.
CUT_CODE = """() => {
  for (const details of document.querySelectorAll("article details")) details.open = true;
  return [...document.querySelectorAll("article .cell_input pre, article .highlight pre")]
    .filter((code) => code.scrollWidth > code.clientWidth + 1)
    .map((code) => [code.scrollWidth - code.clientWidth, code.innerText.slice(0, 80)]);
}"""


@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_no_code_is_cut_on_a_wide_page(reader: Reader, name: str) -> None:
    assert reader.open(name).evaluate(CUT_CODE) == []


@pytest.mark.parametrize("reader", [(1280, "light"), (375, "light")], indirect=True, ids=["1280", "375"])
@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_page(reader: Reader, name: str) -> None:
    page = reader.open(name)
    assert page.evaluate(FORMULAS) == []
    assert page.evaluate(HIDDEN_CAPTIONS) == []
    assert page.evaluate(OVERFLOW) == []
    for scheme in ("light", "dark"):  # a page follows the system's setting while it is open
        page.emulate_media(color_scheme=scheme)
        page.wait_for_function("scheme => document.documentElement.dataset.theme == scheme", arg=scheme)
        assert page.evaluate(FAINT_TEXT) == [], scheme
    assert page.evaluate(UNREADABLE_IMAGES) == []
    assert page.evaluate(OPEN_SOLUTIONS) == []
    page.set_viewport_size({"width": 320, "height": 256})  # 1280 by 1024 at 400 %
    assert page.evaluate(OVERFLOW) == []
    assert reader.troubles == []


def test_the_checks_see_what_is_wrong(reader: Reader) -> None:
    page = reader.open("index.html")
    page.evaluate(
        """() => document.querySelector("article").insertAdjacentHTML("beforeend", `
          <p style="color: #aaa; background: #fff">Faint</p>
          <p class="math">\\\\(x^2\\\\)</p>
          <div style="width: 3000px; height: 1px"></div>
          <img src="https://elsewhere.example/i.png" alt="">`)"""
    )
    assert any("Faint" in line for line in page.evaluate(FAINT_TEXT))
    assert page.evaluate(FORMULAS) != []
    assert page.evaluate(OVERFLOW) != []
    page.wait_for_timeout(200)
    assert "asked another host: https://elsewhere.example/i.png" in reader.troubles


# Captions that nobody sees, unless all of their figure is folded away.
HIDDEN_CAPTIONS = """() => [...document.querySelectorAll("article figcaption")]
  .filter((caption) => caption.parentElement.checkVisibility() && !caption.checkVisibility())
  .map((caption) => caption.innerText || caption.textContent.trim())"""


@windows
def test_every_figure_shows_its_caption(reader: Reader) -> None:
    page = reader.open("gates.html")
    assert page.locator("article figcaption").count() > 5
    assert page.evaluate(HIDDEN_CAPTIONS) == []


@windows
def test_there_is_one_search_box_and_no_empty_bar(reader: Reader) -> None:
    page = reader.open("index.html")
    boxes = page.locator(".search-button-field:visible, .search-button:visible, #pst-search-dialog:visible")
    assert boxes.count() == 1
    assert page.locator("header.bd-header").evaluate("h => h.getBoundingClientRect().height") < 1
    assert page.locator("article h1").bounding_box()["y"] < 250  # type: ignore[index]


@windows
def test_pages_follow_the_colour_scheme(reader: Reader, request: pytest.FixtureRequest) -> None:
    page = reader.open("index.html")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    if request.node.callspec.params["reader"][1] == "dark":
        assert max(ground[:3]) < 40
    else:
        assert min(ground[:3]) > 240


@pytest.mark.parametrize("reader", [(1280, "light"), (375, "dark")], indirect=True)
def test_search_finds_a_word(reader: Reader) -> None:
    page = reader.open("index.html")
    page.locator(".search-button-field:visible, .search-button:visible").click()
    field = page.locator("#pst-search-dialog input[type=search]")
    field.fill("character")
    field.press("Enter")
    page.wait_for_url("**/search.html?q=character*")
    results = page.locator("#search-results ul.search > li")
    results.first.wait_for()
    assert results.locator("a").first.get_attribute("href")
    results.locator("a").first.click()
    page.locator("article h1").wait_for()
    assert reader.troubles == []


@pytest.mark.parametrize("words", ["forget gate", "attention", "perplexity"])
def test_search_results_begin_with_text(reader: Reader, words: str) -> None:
    """Not with a menu, TeX or code; a hit in the glossary is called by its term."""
    page = reader.open(f"search.html?q={words}")
    snippets = page.locator("#search-results p.context")
    snippets.nth(2).wait_for()
    for snippet in snippets.all_inner_texts():
        assert not re.search(r"\\[a-z(\[]|On this page|Skip to|\.ipynb|import \w+|^#", snippet), snippet
    titles = page.locator("#search-results ul.search > li > a").all_inner_texts()
    assert titles.count("Glossary") <= 1 and f"{words} (glossary)" in titles, titles


@pytest.mark.parametrize("reader", [(375, "light")], indirect=True)
def test_the_book_can_be_walked_on_a_phone(reader: Reader) -> None:
    page = reader.open("index.html")
    page.locator(".primary-toggle:visible").click()
    links = page.locator("#pst-primary-sidebar-modal nav a:visible")
    links.first.wait_for()
    links.last.click()
    page.locator("article h1").wait_for()
    assert not page.url.endswith("index.html")
    assert reader.troubles == []


def test_a_click_opens_a_solution_and_a_second_one_closes_it(reader: Reader, html: Path) -> None:
    page = reader.open(next(name for name in built_pages() if 'class="solution' in (html / name).read_text("utf-8")))
    solution = page.locator("div.solution").first
    content, button = solution.locator("section").first, solution.locator("button.toggle-button")
    assert content.is_hidden()
    button.click()
    content.wait_for(state="visible")
    button.click()
    content.wait_for(state="hidden")
    assert reader.troubles == []


def test_the_notebook_can_be_downloaded(reader: Reader, html: Path) -> None:
    name = next(name for name in built_pages() if "cell_input" in (html / name).read_text("utf-8"))
    page = reader.open(name)
    page.locator(".dropdown-download-buttons button").first.click()
    with page.expect_download() as download:
        page.locator("a.btn-download-notebook-button").evaluate("a => { a.download = ''; a.click(); }")
    assert Path(download.value.path()).read_text("utf-8").lstrip().startswith("{")


# -- Access ------------------------------------------------------------------------------------------------------------

UNFOLD = """() => {
  for (const details of document.querySelectorAll("article details")) details.open = true;
  for (const button of document.querySelectorAll("article button.toggle-button"))
    if (button.parentElement.querySelector("section")?.checkVisibility() === false) button.click();
}"""
CONTRAST = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
ALL = {"resultTypes": ["violations"]}


def violations(page: Page, options: dict) -> list[str]:
    """What axe-core finds wrong, an entry for each element."""
    page.evaluate("() => document.getAnimations().forEach(animation => animation.cancel())")
    found = Axe().run(page, options=options).response["violations"]
    return [f"{rule['id']}: {node['html'][:160]}" for rule in found for node in rule["nodes"]]


@pytest.mark.parametrize("reader", [(1280, "light"), (360, "light")], indirect=True, ids=["1280", "360"])
@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_axe_finds_nothing(reader: Reader, name: str) -> None:
    """Closed and opened, light and dark; what doesn't depend on the colours is looked at once."""
    page = reader.open(name)
    page.evaluate("() => window.MathJax?.startup?.promise")
    for unfolded in (False, True):
        if unfolded:
            page.evaluate(UNFOLD)
            page.wait_for_timeout(200)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function("scheme => document.documentElement.dataset.theme == scheme", arg=scheme)
            assert violations(page, ALL if scheme == "light" else CONTRAST) == [], (unfolded, scheme)


def test_the_game_says_aloud_how_a_guess_went(reader: Reader) -> None:
    game = reader.open("background.html").locator(".guessing-game")
    said = game.locator("[aria-live=polite]")
    before = said.inner_text()
    game.locator(".keys button:enabled").first.click()
    assert (after := said.inner_text()) not in ("", before)
    game.get_by_role("button", name="Tell me").click()
    assert said.inner_text() not in ("", after)
    assert re.match("[12] of", game.locator(".count").inner_text())
    assert reader.page.evaluate("document.activeElement.closest('.guessing-game') !== null"), "the focus stays"


def test_the_explorer_says_aloud_what_the_network_has_read(reader: Reader) -> None:
    explorer = reader.open("gates.html").locator(".gate-explorer")
    explorer.get_by_role("button", name="A network reads").click()
    said, step = explorer.get_by_role("status"), explorer.get_by_role("button", name="Step", exact=True)
    heard = [said.inner_text()]
    for _ in range(2):
        step.click()
        heard.append(said.inner_text())
    assert len(set(heard)) == 3 and "" not in heard[1:]


@pytest.mark.parametrize("name", ["language-model.html", "inside.html"])
def test_the_arrow_keys_go_through_a_tinted_text_and_say_its_numbers(reader: Reader, name: str) -> None:
    tinted = reader.open(name).locator(".tinted").first
    strip, said = tinted.get_by_role("slider"), tinted.locator(".said")
    assert tinted.locator("[title]").count() == 0, "the pointer has no second answer"
    letters = strip.locator("span").all_inner_texts()
    strip.focus()
    heard = []
    for key, place in (("Home", 1), ("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", len(letters))):
        reader.page.keyboard.press(key)
        assert strip.get_attribute("aria-valuenow") == str(place)
        heard.append(strip.get_attribute("aria-valuetext") or "")
        shown = "space" if letters[place - 1] == " " else f"“{letters[place - 1]}”"
        assert re.fullmatch(rf"{re.escape(shown)}: [−+]?\d+\.\d+( bits)?", heard[-1])
        assert said.inner_text() == heard[-1]
    assert heard[1] == heard[3]
    reader.page.keyboard.press("Home")
    reader.page.keyboard.press("ArrowDown")
    down = int(strip.get_attribute("aria-valuenow") or 0)
    boxes = [strip.locator("span").nth(place).bounding_box() for place in (0, down - 1)]
    assert (
        boxes[0] and boxes[1] and boxes[1]["y"] > boxes[0]["y"] and boxes[1]["x"] == pytest.approx(boxes[0]["x"], abs=1)
    )
    assert reader.troubles == []


@pytest.mark.parametrize("reader", [(375, "light")], indirect=True)
def test_a_tap_says_a_tinted_character_s_number(reader: Reader) -> None:
    tinted = reader.open("language-model.html").locator(".tinted").first
    strip, said = tinted.get_by_role("slider"), tinted.locator(".said")
    before, place = said.inner_text(), strip.locator("span").nth(40)
    place.tap()
    assert said.inner_text() != before
    assert strip.get_attribute("aria-valuenow") == "41" and "here" in (place.get_attribute("class") or "")


def test_nothing_moves_for_those_who_ask_for_that(reader: Reader) -> None:
    """The windows of these tests ask for reduced motion."""
    page = reader.open("gates.html")
    page.get_by_role("button", name="A network reads").click()
    page.get_by_role("button", name="Step", exact=True).click()
    assert page.evaluate("() => document.getAnimations().filter(a => a.playState === 'running').length") == 0


# -- Weight, focus, sight ----------------------------------------------------------------------------------------------

HEAVY = 2 * 2**20  # bytes of a page as first loaded, without the search index


@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_a_page_is_light(browser: Browser, site: str, name: str) -> None:
    with browser.new_context(viewport={"width": 1280, "height": 900}) as context:  # nothing is kept from before
        page, sizes = context.new_page(), {}

        def count(request: Request) -> None:
            sizes[request.url.partition("?")[0].removeprefix(site)] = request.sizes()["responseBodySize"]

        page.on("requestfinished", count)
        page.goto(site + name, wait_until="networkidle")
        weight = sum(size for file, size in sizes.items() if file != "searchindex.js")
        largest = sorted(sizes.items(), key=lambda item: -item[1])[:8]
        assert weight <= (HEAVY / 2 if name == "index.html" else HEAVY), largest


def test_what_has_the_focus_is_seen(reader: Reader) -> None:
    """Each stop of the tabulator key at the head of a page has a ring; no formula is a stop."""
    page = reader.open("learning.html")
    for _ in range(45):
        page.keyboard.press("Tab")
        ring = page.evaluate(
            "() => { const e = document.activeElement, s = getComputedStyle(e); return [e.tagName, e.className, "
            "s.outlineStyle, parseFloat(s.outlineWidth), s.boxShadow] }"
        )
        assert (ring[2] != "none" and ring[3] >= 1) or ring[4] != "none" or ring[0] == "BODY", ring
    assert page.locator("mjx-container[tabindex='0']").count() == 0


@pytest.mark.parametrize("name", ["gates.html", "language-model.html"])
def test_mark_and_search_are_in_sight_however_far_down_the_chapter_is(reader: Reader, name: str) -> None:
    page = reader.open(name)
    page.wait_for_timeout(300)
    for part in (".navbar-brand", ".search-button-field"):
        box = page.locator(f".bd-sidebar-primary {part}").bounding_box()
        assert box is not None and 0 <= box["y"] < 200


@pytest.mark.parametrize("reader", [(375, "light")], indirect=True)
def test_on_a_phone_a_tap_enlarges_a_figure(reader: Reader) -> None:
    page = reader.open("learning.html")
    page.locator("button.enlarge:visible").first.click()
    view = page.locator("dialog.enlarged")
    assert view.is_visible() and view.locator("img").evaluate("i => i.getBoundingClientRect().width") > 500
    view.get_by_role("button", name="Close").click()
    assert not view.is_visible()


# Layout shifts, added up as they happen: how much of what is seen has jumped, and how far.
SHIFTS = """() => {
  window.shifts = [];
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries())
      if (!entry.hadRecentInput)
        window.shifts.push([entry.value, entry.sources.map((s) => s.node?.className || s.node?.nodeName).join(", ")]);
  }).observe({ type: "layout-shift", buffered: true });
}"""


@pytest.mark.parametrize("reader", [(1280, "light"), (375, "light")], indirect=True, ids=["1280", "375"])
@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_nothing_jumps_while_a_page_loads(reader: Reader, name: str) -> None:
    reader.page.add_init_script(f"({SHIFTS})()")
    page = reader.open(name)
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.wait_for_timeout(300)
    shifts = page.evaluate("window.shifts")
    assert sum(value for value, _ in shifts) < 0.1, sorted(shifts, reverse=True)[:5]
