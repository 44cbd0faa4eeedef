"""Calls Echo over and over through stock gRPC; prints each answer's worker, or "failed" and why.

    python calls.py COUNT IN_FLIGHT

It ends after COUNT calls, and not before its input has ended.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import grpc.aio

from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub

DEADLINE_S = 60.0


async def main(count: int, in_flight: int) -> None:
    told_to_end = threading.Event()

    def wait_for_the_end() -> None:
        sys.stdin.read()
        told_to_end.set()

    threading.Thread(target=wait_for_the_end, daemon=True).start()
    made = 0

    async def keep_calling(echo: Any) -> None:
        nonlocal made
        while made < count or not told_to_end.is_set():
            text = str(made)
            made += 1
            print(await call(echo, text), flush=True)

    async with grpc.aio.insecure_channel("xds:///Echo") as channel:
        echo: Any = EchoServiceStub(channel)
        await asyncio.gather(*(keep_calling(echo) for _ in range(in_flight)))


async def call(echo: Any, text: str) -> str:
    try:
        response = await echo.Echo(EchoRequest(text=text), timeout=DEADLINE_S)
    except grpc.aio.AioRpcError as error:
        return f"failed {error.code()} {error.details()}"
    return str(response.worker_id) if response.text == text else "failed: mixed up"


if __name__ == "__main__":
    asyncio.run(main(*map(int, sys.argv[1:])))
