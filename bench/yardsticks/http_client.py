"""Yardsticks 2 and 3, the client: aiohttp with keep-alive.

aiohttp because it is several times as fast as httpx here. msgspec reads and
writes the JSON, faster than the standard library does.
"""

from __future__ import annotations

import base64
from typing import Any

import aiohttp
import msgspec

from bench.workload import Picture, Step


class ToolResult(msgspec.Struct):
    """The server's answer."""

    image: str
    digest: str


class Base64Calls:
    """Every call carries its image as base64. Results are passed on without encoding them again."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def open(self, data: bytes) -> Picture:
        return Picture(data, base64.b64encode(data).decode())

    async def run(self, step: Step, picture: Picture) -> Picture:
        body = {"arguments": step.arguments, "image": picture.name}
        result = await _post(self._session, step.tool, body)
        return Picture(base64.b64decode(result.image), result.image)


class DigestCalls:
    """An image is uploaded once, and named by its digest from then on."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def open(self, data: bytes) -> Picture:
        async with self._session.post("/images", data=data) as response:
            response.raise_for_status()
            result = msgspec.json.decode(await response.read(), type=ToolResult)
        return Picture(data, result.digest)

    async def run(self, step: Step, picture: Picture) -> Picture:
        body = {"arguments": step.arguments, "digest": picture.name}
        result = await _post(self._session, step.tool, body)
        return Picture(base64.b64decode(result.image), result.digest)


def open_session(address: str) -> aiohttp.ClientSession:
    """Connections to one server, kept alive and as many as there are calls in flight."""
    return aiohttp.ClientSession(
        f"http://{address}", connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=600)
    )


async def _post(session: aiohttp.ClientSession, tool: str, body: dict[str, Any]) -> ToolResult:
    headers = {"content-type": "application/json"}
    data = msgspec.json.encode(body)
    async with session.post(f"/tools/{tool}", data=data, headers=headers) as response:
        response.raise_for_status()
        return msgspec.json.decode(await response.read(), type=ToolResult)
