"""Encoded files to RGB pixels and back."""

from __future__ import annotations

import cv2
import numpy as np

from thinkimg_rpc.imaging import pillow_reader, webp
from thinkimg_rpc.imaging.limits import SEND_ONE_OF, InvalidImage
from thinkimg_rpc.imaging.png import SIGNATURE, read_png, write_png
from thinkimg_rpc.imaging.rgb import Pixels, check_rgb, known_uint8, turn_upright

__all__ = ["InvalidImage", "Pixels", "decode", "encode_jpeg", "encode_png"]

_JPEG_QUALITY = 95
# A progressive JPEG takes about ten. Each may be a few bytes long and costs a
# pass over all pixels, so a small file could keep a worker busy for hours.
_MAX_JPEG_SCANS = 100
_MAGIC = {
    SIGNATURE: "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"RIFF": "WebP",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
}
_BASE64 = (b"data:image/", b"iVBORw0KGgo", b"/9j/", b"UklGR", b"R0lGOD")


def decode(data: bytes, *, max_pixels: int) -> Pixels:
    """Decode a PNG, JPEG, WebP, GIF, BMP or TIFF file to (H, W, 3) uint8 RGB, read-only.

    The first frame of an animation; EXIF orientation applied; transparency laid
    over white; 16-bit samples scaled to 8; CMYK, grey, palette and 1-bit
    converted. The size is read from the header and checked before any pixel is
    decoded. What is truncated or corrupt is refused, as far as the format lets
    one know: JPEG and BMP have no checksum.

    Raises:
        InvalidImage: not an image, a truncated one, or more than `max_pixels`.
    """
    name = _format_of(data)
    if name == "PNG":
        pixels, exif = read_png(data, max_pixels)
        orientation = pillow_reader.orientation_in(exif) if exif else 1
    else:
        pixels, orientation = _decode_other(data, name, max_pixels)
    pixels = turn_upright(pixels, orientation)
    pixels.flags.writeable = False
    return pixels


def encode_png(pixels: Pixels) -> bytes:
    """Encode (H, W, 3) uint8 RGB without loss, fast rather than small. Raises: ValueError."""
    check_rgb(pixels)
    return write_png(pixels)


def encode_jpeg(pixels: Pixels) -> bytes:
    """Encode (H, W, 3) uint8 RGB at quality 95. Raises: ValueError."""
    check_rgb(pixels)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return data.tobytes()


def _format_of(data: bytes) -> str:
    if not data:
        raise InvalidImage(f"empty; {SEND_ONE_OF}")
    for magic, name in _MAGIC.items():
        if data.startswith(magic) and (name != "WebP" or data[8:12] == b"WEBP"):
            return name
    if data.startswith(_BASE64):
        raise InvalidImage("base64 text; send the bytes it stands for")
    raise InvalidImage(f"not an image of a known format; {SEND_ONE_OF}")


def _decode_other(data: bytes, name: str, max_pixels: int) -> tuple[Pixels, int]:
    if name == "WebP":
        webp.check_header(data, max_pixels)
        if webp.is_simple(data):
            return webp.read_simple(data), 1
    image = pillow_reader.open_header(data, name, max_pixels)
    simple_jpeg = name == "JPEG" and image.mode != "CMYK"
    pixels = _read_jpeg(data) if simple_jpeg else pillow_reader.read_pixels(image, name)
    # Asked for last: a TIFF is upright, and says so, once its pixels are loaded.
    return pixels, pillow_reader.orientation_of(image)


def _read_jpeg(data: bytes) -> Pixels:
    """Decode a grey or colour JPEG; OpenCV takes 0.6 of Pillow's time."""
    if data.count(b"\xff\xda") > _MAX_JPEG_SCANS:
        raise InvalidImage(f"a JPEG of more than {_MAX_JPEG_SCANS} scans; encode it again")
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if pixels is None:
        raise InvalidImage("a truncated or corrupt JPEG; send the whole file")
    return known_uint8(pixels)
