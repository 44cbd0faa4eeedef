"""What the lease table becomes for clients."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from thinkimg_rpc.hub.leases import LeaseTable
from thinkimg_rpc.xds.feed import Feed
from thinkimg_rpc.xds.resources import Resources
from thinkimg_rpc.xds.routing import Trust

from ...mesh_fixtures import until
from ..hub.offers import offer

WAIT_S = 60.0
NOWHERE = "127.0.0.1:9"


@asynccontextmanager
async def following(table: LeaseTable, trust: Trust | None = None) -> AsyncIterator[Feed]:
    feed = Feed(table, Resources(nowhere=NOWHERE, trust=trust), return_s=600.0)
    task = asyncio.create_task(feed.follow())
    yield feed
    table.close()
    await task
    assert feed.ended


async def test_certificates_may_be_for_any_host_that_workers_are_on() -> None:
    table = LeaseTable()
    table.add(offer("echo-0", address="127.0.0.1:11"))
    table.add(offer("echo-1", address="[::1]:12"))
    async with following(table, Trust(frozenset({"hub"}), mutual=False)) as feed:
        await until(lambda: feed.resources.workers, WAIT_S)
        assert feed.resources.trust == Trust(frozenset({"hub", "127.0.0.1", "::1"}), mutual=False)


async def test_certificates_that_are_all_for_one_name_stay_so() -> None:
    table = LeaseTable()
    table.add(offer())
    trust = Trust(frozenset({"mesh"}), mutual=False, fixed=True)
    async with following(table, trust) as feed:
        await until(lambda: feed.resources.workers, WAIT_S)
        assert feed.resources.trust == trust


async def test_a_worker_whose_host_is_not_found_keeps_no_other_from_being_told() -> None:
    table = LeaseTable()
    table.add(offer("echo-0", address="no-such-host.invalid:11"))
    table.add(offer("echo-1", address="127.0.0.1:12"))
    table.add(offer("echo-2", address="unix:/tmp/echo.sock"))
    async with following(table) as feed:
        await until(lambda: feed.resources.workers, WAIT_S)
        assert feed.resources.addresses == {
            "127.0.0.1:12": ("127.0.0.1", 12),
            NOWHERE: ("127.0.0.1", 9),
        }
