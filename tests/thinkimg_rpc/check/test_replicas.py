"""Each tool is asked at each worker, and its answer is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from thinkimg_rpc.check.replicas import Finding, Verdict, absent, check_mesh
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.serve.config import DEFAULT_CONFIG, load_config
from thinkimg_rpc.settings import ModelSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.tool import Call, Tool, load_tool
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    CropResponse,
    Detection,
    GroundingDINORequest,
    GroundingDINOResponse,
    OCRRequest,
    OCRResponse,
    PointRequest,
    PointResponse,
    SAMRequest,
    SAMResponse,
    Segment,
    Worker,
    WorkerState,
)
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX

EXACT: list[type[Tool[Any, Any]]] = [Crop, DrawHorizontalLineByY, DrawVerticalLineByX]


class CropsBesideIt(Crop):
    """Off by a pixel."""

    def run(self, request: CropRequest, call: Call) -> CropResponse:
        request.box.x0 += 1
        request.box.x1 += 1
        return super().run(request, call)


class SeesNothing(Tool[OCRRequest, OCRResponse]):
    """Reads nothing, with a backend whose answer is known."""

    backend = "rapidocr 1.0"

    def run(self, request: OCRRequest, call: Call) -> OCRResponse:
        return OCRResponse()


class SomeModel(Tool[GroundingDINORequest, GroundingDINOResponse]):
    """Finds the same whatever it is asked for."""

    backend = "transformers 5.0 some-model"

    def run(self, request: GroundingDINORequest, call: Call) -> GroundingDINOResponse:
        box = Box(x0=1, y0=1, x1=30, y1=30)
        return GroundingDINOResponse(detections=[Detection(box=box, score=0.4)])


class PointsNowhere(Tool[PointRequest, PointResponse]):
    """Points through a backend of ours, at nothing."""

    backend = "grounding by classical, opencv 5.0.0"

    def run(self, request: PointRequest, call: Call) -> PointResponse:
        return PointResponse(message="there is no red bar")


class LosesItsMask(Tool[SAMRequest, SAMResponse]):
    """Returns a segment without a mask."""

    backend = "transformers 5.0 some-model"

    def run(self, request: SAMRequest, call: Call) -> SAMResponse:
        return SAMResponse(segments=[Segment(area=3)])


class Crashes(Tool[PointRequest, PointResponse]):
    """Has a bug."""

    def run(self, request: PointRequest, call: Call) -> PointResponse:
        raise RuntimeError("a bug")


class Refuses(Tool[PointRequest, PointResponse]):
    """Refuses what the contract allows."""

    def run(self, request: PointRequest, call: Call) -> PointResponse:
        raise InvalidRequest.field("description", "not today")


async def findings(tools: Sequence[type[Tool[Any, Any]]], workers: int = 1) -> list[Finding]:
    async with Mesh.local(tools, workers=workers, models=ModelSettings()) as mesh:
        return await check_mesh(mesh, timeout_s=30)


async def finding(tool: type[Tool[Any, Any]]) -> Finding:
    (only,) = await findings([tool])
    return only


async def test_every_tool_is_asked_at_every_replica() -> None:
    found = await findings(EXACT, workers=2)
    assert {(one.worker, one.tool, one.verdict) for one in found} == {
        (f"local-{number}", tool.__name__, Verdict.OK) for number in (0, 1) for tool in EXACT
    }
    assert all(one.seconds for one in found)
    assert all(one.backend.startswith("opencv") for one in found)


async def test_all_shipped_tools_answer_right_without_any_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for variable in ("THINKIMG_WEIGHTS", "HF_HUB_CACHE"):
        monkeypatch.setenv(variable, str(tmp_path))
    workers = load_config(DEFAULT_CONFIG).worker
    shipped: list[type[Tool[Any, Any]]] = [
        load_tool(tool) for worker in workers for tool in worker.tools
    ]
    found = await findings(shipped)
    assert len(found) == 9
    assert [one for one in found if one.verdict is not Verdict.OK] == []


@pytest.mark.parametrize(
    ("tool", "verdict", "detail"),
    [
        (CropsBesideIt, Verdict.WRONG, "the pixels are not those of the legend"),
        (SeesNothing, Verdict.WRONG, '"Harvest" was not read; "Rainfall" was not read'),
        (SomeModel, Verdict.FORM, "the legend was not found; the red bar was not found"),
        (PointsNowhere, Verdict.WRONG, "the red bar was not found"),
        (LosesItsMask, Verdict.WRONG, "a mask cannot be 0x0"),
        (Crashes, Verdict.FAILED, "RuntimeError"),
        (Refuses, Verdict.FAILED, "not today"),
    ],
)
async def test_what_is_wrong_with_an_answer_is_told(
    tool: type[Tool[Any, Any]], verdict: Verdict, detail: str
) -> None:
    found = await finding(tool)
    assert found.verdict is verdict
    assert detail in found.detail


async def test_a_tool_that_is_not_ours_is_asked_its_own_example() -> None:
    found = await finding(Echo)
    assert (found.verdict, bool(found.seconds)) == (Verdict.OK, True)


def test_workers_that_are_not_there_are_failures() -> None:
    (missing,) = absent(["image-0"], [])
    assert (missing.worker, missing.verdict.passes) == ("image-0", False)


@pytest.mark.parametrize("state", ["DRAINING", "STALLED"])
async def test_a_worker_that_is_not_serving_is_a_failure(state: str) -> None:
    worker = Worker(id="image-0", state=WorkerState.Value(f"WORKER_STATE_{state}"))
    mesh = create_autospec(Mesh, instance=True)
    mesh.workers.return_value = [worker]
    (found,) = await check_mesh(mesh, timeout_s=1)
    assert (found.worker, found.verdict) == ("image-0", Verdict.FAILED)
    assert found.detail == f"is {state.lower()}, not serving"


def test_a_worker_may_serve_on_another_machine_under_a_longer_id() -> None:
    workers = [Worker(id="image-4f1a-0"), Worker(id="text-0")]
    assert absent(["image-0", "text-0"], workers) == []
    assert [finding.worker for finding in absent(["image-1"], workers)] == ["image-1"]
