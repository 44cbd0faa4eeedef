from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.coordinates import CoordinateSpace
from thinkimg_eval.synthcharts.planner.places import Box, Scale

fractions = st.floats(0, 1)
spaces = st.sampled_from(CoordinateSpace)
sides = st.integers(2, 2000)


@given(spaces, sides, sides, fractions, fractions, fractions, fractions)
def test_a_written_box_has_an_area_inside_the_image_and_is_read_back(
    space: CoordinateSpace, width: int, height: int, x0: float, y0: float, x1: float, y1: float
) -> None:
    scale = Scale(space, width, height)
    box = Box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
    written = scale.write_box(box)
    right, bottom = scale.far
    assert 0 <= written["x0"] < written["x1"] <= right
    assert 0 <= written["y0"] < written["y1"] <= bottom
    step = 10.0**-space.decimals
    read = scale.read_box([written[edge] for edge in ("x0", "y0", "x1", "y1")])
    assert read.x0 == pytest.approx(box.x0, abs=2.01 * step / right)
    assert read.y1 == pytest.approx(box.y1, abs=2.01 * step / bottom)


@given(spaces, fractions)
def test_a_line_is_drawn_inside_the_image(space: CoordinateSpace, place: float) -> None:
    scale = Scale(space, 130, 90)
    assert 0 <= scale.write_line_y(place) < scale.far[1]
    assert 0 <= scale.write_line_x(place) < scale.far[0]
