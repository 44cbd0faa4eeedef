"""Grounding DINO and MM-Grounding-DINO through transformers.

Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set
Object Detection", arXiv 2303.05499; Zhao et al., arXiv 2401.02361.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import transformers
from transformers.models.grounding_dino.modeling_grounding_dino import (
    GroundingDinoObjectDetectionOutput,
)

from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.grounding.caption import as_model_reads
from thinkimg_workers.grounding.detector import Found, Search
from thinkimg_workers.model_view import ModelView, view_for_model
from thinkimg_workers.torch_models import (
    backend_title,
    load_model,
    load_processor,
    place_model,
    read_config,
)

_ARCHITECTURES: dict[str, type] = {
    "grounding-dino": transformers.GroundingDinoForObjectDetection,
    "mm-grounding-dino": transformers.MMGroundingDinoForObjectDetection,
}
_MAX_PIXELS = 4 << 20
"""More than the models resize to (800 x 1333), so that their own resizing decides."""
_MAX_ASPECT = 16.0
"""Their resizing keeps the longest side below 1333 and would leave a strip no height."""


@dataclass(frozen=True)
class _Prepared:
    """One search, ready for the model."""

    number: int
    """Its place among the searches."""
    search: Search
    view: ModelView
    pixel_values: torch.Tensor
    """(3, h, w)."""


class TransformersDetector:
    """One checkpoint. Thread-safe: passes take turns."""

    batches = True

    def __init__(self, settings: ModelSettings, place: Path) -> None:
        config = read_config(place, _ARCHITECTURES)
        # bfloat16 has 8 bits for a coordinate between 0 and 1: boxes off by pixels.
        placement = place_model(settings, half=torch.float16)
        self._model = load_model(_ARCHITECTURES[config.model_type], place, placement)
        self._processor = load_processor(transformers.AutoProcessor, place)
        self._longest_text = config.max_text_len
        self._computing = threading.Lock()
        self.name = backend_title(place, placement)
        self._warm_up(place)

    def detect(self, searches: Sequence[Search]) -> Sequence[list[Found]]:
        """What each search finds, best first, as the library's own post-processing says.

        Searches share a pass where the images have one size, as those of the rollouts
        of one sample do: images padded to a common size change what the model finds.
        """
        found: list[list[Found]] = [[] for _ in searches]
        by_shape: dict[torch.Size, list[_Prepared]] = {}
        for number, search in enumerate(searches):
            if any(character.isalnum() for character in search.query):
                ready = self._prepare(number, search)
                by_shape.setdefault(ready.pixel_values.shape, []).append(ready)
        for batch in by_shape.values():
            if len(batch) == 1:
                batch[0].search.check_deadline()
            for ready, things in zip(batch, self._pass(batch), strict=True):
                found[ready.number] = things
        return found

    def _prepare(self, number: int, search: Search) -> _Prepared:
        view = view_for_model(search.pixels, max_pixels=_MAX_PIXELS, max_aspect=_MAX_ASPECT)
        images = self._processor.image_processor(
            images=[view.pixels],
            input_data_format="channels_last",  # said, because 3 rows look like 3 channels
            return_tensors="pt",
        )
        return _Prepared(number, search, view, images["pixel_values"][0])

    def _pass(self, batch: Sequence[_Prepared]) -> list[list[Found]]:
        pixel_values = torch.stack([ready.pixel_values for ready in batch])
        with self._computing, torch.inference_mode():  # tokenizers bear no two threads either
            text = self._processor.tokenizer(
                [as_model_reads(ready.search.query) for ready in batch],
                padding=True,
                truncation=True,
                max_length=self._longest_text,
                return_tensors="pt",
            )
            tokens = text["input_ids"]
            output = self._model(
                pixel_values=pixel_values.to(self._model.device, self._model.dtype),
                **text.to(self._model.device),
            )
            logits, boxes = output.logits.float().cpu(), output.pred_boxes.float().cpu()
        return [
            self._found_in(ready, logits[i : i + 1], boxes[i : i + 1], tokens[i : i + 1])
            for i, ready in enumerate(batch)
        ]

    def _found_in(
        self, ready: _Prepared, logits: torch.Tensor, boxes: torch.Tensor, tokens: torch.Tensor
    ) -> list[Found]:
        """Of (1, queries, 256) logits, (1, queries, 4) boxes and (1, length) token ids."""
        (result,) = self._processor.post_process_grounded_object_detection(
            GroundingDinoObjectDetectionOutput(logits=logits, pred_boxes=boxes),
            tokens,
            threshold=ready.search.box_threshold,
            text_threshold=ready.search.text_threshold,
            target_sizes=[ready.view.shown[::-1]],
        )
        height, width = ready.search.pixels.shape[:2]
        in_image = np.clip(result["boxes"].numpy(), 0, (width, height, width, height))
        found = [
            Found((float(x0), float(y0), float(x1), float(y1)), float(score), label)
            for (x0, y0, x1, y1), score, label in zip(
                # Of no boxes there is one label, an empty one.
                in_image,
                result["scores"],
                result["text_labels"],
                strict=False,
            )
            if x0 < x1 and y0 < y1
        ]
        return sorted(found, key=lambda thing: -thing.score)

    def _warm_up(self, place: Path) -> None:
        """What does not fit together shows at start-up, not at the first call."""
        blank = np.full((64, 64, 3), 255, np.uint8)
        try:
            self.detect([Search(blank, "a bar", 1.0, 1.0, list, _no_deadline)])
        except Exception as error:  # whatever foreign files provoke is their fault
            raise CannotStart(f"the model in {place} cannot compute: {error}") from error


def _no_deadline() -> None:
    return
