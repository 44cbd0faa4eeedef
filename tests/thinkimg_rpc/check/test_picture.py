"""The picture that every tool is shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np

from thinkimg_rpc.check.picture import FOLDER, fresh_picture
from thinkimg_rpc.imaging.codec import decode

SCRIPT = Path(__file__).parents[3] / "scripts" / "draw_check_picture.py"


def test_no_two_copies_are_the_same_file_and_all_look_alike() -> None:
    one, other = fresh_picture(), fresh_picture()
    assert one.data != other.data
    difference = np.abs(one.pixels.astype(int) - other.pixels.astype(int))
    assert difference.max() == 1
    assert not difference[:-1].any()


def test_the_pixels_are_those_of_the_file() -> None:
    picture = fresh_picture()
    assert np.array_equal(decode(picture.data, max_pixels=1 << 20), picture.pixels)


def test_each_bar_is_where_it_is_said_to_be() -> None:
    picture = fresh_picture()
    for name, channel in (("Apples", 0), ("Pears", 2), ("Plums", 1)):
        x0, y0, x1, y1 = picture.places.bars[name]
        inside = picture.pixels[round(y0) + 1 : round(y1) - 1, round(x0) + 1 : round(x1) - 1]
        assert (inside == inside[0, 0]).all()
        assert inside[0, 0].argmax() == channel


def test_the_picture_can_be_drawn_again(tmp_path: Path) -> None:
    subprocess.run([sys.executable, SCRIPT, tmp_path], check=True, timeout=60)
    now, then = ((folder / "picture.png").read_bytes() for folder in (tmp_path, FOLDER))
    drawn, kept = (decode(data, max_pixels=1 << 20).astype(int) for data in (now, then))
    assert drawn.shape == kept.shape
    # Fonts differ a little between releases of matplotlib.
    assert np.abs(drawn - kept).mean() < 2
