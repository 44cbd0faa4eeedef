from __future__ import annotations

import io
import struct
import zlib
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from thinkimg_rpc.imaging.codec import InvalidImage, decode
from thinkimg_rpc.imaging.png import SIGNATURE

# Pillow warns of broken TIFF tags before it gives up on them.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")

KINDS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
LIMIT = 1_000_000


def noise(width: int, height: int) -> Image.Image:
    samples = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(samples)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


VALID = {
    **{kind: encoded(noise(40, 30), kind) for kind in KINDS},
    "progressive JPEG": encoded(noise(40, 30), "JPEG", progressive=True),
    "lossless WebP": encoded(noise(40, 30), "WEBP", lossless=True),
    "deflated TIFF": encoded(noise(40, 30), "TIFF", compression="tiff_adobe_deflate"),
    "animated WebP": encoded(
        noise(40, 30), "WEBP", save_all=True, append_images=[Image.new("RGB", (40, 30))]
    ),
    "RGBA PNG": encoded(noise(40, 30).convert("RGBA"), "PNG"),
    "palette PNG": encoded(noise(40, 30).quantize(16), "PNG"),
    "CMYK JPEG": encoded(noise(40, 30).convert("CMYK"), "JPEG"),
}


def refusal(data: bytes, max_pixels: int = LIMIT) -> str:
    with pytest.raises(InvalidImage) as caught:
        decode(data, max_pixels=max_pixels)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def png_chunk(kind: bytes, content: bytes) -> bytes:
    total = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", total)


def png(width: int, height: int, samples: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = (b"IHDR", header), (b"IDAT", samples), (b"IEND", b"")
    return SIGNATURE + b"".join(png_chunk(*part) for part in parts)


def test_empty_bytes_are_told_apart_from_a_bad_image() -> None:
    assert refusal(b"").startswith("empty; send an encoded PNG, JPEG")


@pytest.mark.parametrize(
    "data", [b"hello", b"\0" * 100, b"<svg/>", b"%PDF-1.7", b"RIFF\x24\0\0\0WAVEfmt "]
)
def test_what_is_not_an_image_is_told_which_formats_are(data: bytes) -> None:
    assert "PNG, JPEG, WebP, GIF, BMP or TIFF" in refusal(data)


@pytest.mark.parametrize("data", [b"iVBORw0KGgoAAAANSUhEUg", b"data:image/png;base64,iVBORw0KGgo"])
def test_base64_text_is_recognised(data: bytes) -> None:
    assert refusal(data) == "base64 text; send the bytes it stands for"


@pytest.mark.parametrize("kind", VALID)
def test_a_truncated_file_is_an_error_wherever_it_ends(kind: str) -> None:
    data = VALID[kind]
    for end in {*range(12, len(data) - 1, 97), len(data) // 2, len(data) - 20, len(data) - 2}:
        # A GIF ends in a terminator that carries nothing.
        if kind != "GIF" or end < len(data) - 2:
            message = refusal(data[:end])
            assert "truncated" in message or "corrupt" in message, (end, message)


def test_a_truncated_png_is_called_one() -> None:
    assert refusal(VALID["PNG"][:-30]) == "a truncated PNG; send the whole file"


def test_a_png_cut_off_before_its_last_chunk_is_truncated() -> None:
    assert "truncated" in refusal(VALID["PNG"][:-12])


def test_a_flipped_bit_in_a_png_is_caught() -> None:
    for position in range(20, len(VALID["PNG"]) - 12, 131):
        damaged = bytearray(VALID["PNG"])
        damaged[position] ^= 4
        refusal(bytes(damaged))


@pytest.mark.parametrize(
    "samples",
    [
        zlib.compress(b"\0" * 90),
        zlib.compress(b"\0" * 310 * 10)[:-4],
        zlib.compress(b"\0" * 310 * 10)[:-4] + b"\1\2\3\4",
        b"",
        b"no deflate stream",
    ],
    ids=["rows missing", "no Adler sum", "wrong Adler sum", "nothing", "garbage"],
)
def test_a_png_with_sound_chunks_around_bad_samples_is_corrupt(samples: bytes) -> None:
    assert "corrupt PNG" in refusal(png(103, 10, samples))


@pytest.mark.parametrize(
    "data",
    [
        SIGNATURE + png_chunk(b"IEND", b""),
        SIGNATURE + png_chunk(b"IHDR", b"short") + png_chunk(b"IEND", b""),
        SIGNATURE + png_chunk(b"IDAT", b"") + png_chunk(b"IEND", b""),
        SIGNATURE + b"\xff\xff\xff\xffIHDR",
        SIGNATURE,
    ],
)
def test_a_png_without_a_proper_header_is_refused(data: bytes) -> None:
    assert "PNG" in refusal(data)


def test_a_png_of_a_million_empty_chunks_is_refused() -> None:
    data = VALID["PNG"][:33] + png_chunk(b"IDAT", b"") * 200_000 + VALID["PNG"][33:]
    assert "more than 65536 chunks" in refusal(data)


def test_a_png_bomb_is_refused_by_its_header() -> None:
    message = refusal(png(30_000, 30_000, zlib.compress(b"\0" * 1_000_000)))
    assert message == (
        "30000x30000 is 900000000 pixels, more than the limit of 1000000; send a smaller image"
    )


def stretched(kind: str, width: int, height: int) -> bytes:
    """A small file whose header claims another size."""
    data = bytearray(VALID[kind])
    if kind == "GIF":
        data[6:10] = struct.pack("<HH", width, height)
    elif kind == "BMP":
        data[18:26] = struct.pack("<ii", width, height)
    elif kind == "JPEG":
        start = data.index(b"\xff\xc0")
        data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    elif kind == "WEBP":
        data[26:30] = struct.pack("<HH", width, height)
    elif kind == "lossless WebP":
        data[21:25] = struct.pack("<I", (width - 1) | (height - 1) << 14)
    elif kind == "animated WebP":
        data[24:30] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


@pytest.mark.parametrize("kind", ["GIF", "BMP", "JPEG", "WEBP", "lossless WebP", "animated WebP"])
def test_a_bomb_of_any_format_is_refused_by_its_header(kind: str) -> None:
    assert refusal(stretched(kind, 16_000, 15_000)).startswith("16000x15000 is 240000000 pixels")


def tiff(private_tags: dict[int, int]) -> bytes:
    """A 3x2 TIFF, uncompressed, little-endian."""
    return encoded(Image.new("L", (3, 2)), "TIFF", tiffinfo=private_tags)


def test_a_tiff_bomb_is_refused_by_its_header() -> None:
    data = tiff({}).replace(
        struct.pack("<HHII", 256, 4, 1, 3), struct.pack("<HHII", 256, 4, 1, 30_000_000)
    )
    assert "30000000x2 is 60000000 pixels" in refusal(data)


def test_a_small_tiff_in_a_huge_tile_is_refused() -> None:
    data = tiff({65_000: 30_000, 65_001: 30_001})
    for private, real in ((65_000, 322), (65_001, 323)):
        assert data.count(struct.pack("<H", private)) == 1
        data = data.replace(struct.pack("<H", private), struct.pack("<H", real))
    assert "30000x30001" in refusal(data)


def test_the_limit_itself_is_allowed() -> None:
    data = VALID["PNG"]
    assert decode(data, max_pixels=40 * 30).shape == (30, 40, 3)
    assert "more than the limit of 1199" in refusal(data, max_pixels=40 * 30 - 1)


def test_a_side_too_long_to_encode_again_is_refused() -> None:
    assert "longer than 65500" in refusal(png(70_000, 1, zlib.compress(b"\0" * 210_001)))


def test_a_jpeg_of_very_many_scans_is_refused() -> None:
    data = VALID["progressive JPEG"]
    first = data.index(b"\xff\xda")
    second = data.index(b"\xff\xda", first + 1)
    many = data[:first] + data[first:second] * 200 + data[first:]
    assert "more than 100 scans" in refusal(many)


@pytest.mark.parametrize("mode", ["I", "F"])
def test_32_bit_samples_are_refused_with_the_remedy(mode: str) -> None:
    assert "convert them to 8 or 16 bits" in refusal(encoded(Image.new(mode, (3, 3)), "TIFF"))


def pixels_or_refusal(data: bytes) -> None:
    try:
        pixels = decode(data, max_pixels=LIMIT)
    except InvalidImage:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


@given(st.binary(max_size=300))
def test_random_bytes_are_an_image_or_refused(data: bytes) -> None:
    pixels_or_refusal(data)


MAGICS = [data[:30] for data in VALID.values()]


@given(st.sampled_from(MAGICS), st.binary(max_size=300))
def test_random_bytes_after_a_header_are_an_image_or_refused(magic: bytes, rest: bytes) -> None:
    pixels_or_refusal(magic + rest)


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(sorted(VALID)),
    st.lists(st.tuples(st.floats(0, 1), st.binary(max_size=6)), min_size=1, max_size=4),
)
@example("PNG", [(0.02, b"\0\0\0\0")])
def test_a_damaged_file_is_an_image_or_refused(
    kind: str, damage: list[tuple[float, bytes]]
) -> None:
    data = VALID[kind]
    for where, replacement in damage:
        position = int(where * len(data))
        data = data[:position] + replacement + data[position + max(1, len(replacement)) :]
    pixels_or_refusal(data)


@settings(deadline=None)
@given(st.sampled_from(sorted(VALID)), st.lists(st.floats(0, 1), min_size=2, max_size=5))
def test_a_file_whose_parts_are_shuffled_is_an_image_or_refused(
    kind: str, cuts: list[float]
) -> None:
    data = VALID[kind]
    edges = sorted(int(cut * len(data)) for cut in cuts)
    pixels_or_refusal(data[:30] + b"".join(data[a:b] for a, b in reversed(list(pairwise(edges)))))
