"""The detectors there are."""

from __future__ import annotations

from thinkimg_workers.backends import Backend

DETECTORS = (
    Backend(
        "transformers",
        loads="thinkimg_workers.grounding.transformers_dino:TransformersDetector",
        modules=("torch", "transformers"),
        install='"thinkimg-rpc[models]"',
        weights=("grounding-dino", "grounding-dino-base", "mm-grounding-dino"),
    ),
    Backend(
        "groundingdino-py",
        loads="thinkimg_workers.grounding.groundingdino_py:GroundingDinoPy",
        modules=("groundingdino",),
        install="groundingdino-py, in an environment of its own with transformers below 5",
        weights="groundingdino-py",
    ),
    Backend("classical", loads="thinkimg_workers.grounding.classical:ClassicalDetector"),
)
"""In the order of preference."""
