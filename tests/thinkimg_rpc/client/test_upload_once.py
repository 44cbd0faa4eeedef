"""An image's bytes go to a worker once; from then on its digest does."""

from __future__ import annotations

import asyncio

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import ImageNotCached, InvalidRequest
from thinkimg_rpc.settings import MIB, LimitSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.v1 import Image

from ...mesh_fixtures import error_of, noisy_png, png, served, until
from ...wiretap import Wiretap

CHART = png(200, 100)


async def test_a_second_call_sends_only_the_digest(tap: Wiretap) -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        image = client.image(CHART)
        first: EchoResponse = await client.send(EchoRequest(image=image))
        before = tap.nbytes
        second: EchoResponse = await client.send(EchoRequest(image=image))

    assert (first.image_width, first.image_height) == (200, 100)
    assert first == second
    assert tap.carrying(CHART) == 1
    assert tap.nbytes - before < 200


async def test_bytes_put_into_each_request_are_still_sent_once(tap: Wiretap) -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        for _ in range(3):
            await client.send(EchoRequest(image=Image(data=CHART)))

    assert tap.carrying(CHART) == 1


async def test_a_request_keeps_its_bytes_on_the_callers_side() -> None:
    request = EchoRequest(image=Image(data=CHART))
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        await client.send(request)

    assert request.image.data == CHART


async def test_eight_callers_at_once_upload_an_image_once(tap: Wiretap) -> None:
    async with served([Echo], concurrency=8) as mesh, Mesh(mesh.address) as client:
        image = client.image(CHART)
        await asyncio.gather(*(client.send(EchoRequest(image=image)) for _ in range(8)))

    assert tap.carrying(CHART) == 1
    assert len(tap.received) == 8


async def test_callers_wait_for_the_upload_and_not_for_the_tool(tap: Wiretap) -> None:
    async with served([Echo], concurrency=8) as mesh, Mesh(mesh.address) as client:
        image = client.image(CHART)
        calls = [
            asyncio.create_task(client.send(EchoRequest(image=image, delay_s=30))) for _ in range(8)
        ]
        queue = mesh.workers[0]._queue
        await until(lambda: queue.running == 8)

        assert tap.carrying(CHART) == 1
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        await until(lambda: queue.running == 0)


async def test_an_upload_that_fails_lets_the_next_caller_try(tap: Wiretap) -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        broken = client.image(CHART[:60])
        errors = await asyncio.gather(
            *(error_of(client.send(EchoRequest(image=broken))) for _ in range(4))
        )

    assert {type(error) for error in errors} == {InvalidRequest}
    assert tap.carrying(CHART[:60]) == len(tap.received) == 4


async def test_each_worker_is_sent_the_image_once(tap: Wiretap) -> None:
    async with served([Echo], workers=2, concurrency=1) as mesh, Mesh(mesh.address) as client:
        image = client.image(CHART)
        calls = [client.send(EchoRequest(image=image, delay_s=0.05)) for _ in range(8)]
        answers = await asyncio.gather(*calls)

    assert {answer.worker_id for answer in answers} == {"worker-0", "worker-1"}
    assert tap.carrying(CHART) == 2


async def test_an_evicted_image_is_sent_again_by_itself(tap: Wiretap) -> None:
    room_for_two = LimitSettings(image_cache_bytes=200 * 100 * 3 * 2)
    charts = [png(200, 100 - n) for n in range(3)]
    async with served([Echo], limits=room_for_two) as mesh, Mesh(mesh.address) as client:
        images = [client.image(chart) for chart in charts]
        for image in [*images, images[0]]:
            await client.send(EchoRequest(image=image))

    assert [tap.carrying(chart) for chart in charts] == [2, 1, 1]
    assert len(tap.received) == 5  # the one answered with IMAGE_NOT_CACHED included


async def test_a_worker_that_can_keep_no_image_still_answers(tap: Wiretap) -> None:
    no_cache = LimitSettings(image_cache_bytes=0)
    async with served([Echo], limits=no_cache) as mesh, Mesh(mesh.address) as client:
        image = client.image(CHART)
        for _ in range(3):
            await client.send(EchoRequest(image=image))

    assert tap.carrying(CHART) == 3


async def test_a_digest_nobody_uploaded_is_the_callers_error() -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address) as client:
        error = await error_of(client.send(EchoRequest(image=Image(digest="ab" * 32))))
        assert (await client.send(EchoRequest(text="next"))).text == "next"

    assert isinstance(error, ImageNotCached)
    assert "abababababab" in error.message
    assert "send its bytes" in error.message


async def test_bytes_in_a_request_need_no_room_in_the_clients_memory(tap: Wiretap) -> None:
    async with served([Echo]) as mesh, Mesh(mesh.address, image_memory_bytes=0) as client:
        for _ in range(2):
            answer = await client.send(EchoRequest(image=Image(data=CHART)))
            assert answer.image_width == 200

    assert tap.carrying(CHART) == 1


async def test_an_image_in_use_outlives_its_place_in_the_clients_memory() -> None:
    charts = [png(200, 100 - n) for n in range(8)]
    room = max(map(len, charts))
    async with served([Echo]) as mesh, Mesh(mesh.address, image_memory_bytes=room) as client:
        requests = [EchoRequest(image=Image(data=chart)) for chart in charts]
        answers = await asyncio.gather(*(client.send(request) for request in requests))

    assert [answer.image_height for answer in answers] == [100 - n for n in range(8)]


async def test_more_images_at_once_than_a_worker_can_hold_still_get_answers() -> None:
    room_for_one = LimitSettings(image_cache_bytes=200 * 100 * 3)
    charts = [png(200, 100 - n) for n in range(6)]
    async with (
        served([Echo], limits=room_for_one, concurrency=4) as mesh,
        Mesh(mesh.address) as client,
    ):
        requests = [EchoRequest(image=client.image(chart)) for chart in charts * 30]
        answers = await asyncio.gather(*(client.send(request) for request in requests))

    assert [answer.image_height for answer in answers] == [100 - n for n in range(6)] * 30


async def test_more_large_images_than_a_workers_store_can_hold_still_get_answers() -> None:
    room_for_one = LimitSettings(image_cache_bytes=3 * MIB, image_store_bytes=4 * 3 * MIB)
    photos = [noisy_png(2 * MIB + 20_000 * n + 1, seed=n) for n in range(4)]
    async with (
        served([Echo], limits=room_for_one, concurrency=4) as mesh,
        Mesh(mesh.address) as client,
    ):
        requests = [EchoRequest(image=client.image(photo)) for photo in photos * 4]
        answers = await asyncio.gather(*(client.send(request) for request in requests))

    assert len({answer.image_height for answer in answers}) == 4
