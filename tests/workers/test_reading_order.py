from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from thinkimg_workers.reading_order import Extent, in_reading_order


def order(**extents: tuple[float, float, float, float]) -> str:
    shuffled = sorted(extents)
    return "".join(in_reading_order(shuffled, lambda name: Extent(*extents[name])))


def test_lines_are_read_from_top_to_bottom_and_left_to_right() -> None:
    text = {"b": (50, 2, 90, 12), "a": (0, 0, 40, 10), "d": (50, 21, 90, 31), "c": (0, 20, 40, 30)}
    assert order(**text) == "abcd"


def test_a_slanted_line_is_one_line() -> None:
    assert order(c=(100, 0, 140, 10), b=(50, 2, 90, 12), a=(0, 4, 40, 14)) == "abc"


def test_a_tall_label_does_not_merge_the_lines_beside_it() -> None:
    ticks = {
        name: (30.0, y, 50.0, y + 10.0) for name, y in zip("bcdef", range(0, 100, 20), strict=True)
    }
    assert order(a=(0, 0, 20, 90), **ticks) == "bcadef"


def test_stairs_of_labels_are_read_from_top_to_bottom() -> None:
    stairs = {
        name: (90.0 - 10 * n, 4.0 * n, 100.0, 4.0 * n + 10) for n, name in enumerate("abcdef")
    }
    assert order(**stairs) == "badcfe"


def test_a_title_over_two_columns_comes_first() -> None:
    assert order(a=(0, 0, 100, 20), b=(0, 30, 40, 40), c=(60, 30, 100, 40)) == "abc"


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
