"""Pointing through the best detector there is: at the thing itself, or the middle of its box."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.backends import open_backend
from thinkimg_workers.grounding.choices import DETECTORS
from thinkimg_workers.grounding.detector import (
    DEFAULT_BOX_THRESHOLD,
    DEFAULT_TEXT_THRESHOLD,
    Detector,
    Explains,
    Found,
    Search,
)
from thinkimg_workers.pointing.pointer import Pointed, Pointing, Question

_ADVICE = (
    'Describe what can be seen, in a few plain words: a colour and a shape ("red bar"), a part '
    '("legend", "title", "x axis label"), or words that are written in the image'
)


class GroundingPointer:
    """Raises: CannotStart, as the detector does."""

    def __init__(self, settings: ModelSettings, _place: Path | None) -> None:
        chosen = msgspec.structs.replace(settings, backend="auto")
        self._detector: Detector = open_backend(DETECTORS, chosen)
        self.name = f"grounding by {self._detector.name}"
        self.batches = self._detector.batches

    def point(self, questions: Sequence[Question]) -> Sequence[Pointing]:
        found = self._detector.detect([_search_for(question) for question in questions])
        return [
            Pointing(tuple(map(_point_on, things)), "" if things else self._why_nothing(question))
            for question, things in zip(questions, found, strict=True)
        ]

    def _why_nothing(self, question: Question) -> str:
        detector = self._detector
        reason = detector.explain(question.description) if isinstance(detector, Explains) else ""
        return f"Nothing was found. {reason + '. ' if reason else ''}{_ADVICE}."


def _search_for(question: Question) -> Search:
    def check_deadline() -> None:
        question.remaining_s()

    return Search(
        question.pixels,
        question.description,
        DEFAULT_BOX_THRESHOLD,
        DEFAULT_TEXT_THRESHOLD,
        question.lines,
        check_deadline,
    )


def _point_on(thing: Found) -> Pointed:
    x0, y0, x1, y1 = thing.box
    x, y = thing.inside or ((x0 + x1) / 2, (y0 + y1) / 2)
    return Pointed(x, y, thing.score)
