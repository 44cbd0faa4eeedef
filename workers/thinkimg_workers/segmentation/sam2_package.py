"""SAM 2 through its authors' package, sam2."""

from __future__ import annotations

import copy
import math
import re
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import CannotStart, ModelSettings
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
from thinkimg_workers.torch_models import Placement, place_model

_NAME = re.compile(r"(sam2(?:\.1)?)_hiera_(tiny|small|base_plus|large)")
_SIZES = {"tiny": "t", "small": "s", "base_plus": "b+", "large": "l"}


@dataclass(frozen=True)
class Features:
    """What the encoder makes of one image."""

    image: torch.Tensor
    """(1, C, h, w)."""
    high_resolution: tuple[torch.Tensor, ...]

    @property
    def nbytes(self) -> int:
        return self.image.nbytes + sum(one.nbytes for one in self.high_resolution)


class Sam2Package:
    """One checkpoint. Thread-safe: passes take turns.

    A region's score is the overlap with the true mask that the model predicts.
    """

    batches = True

    def __init__(self, settings: ModelSettings, place: Path) -> None:
        checkpoint = checkpoint_in(place)
        self._placement = place_model(settings)
        self._predictor = SAM2ImagePredictor(load_sam2(checkpoint, self._placement))
        self._computing = threading.Lock()
        self._embeddings: Embeddings[Features] = Embeddings(
            self._encode, lambda features: features.nbytes
        )
        self.name = f"sam2 {version('sam2')} {checkpoint.name}, {self._placement}"

    def segment(self, scenes: Sequence[Scene]) -> list[list[Region]]:
        embedded = self._embeddings.of(scenes)
        return [
            [self._region_of(scene, features, prompt) for prompt in scene.prompts]
            for scene, features in zip(scenes, embedded, strict=True)
        ]

    def _encode(self, images: Sequence[Pixels]) -> list[Features]:
        views = [
            view_for_model(image, max_pixels=MAX_PIXELS, max_aspect=math.inf).pixels
            for image in images
        ]
        with self._computing, self._passing():
            self._predictor.set_image_batch(views)
            features = self._predictor._features
            self._predictor.reset_predictor()
        return [
            # Copies, so that one image kept does not keep the others of its pass.
            Features(
                features["image_embed"][index : index + 1].clone(),
                tuple(one[index : index + 1].clone() for one in features["high_res_feats"]),
            )
            for index in range(len(images))
        ]

    def _region_of(self, scene: Scene, features: Features, prompt: Prompt) -> Region:
        scene.check_deadline()
        predictor = _with_features(self._predictor, features, scene.pixels.shape[:2])
        points, labels = points_of(prompt)
        with self._computing, self._passing():
            masks, scores, _ = predictor.predict(
                point_coords=np.array(points, np.float32) if points else None,
                point_labels=np.array(labels, np.int32) if points else None,
                box=None if prompt.box is None else np.array(prompt.box, np.float32),
                multimask_output=wants_several(prompt),
            )
        return best_region(masks > 0, scores)

    def _passing(self) -> AbstractContextManager[Any]:
        """Mixed precision, as its authors run it, unless all is in float32."""
        if self._placement.precision == torch.float32:
            return nullcontext()
        return torch.autocast(self._placement.device.type, self._placement.precision)


def checkpoint_in(place: Path) -> Path:
    """The one checkpoint of a folder, or the file itself.

    Raises: CannotStart, when there is none or more than one.
    """
    if place.is_file():
        return place
    found = sorted(place.glob("*.pt"))
    if len(found) == 1:
        return found[0]
    what = f"has {len(found)} .pt files" if found else "has no .pt file"
    hint = '; for a folder of transformers, set backend = "transformers"'
    raise CannotStart(
        f"{place} {what}; give the path of one checkpoint, like sam2.1_hiera_tiny.pt"
        + (hint if (place / "config.json").is_file() else "")
    )


def config_of(checkpoint: Path) -> str:
    """The package's configuration that a checkpoint's name stands for.

    Raises: CannotStart.
    """
    found = _NAME.search(checkpoint.name)
    if found is None:
        raise CannotStart(
            f"{checkpoint}: its name does not say which model it is; name it as it was published, "
            "like sam2.1_hiera_tiny.pt or sam2_hiera_base_plus.pt"
        )
    release, size = found.groups()
    return f"configs/{release}/{release}_hiera_{_SIZES[size]}.yaml"


def load_sam2(checkpoint: Path, placement: Placement) -> torch.nn.Module:
    """The model of a checkpoint, ready to answer.

    Raises: CannotStart, naming the file and what is wrong with it.
    """
    config = config_of(checkpoint)
    try:
        stored = torch.load(checkpoint, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever a foreign file provokes is that file's fault
        raise CannotStart(
            f"{checkpoint} is truncated or no PyTorch file ({type(error).__name__}); fetch it again"
        ) from error
    if not (isinstance(stored, dict) and isinstance(stored.get("model"), dict)):
        raise CannotStart(f"{checkpoint} is no checkpoint of SAM 2; fetch it again")
    model: torch.nn.Module = build_sam2(config, device="cpu")
    try:
        model.load_state_dict(stored["model"])
    except RuntimeError as error:
        raise CannotStart(
            f"{checkpoint} does not hold the weights of {config}, which its name stands for; "
            "give it the name it was published under, or fetch it again"
        ) from error
    return model.to(placement.device).eval()


def _with_features(
    predictor: SAM2ImagePredictor, features: Features, size: tuple[int, ...]
) -> SAM2ImagePredictor:
    """A predictor of the same model that has seen an image of that size, (H, W)."""
    ready = copy.copy(predictor)
    ready._features = {
        "image_embed": features.image,
        "high_res_feats": list(features.high_resolution),
    }
    ready._orig_hw = [size]
    ready._is_image_set = True
    return ready
