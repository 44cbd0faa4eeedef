"""`thinkimg xds-bootstrap`: what a stock gRPC client needs to follow a mesh."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from thinkimg_rpc.cli.connection import TlsCa, TlsCert, TlsKey, check_address, tls_settings

if TYPE_CHECKING:
    from thinkimg_rpc.serve.config import MeshConfig
    from thinkimg_rpc.settings import TlsSettings


def xds_bootstrap(
    xds_address: Annotated[
        str | None,
        typer.Argument(
            metavar="HOST:PORT",
            help="Where the mesh tells of its workers, as clients reach it: the host of its "
            "front door and its --xds-port. Several hubs have commas between them. If left "
            "out, what the file says.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The mesh.toml of the mesh: ./mesh.toml if there is one. Read for its xds_port "
            "and its [tls] ca, if no HOST:PORT is given.",
        ),
    ] = None,
    tls_ca: TlsCa = None,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
) -> None:
    """Print the bootstrap file with which stock gRPC clients follow a mesh.

    Clients that find it through $GRPC_XDS_BOOTSTRAP open a channel to `xds:///OCR`, or any
    other tool's name, and call its workers directly, those that come later too. Nothing is
    connected to.

    thinkimg xds-bootstrap 127.0.0.1:50052 > bootstrap.json

    GRPC_XDS_BOOTSTRAP=bootstrap.json python my_client.py
    """
    from thinkimg_rpc.serve.config import find_config, load_config
    from thinkimg_rpc.xds.bootstrap import bootstrap

    tls = tls_settings(tls_ca, tls_cert, tls_key)
    if xds_address is None:
        found = load_config(find_config(config))
        xds_address, tls = _xds_address(found), _client_tls(found, tls)
    elif config is not None:
        raise typer.BadParameter("give either HOST:PORT or --config FILE")
    check_address(xds_address, "HOST:PORT")
    print(json.dumps(bootstrap(xds_address, _absolute(tls)), indent=2))


def _xds_address(config: MeshConfig) -> str:
    """Where clients dial. Raises: CannotStart."""
    from thinkimg_rpc.serve.plan import dialable
    from thinkimg_rpc.settings import CannotStart

    mesh = config.mesh
    if not mesh.xds_port:
        raise CannotStart(
            "mesh.toml sets no xds_port in [mesh]; set one, or name the HOST:PORT that "
            "`thinkimg serve --xds-port PORT` tells of its workers"
        )
    host = mesh.advertise_host or dialable(mesh.address).rpartition(":")[0]
    hosts = [address.rpartition(":")[0] for address in mesh.registries] or [host]
    return ",".join(f"{host}:{mesh.xds_port}" for host in dict.fromkeys(hosts))


def _client_tls(config: MeshConfig, chosen: TlsSettings | None) -> TlsSettings | None:
    """What the client needs, with the mesh's authority if no other is named.

    Raises: CannotStart, when the mesh asks for a certificate and none is named.
    """
    from thinkimg_rpc.settings import CannotStart, TlsSettings

    if config.tls is None:
        return chosen
    own = chosen or TlsSettings()
    if config.tls.mutual and not own.cert:
        raise CannotStart(
            "[tls] mutual = true: the mesh wants certificates of its clients; give the client's "
            "with --tls-cert and --tls-key"
        )
    if not (own.ca or config.tls.ca):
        raise CannotStart("[tls] names no ca; give the authority's certificate with --tls-ca")
    return TlsSettings(ca=own.ca or config.tls.ca, cert=own.cert, key=own.key)


def _absolute(tls: TlsSettings | None) -> TlsSettings | None:
    """The same files, from wherever the client runs. Raises: CannotStart, if one is missing."""
    from thinkimg_rpc.settings import CannotStart, TlsSettings

    if tls is None:
        return None
    found = {"ca": tls.ca, "cert": tls.cert, "key": tls.key}
    for name, path in found.items():
        if path and not Path(path).is_file():
            raise CannotStart(f"--tls-{name}: there is no file {path}")
        found[name] = str(Path(path).resolve()) if path else ""
    return TlsSettings(ca=found["ca"], cert=found["cert"], key=found["key"])
