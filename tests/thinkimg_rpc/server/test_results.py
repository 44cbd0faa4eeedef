"""Answers that are kept: in memory, with the images they name, and on disk."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import ImageNotCached
from thinkimg_rpc.server import disk_results
from thinkimg_rpc.server.disk_results import FILE_NAME, DiskResults
from thinkimg_rpc.server.results import OVERHEAD_BYTES, Kept, ResultMemory
from thinkimg_rpc.settings import LimitSettings, ModelSettings
from thinkimg_rpc.tool import Call, Tool
from thinkimg_rpc.v1 import Box, CropRequest, CropResponse, Image

from ...mesh_fixtures import call_unary, channel_to, error_of, noisy_png, png, served
from .gated import Gated, asking, text_of

KEYS = [bytes([n]) * 32 for n in range(6)]


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["put", "get", "drop"]), st.sampled_from(KEYS), st.integers(0, 90)
        ),
        max_size=40,
    )
)
def test_a_memory_keeps_what_was_used_last_and_no_more_than_it_may(
    steps: list[tuple[str, bytes, int]],
) -> None:
    limit = 3 * OVERHEAD_BYTES + 150
    memory = ResultMemory(limit)
    model: OrderedDict[bytes, bytes] = OrderedDict()
    for step, key, size in steps:
        if step == "put":
            memory.put(key, Kept(bytes(size)))
            model.pop(key, None)
            model[key] = bytes(size)
            while sum(len(kept) + OVERHEAD_BYTES for kept in model.values()) > limit:
                model.popitem(last=False)
        elif step == "drop":
            memory.drop(key)
            model.pop(key, None)
        else:
            kept = memory.get(key)
            assert (None if kept is None else kept.response) == model.get(key)
            if key in model:
                model.move_to_end(key)
        assert len(memory) == len(model)
        assert memory.nbytes <= limit


def test_what_is_larger_than_the_whole_memory_drives_nothing_out() -> None:
    memory = ResultMemory(OVERHEAD_BYTES + 10)
    memory.put(KEYS[0], Kept(b"small"))
    memory.put(KEYS[1], Kept(bytes(11)))

    assert memory.get(KEYS[0]) is not None
    assert memory.get(KEYS[1]) is None


class Copying(Tool[CropRequest, CropResponse]):
    """Gives back the image it got."""

    cacheable = True

    def run(self, request: CropRequest, call: Call) -> CropResponse:
        return CropResponse(image=call.reply_image(call.image(request.image)))


COPYING = Copying.contract()


def copying(data: bytes) -> CropRequest:
    return CropRequest(image=Image(data=data), box=Box(x0=0, y0=0, x1=1, y1=1))


async def ask(channel: Any, request: CropRequest) -> CropResponse:
    answer: CropResponse = await call_unary(channel, COPYING, request.SerializeToString())
    return answer


async def test_the_images_of_a_kept_answer_can_be_named_by_digest_like_a_fresh_ones() -> None:
    async with served([Copying]) as mesh, channel_to(mesh.workers[0].address) as channel:
        fresh = await ask(channel, copying(png()))
        decoded = mesh.workers[0].images.decoded
        decoded._images.clear()
        further = CropRequest(
            image=Image(digest=fresh.image.digest), box=Box(x0=0, y0=0, x1=1, y1=1)
        )
        gone = await error_of(ask(channel, further))
        again = await ask(channel, copying(png()))
        decoded._images.clear()

        assert isinstance(gone, ImageNotCached)
        assert again.answered_by.cached
        assert again.image == fresh.image
        assert (await ask(channel, further)).image.width == fresh.image.width


async def test_an_answer_whose_large_image_has_gone_is_computed_again() -> None:
    large = noisy_png(3 << 20)
    # Decoded it is not kept at all; encoded it is until another drives it out.
    limits = LimitSettings(image_cache_bytes=1 << 20, image_store_bytes=16 << 20)
    async with served([Copying], limits=limits) as mesh, Mesh(mesh.address) as client:
        cached = []
        for data in (large, large, noisy_png(3 << 20, seed=1), large):
            answer = await client.crop(copying(data))
            assert len(answer.image.data) > 2 << 20
            cached.append(answer.answered_by.cached)

    assert cached == [False, True, False, False]


async def once(folder: Path, tool: type[Tool[Any, Any]], **settings: Any) -> Any:
    """The answer of a new worker that keeps its answers in `folder`."""
    async with (
        served([tool], result_cache_dir=str(folder), **settings) as mesh,
        Mesh(mesh.address) as client,
    ):
        return await client.ocr(asking())


async def test_an_answer_on_disk_survives_its_worker(tmp_path: Path) -> None:
    tool = Gated.fresh()
    first = await once(tmp_path / "made" / "when needed", tool)
    later = await once(tmp_path / "made" / "when needed", tool)

    assert (first.answered_by.cached, later.answered_by.cached) == (False, True)
    assert text_of(later) == text_of(first)
    assert len(tool.asked) == 1


async def test_workers_share_the_answers_on_disk(tmp_path: Path) -> None:
    tool = Gated.fresh()
    async with served([tool], workers=2, result_cache_dir=str(tmp_path)) as mesh:
        for worker in mesh.workers:
            async with channel_to(worker.address) as channel:
                raw = asking().SerializeToString()
                answer = await call_unary(channel, tool.contract(), raw)
            assert worker._disk is not None
            # Answers are written before what is asked for later is read.
            await worker._disk.get(b"another")

    assert answer.answered_by.cached
    assert len(tool.asked) == 1


async def test_another_version_backend_or_weights_answer_anew(tmp_path: Path) -> None:
    tools = [Gated.fresh(), Gated.fresh(version="2"), Gated.fresh(backend="gate 2")]
    for tool in tools:
        assert not (await once(tmp_path, tool)).answered_by.cached
    chooses = Gated.fresh(backends=("gate",))
    for weights in ("a", "b"):
        models = ModelSettings(weights=weights)
        assert not (await once(tmp_path, chooses, models=models)).answered_by.cached

    assert (await once(tmp_path, Gated.fresh())).answered_by.cached


@pytest.mark.parametrize("problem", ["no database", "no folder"])
async def test_a_file_that_cannot_be_used_is_a_warning_and_a_miss(
    problem: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "answers"
    if problem == "no database":
        folder.mkdir()
        (folder / FILE_NAME).write_bytes(b"no database, " * 100)
    else:
        folder.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        answer = await once(folder, Gated.fresh())

    assert text_of(answer) == "0.5"
    # One warning: it is left alone for a while then.
    assert [record.msg for record in caplog.records] == ["result_cache_failed"]


async def test_a_file_that_somebody_else_has_locked_is_a_warning_and_a_miss(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await once(tmp_path, Gated.fresh())
    with sqlite3.connect(tmp_path / FILE_NAME, isolation_level=None) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with caplog.at_level(logging.WARNING):
            answer = await once(tmp_path, Gated.fresh())
    other.close()

    assert not answer.answered_by.cached
    assert {record.msg for record in caplog.records} == {"result_cache_failed"}


async def test_bytes_on_disk_that_are_no_answer_are_a_miss_and_replaced(tmp_path: Path) -> None:
    await once(tmp_path, Gated.fresh())
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        assert file.execute("UPDATE answers SET response = x'ff'").rowcount == 1
    file.close()

    computed = await once(tmp_path, Gated.fresh())
    mended = await once(tmp_path, Gated.fresh())
    assert (computed.answered_by.cached, mended.answered_by.cached) == (False, True)


async def test_the_disk_keeps_the_newest_answers_and_no_more_than_it_may(tmp_path: Path) -> None:
    disk = DiskResults(tmp_path, 10_000)
    for number in range(20):
        disk.put(KEYS[0] + bytes([number]), bytes([number]) * 900)
    disk.put(b"too large", bytes(10_000))
    found = [await disk.get(KEYS[0] + bytes([number])) for number in range(20)]
    assert await disk.get(b"too large") is None
    await disk.close()

    assert found == [None] * 10 + [bytes([number]) * 900 for number in range(10, 20)]


async def test_many_write_and_read_one_file_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_results, "LOCKED_S", 30.0)  # also where nothing else gets a turn
    disks = [DiskResults(tmp_path, 1 << 20) for _ in range(4)]
    keys = [b"%d" % number for number in range(60)]
    for key in keys:
        for disk in disks:
            disk.put(key, key * 10)
    found = [await asyncio.gather(*(disk.get(key) for key in keys)) for disk in disks]
    for disk in disks:
        await disk.close()

    assert found == [[key * 10 for key in keys]] * len(disks)
    with sqlite3.connect(tmp_path / FILE_NAME) as file:
        (counted,) = file.execute("SELECT nbytes FROM size").fetchone()
        (summed,) = file.execute("SELECT sum(length(response) + 100) FROM answers").fetchone()
    file.close()
    assert counted == summed


def test_a_worker_that_keeps_nothing_on_disk_does_not_load_sqlite() -> None:
    code = "import sys, thinkimg_rpc.server.__main__; sys.exit('sqlite3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
