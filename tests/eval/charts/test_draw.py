from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from thinkimg_eval.charts import KINDS, STYLES, Chart, Element, draw_chart

EVERY_KIND = [(kind, style) for kind in KINDS for style in STYLES]


@cache
def chart(seed: int, kind: str, style: str) -> Chart:
    return draw_chart(seed, kind=kind, style=style)


def rgb(hexadecimal: str) -> NDArray[np.int64]:
    return np.array(list(bytes.fromhex(hexadecimal.removeprefix("#"))))


def inside(element: Element, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """The pixels well within an element's outline."""
    assert element.polygon is not None
    mask = np.zeros(shape[:2], np.uint8)
    # A pixel's index is its corner, half a pixel from what fillPoly takes for its middle.
    cv2.fillPoly(mask, [np.round(element.polygon - 0.5).astype(np.int32)], 1)
    return cv2.erode(mask, np.ones((3, 3), np.uint8)) > 0


@pytest.mark.parametrize(("kind", "style"), EVERY_KIND)
def test_every_element_lies_in_the_picture(kind: str, style: str) -> None:
    drawn = chart(1, kind, style)
    height, width = drawn.pixels.shape[:2]
    assert drawn.pixels.dtype == np.uint8
    assert 250 <= height <= 2000
    assert 250 <= width <= 2000
    for element in drawn.elements:
        x0, y0, x1, y1 = element.box
        assert 0 <= x0 < x1 <= width, element
        assert 0 <= y0 < y1 <= height, element


@pytest.mark.parametrize(("kind", "style"), EVERY_KIND)
def test_the_same_seed_gives_the_same_chart(kind: str, style: str) -> None:
    first, second = chart(1, kind, style), draw_chart(1, kind=kind, style=style)
    assert np.array_equal(first.pixels, second.pixels)
    assert [each.box for each in first.elements] == [each.box for each in second.elements]
    assert first.numbers == second.numbers


def test_other_seeds_give_other_charts() -> None:
    shapes = {draw_chart(seed, kind="pie").pixels.shape for seed in range(4)}
    assert len(shapes) > 1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", ["bar", "horizontal_bar", "grouped_bar", "stacked_bar", "pie"])
def test_outlines_hold_the_colour_of_what_they_outline(kind: str, style: str) -> None:
    drawn = chart(2, kind, style)
    [numbers] = drawn.numbers
    colors = {color.name: color.hexadecimal for color in numbers.category_colors}
    colors |= {series.color.name: series.color.hexadecimal for series in numbers.series}
    shapes = drawn.with_role("wedge" if kind == "pie" else "bar")
    assert len(shapes) == len(numbers.categories) * len(numbers.series)
    for shape in shapes:
        seen = drawn.pixels[inside(shape, drawn.pixels.shape)]
        near = np.abs(seen - rgb(colors[shape.color_name])).max(axis=1) <= 2
        assert near.mean() > 0.6, shape  # the rest is text written on it


@pytest.mark.parametrize("style", STYLES)
def test_a_line_is_where_its_outline_says(style: str) -> None:
    drawn = chart(3, "line", style)
    lines = drawn.with_role("line")
    assert [line.series for line in lines] == [each.name for each in drawn.numbers[0].series]
    colors = {each.name: each.color.hexadecimal for each in drawn.numbers[0].series}
    for line in lines:
        seen = drawn.pixels[inside(line, drawn.pixels.shape)]
        assert np.median(np.abs(seen - rgb(colors[line.series])).max(axis=1)) <= 60


def test_each_bar_has_the_height_of_its_value() -> None:
    drawn = chart(4, "grouped_bar", "develop")
    bars = drawn.with_role("bar")
    heights = [(bar.box[3] - bar.box[1]) / bar.value for bar in bars if bar.value]
    assert len(heights) == len(bars)
    assert max(heights) == pytest.approx(min(heights), rel=1e-6)


@pytest.mark.parametrize("style", STYLES)
def test_every_point_of_a_scatter_chart_is_an_element(style: str) -> None:
    drawn = chart(5, "scatter", style)
    for series in drawn.numbers[0].series:
        markers = [each for each in drawn.with_role("marker") if each.series == series.name]
        assert tuple(marker.value for marker in markers) == series.values


def test_text_fills_its_box() -> None:
    drawn = chart(6, "bar", "develop")
    paper = drawn.pixels[0, 0].astype(int)
    for role in ("title", "x_label", "y_label"):
        [element] = drawn.with_role(role)
        x0, y0, x1, y1 = (round(edge) for edge in element.box)
        ink = np.abs(drawn.pixels[y0:y1, x0:x1] - paper).max(axis=2) > 60
        assert ink.any(axis=0).mean() > 0.5, role
        assert ink.any(axis=1).mean() > 0.5, role


@pytest.mark.parametrize("style", STYLES)
def test_a_legend_has_an_entry_for_each_series_inside_it(style: str) -> None:
    drawn = chart(7, "stacked_bar", style)
    [legend] = drawn.with_role("legend")
    entries = drawn.with_role("legend_entry")
    assert [entry.series for entry in entries] == [each.name for each in drawn.numbers[0].series]
    for entry in entries:
        assert legend.box[0] - 1 <= entry.box[0]
        assert entry.box[2] <= legend.box[2] + 1


def test_panels_do_not_overlap_and_each_has_its_numbers() -> None:
    drawn = chart(8, "panels", "develop")
    panels = drawn.with_role("panel")
    assert len(panels) == len(drawn.numbers) > 1
    canvas = np.zeros(drawn.pixels.shape[:2], int)
    for panel in panels:
        x0, y0, x1, y1 = (round(edge) for edge in panel.box)
        canvas[y0 + 1 : y1 - 1, x0 + 1 : x1 - 1] += 1
    assert canvas.max() == 1


def test_an_unknown_kind_or_style_is_refused() -> None:
    with pytest.raises(ValueError, match="treemap"):
        draw_chart(1, kind="treemap")
    with pytest.raises(ValueError, match="cubist"):
        draw_chart(1, style="cubist")
