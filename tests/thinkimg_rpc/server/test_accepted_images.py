"""Every common kind of image is taken and seen by the tools as upright 8-bit RGB."""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image as Pillow

from thinkimg_rpc.v1 import Box, CropRequest, Image, ImageFormat

from ...mesh_fixtures import pixels
from .conftest import Send

pytestmark = pytest.mark.asyncio(loop_scope="session")
WIDTH, HEIGHT = 40, 30
RGB = pixels(WIDTH, HEIGHT)
GREY = RGB[:, :, 0]
UPRIGHT = 6
"""EXIF: turn a quarter to the right to see it upright."""


def file_of(picture: Pillow.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def picture() -> Pillow.Image:
    return Pillow.fromarray(RGB)


def half_clear() -> Pillow.Image:
    """The right half fully transparent."""
    result = picture()
    result.putalpha(
        Pillow.fromarray(
            np.where(np.arange(WIDTH) < 20, 255, 0)
            .astype(np.uint8)
            .repeat(HEIGHT)
            .reshape(WIDTH, HEIGHT)
            .T
        )
    )
    return result


def over_white() -> NDArray[np.uint8]:
    expected = RGB.copy()
    expected[:, 20:] = 255
    return expected


def turned() -> Pillow.Exif:
    exif = Pillow.Exif()
    exif[0x0112] = UPRIGHT
    return exif


def sixteen_bit() -> bytes:
    done, data = cv2.imencode(".png", RGB[:, :, ::-1].astype(np.uint16) * 257)
    assert done
    return data.tobytes()


GREY_AS_RGB = np.repeat(GREY[:, :, None], 3, axis=2)
EXACT: dict[str, tuple[bytes, NDArray[np.uint8]]] = {
    "PNG": (file_of(picture(), "PNG"), RGB),
    "RGBA PNG": (file_of(half_clear(), "PNG"), over_white()),
    "palette PNG": (
        file_of(picture().quantize(16), "PNG"),
        np.asarray(picture().quantize(16).convert("RGB")),
    ),
    "16-bit PNG": (sixteen_bit(), RGB),
    "greyscale PNG": (file_of(Pillow.fromarray(GREY), "PNG"), GREY_AS_RGB),
    "rotated PNG": (file_of(picture(), "PNG", exif=turned()), np.rot90(RGB, -1)),
    "lossless WebP": (file_of(picture(), "WEBP", lossless=True), RGB),
    "BMP": (file_of(picture(), "BMP"), RGB),
    "TIFF": (file_of(picture(), "TIFF"), RGB),
    "animated GIF": (
        file_of(
            Pillow.fromarray(GREY),
            "GIF",
            save_all=True,
            append_images=[Pillow.new("L", (WIDTH, HEIGHT))],
        ),
        GREY_AS_RGB,
    ),
}
ABOUT: dict[str, tuple[bytes, NDArray[np.uint8]]] = {
    "JPEG": (file_of(picture(), "JPEG", quality=95), RGB),
    "rotated JPEG": (file_of(picture(), "JPEG", quality=95, exif=turned()), np.rot90(RGB, -1)),
    "CMYK JPEG": (file_of(picture().convert("CMYK"), "JPEG", quality=95), RGB),
    "WebP": (file_of(picture(), "WEBP", quality=95), RGB),
}


async def seen_by_crop(send: Send, data: bytes, expected: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The pixels of a file, as a tool sees them and gives them back."""
    height, width = expected.shape[:2]
    whole = Box(x0=0, y0=0, x1=width, y1=height)
    response = await send(CropRequest(image=Image(data=data), box=whole))
    return np.asarray(Pillow.open(io.BytesIO(response.image.data)).convert("RGB"))


@pytest.mark.parametrize("kind", EXACT)
async def test_a_lossless_file_is_seen_as_it_is(send: Send, kind: str) -> None:
    data, expected = EXACT[kind]

    assert np.array_equal(await seen_by_crop(send, data, expected), expected)


@pytest.mark.parametrize("kind", ABOUT)
async def test_a_lossy_file_is_seen_about_as_it_is(send: Send, kind: str) -> None:
    data, expected = ABOUT[kind]

    seen = await seen_by_crop(send, data, expected)
    assert np.abs(seen.astype(int) - expected).mean() < 12


async def test_a_jpeg_result_seen_again_by_digest_is_what_the_caller_received(send: Send) -> None:
    whole = Box(x0=0, y0=0, x1=WIDTH, y1=HEIGHT)
    first = await send(
        CropRequest(
            image=Image(data=EXACT["PNG"][0]), box=whole, format=ImageFormat.IMAGE_FORMAT_JPEG
        )
    )
    again = await send(CropRequest(image=Image(digest=first.image.digest), box=whole))

    received = cv2.imdecode(np.frombuffer(first.image.data, np.uint8), cv2.IMREAD_COLOR_RGB)
    seen = np.asarray(Pillow.open(io.BytesIO(again.image.data)))
    assert first.image.media_type == "image/jpeg"
    assert received is not None
    assert np.array_equal(seen, received)
