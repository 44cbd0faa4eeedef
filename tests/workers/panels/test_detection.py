"""Where the panels of a figure are."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_workers.panels.detection import Panel, find_panels
from thinkimg_workers.panels.places import layout_of
from thinkimg_workers.panels.rect import Rect, around

from .drawn import TITLES, Canvas, grid


def found(canvas: Canvas) -> list[Panel]:
    """In reading order."""
    return list(layout_of(find_panels(canvas.pixels, canvas.lines)).panels)


def overlap(one: Rect, other: Rect) -> float:
    shared = one.shared(other).area if one.meets(other) else 0
    return shared / (one.area + other.area - shared)


@pytest.mark.parametrize(("rows", "columns"), [(1, 2), (2, 1), (2, 2), (2, 3), (4, 4)])
def test_the_panels_of_a_grid_are_found_with_their_labels_and_titles(
    rows: int, columns: int
) -> None:
    canvas, boxes = grid(rows, columns)
    panels = found(canvas)
    assert len(panels) == len(boxes)
    assert min(overlap(panel.box, box) for panel, box in zip(panels, boxes, strict=True)) > 0.9
    assert [panel.title for panel in panels[: len(TITLES)]] == [*TITLES[: len(boxes)]]


def test_a_dark_figure_is_no_other() -> None:
    canvas = Canvas(480, 200, background=20)
    boxes = [canvas.plot(30, 40, 160, 110, "Left"), canvas.plot(280, 40, 160, 110)]
    assert [overlap(p.box, b) > 0.9 for p, b in zip(found(canvas), boxes, strict=True)] == [
        True
    ] * 2


def test_a_figure_of_one_plot_is_one_panel_with_everything_drawn() -> None:
    canvas = Canvas(400, 300)
    box = canvas.plot(60, 60, 280, 160, "Only one")
    canvas.write("Source: nobody", 60, 290)
    (panel,) = found(canvas)
    assert panel.title == "Only one"
    assert overlap(panel.box, around([box, Rect(60, 280, 160, 293)])) > 0.9


def test_a_title_over_all_panels_belongs_to_none() -> None:
    canvas = Canvas(480, 240)
    boxes = [canvas.plot(30, 80, 170, 110), canvas.plot(280, 80, 170, 110)]
    canvas.write("An overview of everything", 150, 30, 0.5)
    panels = found(canvas)
    assert [panel.title for panel in panels] == ["", ""]
    assert [overlap(p.box, b) > 0.9 for p, b in zip(panels, boxes, strict=True)] == [True] * 2


def test_the_next_line_of_a_headline_at_the_left_belongs_to_no_panel_either() -> None:
    canvas = Canvas(480, 260)
    canvas.plot(30, 100, 170, 110, "Left")
    canvas.plot(280, 100, 170, 110, "Right")
    canvas.write("A headline that runs over both of the two panels", 10, 25, 0.5)
    canvas.write("and ends here", 10, 45, 0.5)
    assert [panel.title for panel in found(canvas)] == ["Left", "Right"]


def test_an_inset_belongs_to_the_panel_around_it() -> None:
    canvas, _ = grid(1, 2)
    cv2.rectangle(canvas.pixels, (50, 50), (90, 80), (0, 0, 0), 1)
    assert len(found(canvas)) == 2


def test_a_colour_bar_belongs_to_the_plot_at_its_left() -> None:
    canvas = Canvas(560, 220)
    canvas.plot(30, 40, 160, 130)
    ramp = np.linspace(40, 230, 130).astype(np.uint8)[:, None, None]
    canvas.pixels[40:170, 205:213] = ramp
    canvas.plot(330, 40, 160, 130)
    left, right = found(canvas)
    assert (left.box.x1, right.box.x0) == (213, 330)


def test_a_thick_colour_bar_below_is_no_panel() -> None:
    canvas = Canvas(600, 300)
    canvas.plot(30, 40, 160, 130)
    ramp = np.linspace((60, 0, 90), (250, 230, 40), 120).astype(np.uint8)
    canvas.pixels[215:255, 50:170] = ramp
    canvas.plot(330, 40, 160, 130)
    left, right = found(canvas)
    assert (left.box.y1, right.box.y1) == (255, 186)


def test_the_minus_of_a_number_is_no_sign_of_a_legend() -> None:
    canvas = Canvas(560, 220)
    canvas.plot(30, 40, 160, 130)
    canvas.write("17", 300, 100)
    cv2.line(canvas.pixels, (289, 96), (296, 96), canvas.ink, 1)
    canvas.plot(330, 40, 160, 130)
    left, right = found(canvas)
    assert (left.box.x1, right.box.x0) == (190, 289)


def test_a_pie_keeps_its_title_at_the_left() -> None:
    canvas = Canvas(300, 420)
    canvas.plot(60, 30, 200, 110)
    cv2.circle(canvas.pixels, (160, 300), 60, (30, 110, 180), cv2.FILLED)
    canvas.write("(b)", 60, 220)
    first, second = found(canvas)
    assert (first.box.y1 < 190, second.title) == (True, "(b)")


def test_lines_of_a_grid_alone_make_a_plot() -> None:
    canvas = Canvas(500, 260)
    for left in (40, 290):
        for y in range(40, 221, 30):
            cv2.line(canvas.pixels, (left, y), (left + 180, y), (200, 200, 200), 1)
    assert [panel.area for panel in found(canvas)] == [
        Rect(40, 40, 221, 221),
        Rect(290, 40, 471, 221),
    ]


def test_of_a_large_picture_the_boxes_are_in_its_own_pixels() -> None:
    canvas, boxes = grid(1, 2)
    large = np.repeat(np.repeat(canvas.pixels, 7, axis=0), 7, axis=1)
    lines = [line._replace(corners=line.corners * 7) for line in canvas.lines]
    panels = layout_of(find_panels(large, lines)).panels
    enlarged = [Rect(*(7 * edge for edge in box)) for box in boxes]
    assert [overlap(p.box, b) > 0.9 for p, b in zip(panels, enlarged, strict=True)] == [True] * 2


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 50, 3), (300, 400, 3)])
def test_a_blank_picture_has_no_panel(shape: tuple[int, int, int]) -> None:
    assert find_panels(np.full(shape, 240, np.uint8), []) == []


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_whatever_is_drawn_panels_lie_in_the_picture(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 200)), data.draw(st.integers(1, 200))
    pixels = np.full((height, width, 3), 255, np.uint8)
    corner = st.tuples(st.integers(0, width), st.integers(0, height))
    for a, b in data.draw(st.lists(st.tuples(corner, corner), max_size=12)):
        cv2.rectangle(pixels, a, b, (0, 0, 0), data.draw(st.sampled_from([1, 2, cv2.FILLED])))
    for panel in find_panels(pixels, []):
        assert 0 <= panel.box.x0 < panel.box.x1 <= width
        assert 0 <= panel.box.y0 < panel.box.y1 <= height
