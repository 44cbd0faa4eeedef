"""A certificate authority for development and for meshes of one's own, as PEM files."""

from __future__ import annotations

import datetime
import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from thinkimg_rpc.settings import CannotStart, tls_in

AUTHORITY_DAYS = 3650
LOOPBACK = ("localhost", "127.0.0.1")
_CLOCKS_DIFFER_BY = datetime.timedelta(minutes=5)


@dataclass(frozen=True)
class Authority:
    """Signs certificates. Whoever has its key can do so too."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def open_authority(folder: Path) -> Authority:
    """The authority of `ca.crt` and `ca.key` in a folder, made there if there is none.

    Raises: CannotStart, when only one of them is there, or cannot be read.
    """
    certificate_path, key_path = folder / "ca.crt", folder / "ca.key"
    if not certificate_path.exists() and not key_path.exists():
        return _make_authority(certificate_path, key_path)
    try:
        certificate = x509.load_pem_x509_certificate(certificate_path.read_bytes())
        key = serialization.load_pem_private_key(key_path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise CannotStart(
            f"{folder} has no authority that can sign ({error}); it takes both ca.crt and ca.key"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise CannotStart(f"{key_path} is not of our making; choose another folder")
    return Authority(certificate, key)


def issue(
    authority: Authority, folder: Path, name: str, hosts: Sequence[str], *, days: float
) -> x509.Certificate:
    """Write `ca.crt`, `tls.crt` and `tls.key` for one process or machine, which may both
    serve at `hosts` (names and addresses) and be a client."""
    key = ec.generate_private_key(ec.SECP256R1())
    purposes = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
    certificate = (
        _begin(name, authority.certificate.subject, key, days)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
        .add_extension(
            x509.SubjectAlternativeName([_alternative_name(host) for host in hosts]),
            critical=False,
        )
        .sign(authority.key, hashes.SHA256())
    )
    paths = tls_in(str(folder))
    folder.mkdir(parents=True, exist_ok=True)
    _write(Path(paths.ca), _pem(authority.certificate))
    _write(Path(paths.key), _key_pem(key), secret=True)
    _write(Path(paths.cert), _pem(certificate))
    return certificate


def _make_authority(certificate_path: Path, key_path: Path) -> Authority:
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"thinkimg development authority {x509.random_serial_number():x}"[:48]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _begin(name, subject, key, AUTHORITY_DAYS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_path.parent.mkdir(parents=True, exist_ok=True)
    _write(key_path, _key_pem(key), secret=True)
    _write(certificate_path, _pem(certificate))
    return Authority(certificate, key)


def _begin(
    name: str, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: float
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCKS_DIFFER_BY)
        .not_valid_after(now + datetime.timedelta(days=days))
    )


def _alternative_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host.strip("[]")))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _write(path: Path, content: bytes, *, secret: bool = False) -> None:
    """Replace a file at once, so that nobody reads half of it."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644), "wb") as file:
        if secret:
            os.fchmod(file.fileno(), 0o600)
        file.write(content)
    fresh.replace(path)
