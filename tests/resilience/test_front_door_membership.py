"""Reflection and health at the front door follow the workers as they come and go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import grpc.aio
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.testing import Echo

from .conftest import StartWorker
from .gated_echo import eventually

SERVICE = "thinkimg_rpc.testing.v1.EchoService"
LONG_S = 20.0
Status = health_pb2.HealthCheckResponse


class HealthWatch:
    """What health says of one service, change by change."""

    def __init__(self, front_door: grpc.aio.Channel) -> None:
        request = health_pb2.HealthCheckRequest(service=SERVICE)
        self._answers = HealthStub(front_door).Watch(request)

    async def next(self) -> str:
        answer = await asyncio.wait_for(self._answers.read(), LONG_S)
        name: str = Status.ServingStatus.Name(answer.status)
        return name

    def close(self) -> None:
        self._answers.cancel()


@pytest.fixture
async def health(front_door: grpc.aio.Channel) -> AsyncIterator[HealthWatch]:
    watch = HealthWatch(front_door)
    yield watch
    watch.close()


async def ask(
    front_door: grpc.aio.Channel, request: ServerReflectionRequest
) -> ServerReflectionResponse:
    call = ServerReflectionStub(front_door).ServerReflectionInfo(timeout=LONG_S)
    await call.write(request)
    answer = await call.read()
    await call.done_writing()
    assert isinstance(answer, ServerReflectionResponse)
    return answer


async def services(front_door: grpc.aio.Channel) -> set[str]:
    answer = await ask(front_door, ServerReflectionRequest(list_services=""))
    return {service.name for service in answer.list_services_response.service}


async def test_reflection_knows_a_tool_that_joined_later(
    front_door: grpc.aio.Channel, start_worker: StartWorker
) -> None:
    assert SERVICE not in await services(front_door)
    await start_worker("echo-0", Echo())
    assert SERVICE in await services(front_door)
    answer = await ask(front_door, ServerReflectionRequest(file_containing_symbol=SERVICE))
    files = [
        FileDescriptorProto.FromString(raw)
        for raw in answer.file_descriptor_response.file_descriptor_proto
    ]
    names = {file.name for file in files}
    assert "thinkimg_rpc/testing/v1/echo.proto" in names
    assert {needed for file in files for needed in file.dependency} <= names


async def test_reflection_forgets_a_tool_whose_workers_have_left(
    hub: Hub, front_door: grpc.aio.Channel, start_worker: StartWorker
) -> None:
    workers = [await start_worker(f"echo-{number}", Echo()) for number in range(2)]
    await workers[0].drain()
    await eventually(lambda: len(hub.table.leases) == 1)
    assert SERVICE in await services(front_door)
    await workers[1].drain()
    await eventually(lambda: not hub.table.leases)
    assert SERVICE not in await services(front_door)


async def test_health_follows_the_last_worker_of_a_tool(
    health: HealthWatch, start_worker: StartWorker
) -> None:
    assert await health.next() == "SERVICE_UNKNOWN"
    first = await start_worker("echo-0", Echo())
    assert await health.next() == "SERVING"
    second = await start_worker("echo-1", Echo())
    await first.drain()
    await second.drain()
    # Nothing was said while one of the two was left.
    assert await health.next() == "NOT_SERVING"
    await start_worker("echo-0", Echo())
    assert await health.next() == "SERVING"
