"""Calls through generated stubs, calls by name, and calls of tools without stubs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import InvalidRequest, Unavailable, UnknownTool
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    CropResponse,
    CropStreamRequest,
    DrawHorizontalLineByYRequest,
)
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY

from ...mesh_fixtures import error_of, png, served
from ...wiretap import Wiretap

CHART = png(200, 100)
BOX = {"x0": 10, "y0": 20, "x1": 60, "y1": 50}
TOOLS: list[Any] = [Crop, DrawHorizontalLineByY, Echo]


class ChannelSpy:
    """A channel that notes the class of every message sent, and who made its method."""

    def __init__(self, channel: Any) -> None:
        self._channel = channel
        self.sent: list[tuple[str, type]] = []
        self.of_stubs: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        made = getattr(self._channel, name)
        return (
            self._noting(made) if name in {"unary_unary", "unary_stream", "stream_stream"} else made
        )

    def _noting(self, open_method: Callable[..., Any]) -> Callable[..., Any]:
        def opened(
            path: str, request_serializer: Any, response_deserializer: Any, **options: Any
        ) -> Any:
            if options.get("_registered_method"):  # which only generated stubs say
                self.of_stubs.add(path)

            def serialize(message: Any) -> bytes:
                self.sent.append((path.rpartition("/")[2], type(message)))
                raw: bytes = request_serializer(message)
                return raw

            return open_method(path, serialize, response_deserializer, **options)

        return opened


@pytest.fixture
def spies(monkeypatch: pytest.MonkeyPatch) -> list[ChannelSpy]:
    """The channels that clients open from now on."""
    made: list[ChannelSpy] = []

    def spying(*arguments: Any, **options: Any) -> Any:
        made.append(ChannelSpy(open_channel(*arguments, **options)))
        return made[-1]

    monkeypatch.setattr("thinkimg_rpc.client.mesh.open_channel", spying)
    return made


def calls_of(spies: list[ChannelSpy], service: str) -> list[tuple[str, type]]:
    """What was sent to methods of that service's name."""
    return [sent for spy in spies for sent in spy.sent if sent[0].startswith(service)]


@pytest.mark.parametrize("by_name", [False, True])
async def test_a_built_in_tool_is_called_with_its_generated_classes_and_stub(
    spies: list[ChannelSpy], by_name: bool
) -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        image = client.image(CHART)
        for _ in range(2):
            if by_name:
                response = await client.call("Crop", {"box": BOX}, {"img_1": image})
            else:
                response = await client.crop(CropRequest(image=image, box=Box(**BOX)))
            assert type(response) is CropResponse

    assert calls_of(spies, "Crop") == [("Crop", CropRequest), ("CropStream", CropStreamRequest)]
    of_stubs = set[str]().union(*(spy.of_stubs for spy in spies))
    assert of_stubs >= {
        "/thinkimg_rpc.v1.CropService/Crop",
        "/thinkimg_rpc.v1.CropService/CropStream",
    }


async def test_every_built_in_method_answers(spies: list[ChannelSpy]) -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        image = client.image(CHART)
        drawn = await client.draw_horizontal_line_by_y(
            DrawHorizontalLineByYRequest(image=image, y=3)
        )
        by_alias = await client.call("draw_horizontal_line_by_y", {"y": 3}, {"img_1": image})
        listed = [contract.name for contract in await client.contracts()]

    assert drawn == by_alias
    assert listed == ["Crop", "DrawHorizontalLineByY", "Echo"]


async def test_an_unknown_tool_names_those_spelt_alike() -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        near = await error_of(client.call("Crops", {}))
        far = await error_of(client.call("zzz", {}))

    assert type(near) is type(far) is UnknownTool
    assert "did you mean Crop" in near.message
    assert "Crop, DrawHorizontalLineByY, Echo" in far.message


@pytest.mark.parametrize(
    ("arguments", "field", "words"),
    [
        ({"box": BOX, "boxx": 1}, "boxx", "did you mean box"),
        ({"box": BOX, "scale": "2"}, "scale", "number"),
        ({"box": BOX, "scale": None}, "scale", "null"),
        ({"box": {**BOX, "x0": "NaN"}}, "box.x0", "number"),
        ({"box": {"x0": 1, "y0": 2, "x1": 3}}, "box.y1", "required"),
        ({}, "box", "required"),
        ({"box": BOX, "image": "img_7"}, "image", "img_1"),
        ('{"box": ', "", "JSON"),
        ("[1]", "", "object"),
    ],
)
async def test_wrong_json_arguments_are_named_before_anything_is_sent(
    tap: Wiretap, arguments: Any, field: str, words: str
) -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        error = await error_of(client.call("Crop", arguments, {"img_1": CHART}))
        assert await client.call("Crop", {"box": BOX}, {"img_1": CHART})

    assert type(error) is InvalidRequest
    assert field in [violation.field for violation in error.violations] or not field
    assert words in error.message
    assert tap.methods().count("Crop") == 1


async def test_a_tool_that_is_away_for_a_moment_is_not_an_unknown_one() -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        await client.call("Echo", {"text": "here"})
        mesh.hub.table.remove(next(iter(mesh.hub.table.leases.values())))
        while client.workers():
            await client._directory.wait_for_change(1)

        known = await error_of(client.call("Echo", {"text": "away"}, timeout_s=0.1))
        unknown = await error_of(client.call("Crop", {"box": BOX}, timeout_s=0.1))

    assert not isinstance(known, UnknownTool)
    assert "no worker serves Echo" in known.message
    assert type(unknown) is Unavailable


def shapes_tool(shapes: ToolContract) -> type[Tool[Any, Any]]:
    """A tool of which no process has generated code, with images in lists and maps."""
    request: Any = shapes.request_class
    response_class: Any = shapes.response_class

    class Shapes(Tool[request, response_class]):
        def run(self, request: Any, call: Call) -> Any:
            response = response_class()
            image = call.image(request.image)
            result = call.reply_image(image[:10, :10]).SerializeToString()
            response.images.add().MergeFromString(result)
            response.by_name["corner"].MergeFromString(result)
            for point in request.points:
                response.counts[request.mode] += int(point.x)
            return response

    return Shapes


async def test_a_tool_without_stubs_is_called_by_reflection(
    tap: Wiretap, shapes: ToolContract
) -> None:
    arguments = {"mode": "fast", "points": [{"x": 1, "y": 2}, {"x": 3, "y": 4}]}
    async with served([shapes_tool(shapes)]) as mesh, Mesh(mesh.address) as client:
        for _ in range(2):
            response: Any = await client.call("shapes", arguments, {"img_1": CHART})

        assert dict(response.counts) == {"fast": 4}
        corner = response.by_name["corner"]
        assert client.image_data(corner.digest) == corner.data
        assert digest_of(response.images[0].data) == corner.digest
    assert type(response) is not shapes.response_class
    assert tap.carrying(CHART) == 1


async def test_a_typed_call_finds_a_tool_that_comes_after_the_client() -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        error = await error_of(
            client.crop(CropRequest(image=client.image(CHART), box=Box(**BOX)), timeout_s=0.2)
        )
        assert (await client.send(EchoRequest(text="next"))).text == "next"

    assert "no worker serves Crop right now" in error.message
