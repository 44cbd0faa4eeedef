"""One mesh for tests that only send requests, to its worker and through its front door."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio
from google.protobuf.message import Message

from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.tool import Tool
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY
from thinkimg_workers.draw_vertical_line_by_x import DrawVerticalLineByX
from thinkimg_workers.ocr import OCR

from ...mesh_fixtures import WAYS_IN, Served, call_in_stream, call_unary, channel_to, served

Send = Callable[[Message], Awaitable[Any]]
TOOLS: list[type[Tool[Any, Any]]] = [Crop, DrawHorizontalLineByY, DrawVerticalLineByX, OCR, Echo]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def mesh() -> AsyncIterator[Served]:
    async with served(TOOLS, concurrency=4) as running:
        yield running


@pytest.fixture
def worker(mesh: Served) -> Worker:
    return mesh.workers[0]


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=WAYS_IN)
async def channel(mesh: Served, request: pytest.FixtureRequest) -> AsyncIterator[grpc.aio.Channel]:
    async with channel_to(mesh.way_in(request.param)) as opened:
        yield opened


@pytest.fixture(params=["unary", "stream"])
def send(channel: grpc.aio.Channel, request: pytest.FixtureRequest) -> Send:
    """Calls the tool whose request it is given, as a foreign client would, in one of four ways."""
    unary = request.param == "unary"

    async def call(message: Any) -> Any:
        contract = ToolContract.from_request(message.DESCRIPTOR)
        if unary:
            return await call_unary(channel, contract, message.SerializeToString())
        return await call_in_stream(channel, contract, message)

    return call
