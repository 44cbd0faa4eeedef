"""What the stubs and a mesh must do on every protobuf we support.

Run by the interpreter that has that protobuf; prints the version.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil

import google.protobuf
from google.rpc import code_pb2

import thinkimg_rpc.testing.v1
import thinkimg_rpc.v1
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse, EchoStreamResponse
from thinkimg_rpc.v1 import Box, CropRequest, Image, rule, tool
from thinkimg_rpc.v1.crop_pb2 import DESCRIPTOR as CROP


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


async def call_a_mesh() -> None:
    """Registry, worker, front door, reflection and client, all of them on this protobuf."""
    async with Mesh.local([Echo]) as mesh:
        answer = await mesh.send(EchoRequest(text="hello", payload=b"\0" * 100))
        assert (answer.text, len(answer.payload)) == ("hello", 100)
        assert await mesh.call("Echo", {"text": "hello", "payload": "AAAA"}) == EchoResponse(
            text="hello", payload=b"\0\0\0", worker_id=answer.worker_id
        )
        requests = [EchoRequest(text=str(number)) for number in range(3)]
        requests.append(EchoRequest(delay_s=-1))
        answers = [answer async for answer in mesh.stream(requests)]
        errors = [answer.error for answer in answers if answer.error is not None]
        assert sorted(answer.unwrap().text for answer in answers if not answer.error) == list("012")
        assert [error.violations[0].field for error in errors] == ["delay_s"]


def carry_a_status() -> None:
    item = EchoStreamResponse(request_id="1")
    item.error.code = code_pb2.OUT_OF_RANGE
    assert EchoStreamResponse.FromString(item.SerializeToString()).error.code == 11


if __name__ == "__main__":
    import_every_stub()
    keep_presence_on_the_wire()
    read_options()
    carry_a_status()
    asyncio.run(call_a_mesh())
    print(google.protobuf.__version__)
