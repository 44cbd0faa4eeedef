from __future__ import annotations

import tomllib

import numpy as np
import pytest

from bench.quality.grounding import HAND_BOXES
from bench.quality.questions import Question, overlap, questions_about
from thinkimg_eval.charts import KINDS, Element, draw_chart

LEFT = Element("bar", (0, 0, 10, 10), polygon=np.array([(0, 0), (10, 0), (0, 10)], np.float32))
RIGHT = Element("bar", (20, 0, 30, 10))
BOTH = Question("bars", "the bars", (LEFT, RIGHT))


def test_recall_is_the_part_of_the_answers_that_was_found() -> None:
    assert BOTH.recall([(0, 0, 10, 9)]) == 0.5
    assert BOTH.recall([(0, 0, 10, 9), (20, 1, 30, 10)]) == 1.0
    assert BOTH.recall([]) == 0.0


def test_precision_is_the_part_of_what_was_found_that_is_an_answer() -> None:
    assert BOTH.precision([(0, 0, 10, 10), (50, 50, 60, 60)]) == 0.5
    assert BOTH.precision([]) == 1.0


def test_a_point_must_be_on_the_thing_and_not_just_in_its_box() -> None:
    assert BOTH.is_hit(2, 2)
    assert not BOTH.is_hit(9, 9)
    assert BOTH.is_hit(29, 9)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap((0, 0, 10, 10), (0, 5, 10, 15)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 10, 10), (10, 0, 20, 10)) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_question_about_a_chart_has_an_answer_in_it(kind: str) -> None:
    chart = draw_chart(1, kind=kind)
    questions = questions_about(chart)
    assert len(questions) > 2
    for question in questions:
        assert question.answers
        assert question.recall([answer.box for answer in question.answers]) == 1.0
        x0, y0, x1, y1 = question.answers[0].box
        assert 0 <= x0 < x1 <= chart.pixels.shape[1]
        assert 0 <= y0 < y1 <= chart.pixels.shape[0]


def test_boxes_drawn_by_hand_are_boxes_of_twenty_charts() -> None:
    with HAND_BOXES.open("rb") as file:
        records = tomllib.load(file)["question"]
    assert len({record["chart"] for record in records}) == 20
    for record in records:
        assert record["boxes"], record
        for x0, y0, x1, y1 in record["boxes"]:
            assert x0 < x1 <= 640, record
            assert y0 < y1 <= 480 or record["chart"] == "1807.png", record
