"""How a thought says what was seen."""

from __future__ import annotations

from thinkimg_eval.synthcharts.planner.evidence import seen


def test_names_boxes_and_values_stand_in_one_row_as_tools_write_them() -> None:
    assert seen("Lima", (4, 880.0, 61, 920), "12") == "Lima [4, 880, 61, 920] 12"
    assert seen((0.25, 0.5, 0.75, 1.0), "Lima") == "[0.25, 0.5, 0.75, 1] Lima"


def test_what_is_not_known_is_left_out() -> None:
    assert seen("Lima", "", "12") == "Lima 12"
