"""What tests of a mesh share: meshes on free ports, pictures, and looking at the wire."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import cv2
import grpc.aio
import msgspec
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import ThinkImgError, from_status
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import MIB, HubSettings, WorkerSettings
from thinkimg_rpc.status import from_rpc_error
from thinkimg_rpc.tool import Tool

BOUND_S = 10.0
"""How long a test waits for what must happen."""
DIRECT, DOOR = "straight to the worker", "the front door"
WAYS_IN = (DIRECT, DOOR)
"""How a request may reach a worker."""


@dataclass
class Served:
    """A hub and its workers, on free ports, inside the test's event loop."""

    hub: Hub
    workers: list[Worker] = field(default_factory=list)

    @property
    def address(self) -> str:
        return self.hub.address

    def way_in(self, name: str) -> str:
        """The address to call, for one of WAYS_IN."""
        return self.address if name == DOOR else self.workers[0].address


@asynccontextmanager
async def served(
    tools: Sequence[type[Tool[Any, Any]]], *, workers: int = 1, **settings: Any
) -> AsyncIterator[Served]:
    """Serve `tools` in `workers` workers; `settings` go to the hub and to the workers."""
    defaults: dict[str, Any] = {"address": "127.0.0.1:0", "drain_s": 1.0}
    for_hub = _known_to(HubSettings, settings)
    for_workers = _known_to(WorkerSettings, settings)
    async with AsyncExitStack() as stack:
        hub = Hub(HubSettings(**{**defaults, **for_hub}))
        await hub.start()
        stack.push_async_callback(hub.drain)
        mesh = Served(hub)
        for number in range(workers):
            names = {"id": f"worker-{number}", "tools": (), "registry": hub.address}
            worker = Worker(
                WorkerSettings(**{**defaults, **names, **for_workers}), [tool() for tool in tools]
            )
            await worker.start()
            stack.push_async_callback(worker.drain)
            await asyncio.wait_for(worker.lease.registered.wait(), BOUND_S)
            mesh.workers.append(worker)
        yield mesh


def _known_to(kind: type[msgspec.Struct], settings: dict[str, Any]) -> dict[str, Any]:
    known = {field.name for field in msgspec.structs.fields(kind)}
    assert settings.keys() <= {
        field.name for one in (HubSettings, WorkerSettings) for field in msgspec.structs.fields(one)
    }, f"no such setting: {sorted(settings)}"
    return {name: value for name, value in settings.items() if name in known}


@asynccontextmanager
async def channel_to(address: str, **options: Any) -> AsyncIterator[grpc.aio.Channel]:
    """A channel of this project's own kind."""
    async with open_channel(address, **{"max_message_bytes": 32 * MIB, **options}) as channel:
        yield channel


async def until(condition: Callable[[], Any], timeout_s: float = BOUND_S) -> None:
    """Wait until `condition()` holds. Raises: TimeoutError."""
    end = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not so within {timeout_s} s")
        await asyncio.sleep(0.005)


async def error_of(call: Awaitable[Any]) -> ThinkImgError:
    """The error, as a class of ours, that a call ends with; `AioRpcError` is translated."""
    try:
        answer = await call
    except ThinkImgError as error:
        return error
    except grpc.aio.AioRpcError as failure:
        return from_rpc_error(failure)
    raise AssertionError(f"it should have failed, and answered {str(answer)[:200]}")


async def call_unary(
    channel: grpc.aio.Channel, contract: ToolContract, raw: bytes, timeout_s: float = BOUND_S
) -> Any:
    """The response to the bytes of a request. Raises: AioRpcError."""
    method = channel.unary_unary(contract.method, None, contract.response_class.FromString)
    return await method(raw, timeout=timeout_s)


async def call_stream(
    channel: grpc.aio.Channel, contract: ToolContract, *items: Message | bytes
) -> list[Any]:
    """All answers to the items of one stream, in the order they came."""
    answer_class: Any = contract.stream_response_class
    assert contract.stream_method is not None

    async def raw_items() -> AsyncIterator[bytes]:
        for item in items:
            yield item if isinstance(item, bytes) else item.SerializeToString()

    method = channel.stream_stream(contract.stream_method, None, answer_class.FromString)
    return [answer async for answer in method(raw_items(), timeout=BOUND_S)]


async def call_in_stream(
    channel: grpc.aio.Channel, contract: ToolContract, request: Message
) -> Any:
    """The response to a request sent as the only item. Raises: ThinkImgError."""
    item_class: Any = contract.stream_request_class
    item = item_class(request_id="only")
    item.request.CopyFrom(request)
    (answer,) = await call_stream(channel, contract, item)
    assert answer.request_id == "only"
    if answer.WhichOneof("outcome") == "error":
        raise from_status(answer.error)
    return answer.response


def pixels(width: int, height: int) -> NDArray[np.uint8]:
    """(height, width, 3) RGB in which every pixel below 256x256 is unlike all others."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns % 256, rows % 256, (columns + rows) % 251], axis=-1).astype(np.uint8)


def png(width: int = 64, height: int = 48) -> bytes:
    """The file of `pixels(width, height)`."""
    return encoded(".png", pixels(width, height))


def noisy_png(nbytes: int, seed: int = 0) -> bytes:
    """A PNG that takes a little more than `nbytes`: noise does not compress."""
    side = int((nbytes / 3) ** 0.5) + 1
    noise = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    return encoded(".png", noise)


def encoded(suffix: str, rgb: NDArray[np.uint8]) -> bytes:
    """(H, W, 3) RGB as a file of that kind."""
    done, data = cv2.imencode(suffix, cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    assert done
    return data.tobytes()
