"""What to look for in a drawn chart, and where it is: questions for GroundingDINO and Point."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from thinkimg_eval.charts import Box, Chart, Element

SHAPES = {"bar": "bar", "line": "line", "wedge": "slice", "marker": "point"}
"""What a person calls the marks of a chart."""
TEXTS = {"title": "title", "legend": "legend", "x_label": "x axis label", "y_label": "y axis label"}
HALF = 0.5
"""The overlap from which a box counts as found."""
_SLACK = 1.5
"""Pixels that a point may be off the edge of a thin thing."""


@dataclass(frozen=True, eq=False)
class Question:
    """One description, and everything it is true of."""

    group: str
    text: str
    answers: tuple[Element, ...]
    also: tuple[Element, ...] = ()
    """What is no mistake to find as well: the name of a series is in the legend."""

    drawn: NDArray[np.bool_] | None = None
    """(H, W) the pixels of the answers, where no outline is known."""

    def recall(self, boxes: list[Box]) -> float:
        """Which part of the answers was found."""
        return sum(
            any(overlap(answer.box, box) >= HALF for box in boxes) for answer in self.answers
        ) / len(self.answers)

    def precision(self, boxes: list[Box]) -> float:
        """Which part of what was found is an answer; 1 if nothing was found."""
        fine = (*self.answers, *self.also)
        right = [any(overlap(one.box, box) >= HALF for one in fine) for box in boxes]
        return sum(right) / len(right) if right else 1.0

    def is_hit(self, x: float, y: float) -> bool:
        """Whether a point is on an answer itself."""
        if self.drawn is not None:
            return bool(self.drawn[int(y), int(x)])
        return any(_is_on(answer, x, y) for answer in self.answers)


def questions_about(chart: Chart) -> list[Question]:
    """Of each kind those that have an answer in the chart."""
    questions = [
        Question(text, text, found) for role, text in TEXTS.items()
        if (found := chart.with_role(role))  # type: ignore[arg-type]
    ]  # fmt: skip
    marks = [element for element in chart.elements if element.role in SHAPES]
    for role, shape in SHAPES.items():
        own = [mark for mark in marks if mark.role == role]
        for color in dict.fromkeys(mark.color_name for mark in own):
            same = tuple(mark for mark in own if mark.color_name == color)
            questions.append(Question(f"the red {shape}", f"the {color} {shape}", same))
    if chart.kind != "panels":
        questions += _by_name(chart, marks)
    return questions


def overlap(one: Box, other: Box) -> float:
    """Intersection over union."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(one) + _area(other) - shared)


def _by_name(chart: Chart, marks: list[Element]) -> list[Question]:
    """By the name in the legend, and by the name of a category at the axis or the slice."""
    questions = []
    for entry in chart.with_role("legend_entry"):
        same = tuple(
            mark for mark in marks
            if (mark.series == entry.series if entry.series else mark.category == entry.category)
        )  # fmt: skip
        questions.append(Question("a name in the legend", entry.text, same, also=(entry,)))
    shown = {element.text for element in chart.elements if element.role != "legend_entry"}
    for category in chart.numbers[0].categories:
        same = tuple(mark for mark in marks if mark.category == category)
        if same and category in shown:
            shape = SHAPES[same[0].role]
            questions.append(Question("a category's bar or slice", f"the {category} {shape}", same))
    if chart.kind in ("bar", "horizontal_bar"):
        most = max(marks, key=lambda mark: mark.value or 0)
        tied = tuple(mark for mark in marks if mark.value == most.value)
        questions.append(Question("the highest bar", "the highest bar", tied))
    return questions


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def _is_on(element: Element, x: float, y: float) -> bool:
    if element.polygon is not None:
        outline = np.asarray(element.polygon, np.float32)
        return cv2.pointPolygonTest(outline, (x, y), True) >= -_SLACK
    x0, y0, x1, y1 = element.box
    return x0 <= x <= x1 and y0 <= y <= y1
