"""The questions of a split as samples, whose pictures are drawn when they are asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import overload

from thinkimg_agent.sample import Sample
from thinkimg_eval.charts import Chart
from thinkimg_eval.synthcharts.plan import ChartPlan
from thinkimg_eval.synthcharts.questions import Question
from thinkimg_eval.synthcharts.splits import Asking, askings
from thinkimg_rpc.imaging.codec import encode_png

_PICTURES_KEPT = 64
"""Questions about one chart follow each other, and are asked at about the same time."""
_drawing = threading.Lock()
"""matplotlib's settings are those of the whole process."""


class ChartSamples(Sequence[Sample]):
    """The samples of a split. Knowing the questions takes no drawing; a sample does."""

    def __init__(self, split: str, seed: int, max_image_pixels: int | None) -> None:
        self._max_image_pixels = max_image_pixels
        self._places = [
            (asking, number)
            for asking in askings(split, seed)
            for number in range(len(asking.questions))
        ]

    def __len__(self) -> int:
        return len(self._places)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        if isinstance(index, slice):
            return [self[place] for place in range(len(self))[index]]
        asking, number = self._places[index]
        question = asking.questions[number]
        return Sample(
            id=f"{asking.id}/{number}",
            question=question.text,
            images=(_picture(asking.plan),),
            truth=question.truth,
            accepted=question.accepted,
            category=question.asked.family.value,
            max_image_pixels=self._max_image_pixels,
            details=_details(asking, question),
        )

    def questions(self) -> Iterator[Question]:
        """All questions in order, without their pictures."""
        for asking, number in self._places:
            yield asking.questions[number]

    def plan(self, index: int) -> ChartPlan:
        """What the chart of a sample says, undrawn."""
        return self._places[index][0].plan


def draw(plan: ChartPlan) -> Chart:
    """The chart; from any thread."""
    with _drawing:
        return plan.draw()


def _details(asking: Asking, question: Question) -> dict[str, object]:
    details: dict[str, object] = {
        "kind": asking.plan.kind,
        "chart": asking.id,
        "asked": question.asked.as_dict(),
    }
    if question.tolerance is not None:
        details["tolerance"] = question.tolerance
    return details


def _picture(plan: ChartPlan) -> bytes:
    """As PNG. Threads that want the same chart at once wait for one drawing of it."""
    with _drawing:
        return _encoded(plan)


@lru_cache(maxsize=_PICTURES_KEPT)
def _encoded(plan: ChartPlan) -> bytes:
    return encode_png(plan.draw().pixels)
