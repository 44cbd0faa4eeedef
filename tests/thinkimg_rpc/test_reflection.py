"""Server reflection over contracts that come and go while it serves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_reflection.v1alpha.reflection_pb2 import (
    ExtensionRequest,
    ServerReflectionRequest,
    ServerReflectionResponse,
)

from thinkimg_rpc.reflection import SERVICE_NAMES, FileIndex
from thinkimg_rpc.testing import Echo

from ..mesh_fixtures import BOUND_S, WAYS_IN, Served, channel_to, served

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh() -> AsyncIterator[Served]:
    async with served([Echo]) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=WAYS_IN)
async def channel(mesh: Served, request: pytest.FixtureRequest) -> AsyncIterator[grpc.aio.Channel]:
    async with channel_to(mesh.way_in(request.param)) as opened:
        yield opened


async def ask(
    channel: grpc.aio.Channel, *requests: ServerReflectionRequest, version: str = "v1"
) -> list[Any]:
    method = channel.stream_stream(
        f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo",
        ServerReflectionRequest.SerializeToString,
        ServerReflectionResponse.FromString,
    )
    return [answer async for answer in method(iter(requests), timeout=BOUND_S)]


def files_in(answer: Any) -> dict[str, FileDescriptorProto]:
    raw = answer.file_descriptor_response.file_descriptor_proto
    files = [FileDescriptorProto.FromString(file) for file in raw]
    return {file.name: file for file in files}


@pytest.mark.parametrize("version", ["v1", "v1alpha"])
async def test_every_service_is_listed(channel: grpc.aio.Channel, version: str) -> None:
    (answer,) = await ask(channel, ServerReflectionRequest(list_services="*"), version=version)

    names = {service.name for service in answer.list_services_response.service}
    assert names >= {
        "grpc.health.v1.Health",
        "thinkimg_rpc.testing.v1.EchoService",
        "thinkimg_rpc.v1.ImageStoreService",
        *SERVICE_NAMES,
    }


@pytest.mark.parametrize(
    "symbol",
    [
        "thinkimg_rpc.testing.v1.EchoService",
        "thinkimg_rpc.testing.v1.EchoService.Echo",
        "thinkimg_rpc.testing.v1.EchoRequest",
    ],
)
async def test_a_symbol_brings_its_file_and_all_it_imports(
    channel: grpc.aio.Channel, symbol: str
) -> None:
    (answer,) = await ask(channel, ServerReflectionRequest(file_containing_symbol=symbol))

    files = files_in(answer)
    assert "thinkimg_rpc/testing/v1/echo.proto" in files
    for file in files.values():
        assert set(file.dependency) <= files.keys()


@pytest.mark.parametrize(
    ("request_", "file"),
    [
        (ServerReflectionRequest(file_by_filename="thinkimg_rpc/v1/image.proto"), "image.proto"),
        (ServerReflectionRequest(file_containing_symbol="thinkimg_rpc.v1.Image"), "image.proto"),
        (
            ServerReflectionRequest(
                file_containing_extension=ExtensionRequest(
                    containing_type="google.protobuf.MethodOptions", extension_number=52025
                )
            ),
            "options.proto",
        ),
    ],
)
async def test_a_file_is_found_in_each_of_the_ways_there_are(
    channel: grpc.aio.Channel, request_: ServerReflectionRequest, file: str
) -> None:
    (answer,) = await ask(channel, request_)

    assert f"thinkimg_rpc/v1/{file}" in files_in(answer)
    assert answer.original_request == request_


async def test_the_extensions_of_a_message_are_told(channel: grpc.aio.Channel) -> None:
    wanted = ServerReflectionRequest(all_extension_numbers_of_type="google.protobuf.FieldOptions")
    (answer,) = await ask(channel, wanted)

    assert list(answer.all_extension_numbers_response.extension_number) == [52025]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (ServerReflectionRequest(file_by_filename="no.proto"), grpc.StatusCode.NOT_FOUND),
        (ServerReflectionRequest(file_containing_symbol="no.Such"), grpc.StatusCode.NOT_FOUND),
        (
            ServerReflectionRequest(
                file_containing_extension=ExtensionRequest(containing_type="no.Such")
            ),
            grpc.StatusCode.NOT_FOUND,
        ),
        (
            ServerReflectionRequest(all_extension_numbers_of_type="no.Such"),
            grpc.StatusCode.NOT_FOUND,
        ),
        (ServerReflectionRequest(), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_what_is_not_there_is_an_answer_and_no_end(
    channel: grpc.aio.Channel, request_: ServerReflectionRequest, code: grpc.StatusCode
) -> None:
    missing, listed = await ask(channel, request_, ServerReflectionRequest(list_services="*"))

    assert missing.error_response.error_code == code.value[0]
    assert listed.HasField("list_services_response")


def file_of(name: str, *messages: str) -> FileDescriptorProto:
    file = FileDescriptorProto(name=name, package="p", syntax="proto3")
    for message in messages:
        file.message_type.add(name=message).nested_type.add(name="Inner").enum_type.add(name="E")
    return file


async def test_a_file_of_a_known_name_replaces_the_old_one() -> None:
    index = FileIndex()
    index.add([file_of("a.proto", "Old")])
    index.add([file_of("a.proto", "New")])

    assert index.file_of_symbol("p.New.Inner.E") == "a.proto"
    (file,) = index.with_imports("a.proto")
    assert [message.name for message in FileDescriptorProto.FromString(file).message_type] == [
        "New"
    ]


async def test_an_import_that_is_not_there_is_left_out() -> None:
    index = FileIndex()
    file = file_of("a.proto", "A")
    file.dependency.append("b.proto")
    index.add([file])

    assert len(index.with_imports("a.proto")) == 1
    assert index.with_imports("b.proto") == []
