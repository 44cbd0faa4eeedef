"""The mesh as a contender: called directly, and through the front door."""

from __future__ import annotations

from typing import Any

import grpc.aio

from bench.workload import Picture, Step
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.v1 import (
    CropServiceStub,
    DrawHorizontalLineByYServiceStub,
    DrawVerticalLineByXServiceStub,
    Image,
)


class DirectCalls:
    """`Mesh`: typed calls straight to the worker, each image sent once."""

    def __init__(self, mesh: Mesh) -> None:
        self._mesh = mesh

    async def open(self, data: bytes) -> Picture:
        return Picture(data, self._mesh.image(data).digest)

    async def run(self, step: Step, picture: Picture) -> Picture:
        response = await self._mesh.send(step.request(Image(digest=picture.name)))
        return Picture(response.image.data, response.image.digest)


class FrontDoorCalls:
    """Generated stubs on the front door's address, as a foreign client has them."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._methods: dict[str, Any] = {
            "Crop": CropServiceStub(channel).Crop,
            "DrawHorizontalLineByY": DrawHorizontalLineByYServiceStub(
                channel
            ).DrawHorizontalLineByY,
            "DrawVerticalLineByX": DrawVerticalLineByXServiceStub(channel).DrawVerticalLineByX,
        }

    async def open(self, data: bytes) -> Picture:
        # A first call leaves the image in the worker's cache.
        step = Step("DrawHorizontalLineByY", {"y": 0.0})
        await self._methods[step.tool](step.request(Image(data=data)), timeout=60)
        return Picture(data, digest_of(data))

    async def run(self, step: Step, picture: Picture) -> Picture:
        request = step.request(Image(digest=picture.name))
        response = await self._methods[step.tool](request, timeout=60)
        return Picture(response.image.data, response.image.digest)
