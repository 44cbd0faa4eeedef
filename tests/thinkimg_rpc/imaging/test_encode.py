from __future__ import annotations

import io
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import array_shapes, arrays
from PIL import Image

from thinkimg_rpc.imaging.codec import Pixels, decode, encode_jpeg, encode_png

pictures = arrays(
    np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=40).map(lambda shape: (*shape, 3))
)


@settings(deadline=None)
@given(pictures)
def test_a_png_decodes_to_the_pixels_it_was_made_of(pixels: Pixels) -> None:
    assert np.array_equal(decode(encode_png(pixels), max_pixels=10_000), pixels)


@settings(deadline=None)
@given(pictures)
def test_other_readers_see_the_same_pixels_in_a_png(pixels: Pixels) -> None:
    data = encode_png(pixels)
    image = Image.open(io.BytesIO(data))
    image.verify()
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(data))), pixels)
    bgr = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert bgr is not None
    assert np.array_equal(bgr[:, :, ::-1], pixels)


def test_a_view_of_a_larger_image_is_encoded_as_it_looks(picture: Pixels) -> None:
    for view in (picture[3:20, 7:30], picture[::2, ::3], picture[:, ::-1]):
        assert np.array_equal(decode(encode_png(view), max_pixels=10_000), view)
        assert decode(encode_jpeg(view), max_pixels=10_000).shape == view.shape


def test_a_jpeg_looks_like_the_pixels_it_was_made_of(picture: Pixels) -> None:
    pixels = decode(encode_jpeg(picture), max_pixels=10_000)
    assert np.abs(pixels.astype(int) - picture).mean() < 3


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 4), (0, 4, 3)])
def test_what_is_not_rgb_is_not_encoded(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        encode_png(np.zeros(shape, np.uint8))
    with pytest.raises(ValueError, match=r"\(H, W, 3\) uint8"):
        encode_jpeg(np.zeros(shape, np.uint8))


def test_pixels_of_another_type_are_not_encoded() -> None:
    with pytest.raises(ValueError, match="float64"):
        encode_png(np.zeros((4, 4, 3)))  # type: ignore[arg-type]


_MANY = """
import hashlib
import numpy as np
from thinkimg_rpc.imaging.png import write_png

random, digest = np.random.default_rng(0), hashlib.sha256()
for _ in range(300):
    height, width = random.integers(1, 40, 2)
    pixels = np.full((height, width, 3), random.integers(0, 255, 3), np.uint8)
    pixels[height // 3 :, width // 2 :] = random.integers(0, 255, 3)
    digest.update(write_png(pixels))
print(digest.hexdigest())
"""


def test_equal_pictures_are_equal_bytes_whatever_memory_held_before() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", _MANY],
            env={**os.environ, "MALLOC_PERTURB_": fill, "MALLOC_MMAP_THRESHOLD_": "100000000"},
            capture_output=True,
            check=True,
        ).stdout
        for fill in ("0", "37", "165", "255")
    }
    assert len(digests) == 1
