"""A call at one worker and no other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

import pytest
import pytest_asyncio

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import InternalFault, InvalidRequest, Unavailable
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoResponse

from ...mesh_fixtures import png, served


@pytest_asyncio.fixture
async def client() -> AsyncIterator[Mesh]:
    async with served([Echo], workers=2) as mesh, Mesh(mesh.address) as connected:
        yield connected


async def test_the_worker_that_is_named_answers_each_time(client: Mesh) -> None:
    for worker in ("worker-0", "worker-1", "worker-0", "worker-0"):
        answer = await client.call_at(worker, "Echo", {"text": "hello"})
        assert cast(EchoResponse, answer).worker_id == worker


async def test_images_go_along_to_each_worker(client: Mesh) -> None:
    images = {"img_1": png(33, 22)}
    for worker in ("worker-0", "worker-1"):
        answer = await client.call_at(worker, "Echo", {"image": "img_1"}, images)
        assert cast(EchoResponse, answer).image_width == 33


async def test_a_fault_is_not_tried_elsewhere(client: Mesh) -> None:
    with pytest.raises(InternalFault):
        await client.call_at("worker-1", "Echo", {"fail": True})


async def test_a_worker_that_is_not_there_is_told(client: Mesh) -> None:
    with pytest.raises(Unavailable, match="no worker worker-7 serves Echo right now"):
        await client.call_at("worker-7", "Echo", {})


async def test_arguments_are_checked_as_in_any_call(client: Mesh) -> None:
    with pytest.raises(InvalidRequest):
        await client.call_at("worker-0", "Echo", {"txt": "hello"})
