from __future__ import annotations

import numpy as np

from bench.chart import HEIGHT, WIDTH, chart_png, draw_chart
from thinkimg_rpc.imaging.codec import decode


def test_the_chart_is_the_same_each_time_and_has_the_size_that_results_name() -> None:
    pixels = draw_chart()
    assert pixels.shape == (HEIGHT, WIDTH, 3) == (960, 1280, 3)
    assert np.array_equal(decode(chart_png(), max_pixels=WIDTH * HEIGHT), pixels)


def test_the_chart_is_no_easier_to_encode_than_a_plotted_one() -> None:
    # Charts of this size that plotting libraries save are 30 to 150 kB.
    assert 30_000 < len(chart_png()) < 150_000
