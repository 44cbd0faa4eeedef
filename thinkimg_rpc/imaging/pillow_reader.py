"""What OpenCV does not read well: GIF, BMP, TIFF, CMYK JPEG, extended WebP."""

from __future__ import annotations

import io
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from thinkimg_rpc.imaging.limits import InvalidImage, check_size
from thinkimg_rpc.imaging.rgb import Pixels, over_white, to_8_bit

Reader: TypeAlias = type[ImageFile]
READERS: dict[str, Reader] = {
    "JPEG": JpegImageFile,
    "WebP": WebPImageFile,
    "GIF": GifImageFile,
    "BMP": BmpImageFile,
    "TIFF": TiffImageFile,
}
_ORIENTATION = 0x0112
_TILE_WIDTH, _TILE_LENGTH = 322, 323


def open_header(data: bytes, name: str, max_pixels: int) -> ImageFile:
    """Read the header of a file of format `name`, a key of `READERS`, and no pixels.

    The plugin's class is called directly: `PIL.Image.open` would load every
    plugin and keep a pixel limit of its own in a global of the whole process.

    Raises:
        InvalidImage: truncated or corrupt, or more than `max_pixels`.
    """
    try:
        image = READERS[name](io.BytesIO(data))
        sizes = [image.size]
        if isinstance(image, TiffImageFile):
            # A whole tile is decoded at once, and may be far larger than the image.
            tags = image.tag_v2
            sizes.append((int(tags.get(_TILE_WIDTH, 1)), int(tags.get(_TILE_LENGTH, 1))))
    except Exception as error:  # a plugin fails on bad bytes in a dozen ways
        raise _unreadable(name) from error
    for width, height in sizes:
        check_size(width, height, max_pixels)
    return image


def read_pixels(image: ImageFile, name: str) -> Pixels:
    """Decode the first frame of an image that `open_header` returned; not yet upright.

    Raises:
        InvalidImage: truncated or corrupt, or samples that are no colours.
    """
    try:
        image.load()
        return _to_rgb(image)
    except InvalidImage:
        raise
    except Exception as error:  # as above
        raise _unreadable(name) from error


def orientation_of(image: ImageFile) -> int:
    """The EXIF or XMP orientation, 1 to 8; 1 where there is none that can be read."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # broken metadata is not a broken picture
        return 1


def orientation_in(exif: bytes) -> int:
    """The orientation in the content of a PNG's eXIf chunk; 1 where it cannot be read."""
    tags = Image.Exif()
    try:
        tags.load(b"Exif\0\0" + exif)
        return int(tags.get(_ORIENTATION, 1))
    except Exception:  # broken metadata is not a broken picture
        return 1


def _to_rgb(image: Image.Image) -> Pixels:
    if image.mode.startswith("I;16"):
        grey = to_8_bit(np.asarray(image).astype(np.uint16))
        return np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    if image.mode in ("I", "F"):
        raise InvalidImage("32-bit samples have no agreed colours; convert them to 8 or 16 bits")
    if image.has_transparency_data:
        rgba: NDArray[np.uint8] = np.asarray(image.convert("RGBA"))
        return over_white(np.ascontiguousarray(rgba[:, :, :3]), np.ascontiguousarray(rgba[:, :, 3]))
    return np.array(image.convert("RGB"))


def _unreadable(name: str) -> InvalidImage:
    return InvalidImage(f"a truncated or corrupt {name}; send the whole file")
