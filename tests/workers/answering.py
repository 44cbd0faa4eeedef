"""Tools answering requests as in a worker, with its images and its checks, but no wire."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from thinkimg_rpc import rules
from thinkimg_rpc.imaging.codec import Pixels, decode, encode_png
from thinkimg_rpc.server.images import WorkerImages
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.tool import Call, Clock, Tool
from thinkimg_rpc.v1 import Image, ResultImage


class NoDeadline:
    def remaining_s(self) -> float | None:
        return None


def answer(tool: Tool[Any, Any], request: Any, clock: Clock | None = None) -> Any:
    """What a worker would answer. Raises: what the tool raises, InvalidRequest."""
    images = WorkerImages(
        LimitSettings(), lambda digest, timeout_s: None, lambda digest, data: None
    )
    rules.check(request)
    return tool.run(request, Call(request, images, clock or NoDeadline()))


def sent(pixels: NDArray[np.uint8]) -> Image:
    return Image(data=encode_png(pixels))


def received(image: ResultImage) -> Pixels:
    pixels = decode(image.data, max_pixels=100_000_000)
    assert pixels.shape == (image.height, image.width, 3)
    return pixels


def noise(width: int, height: int) -> Pixels:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
