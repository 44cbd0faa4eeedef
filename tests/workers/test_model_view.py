"""What models are shown of images that are too large or too narrow for them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_workers.model_view import view_for_model

from .answering import noise


@given(st.integers(1, 300), st.integers(1, 300))
def test_a_view_is_small_and_wide_enough_and_knows_its_scale(width: int, height: int) -> None:
    view = view_for_model(noise(width, height), max_pixels=5000, max_aspect=10)
    shown_height, shown_width = view.pixels.shape[:2]
    assert max(shown_height, shown_width) <= 10 * min(shown_height, shown_width)
    reduced = (round(width * view.scale_x), round(height * view.scale_y))
    assert reduced[0] * reduced[1] <= 5000 * 1.05 or 1 in reduced
    assert reduced[0] <= shown_width
    assert reduced[1] <= shown_height
    assert view.shown[0] >= width - 1e-6
    assert view.shown[1] >= height - 1e-6


def test_an_image_that_fits_is_shown_as_it_is() -> None:
    image = noise(60, 40)
    view = view_for_model(image, max_pixels=60 * 40, max_aspect=2)
    assert (view.pixels == image).all()
    assert view.shown == (60, 40)


def test_a_narrow_image_is_continued_by_its_edge() -> None:
    image = noise(30, 1)
    view = view_for_model(image, max_pixels=1000, max_aspect=3)
    assert view.pixels.shape == (10, 30, 3)
    assert (view.pixels == image).all()
    assert view.shown == (30, 10)


@pytest.mark.parametrize("size", [(20, 10), (200, 100)])
def test_a_shared_image_is_never_handed_to_a_library_that_may_write(size: tuple[int, int]) -> None:
    image = noise(*size)
    image.flags.writeable = False
    view = view_for_model(image, max_pixels=1000, max_aspect=3)
    assert view.pixels.flags.writeable
    assert not np.shares_memory(view.pixels, image)
