"""A channel over several addresses goes on at the next when one is gone."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.settings import MIB, HubSettings
from thinkimg_rpc.switched_channel import SwitchedChannel
from thinkimg_rpc.v1 import ListWorkersRequest, RegistryServiceStub, WatchWorkersRequest

from ..mesh_fixtures import until

BOUND_S = 60.0


async def start_hub() -> Hub:
    hub = Hub(HubSettings(address="127.0.0.1:0", drain_s=0.1))
    await hub.start()
    return hub


async def answers(registry: RegistryServiceStub) -> bool:
    call: Any = registry.ListWorkers(ListWorkersRequest(), timeout=BOUND_S)
    return bool(await call.code() is grpc.StatusCode.OK)


async def answers_soon(registry: RegistryServiceStub) -> None:
    async with asyncio.timeout(BOUND_S):
        while not await answers(registry):
            continue


async def test_each_address_is_tried_after_the_one_before_it_was_unavailable() -> None:
    one, other = await start_hub(), await start_hub()
    addresses = f"127.0.0.1:9,{one.address},{other.address}"
    async with open_channel(addresses, max_message_bytes=MIB) as channel:
        registry = RegistryServiceStub(channel)
        assert not await answers(registry)
        await answers_soon(registry)
        await one.drain()
        await answers_soon(registry)
        await other.drain()
        assert not await answers(registry)


async def test_a_stream_stays_where_it_is_while_channels_are_opened_anew() -> None:
    hub = await start_hub()
    stale = False

    def opened_anew_once() -> bool:
        nonlocal stale
        was, stale = stale, False
        return was

    opened: list[grpc.aio.Channel] = []

    def open_at(address: str) -> grpc.aio.Channel:
        opened.append(open_channel(address, max_message_bytes=MIB))
        return opened[-1]

    async with SwitchedChannel(open_at, [hub.address], opened_anew_once) as channel:
        registry = RegistryServiceStub(channel)
        watch = registry.WatchWorkers(WatchWorkersRequest())
        assert (await anext(aiter(watch))).snapshot
        stale = True
        assert await answers(registry)
        assert len(opened) == 2
        assert not watch.done()
        assert opened[0].get_state() is grpc.ChannelConnectivity.READY
        watch.cancel()
        await until(lambda: opened[0].get_state() is grpc.ChannelConnectivity.SHUTDOWN, BOUND_S)
    await hub.drain()


def test_wrong_files_are_told_when_the_channel_is_made() -> None:
    def refuse(address: str) -> grpc.aio.Channel:
        raise ValueError(address)

    with pytest.raises(ValueError, match="somewhere"):
        SwitchedChannel(refuse, ["somewhere:1"])
