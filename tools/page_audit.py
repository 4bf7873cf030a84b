"""Find faults in the built pages: ``python tools/page_audit.py _build/html`` prints one finding per line.

It looks for anything loaded from another host (by tags, style sheets or scripts); images without alternative text;
broken links, anchors and files; error output, tracebacks and very long outputs; heavy pages; not exactly one search
box; a notebook page that doesn't offer its executed notebook; headings out of order; markup that wasn't rendered.
"""

import itertools
import json
import re
import sys
import urllib.parse
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from bs4 import BeautifulSoup, Tag

LONGEST_OUTPUT = 40  # lines
HEAVIEST_PAGE = 3_000_000  # bytes, with its own images

LOADING_LINKS = {
    *("stylesheet", "preload", "prefetch", "modulepreload", "icon", "apple-touch-icon", "mask-icon"),
    *("manifest", "preconnect", "dns-prefetch", "prerender", "pingback"),
}
LOADING_ATTRIBUTES = ("src", "data", "poster", "background", "xlink:href", "action", "formaction")
REMOTE = re.compile(r"\s*(https?:|wss?:)?//", re.IGNORECASE)
CSS_REMOTE = re.compile(r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)""", re.IGNORECASE)
# A script that contacts another host: an address passed to a loader or put into src or href.
SCRIPT_REMOTE = re.compile(
    r"""(?: \b(?:import|fetch|importScripts|getScript|getJSON|sendBeacon|Worker|WebSocket|EventSource)\s*\(?\s*
        | \.open\s*\(\s*["'`][A-Z]+["'`]\s*,\s*
        | \bfrom\s*
        | \.(?:src|href)\s*=\s*
        | <(?:script|link|img|iframe|source)\b[^<>]*\b(?:src|href)\s*=\s*\\?
        | \bsetAttribute\s*\(\s*["'`](?:src|href)["'`]\s*,\s*
        | \b(?:const|let|var)\s+\w*(?:URL|SRC|CDN)\w*\s*=\s*
        )["'`]((?:https?:|wss?:)?//[\w.-]+[^"'`\s]*)""",
    re.VERBOSE,
)
UNRENDERED = re.compile(r"\{[a-z][\w:-]*\}`|```\{|^:::|\$\$|\\\[|\\\(|\{\{\s*\w+\s*\}\}", re.MULTILINE)


class Page:
    """One HTML file and what is in it."""

    def __init__(self, path: Path, root: Path):
        self.path, self.root = path, root
        self.html = BeautifulSoup(path.read_text(encoding="utf-8", errors="replace"), "html.parser")

    @cached_property
    def anchors(self) -> set[str]:
        return {str(tag[key]) for key in ("id", "name") for tag in self.html.select(f"[{key}]")}

    @property
    def article(self) -> Tag:
        return self.html.select_one("article") or self.html

    def target(self, link: str) -> Path:
        """The file that a link on this page leads to."""
        path = urllib.parse.unquote(urllib.parse.urlsplit(link).path)
        file = (self.path.parent / path).resolve() if path else self.path
        return file / "index.html" if file.is_dir() else file


def is_local(link: str) -> bool:
    return not REMOTE.match(link) and not re.match(r"\s*[a-z][a-z0-9+.-]*:", link, re.IGNORECASE)


def remote_in_script(text: str) -> Iterator[str]:
    for match in SCRIPT_REMOTE.finditer(text):
        yield f"a script asks another host: {match[1][:100]}"


def remote_in_style(text: str) -> Iterator[str]:
    for match in CSS_REMOTE.finditer(text):
        yield f"a style asks another host: {match[1][:100]}"


def candidates(srcset: str) -> Iterator[str]:
    """The addresses in a list like ``"a.png, b.png 2x"``; one may hold commas itself, as ``data:`` addresses do."""
    while found := re.match(r"[\s,]*(\S+)", srcset):
        yield found[1].rstrip(",")
        srcset = srcset[found.end() :]
        if not found[1].endswith(","):
            srcset = srcset.partition(",")[2]  # the part before the comma is a size


def other_hosts(page: Page) -> Iterator[str]:
    for tag in page.html.find_all(True):
        loads = [tag.get(name) for name in LOADING_ATTRIBUTES]
        for name in ("srcset", "imagesrcset"):
            loads += candidates(str(tag.get(name, "")))
        loads += str(tag.get("ping", "")).split()
        if tag.name == "link" and LOADING_LINKS & {str(rel).lower() for rel in tag.get_attribute_list("rel")}:
            loads.append(tag.get("href"))
        if tag.name in ("image", "use", "feimage"):
            loads.append(tag.get("href"))
        if tag.name == "base":
            yield "a base tag changes where links lead"
        if tag.name == "meta" and str(tag.get("http-equiv")).lower() == "refresh":
            loads += re.findall(r"url=\s*['\"]?([^'\"]+)", str(tag.get("content")), re.IGNORECASE)
        for url in filter(None, loads):
            if REMOTE.match(str(url)):
                yield f"loads from another host: {str(url)[:100]}"
        if tag.get("style"):
            yield from remote_in_style(str(tag["style"]))
        if tag.name == "style":
            yield from remote_in_style(tag.get_text())
        if tag.name == "script":
            yield from remote_in_script(tag.get_text())


def images(page: Page) -> Iterator[str]:
    for image in page.html.find_all("img"):
        alt, source = str(image.get("alt") or "").strip(), str(image.get("src") or "")
        if not alt:
            yield f"image without alt text: {source[:80]}"
        elif re.search(r"\.(png|svg|jpe?g|gif|webp)$", alt, re.IGNORECASE) or alt == Path(source).stem:
            yield f"image whose alt text is a file name: {alt[-80:]}"


def links(page: Page, pages: dict[Path, Page]) -> Iterator[str]:
    for tag in page.html.find_all(["a", "link", "script", "img", "iframe", "source", "object", "area"]):
        link = str(tag.get("href") or tag.get("src") or tag.get("data") or "")
        if not link or not is_local(link):
            if link.lower().startswith("file:"):
                yield f"link to one machine's file: {link}"
            continue
        if link.startswith("/"):
            yield f"link that breaks if the book isn't at the host's root: {link}"
            continue
        file, fragment = page.target(link), urllib.parse.unquote(urllib.parse.urlsplit(link).fragment)
        if not file.is_file():
            yield f"broken link: {link}"
        elif not file.is_relative_to(page.root):
            yield f"link out of the book: {link}"
        elif fragment and file in pages and fragment not in pages[file].anchors:
            yield f"link to a missing anchor: {link}"


def outputs(page: Page) -> Iterator[str]:
    if page.html.select_one("div.stderr, .output.stderr"):
        yield "a cell shows its stderr"
    if page.html.select_one("div.traceback, .output.traceback"):
        yield "a cell shows a traceback"
    for output in page.html.select("div.cell_output"):
        for aside in output.find_all(["script", "style"]):
            aside.extract()
        text = output.get_text()
        if "Traceback (most recent call last)" in text and not output.select_one("div.traceback"):
            yield "a cell shows a traceback"
        if (lines := text.count("\n")) > LONGEST_OUTPUT:
            yield f"a cell output of {lines} lines"


def weight(page: Page) -> Iterator[str]:
    sources = {str(image["src"]) for image in page.html.select("img[src]")}
    files = {page.path, *(page.target(source) for source in sources if is_local(source))}
    size = sum(path.stat().st_size for path in files if path.is_file())
    if size > HEAVIEST_PAGE:
        yield f"page of {size:,} bytes"


def search_boxes(page: Page) -> Iterator[str]:
    boxes = len(page.html.select(".search-button-field")) + len(
        [box for box in page.html.select("form.bd-search") if not box.find_parent("dialog")]
    )
    if boxes != 1 + (page.path.name == "search.html"):
        yield f"{boxes} search boxes"
    if (header := page.html.select_one("header.bd-header")) and header.get_text(strip=True):
        yield "a header bar above the page"


def notebook(page: Page) -> Iterator[str]:
    if not page.html.select_one("article div.cell"):
        return
    offered = [str(a["href"]) for a in page.html.find_all("a", href=True) if str(a["href"]).endswith(".ipynb")]
    files = [page.target(link) for link in offered if is_local(link)]
    if not files:
        yield "does not offer its notebook"
    for file in files:
        if file.is_file():
            cells = [cell for cell in json.loads(file.read_text("utf-8"))["cells"] if cell["cell_type"] == "code"]
            if not cells or not all(cell.get("execution_count") for cell in cells):
                yield f"offers a notebook that was not executed: {file.name}"


def structure(page: Page) -> Iterator[str]:
    html = page.html.find("html")
    if not (isinstance(html, Tag) and html.get("lang")):
        yield "no language given"
    if not (page.html.title and page.html.title.get_text(strip=True)):
        yield "no title"
    levels = [int(heading.name[1]) for heading in page.article.find_all(re.compile("^h[1-6]$"))]
    if levels.count(1) != 1 or levels[0] != 1:
        yield f"{levels.count(1)} first-level headings, or not at the start"
    for above, below in itertools.pairwise(levels):
        if below > above + 1:
            yield f"heading level {above} is followed by {below}"
    linked = {str(a["href"])[1:] for a in page.html.select('a[href^="#"]')}
    for anchor, times in Counter(str(tag["id"]) for tag in page.html.find_all(id=True)).items():
        if times > 1 and anchor in linked:
            yield f"the anchor {anchor} occurs {times} times"


def unrendered(page: Page) -> Iterator[str]:
    skipped = {"pre", "code", "script", "style", "textarea"}
    for text in page.article.find_all(string=UNRENDERED):
        parents = list(text.parents)
        if skipped & {parent.name for parent in parents}:
            continue
        if any("math" in parent.get_attribute_list("class") for parent in parents):
            continue
        yield f"markup that was not rendered: {str(text).strip()[:60]}"


def audit(folder: str | Path) -> list[str]:
    """Every finding as ``file: what``, sorted; an empty list for a folder without faults."""
    root = Path(folder).resolve()
    everything = [path for path in sorted(root.rglob("*")) if path.is_file()]
    pages = {path: Page(path, root) for path in everything if path.suffix == ".html" and "_static" not in path.parts}
    findings: Counter[str] = Counter()
    for path, page in pages.items():
        name = path.relative_to(root).as_posix()
        checks = [other_hosts, images, weight, search_boxes, notebook, structure, unrendered, outputs]
        for finding in [f for check in checks for f in check(page)] + list(links(page, pages)):
            findings[f"{name}: {finding}"] += 1
    for path in everything:
        check_text = {".css": remote_in_style, ".js": remote_in_script}.get(path.suffix)
        if check_text:
            for finding in check_text(path.read_text(encoding="utf-8", errors="replace")):
                findings[f"{path.relative_to(root).as_posix()}: {finding}"] += 1
    if not pages:
        findings["no pages"] += 1
    return sorted(f"{finding} (x{times})" if times > 1 else finding for finding, times in findings.items())


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = audit(sys.argv[1])
    print("\n".join([*found, f"{len(found)} findings"]))
    sys.exit(bool(found))
