from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_eval.synthcharts.planner.written_numbers import number_in, write_number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", 12), ("0", 0), ("3.5", 3.5), (".5", 0.5), ("-4", -4), ("\u22124", -4),
        ("1,200", 1200), ("1 200", 1200), ("1,200.5", 1200.5), ("23%", 23), ("23 %", 23),
        ("$5", 5), ("2k", 2000), ("1.5M", 1.5e6), ("1e3", 1000), ("(7)", 7),
        ("60 -", 60), ("23. 1", 23.1), ("2O", 20), ("1l", 11),
    ],
)  # fmt: skip
def test_numbers_are_read_as_charts_write_them_and_ocr_misreads_them(
    text: str, number: float
) -> None:
    assert number_in(text) == number


@pytest.mark.parametrize("text", ["", "Jan", "Oil", "2019-20x1", "a1", "1.2.3", "12 Monkeys", "l"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert number_in(text) is None


@given(st.integers(-(10**9), 10**9), st.integers(0, 4))
def test_what_is_written_is_read_back(digits: int, decimals: int) -> None:
    value = digits / 10**decimals
    assert number_in(write_number(value, decimals)) == pytest.approx(value)
    assert "e" not in write_number(value, decimals)


@given(st.text(max_size=20))
def test_any_text_is_a_number_or_none(text: str) -> None:
    assert isinstance(number_in(text), float | None)
