"""The pages of a run and of a comparison, in a real browser."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from thinkimg_eval.report.comparison import compare, write_comparison
from thinkimg_eval.report.page import episode_link, histogram
from thinkimg_eval.report.results import read_results
from thinkimg_eval.report.writing import write_report
from thinkimg_eval.run.folder import RunFolder

from .episodes import EPISODES, episode, origin, written

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
def page(browser: Browser) -> Iterator[Page]:
    """A page that may fail at nothing and fetch nothing from elsewhere."""
    page = browser.new_page(viewport=LAPTOP)  # type: ignore[arg-type]
    failures: list[str] = []
    page.on("pageerror", lambda error: failures.append(str(error)))
    # A picture that is still being read when the page is left is not missing.
    page.on(
        "requestfailed",
        lambda request: (
            None if request.failure == "net::ERR_ABORTED" else failures.append(request.url)
        ),
    )
    page.on(
        "request",
        lambda request: None if request.url.startswith("file:") else failures.append(request.url),
    )
    yield page
    page.close()
    assert not failures


@pytest.fixture(scope="module")
def comparison(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    changed = [episode(0, 0.0, answer="<b>0</b>"), *EPISODES[1:]]
    other = written(tmp_path_factory.mktemp("others") / "b", changed, origin())
    write_report(other)
    return write_comparison(compare(run.path, other.path))


def open_page(page: Page, path: Path) -> None:
    page.goto(path.as_uri())


def rows(page: Page) -> int:
    return page.locator(".questions tbody tr:visible").count()


def test_the_page_says_how_the_run_went(page: Page, run: RunFolder) -> None:
    open_page(page, run.path / "report.html")
    assert page.locator(".big").inner_text().startswith("60.0%")
    assert page.locator(".warning").inner_text().startswith("1 aborted by the mesh")
    assert page.get_by_role("img", name="read: 100.0%").count() == 1
    assert page.get_by_role("img", name="0: 1", exact=True).count() == 1
    assert "1 rapidocr" in page.locator("dl").inner_text()


@pytest.mark.parametrize("size", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("name", ["report", "comparison"])
def test_it_fits_a_laptop_and_a_phone(
    page: Page, run: RunFolder, comparison: Path, size: dict[str, int], name: str
) -> None:
    page.set_viewport_size(size)  # type: ignore[arg-type]
    open_page(page, run.path / "report.html" if name == "report" else comparison)
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"]


def test_questions_are_filtered_by_verdict_category_and_words(page: Page, run: RunFolder) -> None:
    open_page(page, run.path / "report.html")
    assert rows(page) == 6
    page.get_by_role("button", name="wrong").click()
    assert rows(page) == 1
    page.get_by_role("button", name="all").click()
    page.get_by_label("category").select_option("count_all")
    assert rows(page) == 3
    page.get_by_label("words").fill("tiny-3")
    assert rows(page) == 1
    page.get_by_label("words").fill("nowhere")
    assert page.get_by_text("Nothing here fits the filters.").is_visible()


def test_what_was_asked_and_answered_is_shown_as_text(page: Page, run: RunFolder) -> None:
    open_page(page, run.path / "report.html")
    assert page.get_by_text("How many, in <i>chart</i> 1?").count() == 1
    assert page.get_by_text("41 </td>").count() == 1


def test_a_question_leads_to_its_episode_with_its_picture(page: Page, run: RunFolder) -> None:
    open_page(page, run.path / "report.html")
    page.get_by_role("link", name="chart</i> 3?").click()
    opened = page.locator("#episode-4")
    assert opened.locator("details").first.get_attribute("open") is not None
    assert page.locator("article details[open]").count() == 1
    picture = opened.locator("img").first
    picture.scroll_into_view_if_needed()
    page.wait_for_function("image => image.naturalWidth === 40", arg=picture.element_handle())
    page.get_by_role("link", name="report").click()
    assert page.url.endswith("report.html")


def test_both_episodes_of_a_flip_are_one_click_away(page: Page, comparison: Path) -> None:
    open_page(page, comparison)
    assert rows(page) == 1
    for name, verdict in (("42", "right"), ("<b>0</b>", "wrong")):
        page.get_by_role("link", name=name).click()
        assert page.locator("#episode-1").get_attribute("data-verdict") == verdict
        page.go_back()


def test_long_runs_go_onto_several_pages_that_lead_to_each_other(
    page: Page, tmp_path: Path
) -> None:
    episodes = [episode(n, 1.0) for n in range(0, 100)]
    folder = written(tmp_path, episodes, origin(100))
    write_report(folder)
    assert episode_link(49) == "episodes/0001.html#episode-50"
    assert episode_link(50) == "episodes/0002.html#episode-51"
    open_page(page, tmp_path / "episodes" / "0001.html")
    assert page.locator("article").count() == 50
    page.get_by_role("link", name="after").click()
    assert page.locator("#episode-100").count() == 1
    assert page.get_by_role("link", name="after").count() == 0


def test_a_histogram_counts_every_question_once(run: RunFolder) -> None:
    results = read_results(run.path).results
    bars = histogram(results, lambda one: sum(one.calls.values()))
    assert [(bar.label, bar.total) for bar in bars if bar.total] == [
        ("0", 1),
        ("1", 2),
        ("2", 2),
        ("8+", 1),
    ]
    assert [part.verdict for part in bars[2].parts] == ["right", "wrong"]
    assert max(bar.share for bar in bars) == 1
