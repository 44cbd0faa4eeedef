"""What the stubs must do on every protobuf we support; run with that protobuf's interpreter.

Prints the protobuf version it ran on.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator
from typing import Any

import google.protobuf
import grpc.aio
from google.rpc import code_pb2

import thinkimg_rpc.testing.v1
import thinkimg_rpc.v1
from thinkimg_rpc.testing.v1 import (
    EchoRequest,
    EchoResponse,
    EchoServiceServicer,
    EchoServiceStub,
    EchoStreamRequest,
    EchoStreamResponse,
    add_EchoServiceServicer_to_server,
)
from thinkimg_rpc.v1 import Box, CropRequest, Image, rule, tool
from thinkimg_rpc.v1.crop_pb2 import DESCRIPTOR as CROP


class Echo(EchoServiceServicer):
    """Just enough of a server to carry the messages there and back."""

    async def Echo(self, request: EchoRequest, context: Any) -> EchoResponse:
        return EchoResponse(payload=request.payload, text=request.text)

    async def EchoStream(
        self, request_iterator: Any, context: Any
    ) -> AsyncIterator[EchoStreamResponse]:
        async for item in request_iterator:
            yield EchoStreamResponse(
                request_id=item.request_id, response=EchoResponse(text=item.request.text)
            )


def import_every_stub() -> None:
    for package in (thinkimg_rpc.v1, thinkimg_rpc.testing.v1):
        for module in pkgutil.iter_modules(package.__path__, package.__name__ + "."):
            importlib.import_module(module.name)


def keep_presence_on_the_wire() -> None:
    sent = CropRequest(image=Image(digest="ab"), box=Box(x0=0, y0=0.5, x1=3, y1=4))
    received = CropRequest.FromString(sent.SerializeToString())
    assert received == sent
    assert received.box.HasField("x0")
    assert not received.HasField("padding")
    assert received.image.WhichOneof("source") == "digest"


def read_options() -> None:
    method = CROP.services_by_name["CropService"].methods_by_name["Crop"]
    assert method.GetOptions().Extensions[tool].name == "Crop"
    scale = CropRequest.DESCRIPTOR.fields_by_name["scale"]
    assert scale.GetOptions().Extensions[rule].maximum == 8


async def call_a_server() -> None:
    server = grpc.aio.server()
    add_EchoServiceServicer_to_server(Echo(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = EchoServiceStub(channel)
        answer = await stub.Echo(EchoRequest(text="hello", payload=b"\0" * 100), timeout=10)
        assert (answer.text, len(answer.payload)) == ("hello", 100)
        items = [EchoStreamRequest(request_id=str(n), request=EchoRequest()) for n in range(3)]
        answers = [item.request_id async for item in stub.EchoStream(iter(items), timeout=10)]
        assert answers == ["0", "1", "2"]
    await server.stop(None)


def carry_a_status() -> None:
    item = EchoStreamResponse(request_id="1")
    item.error.code = code_pb2.OUT_OF_RANGE
    assert EchoStreamResponse.FromString(item.SerializeToString()).error.code == 11


if __name__ == "__main__":
    import_every_stub()
    keep_presence_on_the_wire()
    read_options()
    carry_a_status()
    asyncio.run(call_a_server())
    print(google.protobuf.__version__)
