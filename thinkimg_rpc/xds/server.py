"""The xDS port of a hub."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from envoy.service.discovery.v3.ads_pb2_grpc import (
    add_AggregatedDiscoveryServiceServicer_to_server,
)

from thinkimg_rpc.channel import listen, server_options
from thinkimg_rpc.errors import Unsupported
from thinkimg_rpc.hub.leases import LeaseTable
from thinkimg_rpc.settings import MIB, TlsSettings
from thinkimg_rpc.status import abort
from thinkimg_rpc.well_formed import WellFormed
from thinkimg_rpc.xds.addresses import host_of
from thinkimg_rpc.xds.discovery import Discovery
from thinkimg_rpc.xds.feed import RETURN_S, Feed
from thinkimg_rpc.xds.resources import Resources
from thinkimg_rpc.xds.routing import Trust

if TYPE_CHECKING:
    # Generic only to the type checker.
    GenericHandler = grpc.GenericRpcHandler[Any, Any]
else:
    GenericHandler = grpc.GenericRpcHandler

MAX_MESSAGE_BYTES = MIB
"""A request is a list of names."""


class XdsServer:
    """Serves the lease table to stock gRPC clients, at an address of its own.

    It asks for no token, as a bootstrap file cannot carry one; it tells where the workers
    are, and they ask for it.
    """

    def __init__(
        self,
        table: LeaseTable,
        address: str,
        *,
        advertise_host: str,
        tls: TlsSettings | None,
        return_s: float = RETURN_S,
    ) -> None:
        self.address = address
        self._advertise_host = advertise_host
        self._table = table
        self._tls = tls
        self._return_s = return_s

    async def start(self) -> None:
        """Listen and serve. Raises: CannotStart, when the address cannot be had."""
        self._server = grpc.aio.server(options=server_options(MAX_MESSAGE_BYTES))
        self.address = listen(self._server, self.address, self._tls)
        host, _, port = self.address.rpartition(":")
        host = self._advertise_host or host
        nowhere = f"{host}:{port}"
        resources = Resources(nowhere=nowhere, trust=_trust(self._tls, nowhere))
        feed = Feed(self._table, resources, return_s=self._return_s)
        services: Any = WellFormed(self._server)
        add_AggregatedDiscoveryServiceServicer_to_server(Discovery(feed), services)
        self._server.add_generic_rpc_handlers((_NoSuchTool(self._table),))
        self._following = asyncio.create_task(feed.follow(), name="xds")
        await self._server.start()

    async def stop(self, grace_s: float) -> None:
        """End the streams, after the table has closed; clients go on with what they know."""
        await asyncio.gather(self._following, return_exceptions=True)
        await self._server.stop(grace_s)


def _trust(tls: TlsSettings | None, address: str) -> Trust | None:
    if tls is None:
        return None
    hosts = frozenset({tls.name or host_of(address)})
    return Trust(hosts, mutual=tls.mutual, fixed=bool(tls.name))


class _NoSuchTool(GenericHandler):
    """Answers the calls on channels whose name is no tool's: see `Resources.nowhere`."""

    def __init__(self, table: LeaseTable) -> None:
        self._table = table

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        return grpc.stream_stream_rpc_method_handler(self._refuse)

    async def _refuse(self, requests: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        names = ", ".join(sorted(self._table.tool_names())) or "none"
        await abort(
            context, Unsupported(f"xds:///NAME must name a tool of this mesh; it has: {names}")
        )
