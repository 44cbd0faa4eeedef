"""Jobs join a mesh that asks for certificates and a token, at an address others can dial."""

from __future__ import annotations

import ipaddress
from pathlib import Path

import pytest
from cryptography import x509

from thinkimg_rpc.client import SyncMesh
from thinkimg_rpc.local_host import host_name, local_host
from thinkimg_rpc.settings import TlsSettings
from thinkimg_rpc.testing.v1 import EchoRequest

from ..thinkimg_rpc.running_mesh import RunningServe, eventually
from ..thinkimg_rpc.serve.test_tls import certificate

PATIENCE_S = 90.0
TOKEN = "a-token-of-the-mesh"
MESH = """
[mesh]
address = "0.0.0.0:0"
token_file = "mesh.token"
log_dir = "logs"
launcher = "slurm"

[tls]
cert = "mesh.crt"
key = "mesh.key"
ca = "ca.crt"
mutual = true

[[worker]]
name = "echo"
tools = ["thinkimg_rpc.testing.echo:Echo"]
"""


@pytest.mark.usefixtures("slurm")
def test_a_job_has_the_certificate_and_the_token_and_is_dialled_by_its_nodes_name(
    tmp_path: Path,
) -> None:
    ours = ipaddress.ip_address(local_host("192.0.2.1:9"))
    authority = certificate(tmp_path, "ca", None)
    certificate(tmp_path, "mesh", authority, x509.IPAddress(ours), x509.DNSName(host_name()))
    (tmp_path / "mesh.token").write_text(TOKEN)
    (tmp_path / "mesh.toml").write_text(MESH)
    with RunningServe([], tmp_path) as serve:
        port = serve.wait_served(PATIENCE_S).rpartition(":")[2]
        ca, cert, key = (str(tmp_path / name) for name in ("ca.crt", "mesh.crt", "mesh.key"))
        tls = TlsSettings(ca=ca, cert=cert, key=key)
        with SyncMesh(f"127.0.0.1:{port}", token=TOKEN, tls=tls) as mesh:
            (worker,) = eventually(mesh.workers, PATIENCE_S, "worker")
            assert worker.address.startswith(f"{host_name()}:")
            assert mesh.send(EchoRequest(text="hello")).worker_id == "echo-0"
        serve.interrupt()
        assert serve.wait_ended(PATIENCE_S) == 0
