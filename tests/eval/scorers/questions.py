"""Samples to score answers by."""

from __future__ import annotations

from typing import Any

from thinkimg_agent.sample import Sample


def sample_with(truth: str | None, *accepted: str, **details: Any) -> Sample:
    return Sample(
        id="1", question="How much?", images=(), truth=truth, accepted=accepted, details=details
    )
