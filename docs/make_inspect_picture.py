"""Makes the picture of the page of `thinkimg train inspect`, as a browser shows it.

    .venv/bin/thinkimg train inspect --config sft.toml --page build/inspect.html
    .venv/bin/python docs/make_inspect_picture.py build/inspect.html

Needs Playwright and Chromium. Written into docs/pictures/inspect, or into the folder given
as the second argument. The first row with two images is opened, and its last one chosen.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

SIZE = ViewportSize(width=1100, height=1100)
_CUT_LONG_ONES = """rows => rows.forEach((row) => {
  row.querySelectorAll(".stretch.system .tokens, .stretch.observation .tokens").forEach((one) => {
    one.style.maxHeight = "5.5rem"; one.style.overflow = "hidden";
  });
})"""


def main() -> None:
    page_file = Path(sys.argv[1])
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "docs/pictures/inspect")
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE)
        page.goto(page_file.resolve().as_uri())
        page.locator("article > details[open] > summary").click()
        row = page.locator("article:has(figure:nth-of-type(2))").first
        row.locator("summary").click()
        page.locator("article").evaluate_all(_CUT_LONG_ONES)
        row.locator(".chip").last.focus()
        row.evaluate("row => row.scrollIntoView()")
        page.wait_for_function("[...document.images].every((one) => !one.src || one.complete)")
        shown = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    # A page has few colours, and a palette is a third of the bytes.
    shown.convert("RGB").quantize(128).save(folder / "page.png", optimize=True)


if __name__ == "__main__":
    main()
