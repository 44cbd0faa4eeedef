from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from thinkimg_workers.reading_order import Extent, in_reading_order

Extents = dict[str, tuple[float, float, float, float]]


def order(**extents: tuple[float, float, float, float]) -> str:
    shuffled = sorted(extents)
    return "".join(in_reading_order(shuffled, lambda name: Extent(*extents[name])))


def test_lines_are_read_from_top_to_bottom_and_left_to_right() -> None:
    text = {"b": (50, 2, 90, 12), "a": (0, 0, 40, 10), "d": (50, 21, 90, 31), "c": (0, 20, 40, 30)}
    assert order(**text) == "abcd"


def test_a_slanted_line_is_one_line() -> None:
    assert order(c=(100, 0, 140, 10), b=(50, 2, 90, 12), a=(0, 4, 40, 14)) == "abc"


def test_a_label_on_its_side_comes_before_the_ticks_beside_it() -> None:
    ticks = {
        name: (30.0, y, 50.0, y + 10.0) for name, y in zip("bcdef", range(0, 100, 20), strict=True)
    }
    assert order(a=(0, 0, 20, 90), **ticks) == "abcdef"


def test_stairs_of_labels_are_read_from_top_to_bottom() -> None:
    stairs = {
        name: (90.0 - 10 * n, 4.0 * n, 100.0, 4.0 * n + 10) for n, name in enumerate("abcdef")
    }
    assert order(**stairs) == "abcdef"


def test_a_title_over_two_columns_comes_first() -> None:
    assert order(a=(0, 0, 100, 20), b=(0, 30, 40, 40), c=(60, 30, 100, 40)) == "abc"


def column(names: str, x: float, y: float, step: float = 14, width: float = 90) -> Extents:
    """Lines of text under one another, 10 high."""
    return {name: (x, y + n * step, x + width, y + n * step + 10) for n, name in enumerate(names)}


def row(names: str, x: float, y: float, step: float = 40) -> Extents:
    """Tick labels side by side."""
    return {name: (x + n * step, y, x + n * step + 20, y + 10) for n, name in enumerate(names)}


def panel(names: str, x: float, y: float) -> Extents:
    """A title, three tick labels on the left, and three below: seven pieces."""
    return {
        names[0]: (x + 40, y, x + 110, y + 12),
        **column(names[1:4], x, y + 20, step=30, width=18),
        **row(names[4:7], x + 24, y + 104),
    }


def test_text_in_two_columns_is_read_column_by_column() -> None:
    assert order(**column("abcd", 0, 0), **column("efgh", 120, 0)) == "abcdefgh"


def test_the_labels_of_an_axis_stay_together() -> None:
    """A title, ticks on the left, values over bars, ticks below, and the axis label."""
    title = {"a": (60.0, 0.0, 200.0, 14.0)}
    left = column("bcde", 10, 30, step=40, width=20)
    values = {
        name: (60.0 + 50 * n, 40.0 + 17 * n * n, 80.0 + 50 * n, 50.0 + 17 * n * n)
        for n, name in enumerate("fgh")
    }
    below = row("ijk", 60, 170, step=50)
    label = {"m": (-15.0, 60.0, -5.0, 140.0)}
    read = order(**title, **label, **left, **values, **below, l=(90.0, 190.0, 150.0, 200.0))
    assert "mbcde" in read
    assert "ijk" in read
    assert read[0] == "a"
    assert read[-1] == "l"


def test_a_legend_beside_the_plot_is_read_by_itself() -> None:
    plot = panel("abcdefg", 0, 0)
    assert order(**plot, **column("hij", 220, 10)) == "abcdefghij"


def test_panels_side_by_side_are_read_one_after_the_other() -> None:
    assert order(**panel("abcdefg", 0, 0), **panel("hijklmn", 190, 0)) == "abcdefghijklmn"


def test_panels_one_above_the_other_are_read_one_after_the_other() -> None:
    assert order(**panel("abcdefg", 0, 0), **panel("hijklmn", 0, 140)) == "abcdefghijklmn"


extents = st.builds(
    lambda x, y, width, height: Extent(x, y, x + width, y + height),
    st.integers(0, 500),
    st.integers(0, 500),
    st.integers(1, 200),
    st.integers(1, 200),
)


@given(st.lists(extents))
def test_every_piece_comes_once(pieces: list[Extent]) -> None:
    assert sorted(in_reading_order(pieces, lambda piece: piece)) == sorted(pieces)
