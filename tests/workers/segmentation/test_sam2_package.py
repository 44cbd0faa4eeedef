from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor

from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.backends import open_backend
from thinkimg_workers.segmentation.choices import SEGMENTERS
from thinkimg_workers.segmentation.sam2_package import Sam2Package, checkpoint_in, config_of
from thinkimg_workers.segmentation.segmenter import Prompt, Scene

from ..answering import noise
from .tiny_sam2 import save_for_package

PICTURES = {"a": noise(96, 64), "b": noise(50, 80)}
POINT = Prompt(points=((30.5, 40.5),))
BOX = Prompt(PixelBox(10, 12, 40, 50), points=((30.5, 40.5),), background=((15.5, 15.5),))


def scene(name: str, *prompts: Prompt) -> Scene:
    return Scene(PICTURES[name], name, prompts, lambda: None)


def opened(weights: Path, **settings: Any) -> Sam2Package:
    wanted = ModelSettings(backend="sam2", weights=str(weights), device="cpu", **settings)
    segmenter = open_backend(SEGMENTERS, wanted)
    assert isinstance(segmenter, Sam2Package)
    return segmenter


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_for_package(tmp_path_factory.mktemp("sam2"))


def test_two_images_in_one_pass_are_answered_as_by_the_library_and_encoded_once(
    checkpoint: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One test for all that needs the encoder, whose smallest takes a second an image."""
    segmenter = opened(checkpoint)
    assert segmenter.name.endswith("sam2.1_hiera_tiny.pt, cpu float32")
    passes: list[int] = []
    encode = segmenter._predictor.set_image_batch

    def counted(images: list[Any]) -> None:
        passes.append(len(images))
        encode(images)

    monkeypatch.setattr(segmenter._predictor, "set_image_batch", counted)
    _, (first, boxed) = segmenter.segment([scene("a", POINT), scene("b", POINT, BOX)])
    (again, *_), *_ = segmenter.segment([scene("b", POINT)])
    assert passes == [2]
    assert np.array_equal(first.mask, again.mask)

    predictor = SAM2ImagePredictor(
        build_sam2("configs/sam2.1/sam2.1_hiera_t.yaml", str(checkpoint), device="cpu")
    )
    predictor.set_image(PICTURES["b"])
    masks, scores, _ = predictor.predict(np.array([[30.5, 40.5]]), np.array([1]))
    assert first.score == pytest.approx(scores.max(), abs=1e-4)
    assert np.array_equal(first.whole(80, 50), masks[scores.argmax()] > 0)
    masks, scores, _ = predictor.predict(
        np.array([[30.5, 40.5], [15.5, 15.5]]),
        np.array([1, 0]),
        box=np.array([10, 12, 40, 50]),
        multimask_output=False,
    )
    assert boxed.score == pytest.approx(scores[0], abs=1e-4)
    assert np.array_equal(boxed.whole(80, 50), masks[0] > 0)


def test_a_checkpoint_that_is_cut_off_is_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": {"weight": torch.zeros(1000)}}, file)
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(
        CannotStart, match=r"sam2\.1_hiera_tiny\.pt is truncated or no PyTorch file"
    ):
        opened(file)


@pytest.mark.parametrize("content", [{"weights": {}}, torch.zeros(3), {"model": 3}])
def test_a_file_that_is_no_checkpoint_is_refused_at_the_start(
    tmp_path: Path, content: object
) -> None:
    file = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save(content, file)
    with pytest.raises(CannotStart, match=r"sam2\.1_hiera_tiny\.pt"):
        opened(file)


def test_weights_of_another_model_are_refused_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "sam2.1_hiera_tiny.pt"
    torch.save({"model": {"no_mem_embed": torch.zeros(1, 1, 256)}}, file)
    with pytest.raises(CannotStart, match=r"does not hold the weights of configs/sam2\.1/"):
        opened(file)


@pytest.mark.parametrize(
    ("name", "config"),
    [
        ("sam2.1_hiera_tiny.pt", "configs/sam2.1/sam2.1_hiera_t.yaml"),
        ("sam2.1_hiera_base_plus.pt", "configs/sam2.1/sam2.1_hiera_b+.yaml"),
        ("sam2_hiera_small.pt", "configs/sam2/sam2_hiera_s.yaml"),
        ("my-sam2_hiera_large-tuned.pt", "configs/sam2/sam2_hiera_l.yaml"),
    ],
)
def test_the_name_of_a_checkpoint_says_its_model(name: str, config: str) -> None:
    assert config_of(Path(name)) == config


def test_a_checkpoint_with_another_name_is_refused_with_a_remedy(tmp_path: Path) -> None:
    file = tmp_path / "best.pt"
    file.touch()
    with pytest.raises(CannotStart, match=r"best\.pt.*like sam2\.1_hiera_tiny\.pt"):
        opened(file)


def test_a_folder_with_one_checkpoint_stands_for_it(tmp_path: Path) -> None:
    (tmp_path / "sam2.1_hiera_tiny.pt").touch()
    assert checkpoint_in(tmp_path) == tmp_path / "sam2.1_hiera_tiny.pt"
    (tmp_path / "sam2.1_hiera_large.pt").touch()
    with pytest.raises(CannotStart, match=r"has 2 \.pt files"):
        checkpoint_in(tmp_path)


def test_a_folder_of_transformers_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with pytest.raises(CannotStart, match=r'has no \.pt file.*set backend = "transformers"'):
        opened(tmp_path)
