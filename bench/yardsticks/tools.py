"""The mesh's own tools, called as plain functions: every yardstick runs the same code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

import cv2

from bench.workload import EPISODES, build_request
from thinkimg_rpc.imaging.codec import decode, encode_png
from thinkimg_rpc.tool import Call, Clock, ImageAccess
from thinkimg_rpc.v1 import Image, ImageFormat, ResultImage
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX

if TYPE_CHECKING:
    from thinkimg_rpc.tool import Pixels

MAX_PIXELS = 64 << 20
KEPT_RESULTS = 4 * EPISODES
Encode = Callable[["Pixels"], bytes]


class NoDeadline:
    """A call that may take as long as it likes."""

    def remaining_s(self) -> float | None:
        return None


class Toolbox:
    """Crop and both line tools over some images."""

    def __init__(self, images: ImageAccess) -> None:
        self._images = images
        self._tools: dict[str, Any] = {
            "Crop": Crop(),
            "DrawHorizontalLineByY": DrawHorizontalLineByY(),
            "DrawVerticalLineByX": DrawVerticalLineByX(),
        }
        for tool in self._tools.values():
            tool.setup()

    def run(self, tool: str, arguments: Mapping[str, Any], image: Image) -> ResultImage:
        """Call a tool with its JSON arguments; its result image."""
        request = build_request(tool, arguments, image)
        call = Call(request, self._images, NoDeadline())
        response = self._tools[tool].run(request, call)
        result: ResultImage = response.image
        return result


class KeptImages:
    """Decoded images by a number, as a program that calls its tools itself keeps them.

    No digest is computed and a crop is not copied. What is opened stays; of
    results, the latest `KEPT_RESULTS`.
    """

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        self._pixels: dict[int, Pixels] = {}
        self._numbers = count(KEPT_RESULTS)

    def open(self, data: bytes) -> str:
        """Decode an image that calls will name."""
        return self._keep(decode(data, max_pixels=MAX_PIXELS), -next(self._numbers) - 1)

    def pixels(self, image: Image, clock: Clock) -> Pixels:
        return self._pixels[int(image.digest)]

    def reply(self, pixels: Pixels, image_format: ImageFormat.ValueType) -> ResultImage:
        number = next(self._numbers)
        self._pixels.pop(number - KEPT_RESULTS, None)
        return ResultImage(digest=self._keep(pixels, number), data=self._encode(pixels))

    def _keep(self, pixels: Pixels, number: int) -> str:
        pixels.flags.writeable = False
        self._pixels[number] = pixels
        return str(number)


class DecodedEachTime:
    """Nothing is kept: the bytes come with every call and are decoded for it."""

    def pixels(self, image: Image, clock: Clock) -> Pixels:
        return decode(image.data, max_pixels=MAX_PIXELS)

    def reply(self, pixels: Pixels, image_format: ImageFormat.ValueType) -> ResultImage:
        return ResultImage(data=encode_png(pixels))


def encode_with_opencv(pixels: Pixels) -> bytes:
    """PNG at the same level and filter as ours, as OpenCV writes it."""
    parameters = [
        *(cv2.IMWRITE_PNG_COMPRESSION, 1),
        *(cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP),
    ]
    _, data = cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), parameters)
    return data.tobytes()
