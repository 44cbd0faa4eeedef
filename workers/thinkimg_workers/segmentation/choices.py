"""The segmenters there are. A worker that hosts both tools has one for both."""

from __future__ import annotations

from thinkimg_workers.backends import Backend

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
