"""A mesh with certificates: its processes, the commands, and tools that join."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from ..running_mesh import RunningServe, thinkimg

ECHO = "thinkimg_rpc.testing.echo:Echo"
MESH = f"""
[mesh]
address = "127.0.0.1:0"
[tls]
cert = "mesh.crt"
key = "mesh.key"
ca = "ca.crt"
mutual = true
[[worker]]
name = "echo"
tools = ["{ECHO}"]
"""


def certificate(
    folder: Path,
    name: str,
    signer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None,
    *others: x509.GeneralName,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Write NAME.crt and NAME.key, for 127.0.0.1 and others, signed by `signer` or by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    loopback = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(signer[0].subject if signer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.BasicConstraints(ca=signer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([loopback, *others]), critical=False)
        .sign(signer[1] if signer else key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / f"{name}.crt").write_bytes(made.public_bytes(pem))
    (folder / f"{name}.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made, key


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("tls")
    authority = certificate(made, "ca", None)
    certificate(made, "mesh", authority)
    certificate(made, "me", authority)
    certificate(made, "stranger", None)
    (made / "mesh.toml").write_text(MESH)
    return made


@pytest.fixture(scope="module")
def mesh(folder: Path) -> Iterator[str]:
    with RunningServe([], folder) as serve:
        yield serve.wait_served()


def options(folder: Path, name: str) -> list[str]:
    return [
        *("--tls-ca", str(folder / "ca.crt")),
        *("--tls-cert", str(folder / f"{name}.crt"), "--tls-key", str(folder / f"{name}.key")),
    ]


def test_a_client_with_a_certificate_of_the_mesh_is_served(mesh: str, folder: Path) -> None:
    called = thinkimg(
        "call", "Echo", "--args", '{"text": "hello"}', "--address", mesh, *options(folder, "me")
    )
    assert called.returncode == 0, called.stderr
    assert "text: hello" in called.stdout


@pytest.mark.parametrize("who", ["stranger", "nobody"])
def test_others_are_refused_in_one_line(mesh: str, folder: Path, who: str) -> None:
    identity = options(folder, who) if who == "stranger" else options(folder, who)[:2]
    refused = thinkimg("tools", "--address", mesh, *identity)
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "Traceback" not in refused.stderr


def test_tools_join_with_the_certificates_of_a_mesh_toml(mesh: str, folder: Path) -> None:
    with RunningServe([ECHO, "--config", "mesh.toml", "--address", mesh], folder) as joined:
        joined.wait_served()
        listed = thinkimg("tools", "--address", mesh, *options(folder, "me"))
        assert listed.stdout.splitlines()[1].split()[3] == "2"


def test_a_missing_certificate_is_named(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mesh.toml").write_text(MESH)
    with RunningServe([], tmp_path) as serve:
        assert serve.wait_ended(20) == 2
        last = serve.output.splitlines()[-1]
        assert f"[tls] cannot read {tmp_path}/mesh" in last
