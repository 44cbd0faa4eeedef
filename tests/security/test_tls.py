"""TLS and mutual TLS between hub, workers and clients."""

from __future__ import annotations

from pathlib import Path

import grpc
import pytest

from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import Unavailable
from thinkimg_rpc.hub.hub import Hub
from thinkimg_rpc.server.worker import Worker
from thinkimg_rpc.settings import CannotStart, HubSettings, TlsSettings, WorkerSettings
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest, EchoServiceStub

from ..mesh_fixtures import BOUND_S, channel_to, error_of, served
from .conftest import Authority


def trusting(authority: Authority) -> TlsSettings:
    """A client that checks the mesh, and shows no certificate of its own."""
    return TlsSettings(ca=authority.path)


async def test_hub_worker_and_client_speak_over_tls(authority: Authority) -> None:
    async with (
        served([Echo], tls=authority.issue("mesh")) as mesh,
        Mesh(mesh.address, tls=trusting(authority)) as client,
        channel_to(mesh.address, tls=trusting(authority)) as front_door,
    ):
        assert (await client.send(EchoRequest(text="direct"))).text == "direct"
        assert (await client.call("Echo", {"text": "by name"})).text == "by name"  # type: ignore[attr-defined]
        through = await EchoServiceStub(front_door).Echo(EchoRequest(text="door"), timeout=BOUND_S)
        assert through.text == "door"


async def test_a_client_without_tls_is_refused(authority: Authority) -> None:
    async with served([Echo], tls=authority.issue("mesh")) as mesh:
        error = await error_of(Mesh(mesh.address, connect_timeout_s=0.5).__aenter__())

    assert isinstance(error, Unavailable)
    assert mesh.address in error.message


async def test_a_client_refuses_a_mesh_of_another_authority(
    authority: Authority, stranger: Authority
) -> None:
    async with served([Echo], tls=authority.issue("mesh")) as mesh:
        wrong = Mesh(mesh.address, tls=trusting(stranger), connect_timeout_s=0.5)
        assert isinstance(await error_of(wrong.__aenter__()), Unavailable)


async def test_under_mutual_tls_everyone_shows_a_certificate(authority: Authority) -> None:
    async with (
        served([Echo], tls=authority.issue("mesh", mutual=True)) as mesh,
        Mesh(mesh.address, tls=authority.issue("client")) as client,
        channel_to(mesh.address, tls=authority.issue("client")) as front_door,
    ):
        assert (await client.send(EchoRequest(text="known"))).text == "known"
        through = await EchoServiceStub(front_door).Echo(EchoRequest(text="door"), timeout=BOUND_S)
        assert through.text == "door"


@pytest.mark.parametrize("shows", ["nothing", "a stranger's certificate"])
async def test_under_mutual_tls_a_client_unknown_to_the_mesh_is_refused(
    authority: Authority, stranger: Authority, shows: str
) -> None:
    theirs = stranger.issue("client")
    cert, key = (theirs.cert, theirs.key) if shows != "nothing" else ("", "")
    tls = TlsSettings(ca=authority.path, cert=cert, key=key)
    async with served([Echo], tls=authority.issue("mesh", mutual=True)) as mesh:
        refused = Mesh(mesh.address, tls=tls, connect_timeout_s=0.5)
        assert isinstance(await error_of(refused.__aenter__()), Unavailable)

        async with channel_to(mesh.workers[0].address, tls=tls) as straight_to_the_worker:
            call = EchoServiceStub(straight_to_the_worker).Echo(EchoRequest(), timeout=BOUND_S)
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await call
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize(
    ("tls", "words"),
    [
        (TlsSettings(), "needs both cert and key"),
        (TlsSettings(cert="/nowhere/cert.pem", key="/nowhere/key.pem"), "/nowhere/key.pem"),
    ],
)
async def test_a_process_without_its_certificate_cannot_start(tls: TlsSettings, words: str) -> None:
    with pytest.raises(CannotStart, match=words):
        await Hub(HubSettings(address="127.0.0.1:0", tls=tls)).start()


async def test_mutual_tls_needs_an_authority(authority: Authority) -> None:
    issued = authority.issue("mesh")
    tls = TlsSettings(cert=issued.cert, key=issued.key, mutual=True)
    with pytest.raises(CannotStart, match="needs ca"):
        await Hub(HubSettings(address="127.0.0.1:0", tls=tls)).start()


async def test_files_that_are_no_certificates_cannot_start(tmp_path: Path) -> None:
    junk = tmp_path / "junk.pem"
    junk.write_text("not a certificate")
    settings = WorkerSettings(
        id="worker-0", tools=(), tls=TlsSettings(cert=str(junk), key=str(junk))
    )
    with pytest.raises(CannotStart, match=r"junk\.pem"):
        await Worker(settings, [Echo()]).start()
