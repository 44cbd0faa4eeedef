"""etcd, as far as the registry speaks to it: keys with leases, and a watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import grpc
import grpc.aio

from thinkimg_rpc.hub.etcd import (
    AuthenticateRequest,
    AuthStub,
    Compare,
    DeleteRangeRequest,
    Event,
    KeyValue,
    KVStub,
    LeaseGrantRequest,
    LeaseKeepAliveRequest,
    LeaseRevokeRequest,
    LeaseStub,
    PutRequest,
    RangeRequest,
    RequestOp,
    TxnRequest,
    WatchCreateRequest,
    WatchRequest,
    WatchStub,
)
from thinkimg_rpc.settings import TlsSettings
from thinkimg_rpc.tls_files import TlsFiles

ANSWER_S = 3.0
"""How long etcd may take to answer."""
# etcd closes connections that ping it more often than every 5 s.
_OPTIONS: list[tuple[str, Any]] = [
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.max_receive_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1000),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.enable_http_proxy", 0),
]


class StoreLost(Exception):
    """etcd has not answered, or has ended what we rely on; the text says which."""


class Etcd:
    """One connection to one member of etcd. All methods raise AioRpcError and StoreLost."""

    def __init__(self, endpoint: str, tls: TlsSettings | None) -> None:
        if tls is None:
            self._channel = grpc.aio.insecure_channel(endpoint, options=_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(
                endpoint, TlsFiles(tls).channel_credentials(), options=_OPTIONS
            )
        self._keys = KVStub(self._channel)
        self._leases = LeaseStub(self._channel)
        self._metadata: tuple[tuple[str, str], ...] = ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._channel.close(None)

    async def log_in(self, user: str, password: str) -> None:
        answer = await AuthStub(self._channel).Authenticate(
            AuthenticateRequest(name=user, password=password), timeout=ANSWER_S
        )
        self._metadata = (("token", answer.token),)

    async def grant_lease(self, ttl_s: int) -> int:
        """A lease that ends with all its keys unless it is kept alive."""
        answer = await self._leases.LeaseGrant(
            LeaseGrantRequest(TTL=ttl_s), timeout=ANSWER_S, metadata=self._metadata
        )
        return answer.ID

    async def revoke_lease(self, lease: int) -> None:
        """End a lease, and with it its keys. One that has ended already is no error."""
        request = LeaseRevokeRequest(ID=lease)
        try:
            await self._leases.LeaseRevoke(request, timeout=ANSWER_S, metadata=self._metadata)
        except grpc.aio.AioRpcError as failure:
            if failure.code() is not grpc.StatusCode.NOT_FOUND:
                raise

    async def keep_alive(self, lease: int, every_s: float) -> None:
        """Keep a lease for as long as this runs. Raises: StoreLost, when it has ended."""
        # What is left out, the requests, is written as it goes.
        keep_alive: Any = self._leases.LeaseKeepAlive
        call = keep_alive(metadata=self._metadata)
        try:
            while True:
                await call.write(LeaseKeepAliveRequest(ID=lease))
                async with asyncio.timeout(ANSWER_S):
                    answer = await call.read()
                # The end of the stream is an answer without any.
                if getattr(answer, "TTL", 0) <= 0:
                    raise StoreLost("the lease has ended")
                await asyncio.sleep(every_s)
        except TimeoutError as error:
            raise StoreLost("no answer") from error
        finally:
            call.cancel()

    async def read(self, prefix: bytes) -> tuple[int, list[KeyValue]]:
        """The store's revision, and all keys below a prefix, by name."""
        request = RangeRequest(key=prefix, range_end=_end_of(prefix))
        answer = await self._keys.Range(request, timeout=ANSWER_S, metadata=self._metadata)
        return answer.header.revision, list(answer.kvs)

    async def put(self, key: bytes, value: bytes, lease: int) -> int:
        """Write a key that lives as long as the lease; the revision this made."""
        request = PutRequest(key=key, value=value, lease=lease)
        answer = await self._keys.Put(request, timeout=ANSWER_S, metadata=self._metadata)
        return answer.header.revision

    async def delete(self, key: bytes, lease: int) -> None:
        """Delete a key, unless it belongs to another lease by now."""
        request = TxnRequest(
            compare=[Compare(target=Compare.CompareTarget.LEASE, key=key, lease=lease)],
            success=[RequestOp(request_delete_range=DeleteRangeRequest(key=key))],
        )
        await self._keys.Txn(request, timeout=ANSWER_S, metadata=self._metadata)

    async def watch(self, prefix: bytes, revision: int) -> AsyncIterator[Event]:
        """What happens to the keys below a prefix, from that revision on."""
        watch: Any = WatchStub(self._channel).Watch
        call = watch(metadata=self._metadata)
        try:
            create = WatchCreateRequest(
                key=prefix, range_end=_end_of(prefix), start_revision=revision
            )
            await call.write(WatchRequest(create_request=create))
            async for answer in call:
                if answer.canceled:
                    raise StoreLost(f"the watch has ended: {answer.cancel_reason}")
                for event in answer.events:
                    yield event
        finally:
            call.cancel()
        raise StoreLost("the watch has ended")


def _end_of(prefix: bytes) -> bytes:
    """The first key that is not below `prefix`, which ends in no 0xff."""
    return prefix[:-1] + bytes([prefix[-1] + 1])
