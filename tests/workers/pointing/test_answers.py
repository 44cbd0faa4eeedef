"""Points are read out of what each family of models writes, in its own units."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from thinkimg_workers.pointing.answers import (
    Spot,
    points_in_image,
    spots_of_json,
    spots_of_molmo,
    spots_of_qwen2,
)
from thinkimg_workers.pointing.families import FAMILIES
from thinkimg_workers.pointing.pointer import Pointed

RESIZED = (280, 140)
THOUSANDTHS = st.tuples(st.integers(0, 1000), st.integers(0, 1000))


@given(st.lists(THOUSANDTHS, max_size=8))
def test_molmo_2_writes_thousandths_after_the_numbers_of_image_and_point(
    places: list[tuple[int, int]],
) -> None:
    triples = " ".join(f"{n} {x:03d} {y:03d}" for n, (x, y) in enumerate(places, 1))
    text = f'Here: <points coords="1 {triples}">bars</points>'
    assert spots_of_molmo(text) == [Spot(x / 1000, y / 1000) for x, y in places]


@given(st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 1000)), min_size=1, max_size=8))
def test_molmo_1_writes_hundredths_as_attributes(tenths: list[tuple[int, int]]) -> None:
    places = [(x / 10, y / 10) for x, y in tenths]
    expected = [Spot(x / 100, y / 100) for x, y in places]
    many = " ".join(f'x{n}="{x}" y{n}="{y}"' for n, (x, y) in enumerate(places, 1))
    assert spots_of_molmo(f'<points {many} alt="bars">bars</points>') == expected
    one = "".join(f' <point x="{x}" y="{y}" alt="bar">bar</point>' for x, y in places)
    assert spots_of_molmo(one) == expected


def test_an_answer_of_molmo_cut_off_keeps_the_points_that_are_whole() -> None:
    assert spots_of_molmo('<points coords="1 1 100 200 2 300 40') == [Spot(0.1, 0.2)]


@given(st.lists(THOUSANDTHS, max_size=8), st.sampled_from([None, 1, 2]), st.booleans())
def test_qwen_3_and_qwen_2_write_thousandths(
    places: list[tuple[int, int]], indent: int | None, fenced: bool
) -> None:
    text = json.dumps([{"point_2d": place, "label": "a bar"} for place in places], indent=indent)
    text = f"Sure!\n```json\n{text}\n```" if fenced else text
    expected = [Spot(x / 1000, y / 1000) for x, y in places]
    for family in ("qwen2_vl", "qwen3_vl", "qwen3_vl_moe"):
        assert FAMILIES[family].read(text, RESIZED) == expected


@given(st.lists(st.tuples(st.integers(0, 280), st.integers(0, 140)), max_size=8))
def test_qwen_2_5_counts_in_the_pixels_of_the_resized_picture(
    places: list[tuple[int, int]],
) -> None:
    text = json.dumps([{"point_2d": place, "label": "a bar"} for place in places])
    assert FAMILIES["qwen2_5_vl"].read(text, RESIZED) == [Spot(x / 280, y / 140) for x, y in places]


def test_the_same_numbers_mean_what_their_family_means() -> None:
    text = '{"point_2d": [70, 70]}'
    assert FAMILIES["qwen2_5_vl"].read(text, RESIZED) == [Spot(0.25, 0.5)]
    assert FAMILIES["qwen3_vl"].read(text, RESIZED) == [Spot(0.07, 0.07)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"point_2d": ["394", "105"], "label": "x"}', [Spot(0.394, 0.105)]),
        ('{"point_2d":[394.5,105]}', [Spot(0.3945, 0.105)]),
        ('[{"bbox_2d": [100, 200, 300, 400]}]', [Spot(0.2, 0.3)]),
        ('[{"point_2d": [1, 2]}, {"point_2d": [3', [Spot(0.001, 0.002)]),
        ('{"point_2d": [1, 2, 3]}', []),
        ('{"bbox_2d": [1, 2]}', []),
        ("[]", []),
        ("There is no such bar.", []),
    ],
)
def test_json_is_read_as_models_write_it(text: str, expected: list[Spot]) -> None:
    assert spots_of_json(text, 1000, 1000) == expected


def test_qwen_2_may_write_the_boxes_it_was_taught() -> None:
    assert spots_of_qwen2("the bar(100,200),(300,400)") == [Spot(0.2, 0.3)]
    assert spots_of_qwen2("(100, 200)") == [Spot(0.1, 0.2)]


MARKUP = st.lists(
    st.sampled_from(
        [
            *('<points coords="', '">', '<point x="', '" y="', '{"point_2d": [', "]}", '"bbox_2d"'),
            *("(", ")", ",", " ", "1", "500", "-3", "9" * 400, "1e999", "NaN", "é", "<", "\n"),
        ]
    ),
    max_size=30,
).map("".join)


@given(MARKUP | st.text())
@example('<points coords="1' * 50)
def test_whatever_a_model_writes_gives_finite_spots_or_none(text: str) -> None:
    for family in FAMILIES.values():
        for spot in family.read(text, RESIZED):
            assert math.isfinite(spot.x)
            assert math.isfinite(spot.y)


@pytest.mark.timeout(10)
def test_a_long_answer_is_read_in_no_time() -> None:
    for text in (
        '<points coords="1 ' * 3000,
        '{"point_2d": [1,' * 3000,
        "(1" * 20_000,
        "1" * 50_000,
    ):
        for family in FAMILIES.values():
            family.read(text, RESIZED)


fractions = st.floats(-2, 3)


@given(
    st.lists(st.builds(Spot, fractions, fractions)),
    st.tuples(st.integers(1, 9000), st.integers(1, 9000)),
    st.floats(1, 60),
)
def test_points_are_inside_the_image_and_each_said_once(
    spots: list[Spot], image: tuple[int, int], continued: float
) -> None:
    shown = (image[0] * continued, float(image[1]))
    points = points_in_image(spots, shown=shown, image=image, score=0.5)
    assert all(0 <= point.x < image[0] and 0 <= point.y < image[1] for point in points)
    assert len(set(points)) == len(points)


def test_spots_outside_are_left_out_and_the_far_edge_is_the_last_pixel() -> None:
    spots = [Spot(0.5, 0.5), Spot(1.2, 0.5), Spot(0.5, -0.1), Spot(1.0, 1.0), Spot(0.5, 0.5)]
    assert points_in_image(spots, shown=(200, 100), image=(200, 100), score=1.0) == (
        Pointed(100, 50, 1.0),
        Pointed(199.5, 99.5, 1.0),
    )
