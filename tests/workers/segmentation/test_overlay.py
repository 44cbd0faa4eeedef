from __future__ import annotations

import numpy as np

from thinkimg_rpc.tool import PixelBox
from thinkimg_workers.segmentation.overlay import COLORS, laid_over
from thinkimg_workers.segmentation.region import Region

from .pictures import blank


def square(x: int, y: int) -> Region:
    return Region(PixelBox(x, y, x + 10, y + 10), np.ones((10, 10), np.bool_))


def test_a_region_is_tinted_its_outline_is_opaque_and_the_rest_is_untouched() -> None:
    pixels = blank(40, 40)
    overlay = laid_over(pixels, [square(5, 5)])
    assert tuple(overlay[5, 5]) in COLORS
    assert tuple(overlay[10, 10]) not in (*COLORS, (255, 255, 255))
    overlay[5:15, 5:15] = 255
    assert (overlay == 255).all()
    assert (pixels == 255).all()


def test_regions_have_unlike_colours_as_long_as_there_are_any() -> None:
    regions = [square(12 * number, 0) for number in range(len(COLORS) + 1)]
    overlay = laid_over(blank(12 * len(regions), 10), regions)
    outlines = {tuple(map(int, overlay[0, 12 * number])) for number in range(len(COLORS))}
    assert outlines == set(COLORS)


def test_a_region_is_not_shown_in_its_own_colour() -> None:
    for color in COLORS:
        overlay = laid_over(blank(20, 20, color), [square(5, 5)])
        assert np.abs(overlay[10, 10].astype(int) - color).max() > 40


def test_an_empty_region_changes_nothing() -> None:
    nothing = Region(PixelBox(0, 0, 1, 1), np.zeros((1, 1), np.bool_))
    assert (laid_over(blank(5, 5), [nothing]) == 255).all()
