"""Options that every command which talks to a mesh takes, and the way to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

import msgspec
import typer

from thinkimg_rpc.settings import TlsSettings, tls_in, token_from_environment

if TYPE_CHECKING:
    from thinkimg_rpc.client import SyncMesh

DEFAULT_ADDRESS = "127.0.0.1:50051"
TLS_NAME_VARIABLE = "THINKIMG_TLS_NAME"
CONNECT_S = 2.0
"""A person waits this long to hear that no mesh answers."""

Address = Annotated[
    str,
    typer.Option(
        "--address",
        envvar="THINKIMG_ADDRESS",
        metavar="HOST:PORT",
        help="The front door of the mesh. Its token, if it has one, is read from $THINKIMG_TOKEN.",
    ),
]
TlsCa = Annotated[
    Path | None,
    typer.Option(
        "--tls-ca",
        envvar="THINKIMG_TLS_CA",
        metavar="FILE",
        help="Connect with TLS; the authority that signed the mesh's certificate (PEM), or a "
        "folder with ca.crt and, where the mesh demands a certificate, tls.crt and tls.key.",
    ),
]
TlsCert = Annotated[
    Path | None,
    typer.Option(
        "--tls-cert",
        envvar="THINKIMG_TLS_CERT",
        metavar="FILE",
        help="Our own certificate (PEM), where the mesh demands one.",
    ),
]
TlsKey = Annotated[
    Path | None,
    typer.Option(
        "--tls-key",
        envvar="THINKIMG_TLS_KEY",
        metavar="FILE",
        help="The key of our own certificate (PEM).",
    ),
]


def tls_settings(ca: Path | None, cert: Path | None, key: Path | None) -> TlsSettings | None:
    """The TLS that the options ask for; None for none.

    Raises: typer.BadParameter, when one of cert and key is missing.
    """
    if (cert is None) != (key is None):
        raise typer.BadParameter("give both --tls-cert and --tls-key, or neither")
    if ca is None and cert is None:
        return None
    name = os.environ.get(TLS_NAME_VARIABLE, "")
    if ca is not None and ca.is_dir():
        inside = tls_in(str(ca))
        found = inside if Path(inside.cert).is_file() else TlsSettings(ca=inside.ca)
        return msgspec.structs.replace(found, name=name)
    return TlsSettings(ca=str(ca or ""), cert=str(cert or ""), key=str(key or ""), name=name)


def check_address(address: str, hint: str = "--address") -> str:
    """The address, if it is HOST:PORT. Raises: typer.BadParameter."""
    for one in address.split(","):
        host, _, port = one.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) <= 65535:
            raise typer.BadParameter(
                f'"{one}" is not HOST:PORT, like {DEFAULT_ADDRESS}', param_hint=hint
            )
    return address


def open_mesh(address: str, tls: TlsSettings | None) -> SyncMesh:
    """A client of the mesh at `address`; use it in a `with`."""
    # Imported here: `thinkimg --help` must not wait for gRPC.
    from thinkimg_rpc.client import SyncMesh

    return SyncMesh(**mesh_options(address, tls))


class MeshOptions(TypedDict):
    """What `Mesh` and `SyncMesh` are made with."""

    address: str
    token: str
    tls: TlsSettings | None
    connect_timeout_s: float


def mesh_options(address: str, tls: TlsSettings | None) -> MeshOptions:
    """What a command makes its client with. Raises: typer.BadParameter."""
    return {
        "address": check_address(address),
        "token": token_from_environment(),
        "tls": tls,
        "connect_timeout_s": CONNECT_S,
    }
