"""Every built page in a real browser: wide and narrow, light and dark, with every other host blocked."""

import functools
import http.server
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import built_pages
from playwright.sync_api import Browser, BrowserContext, Page, Route, sync_playwright

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
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


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site(html: Path) -> Iterator[str]:
    """The address of the built book, served on this machine alone."""
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
    """A browser window that writes down what goes wrong, and lets no request out."""

    def __init__(self, context: BrowserContext, site: str):
        self.troubles: list[str] = []
        self.site = site
        context.route("**/*", self._guard)
        self.page: Page = context.new_page()
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.troubles.append(f"error: {error}"))
        self.page.on("response", self._response)

    def _guard(self, route: Route) -> None:
        if route.request.url.startswith((self.site, "data:", "blob:")):
            route.continue_()
        else:
            self.troubles.append(f"asked another host: {route.request.url}")
            route.abort()

    def _console(self, message) -> None:
        if message.type in ("error", "warning"):
            self.troubles.append(f"console {message.type}: {message.text}")

    def _response(self, response) -> None:
        if response.status >= 400 and not response.url.endswith("/favicon.ico"):
            self.troubles.append(f"{response.status} for {response.url}")

    def open(self, name: str) -> Page:
        self.page.goto(self.site + name, wait_until="load")
        return self.page


@pytest.fixture
def reader(browser: Browser, site: str, request: pytest.FixtureRequest) -> Iterator[Reader]:
    """A reader with the wanted width and colour scheme."""
    width, scheme = getattr(request, "param", (1280, "light"))
    phone = width < 600
    context = browser.new_context(
        viewport={"width": width, "height": 800 if phone else 900},
        color_scheme=scheme,
        has_touch=phone,
        reduced_motion="reduce",
    )
    context.set_default_timeout(30_000)
    yield Reader(context, site)
    context.close()


WINDOWS = [(1280, "light"), (1280, "dark"), (375, "light"), (375, "dark")]
windows = pytest.mark.parametrize("reader", WINDOWS, indirect=True, ids=lambda w: f"{w[0]}-{w[1]}")


@windows
@pytest.mark.parametrize("name", built_pages() or [pytest.param("index.html", id="no pages")])
def test_page(reader: Reader, name: str, request: pytest.FixtureRequest) -> None:
    page = reader.open(name)
    assert page.evaluate(FORMULAS) == []
    scheme = request.node.callspec.params["reader"][1]
    assert page.evaluate("document.documentElement.dataset.theme") == scheme
    assert page.evaluate(FAINT_TEXT) == []
    assert page.evaluate(OVERFLOW) == []
    for image in page.locator("article img").all():
        assert image.evaluate("i => i.decode().then(() => i.naturalWidth > 0)"), image.get_attribute("src")
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


@windows
def test_one_search_box_and_no_empty_bar(reader: Reader) -> None:
    page = reader.open("index.html")
    boxes = page.locator(".search-button-field:visible, .search-button:visible, #pst-search-dialog:visible")
    assert boxes.count() == 1
    assert page.locator("header.bd-header").evaluate("h => h.getBoundingClientRect().height") < 1
    assert page.locator("article h1").bounding_box()["y"] < 250  # type: ignore[index]


@windows
def test_dark_is_dark_and_light_is_light(reader: Reader, request: pytest.FixtureRequest) -> None:
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


def test_solutions_are_closed_until_clicked(reader: Reader, html: Path) -> None:
    with_solutions = [name for name in built_pages() if 'class="solution' in (html / name).read_text("utf-8")]
    if not with_solutions:
        pytest.skip("no page has a solution yet")
    for name in with_solutions:
        page = reader.open(name)
        for solution in page.locator("div.solution").all():
            content = solution.locator("section").first
            assert content.is_hidden(), f"{name}: a solution is open"
            solution.locator("button.toggle-button").click()
            content.wait_for(state="visible")
    assert reader.troubles == []


def test_the_notebook_can_be_downloaded(reader: Reader, html: Path) -> None:
    name = next(name for name in built_pages() if "cell_input" in (html / name).read_text("utf-8"))
    page = reader.open(name)
    page.locator(".dropdown-download-buttons button").first.click()
    with page.expect_download() as download:
        page.locator("a.btn-download-notebook-button").evaluate("a => { a.download = ''; a.click(); }")
    assert Path(download.value.path()).read_text("utf-8").lstrip().startswith("{")
