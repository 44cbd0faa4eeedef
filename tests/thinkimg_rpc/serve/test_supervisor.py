from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from thinkimg_rpc.serve.child import ChildSpec, ChildState
from thinkimg_rpc.serve.supervisor import Supervisor

MakeSpec = Callable[..., ChildSpec]


async def test_a_worker_that_cannot_start_stops_none_of_the_others(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    supervisor.start_workers(
        [
            fake("misconfigured", name="broken-0"),
            fake("crash", name="crashing-0"),
            fake("serve", name="image-0"),
        ]
    )
    await supervisor.wait_settled(10)
    states = {child.spec.name: child.state for child in supervisor.children}
    assert states["broken-0"] is ChildState.FAILED
    assert states["image-0"] is ChildState.SERVING
    assert states["crashing-0"] in (ChildState.RESTARTING, ChildState.STARTING)


async def test_settling_is_not_held_up_by_a_worker_that_never_gets_ready(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    supervisor.start_workers([fake("load_for_ever", name="slow-0"), fake("serve", name="image-0")])
    image = supervisor.worker("image-0")
    assert image is not None
    await image.wait_until(lambda child: child.settled)
    began = time.monotonic()
    await supervisor.wait_settled(0.1)
    assert time.monotonic() - began < 1.0


async def test_the_hub_goes_after_the_workers(
    supervisor: Supervisor, fake: MakeSpec, tmp_path: Path
) -> None:
    order = tmp_path / "order"
    supervisor.start_hub(fake("note_the_end", str(order), "hub", name="hub"))
    supervisor.start_workers([fake("note_the_end", str(order), "image-0", name="image-0")])
    await supervisor.wait_settled(10)
    await supervisor.drain(drain_s=3.0)
    assert order.read_text().split() == ["image-0", "hub"]


async def test_a_worker_that_will_not_end_is_killed_when_its_time_is_over(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    supervisor.start_workers([fake("serve_stubbornly")])
    await supervisor.wait_settled(10)
    (child,) = supervisor.workers
    pid = child.pid
    began = time.monotonic()
    await supervisor.drain(drain_s=0.1)
    assert 1.0 < time.monotonic() - began < 2.0
    assert pid is not None
    assert not psutil.pid_exists(pid)


async def test_draining_ends_a_worker_that_is_still_starting(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    supervisor.start_workers([fake("load_for_ever")])
    await asyncio.wait_for(supervisor.drain(drain_s=1.0), 5.0)
    assert [child.pid for child in supervisor.children] == [None]


async def test_leaving_with_an_error_leaves_no_process_behind(fake: MakeSpec) -> None:
    pids: list[int | None] = []

    async def fail_while_serving() -> None:
        async with Supervisor(lambda child: None) as supervisor:
            supervisor.start_workers([fake("serve_stubbornly")])
            await supervisor.wait_settled(10)
            pids.extend(child.pid for child in supervisor.children)
            raise RuntimeError("a bug")

    with pytest.raises(RuntimeError, match="a bug"):
        await fail_while_serving()
    assert pids[0] is not None
    assert not psutil.pid_exists(pids[0])
