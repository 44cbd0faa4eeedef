"""The file that tells a gRPC client where its xDS server is."""

from __future__ import annotations

from typing import Any

from thinkimg_rpc.settings import TlsSettings
from thinkimg_rpc.xds.names import CERTIFICATES

REFRESH = "60s"
"""Certificates that change on disk are read again this often."""


def bootstrap(address: str, tls: TlsSettings | None) -> dict[str, Any]:
    """The document for clients of the xDS server at HOST:PORT.

    Of several, with commas between them, a client asks the next when one cannot be reached.
    `tls` names the client's own files: `ca`, and `cert` and `key` where the mesh asks for them.
    """
    credentials: dict[str, Any] = {"type": "insecure"}
    if tls is not None:
        credentials = {"type": "tls", "config": _files(tls)}
    document: dict[str, Any] = {
        "xds_servers": [_server(one, credentials) for one in address.split(",")],
        # grpc-js insists on a locality.
        "node": {"id": "thinkimg-client", "locality": {}},
    }
    if tls is not None:
        document["certificate_providers"] = {
            CERTIFICATES: {"plugin_name": "file_watcher", "config": _files(tls)}
        }
    return document


def _server(address: str, credentials: dict[str, Any]) -> dict[str, Any]:
    return {
        "server_uri": address,
        "channel_creds": [credentials],
        # A hub that has just restarted may not know a tool yet.
        "server_features": ["xds_v3", "ignore_resource_deletion"],
    }


def _files(tls: TlsSettings) -> dict[str, str]:
    named = {
        "ca_certificate_file": tls.ca,
        "certificate_file": tls.cert,
        "private_key_file": tls.key,
    }
    return {key: path for key, path in named.items() if path} | {"refresh_interval": REFRESH}
