"""Connecting to a mesh, or to what is none."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import Unavailable
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.settings import CannotStart, HubSettings, TlsSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest

from ...mesh_fixtures import error_of, served, until


@pytest.fixture
async def silent() -> AsyncIterator[str]:
    """The address of a server that takes connections and says nothing."""

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


def others() -> set[asyncio.Task[object]]:
    return asyncio.all_tasks() - {asyncio.current_task()}


async def test_where_nobody_listens_there_is_one_clear_error(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    started = time.monotonic()
    error = await error_of(Mesh("127.0.0.1:9", connect_timeout_s=0.3).__aenter__())

    assert type(error) is Unavailable
    assert "127.0.0.1:9" in error.message
    assert "thinkimg serve" in error.message
    assert "\n" not in error.message
    assert time.monotonic() - started < 1
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
    await until(lambda: not others())


async def test_a_server_that_says_nothing_is_given_up_in_time(silent: str) -> None:
    error = await error_of(Mesh(silent, connect_timeout_s=0.3).__aenter__())

    assert type(error) is Unavailable
    assert silent in error.message


async def test_giving_up_while_connecting_leaves_nothing_behind(silent: str) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), Mesh(silent):
            pass

    await until(lambda: not [task for task in others() if "say_nothing" not in repr(task)])


async def test_a_client_waits_a_little_for_a_mesh_that_is_just_starting() -> None:
    first = Hub(HubSettings(address="127.0.0.1:0", drain_s=0))
    await first.start()
    await first.drain()

    connecting = asyncio.create_task(Mesh(first.address).__aenter__())
    await asyncio.sleep(0)
    hub = Hub(HubSettings(address=first.address, drain_s=0))
    await hub.start()
    client = await connecting
    assert client.workers() == []
    await client.__aexit__(None, None, None)
    await hub.drain()


async def test_the_address_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with served([Echo]) as mesh:
        monkeypatch.setenv("THINKIMG_ADDRESS", mesh.address)
        async with Mesh() as client:
            assert (await client.send(EchoRequest(text="found"))).text == "found"


async def test_a_certificate_that_is_not_there_is_named() -> None:
    with pytest.raises(CannotStart, match=r"/nowhere/ca\.pem"):
        await Mesh("127.0.0.1:9", tls=TlsSettings(ca="/nowhere/ca.pem")).__aenter__()


async def test_closing_a_client_with_calls_in_flight_ends_them() -> None:
    async with served([Echo]) as mesh:
        async with Mesh(mesh.address) as client:
            call = asyncio.create_task(client.send(EchoRequest(delay_s=30)))
            await until(lambda: mesh.workers[0]._queue.running)
        with pytest.raises((Unavailable, asyncio.CancelledError)):
            await asyncio.wait_for(call, 5)
