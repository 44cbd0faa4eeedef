from __future__ import annotations

import asyncio
from itertools import islice

import pytest

from thinkimg_eval.synthcharts.check import check_view
from thinkimg_eval.synthcharts.legibility import Viewed, colors_told, words_read
from thinkimg_eval.synthcharts.samples import draw
from thinkimg_eval.synthcharts.splits import askings
from thinkimg_eval.synthcharts.view import VIEWS, seen
from thinkimg_rpc.client import Mesh
from thinkimg_workers.ocr import OCR


def viewed(max_pixels: int, charts: int) -> list[Viewed]:
    plans = [asking.plan for asking in islice(askings("dev", 0), charts)]
    drawn = [(plan, draw(plan)) for plan in plans]
    return [Viewed(plan, chart, seen(chart.pixels, max_pixels)) for plan, chart in drawn]


def small() -> int:
    pixels = VIEWS["small"]
    assert pixels is not None
    return pixels


async def test_text_is_read_in_the_whole_chart_and_not_in_the_small_view() -> None:
    async with Mesh.local([OCR]) as mesh:
        assert await words_read(viewed(1 << 24, 1), mesh) >= 0.9
        assert await words_read(viewed(small(), 1), mesh) <= 0.05


def test_colours_are_told_in_the_small_view_and_not_in_a_handful_of_pixels() -> None:
    assert colors_told(viewed(small(), 8)) >= 0.95
    assert colors_told(viewed(9, 8)) < 0.8


@pytest.fixture(scope="module")
def findings() -> dict[str, bool]:
    return {each.name: each.met for each in asyncio.run(check_view(charts=1, questions=18))}


def test_the_check_tells_what_can_be_read_guessed_and_seen(findings: dict[str, bool]) -> None:
    assert findings["words that OCR reads"]
    assert findings["the planner with the view alone"]
    assert sum(name.startswith("the most common answer: ") for name in findings) == 9


async def test_a_view_that_shows_the_text_misses_the_promise() -> None:
    [text, *_] = await check_view(view="full", charts=1, questions=1)
    assert text.figure > 0.9
    assert not text.met
