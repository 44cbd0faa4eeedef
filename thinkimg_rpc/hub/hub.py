"""The hub: registry, front door, image store, health and reflection on one port."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import grpc.aio
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import OVERALL_HEALTH
from grpc_health.v1.health import aio as health_aio  # type: ignore[attr-defined]
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from thinkimg_rpc.blobs import BlobStore, ImageStore
from thinkimg_rpc.channel import interceptors, listen, server_options
from thinkimg_rpc.hub.front_door import FrontDoor
from thinkimg_rpc.hub.lease_store import open_store
from thinkimg_rpc.hub.leases import Lease, LeaseTable
from thinkimg_rpc.hub.registry import Registry
from thinkimg_rpc.reflection import FileIndex, Reflection
from thinkimg_rpc.settings import CannotStart, HubSettings, check_address
from thinkimg_rpc.v1 import (
    add_ImageStoreServiceServicer_to_server,
    add_RegistryServiceServicer_to_server,
    image_store_pb2,
    registry_pb2,
)
from thinkimg_rpc.well_formed import WellFormed

if TYPE_CHECKING:
    from thinkimg_rpc.xds.server import XdsServer

logger = logging.getLogger(__name__)

LOOK_FOR_STALLED_S = 1.0
STORE_WAIT_S = 2.0
"""A store that has not answered by then does not keep the registry from serving."""


class Hub:
    """The one address a person or a foreign client needs."""

    def __init__(self, settings: HubSettings) -> None:
        check_address(settings.address, settings.tls, insecure=settings.insecure)
        self.settings = settings
        self.address = settings.address
        self.table = LeaseTable()
        self.xds = _xds_server(self.table, settings) if settings.xds_address else None
        self._store = open_store(settings.store, settings.tls)
        self._registry = Registry(self.table)
        self._files = FileIndex()
        self._health = health_aio.HealthServicer()
        self._front_door = FrontDoor(
            self.table, max_message_bytes=settings.limits.max_message_bytes, tls=settings.tls
        )
        self._tasks: list[asyncio.Task[None]] = []
        self.table.on_joined.append(self._index)

    async def start(self) -> None:
        """Listen and serve.

        Raises: CannotStart, when the address cannot be had.
        """
        settings = self.settings
        self._server = grpc.aio.server(
            options=server_options(settings.limits.max_message_bytes),
            interceptors=interceptors(settings.token),
        )
        services: Any = WellFormed(self._server)
        add_RegistryServiceServicer_to_server(self._registry, services)
        add_ImageStoreServiceServicer_to_server(
            ImageStore(BlobStore(settings.limits.image_store_bytes)), services
        )
        add_HealthServicer_to_server(self._health, services)
        self._files.add_with_imports(
            registry_pb2.DESCRIPTOR, image_store_pb2.DESCRIPTOR, health_pb2.DESCRIPTOR
        )
        Reflection(self._files, self._served).add_to(services)
        self._server.add_generic_rpc_handlers((self._front_door,))
        self.address = listen(self._server, settings.address, settings.tls)
        if self.xds is not None:
            await self.xds.start()
        await self._start_sharing()
        await self._server.start()
        self._tasks += [
            asyncio.create_task(self._follow_health(), name="health"),
            asyncio.create_task(self._look_for_stalled(), name="stalled"),
        ]
        logger.info("serving", extra={"address": self.address})

    async def drain(self) -> None:
        """Refuse new calls, finish those in flight within `drain_s`, then stop."""
        await self._health.enter_graceful_shutdown()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Leases and watches are calls in flight that would never finish.
        self.table.close()
        self._registry.close()
        if self.xds is not None:
            await self.xds.stop(grace_s=self.settings.drain_s)
        await self._server.stop(grace=self.settings.drain_s)
        await self._front_door.close()

    async def _start_sharing(self) -> None:
        """Begin to share leases, and know of those that are there before anybody asks."""
        if self._store is None:
            return
        self._tasks = [asyncio.create_task(self._store.share(self.table), name="store")]
        with suppress(TimeoutError):
            async with asyncio.timeout(STORE_WAIT_S):
                await self._store.loaded.wait()

    def _served(self) -> list[str]:
        ours = [
            service.full_name
            for file in (registry_pb2, image_store_pb2, health_pb2)
            for service in file.DESCRIPTOR.services_by_name.values()
        ]
        return ours + [name for name, hosts in self.table.by_service.items() if hosts]

    def _index(self, lease: Lease) -> None:
        self._files.add(lease.files.file)

    async def _follow_health(self) -> None:
        """A tool is SERVING while a worker hosts it."""
        watcher = self.table.watch()
        await self._health.set(OVERALL_HEALTH, health_pb2.HealthCheckResponse.SERVING)
        while await watcher.changes(self.table) is not None:
            # A copy: workers join and leave while a watcher of health is told.
            for service, hosts in list(self.table.by_service.items()):
                status = (
                    health_pb2.HealthCheckResponse.SERVING
                    if hosts
                    else health_pb2.HealthCheckResponse.NOT_SERVING
                )
                await self._health.set(service, status)

    async def _look_for_stalled(self) -> None:
        while True:
            await asyncio.sleep(LOOK_FOR_STALLED_S)
            self.table.mark_stalled()


def _xds_server(table: LeaseTable, settings: HubSettings) -> XdsServer:
    """Imported only here: most meshes have no xDS port. Raises: CannotStart."""
    try:
        from thinkimg_rpc.xds.server import XdsServer
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("envoy"):
            raise
        raise CannotStart(
            "[mesh] xds_port: the package xds-protos is not installed; install it with "
            "pip install 'thinkimg-rpc[xds]'"
        ) from error
    return XdsServer(
        table,
        settings.xds_address,
        advertise_host=settings.advertise_host,
        tls=settings.tls,
    )
