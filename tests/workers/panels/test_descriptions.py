"""Which panels a description fits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_workers.panels.descriptions import fitting, inventory
from thinkimg_workers.panels.detection import Panel
from thinkimg_workers.panels.places import Layout, layout_of
from thinkimg_workers.panels.rect import Rect

from .drawn import layout

SIX = layout(2, 3)
ROW = layout(1, 4)
NINE = layout(3, 3, ())


def fits(where: Layout, description: str) -> list[int]:
    return [fit.panel for fit in fitting(where, description)]


@pytest.mark.parametrize(
    ("description", "panels"),
    [
        ("top right", [2]),
        ("bottom left", [3]),
        ("upper-left subplot", [0]),
        ("the one in the lower right-hand corner", [5]),
        ("left column", [0, 3]),
        ("first row", [0, 1, 2]),
        ("bottom row", [3, 4, 5]),
        ("the middle column", [1, 4]),
        ("top middle", [1]),
        ("second", [1]),
        ("the 4th panel", [3]),
        ("panel 5", [4]),
        ("plot number two", [1]),
        ("#6", [5]),
        ("3", [2]),
        ("last", [5]),
        ("second to last", [4]),
        ("row 2 column 3", [5]),
        ("Row 1, Col 2", [1]),
        ("second row, third column", [5]),
        ("the second panel in the bottom row", [4]),
        ("last in the first row", [2]),
        ("(b)", [1]),
        ("panel F", [5]),
        ("d", [3]),
        ("all panels", [0, 1, 2, 3, 4, 5]),
        ("右上", [2]),
        ("左下角的图", [3]),
        ("第二个", [1]),
        ("第二行第三列", [5]),
        ("最后一个", [5]),
    ],
)
def test_places_numbers_and_letters(description: str, panels: list[int]) -> None:
    assert fits(SIX, description) == panels


@pytest.mark.parametrize(
    ("description", "panel"),
    [("third from the left", 2), ("second from the right", 2), ("leftmost", 0), ("rightmost", 3)],
)
def test_places_in_a_single_row(description: str, panel: int) -> None:
    assert fits(ROW, description) == [panel]


def test_the_middle_one_is_the_middle_both_ways() -> None:
    assert fits(NINE, "the middle one") == [4]
    assert fits(NINE, "middle row") == [3, 4, 5]
    assert fits(layout(2, 2), "middle one") == []


@pytest.mark.parametrize(
    ("description", "panel"),
    [
        ("Wages index", 1),
        ("the plot titled 'revenue rate'", 0),
        ("rainfall", 2),
        ("the panel about exports", 4),
        ("revenu rate", 0),
        ("Wages lndex", 1),
        ("the housing chart at the bottom", 5),
        ("second quarter", 3),
    ],
)
def test_titles_whole_in_part_or_misread(description: str, panel: int) -> None:
    assert fits(SIX, description)[:1] == [panel]


def test_a_title_shared_by_two_panels_is_told_apart_by_the_place() -> None:
    twins = layout(1, 2, ("Sales of books", "Sales of books"))
    assert fits(twins, "sales of books") == [0, 1]
    assert fits(twins, "the sales of books chart on the right") == [1]


def test_where_place_and_title_contradict_each_other_the_place_counts_half() -> None:
    (fit,) = fitting(SIX, "the exports chart at the top left")
    assert fit == (0, 0.5)


def test_other_words_in_a_panel_count_less_than_its_title() -> None:
    panels = [
        Panel(Rect(0, 0, 80, 80), Rect(0, 0, 80, 80), "Exports", ("Exports", "Euros")),
        Panel(Rect(100, 0, 180, 80), Rect(100, 0, 180, 80), "Imports", ("Imports", "Tonnes")),
    ]
    (fit,) = fitting(layout_of(panels), "tonnes")
    assert fit.panel == 1
    assert 0.5 < fit.score < 0.7


def test_a_printed_letter_counts_more_than_the_order() -> None:
    panels = [
        Panel(Rect(100 * n, 0, 100 * n + 80, 80), Rect(100 * n, 0, 100 * n + 80, 80), title)
        for n, title in enumerate(("(b) Wages", "(a) Exports"))
    ]
    assert fits(layout_of(panels), "panel a") == [1]


def test_in_an_uneven_grid_a_wide_panel_has_all_the_places_it_covers() -> None:
    areas = [Rect(0, 0, 200, 80), Rect(0, 100, 80, 180), Rect(110, 100, 200, 180)]
    uneven = layout_of([Panel(area, area, "") for area in areas])
    assert fits(uneven, "top right") == fits(uneven, "top left") == fits(uneven, "top") == [0]
    assert fits(uneven, "bottom right") == [2]


def test_where_the_last_row_is_not_full_its_last_panel_is_at_the_right() -> None:
    five = layout_of([*SIX.panels[:5]])
    assert fits(five, "bottom right") == [4]


@pytest.mark.parametrize("description", ["elephants", "panel 40", "row 7", "(z)", "大象", "?!"])
def test_what_fits_no_panel_fits_none(description: str) -> None:
    assert fits(SIX, description) == []


def test_the_only_panel_is_meant_whatever_is_said_but_another_number() -> None:
    one = layout(1, 1)
    assert fits(one, "elephants") == fits(one, "top right") == fits(one, "第一个") == [0]
    assert fits(one, "the second") == []


def test_the_inventory_names_every_panel_by_place_and_title() -> None:
    listed = inventory(layout(2, 2, ("Sales", "")))
    assert listed == (
        "4 panels were found: 1. top left: Sales; 2. top right; 3. bottom left; 4. bottom right"
    )
    assert "16. row 4, column 4" in inventory(layout(4, 4))


@given(st.text(max_size=60), st.sampled_from([SIX, ROW, NINE, layout(1, 1)]))
def test_any_text_is_understood_or_not_but_never_an_error(text: str, where: Layout) -> None:
    found = fitting(where, text)
    assert all(0 <= fit.panel < len(where.panels) and 0 < fit.score <= 1 for fit in found)
    assert len({fit.panel for fit in found}) == len(found)
