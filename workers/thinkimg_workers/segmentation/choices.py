"""The segmenters there are, and how a worker gets its own."""

from __future__ import annotations

from functools import cache
from typing import cast

from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.backends import Backend, open_backend
from thinkimg_workers.segmentation.segmenter import Segmenter

SEGMENTERS = (
    Backend(
        "sam2",
        loads="thinkimg_workers.segmentation.sam2_package:Sam2Package",
        modules=("torch", "sam2"),
        install="sam2 with `pip install --no-build-isolation sam2`, after 'thinkimg-rpc[models]'",
        weights="sam2-checkpoint",
    ),
    Backend(
        "transformers",
        loads="thinkimg_workers.segmentation.transformers_sam2:TransformersSam2",
        modules=("torch", "torchvision", "transformers"),
        install='"thinkimg-rpc[models]"',
        weights="sam2",
    ),
    Backend("grabcut", loads="thinkimg_workers.segmentation.classical:ClassicalSegmenter"),
)
"""In the order of preference."""


@cache
def open_segmenter(settings: ModelSettings) -> Segmenter:
    """The segmenter of these settings: one for both tools, where a worker hosts both.

    Raises: CannotStart.
    """
    return cast(Segmenter, open_backend(SEGMENTERS, settings))
