"""A worker's lease: it holds one stream to the registry open for as long as it serves."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable

import grpc.aio

from thinkimg_rpc.channel import call_metadata
from thinkimg_rpc.errors import CallerError, Cancelled
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.v1 import (
    RegisterRequest,
    RegistryServiceStub,
    WorkerLoad,
    WorkerOffer,
)

logger = logging.getLogger(__name__)

RECONNECT_S = 0.2
"""Between attempts; the channel's own back-off (0.1-1 s) is what spaces them in the end."""


class Lease:
    """Keeps a worker registered, through restarts of the registry and broken links."""

    def __init__(
        self,
        channel: grpc.aio.Channel,
        offer: WorkerOffer,
        load: Callable[[], WorkerLoad],
        *,
        token: str,
    ) -> None:
        self._registry = RegistryServiceStub(channel)
        self._offer = offer
        self._load = load
        self._metadata = call_metadata(token)
        self._heartbeat_s = 1.0
        self._load_changed = asyncio.Event()
        self._held = False
        self._lost_at = time.monotonic()
        """Since when no registry holds it; infinity while one does."""
        self.registered = asyncio.Event()
        """Set once the registry has taken the offer."""

    async def hold(self) -> CallerError:
        """Register again and again, until cancelled.

        Returns: why the registry does not want this worker; asking again will not help.
        """
        told: set[str] = set()
        while True:
            try:
                await self._hold_once()
                told.clear()
            except grpc.aio.AioRpcError as failure:
                error = from_rpc_error(failure)
                if isinstance(error, CallerError) and not isinstance(error, Cancelled):
                    logger.error("registration_refused", extra={"reason": error.message})
                    return error
                # Once for each reason: a registry may be away for hours.
                if self._held:
                    told.clear()
                if error.message not in told:
                    logger.warning("lease_lost", extra={"reason": error.message})
                told.add(error.message)
            await asyncio.sleep(RECONNECT_S)

    async def abandoned(self, after_s: float) -> None:
        """Wait until no registry has held it for so long."""
        while True:
            await asyncio.sleep(after_s / 20)
            if time.monotonic() - self._lost_at >= after_s:
                return

    def report_now(self) -> None:
        """Send the load without waiting for the next heartbeat: a worker starts to drain."""
        self._load_changed.set()

    async def _hold_once(self) -> None:
        self._held = False
        # It does not wait for the registry: there may be another to try instead.
        call = self._registry.Register(self._events(), metadata=self._metadata)
        try:
            async for response in call:
                self._held = True
                self._lost_at = math.inf
                self._heartbeat_s = response.heartbeat_s
                self.registered.set()
                logger.info("registered", extra={"worker": self._offer.id})
        finally:
            self._lost_at = min(self._lost_at, time.monotonic())

    async def _events(self) -> AsyncIterator[RegisterRequest]:
        yield RegisterRequest(offer=self._offer)
        while True:
            self._load_changed.clear()
            yield RegisterRequest(load=self._load())
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await self._load_changed.wait()
            except TimeoutError:
                continue
