"""The families of models that point: how each is asked, and how its answer is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from thinkimg_workers.pointing.answers import (
    PER_MILLE,
    Spot,
    spots_of_json,
    spots_of_molmo,
    spots_of_qwen2,
)

_JSON_PROMPT = (
    "Point to this in the image: {description}\n"
    'Report the point coordinates in JSON format like this: [{"point_2d": [x, y], '
    '"label": "..."}], best match first. Report [] if it is not in the image.'
)


@dataclass(frozen=True)
class Family:
    """How one family of models points."""

    prompt: str
    read: Callable[[str, tuple[int, int]], list[Spot]]
    """The spots in an answer, given the width and height of the picture that the model
    computed on, which some count in the pixels of."""

    def ask(self, description: str) -> str:
        return self.prompt.replace("{description}", description)


def _molmo(text: str, _resized: tuple[int, int]) -> list[Spot]:
    return spots_of_molmo(text)


def _qwen2(text: str, _resized: tuple[int, int]) -> list[Spot]:
    return spots_of_qwen2(text)


def _json_in_pixels(text: str, resized: tuple[int, int]) -> list[Spot]:
    return spots_of_json(text, *resized)


def _json_in_thousandths(text: str, _resized: tuple[int, int]) -> list[Spot]:
    return spots_of_json(text, PER_MILLE, PER_MILLE)


FAMILIES = {
    "molmo2": Family("Point to {description}", _molmo),
    "qwen2_vl": Family(_JSON_PROMPT, _qwen2),
    "qwen2_5_vl": Family(_JSON_PROMPT, _json_in_pixels),
    "qwen3_vl": Family(_JSON_PROMPT, _json_in_thousandths),
    "qwen3_vl_moe": Family(_JSON_PROMPT, _json_in_thousandths),
}
"""By the `model_type` of their config.json."""
