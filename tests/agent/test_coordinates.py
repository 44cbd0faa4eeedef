"""Coordinates between a model's way of counting and pixels."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_agent.coordinates import (
    CoordinateSpace,
    View,
    arguments_in_pixels,
    far_edge,
    to_model,
    to_pixels,
)
from thinkimg_rpc.v1 import (
    Axis,
    CropRequest,
    DrawHorizontalLineByYRequest,
    SegmentRegionAroundPointRequest,
)

SPACES = list(CoordinateSpace)
AXES = [Axis.AXIS_X, Axis.AXIS_Y]

sides = st.integers(1, 4000)


@st.composite
def views(draw: st.DrawFn) -> View:
    width, height = draw(sides), draw(sides)
    return View(width, height, draw(st.integers(1, width)), draw(st.integers(1, height)))


@given(views(), st.sampled_from(SPACES), st.sampled_from(AXES), st.floats(0, 1))
def test_what_a_model_writes_comes_back_to_it_unchanged(
    view: View, space: CoordinateSpace, axis: Axis.ValueType, share: float
) -> None:
    written = round(share * far_edge(space, view, axis), space.decimals)
    assert to_model(space, view, axis, to_pixels(space, view, axis, written)) == written


@given(views(), st.sampled_from(SPACES), st.sampled_from(AXES))
def test_the_far_edge_is_the_far_edge_in_every_space(
    view: View, space: CoordinateSpace, axis: Axis.ValueType
) -> None:
    far = far_edge(space, view, axis)
    assert to_pixels(space, view, axis, far) == pytest.approx(view.real(axis))
    assert to_model(space, view, axis, view.real(axis)) == far


def test_pixels_are_those_of_the_image_as_the_policy_sees_it() -> None:
    view = View(width=1000, height=500, shown_width=500, shown_height=250)
    assert to_pixels(CoordinateSpace.PIXELS, view, Axis.AXIS_X, 100) == 200
    assert to_model(CoordinateSpace.PIXELS, view, Axis.AXIS_Y, 500) == 250


VIEW = View(width=1000, height=500, shown_width=500, shown_height=250)


def test_every_coordinate_of_a_call_is_converted_and_nothing_else() -> None:
    arguments = {
        "image": "img_1",
        "box": {"x0": 100, "y0": 200, "x1": 500, "y1": 1000},
        "padding": 3,
        "scale": 2,
    }
    converted, outside = arguments_in_pixels(
        CropRequest.DESCRIPTOR, arguments, CoordinateSpace.THOUSANDTHS, VIEW
    )
    assert converted == {**arguments, "box": {"x0": 100, "y0": 100, "x1": 500, "y1": 500}}
    assert outside == []


def test_coordinates_in_lists_and_alone_are_converted_too() -> None:
    points, _ = arguments_in_pixels(
        SegmentRegionAroundPointRequest.DESCRIPTOR,
        {"points": [{"x": 0.5, "y": 0.5}, {"x": 0.9, "y": 0}]},
        CoordinateSpace.FRACTIONS,
        VIEW,
    )
    assert points == {"points": [{"x": 500, "y": 250}, {"x": 900, "y": 0}]}
    line, _ = arguments_in_pixels(
        DrawHorizontalLineByYRequest.DESCRIPTOR, {"y": 50}, CoordinateSpace.PERCENT, VIEW
    )
    assert line == {"y": 250}


def test_a_coordinate_outside_is_named_in_the_models_own_numbers() -> None:
    _, outside = arguments_in_pixels(
        CropRequest.DESCRIPTOR,
        {"box": {"x0": 0, "y0": -1, "x1": 1200, "y1": 1000}},
        CoordinateSpace.THOUSANDTHS,
        VIEW,
    )
    assert [str(violation) for violation in outside] == [
        "box.y0: -1 is outside the image: 0 to 1000",
        "box.x1: 1200 is outside the image: 0 to 1000",
    ]


def test_a_point_on_the_far_edge_is_on_no_pixel_but_a_box_may_end_there() -> None:
    _, wrong = arguments_in_pixels(
        SegmentRegionAroundPointRequest.DESCRIPTOR,
        {"points": [{"x": 1, "y": 0.5}]},
        CoordinateSpace.FRACTIONS,
        VIEW,
    )
    assert list(map(str, wrong)) == ["points[0].x: 1 is outside the image: 0 to below 1"]


def test_crossed_edges_are_told_in_the_models_own_numbers() -> None:
    _, wrong = arguments_in_pixels(
        CropRequest.DESCRIPTOR,
        {"box": {"x0": 600, "y0": 100, "x1": 400, "y1": 100}},
        CoordinateSpace.THOUSANDTHS,
        VIEW,
    )
    assert list(map(str, wrong)) == [
        "box.x1: must be larger than x0 (400 <= 600)",
        "box.y1: must be larger than y0 (100 <= 100)",
    ]


@pytest.mark.parametrize("value", ["5", None, True, [1], {"x0": "a"}, [{"x": None}, 3]])
def test_values_of_a_wrong_type_stay_for_the_contract_to_refuse(value: object) -> None:
    for name in ("box", "padding"):
        arguments = {name: value}
        converted, outside = arguments_in_pixels(
            CropRequest.DESCRIPTOR, arguments, CoordinateSpace.PERCENT, VIEW
        )
        assert (converted, outside) == (arguments, [])
