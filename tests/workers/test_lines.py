from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_rpc.errors import CallerError, InvalidRequest, OutOfRange
from thinkimg_rpc.imaging.codec import Pixels
from thinkimg_rpc.v1 import DrawHorizontalLineByYRequest, DrawVerticalLineByXRequest, LineStyle
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX
from thinkimg_workers.lines import color_of

from .answering import answer, noise, received, sent

PICTURE = noise(48, 32)
DASHED = LineStyle.LINE_STYLE_DASHED


def across(y: float, **options: Any) -> Pixels:
    request = DrawHorizontalLineByYRequest(image=sent(PICTURE), y=y, **options)
    return received(answer(DrawHorizontalLineByY(), request).image)


def down(x: float, **options: Any) -> Pixels:
    """The answer with rows and columns exchanged, so that it compares with `across`."""
    request = DrawVerticalLineByXRequest(image=sent(PICTURE.swapaxes(0, 1)), x=x, **options)
    return received(answer(DrawVerticalLineByX(), request).image).swapaxes(0, 1)


both_ways = pytest.mark.parametrize("draw", [across, down])


def changed_rows(pixels: Pixels) -> list[int]:
    return np.flatnonzero((pixels != PICTURE).any(axis=(1, 2))).tolist()


def line_refusal(draw: Any, at: float, **options: Any) -> CallerError:
    with pytest.raises(CallerError) as caught:
        draw(at, **options)
    return caught.value


@both_ways
@settings(deadline=None, max_examples=50)
@given(at=st.floats(0, 32, exclude_max=True))
def test_exactly_the_line_that_holds_the_coordinate_changes(draw: Any, at: float) -> None:
    pixels = draw(at)
    expected = PICTURE.copy()
    expected[math.floor(at)] = (255, 0, 0)
    assert np.array_equal(pixels, expected)


@both_ways
@pytest.mark.parametrize(
    ("at", "thickness", "rows"),
    [
        (10.9, 1, [10]),
        (10, 2, [10, 11]),
        (10, 3, [9, 10, 11]),
        (10, 4, [9, 10, 11, 12]),
        (0, 5, [0, 1, 2]),
        (31, 4, [30, 31]),
        (16, 32, [*range(1, 32)]),
    ],
)
def test_a_thick_line_is_centred_and_clipped(
    draw: Any, at: float, thickness: int, rows: list[int]
) -> None:
    assert changed_rows(draw(at, thickness=thickness)) == rows


@both_ways
def test_a_dashed_line_is_six_pixels_on_and_four_off(draw: Any) -> None:
    pixels = draw(7, color="lime", style=DASHED)
    on = (pixels[7] == (0, 255, 0)).all(axis=1)
    assert on.tolist() == [column % 10 < 6 for column in range(48)]
    assert np.array_equal(pixels[7][~on], PICTURE[7][~on])
    assert changed_rows(pixels) == [7]


@both_ways
def test_the_image_sent_is_not_drawn_on(draw: Any) -> None:
    assert not np.array_equal(draw(5), draw(6))


@both_ways
@pytest.mark.parametrize("at", [32, 32.5, 1e9])
def test_a_coordinate_past_the_last_pixel_is_told_the_range(draw: Any, at: float) -> None:
    error = line_refusal(draw, at)
    assert isinstance(error, OutOfRange)
    assert [violation.field for violation in error.violations] == ["y" if draw is across else "x"]
    assert "0 to below 32" in str(error)


@both_ways
@pytest.mark.parametrize("at", [-1, -0.5, math.nan, math.inf])
def test_a_coordinate_that_no_image_has_is_invalid(draw: Any, at: float) -> None:
    assert isinstance(line_refusal(draw, at), InvalidRequest)


@both_ways
def test_a_misspelt_colour_is_told_near_names(draw: Any) -> None:
    error = line_refusal(draw, 5, color="bleu")
    assert isinstance(error, InvalidRequest)
    assert [violation.field for violation in error.violations] == ["color"]
    assert "blue" in str(error)


@pytest.mark.parametrize(
    ("text", "color"),
    [
        ("", (255, 0, 0)),
        ("Blue", (0, 0, 255)),
        (" rebeccapurple ", (102, 51, 153)),
        ("darkslategrey", (47, 79, 79)),
        ("#0f8", (0, 255, 136)),
        ("#00FF7f", (0, 255, 127)),
    ],
)
def test_css_names_and_hexadecimal_are_colours(text: str, color: tuple[int, int, int]) -> None:
    assert color_of(text) == color


@pytest.mark.parametrize(
    "text", ["#12345", "#ff000080", "rgb(1,2,3)", "hsl(0,100%,50%)", "0xff0000", "\0", "#ggg"]
)
def test_other_notations_are_not(text: str) -> None:
    with pytest.raises(InvalidRequest, match="no colour named"):
        color_of(text)


@given(st.text(max_size=32))
def test_any_text_is_a_colour_or_refused(text: str) -> None:
    try:
        color = color_of(text)
    except InvalidRequest:
        return
    assert all(0 <= part <= 255 for part in color)
