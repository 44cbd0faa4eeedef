from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.segmenter import Prompt

from .pictures import (
    BLUE,
    GRAY,
    RED,
    WHITE,
    antialiased,
    blank,
    disc,
    noisy,
    overlap,
    painted,
    rectangle,
    segmented,
)

BAR = PixelBox(60, 40, 90, 180)


def test_a_point_on_a_bar_gives_the_bar_and_not_its_twin() -> None:
    bar = rectangle(240, 200, BAR)
    twin = rectangle(240, 200, PixelBox(120, 90, 150, 180))
    pixels = painted(painted(blank(240, 200), twin, BLUE), bar, BLUE)
    assert np.array_equal(segmented(pixels, Prompt(points=((75.5, 100.5),))).mask, bar)


def test_a_box_around_a_bar_gives_the_bar() -> None:
    bar = rectangle(240, 200, BAR)
    pixels = painted(blank(240, 200), bar, BLUE)
    assert np.array_equal(segmented(pixels, Prompt(box=BAR)).mask, bar)


def test_a_number_written_on_a_bar_belongs_to_it() -> None:
    bar = rectangle(240, 200, BAR)
    pixels = painted(blank(240, 200), bar, BLUE)
    written = painted(pixels, rectangle(240, 200, PixelBox(70, 60, 72, 72)), WHITE)
    assert np.array_equal(segmented(written, Prompt(points=((75.5, 100.5),))).mask, bar)


def test_one_part_of_a_stack_is_not_the_whole_stack() -> None:
    upper, lower = PixelBox(60, 40, 90, 100), PixelBox(60, 100, 90, 180)
    pixels = painted(blank(240, 200), rectangle(240, 200, upper), BLUE)
    pixels = painted(pixels, rectangle(240, 200, lower), RED)
    mask = segmented(pixels, Prompt(points=((75.5, 150.5),))).mask
    assert np.array_equal(mask, rectangle(240, 200, lower))


def test_a_thin_line_is_followed_from_end_to_end() -> None:
    pixels = antialiased(300, 120, [(20, 90), (100, 30), (180, 80), (280, 20)], thickness=2)
    line = (pixels.astype(int).sum(axis=2)) < (3 * 255 + sum(BLUE)) / 2
    assert overlap(segmented(pixels, Prompt(points=((100.5, 30.5),))).mask, line) > 0.9
    frame = PixelBox(19, 19, 282, 92)
    assert overlap(segmented(pixels, Prompt(box=frame)).mask, line) > 0.9


def test_a_line_goes_on_under_one_that_crosses_it() -> None:
    pixels = antialiased(300, 120, [(20, 60), (280, 60)], thickness=2)
    pixels[:, 148:152] = RED
    mask = segmented(pixels, Prompt(points=((60.5, 60.5),))).mask
    assert mask[60, 30]
    assert mask[60, 270]
    assert not mask[20, 150]


@pytest.mark.parametrize("prompt", ["point", "box"])
def test_a_noisy_disc_is_told_from_a_noisy_background(prompt: str) -> None:
    inside = disc(320, 240, 150, 110, 60)
    pixels = noisy(painted(blank(320, 240, GRAY), inside, RED), 20)
    asked = (
        Prompt(points=((165.5, 120.5),))
        if prompt == "point"
        else Prompt(PixelBox(90, 50, 210, 170))
    )
    region = segmented(pixels, asked)
    assert overlap(region.mask, inside) > 0.93
    assert region.score > 0.8


def test_a_striped_disc_is_one_object() -> None:
    inside = disc(320, 240, 150, 110, 60)
    stripes = np.broadcast_to((np.arange(320) // 6 % 2 == 0)[None], inside.shape)
    pixels = painted(painted(blank(320, 240, GRAY), inside, RED), inside & stripes, (240, 90, 60))
    assert overlap(segmented(pixels, Prompt(points=((150.5, 110.5),))).mask, inside) > 0.93
    assert overlap(segmented(pixels, Prompt(PixelBox(90, 50, 210, 170))).mask, inside) > 0.93


def test_a_point_beside_everything_gives_the_background_without_the_objects() -> None:
    inside = disc(320, 240, 150, 110, 60)
    pixels = painted(blank(320, 240), inside, RED)
    assert np.array_equal(segmented(pixels, Prompt(points=((10.5, 10.5),))).mask, ~inside)


def test_several_points_give_the_region_that_has_them_all() -> None:
    left, right = PixelBox(60, 60, 120, 140), PixelBox(120, 60, 180, 140)
    both = rectangle(240, 200, PixelBox(60, 60, 180, 140))
    pixels = painted(blank(240, 200), rectangle(240, 200, left), RED)
    pixels = painted(pixels, rectangle(240, 200, right), (220, 90, 40))
    points = ((90.5, 100.5), (150.5, 100.5))
    assert overlap(segmented(pixels, Prompt(points=points)).mask, both) > 0.9


@pytest.mark.parametrize("box", [None, PixelBox(40, 40, 200, 160)])
def test_a_background_point_is_never_in_the_mask(box: PixelBox | None) -> None:
    pixels = noisy(painted(blank(240, 200, GRAY), disc(240, 200, 120, 100, 60), RED), 15)
    prompt = Prompt(box, points=((100.5, 100.5),), background=((150.5, 100.5),))
    mask = segmented(pixels, prompt).mask
    assert mask[100, 100]
    assert not mask[100, 150]


def test_nothing_outside_a_box_is_in_its_mask_if_the_box_cuts_an_object() -> None:
    pixels = noisy(painted(blank(240, 200, GRAY), disc(240, 200, 120, 100, 60), RED), 15)
    mask = segmented(pixels, Prompt(PixelBox(60, 40, 120, 160))).mask
    assert mask[100, 100]
    assert not mask[:, 124:].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (9, 1), (2, 2), (40, 30)])
def test_a_blank_image_is_one_region(size: tuple[int, int]) -> None:
    pixels = blank(*size)
    x, y = size[0] - 0.5, size[1] - 0.5
    assert segmented(pixels, Prompt(points=((x, y),))).mask.all()
    assert segmented(pixels, Prompt(PixelBox(0, 0, *size))).mask.all()


def test_noise_alone_is_one_region() -> None:
    pixels = noisy(blank(200, 160, GRAY), 25)
    assert segmented(pixels, Prompt(points=((90.5, 80.5),))).mask.mean() > 0.95


def test_a_large_photo_like_image_is_segmented_in_full_size() -> None:
    inside = disc(2400, 1800, 1200, 900, 500)
    pixels = noisy(painted(blank(2400, 1800, GRAY), inside, RED), 20)
    assert overlap(segmented(pixels, Prompt(points=((1100.5, 900.5),))).mask, inside) > 0.98


def test_equal_questions_have_equal_answers() -> None:
    pixels = noisy(painted(blank(240, 200, GRAY), disc(240, 200, 120, 100, 60), RED), 15)
    first, second = (segmented(pixels, Prompt(PixelBox(50, 30, 190, 170))) for _ in range(2))
    assert np.array_equal(first.mask, second.mask)
    assert first.score == second.score


def test_a_very_large_image_is_segmented_to_a_few_pixels() -> None:
    inside = rectangle(4000, 3000, PixelBox(1000, 500, 3000, 2500))
    pixels = painted(blank(4000, 3000), inside, BLUE)
    assert overlap(segmented(pixels, Prompt(points=((2000.5, 1500.5),))).mask, inside) > 0.99
    whole = Prompt(PixelBox(0, 0, 4000, 3000), points=((2000.5, 1500.5),))
    assert segmented(pixels, whole).mask.shape == (3000, 4000)


def test_a_small_mark_in_a_very_large_image_is_exact() -> None:
    inside = rectangle(4000, 3000, PixelBox(1000, 500, 1007, 507))
    pixels = painted(blank(4000, 3000), inside, BLUE)
    assert np.array_equal(segmented(pixels, Prompt(points=((1003.5, 503.5),))).mask, inside)
    mask = segmented(pixels, Prompt(PixelBox(1000, 500, 1007, 507))).mask
    assert np.array_equal(mask, inside)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_any_prompt_on_any_picture_gives_a_mask_within_its_box(data: st.DataObject) -> None:
    width, height = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    seed = data.draw(st.integers(0, 3))
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8) // 100 * 100
    x0, y0 = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    x1, y1 = data.draw(st.integers(x0 + 1, width)), data.draw(st.integers(y0 + 1, height))
    inside = data.draw(st.booleans())
    box = PixelBox(x0, y0, x1, y1)
    prompt = Prompt(box) if inside else Prompt(points=((x0 + 0.5, y0 + 0.5),))
    region = segmented(pixels, prompt)
    assert region.mask.shape == (height, width)
    assert np.isfinite(region.score)
