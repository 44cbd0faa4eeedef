from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_eval.synthcharts.planner.axes import value_axis
from thinkimg_eval.synthcharts.planner.places import Box
from thinkimg_eval.synthcharts.planner.texts import Span


def at(text: str, x: float, y: float) -> Span:
    width = 0.015 * len(text)
    return Span(text, Box(x - width, y - 0.02, x, y + 0.02))


def column(texts: list[str], *, top: float = 0.1, foot: float = 0.9) -> list[Span]:
    step = (foot - top) / (len(texts) - 1)
    return [at(text, 0.1, foot - step * number) for number, text in enumerate(texts)]


@given(st.integers(-500, 500), st.integers(1, 400), st.integers(3, 9))
def test_an_axis_is_what_its_ticks_say(low: int, step: int, count: int) -> None:
    ticks = column([str(low + step * number) for number in range(count)])
    axis = value_axis(ticks, "y")
    assert axis is not None
    assert axis.value_at(0.9) == pytest.approx(low, abs=1e-6)
    assert axis.value_at(0.1) == pytest.approx(low + step * (count - 1), abs=1e-6)
    assert axis.place_of(axis.value_at(0.3)) == pytest.approx(0.3)


def test_a_misread_tick_and_numbers_elsewhere_are_left_out() -> None:
    spans = [*column(["0", "20", "48", "60", "80"]), at("37", 0.5, 0.4), at("12", 0.6, 0.7)]
    axis = value_axis(spans, "y")
    assert axis is not None
    assert [tick.text for tick in axis.ticks] == ["0", "20", "60", "80"]
    assert axis.value_at(0.5) == pytest.approx(40)


def test_years_beside_lying_bars_are_no_values() -> None:
    years = column(["1990", "1991", "1992", "1993"], top=0.9, foot=0.1)
    assert value_axis(years, "y") is None


def test_one_number_is_no_axis() -> None:
    assert value_axis([at("5", 0.1, 0.5)], "y") is None
    assert value_axis([], "x") is None
