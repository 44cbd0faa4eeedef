"""Whatever is sent, the status is never UNKNOWN or INTERNAL and the processes live on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc.aio
import msgspec
import pytest
import pytest_asyncio
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.process import PARENT_PID_VARIABLE
from thinkimg_rpc.settings import (
    READY_FD_VARIABLE,
    SETTINGS_VARIABLE,
    HubSettings,
    WorkerSettings,
)
from thinkimg_rpc.v1 import CropStreamRequest

from ...mesh_fixtures import DIRECT, DOOR, WAYS_IN, call_stream, channel_to
from .arbitrary import GOOD, PICTURE, VALID, damaged, filled, raw_requests, requests
from .conftest import TOOLS

pytestmark = pytest.mark.asyncio(loop_scope="session")
CROP = ToolContract.from_request(GOOD.DESCRIPTOR)
BUGS = {grpc.StatusCode.UNKNOWN, grpc.StatusCode.INTERNAL}
BUG_NUMBERS = {code.value[0] for code in BUGS}
PLENTY = settings(max_examples=120, deadline=None)

RawItems = list[bytes]


@contextmanager
def process(module: str, its_settings: HubSettings | WorkerSettings) -> Iterator[tuple[Any, str]]:
    """A process of the mesh and the address it serves at."""
    reading, writing = os.pipe()
    environment = {
        SETTINGS_VARIABLE: msgspec.json.encode(its_settings).decode(),
        READY_FD_VARIABLE: str(writing),
        PARENT_PID_VARIABLE: str(os.getpid()),
    }
    running = subprocess.Popen(
        [sys.executable, "-m", module],
        env=os.environ | environment,
        pass_fds=(writing,),
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as pipe:
            yield running, json.loads(pipe.readline())["address"]
    finally:
        running.terminate()
        running.wait(10)


@pytest.fixture(scope="session")
def processes() -> Iterator[dict[str, tuple[Any, str]]]:
    """A hub and a worker, in processes of their own: each with the address it serves at."""
    tools = tuple(f"{tool.__module__}:{tool.__name__}" for tool in TOOLS)
    with ExitStack() as stack:
        hub = stack.enter_context(
            process("thinkimg_rpc.hub", HubSettings(address="127.0.0.1:0", drain_s=0.2))
        )
        worker = stack.enter_context(
            process(
                "thinkimg_rpc.server",
                WorkerSettings(id="worker-0", tools=tools, registry=hub[1], drain_s=0.2),
            )
        )
        yield {DIRECT: worker, DOOR: hub}


@pytest_asyncio.fixture(scope="session", loop_scope="session", params=WAYS_IN)
async def target(
    processes: dict[str, tuple[Any, str]], request: pytest.FixtureRequest
) -> AsyncIterator[grpc.aio.Channel]:
    _, address = processes[request.param]
    async with channel_to(address) as opened:
        yield opened
        assert [running.poll() for running, _ in processes.values()] == [None, None]


async def status_of(target: grpc.aio.Channel, method: str, raw: bytes) -> grpc.StatusCode:
    try:
        await target.unary_unary(method, None, None)(raw, timeout=10)
    except grpc.aio.AioRpcError as error:
        return error.code()
    return grpc.StatusCode.OK


async def first_status_of(target: grpc.aio.Channel, method: str, raw: bytes) -> grpc.StatusCode:
    """The same for a method that may go on answering; OK once it has answered."""
    call: Any = target.unary_stream(method, None, None)(raw, timeout=10)
    try:
        await call.read()
    except grpc.aio.AioRpcError as error:
        return error.code()
    finally:
        call.cancel()
    return grpc.StatusCode.OK


async def check_unary(target: grpc.aio.Channel, method: str, raw: bytes) -> None:
    """The answer to these bytes is no bug, and a good call is answered after it."""
    assert await status_of(target, method, raw) not in BUGS
    assert await status_of(target, CROP.method, GOOD.SerializeToString()) is grpc.StatusCode.OK


async def check_stream(target: grpc.aio.Channel, items: RawItems) -> None:
    """No answer to these items is a bug, and a good item is answered after them."""
    last = CropStreamRequest(request_id="the last of all", request=GOOD)
    answers = await call_stream(target, CROP, *items, last)

    codes = {answer.request_id: answer.error.code for answer in answers}
    assert not BUG_NUMBERS & set(codes.values())
    assert codes["the last of all"] == 0


def in_item(request: Message) -> bytes:
    item = CropStreamRequest(request_id="some")
    item.request.MergeFromString(request.SerializeToString())
    return item.SerializeToString()


@pytest.mark.parametrize("valid", VALID, ids=lambda valid: type(valid).__name__)
@given(data=st.data())
@PLENTY
async def test_any_bytes_in_place_of_a_request(
    target: grpc.aio.Channel, valid: Any, data: st.DataObject
) -> None:
    raw = data.draw(raw_requests(valid))
    await check_unary(target, ToolContract.from_request(valid.DESCRIPTOR).method, raw)


@given(request=requests())
@PLENTY
async def test_any_values_in_a_request(target: grpc.aio.Channel, request: Message) -> None:
    contract = ToolContract.from_request(type(request).DESCRIPTOR)  # type: ignore[arg-type]
    await check_unary(target, contract.method, request.SerializeToString())


@given(
    items=st.lists(
        st.one_of(
            raw_requests(CropStreamRequest(request_id="a", request=GOOD)),
            filled(type(GOOD)).map(in_item),
        ),
        max_size=8,
    )
)
@PLENTY
async def test_any_bytes_in_place_of_a_streams_items(
    target: grpc.aio.Channel, items: RawItems
) -> None:
    await check_stream(target, items)


@given(image=damaged(PICTURE))
@PLENTY
async def test_any_damage_to_an_image(target: grpc.aio.Channel, image: bytes) -> None:
    request = type(GOOD).FromString(GOOD.SerializeToString())
    request.image.data = image
    await check_unary(target, CROP.method, request.SerializeToString())


@given(method=st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=40))
@PLENTY
async def test_any_method(target: grpc.aio.Channel, method: str) -> None:
    await check_unary(target, f"/{method}", b"")


@pytest.mark.parametrize(
    "method",
    [
        "grpc.health.v1.Health/Check",
        "grpc.health.v1.Health/Watch",
        "grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
        "thinkimg_rpc.v1.ImageStoreService/PutImage",
        "thinkimg_rpc.v1.ImageStoreService/HasImages",
        "thinkimg_rpc.v1.ImageStoreService/GetImage",
        "thinkimg_rpc.v1.RegistryService/Register",
        "thinkimg_rpc.v1.RegistryService/ListWorkers",
    ],
)
@given(raw=st.one_of(st.binary(max_size=40), st.just(b"\xff")))
@settings(max_examples=40, deadline=None)
async def test_any_bytes_to_a_service_of_the_mesh_itself(
    target: grpc.aio.Channel, method: str, raw: bytes
) -> None:
    assert await first_status_of(target, f"/{method}", raw) not in BUGS
    assert await status_of(target, CROP.method, GOOD.SerializeToString()) is grpc.StatusCode.OK


@given(noise=st.binary(min_size=1, max_size=100))
@settings(max_examples=40, deadline=None)
async def test_any_bytes_to_the_port(
    target: grpc.aio.Channel, processes: dict[str, tuple[Any, str]], noise: bytes
) -> None:
    for _, address in processes.values():
        host, _, port = address.rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(noise)
        writer.close()
    assert await status_of(target, CROP.method, GOOD.SerializeToString()) is grpc.StatusCode.OK
