"""A worker's way to the front door's image store, for tools that run in threads."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Any, TypeVar

import grpc
import grpc.aio

from thinkimg_rpc.blobs import get_image, put_image
from thinkimg_rpc.channel import call_metadata
from thinkimg_rpc.errors import ThinkImgError
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.v1 import ImageStoreServiceStub

T = TypeVar("T")
logger = logging.getLogger(__name__)

PULL_S = 5.0
"""The longest a worker waits for an image from the front door."""
MARGIN_S = 0.05
"""Kept back from a call's remaining time, so that its answer still arrives."""


class StoreRelay:
    """Fetches from and puts into the front door's store. Called from tools' threads."""

    def __init__(
        self, channel: grpc.aio.Channel, token: str, loop: asyncio.AbstractEventLoop
    ) -> None:
        self._store = ImageStoreServiceStub(channel)
        self._metadata = call_metadata(token)
        self._loop = loop

    def fetch(self, digest: str, remaining_s: float | None) -> bytes | None:
        """The encoded image, or None when the front door does not hold it either."""
        timeout_s = min(PULL_S, PULL_S if remaining_s is None else remaining_s - MARGIN_S)
        if timeout_s <= 0:
            return None
        return self._wait(self._fetch(digest, timeout_s), timeout_s)

    def share(self, digest: str, data: bytes) -> None:
        """Let the front door have an image that is too large for a response."""
        self._wait(self._share(digest, data), PULL_S)

    async def _fetch(self, digest: str, timeout_s: float) -> bytes | None:
        try:
            return await get_image(
                self._store, digest, timeout_s=timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as failure:
            if failure.code() is not grpc.StatusCode.NOT_FOUND:
                logger.warning(
                    "image_not_fetched", extra={"reason": from_rpc_error(failure).message}
                )
        except ThinkImgError as error:
            logger.warning("image_not_fetched", extra={"reason": error.message})
        return None

    async def _share(self, digest: str, data: bytes) -> None:
        try:
            await put_image(self._store, digest, data, timeout_s=PULL_S, metadata=self._metadata)
        except grpc.aio.AioRpcError as failure:
            # The worker's own store still has it.
            logger.warning("image_not_shared", extra={"reason": from_rpc_error(failure).message})

    def _wait(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T | None:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(timeout_s + MARGIN_S)
        except FutureTimeoutError:
            future.cancel()
            return None
