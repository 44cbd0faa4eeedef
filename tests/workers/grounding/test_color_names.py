from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_workers.grounding.color_names import COLOR_WORDS, Lab, basic_name, fits, lab_of


def labs(*codes: str) -> Lab:
    return lab_of(np.array([list(bytes.fromhex(code)) for code in codes], np.uint8))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("cc2222", "red"),
        ("2255cc", "blue"),
        ("339944", "green"),
        ("888888", "gray"),
        ("000000", "black"),
        ("ffffff", "white"),
        ("884499", "purple"),
        ("ee8822", "orange"),
    ],
)
def test_a_colour_has_the_name_people_give_it(code: str, name: str) -> None:
    assert basic_name(labs(code)[0]) == name


def test_the_best_of_the_picture_is_meant() -> None:
    blue, teal, red = fits("blue", labs("2255cc", "118888", "cc2222"))
    assert blue > 0.8
    assert blue > teal > red


def test_no_colour_fits_a_word_for_quite_another() -> None:
    assert fits("blue", labs("cc2222", "ddbb11")).max() < 0.3


def test_light_and_dark_are_told_apart() -> None:
    both = labs("aec7e8", "1f77b4")
    assert fits("blue", both, "light").argmax() == 0
    assert fits("blue", both, "dark").argmax() == 1


def test_a_picture_without_colours_fits_nothing() -> None:
    assert fits("red", labs()).shape == (0,)


@given(st.sampled_from(sorted(COLOR_WORDS)), st.lists(st.integers(0, 0xFFFFFF), min_size=1))
def test_every_word_gives_every_colour_a_worth(word: str, codes: list[int]) -> None:
    worth = fits(word, labs(*(f"{code:06x}" for code in codes)))
    assert worth.shape == (len(codes),)
    assert ((worth >= 0) & (worth <= 1)).all()
