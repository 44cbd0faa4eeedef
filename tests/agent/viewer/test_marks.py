"""The shapes that a page lays over an image."""

from __future__ import annotations

import numpy as np

from thinkimg_agent.viewer.marks import MOST_MARKS, Mark, marks_of
from thinkimg_rpc.imaging.mask import mask_of

BOX = {"x0": 10.0, "y0": 20.0, "x1": 40.0, "y1": 80.0}


def _drawn(label: str = "", *, asked: bool = False) -> Mark:
    return Mark("box", asked, label, x=10.0, y=20.0, width=30.0, height=60.0)


def test_what_was_asked_about_comes_before_what_was_found() -> None:
    marks = marks_of({"image": "ab", "box": BOX}, {"detections": [{"box": BOX, "label": "bar"}]})
    assert marks == [_drawn(asked=True), _drawn("bar")]


def test_a_text_is_outlined_once_with_its_words() -> None:
    corner = {"x": 1.0, "y": 2.0}
    span = {"text": "Total", "box": BOX, "quad": {"top_left": corner, "top_right": corner}}
    assert marks_of({}, {"spans": [span]}) == [_drawn("Total")]


def test_points_are_marked_where_they_are() -> None:
    marks = marks_of({"points": [{"x": 3.0, "y": 4.0}]}, None)
    assert marks == [Mark("point", True, x=3.0, y=4.0)]


def test_a_mask_is_drawn_by_its_outline() -> None:
    pixels = np.zeros((20, 30), np.bool_)
    pixels[5:10, 7:12] = True
    mask = mask_of(pixels)
    record = {"width": mask.width, "height": mask.height, "counts": mask.counts}
    (mark,) = marks_of({}, {"segments": [{"mask": record, "area": 25}]})
    assert mark.path == "M7.5,5.5 L7.5,9.5 L11.5,9.5 L11.5,5.5 Z"


def test_a_mask_of_nonsense_draws_nothing() -> None:
    (mark,) = marks_of({}, {"mask": {"width": 30, "height": 20, "counts": "zzz"}})
    assert mark.path == ""


def test_a_page_stays_light_however_much_was_found() -> None:
    assert len(marks_of({}, {"spans": [{"box": BOX}] * 5000})) == MOST_MARKS
