"""Point: coordinates, an image with numbered marks, and whichever backend is at hand."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import CallerError, InternalFault, InvalidRequest
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_rpc.v1 import ImageFormat, PointRequest, PointResponse
from thinkimg_workers.grounding.detector import Found, Search
from thinkimg_workers.point import Point
from thinkimg_workers.pointing import grounding
from thinkimg_workers.pointing.families import FAMILIES

from .answering import answer, noise, received, sent
from .scripted_server import fails, says, scripted_server
from .tiny_checkpoints import save_qwen_vl, teach


def tool(**settings: Any) -> Point:
    made = Point()
    made.settings = ModelSettings(**settings)
    made.setup()
    return made


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What weights the machine has is no matter of these tests."""
    monkeypatch.setenv("THINKIMG_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


class Detector:
    """Finds what it was told to find."""

    name = "fake 1.0"
    batches = False

    def __init__(self, *found: Found) -> None:
        self.found = list(found)
        self.searches: list[Search] = []

    def detect(self, searches: Sequence[Search]) -> Sequence[list[Found]]:
        self.searches += searches
        return [self.found for _ in searches]


@pytest.fixture
def detecting(monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Point, Detector]]:
    def make(*found: Found) -> tuple[Point, Detector]:
        detector = Detector(*found)
        monkeypatch.setattr(grounding, "open_backend", lambda backends, settings: detector)
        return tool(backend="grounding"), detector

    return make


Detecting = Callable[..., tuple[Point, Detector]]


def bars() -> Pixels:
    """A red and a blue bar on white, and a word."""
    pixels = np.full((300, 400, 3), 255, np.uint8)
    cv2.putText(pixels, "Revenue", (120, 40), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
    cv2.rectangle(pixels, (60, 60), (129, 259), (220, 20, 20), cv2.FILLED)
    cv2.rectangle(pixels, (220, 120), (289, 259), (20, 20, 220), cv2.FILLED)
    return pixels


def test_it_points_into_the_middle_of_what_a_detector_finds_or_where_it_says(
    detecting: Detecting,
) -> None:
    point, detector = detecting(
        Found((10, 20, 30, 60), 0.9, "bar"), Found((0, 0, 300, 200), 0.4, "line", (7, 150))
    )
    image = noise(300, 200)
    response = answer(point, PointRequest(image=sent(image), description=" the  red bar "))
    assert [(p.point.x, p.point.y, p.score) for p in response.points] == [
        (20, 40, 0.9),
        (7, 150, 0.4),
    ]
    assert detector.searches[0].query == "the red bar"
    assert point.backend == "grounding by fake 1.0"


def test_the_annotated_image_has_the_same_size_and_marks_at_the_points(
    detecting: Detecting,
) -> None:
    point, _ = detecting(Found((100, 100, 140, 120), 0.9, "bar"))
    image = noise(300, 200)
    marked = received(answer(point, PointRequest(image=sent(image), description="bar")).annotated)
    assert marked.shape == image.shape
    changed = np.argwhere((marked != image).any(axis=2))
    assert np.abs(changed - (110, 120)).max() < 40


def test_a_jpeg_comes_back_if_asked_for(detecting: Detecting) -> None:
    point, _ = detecting(Found((100, 100, 140, 120), 0.9, "bar"))
    request = PointRequest(
        image=sent(noise(300, 200)), description="bar", format=ImageFormat.IMAGE_FORMAT_JPEG
    )
    assert answer(point, request).annotated.media_type == "image/jpeg"


def test_nothing_found_is_an_empty_answer_with_advice_and_no_image(detecting: Detecting) -> None:
    point, _ = detecting()
    response = answer(point, PointRequest(image=sent(noise(30, 20)), description="unicorn"))
    assert list(response.points) == []
    assert not response.HasField("annotated")
    assert "Nothing was found" in response.message
    assert "red bar" in response.message


@pytest.mark.parametrize("description", [" ", "...", "\n\t", "?!"])
def test_a_description_without_a_word_is_the_callers_mistake(
    detecting: Detecting, description: str
) -> None:
    point, detector = detecting()
    with pytest.raises(InvalidRequest, match="description: has no word in it"):
        answer(point, PointRequest(image=sent(noise(9, 9)), description=description))
    assert detector.searches == []


@pytest.mark.parametrize("description", ["", "x" * 1001])
def test_the_contract_refuses_an_empty_or_endless_description(
    detecting: Detecting, description: str
) -> None:
    point, _ = detecting()
    with pytest.raises(InvalidRequest, match="description"):
        answer(point, PointRequest(image=sent(noise(9, 9)), description=description))


def test_without_weights_or_endpoint_auto_points_through_grounding() -> None:
    point = tool()
    assert point.backend.startswith("grounding by ")
    response = answer(point, PointRequest(image=sent(bars()), description="Revenue"))
    first = response.points[0].point
    assert 120 <= first.x < 250
    assert 15 <= first.y < 45


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (8000, 6000)])
def test_any_size_of_image_is_annotated(detecting: Detecting, size: tuple[int, int]) -> None:
    width, height = size
    point, _ = detecting(Found((0, 0, width, height), 0.9, "all"))
    image = np.full((height, width, 3), 255, np.uint8)
    response = answer(point, PointRequest(image=sent(image), description="图例"))
    assert (response.annotated.width, response.annotated.height) == size


def test_an_endpoint_is_taken_if_one_is_set() -> None:
    with scripted_server(says('[{"point_2d": [250, 500]}]')) as server:
        point = tool(endpoint=server.url, endpoint_model="eyes-2b")
        response = answer(point, PointRequest(image=sent(bars()), description="the red bar"))
    assert point.backend.startswith("openai eyes-2b at 127.0.0.1:")
    assert not point.batches()
    (pointed,) = response.points
    assert (pointed.point.x, pointed.point.y, pointed.score) == (100, 150, 1.0)


def test_a_refusing_endpoint_is_the_meshs_fault() -> None:
    with scripted_server(fails(400, "context too long")) as server:
        point = tool(endpoint=server.url, endpoint_model="eyes-2b")
        with pytest.raises(InternalFault, match="context too long"):
            answer(point, PointRequest(image=sent(bars()), description="the red bar"))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backend": "transformers"}, "none of the weights molmo2, .* `hf download allenai/"),
        ({"backend": "openai"}, "no endpoint set"),
        ({"weights": "nowhere"}, 'weights = "nowhere"'),
        ({"endpoint": "http://127.0.0.1:1/v1"}, "endpoint_model is not set"),
    ],
)
def test_a_backend_that_cannot_serve_says_why_at_start(
    settings: dict[str, str], words: str
) -> None:
    with pytest.raises(CannotStart, match=words):
        tool(**settings)


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Qwen2-VL that points into the red bar."""
    folder = save_qwen_vl(tmp_path_factory.mktemp("weights") / "tiny-qwen")
    prompt = FAMILIES["qwen2_vl"].ask("the red bar")
    teach(folder, prompt, '[{"point_2d": [250, 500]}]', bars())
    return folder


def test_quantization_that_cannot_be_had_says_why_at_start(taught: Path) -> None:
    with pytest.raises(CannotStart, match='quantization = "4bit" cannot be had: it needs a GPU'):
        tool(weights=str(taught), device="cpu", quantization="4bit")


async def test_calls_at_one_mesh_share_passes_and_get_their_own_answers(
    taught: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passes: list[int] = []
    run_batch = Point.run_batch

    def counted(self: Point, requests: Any, calls: Any) -> Sequence[PointResponse | CallerError]:
        passes.append(len(requests))
        return run_batch(self, requests, calls)

    monkeypatch.setattr(Point, "run_batch", counted)
    models = ModelSettings(
        backend="transformers", weights=str(taught), device="cpu", max_batch_wait_s=0.5
    )
    async with Mesh.local([Point], models=models) as mesh:
        image = mesh.image(encode_png(bars()))
        await mesh.point(PointRequest(image=image, description="warm up"))
        right, blank, other = await asyncio.gather(
            mesh.point(PointRequest(image=image, description="the red bar")),
            mesh.point(PointRequest(image=image, description=" ")),
            mesh.point(PointRequest(image=image, description="something else")),
            return_exceptions=True,
        )
    assert isinstance(right, PointResponse)
    (pointed,) = right.points
    assert (pointed.point.x, pointed.point.y) == (100, 150)
    assert right.answered_by.backend.startswith("transformers ")
    assert received(right.annotated).shape == (300, 400, 3)
    assert isinstance(blank, InvalidRequest)
    assert isinstance(other, PointResponse)
    assert max(passes) > 1


def test_the_tool_itself_loads_no_model_library() -> None:
    """What a worker with another backend need not hold in memory."""
    heavy = ("torch", "transformers", "httpx", "rapidocr")
    program = f"import sys, thinkimg_workers.point; print(*set(sys.modules) & set({heavy}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.gpu
def test_on_a_gpu_it_points_in_half_precision_where_it_does_on_the_cpu(taught: Path) -> None:
    point = tool(weights=str(taught))
    assert point.backend.endswith(", cuda bfloat16")
    response = answer(point, PointRequest(image=sent(bars()), description="the red bar"))
    (pointed,) = response.points
    assert (pointed.point.x, pointed.point.y) == (100, 150)
