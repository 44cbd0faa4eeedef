"""The page of a run, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from thinkimg_agent.trajectory_file import read_trajectories
from thinkimg_agent.viewer import run_page, write_page, write_part

from .conftest import QUESTION

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

LAPTOP = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        # Without a sandbox, because in containers root has none to give.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, run: Path, tmp_path: Path) -> Iterator[Page]:
    path = tmp_path / "page.html"
    assert write_page(run, path) == 4
    page = browser.new_page(viewport=LAPTOP)  # type: ignore[arg-type]
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    page.on(
        "request", lambda request: failures.append(request.url) if _is_away(request.url) else None
    )
    page.goto(path.as_uri())
    yield page
    assert not failures
    page.close()


def _is_away(url: str) -> bool:
    return not url.startswith(("file:", "data:"))


def test_the_page_needs_nothing_but_itself(run: Path) -> None:
    html = run_page(run)
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html


def test_every_episode_stands_with_its_verdict_and_its_question(page: Page) -> None:
    summaries = page.locator("article > details > summary").all_inner_texts()
    assert [text.split()[0] for text in summaries] == ["right", "wrong", "aborted", "unanswered"]
    assert all(QUESTION in text for text in summaries)


def test_a_call_is_seen_over_the_image_it_was_about(page: Page) -> None:
    page.locator("article").first.locator("summary").first.click()
    asked = page.locator("article").first.locator("svg rect.asked").first
    box, picture = asked.bounding_box(), asked.locator("xpath=..").bounding_box()
    assert box is not None
    assert picture is not None
    assert (box["x"] - picture["x"]) / picture["width"] == pytest.approx(0.1, abs=0.01)
    assert box["width"] / picture["width"] == pytest.approx(0.4, abs=0.01)
    assert box["height"] / picture["height"] == pytest.approx(0.5, abs=0.01)


def test_images_are_there_once_they_are_looked_at(page: Page) -> None:
    page.locator("article").first.locator("summary").first.click()
    image = page.locator("article").first.locator("img").last
    image.scroll_into_view_if_needed()
    page.wait_for_function("image => image.naturalWidth > 0", arg=image.element_handle())


def test_filters_leave_what_fits(page: Page) -> None:
    shown = page.locator("article:visible")
    page.get_by_role("button", name="wrong").click()
    assert shown.count() == 1
    page.get_by_role("button", name="all").click()
    page.locator("#tool").select_option("DrawHorizontalLineByY")
    assert shown.count() == 2
    page.locator("#words").fill("no such words")
    assert shown.count() == 0
    assert page.get_by_text("Nothing here fits the filters.").is_visible()


def test_what_a_model_got_wrong_is_shown_where_it_happened(page: Page) -> None:
    wrong = page.locator("article.wrong")
    wrong.locator("summary").first.click()
    assert wrong.get_by_text("box.x1: 5000 is outside the image: 0 to 1000").first.is_visible()
    assert wrong.get_by_text("not valid JSON").first.is_visible()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_nothing_sticks_out_sideways(page: Page, size: dict[str, int]) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    for summary in page.locator("article > details > summary").all():
        summary.click()
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_a_part_of_a_run_shows_the_images_of_its_folder_and_opens_what_is_linked_to(
    browser: Browser, run: Path, tmp_path: Path
) -> None:
    episodes = list(enumerate(read_trajectories(run), 1))[1:]
    path = tmp_path / "part.html"
    write_part(run, path, episodes, name="2 to 4", links={"all": "index.html"})
    assert "data:image" not in path.read_text()
    page = browser.new_page(viewport=PHONE)  # type: ignore[arg-type]
    page.goto(f"{path.as_uri()}#episode-3")
    assert page.locator("article").count() == 3
    assert page.locator("#episode-3 > details").get_attribute("open") is not None
    picture = page.locator("#episode-3 img").first.element_handle()
    page.wait_for_function("image => image.naturalWidth > 0", arg=picture)
    assert page.get_by_role("link", name="all").get_attribute("href") == "index.html"
    page.close()
