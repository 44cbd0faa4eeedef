"""Encoded images by digest: the service of workers and the front door."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc.aio
import pytest
import pytest_asyncio

from thinkimg_rpc.blobs import CHUNK_BYTES, get_image, put_image
from thinkimg_rpc.digest import digest_of
from thinkimg_rpc.errors import InvalidRequest, NotFound, TooLarge
from thinkimg_rpc.settings import MIB, LimitSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.v1 import (
    GetImageRequest,
    HasImagesRequest,
    ImageHeader,
    ImageStoreServiceStub,
    PutImageRequest,
)

from ..mesh_fixtures import BOUND_S, WAYS_IN, Served, channel_to, error_of, served

pytestmark = pytest.mark.asyncio(loop_scope="session")
DATA = bytes(range(256)) * 10_000
DIGEST = digest_of(DATA)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def mesh() -> AsyncIterator[Served]:
    async with served([Echo], limits=LimitSettings(image_store_bytes=32 * MIB)) as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="session", params=WAYS_IN)
async def store(mesh: Served, request: pytest.FixtureRequest) -> AsyncIterator[Any]:
    async with channel_to(mesh.way_in(request.param)) as channel:
        yield ImageStoreServiceStub(channel)


def header(digest: str = DIGEST, size_bytes: int = len(DATA)) -> PutImageRequest:
    return PutImageRequest(header=ImageHeader(digest=digest, size_bytes=size_bytes))


def chunk(data: bytes = DATA) -> PutImageRequest:
    return PutImageRequest(chunk=data)


async def held(store: Any, *digests: str) -> list[str]:
    return list((await store.HasImages(HasImagesRequest(digests=digests))).digests)


async def test_what_was_put_can_be_had_and_got(store: Any) -> None:
    await put_image(store, DIGEST, DATA, timeout_s=BOUND_S)

    assert await held(store, DIGEST, "0" * 64) == [DIGEST]
    assert await get_image(store, DIGEST, timeout_s=BOUND_S) == DATA


async def test_an_image_comes_in_pieces_after_its_header(store: Any) -> None:
    await put_image(store, DIGEST, DATA, timeout_s=BOUND_S)
    parts = [part async for part in store.GetImage(GetImageRequest(digest=DIGEST))]

    assert parts[0].header == ImageHeader(digest=DIGEST, size_bytes=len(DATA))
    assert [len(part.chunk) for part in parts[1:]] == [CHUNK_BYTES, CHUNK_BYTES, 462_848]


async def test_the_pieces_may_be_of_any_size(store: Any) -> None:
    data = b"odd" * 1001
    pieces = [chunk(data[i : i + 7]) for i in range(0, len(data), 7)]
    await store.PutImage(iter([header(digest_of(data), len(data)), *pieces]))

    assert await get_image(store, digest_of(data), timeout_s=BOUND_S) == data


async def test_an_empty_file_is_a_file(store: Any) -> None:
    await put_image(store, digest_of(b""), b"", timeout_s=BOUND_S)

    assert await get_image(store, digest_of(b""), timeout_s=BOUND_S) == b""


OTHER = b"x" + DATA[1:]


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ([header(), chunk(OTHER)], "header.digest"),
        ([header(digest=DIGEST.upper()), chunk()], "header.digest"),
        ([header(digest=""), chunk()], "header.digest"),
        ([header(), chunk(DATA[:-1])], "header.size_bytes"),
        ([header()], "header.size_bytes"),
        ([header(size_bytes=5), chunk()], "chunk"),
        ([chunk()], "header"),
        ([], "header"),
        ([PutImageRequest()], "header"),
        ([header(), chunk(), header()], "header"),
    ],
)
async def test_an_upload_that_is_not_what_it_says_is_refused(
    store: Any, parts: list[PutImageRequest], field: str
) -> None:
    error = await error_of(store.PutImage(iter(parts), timeout=BOUND_S))

    assert type(error) is InvalidRequest
    assert [violation.field for violation in error.violations] == [field]
    assert await held(store, digest_of(OTHER), digest_of(DATA[:-1]), DIGEST.upper()) == []
    await put_image(store, DIGEST, DATA, timeout_s=BOUND_S)


async def test_an_upload_larger_than_the_store_is_refused_by_its_header(store: Any) -> None:
    promised = header(size_bytes=32 * MIB + 1)
    error = await error_of(store.PutImage(iter([promised]), timeout=BOUND_S))

    assert type(error) is TooLarge
    assert error.violations[0].field == "header.size_bytes"


async def test_an_image_that_is_not_there_is_not_found(store: Any) -> None:
    for digest in ("0" * 64, "", "nonsense"):
        assert type(await error_of(get_image(store, digest, timeout_s=BOUND_S))) is NotFound


async def test_an_upload_broken_off_keeps_nothing(store: Any) -> None:
    data = b"half" * 1000

    async def half() -> AsyncIterator[PutImageRequest]:
        yield header(digest_of(data), len(data))
        yield chunk(data[:2000])
        raise ConnectionError

    call = store.PutImage(half(), timeout=BOUND_S)
    assert await call.code() is grpc.StatusCode.CANCELLED
    assert await held(store, digest_of(data)) == []
