"""How a tool's answer reads in a terminal."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.message import Message

from thinkimg_rpc.arguments import response_json
from thinkimg_rpc.cli.answer import describe, result_images, save_images
from thinkimg_rpc.v1 import (
    Box,
    Detection,
    GroundingDINOResponse,
    Mask,
    OCRResponse,
    Point,
    PointedAt,
    PointResponse,
    Provenance,
    ResultImage,
    SAMResponse,
    Segment,
    Subplot,
    TextSpan,
    ZoominSubplotResponse,
)

IMAGE = ResultImage(data=b"png", digest="ab" * 32, width=60, height=40, media_type="image/png")
BOX = Box(x0=1.0049, y0=2, x1=30.5, y1=40)
BOX_TEXT = '{"x0": 1.0, "y0": 2.0, "x1": 30.5, "y1": 40.0}'


def lines(response: Message, saved: dict[str, Path] | None = None) -> list[str]:
    return list(describe(response, response_json(response), saved or {}))


def test_each_thing_found_has_a_line_whose_box_can_be_copied() -> None:
    found = [
        Detection(box=BOX, score=0.93333, label="legend"),
        Detection(box=BOX, score=0.5, label="title"),
    ]
    assert lines(GroundingDINOResponse(detections=found)) == [
        f'detections[0]: {{"box": {BOX_TEXT}, "score": 0.93, "label": "legend"}}',
        f'detections[1]: {{"box": {BOX_TEXT}, "score": 0.5, "label": "title"}}',
    ]


def test_nothing_found_is_told_in_the_tools_own_words() -> None:
    assert lines(PointResponse(message="there is no zebra")) == ["message: there is no zebra"]


def test_a_point_can_be_copied_and_the_marked_image_is_told() -> None:
    answer = PointResponse(points=[PointedAt(point=Point(x=3, y=4.256), score=1)], annotated=IMAGE)
    assert lines(answer, {"annotated": Path("out/point-1.png")}) == [
        'points[0]: {"point": {"x": 3.0, "y": 4.26}, "score": 1.0}',
        "annotated: 60 x 40 image/png, saved as out/point-1.png",
    ]


def test_run_lengths_are_left_to_programs() -> None:
    mask = Mask(width=60, height=40, counts="0" * 5000)
    answer = SAMResponse(segments=[Segment(mask=mask, box=BOX, area=7)], overlay=IMAGE)
    segment, overlay = lines(answer)
    assert segment == (
        'segments[0]: {"mask": "60 x 40, --json has its run lengths", '
        f'"box": {BOX_TEXT}, "area": 7.0, "score": 0.0}}'
    )
    assert overlay == "overlay: 60 x 40 image/png; --save DIR keeps it"


def test_images_in_a_list_have_lines_of_their_own(tmp_path: Path) -> None:
    answer = ZoominSubplotResponse(subplots=[Subplot(image=IMAGE, box=BOX, title="Sales")])
    saved = save_images(list(result_images(answer)), "ZoominSubplot", tmp_path)
    assert lines(answer, saved) == [
        f'subplots[0]: {{"box": {BOX_TEXT}, "title": "Sales", "score": 0.0}}',
        f"subplots[0].image: 60 x 40 image/png, saved as {tmp_path}/zoomin-subplot-1.png",
    ]


def test_who_answered_is_told_and_whether_it_had_to() -> None:
    by = Provenance(backend="rapidocr 3.10.0", version="2")
    answer = OCRResponse(spans=[TextSpan(text="Revenue")], answered_by=by)
    assert lines(answer) == ["Revenue", "answered by: rapidocr 3.10.0, version 2"]
    answer.answered_by.cached = True
    assert lines(answer)[1].endswith(", kept from an earlier call")
