"""A tool's result serves further calls without its bytes going back, whatever its size."""

from __future__ import annotations

from typing import Any

import cv2
import grpc.aio
import numpy as np
import pytest

from thinkimg_rpc.blobs import LARGE_BYTES, get_image, put_image
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import DeadlineExceeded, ImageNotCached, Unavailable
from thinkimg_rpc.settings import MIB, LimitSettings
from thinkimg_rpc.v1 import (
    Box,
    CropRequest,
    CropServiceStub,
    DrawHorizontalLineByYRequest,
    HasImagesRequest,
    Image,
    ImageStoreServiceStub,
)
from thinkimg_workers.crop import Crop
from thinkimg_workers.draw_horizontal_line_by_y import DrawHorizontalLineByY

from ...mesh_fixtures import BOUND_S, Served, channel_to, error_of, noisy_png, pixels, png, served
from ...wiretap import Wiretap

CHART = png(200, 100)
LARGE = noisy_png(3 * MIB)
SIDE = int((3 * MIB / 3) ** 0.5) + 1
TOOLS: list[Any] = [Crop, DrawHorizontalLineByY]


def quarter(image: Image) -> CropRequest:
    return CropRequest(image=image, box=Box(x0=0, y0=0, x1=100, y1=50))


def whole(image: Image) -> CropRequest:
    return CropRequest(image=image, box=Box(x0=0, y0=0, x1=SIDE, y1=SIDE))


async def put(mesh_or_worker: str, data: bytes) -> None:
    async with channel_to(mesh_or_worker) as channel:
        stub: Any = ImageStoreServiceStub(channel)
        await put_image(stub, digest_of(data), data, timeout_s=BOUND_S)


async def get(address: str, digest: str) -> bytes:
    async with channel_to(address) as channel:
        stub: Any = ImageStoreServiceStub(channel)
        return await get_image(stub, digest, timeout_s=BOUND_S)


async def stock_crop(mesh: Served, request: CropRequest) -> Any:
    """As a client without any options of ours, which receives at most 4 MiB."""
    async with grpc.aio.insecure_channel(mesh.address) as channel:
        return await CropServiceStub(channel).Crop(request, timeout=BOUND_S)


async def test_a_call_on_a_result_uploads_nothing_to_the_same_worker(tap: Wiretap) -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        cropped = await client.crop(quarter(client.image(CHART)))
        before = tap.nbytes
        named = Image(digest=cropped.image.digest)
        drawn = await client.draw_horizontal_line_by_y(
            DrawHorizontalLineByYRequest(image=named, y=10)
        )

    assert tap.nbytes - before < 200
    seen = cv2.imdecode(np.frombuffer(drawn.image.data, np.uint8), cv2.IMREAD_COLOR_RGB)
    expected = pixels(200, 100)[:50, :100].copy()
    expected[10] = (255, 0, 0)
    assert seen is not None
    assert np.array_equal(seen, expected)


async def test_a_result_put_back_as_bytes_is_not_uploaded_either(tap: Wiretap) -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        cropped = await client.crop(quarter(client.image(CHART)))
        await client.crop(quarter(Image(data=cropped.image.data)))

    assert tap.carrying(cropped.image.data) == 0


async def test_a_result_the_worker_has_evicted_is_sent_by_itself(tap: Wiretap) -> None:
    for_two = LimitSettings(image_cache_bytes=(200 * 100 + 100 * 50) * 3 - 1)
    async with served(TOOLS, limits=for_two) as mesh, Mesh(mesh.address) as client:
        cropped = await client.crop(quarter(client.image(CHART)))
        await client.crop(quarter(client.image(noisy_png(200 * 100 * 3))))
        again = await client.crop(quarter(Image(digest=cropped.image.digest)))

    assert again.image.digest == cropped.image.digest
    assert tap.carrying(cropped.image.data) == 1


async def test_a_result_goes_to_another_worker_when_the_first_is_busy(tap: Wiretap) -> None:
    async with served(TOOLS, workers=2) as mesh, Mesh(mesh.address) as client:
        cropped = await client.crop(quarter(client.image(CHART)))
        holder = next(iter(client._directory.holdings.of(cropped.image.digest).values()))
        holder.in_flight += 100  # as if it were
        await client.crop(quarter(Image(digest=cropped.image.digest)))
        holder.in_flight -= 100

    assert tap.carrying(cropped.image.data) == 1


async def test_a_large_image_goes_through_the_store_in_pieces(tap: Wiretap) -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        image = client.image(LARGE)
        for _ in range(2):
            await client.crop(quarter(image))

    pieces = [raw for method, raw in tap.received if method.endswith("/PutImage")]
    calls = [raw for method, raw in tap.received if "/Crop" in method]
    assert len(pieces) == 1 + -(-len(LARGE) // MIB)
    assert max(map(len, pieces)) < MIB + 100
    assert max(map(len, calls)) < 200


async def test_a_large_result_comes_back_whole() -> None:
    async with served(TOOLS) as mesh, Mesh(mesh.address) as client:
        response = await client.crop(whole(client.image(LARGE)))

    assert len(response.image.data) > LARGE_BYTES
    assert digest_of(response.image.data) == response.image.digest


async def test_a_stock_client_fetches_a_large_result_by_its_digest() -> None:
    async with served(TOOLS) as mesh:
        await put(mesh.address, LARGE)
        response = await stock_crop(mesh, whole(Image(digest=digest_of(LARGE))))
        assert not response.image.HasField("data")
        for address in (mesh.workers[0].address, mesh.address):
            data = await get(address, response.image.digest)
            assert digest_of(data) == response.image.digest


async def test_a_worker_pulls_an_image_it_lacks_from_the_front_door() -> None:
    async with served(TOOLS) as mesh:
        await put(mesh.address, CHART)
        response = await stock_crop(mesh, quarter(Image(digest=digest_of(CHART))))
        assert response.image.width == 100

        async with channel_to(mesh.workers[0].address) as channel:
            held = await ImageStoreServiceStub(channel).HasImages(
                HasImagesRequest(digests=[digest_of(CHART), "0" * 64])
            )
    assert list(held.digests) == [digest_of(CHART)]


async def test_a_small_result_is_not_at_the_front_door_unless_put_there() -> None:
    async with served(TOOLS, workers=1) as mesh, Mesh(mesh.address) as client:
        cropped = await client.crop(quarter(client.image(CHART)))
        unknown = quarter(Image(digest=cropped.image.digest[::-1]))
        assert isinstance(await error_of(client.crop(unknown)), ImageNotCached)


async def test_a_large_result_lost_before_it_was_fetched_is_the_meshs_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    no_store = LimitSettings(image_store_bytes=0)
    async with served(TOOLS, limits=no_store) as mesh, Mesh(mesh.address) as client:
        monkeypatch.setattr("thinkimg_rpc.client.calls.LARGE_BYTES", 100 * MIB)
        call = client.crop(whole(client.image(LARGE)), timeout_s=1)
        error = await error_of(call)

    assert isinstance(error, DeadlineExceeded)
    assert isinstance(error.__cause__, Unavailable)
    assert "evicted" in error.message
