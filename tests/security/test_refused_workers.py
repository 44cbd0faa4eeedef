"""A worker that does not belong into the mesh is refused, and the mesh's log says why."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
import msgspec
import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import CallerError, Conflict, Unauthenticated
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import SETTINGS_VARIABLE, HubSettings, TlsSettings, WorkerSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.v1 import HostedTool, RegisterRequest, RegistryServiceStub, WorkerOffer

from ..mesh_fixtures import channel_to, error_of, served, until
from .conftest import Authority

WAIT_S = 60.0


@asynccontextmanager
async def started(settings: WorkerSettings) -> AsyncIterator[Worker]:
    worker = Worker(settings, [Echo()])
    await worker.start()
    yield worker
    await worker.drain()


async def test_one_without_the_token(caplog: pytest.LogCaptureFixture) -> None:
    async with (
        served([Echo], token="the token") as mesh,
        started(WorkerSettings(id="uninvited", tools=(), registry=mesh.address)) as worker,
    ):
        refusal: CallerError = await asyncio.wait_for(worker.leasing, WAIT_S)
        assert isinstance(refusal, Unauthenticated)
        assert mesh.hub.table.leases.keys() == {"worker-0"}
    # Refused while it still writes, gRPC may say only "Internal error from Core": it asks again.
    logged = [record for record in caplog.records if record.message == "worker_refused"][-1]
    assert "token" in vars(logged)["reason"]
    assert "127.0.0.1" in vars(logged)["peer"]


async def test_one_that_claims_the_name_of_another_s_tool(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with (
        served([Echo]) as mesh,
        started(WorkerSettings(id="impostor", tools=(), registry="127.0.0.1:9")) as worker,
        channel_to(mesh.address) as channel,
    ):
        offer: WorkerOffer = worker._offer()
        offer.tools[0].CopyFrom(HostedTool(name="Echo", method="/other.v1.Echo/Echo"))
        assert isinstance(await error_of(register(channel, offer)), Conflict)
        async with Mesh(mesh.address) as client:
            assert [worker.id for worker in client.workers()] == ["worker-0"]
    (logged,) = [record for record in caplog.records if record.message == "worker_refused"]
    assert vars(logged)["worker"] == "impostor"
    assert "is served already with another contract" in vars(logged)["reason"]


async def register(channel: grpc.aio.Channel, offer: WorkerOffer) -> object:
    call = RegistryServiceStub(channel).Register(iter([RegisterRequest(offer=offer)]))
    return await anext(aiter(call))


async def test_one_of_another_authority(
    authority: Authority,
    stranger: Authority,
    caplog: pytest.LogCaptureFixture,
) -> None:
    hub_tls = authority.issue("mesh", mutual=True)
    async with hub_process(HubSettings(address="127.0.0.1:0", tls=hub_tls)) as (address, log):
        theirs = stranger.issue("uninvited")
        tls = TlsSettings(cert=theirs.cert, key=theirs.key, ca=authority.path)
        settings = WorkerSettings(id="uninvited", tools=(), registry=address, tls=tls)
        async with started(settings) as worker:
            await until(lambda: "lease_lost" in caplog.messages, WAIT_S)
            assert not worker.lease.registered.is_set()
            async with asyncio.timeout(WAIT_S):
                while b"CERTIFICATE_VERIFY_FAILED" not in await log.readline():
                    continue


@asynccontextmanager
async def hub_process(
    settings: HubSettings,
) -> AsyncIterator[tuple[str, asyncio.StreamReader]]:
    """A hub with the environment that the supervisor gives it; its address and its log."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "thinkimg_rpc.hub"),
        env={
            **os.environ,
            "GRPC_VERBOSITY": "INFO",
            SETTINGS_VARIABLE: msgspec.json.encode(settings).decode(),
        },
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    try:
        async with asyncio.timeout(WAIT_S):
            while b'"serving"' not in (line := await process.stderr.readline()):
                assert line, "the hub ended"
        yield msgspec.json.decode(line)["address"], process.stderr
    finally:
        process.kill()
        await process.communicate()
