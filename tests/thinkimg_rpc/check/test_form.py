"""What is said of answers that cannot be right, whatever computed them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from google.protobuf.message import Message

from thinkimg_rpc.check.form import form_problems
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.mask import mask_of
from thinkimg_rpc.v1 import (
    Box,
    CropResponse,
    Detection,
    GroundingDINOResponse,
    Mask,
    Point,
    PointedAt,
    PointResponse,
    Provenance,
    ResultImage,
    SAMResponse,
    Segment,
)

from ...mesh_fixtures import png

WIDTH, HEIGHT = 40, 30
PICTURE = png(40, 30)
BOX = Box(x0=1, y0=2, x1=20, y1=30)


def result(data: bytes = PICTURE, width: int = 40, digest: str | None = None) -> ResultImage:
    digest = digest_of(data) if digest is None else digest
    return ResultImage(data=data, digest=digest, width=width, height=30)


def segment(area: float, height: int = HEIGHT) -> SAMResponse:
    pixels = np.zeros((height, WIDTH), bool)
    pixels[5:10, 5:10] = True
    return SAMResponse(segments=[Segment(mask=mask_of(pixels), area=area, score=0.5)])


def masked(counts: str) -> SAMResponse:
    return SAMResponse(segments=[Segment(mask=Mask(width=40, height=30, counts=counts))])


def detected(box: Box, score: float = 0.5) -> GroundingDINOResponse:
    return GroundingDINOResponse(detections=[Detection(box=BOX), Detection(box=box, score=score)])


def pointed(x: float, y: float) -> PointResponse:
    return PointResponse(points=[PointedAt(point=Point(x=x, y=y))])


@pytest.mark.parametrize(
    "answer",
    [
        CropResponse(image=result(), box=BOX),
        detected(Box(x0=0, y0=0, x1=WIDTH, y1=HEIGHT)),
        detected(Box(x0=-0.4, y0=0, x1=WIDTH, y1=HEIGHT)),
        segment(25),
        pointed(0, 29.5),
        GroundingDINOResponse(message="nothing was found"),
    ],
)
def test_an_answer_that_fits_the_picture_has_no_problems(answer: Message) -> None:
    assert list(form_problems(answer, WIDTH, HEIGHT)) == []


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (CropResponse(image=result(b"junk")), "image: "),
        (CropResponse(image=result(width=41)), "image: it is 40 x 30, not 41 x 30"),
        (CropResponse(image=result(digest="ab")), "image: its digest is another image's"),
        (detected(Box(x0=math.nan, y0=0, x1=1, y1=1)), "detections[1].box: an edge is not finite"),
        (detected(Box(x0=5, y0=5, x1=5, y1=9)), "detections[1].box: it is empty"),
        (
            detected(Box(x0=5, y0=5, x1=50, y1=9)),
            "detections[1].box: (5, 5, 50, 9) is not inside 40 x 30",
        ),
        (detected(BOX, score=1.5), "detections[1]: its score 1.5 is not between 0 and 1"),
        (detected(BOX, score=math.nan), "detections[1]: its score nan is not between 0 and 1"),
        (pointed(3, math.inf), "points[0].point: a coordinate is not finite"),
        (pointed(3, 40), "points[0].point: (3, 40) is not inside 40 x 30"),
        (segment(26), "segments[0]: its area is 25 pixels, not 26"),
        (segment(25, height=29), "segments[0].mask: it is of 40 x 29, the picture of 40 x 30"),
        (masked("00"), "segments[0].mask: "),
        (
            CropResponse(image=result(), answered_by=Provenance(cached=True)),
            "answered_by: an answer to another picture was taken for this one's",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(answer: Message, problem: str) -> None:
    (told,) = form_problems(answer, WIDTH, HEIGHT)
    assert told.startswith(problem)
