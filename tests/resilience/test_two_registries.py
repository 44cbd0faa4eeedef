"""Two registries with their leases in etcd: either may die, and so may etcd."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import MIB, SETTINGS_VARIABLE, HubSettings, WorkerSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoResponse
from thinkimg_rpc.v1 import ListWorkersRequest, RegistryServiceStub

from .etcd_server import EtcdServer, etcd_server, free_port, why_not
from .figures import Figures
from .load import run_calls

CALLS = 1000
IN_FLIGHT = 16
WAIT_S = 60.0

pytestmark = pytest.mark.timeout(240)


@dataclass
class Registries:
    """Two hubs in processes of their own, which share one etcd."""

    etcd: EtcdServer
    ports: list[int] = field(default_factory=lambda: [free_port(), free_port()])
    processes: list[asyncio.subprocess.Process] = field(default_factory=list)
    restarting: asyncio.Future[None] | None = None

    @property
    def addresses(self) -> list[str]:
        return [f"127.0.0.1:{port}" for port in self.ports]

    async def start(self, number: int) -> None:
        settings = HubSettings(address=self.addresses[number], store=f"etcd://{self.etcd.address}")
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "thinkimg_rpc.hub"),
            env={**os.environ, SETTINGS_VARIABLE: msgspec.json.encode(settings).decode()},
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.processes[number:] = [process, *self.processes[number + 1 :]]

    def kill(self, number: int) -> None:
        self.processes[number].kill()

    def restart_etcd(self) -> None:
        """Kill it, and start it again while everything else goes on."""
        self.etcd.kill()
        self.restarting = asyncio.ensure_future(asyncio.to_thread(self.etcd.start))

    async def listed(self, number: int) -> set[str]:
        """The workers that one of the registries tells of."""
        async with open_channel(self.addresses[number], max_message_bytes=MIB) as channel:
            answer = await RegistryServiceStub(channel).ListWorkers(
                ListWorkersRequest(), wait_for_ready=True, timeout=WAIT_S
            )
        return {worker.id for worker in answer.workers}

    async def wait_listed(self, number: int, expected: set[str]) -> None:
        async with asyncio.timeout(WAIT_S):
            # There is no event to wait for: another process knows.
            while await self.listed(number) != expected:  # noqa: ASYNC110
                await asyncio.sleep(0.05)


@pytest.fixture
async def registries(tmp_path: Path) -> AsyncIterator[Registries]:
    if reason := why_not():
        pytest.skip(reason)
    with etcd_server(tmp_path) as etcd:
        both = Registries(etcd)
        try:
            for number in (0, 1):
                await both.start(number)
            yield both
        finally:
            for process in both.processes:
                if process.returncode is None:
                    process.kill()
                await process.wait()


async def start_worker(
    stack: AsyncExitStack, id: str, registries: list[str], wait_s: float = WAIT_S
) -> Worker:
    settings = WorkerSettings(
        id=id, tools=(), registry=",".join(registries), concurrency=8, drain_s=0.5
    )
    worker = Worker(settings, [Echo()])
    await worker.start()
    stack.push_async_callback(worker.drain)
    await asyncio.wait_for(worker.lease.registered.wait(), wait_s)
    return worker


@pytest.mark.parametrize("victim", ["the first registry", "the second registry", "etcd"])
async def test_no_call_is_lost_whoever_dies(
    registries: Registries, figures: Figures, victim: str
) -> None:
    one, other = registries.addresses
    blows: dict[str, Callable[[], None]] = {
        "the first registry": lambda: registries.kill(0),
        "the second registry": lambda: registries.kill(1),
        "etcd": registries.restart_etcd,
    }
    async with AsyncExitStack() as stack:
        await start_worker(stack, "echo-0", [one, other])
        await start_worker(stack, "echo-1", [other, one])
        for number in (0, 1):
            await registries.wait_listed(number, {"echo-0", "echo-1"})
        mesh = await stack.enter_async_context(Mesh(f"{one},{other}", connect_timeout_s=WAIT_S))

        async def send(number: int) -> EchoResponse:
            request = EchoRequest(text=str(number), delay_s=0.01)
            response: EchoResponse = await mesh.send(request, timeout_s=WAIT_S)
            return response

        outcome = await run_calls(send, CALLS, IN_FLIGHT, blows[victim])
        scenario = f"SIGKILL to {victim} of two, {CALLS} calls, {IN_FLIGHT} in flight"
        figures.count(scenario, "failed calls", len(outcome.failures), 0)
        assert outcome.mixed_up == 0
        assert outcome.by_worker.keys() == {"echo-0", "echo-1"}
        if registries.restarting is not None:
            await registries.restarting
        # The mesh goes on as before: who joins now is known wherever one asks.
        await start_worker(stack, "echo-2", [one, other])
        alive = [n for n in (0, 1) if registries.processes[n].returncode is None]
        for number in alive:
            await registries.wait_listed(number, {"echo-0", "echo-1", "echo-2"})
        assert (await mesh.call("Echo", {"text": "by name"})).text == "by name"  # type: ignore[attr-defined]


async def test_a_registry_that_comes_back_knows_what_the_other_knows(
    registries: Registries,
) -> None:
    one, other = registries.addresses
    async with AsyncExitStack() as stack:
        await start_worker(stack, "echo-0", [other])
        await registries.wait_listed(0, {"echo-0"})
        registries.kill(0)
        await registries.processes[0].wait()
        await registries.start(0)
        # At once, not after the worker has come to it: it never does.
        assert await registries.listed(0) == {"echo-0"}
        async with Mesh(one, connect_timeout_s=WAIT_S) as mesh:
            assert (await mesh.send(EchoRequest(text="known"), timeout_s=WAIT_S)).text == "known"
    # A worker that leaves is gone everywhere.
    for number in (0, 1):
        await registries.wait_listed(number, set())


async def test_registries_serve_while_the_store_is_away(registries: Registries) -> None:
    one, other = registries.addresses
    assert await registries.listed(0) == await registries.listed(1) == set()
    registries.etcd.kill()
    async with AsyncExitStack() as stack:
        await start_worker(stack, "echo-0", [one, other])
        async with Mesh(f"{one},{other}", connect_timeout_s=WAIT_S) as mesh:
            assert (await mesh.send(EchoRequest(text="still"), timeout_s=WAIT_S)).text == "still"
        registries.etcd.start()
        await registries.wait_listed(1, {"echo-0"})
