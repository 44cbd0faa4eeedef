"""Grounding DINO and MM-Grounding-DINO find what the library finds, alone and together."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.imaging.codec import encode_png
from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_rpc.v1 import GroundingDINORequest
from thinkimg_workers.grounding.caption import as_model_reads
from thinkimg_workers.grounding.detector import Found, Search
from thinkimg_workers.grounding.transformers_dino import TransformersDetector
from thinkimg_workers.grounding_dino import GroundingDINO

from ..answering import noise
from ..tiny_checkpoints import save_grounding_dino


@pytest.fixture(scope="module", params=["grounding-dino", "mm-grounding-dino"])
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("weights") / request.param
    return save_grounding_dino(place, mm=request.param == "mm-grounding-dino")


@pytest.fixture(scope="module")
def detector(folder: Path) -> TransformersDetector:
    return TransformersDetector(ModelSettings(device="cpu"), folder)


def search(
    pixels: Pixels, query: str, *, box_threshold: float = 0.0, text_threshold: float = 0.02
) -> Search:
    return Search(pixels, query, box_threshold, text_threshold, list, lambda: None)


def by_the_library(folder: Path, asked: Search) -> list[tuple[float, list[float], str]]:
    """What the documentation of transformers would have one write."""
    auto: Any = transformers.AutoProcessor
    processor = auto.from_pretrained(folder)
    model = transformers.AutoModelForZeroShotObjectDetection.from_pretrained(folder).eval()
    inputs: Any = processor(images=asked.pixels, text=asked.query, return_tensors="pt")
    with torch.no_grad():
        output = model(**inputs)
    (result,) = processor.post_process_grounded_object_detection(
        output,
        inputs.input_ids,
        threshold=asked.box_threshold,
        text_threshold=asked.text_threshold,
        target_sizes=[asked.pixels.shape[:2]],
    )
    rows = zip(
        result["scores"].tolist(), result["boxes"].tolist(), result["text_labels"], strict=True
    )
    return sorted(rows, key=lambda row: -row[0])


def same(one: list[Found], other: list[Found]) -> None:
    assert [thing.label for thing in one] == [thing.label for thing in other]
    np.testing.assert_allclose([t.box for t in one], [t.box for t in other], atol=1e-3)
    np.testing.assert_allclose([t.score for t in one], [t.score for t in other], atol=1e-4)


def test_it_finds_what_the_library_finds(folder: Path, detector: TransformersDetector) -> None:
    asked = search(noise(200, 120), "red bar. legend.", box_threshold=0.003)
    (found,) = detector.detect([asked])
    expected = by_the_library(folder, asked)
    width_height = np.array([200, 120, 200, 120])
    assert len(found) > 3
    assert len(found) == len(expected)
    for thing, (score, box, label) in zip(found, expected, strict=True):
        assert thing.score == pytest.approx(score, abs=1e-4)
        np.testing.assert_allclose(
            np.array(thing.box) / width_height,
            np.clip(box, 0, width_height) / width_height,
            atol=1e-4,
        )
        assert thing.label == label


def test_searches_together_find_what_each_finds_alone(detector: TransformersDetector) -> None:
    wide, high = noise(200, 120), noise(120, 200)
    searches = [
        search(wide, "red bar"),
        search(high, "legend", box_threshold=0.01),
        search(wide, "the blue line. title of the chart. x axis label", text_threshold=0.01),
        search(high, "bar"),
    ]
    together = detector.detect(searches)
    for asked, found in zip(searches, together, strict=True):
        same(found, detector.detect([asked])[0])


def test_thresholds_are_each_searchs_own(detector: TransformersDetector) -> None:
    image = noise(100, 100)
    everything, little = detector.detect(
        [search(image, "bar"), search(image, "bar", box_threshold=0.01)]
    )
    assert len(everything) > len(little)
    assert all(thing.score > 0.01 for thing in little)
    assert [thing.score for thing in everything] == sorted(
        (thing.score for thing in everything), reverse=True
    )


@pytest.mark.parametrize("size", [(1, 1), (8, 3), (3000, 1), (1, 3000), (4000, 3000)])
def test_any_size_of_image_is_searched(
    detector: TransformersDetector, size: tuple[int, int]
) -> None:
    width, height = size
    (found,) = detector.detect([search(np.zeros((height, width, 3), np.uint8), "bar")])
    for thing in found:
        x0, y0, x1, y1 = thing.box
        assert 0 <= x0 < x1 <= width
        assert 0 <= y0 < y1 <= height


@pytest.mark.parametrize("query", ["红色的柱子。图例", "x" * 1000, "柱" * 1000, "a. " * 333])
def test_any_query_is_understood_or_finds_nothing(
    detector: TransformersDetector, query: str
) -> None:
    assert len(detector.detect([search(noise(64, 64), query)])) == 1


@pytest.mark.parametrize("query", [" ", "...", ". ! ?"])
def test_a_query_without_a_word_finds_nothing(detector: TransformersDetector, query: str) -> None:
    assert detector.detect([search(noise(64, 64), query)]) == [[]]


def test_a_search_alone_stops_when_nobody_waits(detector: TransformersDetector) -> None:
    def too_late() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        detector.detect([Search(noise(64, 64), "bar", 0.3, 0.25, list, too_late)])


def test_its_name_says_which_weights_answer(folder: Path, detector: TransformersDetector) -> None:
    title = f"transformers {transformers.__version__} {folder.name}@"
    assert detector.name.startswith(title)
    assert detector.name.endswith(", cpu float32")


def test_queries_are_written_as_the_model_wants_them() -> None:
    assert as_model_reads("Red Bar") == "red bar."
    assert as_model_reads(" red  bar . Legend. ") == "red bar. legend."
    assert as_model_reads("红色。图例") == "红色. 图例."


def test_weights_of_another_kind_of_model_are_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CannotStart, match='family "bert", and grounding-dino or mm-grounding-dino'):
        TransformersDetector(ModelSettings(device="cpu"), tmp_path)


def test_it_says_at_start_that_it_has_no_quantized_form(folder: Path) -> None:
    with pytest.raises(CannotStart, match="no quantized form"):
        TransformersDetector(ModelSettings(device="cpu", quantization="8bit"), folder)


async def test_calls_at_one_mesh_share_passes_and_get_their_own_answers(
    folder: Path, detector: TransformersDetector
) -> None:
    models = ModelSettings(
        backend="transformers", weights=str(folder), device="cpu", max_batch_wait_s=0.2
    )
    pictures = [noise(120, 80), noise(90, 90)]
    queries = ["red bar", "legend", "the blue line. title", "x axis label"]
    asked = [(picture, query) for picture in pictures for query in queries]
    async with Mesh.local([GroundingDINO], models=models, concurrency=2) as mesh:
        responses = await asyncio.gather(
            *(
                mesh.grounding_dino(
                    GroundingDINORequest(
                        image=mesh.image(encode_png(picture)),
                        query=query,
                        box_threshold=0.01,
                        text_threshold=0.02,
                    )
                )
                for picture, query in asked
            )
        )
    for (picture, query), response in zip(asked, responses, strict=True):
        (found,) = detector.detect([search(picture, query, box_threshold=0.01)])
        same(
            [
                Found((d.box.x0, d.box.y0, d.box.x1, d.box.y1), d.score, d.label)
                for d in response.detections
            ],
            found,
        )
        assert response.answered_by.backend == detector.name
        assert response.detections or response.message


@pytest.mark.gpu
def test_on_a_gpu_half_precision_scores_nearly_the_same(
    folder: Path, detector: TransformersDetector
) -> None:
    on_gpu = TransformersDetector(ModelSettings(device="cuda"), folder)
    assert on_gpu.name.endswith(", cuda float16")
    asked = [search(noise(120, 80), query) for query in ("red bar", "legend")]
    for half, whole in zip(on_gpu.detect(asked), detector.detect(asked), strict=True):
        assert len(half) == len(whole)
        assert half[0].score == pytest.approx(whole[0].score, abs=0.1)
