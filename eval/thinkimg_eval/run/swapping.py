"""A control: tools look at another question's images, and what they say must not help.

A policy that is as right with it as without does not use what it observes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import cv2
from google.protobuf.message import Message

from thinkimg_agent.sample import Sample
from thinkimg_agent.shown import MAX_PIXELS
from thinkimg_agent.tool_calls import ImageTools
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.imaging.codec import decode, encode_png
from thinkimg_rpc.imaging.rgb import known_uint8
from thinkimg_rpc.parts import find_messages
from thinkimg_rpc.v1 import Image


class SwappedImages:
    """The tools of a mesh, as one question's episode has them."""

    def __init__(self, tools: ImageTools, others: Mapping[str, bytes]) -> None:
        """
        Args:
            others: by the digest of each image of the question, the one that is looked at.
        """
        self._tools = tools
        self._others = others

    def image(self, data: bytes) -> Image:
        return self._tools.image(data)

    def image_data(self, digest: str) -> bytes | None:
        return self._tools.image_data(digest)

    async def send(self, request: Message, *, timeout_s: float | None = None) -> Any:
        """What tools have made of an image is another one's already, and stays as it is."""
        swapped = type(request)()
        swapped.CopyFrom(request)
        for place in find_messages(request.DESCRIPTOR, Image.DESCRIPTOR.full_name)(swapped):
            other = self._others.get(place.digest or digest_of(place.data))
            if other is not None:
                place.CopyFrom(self._tools.image(other))
        return await self._tools.send(swapped, timeout_s=timeout_s)


async def swapped_images(tools: ImageTools, own: Sample, other: Sample) -> SwappedImages:
    """The tools, looking at the images of `other` in the size of those of `own`: what a call
    says of places and sizes is then no fault."""
    pairs = [
        (data, other.images[n % len(other.images)])
        for n, data in enumerate(own.images)
        if other.images
    ]
    scaled = await asyncio.gather(*(asyncio.to_thread(_in_size_of, *pair) for pair in pairs))
    named = zip(own.images, scaled, strict=False)
    return SwappedImages(tools, {digest_of(data): image for data, image in named})


def _in_size_of(own: bytes, other: bytes) -> bytes:
    height, width = decode(own, max_pixels=MAX_PIXELS).shape[:2]
    pixels = decode(other, max_pixels=MAX_PIXELS)
    scaled = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    return encode_png(known_uint8(scaled))
