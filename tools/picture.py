"""A picture of the top of a built page, for the README: ``python tools/picture.py concepts``."""

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]


def main(page: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        window = browser.new_page(viewport={"width": 1280, "height": 960})
        window.goto((ROOT / "_build" / "html" / f"{page}.html").as_uri())
        window.evaluate("window.MathJax ? MathJax.startup.promise : null")
        picture = Image.open(io.BytesIO(window.screenshot()))
        browser.close()
    target = ROOT / "docs" / "page.png"
    target.parent.mkdir(exist_ok=True)
    picture.convert("P", palette=Image.Palette.ADAPTIVE, colors=128).save(target, optimize=True)
    print(f"{target} has {target.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main(*sys.argv[1:])
