"""Yardstick 4: bare grpc.aio that returns the bytes it gets.

It has the mesh's channel options, allocator settings and event loop.
`python -m bench.yardsticks.grpc_echo` serves it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio

from thinkimg_rpc.channel import listen, open_channel, server_options
from thinkimg_rpc.event_loop import run
from thinkimg_rpc.process import die_with_parent, stop_signal
from thinkimg_rpc.settings import LimitSettings

SERVICE, METHOD = "bench.Echo", "Echo"
_MAX_BYTES = LimitSettings().max_message_bytes


@asynccontextmanager
async def open_echo(address: str) -> AsyncIterator[Any]:
    """The server's method: bytes in, bytes out."""
    async with open_channel(address, max_message_bytes=_MAX_BYTES) as channel:
        yield channel.unary_unary(f"/{SERVICE}/{METHOD}", None, None)


async def _echo(raw: bytes, context: object) -> bytes:
    return raw


async def _serve() -> None:
    stop = stop_signal()
    server = grpc.aio.server(options=server_options(_MAX_BYTES))
    handlers = {METHOD: grpc.unary_unary_rpc_method_handler(_echo)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    address = listen(server, "127.0.0.1:0", None)
    await server.start()
    print(address, flush=True)
    await stop.wait()
    await server.stop(0)


if __name__ == "__main__":
    die_with_parent()
    run(_serve())
