"""A worker: one gRPC server, its tools, its queue and its lease."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2
from grpc_health.v1.health import OVERALL_HEALTH
from grpc_health.v1.health import aio as health_aio  # type: ignore[attr-defined]
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from thinkimg_rpc.blobs import ImageStore
from thinkimg_rpc.channel import interceptors, listen, open_channel, server_options
from thinkimg_rpc.contract import file_descriptor_set
from thinkimg_rpc.local_host import host_name, local_host
from thinkimg_rpc.reflection import FileIndex, Reflection
from thinkimg_rpc.server.images import WorkerImages
from thinkimg_rpc.server.lease import Lease
from thinkimg_rpc.server.memory import device_memory, resident_bytes
from thinkimg_rpc.server.method import CallCounts, ToolMethod
from thinkimg_rpc.server.queue import WorkQueue
from thinkimg_rpc.server.relay import StoreRelay
from thinkimg_rpc.server.results import ResultMemory, Results
from thinkimg_rpc.server.stream import ToolStream
from thinkimg_rpc.settings import WorkerSettings, check_address, is_loopback
from thinkimg_rpc.tool import Tool
from thinkimg_rpc.v1 import (
    WorkerLoad,
    WorkerOffer,
    add_ImageStoreServiceServicer_to_server,
    image_store_pb2,
)
from thinkimg_rpc.well_formed import WellFormed

if TYPE_CHECKING:
    from thinkimg_rpc.server.disk_results import DiskResults

logger = logging.getLogger(__name__)


class Worker:
    """Serves tools at an address of its own and keeps them registered.

    `start` sets the tools up, listens, turns SERVING and then registers;
    `drain` says so to the registry, finishes what is in flight, and stops.
    """

    def __init__(self, settings: WorkerSettings, tools: Sequence[Tool[Any, Any]]) -> None:
        self.settings = settings
        self.address = _listening_address(settings)
        check_address(self.address, settings.tls, insecure=settings.insecure)
        self._tools = tools
        self._draining = False
        self._counts = CallCounts()
        self._queue = WorkQueue(settings.concurrency, settings.limits.queue_length)
        self._health = health_aio.HealthServicer()

    async def start(self) -> None:
        """Set up, listen, serve, and begin to register.

        Raises: CannotStart, when the address cannot be had; ContractError.
        """
        loop = asyncio.get_running_loop()
        self._registry_channel = open_channel(
            self.settings.registry,
            max_message_bytes=self.settings.limits.max_message_bytes,
            tls=self.settings.tls,
        )
        relay = StoreRelay(self._registry_channel, self.settings.token, loop)
        self.images = WorkerImages(self.settings.limits, relay.fetch, relay.share)
        self._disk = open_disk_results(self.settings, self._tools)
        self._results = Results(
            ResultMemory(self.settings.limits.result_cache_bytes), self._disk, self.images
        )
        self.methods = [self._method(tool) for tool in self._tools]
        for method in self.methods:
            await method.set_up(self.settings.models)
        self._server = grpc.aio.server(
            options=server_options(self.settings.limits.max_message_bytes),
            interceptors=interceptors(self.settings.token),
        )
        self._add_services()
        self.address = self._advertised(listen(self._server, self.address, self.settings.tls))
        self._queue.start()
        await self._server.start()
        await self._set_health(health_pb2.HealthCheckResponse.SERVING)
        self.lease = Lease(
            self._registry_channel, self._offer(), self._load, token=self.settings.token
        )
        self.leasing = asyncio.create_task(self.lease.hold(), name="lease")
        names = [method.contract.name for method in self.methods]
        logger.info("serving", extra={"address": self.address, "tools": names})

    async def drain(self) -> None:
        """Take nothing new, finish what is in flight within `drain_s`, then stop."""
        self._draining = True
        self.lease.report_now()
        await self._set_health(health_pb2.HealthCheckResponse.NOT_SERVING)
        try:
            async with asyncio.timeout(self.settings.drain_s):
                # Clients stop choosing this worker when they hear of it; until
                # then calls still arrive, and are still answered.
                await asyncio.sleep(min(0.1, self.settings.drain_s))
                await self._queue.join()
        except TimeoutError:
            logger.warning("calls_cut_off", extra={"running": self._queue.running})
        self.leasing.cancel()
        await asyncio.gather(self.leasing, return_exceptions=True)
        await self._server.stop(grace=0.2)
        await self._registry_channel.close(None)
        for method in self.methods:
            method.close()
        if self._disk is not None:
            await self._disk.close()
        self._queue.close()

    def _method(self, tool: Tool[Message, Message]) -> ToolMethod:
        return ToolMethod(
            tool,
            images=self.images,
            results=self._results,
            queue=self._queue,
            counts=self._counts,
            worker_id=self.settings.id,
        )

    def _add_services(self) -> None:
        files = FileIndex()
        files.add_with_imports(
            health_pb2.DESCRIPTOR,
            image_store_pb2.DESCRIPTOR,
            *(method.contract.request.file for method in self.methods),
        )
        names = [
            health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
            image_store_pb2.DESCRIPTOR.services_by_name["ImageStoreService"].full_name,
            *(method.contract.service for method in self.methods),
        ]
        for method in self.methods:
            self._server.add_generic_rpc_handlers((_handlers(method),))
        services: Any = WellFormed(self._server)
        add_ImageStoreServiceServicer_to_server(
            ImageStore(self.images.blobs, self.images.holds), services
        )
        add_HealthServicer_to_server(self._health, services)
        Reflection(files, lambda: names).add_to(services)

    async def _set_health(self, status: health_pb2.HealthCheckResponse.ServingStatus) -> None:
        for service in (OVERALL_HEALTH, *(m.contract.service for m in self.methods)):
            await self._health.set(service, status)

    def _advertised(self, address: str) -> str:
        host = self.settings.advertise_host
        if _is_dialled_by_name(self.settings):
            host = host_name()
        if not host or address.startswith("unix:"):
            return address
        return f"{host}:{address.rpartition(':')[2]}"

    def _offer(self) -> WorkerOffer:
        return WorkerOffer(
            id=self.settings.id,
            address=self.address,
            tools=[method.hosted() for method in self.methods],
            descriptors=file_descriptor_set([m.contract for m in self.methods]).SerializeToString(
                deterministic=True
            ),
            hostname=platform.node(),
            pid=os.getpid(),
            concurrency=self.settings.concurrency,
        )

    def _load(self) -> WorkerLoad:
        return WorkerLoad(
            in_flight=self._queue.running,
            queued=self._queue.waiting,
            calls=self._counts.calls,
            caller_errors=self._counts.caller_errors,
            faults=self._counts.faults,
            reused=self._counts.reused,
            resident_bytes=resident_bytes(),
            draining=self._draining,
            devices=device_memory(),
        )


def _listening_address(settings: WorkerSettings) -> str:
    if not settings.address.startswith(":"):
        return settings.address
    host = local_host(settings.registry)
    if _is_dialled_by_name(settings):
        # The node itself may take its name for a loopback address.
        host = "[::]" if host.startswith("[") else "0.0.0.0"
    return host + settings.address


def _is_dialled_by_name(settings: WorkerSettings) -> bool:
    """Whether it has landed anywhere, with a certificate that many nodes share."""
    registry = settings.registry.partition(",")[0]
    wherever = settings.address.startswith(":") and not is_loopback(registry)
    return wherever and settings.tls is not None and not settings.advertise_host


def open_disk_results(
    settings: WorkerSettings, tools: Sequence[Tool[Any, Any]]
) -> DiskResults | None:
    """The answers on disk, if they are asked for and one of the tools has any to keep."""
    if not (settings.result_cache_dir and any(tool.cacheable for tool in tools)):
        return None
    # Imported only here: a worker without them does not need SQLite in its memory.
    from thinkimg_rpc.server.disk_results import DiskResults

    return DiskResults(Path(settings.result_cache_dir), settings.limits.result_cache_disk_bytes)


def _handlers(method: ToolMethod) -> grpc.GenericRpcHandler[Any, Any]:
    """The gRPC handlers of a tool's service, on raw bytes."""

    async def stream(_: object, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        await ToolStream(method, context).serve()

    contract = method.contract
    handlers = {
        contract.method.rpartition("/")[2]: grpc.unary_unary_rpc_method_handler(method.unary)
    }
    if contract.stream_method is not None:
        name = contract.stream_method.rpartition("/")[2]
        handlers[name] = grpc.stream_stream_rpc_method_handler(stream)
    return grpc.method_handlers_generic_handler(contract.service, handlers)
