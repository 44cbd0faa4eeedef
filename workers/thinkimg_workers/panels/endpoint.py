"""Choosing panels by a vision-language model behind an OpenAI-compatible endpoint.

The panels are found and numbered here; the model is shown the numbers and only says
which are meant, which even small ones do well.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import cv2

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.model_view import view_for_model
from thinkimg_workers.panels.chooser import Choice, Question, no_fit
from thinkimg_workers.panels.descriptions import Fit
from thinkimg_workers.panels.rect import Rect
from thinkimg_workers.vision_endpoint import VisionEndpoint, quoted

MAX_PIXELS, MAX_ASPECT = 4 << 20, 50.0
PROMPT = (
    "The image is a figure with {count} panels. Each is framed, with its number in the "
    "frame's upper left corner: 1 to {count}. Which panels does this describe: {description}\n"
    "Answer with a JSON list of their numbers only, best first, like [2]. Answer [] if it "
    "describes none of them."
)
_RED, _WHITE, _BLACK = (230, 0, 60), (255, 255, 255), (0, 0, 0)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


class EndpointChooser:
    """Any model that answers in the format it is asked for. Raises: CannotStart."""

    def __init__(self, settings: ModelSettings, _place: Path | None) -> None:
        self._endpoint = VisionEndpoint(settings)
        self.name = self._endpoint.name

    def choose(self, question: Question) -> Choice:
        boxes = [panel.box for panel in question.layout.panels]
        view = view_for_model(
            numbered(question.pixels, boxes), max_pixels=MAX_PIXELS, max_aspect=MAX_ASPECT
        )
        prompt = PROMPT.replace("{count}", str(len(boxes)))
        said = self._endpoint.ask(
            prompt.replace("{description}", question.description),
            [view.pixels],
            timeout_s=question.remaining_s(),
        )
        numbers = numbers_in(said, len(boxes))
        if not numbers:
            return Choice((), no_fit(question, f"the model answered {quoted(said)}"))
        # The model says no more than which they are.
        return Choice([Fit(number - 1, 1.0) for number in numbers])


def numbers_in(said: str, count: int) -> list[int]:
    """The panels that an answer names, from 1 to `count`, each once.

    The last list of numbers in it, or the only number if there is no list: a model
    that says why it found none of the 4 panels has not named the fourth.
    """
    lists = re.findall(r"\[[\s\d,\"']*\]", said)
    found = re.findall(r"\d+", lists[-1] if lists else said)
    if not lists and len(found) != 1:
        return []
    if not lists and re.search(r"\b(?:no|none|not|neither)\b", said.casefold()):
        return []
    numbers = [int(number[:9]) for number in found]
    return list(dict.fromkeys(number for number in numbers if 1 <= number <= count))


def numbered(pixels: Pixels, boxes: Sequence[Rect]) -> Pixels:
    """A copy of (H, W, 3) pixels with a frame around each box and its number, from 1."""
    marked = pixels.copy()
    height, width = pixels.shape[:2]
    scale = max(0.4, max(height, width) / 1200)
    line = max(1, round(2 * scale))
    for number, (x0, y0, x1, y1) in enumerate(boxes, 1):
        cv2.rectangle(marked, (x0, y0), (x1 - 1, y1 - 1), _RED, line)
        (text_width, text_height), below = cv2.getTextSize(str(number), _FONT, scale, line)
        corner = (x0 + text_width + 2 * line, y0 + text_height + below + line)
        cv2.rectangle(marked, (x0, y0), corner, _BLACK, cv2.FILLED)
        base = (x0 + line, y0 + text_height + line)
        cv2.putText(marked, str(number), base, _FONT, scale, _WHITE, line, cv2.LINE_AA)
    return marked
