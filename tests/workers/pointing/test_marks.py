"""Marks: numbered, near their points, seen on any background."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_rpc.imaging.rgb import Pixels
from thinkimg_workers.pointing.marks import draw_marks, mark_radius
from thinkimg_workers.pointing.pointer import Pointed

from ..answering import noise


def plain(width: int, height: int, color: tuple[int, int, int]) -> Pixels:
    return np.full((height, width, 3), color, np.uint8)


@pytest.mark.parametrize("color", [(0, 0, 0), (255, 255, 255), (230, 0, 60), (128, 128, 128)])
def test_a_mark_stands_out_from_any_background(color: tuple[int, int, int]) -> None:
    background = plain(200, 150, color)
    marked = draw_marks(background, [Pointed(100, 75, 1.0)])
    changed = np.abs(marked.astype(int) - background).max(axis=2) > 100
    rows, columns = np.nonzero(changed)
    assert len(rows) > 40
    assert abs(columns.min() - 100) < 40
    assert abs(rows.min() - 75) < 40


def test_what_is_pointed_at_stays_visible() -> None:
    image = noise(300, 300)
    marked = draw_marks(image, [Pointed(150.5, 150.5, 1.0)])
    assert (marked[149:152, 149:152] == image[149:152, 149:152]).all()
    assert not (marked[130:170, 130:170] == image[130:170, 130:170]).all()


def test_the_ring_is_around_the_pixel_pointed_at() -> None:
    image = plain(101, 101, (255, 255, 255))
    marked = draw_marks(image, [Pointed(50.5, 50.5, 1.0)])
    radius = mark_radius(image)
    around = slice(50 - radius - 1, 50 + radius + 2)
    ring = marked[around, around].astype(int)
    assert np.abs(ring - ring[::-1]).max() < 60
    assert np.abs(ring - ring[:, ::-1]).max() < 60


def test_numbers_tell_marks_apart() -> None:
    image = plain(300, 100, (255, 255, 255))
    points = [Pointed(50, 50, 1.0), Pointed(150, 50, 1.0)]
    one, other = draw_marks(image, points), draw_marks(image, points[::-1])
    assert (one != other).any()


def test_far_away_nothing_changes_and_the_image_itself_never() -> None:
    image = noise(400, 300)
    before = image.copy()
    marked = draw_marks(image, [Pointed(20, 20, 1.0)])
    assert (image == before).all()
    assert (marked[:, 100:] == image[:, 100:]).all()


@given(
    st.tuples(st.integers(1, 60), st.integers(1, 60)),
    st.lists(st.tuples(st.floats(0, 0.999), st.floats(0, 0.999)), max_size=12),
)
def test_marks_fit_any_image(size: tuple[int, int], places: list[tuple[float, float]]) -> None:
    width, height = size
    points = [Pointed(x * width, y * height, 1.0) for x, y in places]
    assert draw_marks(plain(width, height, (9, 9, 9)), points).shape == (height, width, 3)
