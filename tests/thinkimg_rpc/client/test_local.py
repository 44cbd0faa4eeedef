"""`Mesh.local`: a whole mesh inside the caller's process, gone without a trace."""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import InvalidRequest
from thinkimg_rpc.settings import LimitSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.v1 import Image

from ...mesh_fixtures import error_of, png, until


@pytest.fixture(autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary folders are made."""
    made = tmp_path_factory.mktemp("t")
    monkeypatch.setattr(tempfile, "tempdir", str(made))
    return made


class Unready(Echo):
    def setup(self) -> None:
        raise LookupError("no weights here")


BEFORE: set[threading.Thread] = set()


def _tool_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("tool-")}


@pytest.fixture(autouse=True)
def threads_before() -> None:
    """Other tests' meshes may still be running."""
    BEFORE.clear()
    BEFORE.update(_tool_threads())


async def until_no_trace(folder: Path) -> None:
    """Wait until no socket, no task and no tool's thread is left."""
    assert os.listdir(folder) == []
    await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})
    await until(lambda: not _tool_threads() - BEFORE)


async def test_it_serves_behind_a_private_socket(folder: Path) -> None:
    async with Mesh.local([Echo], workers=2) as mesh:
        assert (await mesh.send(EchoRequest(text="hello"))).text == "hello"
        assert (await mesh.call("Echo", {"text": "by name"})).text == "by name"  # type: ignore[attr-defined]
        (name,) = os.listdir(folder)
        private = f"{folder}/{name}"
        assert os.stat(private).st_mode & 0o077 == 0
        assert all(worker.address.startswith(f"unix:{private}") for worker in mesh.workers())
        assert len(mesh.workers()) == 2

    await until_no_trace(folder)


async def test_nothing_is_left_when_the_body_fails(folder: Path) -> None:
    async def work() -> None:
        async with Mesh.local([Echo]) as mesh:
            await mesh.send(EchoRequest())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await work()

    await until_no_trace(folder)


async def test_nothing_is_left_when_the_body_is_cancelled_with_calls_in_flight(
    folder: Path,
) -> None:
    async def work() -> None:
        async with Mesh.local([Echo]) as mesh, asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(mesh.send(EchoRequest(delay_s=30, image=Image(data=png()))))

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(work(), 0.5)

    await until_no_trace(folder)


async def test_a_tool_that_cannot_be_set_up_says_why_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(LookupError, match="no weights here"):
        async with Mesh.local([Echo, Unready]):
            pass

    await until_no_trace(folder)


async def test_two_meshes_at_once_know_nothing_of_each_other() -> None:
    async with Mesh.local([Echo]) as one, Mesh.local([Echo], workers=2) as other:
        image = one.image(png())
        assert (await one.send(EchoRequest(image=image))).image_width == 64
        assert "send its bytes" in (await error_of(other.send(EchoRequest(image=image)))).message
        assert (len(one.workers()), len(other.workers())) == (1, 2)


async def test_its_limits_can_be_set() -> None:
    async with Mesh.local([Echo], limits=LimitSettings(max_image_pixels=100)) as mesh:
        error = await error_of(mesh.send(EchoRequest(image=Image(data=png()))))

    assert "limit of 100" in error.message


async def test_the_socket_fits_however_long_the_temporary_folders_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    async with Mesh.local([Echo]) as mesh:
        assert (await mesh.send(EchoRequest(text="hello"))).text == "hello"


async def test_a_mesh_of_no_tools_is_refused(folder: Path) -> None:
    none: list[Any] = []
    with pytest.raises(InvalidRequest, match=r"offer\.tools"):
        async with Mesh.local(none):
            pass
    assert os.listdir(folder) == []
