"""SAM 2 through transformers."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.model_view import view_for_model
from thinkimg_workers.segmentation.embeddings import Embeddings
from thinkimg_workers.segmentation.promptable import (
    MAX_PIXELS,
    best_region,
    points_of,
    wants_several,
)
from thinkimg_workers.segmentation.region import Region
from thinkimg_workers.segmentation.segmenter import Prompt, Scene
from thinkimg_workers.torch_models import (
    backend_title,
    load_model,
    load_processor,
    place_model,
    read_config,
)

_FAMILIES = ("sam2", "sam2_video")
"""The published checkpoints are those of the video model, which contains the other."""

Maps = tuple[torch.Tensor, ...]
"""An image's feature maps, (1, C, h, w) each, the finest first."""


class TransformersSam2:
    """One checkpoint. Thread-safe: passes take turns.

    A region's score is the overlap with the true mask that the model predicts.
    """

    batches = True

    def __init__(self, settings: ModelSettings, place: Path) -> None:
        read_config(place, _FAMILIES)
        placement = place_model(settings)
        self._model = load_model(transformers.Sam2Model, place, placement)
        self._processor = load_processor(transformers.Sam2Processor, place)
        self._computing = threading.Lock()
        self._embeddings: Embeddings[Maps] = Embeddings(self._encode, _bytes_of)
        self.name = backend_title(place, placement)

    def segment(self, scenes: Sequence[Scene]) -> list[list[Region]]:
        embedded = self._embeddings.of(scenes)
        return [
            [self._region_of(scene, maps, prompt) for prompt in scene.prompts]
            for scene, maps in zip(scenes, embedded, strict=True)
        ]

    def _encode(self, images: Sequence[Pixels]) -> list[Maps]:
        views = [
            view_for_model(image, max_pixels=MAX_PIXELS, max_aspect=math.inf).pixels
            for image in images
        ]
        inputs = self._processor(
            images=views,
            input_data_format="channels_last",  # said, because 3 rows look like 3 channels
            return_tensors="pt",
        )
        with self._computing, torch.inference_mode():
            maps = self._model.get_image_embeddings(
                inputs["pixel_values"].to(self._model.device, self._model.dtype)
            )
            # Copies, so that one image kept does not keep the others of its pass.
            return [
                tuple(one[index : index + 1].clone() for one in maps)
                for index in range(len(images))
            ]

    def _region_of(self, scene: Scene, maps: Maps, prompt: Prompt) -> Region:
        scene.check_deadline()
        size = [scene.pixels.shape[:2]]
        inputs = self._processor(
            original_sizes=size, return_tensors="pt", **_as_processor_takes(prompt)
        )
        asked = {
            name: inputs[name].to(self._model.device)
            for name in ("input_points", "input_labels", "input_boxes")
            if name in inputs
        }
        with self._computing, torch.inference_mode():
            output = self._model(
                image_embeddings=list(maps), multimask_output=wants_several(prompt), **asked
            )
        (masks,) = self._processor.post_process_masks(output.pred_masks.float().cpu(), size)
        return best_region(masks[0].numpy(), output.iou_scores[0, 0].float().cpu().numpy())


def _as_processor_takes(prompt: Prompt) -> dict[str, Any]:
    """Of one image, one object."""
    asked: dict[str, Any] = {}
    points, labels = points_of(prompt)
    if points:
        asked["input_points"], asked["input_labels"] = [[points]], [[labels]]
    if prompt.box is not None:
        asked["input_boxes"] = [[[float(edge) for edge in prompt.box]]]
    return asked


def _bytes_of(maps: Maps) -> int:
    return sum(one.nbytes for one in maps)
