"""What a policy is shown of a chart, whatever the tools see."""

from __future__ import annotations

VIEWS: dict[str, int | None] = {"small": 112 * 112, "full": None}
"""The most pixels of an image, by the name of the view. "small" is 16 image tokens of
28 × 28 pixels: `python -m thinkimg_eval.synthcharts.check` measures what is left to see."""
