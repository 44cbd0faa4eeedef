"""What the front door makes of workers that misbehave."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import grpc.aio
import pytest

from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.settings import HubSettings

from ...mesh_fixtures import BOUND_S
from .offers import ECHO, offer

Behaviour = Callable[[Any, Any], Any]
ROUNDS = 25


@asynccontextmanager
async def door_to(worker: Behaviour) -> AsyncIterator[str]:
    """The address of a front door behind which a worker answers streams so."""
    assert ECHO.stream_method is not None
    name = ECHO.stream_method.rpartition("/")[2]
    handler = grpc.method_handlers_generic_handler(
        ECHO.service, {name: grpc.stream_stream_rpc_method_handler(worker)}
    )
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    hub = Hub(HubSettings(address="127.0.0.1:0", drain_s=0))
    await hub.start()
    hub.table.add(offer(address=f"127.0.0.1:{port}"))
    yield hub.address
    await hub.drain()
    await server.stop(0)


def status_of_a_writer(address: str) -> grpc.StatusCode:
    """What a client is told that writes on and on. (grpc.aio's own would hide it.)"""
    over = False

    def items() -> Iterator[bytes]:
        while not over:
            yield bytes(3000)

    assert ECHO.stream_method is not None
    with grpc.insecure_channel(address) as channel:
        method = channel.stream_stream(ECHO.stream_method, lambda raw: raw, lambda raw: raw)
        call: Any = method(items(), timeout=BOUND_S)
        with suppress(grpc.RpcError):
            list(call)
        over = True
        code: grpc.StatusCode = call.code()
        return code


async def refuse(_: Any, context: Any) -> None:
    await context.read()
    await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "enough")


async def break_off(_: Any, context: Any) -> None:
    await context.read()
    await context.abort(grpc.StatusCode.UNAVAILABLE, "stopping")


@pytest.mark.parametrize(
    ("worker", "code"),
    [(refuse, grpc.StatusCode.RESOURCE_EXHAUSTED), (break_off, grpc.StatusCode.UNAVAILABLE)],
)
async def test_a_worker_that_ends_a_stream_in_the_middle_is_never_a_bug(
    worker: Behaviour, code: grpc.StatusCode
) -> None:
    async with door_to(worker) as address:
        codes = Counter(
            [await asyncio.to_thread(status_of_a_writer, address) for _ in range(ROUNDS)]
        )

    assert codes.keys() <= {code, grpc.StatusCode.UNAVAILABLE}
