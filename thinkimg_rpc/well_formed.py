"""Malformed messages are the caller's error, in every service of the mesh itself.

gRPC answers bytes that do not parse with UNKNOWN, as it answers a bug. (Tools'
methods take raw bytes and parse them in the tool's thread.)
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Iterable
from typing import TYPE_CHECKING, Any

import grpc
import grpc.aio
from google.protobuf.message import DecodeError

from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.status import abort

if TYPE_CHECKING:
    # Generic only to the type checker.
    GenericHandler = grpc.GenericRpcHandler[Any, Any]
else:
    GenericHandler = grpc.GenericRpcHandler


class WellFormed:
    """What generated `add_…Servicer_to_server` functions are given in place of a server."""

    def __init__(self, server: grpc.aio.Server) -> None:
        self._server = server

    def add_generic_rpc_handlers(self, handlers: Iterable[GenericHandler]) -> None:
        self._server.add_generic_rpc_handlers(tuple(_Parsing(handler) for handler in handlers))

    def add_registered_method_handlers(self, service: str, handlers: Any) -> None:
        """The same methods once more, which grpc.aio makes nothing of."""


class _Parsing(GenericHandler):
    """The same methods, on raw bytes."""

    def __init__(self, handler: GenericHandler) -> None:
        self._handler = handler

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> Any:
        method: Any = self._handler.service(handler_call_details)
        if method is None:
            return None
        parsed = _Parsed(method, handler_call_details.method)
        kind = next(kind for kind in _KINDS if getattr(method, kind) is not None)
        return method._replace(request_deserializer=None, **{kind: getattr(parsed, kind)})


_KINDS = ("unary_unary", "unary_stream", "stream_unary", "stream_stream")


class _Parsed:
    """A method that parses what it is given itself."""

    def __init__(self, method: Any, name: str) -> None:
        self._method = method
        self._name = name

    async def unary_unary(self, raw: bytes, context: Any) -> Any:
        return await self._method.unary_unary(await self._parse(raw, context), context)

    async def unary_stream(self, raw: bytes, context: Any) -> AsyncIterator[Any]:
        responses = self._method.unary_stream(await self._parse(raw, context), context)
        if inspect.isawaitable(responses):
            await responses  # it writes them to the context
            return
        async for response in responses:
            yield response

    async def stream_unary(self, raws: AsyncIterator[bytes], context: Any) -> Any:
        return await self._method.stream_unary(self._parse_all(raws, context), context)

    async def stream_stream(self, raws: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        async for response in self._method.stream_stream(self._parse_all(raws, context), context):
            yield response

    async def _parse_all(self, raws: AsyncIterator[bytes], context: Any) -> AsyncIterator[Any]:
        async for raw in raws:
            yield await self._parse(raw, context)

    async def _parse(self, raw: bytes, context: Any) -> Any:
        try:
            return self._method.request_deserializer(raw)
        except DecodeError:
            await abort(context, InvalidRequest(f"the bytes are no message {self._name} takes"))
