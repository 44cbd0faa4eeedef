"""`SyncMesh`: the same client for code without asyncio, from any thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from thinkimg_rpc.client import SyncMesh
from thinkimg_rpc.errors import InvalidRequest, Unavailable
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import Box, CropRequest, Image
from thinkimg_workers.crop import Crop

from ...mesh_fixtures import png

TOOLS: list[Any] = [Echo, Crop]


@pytest.fixture(scope="module")
def mesh() -> Iterator[SyncMesh]:
    with SyncMesh.local(TOOLS, concurrency=4) as running:
        yield running


def test_typed_and_dynamic_calls_block_for_their_answer(mesh: SyncMesh) -> None:
    crop = CropRequest(image=mesh.image(png()), box=Box(x0=0, y0=0, x1=9, y1=5))
    assert mesh.send(crop).image.width == 9
    by_name: Any = mesh.call("Crop", {"box": {"x0": 0, "y0": 0, "x1": 9, "y1": 5}}, {"a": png()})
    assert by_name.image.height == 5
    assert mesh.image_data(by_name.image.digest) == by_name.image.data


def test_it_tells_what_is_served(mesh: SyncMesh) -> None:
    assert [contract.name for contract in mesh.contracts()] == ["Crop", "Echo"]
    assert mesh.contract("crop").name == "Crop"
    assert len(mesh.workers()) == 1
    assert mesh.build_request("Echo", {"text": "hello"}) == EchoRequest(text="hello")


def test_errors_are_raised_where_the_call_was_made(mesh: SyncMesh) -> None:
    with pytest.raises(InvalidRequest, match="delay_s"):
        mesh.send(EchoRequest(delay_s=-1))


def test_many_threads_share_it(mesh: SyncMesh) -> None:
    chart = png()

    def ask(number: int) -> tuple[str, int]:
        answer = mesh.send(EchoRequest(text=str(number), image=Image(data=chart)))
        return answer.text, answer.image_width

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(ask, range(200)))

    assert answers == [(str(number), 64) for number in range(200)]


def test_many_threads_may_stream_at_once(mesh: SyncMesh) -> None:
    def ask(name: str) -> list[str]:
        answers = mesh.stream(EchoRequest(text=f"{name}{n}") for n in range(20))
        return sorted(answer.unwrap().text for answer in answers)

    with ThreadPoolExecutor(4) as threads:
        for name, texts in zip("abcd", threads.map(ask, "abcd"), strict=True):
            assert texts == sorted(f"{name}{n}" for n in range(20))


def test_a_streams_source_may_use_the_mesh_itself(mesh: SyncMesh) -> None:
    def source() -> Iterator[EchoRequest]:
        for number in range(3):
            first = mesh.send(EchoRequest(text=str(number)))
            yield EchoRequest(text=first.text * 2)

    assert sorted(a.unwrap().text for a in mesh.stream(source())) == ["00", "11", "22"]


def test_a_streams_source_that_blocks_holds_up_no_other_call(mesh: SyncMesh) -> None:
    go_on = threading.Event()

    def source() -> Iterator[EchoRequest]:
        yield EchoRequest(text="first")
        go_on.wait(10)
        yield EchoRequest(text="second")

    answers = mesh.stream(source())
    assert next(answers).unwrap().text == "first"
    assert mesh.send(EchoRequest(text="meanwhile")).text == "meanwhile"
    go_on.set()
    assert [answer.unwrap().text for answer in answers] == ["second"]


def test_a_stream_left_early_stops(mesh: SyncMesh) -> None:
    requests = [EchoRequest(text="first"), *(EchoRequest(delay_s=30) for _ in range(3))]
    for answer in mesh.stream(requests):
        assert answer.unwrap().text == "first"
        break

    assert mesh.send(EchoRequest(text="next"), timeout_s=5).text == "next"


def test_a_source_that_fails_raises_its_own_error(mesh: SyncMesh) -> None:
    def source() -> Iterator[EchoRequest]:
        yield EchoRequest()
        raise LookupError("no more samples")

    with pytest.raises(LookupError, match="no more samples"):
        list(mesh.stream(source()))


def test_an_address_where_nobody_listens_is_one_clear_error() -> None:
    with (
        pytest.raises(Unavailable, match=r"no mesh answers at 127\.0\.0\.1:9"),
        SyncMesh("127.0.0.1:9", connect_timeout_s=0.2),
    ):
        pass
