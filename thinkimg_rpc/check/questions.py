"""What each of our tools is asked about the picture, and what it must answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc.check.form import image_of
from thinkimg_rpc.check.picture import Extent, Picture
from thinkimg_rpc.imaging.mask import pixels_of

GOOD_BOX, GOOD_PANEL, GOOD_MASK, GOOD_WORD = 0.5, 0.6, 0.7, 0.3
"""Intersection over union from which a place counts as the right one. Of a text only that
it is the right one: how tightly a detector frames it is its own affair."""

Problems = Iterator[str]


@dataclass(frozen=True)
class Question:
    """The arguments of a call, and what is wrong with an answer to it."""

    arguments: Callable[[Picture], dict[str, Any]]
    problems: Callable[[Any, Picture], Problems]


def overlap(one: Extent, other: Extent) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (_area(one) + _area(other) - shared)


def _crop_arguments(picture: Picture) -> dict[str, Any]:
    return {"box": _box(picture.places.legend)}


def _crop_problems(answer: Any, picture: Picture) -> Problems:
    x0, y0, x1, y1 = picture.places.legend
    expected = picture.pixels[int(y0) : int(np.ceil(y1)), int(x0) : int(np.ceil(x1))]
    if not np.array_equal(image_of(answer.image), expected):
        yield "the pixels are not those of the legend"


def _row(picture: Picture) -> float:
    """The upper edge of the red bar, as one would draw a line there."""
    return picture.places.bars["Apples"][1]


def _column(picture: Picture) -> float:
    return picture.places.bars["Pears"][0]


def _horizontal_problems(answer: Any, picture: Picture) -> Problems:
    expected = picture.pixels.copy()
    expected[int(_row(picture))] = (0, 0, 255)
    yield from _same_picture(image_of(answer.image), expected, f"row {int(_row(picture))}")


def _vertical_problems(answer: Any, picture: Picture) -> Problems:
    expected = picture.pixels.copy()
    expected[:, int(_column(picture))] = (0, 0, 255)
    yield from _same_picture(image_of(answer.image), expected, f"column {int(_column(picture))}")


def _same_picture(pixels: NDArray[np.uint8], expected: NDArray[np.uint8], what: str) -> Problems:
    if pixels.shape != expected.shape:
        yield f"the size changed to {pixels.shape[1]} x {pixels.shape[0]}"
    elif not np.array_equal(pixels, expected):
        wrong = int((pixels != expected).any(axis=-1).sum())
        yield f"{wrong} pixels are not as they are with {what} in blue"


def _text_problems(answer: Any, picture: Picture) -> Problems:
    for word, place in picture.places.words.items():
        read = [span for span in answer.spans if word.casefold() in span.text.casefold()]
        if not read:
            yield f'"{word}" was not read'
        elif not any(overlap(_extent(span.box), place) >= GOOD_WORD for span in read):
            yield f'"{word}" was read, but elsewhere'


def _grounding_problems(answer: Any, picture: Picture) -> Problems:
    wanted = {"legend": picture.places.legend, "red bar": picture.places.bars["Apples"]}
    for what, place in wanted.items():
        if not any(overlap(_extent(found.box), place) >= GOOD_BOX for found in answer.detections):
            yield f"the {what} was not found"


def _point_problems(answer: Any, picture: Picture) -> Problems:
    x0, y0, x1, y1 = picture.places.bars["Apples"]
    if not answer.points:
        yield "the red bar was not found"
        return
    best = answer.points[0].point
    if not (x0 <= best.x <= x1 and y0 <= best.y <= y1):
        yield f"({best.x:.0f}, {best.y:.0f}) is not on the red bar"


def _sam_problems(answer: Any, picture: Picture) -> Problems:
    if len(answer.segments) != 1:
        yield f"{len(answer.segments)} masks for one box"
        return
    yield from _mask_problems(answer.segments[0], picture, "Apples")
    yield from _overlay_problems(answer, picture)


def _region_problems(answer: Any, picture: Picture) -> Problems:
    yield from _mask_problems(answer.segment, picture, "Pears")
    yield from _overlay_problems(answer, picture)


def _mask_problems(segment: Any, picture: Picture, bar: str) -> Problems:
    x0, y0, x1, y1 = (round(edge) for edge in picture.places.bars[bar])
    drawn = np.zeros(picture.pixels.shape[:2], bool)
    drawn[y0:y1, x0:x1] = True
    mask = pixels_of(segment.mask)
    agreement = (mask & drawn).sum() / max(1, (mask | drawn).sum())
    if agreement < GOOD_MASK:
        yield f"the mask and the bar of {bar} overlap by {agreement:.2f} only"


def _overlay_problems(answer: Any, picture: Picture) -> Problems:
    if image_of(answer.overlay).shape != picture.pixels.shape:
        yield "the overlay is not of the picture's size"


def _panel_problems(answer: Any, picture: Picture) -> Problems:
    if not answer.subplots:
        yield "no panel was found"
    elif overlap(_extent(answer.subplots[0].box), picture.places.panels["Rainfall"]) < GOOD_PANEL:
        yield "the first panel is not the right one"


def _box(extent: Extent, margin: float = 0) -> dict[str, float]:
    x0, y0, x1, y1 = extent
    return {"x0": x0 - margin, "y0": y0 - margin, "x1": x1 + margin, "y1": y1 + margin}


def _middle(extent: Extent) -> dict[str, float]:
    x0, y0, x1, y1 = extent
    return {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2}


def _extent(box: Any) -> Extent:
    return box.x0, box.y0, box.x1, box.y1


def _area(extent: Extent) -> float:
    return (extent[2] - extent[0]) * (extent[3] - extent[1])


QUESTIONS: dict[str, Question] = {
    "thinkimg_rpc.v1.CropService": Question(_crop_arguments, _crop_problems),
    "thinkimg_rpc.v1.DrawHorizontalLineByYService": Question(
        lambda picture: {"y": _row(picture), "color": "blue"}, _horizontal_problems
    ),
    "thinkimg_rpc.v1.DrawVerticalLineByXService": Question(
        lambda picture: {"x": _column(picture), "color": "blue"}, _vertical_problems
    ),
    "thinkimg_rpc.v1.OCRService": Question(lambda picture: {}, _text_problems),
    "thinkimg_rpc.v1.GroundingDINOService": Question(
        lambda picture: {"query": "legend. red bar"}, _grounding_problems
    ),
    "thinkimg_rpc.v1.PointService": Question(
        lambda picture: {"description": "the red bar"}, _point_problems
    ),
    "thinkimg_rpc.v1.SAMService": Question(
        lambda picture: {"boxes": [_box(picture.places.bars["Apples"], 4)]}, _sam_problems
    ),
    "thinkimg_rpc.v1.SegmentRegionAroundPointService": Question(
        lambda picture: {"points": [_middle(picture.places.bars["Pears"])]}, _region_problems
    ),
    "thinkimg_rpc.v1.ZoominSubplotService": Question(
        lambda picture: {"description": "right"}, _panel_problems
    ),
}
"""By the service of the tool, so that a tool of somebody's own is not taken for ours."""
