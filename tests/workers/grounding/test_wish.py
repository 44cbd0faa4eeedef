from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_workers.grounding.wish import wish_of, wishes_of


def test_a_query_is_cut_at_full_stops() -> None:
    assert [wish.label for wish in wishes_of("red bar. legend.title")] == [
        "red bar",
        "legend",
        "title",
    ]


def test_a_decimal_point_is_no_full_stop() -> None:
    (wish,) = wishes_of("the bar of 3.5 million")
    assert wish.rest == ("3", "5", "million")


def test_colour_shade_shape_and_place_are_taken_apart() -> None:
    wish = wish_of("the highest light blue bar on the left")
    assert (wish.colors, wish.shade, wish.roles) == (("blue",), "light", ("bar",))
    assert (wish.superlative, wish.places) == ("most", ((-1, 0),))
    assert wish.rest == ()


def test_what_is_none_of_these_is_a_name() -> None:
    assert wish_of("the bar for Japan in 2019").rest == ("japan", "2019")


def test_what_is_said_first_is_what_is_meant() -> None:
    assert wish_of("title of the bar chart").roles == ("title",)


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("x axis label", "x_label"),
        ("X-axis title", "x_label"),
        ("the label of the y axis", "text"),
        ("y-axis label", "y_label"),
        ("legend entries", "legend_entry"),
        ("pie slices", "wedge"),
        ("data points", "marker"),
        ("subplot", "panel"),
    ],
)
def test_shapes_go_by_many_names(text: str, role: str) -> None:
    assert wish_of(text).roles[0] == role


def test_chinese_is_understood_word_by_word() -> None:
    wish = wish_of("最高的红色柱子")
    assert (wish.superlative, wish.roles) == ("most", ("bar",))
    assert wish.colors == ("红色",)


def test_unknown_chinese_is_a_name() -> None:
    assert wish_of("日本").rest == ("日本",)


def test_ordinals_count_from_nought() -> None:
    assert wish_of("second panel").ordinal == 1
    assert wish_of("last bar").ordinal == -1


@given(st.text(max_size=300))
def test_any_text_is_taken_apart(query: str) -> None:
    for wish in wishes_of(query):
        assert wish.label
        assert wish.label in query


@pytest.mark.parametrize("quoted", ["'Source'", '"Source"', "\u201cSource\u201d"])
def test_what_is_quoted_is_a_name_also_where_it_is_a_word_for_a_shape(quoted: str) -> None:
    wish = wish_of(f"bars of {quoted}")
    assert (wish.roles, wish.rest) == (("bar",), ("source",))


def test_an_apostrophe_quotes_nothing() -> None:
    assert wish_of("the women's bars").rest == ("women's",)
