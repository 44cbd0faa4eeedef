"""One client's stream with the discovery service."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
from envoy.config.core.v3 import health_check_pb2
from envoy.config.endpoint.v3 import endpoint_pb2
from envoy.config.route.v3 import route_pb2
from envoy.service.discovery.v3 import discovery_pb2
from envoy.service.discovery.v3.ads_pb2_grpc import AggregatedDiscoveryServiceStub
from google.rpc import code_pb2

from thinkimg_rpc.hub.leases import LeaseTable
from thinkimg_rpc.v1 import WorkerLoad
from thinkimg_rpc.xds.names import CLUSTER, ENDPOINTS, LISTENER, NO_TOOL, ROUTE
from thinkimg_rpc.xds.server import XdsServer

from ...mesh_fixtures import channel_to
from ..hub.offers import offer

WAIT_S = 60.0


class Stream:
    """A client that says what it is told to."""

    def __init__(self, call: Any) -> None:
        self._call = call

    async def ask(self, type_url: str, *names: str, **fields: Any) -> None:
        await self._call.write(
            discovery_pb2.DiscoveryRequest(type_url=type_url, resource_names=names, **fields)
        )

    async def thank(self, response: Any, *names: str, **fields: Any) -> None:
        """Acknowledge a response, and say which names are asked for from now on."""
        await self.ask(response.type_url, *names, response_nonce=response.nonce, **fields)

    async def hear(self) -> Any:
        async with asyncio.timeout(WAIT_S):
            return await self._call.read()


@pytest.fixture
def table() -> LeaseTable:
    return LeaseTable()


@pytest.fixture
def return_s() -> float:
    """How long tools are waited for that are not known yet: longer than any test takes."""
    return 600.0


@pytest.fixture
async def server(table: LeaseTable, return_s: float) -> AsyncIterator[XdsServer]:
    running = XdsServer(table, "127.0.0.1:0", advertise_host="", tls=None, return_s=return_s)
    await running.start()
    yield running
    table.close()
    await running.stop(grace_s=1.0)


@pytest.fixture
async def stream(server: XdsServer) -> AsyncIterator[Stream]:
    async with channel_to(server.address) as channel:
        call = AggregatedDiscoveryServiceStub(channel).StreamAggregatedResources()
        yield Stream(call)
        call.cancel()


def ports(response: Any) -> list[int]:
    """Of all endpoints in a response."""
    found = []
    for packed in response.resources:
        assignment = endpoint_pb2.ClusterLoadAssignment.FromString(packed.value)
        found += [
            one.endpoint.address.socket_address.port_value
            for locality in assignment.endpoints
            for one in locality.lb_endpoints
            if one.health_status == health_check_pb2.HEALTHY
        ]
    return sorted(found)


def clusters(response: Any) -> list[str]:
    """Where the routes in a response lead."""
    routes = [route_pb2.RouteConfiguration.FromString(one.value) for one in response.resources]
    return [route.virtual_hosts[0].routes[0].route.cluster for route in routes]


async def test_every_kind_of_resource_is_told_on_one_stream(
    table: LeaseTable, stream: Stream
) -> None:
    table.add(offer())
    for type_url in (LISTENER, ROUTE, CLUSTER, ENDPOINTS):
        await stream.ask(type_url, "Echo")
        response = await stream.hear()
        assert response.type_url == type_url
        assert len(response.resources) == 1
        await stream.thank(response, "Echo")


async def test_workers_that_join_drain_and_leave_are_told_at_once(
    table: LeaseTable, stream: Stream
) -> None:
    first = table.add(offer("echo-0", address="127.0.0.1:11"))
    await stream.ask(ENDPOINTS, "Echo")
    response = await stream.hear()
    assert ports(response) == [11]
    await stream.thank(response, "Echo")
    second = table.add(offer("echo-1", address="127.0.0.1:12"))
    assert ports(await stream.hear()) == [11, 12]
    table.heard(first, WorkerLoad(draining=True))
    assert ports(await stream.hear()) == [12]
    table.remove(second)
    assert ports(await stream.hear()) == []


async def test_a_host_name_is_told_as_an_ip_address(table: LeaseTable, stream: Stream) -> None:
    table.add(offer(address="localhost:11"))
    await stream.ask(ENDPOINTS, "Echo")
    (assignment,) = (await stream.hear()).resources
    found = endpoint_pb2.ClusterLoadAssignment.FromString(assignment.value)
    address = found.endpoints[0].lb_endpoints[0].endpoint.address.socket_address
    assert (address.address, address.port_value) in {("127.0.0.1", 11), ("::1", 11)}


async def test_a_name_asked_for_later_is_told_with_the_first(
    table: LeaseTable, stream: Stream
) -> None:
    table.add(offer())
    await stream.ask(CLUSTER, "Echo")
    first = await stream.hear()
    await stream.thank(first, "Echo", NO_TOOL)
    second = await stream.hear()
    assert (len(first.resources), len(second.resources)) == (1, 2)
    assert first.version_info != second.version_info


async def test_a_name_given_up_and_asked_for_again_is_told_again(
    table: LeaseTable, stream: Stream
) -> None:
    table.add(offer())
    await stream.ask(CLUSTER, "Echo")
    first = await stream.hear()
    await stream.thank(first)
    await stream.thank(first, "Echo")
    second = await stream.hear()
    assert second.version_info == first.version_info
    assert second.nonce != first.nonce


async def test_an_answer_to_an_older_response_changes_nothing(
    table: LeaseTable, stream: Stream
) -> None:
    table.add(offer())
    await stream.ask(CLUSTER, "Echo")
    first = await stream.hear()
    await stream.thank(first, "Echo", NO_TOOL)
    second = await stream.hear()
    await stream.thank(first, "Echo")
    await stream.thank(second, "Echo", NO_TOOL, "Other")
    assert len((await stream.hear()).resources) == 3


async def test_a_refusal_is_logged_and_not_answered_with_the_same(
    table: LeaseTable, stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    table.add(offer())
    await stream.ask(CLUSTER, "Echo")
    refused = await stream.hear()
    why = {"code": code_pb2.INVALID_ARGUMENT, "message": "no such field"}
    with caplog.at_level(logging.ERROR):
        await stream.thank(refused, "Echo", error_detail=why)
        await stream.ask(LISTENER, "Echo")
        assert (await stream.hear()).type_url == LISTENER
    (record,) = [one for one in caplog.records if one.message == "xds_refused"]
    assert vars(record)["reason"] == "no such field"


async def test_who_asks_for_all_is_told_of_all_tools(table: LeaseTable, stream: Stream) -> None:
    table.add(offer())
    await stream.ask(LISTENER)
    # By its name, and by its alias.
    assert len((await stream.hear()).resources) == 2


async def test_a_tool_that_has_yet_to_come_back_is_told_when_it_does(
    table: LeaseTable, stream: Stream
) -> None:
    await stream.ask(ROUTE, "Echo")
    await stream.ask(LISTENER, "Echo")
    assert (await stream.hear()).type_url == LISTENER
    table.add(offer())
    assert clusters(await stream.hear()) == ["Echo"]


@pytest.mark.parametrize("return_s", [0.1])
async def test_a_name_that_is_no_tools_is_told_to_be_none_after_a_while(
    table: LeaseTable, stream: Stream
) -> None:
    await stream.ask(ROUTE, "Echo")
    assert clusters(await stream.hear()) == [NO_TOOL]
    table.add(offer())
    assert clusters(await stream.hear()) == ["Echo"]


async def test_a_tool_whose_workers_are_all_gone_is_still_known(
    table: LeaseTable, stream: Stream
) -> None:
    lease = table.add(offer())
    await stream.ask(ENDPOINTS, "Echo")
    await stream.hear()
    table.remove(lease)
    assert ports(await stream.hear()) == []
    await stream.ask(ROUTE, "Echo")
    assert clusters(await stream.hear()) == ["Echo"]


async def test_streams_end_with_the_hub(table: LeaseTable, stream: Stream) -> None:
    table.add(offer())
    await stream.ask(CLUSTER, "Echo")
    await stream.hear()
    table.close()
    assert await stream.hear() is grpc.aio.EOF  # type: ignore[attr-defined]
