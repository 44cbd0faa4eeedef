"""Makes the pictures of a run's page, in a real browser.

    thinkimg eval run --task synthcharts --policy planner: --out runs/planner
    .venv/bin/python docs/make_report_pictures.py runs/planner

Needs Chromium. Written into docs/pictures/report.
"""

from __future__ import annotations

import io
import shutil
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

FOLDER = Path(__file__).parent / "pictures" / "report"
SIZES = {"laptop": (1280, 1000), "phone": (390, 844)}
COLOURS = 128
"""Few enough for a small file, and more than the page has."""


def main(run: Path) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for name, (width, height) in SIZES.items():
            page = browser.new_page(viewport={"width": width, "height": height})
            page.goto((run / "report.html").resolve().as_uri())
            picture = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
            picture.quantize(COLOURS).save(FOLDER / f"{name}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
