"""Once a mesh has a token, nobody calls a tool, registers or looks around without it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from thinkimg_rpc.channel import call_metadata
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import ThinkImgError, Unauthenticated
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import CannotStart, HubSettings, WorkerSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub, EchoStreamRequest
from thinkimg_rpc.v1 import (
    GetImageRequest,
    HasImagesRequest,
    ImageStoreServiceStub,
    ListWorkersRequest,
    PutImageRequest,
    RegisterRequest,
    RegistryServiceStub,
    WatchWorkersRequest,
)

from ..mesh_fixtures import BOUND_S, WAYS_IN, Served, channel_to, error_of, served

pytestmark = pytest.mark.asyncio(loop_scope="session")
TOKEN = "a token that nobody guesses"
WRONG = [(), *(call_metadata(token) for token in ("wrong", TOKEN.upper(), TOKEN + "x", TOKEN[:-1]))]
MISPLACED = [
    (("authorization", TOKEN),),
    (("authorization", f"Basic {TOKEN}"),),
    (("authorization", "Bearer "),),
    (("x-authorization", f"Bearer {TOKEN}"),),
    (("authorization-bin", f"Bearer {TOKEN}".encode()),),
]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh() -> AsyncIterator[Served]:
    async with served([Echo], token=TOKEN) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=WAYS_IN)
async def channel(mesh: Served, request: pytest.FixtureRequest) -> AsyncIterator[grpc.aio.Channel]:
    async with channel_to(mesh.way_in(request.param)) as opened:
        yield opened


def calls_of_every_kind(
    channel: grpc.aio.Channel, items: Callable[..., Any], **options: Any
) -> Iterator[Any]:
    """One call of each service, begun; every one of them answers the right token."""
    store: Any = ImageStoreServiceStub(channel)
    echo: Any = EchoServiceStub(channel)
    reflection: Any = ServerReflectionStub(channel)
    yield echo.Echo(EchoRequest(), **options)
    yield echo.EchoStream(items(EchoStreamRequest()), **options)
    yield store.HasImages(HasImagesRequest(), **options)
    yield store.GetImage(GetImageRequest(digest="0" * 64), **options)
    yield store.PutImage(items(PutImageRequest()), **options)
    yield reflection.ServerReflectionInfo(
        items(ServerReflectionRequest(list_services="")), **options
    )


def only(item: Any) -> Iterator[Any]:
    return iter([item])


def nothing(item: Any) -> None:
    """grpc.aio calls a stream that is refused while it writes INTERNAL, so it writes nothing."""


async def status_of(call: Any) -> grpc.StatusCode:
    code: grpc.StatusCode = await call.code()
    return code


@pytest.mark.parametrize("metadata", [*WRONG, *MISPLACED])
async def test_every_service_refuses_a_call_without_the_token(
    channel: grpc.aio.Channel, metadata: Any
) -> None:
    for call in calls_of_every_kind(channel, nothing, metadata=metadata, timeout=BOUND_S):
        assert await status_of(call) is grpc.StatusCode.UNAUTHENTICATED


async def test_every_service_answers_a_call_with_the_token(channel: grpc.aio.Channel) -> None:
    known = call_metadata(TOKEN)
    for call in calls_of_every_kind(channel, only, metadata=known, timeout=BOUND_S):
        if hasattr(call, "read"):
            with suppress(grpc.aio.AioRpcError):
                await call.read()
                continue
        assert await status_of(call) is not grpc.StatusCode.UNAUTHENTICATED


async def test_the_refusal_says_what_to_do(channel: grpc.aio.Channel) -> None:
    error = await error_of(EchoServiceStub(channel).Echo(EchoRequest(), timeout=BOUND_S))

    assert isinstance(error, Unauthenticated)
    assert "THINKIMG_TOKEN" in error.message
    assert TOKEN not in error.message


async def test_the_registry_refuses_to_list_watch_or_register(mesh: Served) -> None:
    async with channel_to(mesh.address) as channel:
        registry: Any = RegistryServiceStub(channel)
        for call in (
            registry.ListWorkers(ListWorkersRequest(), timeout=BOUND_S),
            registry.WatchWorkers(WatchWorkersRequest(), timeout=BOUND_S),
            registry.Register(iter([RegisterRequest()]), timeout=BOUND_S),
        ):
            assert await status_of(call) is grpc.StatusCode.UNAUTHENTICATED


async def test_health_is_open_to_probes_that_cannot_send_one(channel: grpc.aio.Channel) -> None:
    answer = await HealthStub(channel).Check(HealthCheckRequest(), timeout=BOUND_S)

    assert answer.status == HealthCheckResponse.SERVING


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_a_worker_without_the_token_is_refused_and_learns_why(
    mesh: Served, token: str
) -> None:
    settings = WorkerSettings(id="uninvited", tools=(), registry=mesh.address, token=token)
    worker = Worker(settings, [Echo()])
    await worker.start()
    refusal: ThinkImgError = await asyncio.wait_for(worker.leasing, BOUND_S)
    await worker.drain()

    assert isinstance(refusal, Unauthenticated)
    assert set(mesh.hub.table.leases) == {"worker-0"}


async def test_a_client_with_the_token_calls_and_one_without_is_told(
    mesh: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Mesh(mesh.address, token=TOKEN) as client:
        assert (await client.send(EchoRequest(text="in"))).text == "in"
        assert (await client.contract("Echo")).name == "Echo"
    assert isinstance(
        await error_of(Mesh(mesh.address, token="wrong").__aenter__()), Unauthenticated
    )
    assert isinstance(await error_of(Mesh(mesh.address).__aenter__()), Unauthenticated)
    monkeypatch.setenv("THINKIMG_TOKEN", TOKEN)
    async with Mesh(mesh.address) as client:
        assert (await client.send(EchoRequest(text="by the environment"))).text


@pytest.mark.parametrize("token", ["pässword", "two\nlines", "tab\there", " spaced "])
async def test_a_token_that_no_header_can_carry_is_refused_where_it_is_set(token: str) -> None:
    with pytest.raises(CannotStart, match="token must be printable ASCII"):
        await Hub(HubSettings(address="127.0.0.1:0", token=token)).start()
    with pytest.raises(CannotStart, match="token must be printable ASCII"):
        await Mesh("127.0.0.1:1", token=token).__aenter__()
