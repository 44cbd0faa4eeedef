from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from thinkimg_rpc.serve.child import Backoff, Child, ChildSpec, ChildState
from thinkimg_rpc.serve.supervisor import Supervisor
from thinkimg_rpc.settings import CannotStart

MakeSpec = Callable[..., ChildSpec]


async def in_state(child: Child, state: ChildState, timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        await child.wait_until(lambda child: child.state is state)


async def started(supervisor: Supervisor, spec: ChildSpec) -> Child:
    supervisor.start_workers([spec])
    child = supervisor.worker(spec.name)
    assert child is not None
    return child


def pid_of(child: Child) -> int:
    assert child.pid is not None
    return child.pid


async def test_a_child_that_says_so_is_serving_at_its_address(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    child = await started(supervisor, fake("serve"))
    await in_state(child, ChildState.SERVING)
    assert child.address == "127.0.0.1:4711"
    assert child.reason == ""


async def test_a_killed_child_serves_again_within_two_seconds(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    child = await started(supervisor, fake("serve"))
    await in_state(child, ChildState.SERVING)
    first = pid_of(child)
    os.kill(first, signal.SIGKILL)
    began = time.monotonic()
    await in_state(child, ChildState.RESTARTING)
    assert child.reason == "killed by SIGKILL, as the kernel does when memory runs out"
    await in_state(child, ChildState.SERVING)
    assert time.monotonic() - began < 2.0
    assert pid_of(child) != first
    assert child.starts == 2


async def test_a_crash_is_explained_by_the_last_line_of_its_traceback(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    child = await started(supervisor, fake("crash"))
    await in_state(child, ChildState.RESTARTING)
    assert child.reason == "exited with status 1: RuntimeError: the weights are corrupt"


async def test_a_child_that_keeps_crashing_is_started_again_and_again(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    child = await started(supervisor, fake("crash"))
    async with asyncio.timeout(10):
        await child.wait_until(lambda child: child.starts == 3)


async def test_a_configuration_mistake_is_shown_and_not_tried_again(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    child = await started(supervisor, fake("misconfigured"))
    await in_state(child, ChildState.FAILED)
    assert child.reason == "the package rapidocr is missing; pip install 'thinkimg-rpc[serve]'"
    assert child.starts == 1
    assert child.pid is None


async def test_a_command_that_does_not_exist_is_reported(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    spec = ChildSpec("ghost-0", (str(tmp_path / "no-python"),), {}, tmp_path / "ghost-0.log")
    child = await started(supervisor, spec)
    await in_state(child, ChildState.RESTARTING)
    assert "cannot be started: [Errno 2] No such file or directory" in child.reason


async def test_what_runs_a_child_is_made_ready_before_each_start(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    told: list[tuple[ChildState, str]] = []
    spec = fake("serve")

    async def prepare(say: Callable[[str], None]) -> str:
        say("downloading torch")
        return sys.executable

    command = ("not there yet", *spec.command[1:])
    child = Child(
        replace(spec, command=command, prepare=prepare),
        lambda child: told.append((child.state, child.reason)),
    )
    running = asyncio.create_task(child.run())
    await in_state(child, ChildState.SERVING)
    assert told[0] == (ChildState.BUILDING, "downloading torch")
    os.kill(pid_of(child), signal.SIGKILL)
    await in_state(child, ChildState.BUILDING)
    await in_state(child, ChildState.SERVING)
    child.terminate()
    await running


async def test_a_child_whose_surroundings_cannot_be_made_has_failed_with_the_reason(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    async def prepare(say: Callable[[str], None]) -> str:
        raise CannotStart("[env.old] cannot be built")

    child = await started(supervisor, replace(fake("serve"), prepare=prepare))
    await in_state(child, ChildState.FAILED)
    assert (child.reason, child.starts) == ("[env.old] cannot be built", 0)


async def test_a_child_that_is_being_made_ready_ends_at_once(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    cancelled = asyncio.Event()

    async def prepare(say: Callable[[str], None]) -> str:
        say("downloading torch")
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
        raise AssertionError

    child = await started(supervisor, replace(fake("serve"), prepare=prepare))
    await in_state(child, ChildState.BUILDING)
    assert child.settled
    child.terminate()
    await in_state(child, ChildState.STOPPED, timeout_s=2.0)
    assert cancelled.is_set()
    assert child.starts == 0


async def test_a_terminated_child_ends_and_stays_ended(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    child = await started(supervisor, fake("serve"))
    await in_state(child, ChildState.SERVING)
    pid = pid_of(child)
    child.terminate()
    await in_state(child, ChildState.STOPPED)
    assert not psutil.pid_exists(pid)


async def test_a_stopped_process_hears_that_it_shall_end(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    child = await started(supervisor, fake("serve"))
    await in_state(child, ChildState.SERVING)
    os.kill(pid_of(child), signal.SIGSTOP)
    child.terminate()
    await in_state(child, ChildState.STOPPED, timeout_s=2.0)


async def test_a_stopped_process_can_be_replaced(supervisor: Supervisor, fake: MakeSpec) -> None:
    child = await started(supervisor, fake("serve"))
    await in_state(child, ChildState.SERVING)
    first = pid_of(child)
    os.kill(first, signal.SIGSTOP)
    child.replace("it answered no pings")
    await in_state(child, ChildState.RESTARTING)
    assert child.reason == "it answered no pings"
    await in_state(child, ChildState.SERVING)
    assert pid_of(child) != first


async def test_waiting_for_a_restart_ends_at_once_when_told_to_stop(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    patient = Backoff(first_s=600)
    child = Child(fake("crash"), lambda child: None, patient)
    running = asyncio.create_task(child.run())
    await in_state(child, ChildState.RESTARTING)
    child.terminate()
    await asyncio.wait_for(running, 2.0)
    assert child.state is ChildState.STOPPED


async def test_what_a_child_started_goes_with_it(
    supervisor: Supervisor, fake: MakeSpec, tmp_path: Path
) -> None:
    pid_file = tmp_path / "grandchild.pid"
    child = await started(supervisor, fake("serve_with_a_child", str(pid_file)))
    await in_state(child, ChildState.SERVING)
    grandchild = psutil.Process(int(pid_file.read_text()))
    child.terminate()
    await in_state(child, ChildState.STOPPED)
    _, alive = psutil.wait_procs([grandchild], timeout=5)
    assert not [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


async def test_the_log_of_the_last_time_is_kept_beside_the_new_one(
    supervisor: Supervisor, fake: MakeSpec
) -> None:
    spec = fake("crash")
    spec.log.write_text("yesterday\n")
    child = await started(supervisor, spec)
    await in_state(child, ChildState.RESTARTING)
    assert spec.log.with_name("fake-0.log.1").read_text() == "yesterday\n"
    assert "yesterday" not in spec.log.read_text()


@pytest.mark.parametrize(
    ("lives", "waits"),
    [
        ([0, 0, 0, 0], [0.2, 0.4, 0.8, 1.6]),
        ([0] * 8, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]),
        ([0, 0, 31, 0], [0.2, 0.4, 0.2, 0.4]),
        ([0, 29, 29], [0.2, 0.4, 0.8]),
    ],
)
def test_restarts_wait_longer_each_time_until_the_child_has_been_well_for_a_while(
    lives: list[float], waits: list[float]
) -> None:
    backoff = Backoff()
    assert [backoff.after(lived_s) for lived_s in lives] == pytest.approx(waits)
