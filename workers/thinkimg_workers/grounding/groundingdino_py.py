"""Grounding DINO as published, through the package groundingdino-py.

It needs transformers below 5, so its worker runs in an environment of its own.

Liu et al., "Grounding DINO: Marrying DINO with Grounded Pre-Training for Open-Set
Object Detection", arXiv 2303.05499.
"""

from __future__ import annotations

import contextlib
import io
import threading
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import groundingdino
import groundingdino.datasets.transforms as transforms
import numpy as np
import torch
import transformers
from groundingdino.models import build_model
from groundingdino.util import get_tokenlizer
from groundingdino.util.inference import predict
from groundingdino.util.misc import clean_state_dict
from groundingdino.util.slconfig import SLConfig
from PIL import Image

from thinkimg_rpc.settings import CannotStart, ModelSettings
from thinkimg_workers.grounding.caption import as_model_reads
from thinkimg_workers.grounding.checkpoint_files import (
    CheckpointFiles,
    find_files,
    find_text_model,
)
from thinkimg_workers.grounding.detector import Found, Search
from thinkimg_workers.model_view import view_for_model
from thinkimg_workers.torch_models import choose_device

_MAX_PIXELS = 4 << 20
"""More than the model resizes to, so that its own resizing decides."""
_MAX_ASPECT = 16.0
"""Its resizing keeps the longest side below 1333 and would leave a strip no height."""
_AS_TRAINED = transforms.Compose(
    [
        transforms.RandomResize([800], max_size=1333),
        transforms.ToTensor(),
        transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
    ]
)
"""What the package itself does with an image."""


class GroundingDinoPy:
    """One checkpoint. Thread-safe: passes take turns."""

    batches = False

    def __init__(self, settings: ModelSettings, place: Path) -> None:
        _refuse_what_it_cannot(settings)
        self._device = choose_device(settings.device)
        files = find_files(place)
        self._model = _load(files).to(self._device)
        self._computing = threading.Lock()
        self.name = (
            f"groundingdino-py {version('groundingdino-py')} {files.weights.stem}, "
            f"{self._device} float32"
        )

    def detect(self, searches: Sequence[Search]) -> Sequence[list[Found]]:
        """What each search finds, best first."""
        return [self._found_by(search) for search in searches]

    def _found_by(self, search: Search) -> list[Found]:
        if not any(character.isalnum() for character in search.query):
            return []
        view = view_for_model(search.pixels, max_pixels=_MAX_PIXELS, max_aspect=_MAX_ASPECT)
        image, _ = _AS_TRAINED(Image.fromarray(view.pixels), None)
        search.check_deadline()
        with self._computing:
            # (N, 4) centre, width and height between 0 and 1; (N,) scores; N labels.
            boxes, scores, labels = predict(
                self._model,
                image,
                as_model_reads(search.query),
                search.box_threshold,
                search.text_threshold,
                device=str(self._device),
            )
        centres, sizes = boxes[:, :2].numpy(), boxes[:, 2:].numpy()
        corners = np.hstack((centres - sizes / 2, centres + sizes / 2)) * (2 * view.shown)
        height, width = search.pixels.shape[:2]
        found = [
            Found((float(x0), float(y0), float(x1), float(y1)), float(score), _plain(label))
            for (x0, y0, x1, y1), score, label in zip(
                corners.clip(0, (width, height, width, height)), scores, labels, strict=True
            )
            if x0 < x1 and y0 < y1
        ]
        return sorted(found, key=lambda thing: -thing.score)


def _plain(label: str) -> str:
    """At low thresholds the library's labels have BERT's marks of where a text begins and ends."""
    return " ".join(word for word in label.split() if word not in ("[CLS]", "[SEP]"))


def _refuse_what_it_cannot(settings: ModelSettings) -> None:
    """Raises: CannotStart."""
    if int(transformers.__version__.partition(".")[0]) >= 5:
        raise CannotStart(
            f"groundingdino-py does not run on transformers {transformers.__version__}; give the "
            'worker an environment of its own with "transformers<5"'
        )
    if settings.precision not in ("auto", "float32"):
        raise CannotStart(
            f'precision = "{settings.precision}" cannot be had: groundingdino-py computes in '
            'float32; write "auto", or choose the backend "transformers"'
        )
    if settings.quantization != "none":
        raise CannotStart(
            f'quantization = "{settings.quantization}" cannot be had: groundingdino-py has no '
            'quantized form; write "none"'
        )


def _load(files: CheckpointFiles) -> Any:
    """The model with every one of its weights from the checkpoint. Raises: CannotStart."""
    config = files.config or Path(groundingdino.__file__).parent / "config" / files.shipped_config
    arguments = _read_config(config)
    text_model = find_text_model(arguments.text_encoder_type, files.weights.parent)
    arguments.text_encoder_type = str(text_model)
    arguments.device = "cpu"
    # They save memory in training, and only warn without it.
    arguments.use_checkpoint = arguments.use_transformer_ckpt = False
    try:
        with _bert_without_weights():
            model = build_model(arguments)
    except Exception as error:  # whatever a foreign file provokes is that file's fault
        raise CannotStart(f"{config} and {text_model} make no model: {error}") from error
    told = model.load_state_dict(_read_weights(files.weights), strict=False)
    if told.missing_keys:
        raise CannotStart(
            f"{files.weights} lacks {len(told.missing_keys)} weights of the model in {config} "
            f"({', '.join(told.missing_keys[:3])}, ...); give those that belong together"
        )
    return model.eval()


def _read_config(file: Path) -> Any:
    try:
        return SLConfig.fromfile(str(file))
    except Exception as error:  # whatever a foreign file provokes is that file's fault
        raise CannotStart(f"{file} cannot be read as a configuration: {error}") from error


def _read_weights(file: Path) -> dict[str, torch.Tensor]:
    try:
        content = torch.load(file, map_location="cpu", weights_only=True)
        return dict(clean_state_dict(content["model"]))
    except Exception as error:  # whatever a foreign file provokes is that file's fault
        reason = str(error).strip().partition("\n")[0]
        raise CannotStart(
            f"{file} is no checkpoint of groundingdino-py, or not whole ({reason}); fetch it again"
        ) from error


@contextlib.contextmanager
def _bert_without_weights() -> Iterator[None]:
    """Have the package make BERT from its configuration: the weights are in the checkpoint."""

    def from_config(place: str) -> Any:
        config = transformers.BertConfig.from_pretrained(place, local_files_only=True)
        return transformers.BertModel(config)

    original = get_tokenlizer.get_pretrained_language_model
    get_tokenlizer.get_pretrained_language_model = from_config
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it prints what it loads
            yield
    finally:
        get_tokenlizer.get_pretrained_language_model = original
