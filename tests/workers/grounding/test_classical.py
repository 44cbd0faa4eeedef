"""What the classical detector finds in charts whose text has been read without fault."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from thinkimg_eval.charts import Element
from thinkimg_rpc.settings import ModelSettings
from thinkimg_workers.grounding.classical import ClassicalDetector
from thinkimg_workers.grounding.detector import Explains, Found, Search
from thinkimg_workers.text_line import TextLine

from .read_charts import chart, overlaps, search_for

STYLES = ("develop", "held_out")
SHAPES = {"bar": "bar", "horizontal_bar": "bar", "line": "line", "pie": "slice", "scatter": "point"}


@pytest.fixture(scope="module")
def detector() -> ClassicalDetector:
    return ClassicalDetector(ModelSettings())


def found_in(detector: ClassicalDetector, search: Search) -> list[Found]:
    (found,) = detector.detect([search])
    return found


def all_found(elements: list[Element], found: list[Found]) -> bool:
    return all(any(overlaps(one, element) for one in found) for element in elements)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("kind", SHAPES)
def test_shapes_are_found_by_their_colour(
    detector: ClassicalDetector, kind: str, style: str
) -> None:
    drawn = chart(21, kind, style)
    marks = [each for each in drawn.elements if each.role in ("bar", "line", "wedge", "marker")]
    color = marks[0].color_name
    same = [mark for mark in marks if mark.color_name == color]
    found = found_in(detector, search_for(f"the {color} {SHAPES[kind]}", drawn))
    hits = sum(any(overlaps(one, mark) for one in found) for mark in same)
    assert hits >= 0.75 * len(same)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", [22, 23])
@pytest.mark.parametrize(
    ("query", "role"),
    [("title", "title"), ("legend", "legend"), ("x axis label", "x_label"),
     ("y axis label", "y_label")],
)  # fmt: skip
def test_what_there_is_one_of_is_found(
    detector: ClassicalDetector, query: str, role: str, seed: int, style: str
) -> None:
    drawn = chart(seed, "grouped_bar", style)
    elements = [each for each in drawn.elements if each.role == role]
    found = found_in(detector, search_for(query, drawn))
    assert len(found) == 1
    assert all_found(elements, found)


def test_a_series_is_found_by_its_name_in_the_legend(detector: ClassicalDetector) -> None:
    drawn = chart(23, "grouped_bar")
    name = drawn.numbers[0].series[1].name
    bars = [bar for bar in drawn.with_role("bar") if bar.series == name]
    assert all_found(bars, found_in(detector, search_for(name, drawn)))


def test_a_bar_is_found_by_its_category(detector: ClassicalDetector) -> None:
    drawn = chart(24, "bar")
    for category in drawn.numbers[0].categories:
        bars = [bar for bar in drawn.with_role("bar") if bar.category == category]
        found = found_in(detector, search_for(f"the bar for {category}", drawn))
        assert len(found) == 1
        assert all_found(bars, found)


def test_series_and_category_together_name_one_bar(detector: ClassicalDetector) -> None:
    drawn = chart(23, "grouped_bar")
    (numbers,) = drawn.numbers
    series, category = numbers.series[0].name, numbers.categories[-1]
    found = found_in(detector, search_for(f"the {series} bar in {category}", drawn))
    (bar,) = (
        each
        for each in drawn.with_role("bar")
        if (each.series, each.category) == (series, category)
    )
    assert len(found) == 1
    assert overlaps(found[0], bar)


@pytest.mark.parametrize("kind", ["bar", "horizontal_bar"])
def test_the_highest_bar_is_the_longest(detector: ClassicalDetector, kind: str) -> None:
    drawn = chart(25, kind)
    highest = max(drawn.with_role("bar"), key=lambda bar: bar.value or 0)
    (found,) = found_in(detector, search_for("the highest bar", drawn))
    assert overlaps(found, highest)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize(("kind", "query"), [("line", "line"), ("pie", "slice")])
def test_a_point_inside_is_on_the_thing_itself(
    detector: ClassicalDetector, kind: str, query: str, style: str
) -> None:
    drawn = chart(26, kind, style)
    marks = [each for each in drawn.elements if each.role in ("line", "wedge")]
    outlines = [mark.polygon for mark in marks if mark.polygon is not None]
    found = found_in(detector, search_for(query, drawn))
    assert found
    for one in found:
        assert one.inside is not None
        assert any(cv2.pointPolygonTest(each, one.inside, True) >= -1.5 for each in outlines)


def test_each_part_of_a_query_labels_what_it_found(detector: ClassicalDetector) -> None:
    drawn = chart(23, "grouped_bar")
    found = found_in(detector, search_for("legend. title", drawn))
    assert {one.label for one in found} == {"legend", "title"}
    assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)


def test_nothing_under_the_threshold_is_returned(detector: ClassicalDetector) -> None:
    drawn = chart(24, "bar")
    assert found_in(detector, search_for("bar", drawn, box_threshold=0.3))
    assert not found_in(detector, search_for("bar", drawn, box_threshold=1.0))


@pytest.mark.parametrize("query", ["the bar for Atlantis", "zebra", "紫禁城", "?!", "  "])
def test_what_is_not_there_is_not_found(detector: ClassicalDetector, query: str) -> None:
    assert found_in(detector, search_for(query, chart(24, "bar"))) == []


def test_it_says_how_a_query_was_understood(detector: ClassicalDetector) -> None:
    assert isinstance(detector, Explains)
    said = detector.explain("the dark red bar of Norway")
    assert "bar" in said
    assert "dark red" in said
    assert "norway" in said


@pytest.mark.parametrize("size", [(1, 1), (1, 400), (400, 1), (3, 3), (300, 200)])
@pytest.mark.parametrize(
    "query", ["red bar", "legend", "second panel", "plot area", "highest line"]
)
def test_blank_pictures_have_nothing_in_them(
    detector: ClassicalDetector, size: tuple[int, int], query: str
) -> None:
    pixels = np.full((*size, 3), 255, np.uint8)
    assert found_in(detector, Search(pixels, query, 0.3, 0.25, list, lambda: None)) == []


def test_noise_is_searched_as_well(detector: ClassicalDetector) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 300, 3), dtype=np.uint8)
    query = "red bar. legend. title. blue line. second panel. the highest point. x axis label"
    for found in found_in(detector, Search(noise, query, 0.0, 0.25, list, lambda: None)):
        x0, y0, x1, y1 = found.box
        assert 0 <= x0 < x1 <= 300
        assert 0 <= y0 < y1 <= 200


def test_a_large_picture_is_answered_in_its_own_pixels(detector: ClassicalDetector) -> None:
    pixels = np.full((4000, 6000, 3), 255, np.uint8)
    pixels[1000:3000, 2000:2600] = (200, 30, 30)
    (found,) = found_in(detector, Search(pixels, "red bar", 0.3, 0.25, list, lambda: None))
    assert found.box == pytest.approx((2000, 1000, 2600, 3000), abs=4)


def test_bars_in_the_colour_of_the_axes_are_found_although_they_touch_these(
    detector: ClassicalDetector,
) -> None:
    pixels = np.full((300, 400, 3), 255, np.uint8)
    bars = [(60, 100, 100, 260), (160, 60, 200, 260), (260, 180, 300, 260)]
    for x0, y0, x1, y1 in bars:
        pixels[y0:y1, x0:x1] = 0
    pixels[258:260, 30:380] = 0
    pixels[20:260, 30:32] = 0
    found = found_in(detector, Search(pixels, "black bars", 0.3, 0.25, lambda: [], lambda: None))
    assert sorted(one.box for one in found) == bars


@pytest.mark.parametrize("color", [(200, 40, 40), (128, 128, 128)])
def test_a_line_with_a_marker_that_was_read_as_text_is_still_a_swatch(
    detector: ClassicalDetector, color: tuple[int, int, int]
) -> None:
    pixels = np.full((300, 400, 3), 255, np.uint8)
    cv2.polylines(pixels, [np.array([(30, 250), (200, 120), (370, 200)])], False, color, 2)
    cv2.line(pixels, (150, 20), (178, 20), color, 2)
    cv2.circle(pixels, (164, 20), 4, color, -1)
    cv2.putText(pixels, "Wind", (186, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1)
    # As OCR has it when it takes the swatch for a letter of the name.
    corners = np.array([(150, 12), (222, 12), (222, 28), (150, 28)], np.float32)
    lines = [TextLine("Wind", corners, 1.0)]
    search = Search(pixels, "legend color", 0.3, 0.25, lambda: lines, lambda: None)
    (swatch,) = found_in(detector, search)
    assert swatch.box[0] == pytest.approx(150, abs=3)
    assert swatch.box[2] == pytest.approx(178, abs=3)


def test_a_gray_point_is_a_point_where_the_legend_has_its_colour(
    detector: ClassicalDetector,
) -> None:
    blue, gray, point = (40, 80, 200), (128, 128, 128), (300, 220)

    def points_found(*, legend: bool) -> list[Found]:
        pixels = np.full((300, 400, 3), 255, np.uint8)
        for x, y in [(60, 240), (100, 180), (140, 210), (180, 120), (220, 160), (260, 90)]:
            cv2.circle(pixels, (x, y), 6, blue, -1)
        cv2.circle(pixels, point, 6, gray, -1)
        lines = []
        for name, color, y in (("Wind", blue, 24), ("Coal", gray, 44)) if legend else ():
            cv2.circle(pixels, (300, y), 6, color, -1)
            corners = np.array([(316, y - 8), (350, y - 8), (350, y + 8), (316, y + 8)], np.float32)
            lines.append(TextLine(name, corners, 1.0))
        return found_in(detector, Search(pixels, "points", 0.3, 0.25, lambda: lines, lambda: None))

    def has_it(found: list[Found]) -> bool:
        return any(
            one.box[0] <= point[0] <= one.box[2] and one.box[1] <= point[1] <= one.box[3]
            for one in found
        )

    assert has_it(points_found(legend=True))
    assert not has_it(points_found(legend=False))
