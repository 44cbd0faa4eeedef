"""The bootstrap file that `thinkimg xds-bootstrap` prints, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ..running_mesh import thinkimg

TLS = """
[tls]
cert = "mesh.crt"
key = "mesh.key"
ca = "ca.crt"
mutual = {mutual}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, where the command runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def printed(*arguments: str) -> Any:
    result = thinkimg("xds-bootstrap", *arguments)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


def complaint(*arguments: str) -> str:
    result = thinkimg("xds-bootstrap", *arguments)
    assert result.returncode != 0
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def server_of(document: Any) -> Any:
    (server,) = document["xds_servers"]
    return server


def test_an_address_is_all_it_takes() -> None:
    document = printed("127.0.0.1:50052")
    assert server_of(document)["server_uri"] == "127.0.0.1:50052"
    assert server_of(document)["channel_creds"] == [{"type": "insecure"}]
    assert "certificate_providers" not in document


def test_the_address_is_read_from_the_meshs_file(folder: Path) -> None:
    (folder / "mesh.toml").write_text('[mesh]\naddress = "0.0.0.0:50051"\nxds_port = 50052\n')
    assert server_of(printed())["server_uri"] == "127.0.0.1:50052"
    (folder / "other.toml").write_text('[mesh]\nadvertise_host = "gpu-box"\nxds_port = 50053\n')
    document = printed("--config", "other.toml")
    assert server_of(document)["server_uri"] == "gpu-box:50053"


def test_several_hubs_are_named_one_after_another(folder: Path) -> None:
    servers = printed("gpu-1:50052,gpu-2:50052")["xds_servers"]
    assert [one["server_uri"] for one in servers] == ["gpu-1:50052", "gpu-2:50052"]
    (folder / "mesh.toml").write_text(
        '[mesh]\nxds_port = 50052\nstore = "etcd://127.0.0.1:2379"\n'
        'registries = ["gpu-1:50051", "gpu-2:50051"]\n'
    )
    assert printed()["xds_servers"] == servers


def test_certificates_are_named_wherever_the_client_runs(folder: Path) -> None:
    for name in ("ca.crt", "own.crt", "own.key"):
        (folder / name).touch()
    document = printed(
        *("gpu-box:50052", "--tls-ca", "ca.crt"),
        *("--tls-cert", "own.crt", "--tls-key", "own.key"),
    )
    files = {
        "ca_certificate_file": str(folder / "ca.crt"),
        "certificate_file": str(folder / "own.crt"),
        "private_key_file": str(folder / "own.key"),
        "refresh_interval": "60s",
    }
    assert server_of(document)["channel_creds"] == [{"type": "tls", "config": files}]
    assert document["certificate_providers"]["thinkimg"]["config"] == files


def test_the_authority_is_read_from_the_meshs_file(folder: Path) -> None:
    (folder / "ca.crt").touch()
    (folder / "mesh.toml").write_text("[mesh]\nxds_port = 50052\n" + TLS.format(mutual="false"))
    provider = printed()["certificate_providers"]["thinkimg"]
    assert provider["config"]["ca_certificate_file"] == str(folder / "ca.crt")
    assert "certificate_file" not in provider["config"]


def test_a_mesh_that_wants_certificates_of_its_clients_says_so(folder: Path) -> None:
    (folder / "mesh.toml").write_text("[mesh]\nxds_port = 50052\n" + TLS.format(mutual="true"))
    assert "--tls-cert and --tls-key" in complaint()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["50052"], 'HOST:PORT: "50052" is not HOST:PORT'),
        ([], "sets no xds_port in [mesh]"),
        (["127.0.0.1:50052", "--config", "mesh.toml"], "either HOST:PORT or --config FILE"),
        (["127.0.0.1:50052", "--tls-ca", "none.crt"], "--tls-ca: there is no file none.crt"),
    ],
)
def test_mistakes_are_named_with_their_remedy(arguments: list[str], words: str) -> None:
    assert words in complaint(*arguments)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("xds_port = 50051", "50051 is the port of [mesh] address"),
        ("xds_port = 99999", "xds_port"),
        ('xds_port = "50052"', "xds_port: expected a whole number"),
    ],
)
def test_a_port_that_cannot_be_is_refused(folder: Path, text: str, words: str) -> None:
    (folder / "mesh.toml").write_text(f"[mesh]\n{text}\n")
    assert words in complaint()


def test_the_port_is_for_who_serves_the_front_door() -> None:
    result = thinkimg("serve", "my_tools:Tool", "--xds-port", "50052")
    assert "--xds-port is for the process that serves the front door" in result.stderr
