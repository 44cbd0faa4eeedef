from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_rpc.errors import InvalidRequest, OutOfRange
from thinkimg_rpc.imaging.codec import Pixels
from thinkimg_rpc.v1 import Box, CropRequest, CropResponse, ImageFormat
from thinkimg_workers.crop import Crop

from .answering import answer, noise, received, sent

PICTURE = noise(48, 32)


def crop(
    x0: float, y0: float, x1: float, y1: float, *, of: Pixels = PICTURE, **options: Any
) -> CropResponse:
    request = CropRequest(image=sent(of), box=Box(x0=x0, y0=y0, x1=x1, y1=y1), **options)
    response = answer(Crop(), request)
    assert isinstance(response, CropResponse)
    return response


def corners(box: Box) -> tuple[float, float, float, float]:
    return box.x0, box.y0, box.x1, box.y1


def test_a_crop_is_the_region_and_nothing_else() -> None:
    response = crop(3, 5, 40, 20)
    assert np.array_equal(received(response.image), PICTURE[5:20, 3:40])
    assert corners(response.box) == (3, 5, 40, 20)


def test_a_box_between_pixels_keeps_every_pixel_it_touches() -> None:
    response = crop(3.9, 5.9, 39.1, 19.1)
    assert corners(response.box) == (3, 5, 40, 20)


@settings(deadline=None)
@given(st.data())
def test_any_box_inside_the_image_is_kept_whole(data: st.DataObject) -> None:
    x0 = data.draw(st.floats(0, 47))
    y0 = data.draw(st.floats(0, 31))
    x1 = data.draw(st.floats(x0, 48, exclude_min=True))
    y1 = data.draw(st.floats(y0, 32, exclude_min=True))
    response = crop(x0, y0, x1, y1)
    rows, columns = slice(math.floor(y0), math.ceil(y1)), slice(math.floor(x0), math.ceil(x1))
    assert np.array_equal(received(response.image), PICTURE[rows, columns])


def test_the_whole_image_can_be_kept() -> None:
    assert np.array_equal(received(crop(0, 0, 48, 32).image), PICTURE)


def test_padding_goes_as_far_as_the_image() -> None:
    response = crop(2, 5, 40, 20, padding=4)
    assert corners(response.box) == (0, 1, 44, 24)
    assert np.array_equal(received(response.image), PICTURE[1:24, 0:44])


def test_padding_is_added_before_pixels_are_rounded() -> None:
    assert corners(crop(10.5, 10.5, 20.5, 20.5, padding=0.5).box) == (10, 10, 21, 21)


def test_a_scale_enlarges_the_region() -> None:
    response = crop(10, 10, 20, 16, scale=2.5)
    assert (response.image.width, response.image.height) == (25, 15)
    assert corners(response.box) == (10, 10, 20, 16)


def test_a_scale_of_one_changes_no_pixel() -> None:
    assert np.array_equal(received(crop(3, 5, 40, 20, scale=1).image), PICTURE[5:20, 3:40])


def test_shrinking_averages_and_leaves_a_pixel_at_least() -> None:
    half = np.zeros((20, 20, 3), np.uint8)
    half[:, ::2] = 200
    assert (received(crop(0, 0, 20, 20, of=half, scale=0.5).image) == 100).all()
    assert received(crop(0, 0, 1, 1, scale=0.1).image).shape == (1, 1, 3)


def test_an_enlargement_that_is_too_large_names_the_scale() -> None:
    with pytest.raises(OutOfRange, match="choose a smaller scale or box") as caught:
        crop(0, 0, 3000, 2000, of=np.zeros((2000, 3000, 3), np.uint8), scale=8)
    assert [violation.field for violation in caught.value.violations] == ["scale"]


def test_an_enlargement_that_is_too_long_names_the_scale() -> None:
    with pytest.raises(OutOfRange) as caught:
        crop(0, 0, 10_000, 1, of=np.zeros((1, 10_000, 3), np.uint8), scale=8)
    assert [violation.field for violation in caught.value.violations] == ["scale"]


def test_a_large_image_can_be_shrunk() -> None:
    large = np.zeros((5000, 5000, 3), np.uint8)
    assert crop(0, 0, 5000, 5000, of=large, scale=0.9).image.width == 4500


@pytest.mark.parametrize(
    ("box", "error", "field"),
    [
        ((20, 5, 10, 20), InvalidRequest, "box.x1"),
        ((10, 5, 10, 20), InvalidRequest, "box.x1"),
        ((10, 20, 20, 20), InvalidRequest, "box.y1"),
        ((math.nan, 5, 20, 20), InvalidRequest, "box.x0"),
        ((0, 5, math.inf, 20), InvalidRequest, "box.x1"),
        ((-1, 5, 20, 20), OutOfRange, "box.x0"),
        ((0, 5, 48.5, 20), OutOfRange, "box.x1"),
        ((0, 5, 20, 33), OutOfRange, "box.y1"),
    ],
)
def test_a_bad_box_names_the_edge(
    box: tuple[float, float, float, float], error: type[Exception], field: str
) -> None:
    with pytest.raises((InvalidRequest, OutOfRange)) as caught:
        crop(*box)
    assert isinstance(caught.value, error)
    assert field in [violation.field for violation in caught.value.violations]


def test_padding_does_not_excuse_a_box_outside_the_image() -> None:
    with pytest.raises(OutOfRange):
        crop(0, 0, 49, 10, padding=10)


def test_a_jpeg_comes_back_if_asked_for() -> None:
    response = crop(0, 0, 40, 20, format=ImageFormat.IMAGE_FORMAT_JPEG)
    assert response.image.media_type == "image/jpeg"
    assert response.image.data.startswith(b"\xff\xd8\xff")
