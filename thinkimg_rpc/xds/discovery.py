"""The aggregated discovery service: all kinds of resources on one stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
from envoy.service.discovery.v3.ads_pb2_grpc import AggregatedDiscoveryServiceServicer

from thinkimg_rpc.xds.feed import Feed
from thinkimg_rpc.xds.names import TYPE_URLS
from thinkimg_rpc.xds.subscription import Subscription

Context = grpc.aio.ServicerContext[Any, Any]


class Discovery(AggregatedDiscoveryServiceServicer):  # type: ignore[misc]
    """Tells each client what it asked for, and again whenever that changes."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    async def StreamAggregatedResources(
        self, request_iterator: AsyncIterator[Any], context: Context
    ) -> AsyncIterator[Any]:
        subscriptions = {type_url: Subscription(type_url) for type_url in TYPE_URLS}
        with self._feed.changes() as news:
            reading = asyncio.create_task(_read(request_iterator, subscriptions, news))
            try:
                while not (self._feed.ended or reading.done()):
                    news.clear()
                    for subscription in subscriptions.values():
                        response = subscription.due(self._feed.resources)
                        if response is not None:
                            yield response
                    await news.wait()
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


async def _read(
    requests: AsyncIterator[Any], subscriptions: dict[str, Subscription], news: asyncio.Event
) -> None:
    try:
        async for request in requests:
            # Of other kinds gRPC asks for nothing, and Envoy nothing that a mesh has.
            if request.type_url in subscriptions:
                subscriptions[request.type_url].hear(request)
                news.set()
    finally:
        news.set()
