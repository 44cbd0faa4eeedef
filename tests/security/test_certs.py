"""`thinkimg certs`, and certificates that are replaced while a mesh runs."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

import pytest

from thinkimg_rpc.certificates import LOOPBACK, issue, open_authority
from thinkimg_rpc.channel import open_channel
from thinkimg_rpc.cli import main
from thinkimg_rpc.client import Mesh
from thinkimg_rpc.errors import Unavailable
from thinkimg_rpc.settings import MIB, CannotStart, TlsSettings, tls_in
from thinkimg_rpc.testing import Echo
from thinkimg_rpc.testing.v1 import EchoRequest
from thinkimg_rpc.tls_files import TlsFiles
from thinkimg_rpc.v1 import ListWorkersRequest, RegistryServiceStub

from ..mesh_fixtures import BOUND_S, error_of, served

WAIT_S = 60.0


def mutual(folder: Path) -> TlsSettings:
    own = tls_in(str(folder))
    return TlsSettings(cert=own.cert, key=own.key, ca=own.ca, mutual=True)


@pytest.fixture(autouse=True)
def looked_at_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("thinkimg_rpc.tls_files.LOOK_EVERY_S", 0.0)


async def test_what_the_command_makes_serves_a_mesh(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certs", str(tmp_path / "secure"), "hub=127.0.0.1,mesh.local", "ann"]) == 0
    said = capsys.readouterr().out
    assert "hub: 127.0.0.1, mesh.local, until" in said
    assert "ca.key signs for the whole mesh" in said
    async with (
        served([Echo], tls=mutual(tmp_path / "secure" / "hub")) as mesh,
        Mesh(mesh.address, tls=tls_in(str(tmp_path / "secure" / "ann"))) as client,
    ):
        assert (await client.send(EchoRequest(text="known"))).text == "known"


def test_keys_are_for_their_owner_alone_and_the_authority_is_kept(tmp_path: Path) -> None:
    assert main(["certs", str(tmp_path), "one"]) == 0
    authority = (tmp_path / "ca.crt").read_bytes()
    assert main(["certs", str(tmp_path), "two=10.0.0.2", "--days", "1"]) == 0

    assert (tmp_path / "ca.crt").read_bytes() == authority
    assert (tmp_path / "two" / "ca.crt").read_bytes() == authority
    for key in (tmp_path / "ca.key", tmp_path / "one" / "tls.key"):
        assert stat.S_IMODE(key.stat().st_mode) == 0o600


@pytest.mark.parametrize("name", ["a/b", "..", "=10.0.0.1", "hub=not a host"])
def test_a_name_that_is_none_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["certs", str(tmp_path), name]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "ca.crt").exists()


def test_half_an_authority_is_refused(tmp_path: Path) -> None:
    open_authority(tmp_path)
    (tmp_path / "ca.key").unlink()
    with pytest.raises(CannotStart, match=r"both ca\.crt and ca\.key"):
        open_authority(tmp_path)


async def test_a_mesh_and_its_clients_take_up_the_certificates_of_another_authority(
    tmp_path: Path,
) -> None:
    old, new = open_authority(tmp_path / "old"), open_authority(tmp_path / "new")
    here, stale = tmp_path / "here", tmp_path / "stale"
    issue(old, here, "mesh", LOOPBACK, days=1)
    shutil.copytree(here, stale)
    async with (
        served([Echo], tls=mutual(here)) as mesh,
        Mesh(mesh.address, tls=tls_in(str(here))) as client,
    ):
        assert (await client.send(EchoRequest(text="old"))).text == "old"
        issue(new, here, "mesh", LOOPBACK, days=1)

        # Those who connect now are shown the new certificate, and must show a new one.
        async with Mesh(mesh.address, tls=tls_in(str(here))) as newcomer:
            assert (await newcomer.send(EchoRequest(text="new"))).text == "new"
        late = Mesh(mesh.address, tls=tls_in(str(stale)), connect_timeout_s=0.5)
        assert isinstance(await error_of(late.__aenter__()), Unavailable)
        # Who was connected goes on.
        assert (await client.send(EchoRequest(text="on"))).text == "on"


async def test_a_channel_connects_anew_with_the_files_of_now(tmp_path: Path) -> None:
    old, new = open_authority(tmp_path / "old"), open_authority(tmp_path / "new")
    here, mesh_s = tmp_path / "here", tmp_path / "mesh"
    issue(old, here, "client", LOOPBACK, days=1)
    issue(new, mesh_s, "mesh", LOOPBACK, days=1)
    async with served([Echo], tls=mutual(mesh_s)) as mesh:
        tls = tls_in(str(here))
        async with open_channel(mesh.address, max_message_bytes=MIB, tls=tls) as channel:
            registry = RegistryServiceStub(channel)
            refused = registry.ListWorkers(ListWorkersRequest(), timeout=BOUND_S)
            assert isinstance(await error_of(refused), Unavailable)
            issue(new, here, "client", LOOPBACK, days=1)
            answer = await registry.ListWorkers(ListWorkersRequest(), timeout=WAIT_S)
            assert len(answer.workers) == 1


def test_files_that_do_not_belong_together_are_not_taken_up(tmp_path: Path) -> None:
    authority = open_authority(tmp_path)
    issue(authority, tmp_path / "here", "one", LOOPBACK, days=1)
    issue(authority, tmp_path / "other", "other", LOOPBACK, days=1)
    files = TlsFiles(tls_in(str(tmp_path / "here")))

    assert not files.changed()
    shutil.copy(tmp_path / "other" / "tls.key", tmp_path / "here" / "tls.key")
    assert not files.changed()
    shutil.copy(tmp_path / "other" / "tls.crt", tmp_path / "here" / "tls.crt")
    assert files.changed()
    assert not files.changed()
