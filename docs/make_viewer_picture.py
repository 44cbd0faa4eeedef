"""Makes the picture of the viewer's page, as a browser shows a run of `thinkimg demo`.

    .venv/bin/thinkimg demo --run build/demo
    .venv/bin/python docs/make_viewer_picture.py build/demo

Needs Playwright and Chromium. Written into docs/pictures/viewer, or into the folder given
as the second argument.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import ViewportSize, sync_playwright

SIZE = ViewportSize(width=1100, height=980)
QUESTION = 0
"""Which of the run's questions is opened."""


def main() -> None:
    run = Path(sys.argv[1])
    folder = Path(sys.argv[2] if len(sys.argv) > 2 else "docs/pictures/viewer")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        page = browser.new_page(viewport=SIZE)
        page.goto((run / "index.html").resolve().as_uri())
        page.locator("article > details > summary").nth(QUESTION).click()
        page.wait_for_function("[...document.images].every(image => image.complete)")
        shown = Image.open(io.BytesIO(page.screenshot()))
        browser.close()
    # A page has few colours, and a palette is a third of the bytes.
    shown.convert("RGB").quantize(128).save(folder / "page.png", optimize=True)


if __name__ == "__main__":
    main()
