"""What is over a limit is refused as the caller's error, and costs nobody else anything."""

from __future__ import annotations

import asyncio

import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.contract import ToolContract
from thinkimg_rpc.errors import InvalidRequest, TooLarge
from thinkimg_rpc.settings import MIB, LimitSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoStreamRequest
from thinkimg_rpc.v1 import Image

from ..mesh_fixtures import (
    WAYS_IN,
    call_stream,
    call_unary,
    channel_to,
    error_of,
    noisy_png,
    png,
    served,
)

KIB = 1024
ECHO = ToolContract.from_request(EchoRequest.DESCRIPTOR)
SMALL = LimitSettings(max_message_bytes=64 * KIB, max_image_pixels=100 * 100)
OVER = EchoRequest(payload=bytes(65 * KIB))


@pytest.mark.parametrize("way_in", WAYS_IN)
async def test_a_message_over_the_limit_is_refused_on_a_call_and_on_a_stream(way_in: str) -> None:
    async with (
        served([Echo], limits=SMALL) as mesh,
        channel_to(mesh.way_in(way_in)) as channel,
    ):
        unary = await error_of(call_unary(channel, ECHO, OVER.SerializeToString()))
        item = EchoStreamRequest(request_id="big", request=OVER)
        streamed = await error_of(call_stream(channel, ECHO, item))
        after = await call_unary(channel, ECHO, EchoRequest(text="next").SerializeToString())

    assert type(unary) is type(streamed) is TooLarge
    assert str(64 * KIB) in unary.message
    assert after.text == "next"


async def test_a_request_over_the_limit_harms_no_other_in_flight() -> None:
    async with served([Echo], limits=SMALL, concurrency=4) as mesh, Mesh(mesh.address) as client:
        slow = [
            asyncio.create_task(client.send(EchoRequest(text=str(n), delay_s=0.2)))
            for n in range(3)
        ]
        await asyncio.sleep(0)
        error = await error_of(client.send(OVER))
        answers = await asyncio.gather(*slow)

    assert type(error) is TooLarge
    assert [answer.text for answer in answers] == ["0", "1", "2"]


async def test_an_answer_over_the_clients_limit_is_refused() -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address, max_message_bytes=64 * KIB) as client:
        assert type(await error_of(client.send(OVER))) is TooLarge
        assert (await client.send(EchoRequest(text="next"))).text == "next"


async def test_an_image_of_too_many_pixels_is_refused_by_its_size() -> None:
    async with served([Echo], limits=SMALL) as mesh, Mesh(mesh.address) as client:
        error = await error_of(client.send(EchoRequest(image=Image(data=png(101, 100)))))
        largest = await client.send(EchoRequest(image=Image(data=png(100, 100))))

    assert type(error) is InvalidRequest
    assert error.violations[0].field == "image"
    assert "101x100" in error.message
    assert "10000" in error.message
    assert largest.image_width == 100


async def test_an_image_larger_than_the_workers_store_is_refused() -> None:
    little = LimitSettings(image_store_bytes=8 * MIB)
    async with served([Echo], limits=little) as mesh, Mesh(mesh.address) as client:
        error = await error_of(client.send(EchoRequest(image=client.image(noisy_png(2 * MIB + 1)))))

    assert type(error) is TooLarge
    assert error.violations[0].field == "header.size_bytes"
