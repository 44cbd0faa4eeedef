"""The pointers there are."""

from __future__ import annotations

from thinkimg_workers.backends import Backend

POINTERS = (
    Backend(
        "transformers",
        loads="thinkimg_workers.pointing.transformers_vlm:TransformersPointer",
        modules=("torch", "torchvision", "transformers"),
        install='"thinkimg-rpc[models]"',
        weights=("molmo2", "qwen3-vl", "qwen2.5-vl"),
    ),
    Backend(
        "openai",
        loads="thinkimg_workers.pointing.endpoint:EndpointPointer",
        modules=("httpx",),
        install='"thinkimg-rpc[serve]"',
        asks_endpoint=True,
    ),
    Backend("grounding", loads="thinkimg_workers.pointing.grounding:GroundingPointer"),
)
"""In the order of preference."""
