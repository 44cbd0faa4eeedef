"""Links lead somewhere, and pictures are small enough to clone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from .blocks import PAGES, ROOT

LARGEST_PICTURE_BYTES = 100_000
FOLDER = ROOT / "docs" / "pictures"
PICTURES = sorted(path for path in FOLDER.rglob("*") if path.is_file())

_LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)|<img[^>]* src=\"(?P<source>[^\"]+)\"")
_HEADING = re.compile(r"#+ (.*)")
_ELSEWHERE = ("https://", "http://", "mailto:")


def _prose(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def _targets(page: Path) -> Iterator[str]:
    for found in _LINK.finditer(_prose(page)):
        target = found["target"] or found["source"]
        if not target.startswith(_ELSEWHERE):
            yield target


def _anchors(page: Path) -> set[str]:
    """The names that GitHub gives the headings of a page."""
    headings = (found[1] for line in _prose(page).splitlines() if (found := _HEADING.match(line)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_pages_headings_and_files_lead_there(page: Path) -> None:
    for target in _targets(page):
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            assert anchor in _anchors(file), f"{page.name} links to {target}"


def test_every_page_can_be_reached_from_the_readme() -> None:
    reached, left = {PAGES[0]}, [PAGES[0]]
    while left:
        page = left.pop()
        linked = {(page.parent / target.partition("#")[0]).resolve() for target in _targets(page)}
        new = linked & set(PAGES) - reached
        reached |= new
        left += new
    assert reached == set(PAGES)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_a_picture_is_small_and_shown_somewhere(picture: Path) -> None:
    assert picture.stat().st_size < LARGEST_PICTURE_BYTES
    name = picture.relative_to(FOLDER).as_posix()
    assert any(f"pictures/{name}" in page.read_text() for page in PAGES), f"no page shows {name}"
