from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.backends import open_backend
from thinkimg_workers.segmentation.choices import SEGMENTERS
from thinkimg_workers.segmentation.segmenter import Prompt, Scene
from thinkimg_workers.segmentation.transformers_sam2 import TransformersSam2

from ..answering import noise
from .tiny_sam2 import save_for_transformers

BOX = PixelBox(10, 12, 60, 50)
PROMPTS = (
    Prompt(points=((30.5, 40.5),)),
    Prompt(points=((30.5, 40.5), (20.5, 10.5)), background=((70.5, 5.5),)),
    Prompt(BOX),
    Prompt(BOX, points=((30.5, 40.5),), background=((15.5, 15.5),)),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_for_transformers(tmp_path_factory.mktemp("sam2"))


def opened(folder: Path, **settings: Any) -> TransformersSam2:
    wanted = ModelSettings(
        backend="transformers", weights=str(folder), **{"device": "cpu", **settings}
    )
    segmenter = open_backend(SEGMENTERS, wanted)
    assert isinstance(segmenter, TransformersSam2)
    return segmenter


def fresh(folder: Path) -> TransformersSam2:
    """One that has seen no image yet: a process keeps those it opens."""
    return TransformersSam2(ModelSettings(device="cpu"), folder)


@pytest.fixture(scope="module")
def segmenter(folder: Path) -> TransformersSam2:
    return opened(folder)


def scene(pixels: Pixels, digest: str, prompts: tuple[Prompt, ...] = PROMPTS) -> Scene:
    return Scene(pixels, digest, prompts, lambda: None)


def directly(folder: Path, pixels: Pixels, prompt: Prompt) -> tuple[Any, float]:
    """What the library answers, asked as its documentation does."""
    model = transformers.Sam2Model.from_pretrained(folder)
    processor: Any = transformers.Sam2Processor.from_pretrained(folder)
    asked: dict[str, Any] = {}
    if spots := [*prompt.points, *prompt.background]:
        asked["input_points"] = [[[list(spot) for spot in spots]]]
        asked["input_labels"] = [[[1] * len(prompt.points) + [0] * len(prompt.background)]]
    if prompt.box is not None:
        asked["input_boxes"] = [[list(map(float, prompt.box))]]
    inputs = processor(images=pixels, return_tensors="pt", **asked)
    with torch.inference_mode():
        output = model(**inputs, multimask_output=prompt.box is None and len(spots) == 1)
    best = int(output.iou_scores[0, 0].argmax())
    masks = processor.post_process_masks(output.pred_masks, inputs["original_sizes"])
    return masks[0][0, best].numpy(), float(output.iou_scores[0, 0, best])


@pytest.mark.parametrize("prompt", PROMPTS, ids=["point", "points", "box", "box and points"])
def test_it_answers_as_the_library_does(
    folder: Path, segmenter: TransformersSam2, prompt: Prompt
) -> None:
    pixels = noise(96, 64)
    mask, score = directly(folder, pixels, prompt)
    ((region,),) = segmenter.segment([scene(pixels, "noise", (prompt,))])
    assert np.array_equal(region.whole(64, 96), mask)
    assert mask.any()
    assert region.score == pytest.approx(score, abs=1e-4)


def test_images_of_several_sizes_in_one_pass_are_answered_as_alone(folder: Path) -> None:
    scenes = [scene(noise(96, 64), "a"), scene(noise(50, 80), "b"), scene(noise(128, 128), "c")]
    together = fresh(folder).segment(scenes)
    alone = [fresh(folder).segment([one])[0] for one in scenes]
    for one, regions, expected in zip(scenes, together, alone, strict=True):
        for region, same in zip(regions, expected, strict=True):
            shape = one.pixels.shape[:2]
            assert np.array_equal(region.whole(*shape), same.whole(*shape))
            assert region.score == pytest.approx(same.score, abs=1e-4)


def test_a_second_call_on_an_image_skips_the_encoder(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter = fresh(folder)
    encoded: list[int] = []
    encode = segmenter._model.get_image_embeddings

    def counted(pixel_values: torch.Tensor) -> Any:
        encoded.append(len(pixel_values))
        return encode(pixel_values)

    monkeypatch.setattr(segmenter._model, "get_image_embeddings", counted)
    pixels = noise(96, 64)
    first = segmenter.segment([scene(pixels, "a", PROMPTS[:1])])
    segmenter.segment([scene(pixels, "a", PROMPTS[2:])])
    again = segmenter.segment([scene(pixels, "a", PROMPTS[:1]), scene(noise(50, 80), "b")])
    assert encoded == [1, 1]
    assert np.array_equal(first[0][0].mask, again[0][0].mask)


@pytest.mark.parametrize("size", [(1, 1), (3, 1), (1, 200), (2600, 2000)])
def test_images_of_any_size_get_masks_of_their_size(
    segmenter: TransformersSam2, size: tuple[int, int]
) -> None:
    width, height = size
    prompt = Prompt(points=((width / 2, height / 2),))
    ((region,),) = segmenter.segment([scene(noise(width, height), str(size), (prompt,))])
    assert region.whole(height, width).shape == (height, width)


def test_its_name_says_what_computes(folder: Path, segmenter: TransformersSam2) -> None:
    assert segmenter.name.startswith(f"transformers {transformers.__version__} {folder.name}")
    assert segmenter.name.endswith("cpu float32")
    assert segmenter.batches


def test_half_precision_is_what_it_computes_in_if_told(folder: Path) -> None:
    segmenter = opened(folder, precision="bfloat16")
    assert segmenter._model.dtype == torch.bfloat16
    ((region,),) = segmenter.segment([scene(noise(96, 64), "a", PROMPTS[2:3])])
    assert 0 <= region.score <= 1


def test_weights_that_are_cut_off_are_refused_at_the_start(folder: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(folder, broken)
    file = broken / "model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    with pytest.raises(CannotStart, match=r"model\.safetensors"):
        opened(broken)


def test_a_model_of_another_family_is_refused_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(CannotStart, match='family "bert", and sam2 or sam2_video is needed'):
        opened(tmp_path)


def test_quantized_weights_are_refused_with_the_reason(folder: Path) -> None:
    with pytest.raises(CannotStart, match="this model has no quantized form"):
        opened(folder, quantization="4bit")
