from __future__ import annotations

import cv2
import numpy as np

from thinkimg_workers.grounding.palette import NO_COLOR, palette_of


def test_the_paper_comes_first() -> None:
    pixels = np.full((60, 80, 3), 250, np.uint8)
    pixels[10:30, 10:30] = (200, 30, 30)
    palette = palette_of(pixels, np.zeros((60, 80), bool))
    assert palette.rgb.tolist() == [[250, 250, 250], [200, 30, 30]]
    assert palette.counts.tolist() == [60 * 80 - 400, 400]


def test_every_pixel_knows_its_colour() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    pixels[:, 20:] = (0, 120, 250)
    labels = palette_of(pixels, np.zeros((40, 40), bool)).labels
    assert (labels[:, :20] != labels[:, 20:]).all()
    assert NO_COLOR not in labels


def test_the_soft_edge_of_a_line_is_no_colour_of_its_own() -> None:
    pixels = np.full((200, 200, 3), 255, np.uint8)
    cv2.line(pixels, (10, 20), (190, 170), (30, 60, 200), 5, cv2.LINE_AA)
    palette = palette_of(pixels, np.zeros((200, 200), bool))
    assert len(palette) == 2


def test_the_colour_of_text_is_left_out() -> None:
    pixels = np.full((50, 50, 3), 255, np.uint8)
    pixels[5:10, 5:40] = (10, 10, 10)
    text = np.zeros((50, 50), bool)
    text[4:11, 4:41] = True
    assert len(palette_of(pixels, text)) == 1


def test_a_picture_all_text_has_its_colours_all_the_same() -> None:
    pixels = np.full((20, 20, 3), 90, np.uint8)
    assert len(palette_of(pixels, np.ones((20, 20), bool))) == 1
