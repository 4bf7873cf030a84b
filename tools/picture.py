"""A picture of the top of a built page, for the README: ``python tools/picture.py concepts``."""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def main(page: str, built: Path = ROOT / "_build" / "html", target: Path = ROOT / "docs" / "page.png") -> None:
    """Write a picture of the page with this name, without ``.html``."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1280, "height": 960})
        window.goto((built / f"{page}.html").as_uri())
        window.evaluate("window.MathJax ? MathJax.startup.promise : null")
        picture = Image.open(io.BytesIO(window.screenshot()))
        browser.close()
    target.parent.mkdir(exist_ok=True)
    picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(target, optimize=True)
    print(f"{target} has {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
