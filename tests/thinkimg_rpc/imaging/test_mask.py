from __future__ import annotations

import numpy as np
import pycocotools.mask
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from thinkimg_rpc.imaging.mask import MaskPixels, mask_of, pixels_of
from thinkimg_rpc.v1 import Mask

SHAPES = st.tuples(st.integers(1, 40), st.integers(1, 40))


@given(arrays.arrays(np.bool_, SHAPES))
def test_a_mask_comes_back_as_it_was_sent(pixels: MaskPixels) -> None:
    sent = Mask.FromString(mask_of(pixels).SerializeToString())
    assert (sent.height, sent.width) == pixels.shape
    assert np.array_equal(pixels_of(sent), pixels)


@given(arrays.arrays(np.bool_, SHAPES))
def test_pycocotools_reads_it_as_the_contract_says(pixels: MaskPixels) -> None:
    mask = mask_of(pixels)
    read = pycocotools.mask.decode({"size": [mask.height, mask.width], "counts": mask.counts})
    assert np.array_equal(read, pixels)


def test_long_runs_are_kept() -> None:
    pixels = np.zeros((3000, 2000), np.bool_)
    pixels[:, 700:1900] = True
    assert np.array_equal(pixels_of(mask_of(pixels)), pixels)


def test_a_view_is_taken_as_well() -> None:
    pixels = np.arange(24).reshape(4, 6) % 3 == 0
    assert np.array_equal(pixels_of(mask_of(pixels[::2, ::-1])), pixels[::2, ::-1])


@pytest.mark.parametrize(
    ("counts", "complaint"),
    [
        ("", "describe 0 pixels, not the 12"),
        ("0", "describe 0 pixels"),
        ("1:", "describe 11 pixels"),
        ("0=", "describe 13 pixels"),
        ("1O;", "describe"),
        ("o", "end in the middle of a number"),
        ("<o", "end in the middle of a number"),
        ("ooooooooo0", "too large"),
        ("<\n", "characters beyond"),
        ("p", "characters beyond"),
        ("ü", "not ASCII"),
    ],
)
def test_bad_counts_are_a_clear_error(counts: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        pixels_of(Mask(width=4, height=3, counts=counts))


@given(st.text(max_size=30), st.integers(0, 9), st.integers(0, 9))
def test_any_counts_are_a_mask_or_a_value_error(counts: str, width: int, height: int) -> None:
    try:
        pixels = pixels_of(Mask(width=width, height=height, counts=counts))
    except ValueError:
        return
    assert pixels.shape == (height, width)


def test_a_size_that_no_image_has_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(ValueError, match="cannot be 4294967295x4294967295"):
        pixels_of(Mask(width=2**32 - 1, height=2**32 - 1, counts="0"))


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((2, 2), np.uint8), np.zeros((2, 2, 1), np.bool_), np.zeros((0, 2), np.bool_)],
)
def test_what_is_no_mask_is_refused(pixels: MaskPixels) -> None:
    with pytest.raises(ValueError, match=r"must be \(H, W\) bool"):
        mask_of(pixels)
