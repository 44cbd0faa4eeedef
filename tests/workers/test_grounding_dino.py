from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest

from thinkimg_eval.charts import draw_chart
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.imaging.codec import Pixels, encode_png
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.v1 import GroundingDINORequest, GroundingDINOResponse
from thinkimg_workers.grounding.detector import Search
from thinkimg_workers.grounding_dino import GroundingDINO

from .answering import answer, sent

CHART = draw_chart(31, kind="grouped_bar")
CLASSICAL = ModelSettings(backend="classical")


@pytest.fixture(scope="module")
def tool() -> GroundingDINO:
    made = GroundingDINO()
    made.settings = CLASSICAL
    made.setup()
    return made


def detect(
    tool: GroundingDINO, query: str, pixels: Pixels = CHART.pixels, **options: Any
) -> GroundingDINOResponse:
    request = GroundingDINORequest(image=sent(pixels), query=query, **options)
    response = answer(tool, request)
    assert isinstance(response, GroundingDINOResponse)
    return response


@pytest.fixture
async def mesh() -> AsyncIterator[Mesh]:
    async with Mesh.local([GroundingDINO], models=CLASSICAL) as running:
        yield running


async def test_a_bar_is_found_over_the_wire(mesh: Mesh) -> None:
    bar = CHART.with_role("bar")[0]
    image = mesh.image(encode_png(CHART.pixels))
    request = GroundingDINORequest(image=image, query=f"the {bar.color_name} bar. legend")
    response = await mesh.send(request, timeout_s=60)
    boxes = [(one.box.x0, one.box.y0, one.box.x1, one.box.y1) for one in response.detections]
    assert any(np.allclose(box, bar.box, atol=2.5) for box in boxes)
    assert response.answered_by.backend.startswith("classical")
    labels = {one.label for one in response.detections}
    assert labels == {f"the {bar.color_name} bar", "legend"}


def test_the_text_of_the_picture_is_read(tool: GroundingDINO) -> None:
    (title,) = CHART.with_role("title")
    found = detect(tool, title.text).detections[0]
    assert found.box.x0 == pytest.approx(title.box[0], abs=8)
    assert found.box.x1 == pytest.approx(title.box[2], abs=8)


def test_nothing_found_says_what_was_understood_and_what_may_help(tool: GroundingDINO) -> None:
    response = detect(tool, "the bar for Atlantis")
    assert not response.detections
    assert "atlantis" in response.message
    assert "legend" in response.message


def test_a_high_threshold_is_said_to_be_one(tool: GroundingDINO) -> None:
    response = detect(tool, "legend", box_threshold=1.0)
    assert not response.detections
    assert "box_threshold" in response.message


@pytest.mark.parametrize("query", ["   ", " . ", "?!"])
def test_a_query_without_words_is_refused(tool: GroundingDINO, query: str) -> None:
    with pytest.raises(InvalidRequest, match="query"):
        detect(tool, query)


def test_a_query_too_long_is_refused(tool: GroundingDINO) -> None:
    with pytest.raises(InvalidRequest, match="query"):
        detect(tool, "red " * 2500)


def test_a_query_in_chinese_is_answered(tool: GroundingDINO) -> None:
    assert len(detect(tool, "图例").detections) == 1


@pytest.mark.parametrize("size", [(1, 1), (200, 300)])
def test_there_is_nothing_on_blank_pictures(tool: GroundingDINO, size: tuple[int, int]) -> None:
    response = detect(tool, "red bar", np.full((*size, 3), 255, np.uint8))
    assert not response.detections
    assert response.message


def test_a_tool_answers_a_batch_as_it_answers_one(tool: GroundingDINO) -> None:
    assert not tool.batches()


def test_thresholds_that_are_left_out_are_the_usual_ones(
    tool: GroundingDINO, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Search] = []

    class Watching:
        def detect(self, searches: list[Search]) -> list[list[Any]]:
            seen.extend(searches)
            return [[] for _ in searches]

    monkeypatch.setattr(tool, "_detector", Watching())
    detect(tool, "legend")
    detect(tool, "legend", box_threshold=0.0, text_threshold=0.9)
    assert [(one.box_threshold, one.text_threshold) for one in seen] == [(0.3, 0.25), (0.0, 0.9)]
