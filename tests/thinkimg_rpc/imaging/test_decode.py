from __future__ import annotations

import io
import struct
import zlib
from itertools import starmap
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageOps

from thinkimg_rpc.imaging.codec import Pixels, decode

ORIENTATION = 0x0112


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def png(
    depth: int,
    color: int,
    samples: bytes,
    *before_samples: tuple[bytes, bytes],
    size: tuple[int, int] = (2, 1),
    interlaced: bool = False,
) -> bytes:
    """A PNG written out by hand; `samples` are those of one row unless interlaced."""
    header = struct.pack(">IIBBBBB", *size, depth, color, 0, 0, interlaced)
    rows = samples if interlaced else b"\0" + samples
    chunks = [
        (b"IHDR", header),
        *before_samples,
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(starmap(chunk, chunks))


def chunk(kind: bytes, content: bytes) -> bytes:
    total = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", total)


def decoded(data: bytes) -> Pixels:
    return decode(data, max_pixels=1_000_000)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {}),
        ("PNG", {"compress_level": 0}),
        ("WEBP", {"lossless": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"compression": "tiff_adobe_deflate"}),
    ],
)
def test_a_lossless_file_decodes_to_the_very_pixels(
    picture: Pixels, kind: str, options: dict[str, Any]
) -> None:
    data = encoded(Image.fromarray(picture), kind, **options)
    assert np.array_equal(decoded(data), picture)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95}),
        ("JPEG", {"quality": 95, "progressive": True}),
        ("WEBP", {"quality": 95}),
        ("GIF", {}),
    ],
)
def test_a_lossy_file_decodes_to_about_the_pixels(
    picture: Pixels, kind: str, options: dict[str, Any]
) -> None:
    pixels = decoded(encoded(Image.fromarray(picture), kind, **options))
    assert pixels.shape == picture.shape
    assert np.abs(pixels.astype(int) - picture).mean() < 4


def test_decoded_pixels_are_contiguous_and_cannot_be_written_to(picture: Pixels) -> None:
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"):
        pixels = decoded(encoded(Image.fromarray(picture), kind))
        assert pixels.dtype == np.uint8
        assert pixels.flags.c_contiguous
        assert not pixels.flags.writeable


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied(picture: Pixels, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    data = encoded(Image.fromarray(picture), kind, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert np.array_equal(decoded(data), np.asarray(upright))
    assert decoded(data).shape == ((48, 32, 3) if orientation >= 5 else (32, 48, 3))


@pytest.mark.filterwarnings("ignore:Corrupt EXIF")
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_a_broken_exif_block_is_ignored(picture: Pixels, kind: str) -> None:
    data = encoded(Image.fromarray(picture), kind, exif=b"Exif\0\0MM\0*\xff\xff\xff\xff??")
    assert decoded(data).shape == picture.shape


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_laid_over_white(picture: Pixels, kind: str) -> None:
    alpha = np.tile(np.arange(0, 240, 5, dtype=np.uint8), (32, 1))
    rgba = np.dstack([picture, alpha])
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    pixels = decoded(encoded(Image.fromarray(rgba), kind, **options))
    opacity = alpha[:, :, np.newaxis] / 255
    assert np.array_equal(pixels, np.rint(picture * opacity + 255 * (1 - opacity)))


def test_the_hidden_colour_of_a_fully_transparent_pixel_is_not_seen() -> None:
    data = encoded(Image.new("RGBA", (4, 4), (10, 20, 30, 0)), "PNG")
    assert (decoded(data) == 255).all()


def test_a_transparent_gif_is_laid_over_white() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([9, 9, 9, 200, 0, 0])
    image.putdata([0, 1])
    pixels = decoded(encoded(image, "GIF", transparency=0))
    assert pixels.tolist() == [[[255, 255, 255], [200, 0, 0]]]


def test_grey_with_alpha_is_laid_over_white() -> None:
    data = png(8, 4, bytes([100, 255, 100, 0]))
    assert decoded(data)[0].tolist() == [[100, 100, 100], [255, 255, 255]]


@pytest.mark.parametrize(
    ("depth", "samples", "key"),
    [(8, b"\x0a\xf0", 10), (4, b"\x1f", 1), (1, b"\x40", 0), (16, b"\x12\x34\xff\xff", 0x1234)],
)
def test_a_transparent_grey_becomes_white(depth: int, samples: bytes, key: int) -> None:
    pixels = decoded(png(depth, 0, samples, (b"tRNS", struct.pack(">H", key))))
    opaque = decoded(png(depth, 0, samples))
    assert pixels[0, 0].tolist() == [255, 255, 255]
    assert pixels[0, 1].tolist() == opaque[0, 1].tolist()


def test_a_transparent_colour_becomes_white() -> None:
    data = png(8, 2, bytes([1, 2, 3, 4, 5, 6]), (b"tRNS", struct.pack(">HHH", 1, 2, 3)))
    assert decoded(data)[0].tolist() == [[255, 255, 255], [4, 5, 6]]


def test_a_palette_with_transparency_is_laid_over_white() -> None:
    palette = (b"PLTE", bytes([0, 0, 0, 40, 50, 60]))
    data = png(8, 3, bytes([0, 1]), palette, (b"tRNS", bytes([0])))
    assert decoded(data)[0].tolist() == [[255, 255, 255], [40, 50, 60]]


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_a_palette_is_expanded_at_every_depth(depth: int) -> None:
    palette = (b"PLTE", bytes([1, 2, 3, 40, 50, 60]))
    index = {1: b"\x40", 2: b"\x10", 4: b"\x01", 8: b"\x00\x01"}[depth]
    assert decoded(png(depth, 3, index, palette))[0].tolist() == [[1, 2, 3], [40, 50, 60]]


def test_16_bit_grey_is_scaled_not_clipped() -> None:
    data = png(16, 0, struct.pack(">4H", 0, 257 * 100, 257 * 100 + 200, 65535), size=(4, 1))
    assert decoded(data)[0, :, 0].tolist() == [0, 100, 101, 255]


def test_16_bit_colour_is_scaled_and_keeps_its_order() -> None:
    data = png(16, 2, struct.pack(">6H", 257 * 10, 257 * 20, 257 * 30, 65535, 0, 257))
    assert decoded(data)[0].tolist() == [[10, 20, 30], [255, 0, 1]]


def test_a_16_bit_grey_tiff_is_scaled() -> None:
    samples = np.array([[0, 257 * 77, 65535]], dtype=np.uint16)
    assert decoded(encoded(Image.fromarray(samples), "TIFF"))[0, :, 1].tolist() == [0, 77, 255]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_grey_becomes_rgb(kind: str) -> None:
    data = encoded(Image.new("L", (5, 3), 77), kind)
    assert decoded(data).shape == (3, 5, 3)
    assert (np.abs(decoded(data).astype(int) - 77) <= 1).all()


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "GIF"])
def test_one_bit_becomes_black_and_white(kind: str) -> None:
    image = Image.new("1", (2, 1))
    image.putdata([0, 255])
    assert decoded(encoded(image, kind))[0].tolist() == [[0, 0, 0], [255, 255, 255]]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_keeps_its_colours(kind: str) -> None:
    pixels = decoded(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), kind))
    assert np.abs(pixels.astype(int) - [255, 0, 0]).max() < 12


def test_an_inverted_adobe_cmyk_jpeg_keeps_its_colours() -> None:
    data = encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), "JPEG")
    assert b"Adobe" in data
    assert decoded(data)[8, 8, 0] > 240


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_of_an_animation_is_read(kind: str) -> None:
    frames = [Image.new("RGB", (8, 8), color) for color in ("#c80000", "#00c800", "#0000c8")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert (decoded(data) == [200, 0, 0]).all()


def test_interlaced_png_is_read() -> None:
    # Adam7 passes of a 2x2 picture: top left, top right, then the bottom row.
    passes = bytes([0, 1, 1, 1, 0, 2, 2, 2, 0, 3, 3, 3, 4, 4, 4])
    data = png(8, 2, passes, size=(2, 2), interlaced=True)
    assert decoded(data)[:, :, 0].tolist() == [[1, 2], [3, 4]]


def test_a_large_text_chunk_costs_nothing_and_harms_nothing(picture: Pixels) -> None:
    plain = encoded(Image.fromarray(picture), "PNG")
    text = chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(200_000_000), 1))
    assert np.array_equal(decoded(plain[:33] + text + plain[33:]), picture)


def test_what_follows_the_end_of_a_png_is_ignored(picture: Pixels) -> None:
    data = encoded(Image.fromarray(picture), "PNG")
    assert np.array_equal(decoded(data + b"appended"), picture)
