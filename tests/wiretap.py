"""What a worker receives, byte for byte."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio

from thinkimg_rpc import channel

if TYPE_CHECKING:
    # Generic only to the type checker.
    Interceptor = grpc.aio.ServerInterceptor[Any, Any]
else:
    Interceptor = grpc.aio.ServerInterceptor


class Wiretap(Interceptor):
    """Notes every message that reaches a server, unary and streamed."""

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        """Each message with its method: "/thinkimg_rpc.v1.CropService/Crop"."""

    def with_token(self, token: str) -> list[Interceptor]:
        """In place of `thinkimg_rpc.channel.interceptors`."""
        return [self, *channel.interceptors(token)]

    def carrying(self, data: bytes) -> int:
        """How many messages held these bytes."""
        return sum(data in raw for _, raw in self.received)

    @property
    def nbytes(self) -> int:
        return sum(len(raw) for _, raw in self.received)

    def methods(self) -> list[str]:
        """The last part of each message's method."""
        return [method.rpartition("/")[2] for method, _ in self.received]

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        handler = await continuation(handler_call_details)
        if handler is None:
            return None

        def note(message: Any) -> Any:
            raw = message if isinstance(message, bytes) else message.SerializeToString()
            self.received.append((handler_call_details.method, raw))
            return message

        return _noting(handler, note)


def _noting(handler: Any, note: Callable[[Any], Any]) -> Any:
    """The handler, with every message it is given noted. grpc.aio wants real coroutines."""

    async def unary_unary(message: Any, context: Any) -> Any:
        return await handler.unary_unary(note(message), context)

    async def unary_stream(message: Any, context: Any) -> AsyncIterator[Any]:
        async for answer in handler.unary_stream(note(message), context):
            yield answer

    async def stream_unary(messages: AsyncIterator[Any], context: Any) -> Any:
        return await handler.stream_unary(noted(messages), context)

    async def stream_stream(messages: AsyncIterator[Any], context: Any) -> Any:
        return await handler.stream_stream(noted(messages), _NotedContext(context, note))

    async def noted(messages: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for message in messages:
            yield note(message)

    wrapped = (unary_unary, unary_stream, stream_unary, stream_stream)
    kinds = {kind.__name__: kind for kind in wrapped if getattr(handler, kind.__name__)}
    return handler._replace(**kinds)


class _NotedContext:
    """A call's context whose `read` notes what it gives."""

    def __init__(self, context: Any, note: Callable[[Any], Any]) -> None:
        self._context = context
        self._note = note

    async def read(self) -> Any:
        message = await self._context.read()
        return message if message is grpc.aio.EOF else self._note(message)  # type: ignore[attr-defined]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)
